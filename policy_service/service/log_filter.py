"""What somebody looks for in the log: from the words of a call to the filter, and to what the reading's own
entry says of it.

The entry says references of what is on file, words of closed forms, and of everything else a keyed
fingerprint: an auditor may type a name where a record belongs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from policy_service.decision_log.sought import Sought, SoughtPerson
from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import INSTALLATION, Controller, Fact, PersonId
from policy_service.model.ids import moment_in
from policy_service.model.vocabulary import Effect
from policy_service.service.moments import time_of
from policy_service.service.naming import fact_name
from policy_service.service.references import PERSON, PersonReferences
from policy_service.service.words import checked_id

_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_METHOD = re.compile(r"door|serve|[A-Z][A-Za-z]{0,63}Service/[A-Z][A-Za-z]{0,63}")
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
CLOCKS_DIFFER: Final = timedelta(days=1)
"""How far the clock of who reports may be behind that of who decided, for a search to find the report."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """As a call says it; empty: whatever."""

    person: str = ""
    """`scheme:value` or `person:ID`."""
    user: str = ""
    system: str = ""
    record: str = ""
    record_type: str = ""
    effect: Effect | None = None
    reason: str = ""
    method: str = ""
    decision: str = ""
    """Its id."""
    since: str = ""
    """RFC 3339."""
    until: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """What a token of this search is bound to."""
        return (
            *(self.person, self.user, self.system, self.record, self.record_type),
            *(self.effect or "", self.reason, self.method, self.decision, self.since, self.until),
        )


EVERYTHING = LogFilter()


@dataclass(frozen=True, slots=True)
class Resolved:
    """The filter, and how the reading's entry names what is looked for, each `kind:what`."""

    sought: Sought
    names: tuple[str, ...]


class LogFilters:
    """Resolves filters, for one organisation; nothing of another's is told by what is found or not."""

    def __init__(self, fingerprinter: Fingerprinter) -> None:
        self._fingerprinter = fingerprinter
        self._references = PersonReferences(fingerprinter)

    def resolve(self, view: FactsView, controller: Controller, asked: LogFilter) -> Resolved:
        """Raises `InvalidArgumentError`, and `ColdFacts`."""
        since, until = _moment(asked.since, "since"), _moment(asked.until, "until")
        if since is not None and until is not None and since >= until:
            raise InvalidArgumentError("until", "NOT_AFTER_SINCE", "`until` is not after `since`")
        _check_form(_REASON, asked.reason, "filter.reason", "a reason's code, like DO_NOT_SHARE")
        _check_form(_METHOD, asked.method, "filter.method", "a method, like DecisionService/Check")
        if asked.decision:
            checked_id(asked.decision, "filter.decision")
        names: list[str] = []
        person = self._person(view, controller, asked.person, names) if asked.person else None
        record = view.record(controller, asked.record) if asked.record else None
        found: list[tuple[str, str, Fact | None]] = [
            ("user", asked.user, view.user(controller, asked.user) if asked.user else None),
            ("system", asked.system, view.system(controller, asked.system) if asked.system else None),
            ("record", asked.record, record),
            (
                "record_type",
                asked.record_type,
                view.record_type(controller, asked.record_type) if asked.record_type else None,
            ),
        ]
        for kind, text, fact in found:
            if text:
                names.append(self._unknown(kind, text) if fact is None else fact_name(fact))
        words = (
            ("effect", asked.effect or ""),
            ("reason", asked.reason),
            ("method", asked.method),
            ("decision", asked.decision),
            ("since", "" if since is None else since.isoformat()),
            ("until", "" if until is None else until.isoformat()),
        )
        names += [f"{kind}:{word}" for kind, word in words if word]
        sought = Sought(
            controller=None if controller == INSTALLATION else controller,
            since_us=_microseconds(_earliest(since, asked.decision)),
            until_us=_microseconds(until),
            person=person,
            user=asked.user,
            system=asked.system,
            record=asked.record,
            record_fact="" if record is None else fact_name(record),
            record_type=asked.record_type,
            effect=asked.effect,
            reason=asked.reason,
            method=asked.method,
            decision=asked.decision,
        )
        return Resolved(sought, tuple(names))

    def _person(
        self, view: FactsView, controller: Controller, reference: str, names: list[str]
    ) -> SoughtPerson:
        """Whom a reference names, by all that the organisation itself knows of her.

        Somebody whom only another organisation has on file is looked for as she was named, and under her id
        only where that was asked for: that two identifiers are one person's is the other's knowledge.
        """
        scheme, _, rest = reference.partition(":")
        fingerprints: set[str] = set()
        called = {f"unknown:{self._fingerprinter.asserted('person', reference)}"}
        if scheme == PERSON and rest:
            person_id = PersonId(rest)
            called.add(reference)
        else:
            fingerprint = self._references.fingerprint(reference, "filter.person")[1]
            fingerprints.add(fingerprint)
            identifier = view.person_by_identifier(fingerprint)
            person_id = PersonId("") if identifier is None else identifier.person_id
        person = view.person(person_id) if person_id else None
        if person is None or controller not in {person.controller, INSTALLATION}:
            names.append(self._unknown("person", reference))
            return SoughtPerson(frozenset(called), frozenset(fingerprints))
        view.prefetch(keys.identifiers_of(person_id), keys.users_of_person(person_id))
        names.append(fact_name(person))
        users = view.users_of_person(person_id)
        return SoughtPerson(
            frozenset({*called, f"{PERSON}:{person_id}", self._references.unseen(f"{PERSON}:{person_id}")}),
            frozenset({*fingerprints, *(each.fingerprint for each in view.identifiers_of(person_id))}),
            frozenset(u.reference for u in users if controller in {u.controller, INSTALLATION}),
        )

    def _unknown(self, kind: str, text: str) -> str:
        return f"{kind}:unknown:{self._fingerprinter.asserted(kind, text)}"


def _check_form(form: re.Pattern[str], text: str, field: str, what: str) -> None:
    if text and not form.fullmatch(text):
        raise InvalidArgumentError(field, "BAD_FORM", f"`{field}` is not {what}")


def _moment(text: str, field: str) -> datetime | None:
    return time_of(text, field) if text else None


def _earliest(since: datetime | None, decision: str) -> datetime | None:
    """From when on there is something to find: nothing about a decision is older than it."""
    decided = moment_in(decision) if decision else None
    if decided is None:
        return since
    return max(since or _LONG_AGO, decided - CLOCKS_DIFFER)


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)
