"""What a decision looks at: facts by look-up key, all as of one revision, from memory alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from policy_service.facts import keys
from policy_service.facts.answers import Answers, Past
from policy_service.facts.keys import Key
from policy_service.model.facts import (
    ArtefactType,
    ContactPoint,
    ContentDeclaration,
    Controller,
    CourtOrder,
    FiledPolicySet,
    Fingerprint,
    LegalHold,
    Override,
    Person,
    PersonId,
    PersonIdentifier,
    PersonName,
    PolicySet,
    PrivacyRequest,
    Record,
    RecordId,
    RecordParty,
    RecordType,
    Relationship,
    RetentionRule,
    Revision,
    System,
    Token,
    User,
)
from policy_service.model.ids import random_id


class ColdFacts(Exception):  # not an error: it says what to load before the decision is made again
    """A look-up is not in memory. Load `keys` (`FactsMemory.load`), then decide again from the start."""

    def __init__(self, missing: frozenset[Key]) -> None:
        super().__init__(f"{len(missing)} look-ups are not in memory")
        self.keys = missing


class TooManyFacts(Exception):  # an outcome, not an error: the call is answered with NOT_AVAILABLE
    """A look-up finds more facts than a decision may look at: `reader.MOST_FACTS`."""


class FactsView:
    """Facts as of `revision`. Each method is one dict look-up; what is not in memory raises `ColdFacts`, what
    is more than a decision may look at `TooManyFacts`, and nothing else is raised.

    "Nothing is on file" is remembered as well, as an empty tuple. An empty value finds nothing and is never
    cold. What several facts answer comes in the order of the facts' ids, the same in every process.

    What is found is as of `revision`, whatever has changed since: a decision that holds an old view sees
    nothing of a newer one, though it may find cold what it has not asked for yet, or what was forgotten to
    make room. Take `FactsMemory.view` afresh for each attempt.

    `derived` is for what follows from facts of this revision alone, and not from the call or the clock, by
    whoever derives it; it lives as long as the view. Whoever finds something there has looked up, all the
    same, the facts that it follows from: what a decision rests on is known by its look-ups.
    """

    __slots__ = ("_about", "_found", "derived", "elsewhere", "revision")

    def __init__(self, revision: Revision, found: Mapping[Key, tuple[Any, ...]]) -> None:
        self.revision = revision
        self.derived: dict[tuple[str, ...], Any] = {}
        self._found = found
        self._about: set[PersonId] = set()
        """The people about whom everything is in memory."""
        self.elsewhere: Answers | Past | None = None
        """Who is asked for what is not in `found`; memory's own affair, as `look_in` is."""

    def look_in(self, source: Answers | Past) -> None:
        """Look here from now on; what it answers is as of this view's revision."""
        self.elsewhere = source
        match source:
            case Answers():
                self._found, self._about = source.young, source.people
            case Past():
                # What the newer revisions' people lack, this one may have.
                self._found, self._about = source.kept, set()
            case _:
                assert_never(source)

    def fresh_id(self) -> str:
        """An id for a fact that is not on file. Who drafts from several views at once has it from the one
        that the draft is added to.
        """
        return random_id()

    def prefetch(self, *wanted: Key) -> None:
        """Raise `ColdFacts` with all of `wanted` that are not in memory at once, so that they are loaded
        together.
        """
        found = self._found
        missing = [key for key in wanted if key not in found and not keys.is_empty(key)]
        if missing and (elsewhere := self.elsewhere) is not None:
            missing = [k for k in missing if elsewhere.get(k) is None and not elsewhere.is_full(k)]
        if missing:
            raise ColdFacts(frozenset(missing))

    def prefetch_about(self, people: Iterable[PersonId]) -> None:
        """As `prefetch`, with every look-up that a decision about these people makes."""
        new = [person_id for person_id in people if person_id not in self._about]
        if new:
            self.prefetch(*(key for person_id in new for key in keys.about_person(person_id)))
            self._about.update(new)

    def person(self, person_id: PersonId) -> Person | None:
        return self._one(keys.person(person_id))

    def person_by_identifier(self, fingerprint: Fingerprint) -> PersonIdentifier | None:
        return self._one(keys.person_by_identifier(fingerprint))

    def identifiers_of(self, person_id: PersonId) -> tuple[PersonIdentifier, ...]:
        return self._all(keys.identifiers_of(person_id))

    def names_of(self, person_id: PersonId) -> tuple[PersonName, ...]:
        return self._all(keys.names_of(person_id))

    def names_with_birth_date(self, fingerprint: Fingerprint) -> tuple[PersonName, ...]:
        return self._all(keys.names_with_birth_date(fingerprint))

    def relationships_from(self, person_id: PersonId) -> tuple[Relationship, ...]:
        return self._all(keys.relationships_from(person_id))

    def relationships_to(self, person_id: PersonId) -> tuple[Relationship, ...]:
        return self._all(keys.relationships_to(person_id))

    def contact_points_of(self, person_id: PersonId) -> tuple[ContactPoint, ...]:
        return self._all(keys.contact_points_of(person_id))

    def contact_points_by_fingerprint(self, fingerprint: Fingerprint) -> tuple[ContactPoint, ...]:
        return self._all(keys.contact_points_by_fingerprint(fingerprint))

    def contact_points_by_uprn(self, uprn: Fingerprint) -> tuple[ContactPoint, ...]:
        return self._all(keys.contact_points_by_uprn(uprn))

    def own_points_by_fingerprint(
        self, controller: Controller, fingerprint: Fingerprint
    ) -> tuple[ContactPoint, ...]:
        """An organisation's alone: no decision needs them, and whoever puts one more on file may."""
        return self._all(keys.own_points_by_fingerprint(controller, fingerprint))

    def own_points_by_uprn(self, controller: Controller, uprn: Fingerprint) -> tuple[ContactPoint, ...]:
        """As `own_points_by_fingerprint`."""
        return self._all(keys.own_points_by_uprn(controller, uprn))

    def contact_point_by_reference(self, controller: Controller, reference: str) -> tuple[ContactPoint, ...]:
        """Several where a system knows a shared contact point by one reference: one for each owner."""
        return self._all(keys.contact_point_by_reference(controller, reference))

    def record(self, controller: Controller, reference: str) -> Record | None:
        return self._one(keys.record(controller, reference))

    def record_by_id(self, record_id: RecordId) -> Record | None:
        return self._one(keys.record_by_id(record_id))

    def parties_of(self, record_id: RecordId) -> tuple[RecordParty, ...]:
        return self._all(keys.parties_of(record_id))

    def parties_by_person(self, person_id: PersonId) -> tuple[RecordParty, ...]:
        return self._all(keys.parties_by_person(person_id))

    def declarations(self, controller: Controller, digest: str) -> tuple[ContentDeclaration, ...]:
        """What was declared to be in the document of this digest."""
        return self._all(keys.declarations(controller, digest))

    def overrides(self, controller: Controller, record: str) -> tuple[Override, ...]:
        """Those ever granted for a record, whether they run or not."""
        return self._all(keys.overrides(controller, record))

    def override(self, override_id: str) -> Override | None:
        return self._one(keys.override(override_id))

    def orders(self, controller: Controller, record: str) -> tuple[CourtOrder, ...]:
        """Those ever recorded for a record, whether they run or not."""
        return self._all(keys.orders(controller, record))

    def order(self, order_id: str) -> CourtOrder | None:
        return self._one(keys.order(order_id))

    def requests_about(self, person_id: PersonId) -> tuple[PrivacyRequest, ...]:
        """Her own requests and those that cover her, whatever their state."""
        return self._all(keys.requests_about(person_id))

    def request(self, request_id: str) -> PrivacyRequest | None:
        return self._one(keys.request(request_id))

    def user(self, controller: Controller, reference: str) -> User | None:
        return self._one(keys.user(controller, reference))

    def users_of_person(self, person_id: PersonId) -> tuple[User, ...]:
        return self._all(keys.users_of_person(person_id))

    def system(self, controller: Controller, name: str) -> System | None:
        return self._one(keys.system(controller, name))

    def systems_of(self, controller: Controller) -> tuple[System, ...]:
        """All of an organisation: no decision needs them, and a manager's call may."""
        return self._all(keys.systems_of(controller))

    def token(self, token_id: str) -> Token | None:
        return self._one(keys.token(token_id))

    def record_type(self, controller: Controller, name: str) -> RecordType | None:
        return self._one(keys.record_type(controller, name))

    def record_types_of(self, controller: Controller) -> tuple[RecordType, ...]:
        """As `systems_of`."""
        return self._all(keys.record_types_of(controller))

    def artefact_type(self, controller: Controller, name: str) -> ArtefactType | None:
        return self._one(keys.artefact_type(controller, name))

    def artefact_types_of(self, controller: Controller) -> tuple[ArtefactType, ...]:
        """As `systems_of`."""
        return self._all(keys.artefact_types_of(controller))

    def policy_set(self) -> PolicySet | None:
        """The one that is published, or none."""
        return self._one(keys.policy_set())

    def legal_hold(self, hold_id: str) -> LegalHold | None:
        return self._one(keys.legal_hold(hold_id))

    def legal_holds_on(self, person_id: PersonId) -> tuple[LegalHold, ...]:
        """Every organisation's."""
        return self._all(keys.legal_holds_on(person_id))

    def retention_rule(self, controller: Controller, kind: str) -> RetentionRule | None:
        return self._one(keys.retention_rule(controller, kind))

    def filed_policy_set(self, policy_set_id: str) -> FiledPolicySet | None:
        """A set that can be published: no decision needs it."""
        return self._one(keys.filed_policy_set(policy_set_id))

    # The methods above say the types: `keys.LOOKUPS` has the kind of fact that each look-up finds.

    def _all(self, key: Key) -> tuple[Any, ...]:
        try:
            return self._found[key]
        except KeyError:
            return self._not_at_hand(key)

    def _one(self, key: Key) -> Any | None:
        try:
            found = self._found[key]
        except KeyError:
            found = self._not_at_hand(key)
        return found[0] if found else None

    def _not_at_hand(self, key: Key) -> tuple[Any, ...]:
        if keys.is_empty(key):
            return ()
        found = None if self.elsewhere is None else self.elsewhere.get(key)
        if found is None:
            if self.elsewhere is not None and self.elsewhere.is_full(key):
                raise TooManyFacts
            raise ColdFacts(frozenset({key}))
        return found


class ViewAside(FactsView):
    """What `base` shows, and beside it what was loaded for one call alone, as of the same revision: `found`
    is filled by whoever loads what raised `ColdFacts`.
    """

    __slots__ = ("_base", "found")

    def __init__(self, base: FactsView) -> None:
        self.found: dict[Key, tuple[Any, ...]] = {}
        super().__init__(base.revision, self.found)
        self.derived = base.derived
        self._base = base

    def prefetch(self, *wanted: Key) -> None:
        found = self.found
        if missing := [key for key in wanted if key not in found]:
            self._base.prefetch(*missing)

    def _not_at_hand(self, key: Key) -> tuple[Any, ...]:
        return self._base._all(key)
