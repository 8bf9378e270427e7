"""What of a call its entry keeps, so that the decision can be computed again: `KeptCall`.

Nothing is kept in clear that could be a value: of texts that callers write freely, only those stand there
that are on file, granted, or of a closed vocabulary. What the view was not asked about mattered to nobody,
and is kept as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Final, Protocol

from policy_service.engine.catalogue import Catalogue
from policy_service.engine.declared import Owner, path_of
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.clock import Moment
from policy_service.facts.view import ColdFacts, FactsView, TooManyFacts
from policy_service.model.attributes import AttributeValue
from policy_service.model.caller import Caller
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Fingerprint, System
from policy_service.model.kept_call import KEYED, UNKNOWN, Age, KeptBirth, KeptCall
from policy_service.model.question import (
    NOTHING_DESCRIBED,
    CheckCall,
    DescribedContactPoint,
    DescribedPerson,
    DescribedRecord,
    DescribedUser,
    Description,
    RecipientAsked,
)
from policy_service.service.decided import VALID_FOR
from policy_service.service.words import is_id

SOMETHING_DESCRIBED: Final = Description(user=DescribedUser())
"""Stands for a description that nobody looked at."""

_PARTY: Final = re.compile(r"party:[A-Za-z][A-Za-z0-9._-]*")
_WIDEST: Final = Fingerprint("x" * 64)
"""As wide as a keyed fingerprint, which is one of SHA-256 in hexadecimal digits."""


class Keeping(Protocol):
    """Makes the kept form of each part of a call."""

    def fingerprint(self, make: Callable[[Fingerprinter], Fingerprint]) -> Fingerprint: ...

    def point(self, reference: str) -> str:
        """A contact point by its reference on file, or `UNKNOWN`."""

    def record_type(self, name: str) -> str: ...

    def granted(self, names: tuple[str, ...], of: Callable[[System], tuple[str, ...]]) -> tuple[str, ...]: ...

    def text(self, path: str, text: str) -> str:
        """The text of a declared attribute."""

    def birth(self, person: DescribedPerson) -> KeptBirth: ...


def keep(
    view: FactsView,
    fingerprints: Fingerprinter,
    catalogue: Catalogue,
    caller: Caller,
    call: CheckCall,
    moment: Moment,
) -> KeptCall:
    """Keep a call that was answered, as of `view` and `moment`."""
    try:
        system = view.system(caller.controller, caller.system)
    except ColdFacts:
        system = None
    if not call.user or system is None:
        return _unseen(call)
    if not call.description.empty and (system.suspended or not system.may_describe):
        call = replace(call, description=SOMETHING_DESCRIBED)
    try:
        return _kept(call, _AsItIs(view, fingerprints, catalogue, caller, system, moment))
    except InvalidArgumentError:
        return _unseen(call)  # it was answered before its values were read


def _unseen(call: CheckCall) -> KeptCall:
    """A call that was answered before anything in it was looked at."""
    described = NOTHING_DESCRIBED if call.description.empty else SOMETHING_DESCRIBED
    recipients = tuple(RecipientAsked(person=UNKNOWN) for _ in call.recipients)
    return KeptCall(replace(call, recipients=recipients, contact_point="", description=described))


def kept_at_most(call: CheckCall) -> KeptCall:
    """As large as `keep` can make it, whatever is on file: made of the call alone."""
    return _kept(call, _AtMost())


def _kept(call: CheckCall, keeping: Keeping) -> KeptCall:
    described = call.description
    if described.empty and not call.recipients and not call.contact_point:
        return KeptCall(call)  # the simplest call, and the one that is asked most
    people = {person.key for person in described.people}
    points = {point.key for point in described.contact_points}
    who = partial(_person, keeping, people)

    def point(reference: str) -> str:
        return reference if not reference or reference in points else keeping.point(reference)

    def recipient(asked: RecipientAsked) -> RecipientAsked:
        return RecipientAsked(
            asked.party,
            who(asked.person),
            asked.team,
            point(asked.contact_point),
            asked.channel,
            who(asked.interpreter),
        )

    recipients = tuple(map(recipient, call.recipients))
    description = described
    if not described.empty:
        description = Description(
            user=described.user and _user(described.user, keeping, who),
            record=described.record and _record(described.record, keeping, who),
            people=tuple(_described(person, keeping) for person in described.people),
            relationships=tuple(
                replace(tie, from_person=who(tie.from_person), to_person=who(tie.to_person))
                for tie in described.relationships
            ),
            contact_points=tuple(_point(each, keeping, who) for each in described.contact_points),
        )
    births = tuple(keeping.birth(person) for person in described.people)
    return KeptCall(
        replace(
            call, recipients=recipients, contact_point=point(call.contact_point), description=description
        ),
        births if any(birth.age for birth in births) else (),
    )


def _person(keeping: Keeping, described: set[str], reference: str) -> str:
    """A person reference: keys and ids as they are, an identifier by its fingerprint."""
    if not reference or reference in described:
        return reference
    scheme, colon, value = reference.partition(":")
    if not (scheme and colon and value):
        return UNKNOWN
    if scheme == "person":
        return reference if is_id(value) else UNKNOWN
    try:
        return f"{KEYED}{keeping.fingerprint(lambda f: f.identifier(scheme, value))}"
    except InvalidArgumentError:
        return UNKNOWN  # nobody looked it up, or the call had been refused


def _user(user: DescribedUser, keeping: Keeping, who: Callable[[str], str]) -> DescribedUser:
    return DescribedUser(
        roles=keeping.granted(user.roles, lambda system: system.assert_roles),
        teams=keeping.granted(user.teams, lambda system: system.assert_teams),
        person=who(user.person),
        attributes=_attributes(user.attributes, Owner.USER, keeping),
    )


def _record(record: DescribedRecord, keeping: Keeping, who: Callable[[str], str]) -> DescribedRecord:
    return replace(
        record,
        record_type=keeping.record_type(record.record_type),
        parties=tuple(replace(party, person=who(party.person)) for party in record.parties),
        attributes=_attributes(record.attributes, Owner.RECORD, keeping),
    )


def _attributes(
    given: tuple[AttributeValue, ...], owner: Owner, keeping: Keeping
) -> tuple[AttributeValue, ...]:
    return tuple(_attribute(each, path_of(owner, each.name), keeping) for each in given)


def _attribute(given: AttributeValue, path: str, keeping: Keeping) -> AttributeValue:
    match given.value:
        case str() as text:
            return AttributeValue(given.name, keeping.text(path, text))
        case tuple() as several:
            return AttributeValue(given.name, tuple(keeping.text(path, text) for text in several))
        case _:
            return given  # a number, true, false: nobody could have written it freely


def _described(person: DescribedPerson, keeping: Keeping) -> DescribedPerson:
    def identifier(text: str) -> str:
        scheme, _, value = text.partition(":")
        return f"{KEYED}{keeping.fingerprint(lambda f: f.identifier(scheme, value))}"

    return replace(
        person,
        identifiers=tuple(map(identifier, person.identifiers)),
        birth_date=None,
        name=person.name and keeping.fingerprint(lambda f: f.name(person.name)),
    )


def _point(
    point: DescribedContactPoint, keeping: Keeping, who: Callable[[str], str]
) -> DescribedContactPoint:
    return replace(
        point,
        value=keeping.fingerprint(lambda f: f.contact(point.kind, point.value)),
        owners=tuple(owner if _PARTY.fullmatch(owner) else who(owner) for owner in point.owners),
        uprn=point.uprn and keeping.fingerprint(lambda f: f.uprn(point.uprn)),
    )


@dataclass(frozen=True, slots=True)
class _AsItIs:
    view: FactsView
    fingerprints: Fingerprinter
    catalogue: Catalogue
    caller: Caller
    system: System
    moment: Moment

    def fingerprint(self, make: Callable[[Fingerprinter], Fingerprint]) -> Fingerprint:
        return make(self.fingerprints)

    def point(self, reference: str) -> str:
        look = self.view.contact_point_by_reference
        return reference if self._is_known(lambda: look(self.caller.controller, reference)) else UNKNOWN

    def record_type(self, name: str) -> str:
        look = self.view.record_type
        return name if self._is_known(lambda: look(self.caller.controller, name)) else UNKNOWN

    def granted(self, names: tuple[str, ...], of: Callable[[System], tuple[str, ...]]) -> tuple[str, ...]:
        allowed = set(of(self.system))
        return tuple(name for name in names if name in allowed)

    def text(self, path: str, text: str) -> str:
        # Of an open vocabulary it could be anything, an address as well.
        attribute = self.catalogue.get(path)
        is_word = attribute is not None and text in attribute.values
        return text if is_word else f"{KEYED}{self.fingerprints.asserted(path, text)}"

    def birth(self, person: DescribedPerson) -> KeptBirth:
        if person.birth_date is None:
            return KeptBirth()
        together = ""
        if person.name:
            name = self.fingerprints.name(person.name)
            together = self.fingerprints.name_with_birth_date(name, person.birth_date)
        return KeptBirth(self._age(person.birth_date), together)

    def _age(self, born: date) -> Age:
        moment = Moment(self.moment.now, self.moment.latest)  # what it notices is nothing to the decision
        if not moment.is_minor(born):
            return Age.ADULT
        soon = moment.next_change is not None and moment.next_change <= moment.now + VALID_FOR
        return Age.COMES_OF_AGE if soon else Age.MINOR

    @staticmethod
    def _is_known(look: Callable[[], object]) -> bool:
        try:
            return bool(look())
        except TooManyFacts:
            return True  # more than one may look at is there
        except ColdFacts:
            return False


class _AtMost:
    def fingerprint(self, make: Callable[[Fingerprinter], Fingerprint]) -> Fingerprint:  # noqa: ARG002
        return _WIDEST  # of whatever it is

    def point(self, reference: str) -> str:
        return max(reference, UNKNOWN, key=_bytes)

    def record_type(self, name: str) -> str:
        return max(name, UNKNOWN, key=_bytes)

    def granted(self, names: tuple[str, ...], of: Callable[[System], tuple[str, ...]]) -> tuple[str, ...]:  # noqa: ARG002
        return names

    def text(self, path: str, text: str) -> str:  # noqa: ARG002 - of whichever attribute
        return max(text, f"{KEYED}{_WIDEST}", key=_bytes)

    def birth(self, person: DescribedPerson) -> KeptBirth:
        return KeptBirth() if person.birth_date is None else KeptBirth(Age.COMES_OF_AGE, _WIDEST)


def _bytes(text: str) -> int:
    return len(text.encode())
