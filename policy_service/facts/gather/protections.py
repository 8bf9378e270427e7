"""Which privacy requests cover a question. What a request *means* is decided by policies; whether it covers
is decided here.

A request covers a question where its person (or somebody whom it covers) is the data subject, it is in
force, and scope, recipients and purposes meet the question. It never hides a person's data from herself or
from those whom it covers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from policy_service.facts.gather.cast import Who, person, person_id_of
from policy_service.facts.gather.clock import Moment
from policy_service.facts.view import FactsView
from policy_service.model.facts import PrivacyRequest
from policy_service.model.vocabulary import (
    PROTECTING_STATES,
    OnLapse,
    Purpose,
    RequestKind,
    Role,
    Visibility,
)

NAMED = ":named"
"""Marks, behind a kind, that the request names this very recipient: `withhold_location:named`."""

_LOCATION = "location."
_WHERE_POST_ARRIVES = "contact.post"
_PLACES_OF_SERVICE = "service.venue"
_WITHHELD_ROLES = frozenset({Role.APPLICANT, Role.INFORMANT, Role.WITNESS})


@dataclass(frozen=True, slots=True)
class Where:
    """The record, as far as a request's scope looks at it."""

    reference: str
    record_types: tuple[str, ...]
    system: str
    purpose: Purpose


class Protections:
    """The requests about the people of one decision, as of one view and one moment."""

    def __init__(self, view: FactsView, moment: Moment, where: Where) -> None:
        self._view = view
        self._moment = moment
        self._where = where
        self._in_force: dict[Who, tuple[PrivacyRequest, ...]] = {}
        self.looked_at: set[str] = set()
        """Requests that were considered, each `request:ID`."""

    def in_force(self, who: Who) -> tuple[PrivacyRequest, ...]:
        """The requests in force that `who` made or that cover her, whatever their scope."""
        if who not in self._in_force:
            person_id = person_id_of(who)
            stored = () if person_id is None else self._view.requests_about(person_id)
            self._in_force[who] = tuple(request for request in stored if self._protects(request))
        return self._in_force[who]

    def covering(
        self,
        data_subject: Who,
        *,
        categories: frozenset[str],
        undeclared: bool,
        roles: frozenset[Role],
        recipient: Who,
        tokens: frozenset[str],
    ) -> frozenset[str]:
        """Kinds of the requests about `data_subject` that cover a field of `categories` towards a recipient.

        `roles` are those that the data subject holds on the record; `tokens` are all names under which a
        request may name the recipient. Where one names him, the kind comes once more with `NAMED` behind it.
        """
        kinds: set[str] = set()
        for request in self.in_force(data_subject):
            if not self._in_scope(request) or recipient in _covered(request):
                continue
            if not _meets(request, categories, undeclared=undeclared, roles=roles):
                continue
            named = not tokens.isdisjoint(request.recipients)
            if request.recipients and named == request.everyone_except:
                continue
            kinds.add(request.kind)
            # A list of those who alone may know names everybody else.
            if named or (request.everyone_except and request.recipients):
                kinds.add(f"{request.kind}{NAMED}")
        return frozenset(kinds)

    def excludes(self, data_subject: Who, tokens: frozenset[str]) -> bool:
        """Tell whether an exclusion in force about `data_subject` names the recipient."""
        return any(
            request.kind is RequestKind.EXCLUDED_PERSON
            and not tokens.isdisjoint(request.recipients)
            and self._in_scope(request)
            for request in self.in_force(data_subject)
        )

    def shuts_out(self, parties: Iterable[Who], tokens: frozenset[str]) -> bool:
        """Tell whether some party's allow list (restricted_access) covers the record and does not hold the
        user.
        """
        return any(
            request.kind is RequestKind.RESTRICTED_ACCESS
            and tokens.isdisjoint(request.recipients)
            and self._in_scope(request)
            for party in parties
            for request in self.in_force(party)
        )

    def may_be_told_to_staff(self, who: Who) -> bool:
        """Tell whether staff who work on the record may know of every request that protects `who`."""
        return all(request.visibility is not Visibility.SECRET for request in self.in_force(who))

    def _protects(self, request: PrivacyRequest) -> bool:
        self.looked_at.add(f"request:{request.request_id}")
        if request.state not in PROTECTING_STATES:
            return False
        return not (request.on_lapse is OnLapse.LAPSE and self._moment.past(request.ends_at))

    def _in_scope(self, request: PrivacyRequest) -> bool:
        where = self._where
        return (
            (not request.record_types or not set(request.record_types).isdisjoint(where.record_types))
            and (not request.records or where.reference in request.records)
            and (not request.systems or where.system in request.systems)
            and (not request.purposes or where.purpose in request.purposes)
        )


def _covered(request: PrivacyRequest) -> frozenset[Who]:
    return frozenset({person(request.person_id), *(person(covered) for covered in request.covers)})


def _meets(
    request: PrivacyRequest, categories: frozenset[str], *, undeclared: bool, roles: frozenset[Role]
) -> bool:
    """Undeclared content counts as every category."""
    if request.categories and not undeclared and categories.isdisjoint(request.categories):
        return False
    if undeclared:
        return True
    match request.kind:
        case RequestKind.WITHHOLD_LOCATION:
            return any(
                c.startswith(_LOCATION) or c in {_WHERE_POST_ARRIVES, _PLACES_OF_SERVICE} for c in categories
            )
        case RequestKind.WITHHOLD_IDENTITY:
            shown = any(c == "involvement" or c.startswith("identity.") for c in categories)
            return shown and not roles.isdisjoint(_WITHHELD_ROLES)
        case _:
            return True
