"""One generated world with one question, and what `decide` makes of it."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from policy_service.facts import keys
from policy_service.facts.gather.clock import Moment
from policy_service.facts.keys import Key
from policy_service.facts.mapping import fact_id
from policy_service.facts.view import FactsView
from policy_service.model.caller import Caller
from policy_service.model.facts import ArtefactType, Fact, Revision
from policy_service.model.obligation import ObligationKind
from policy_service.model.question import CheckCall
from policy_service.model.trace import TracedOutcome
from policy_service.model.vocabulary import Effect, Tier
from policy_service.service.decide import decide
from policy_service.service.decided import Decided
from policy_service.service.policies import PublishedPolicies
from tests.properties.cast import FINGERPRINTS, TRUST
from tests.properties.kinds import KINDS
from tests.properties.worlds import PROTECTIVE, SYSTEMS, USERS
from tests.support.shipped import POLICIES


class Found(dict[Key, tuple[Any, ...]]):
    """Facts by look-up key that are all in memory: what no fact is found by, nothing is on file for."""

    def __missing__(self, key: Key) -> tuple[Any, ...]:
        return ()

    def __contains__(self, key: object) -> bool:
        return True


def view_of(facts: tuple[Fact, ...], *, backwards: bool = False) -> FactsView:
    """A view that is never cold. `backwards`: what a look-up finds comes in the opposite order."""
    found: defaultdict[Key, list[Fact]] = defaultdict(list)
    for fact in facts:
        for key in keys.keys_of(fact):
            found[key].append(fact)
    ordered = {key: tuple(sorted(each, key=fact_id, reverse=backwards)) for key, each in found.items()}
    return FactsView(Revision(1), Found(ordered))


@dataclass(frozen=True, slots=True)
class Scene:
    """A world and a question. Its text names what is not as usual, and nothing else."""

    facts: tuple[Fact, ...]
    system: str
    call: CheckCall
    now: datetime

    def with_facts(self, *more: Fact) -> Scene:
        """With further facts; one of the same kind and id takes the other's place."""
        ids = {(type(fact), fact_id(fact)) for fact in more}
        kept = tuple(fact for fact in self.facts if (type(fact), fact_id(fact)) not in ids)
        return replace(self, facts=(*kept, *more))

    def asking(self, **changes: Any) -> Scene:
        return replace(self, call=replace(self.call, **changes))

    def describing(self, **changes: Any) -> Scene:
        return self.asking(description=replace(self.call.description, **changes))

    def decide(self, policies: PublishedPolicies | None = None, *, backwards: bool = False) -> Decided:
        """Decide as a worker that has everything in memory; by the shipped policies, where none are given."""
        caller = Caller("token", TRUST, system=self.system)
        return decide(
            view_of(self.facts, backwards=backwards),
            POLICIES if policies is None else policies,
            FINGERPRINTS,
            caller,
            self.call,
            Moment(self.now, self.now),
        )

    def __repr__(self) -> str:
        facts = sorted(
            (fact for fact in self.facts if fact not in _STANDING),
            key=lambda f: (type(f).__name__, fact_id(f)),
        )
        head = f"{self.now:%a %d %b %H:%M}, system {self.system}, on file:"
        return "\n".join(
            ["", head, *(f"  {brief(fact)}" for fact in facts), f"asked: {brief(self.call)}", ""]
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


_STANDING = (*USERS, *SYSTEMS, *(kind.record_type for kind in KINDS))
"""What every world has, and no text of one repeats."""


def brief(value: Any) -> str:
    """A dataclass without the fields that have their default."""
    if isinstance(value, ArtefactType):
        cannot = sorted(set(PROTECTIVE) - {capability.obligation for capability in value.capabilities})
        return f"ArtefactType({value.name}, envelope of {len(value.envelope)}, cannot {', '.join(cannot)})"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        said = (
            f"{field.name}={brief(getattr(value, field.name))}"
            for field in dataclasses.fields(value)
            if field.name != "controller" and not _is_default(field, getattr(value, field.name))
        )
        return f"{type(value).__name__}({', '.join(said)})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(brief, value))}]"
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:6]}…"
    return f"{value}"


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    return field.default is not dataclasses.MISSING and field.default == value


@dataclass(frozen=True, slots=True)
class CellSeen:
    """A cell with everything that the auditor finds of it."""

    field: str
    party: str
    recipient: int
    envelope: bool
    outcome: TracedOutcome

    @property
    def permitted(self) -> bool:
        return self.outcome.effect is Effect.PERMIT

    @property
    def tier(self) -> Tier | None:
        """The tier that decided; None where nothing did."""
        return Tier[self.outcome.tier.upper()] if self.outcome.tier else None


def cells_of(decided: Decided) -> Iterator[CellSeen]:
    """Every cell, recipient by recipient, those of the envelope too where it was looked at."""
    trace = decided.trace
    width = len(trace.fields)
    for index, outcome in enumerate(trace.cells):
        field = trace.fields[index % width]
        yield CellSeen(
            field.name,
            field.party,
            index // width,
            index % width >= trace.asked_fields,
            trace.outcomes[outcome],
        )


def permitted_cells(decided: Decided) -> frozenset[tuple[int, int]]:
    """(recipient, index of the field) of every permitted cell; the envelope's fields come after those
    asked.
    """
    width = max(1, len(decided.trace.fields))
    return frozenset(
        (index // width, index % width)
        for index, outcome in enumerate(decided.trace.cells)
        if decided.trace.outcomes[outcome].effect is Effect.PERMIT
    )


def withheld(decided: Decided) -> bool:
    """Whether the record was withheld, so that no cell was looked at."""
    return bool(decided.trace.cause)


def gained(before: Decided, after: Decided) -> frozenset[tuple[int, int]]:
    """The cells that were denied before and are permitted after.

    Of the envelope those count that were looked at before (of a record that was withheld nothing was), and
    that go anywhere: a send that is stopped whole is held, with its envelope. A permit that owes
    `substitute_address` shows another place than the one that was denied, and is none.
    """
    asked, permitted = before.trace.asked_fields, permitted_cells(after)
    sent = {recipient for recipient, index in permitted if index < asked}
    fields = after.trace.fields
    substituted = {
        (recipient, field)
        for owed in after.decision.obligations
        if owed.kind == ObligationKind.SUBSTITUTE_ADDRESS
        for recipient in owed.recipients
        for field in owed.fields
    }
    return frozenset(
        (recipient, index)
        for recipient, index in permitted - permitted_cells(before)
        if (recipient, fields[index].name) not in substituted
        and (index < asked or (recipient in sent and not withheld(before)))
    )
