"""Fingerprints of a call whose values nobody has any more: given back as its log entry keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.facts import Fingerprint, PersonId
from policy_service.model.vocabulary import ContactKind


class KeptFingerprints(Fingerprinter):
    """Stands for a `Fingerprinter` towards a kept call: where that expects a value, the call has the
    fingerprint of it. Nothing is read, so nothing is unreadable.
    """

    __slots__ = ("_real", "_with_birth_dates")

    def __init__(self, real: Fingerprinter, with_birth_dates: Mapping[tuple[str, date], Fingerprint]) -> None:
        """`real` makes what is of ids and not of values. `with_birth_dates` has, by a name's fingerprint and
        the date that stands for the birth date, that of both together.
        """
        self._real = real
        self._with_birth_dates = with_birth_dates
        self.generation = real.generation

    def identifier(self, scheme: str, value: str) -> Fingerprint:  # noqa: ARG002 - it says that it is one
        return Fingerprint(value)

    def contact(self, kind: ContactKind, value: str) -> Fingerprint:  # noqa: ARG002 - it is of this kind
        return Fingerprint(value)

    def uprn(self, value: str) -> Fingerprint:
        return Fingerprint(value)

    def name(self, value: str) -> Fingerprint:
        return Fingerprint(value)

    def name_with_birth_date(self, name: Fingerprint, born: date) -> Fingerprint:
        return self._with_birth_dates[name, born]

    def roster_token(self, person_id: PersonId) -> str:
        return self._real.roster_token(person_id)

    def asserted(self, path: str, value: str) -> Fingerprint:
        return self._real.asserted(path, value)
