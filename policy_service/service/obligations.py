"""What is owed with an answer: negotiated against what the caller can do, and merged without loss or
duplicate, never from one cell into another.

A protective obligation that the caller cannot carry out turns a permit into a deny: of the cell that owes
it, of the row where the row owes it, of everything permitted where the whole answer owes it. On what is
denied anyway it is the next step. A supportive one becomes a task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from policy_service.engine.combine import Owed
from policy_service.engine.compile import Plan
from policy_service.facts.gather.situation import Situation
from policy_service.model.attributes import Attributes, Value
from policy_service.model.decision import NOT_AVAILABLE, OBLIGATION_UNSUPPORTED, Cell, Obligation
from policy_service.model.obligation import SUPPORTIVE, ObligationKind
from policy_service.model.question import CheckCall, FieldAsked
from policy_service.model.trace import TracedTask
from policy_service.model.vocabulary import Effect, Gate, Tier
from policy_service.service.judged import CellJudged


@dataclass(slots=True)
class Row:
    """One recipient's cells, field by field, and what is owed: for a field by its index, or (None) for the
    whole row.
    """

    cells: list[CellJudged] = field(default_factory=list)
    owed: list[tuple[int | None, Owed]] = field(default_factory=list)
    arrival: Attributes | None = None
    """The attributes of the delivery gate's question; None for a recipient whom nobody knows."""
    delivery: Effect = Effect.DENY
    delivery_told: bool = True
    """Why it is not delivered, if it is not, may be told."""
    by_override: bool = False
    """The user has no other authority on this record than an override: whatever is permitted uses it."""
    always: tuple[Owed, ...] = ()
    """What is owed with every row."""

    def refuse(self, index: int) -> None:
        """Deny a permitted cell: the caller cannot do what it owes."""
        cell = self.cells[index]
        if cell.outcome.effect is Effect.PERMIT:
            outcome = replace(
                cell.outcome,
                effect=Effect.DENY,
                reason=OBLIGATION_UNSUPPORTED,
                told=OBLIGATION_UNSUPPORTED,
            )
            self.cells[index] = replace(cell, outcome=outcome, redacted=(), owed_on=Effect.DENY)

    def refuse_all(self) -> None:
        for index in range(len(self.cells)):
            self.refuse(index)

    def tell_alike(self) -> None:
        """Tell of every cell that the caller cannot do what is owed, whatever the true reason is."""
        self.cells = [
            replace(cell, outcome=replace(cell.outcome, told=OBLIGATION_UNSUPPORTED)) for cell in self.cells
        ]


def settle_row(s: Situation, plan: Plan, row: Row) -> None:
    """Find what each cell of a row owes, and deny what owes something that the caller cannot do, or all where
    the row does.
    """
    whole_row = any(_unsupported(s, owed) for owed in _owed_by_row(s, plan, row))
    for index, cell in enumerate(row.cells):
        if cell.outcome.told == NOT_AVAILABLE:
            continue  # what is not told owes nothing but silence: anything else would tell that it is there
        owed = _owed_by(plan, cell, by_override=row.by_override)
        if cell.outcome.effect is Effect.PERMIT and (whole_row or any(_unsupported(s, o) for o in owed)):
            # What stood in the way is the next step, so it is told; what else was owed with a permit is not.
            row.refuse(index)
            owed = [o for o in owed if _unsupported(s, o)]
        row.owed += [(index, o) for o in owed]


def settle_whole(
    s: Situation,
    plan: Plan,
    rows: list[Row],
    attributes: Callable[..., Attributes],
) -> tuple[Owed, ...]:
    """What the answer as a whole owes, and what each row owes, now that their cells are known. Everything
    permitted is denied where the caller cannot do what the whole owes; that is the next step then.
    """
    asked = len(s.call.fields)
    permits = any(c.outcome.effect is Effect.PERMIT for row in rows for c in row.cells[:asked])
    effect = Effect.PERMIT if permits else Effect.DENY
    owed = plan.owed(Gate.ANSWER, effect, attributes(permits=permits))
    in_the_way = tuple(o for o in owed if _unsupported(s, o))
    if permits and in_the_way:
        for row in rows:
            row.refuse_all()
        owed = in_the_way
    for row in rows:
        row.owed += [(None, o) for o in _owed_by_row(s, plan, row)]
    return owed


def able_to_omit(capabilities: frozenset[ObligationKind], rows: list[Row]) -> bool:
    """Tell whether the caller can leave out what is not to be told, or there is nothing of the kind. Where he
    cannot, nothing is permitted.
    """
    if ObligationKind.OMIT_SILENTLY in capabilities:
        return True
    return not any(c.outcome.told == NOT_AVAILABLE for row in rows for c in row.cells)


def may_omit(call: CheckCall) -> bool:
    """Tell whether the caller can leave out what is not to be told; any can, unless he says otherwise."""
    return call.capabilities is None or ObligationKind.OMIT_SILENTLY in call.capabilities


def silences(cells: tuple[Cell, ...]) -> tuple[Obligation, ...]:
    """`omit_silently` for whatever is not told: the field that is secret and the field that does not exist
    owe the same.
    """
    silent: dict[int, list[str]] = {}
    for cell in cells:
        if cell.reason == NOT_AVAILABLE:
            silent.setdefault(cell.recipient, []).append(label(cell.field, cell.party))
    return _merged(
        (ObligationKind.OMIT_SILENTLY, (), tuple(dict.fromkeys(names)), i) for i, names in silent.items()
    )


def obligations_of(
    rows: list[Row], whole: tuple[Owed, ...], instances: tuple[FieldAsked, ...]
) -> tuple[Obligation, ...]:
    """What the policies owe, merged: one obligation for each kind and parameters, with its fields and
    recipients.
    """
    answer = tuple(dict.fromkeys(Obligation(owed.kind, parameters=_texts(owed)) for owed in whole))
    found: dict[tuple[int, str, tuple[tuple[str, str], ...]], list[str]] = {}
    for recipient, row in enumerate(rows):
        for index, owed in row.owed:
            names = found.setdefault((recipient, owed.kind, _texts(owed)), [])
            if index is not None:
                names.append(label(instances[index].name, instances[index].party))
    return answer + _merged(
        (kind, parameters, tuple(dict.fromkeys(names)), recipient)
        for (recipient, kind, parameters), names in found.items()
    )


def label(field: str, party: str) -> str:
    """A field instance as obligations name it: `name`, or `name@party` where the call named the party."""
    return f"{field}@{party}" if party else field


def tasks_of(owner: str, obligations: tuple[Obligation, ...]) -> tuple[TracedTask, ...]:
    """The supportive obligations as tasks of `owner`; a warning is shown, and leaves nothing to do."""
    return tuple(
        TracedTask(owed.kind, owner, owed.recipients, owed.parameters)
        for owed in obligations
        if owed.kind in SUPPORTIVE and owed.kind != ObligationKind.SHOW_WARNING
    )


def _owed_by_row(s: Situation, plan: Plan, row: Row) -> tuple[Owed, ...]:
    """What the row owes whatever its fields."""
    untold = all(c.outcome.told == NOT_AVAILABLE for c in row.cells[: len(s.call.fields)])
    if row.arrival is None or untold:
        return ()
    if row.delivery is Effect.DENY and not row.delivery_told:
        return row.always  # what would help to deliver it would tell why it is not
    held = all(cell.outcome.effect is Effect.DENY for cell in row.cells[: len(s.call.fields)])
    return (*row.always, *plan.owed(Gate.DELIVERY, row.delivery, row.arrival.but({"context.row.held": held})))


def _owed_by(plan: Plan, cell: CellJudged, *, by_override: bool) -> list[Owed]:
    """What the questions of a cell owe, each once."""
    found: dict[Owed, None] = {}
    outcome = cell.outcome
    used = by_override and outcome.effect is Effect.PERMIT and cell.tier != Tier.COURT_ORDER.label
    for judged in cell.witnesses:
        if judged.reader.implied and cell.owed_on is Effect.PERMIT:
            continue  # what is owed with a permit is owed for the recipient
        with_cell = judged.attributes.but(
            {
                "context.cell.told": outcome.told != NOT_AVAILABLE,
                "context.cell.tier": Tier.OVERRIDE.label if used else cell.tier,
                "context.cell.permitted_for_some": cell.permitted_for_some,
                "context.cell.parts": cell.redacted,
                "context.cell.service_address": cell.service_address,
            }
        )
        for owed in plan.owed(Gate.DISCLOSURE, outcome.effect, with_cell):
            found[owed] = None
    return list(found)


def _unsupported(s: Situation, owed: Owed) -> bool:
    """Tell whether this is protective and the caller cannot do it. What nobody knows is protective."""
    return owed.kind not in SUPPORTIVE and owed.kind not in s.capabilities


def _merged(
    owed: Iterable[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], int]],
) -> tuple[Obligation, ...]:
    """Recipients to whom the same is owed for the same fields share one obligation."""
    together: dict[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]], list[int]] = {}
    for kind, parameters, names, recipient in owed:
        together.setdefault((kind, parameters, names), []).append(recipient)
    return tuple(
        Obligation(kind, names, tuple(sorted(set(recipients))), parameters)
        for (kind, parameters, names), recipients in together.items()
    )


def _texts(owed: Owed) -> tuple[tuple[str, str], ...]:
    """Parameters as texts; an empty list says nothing, and is left out."""
    return tuple(sorted((name, _text(value)) for name, value in owed.parameters if value != ()))


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def rfc3339(moment: datetime) -> str:
    """An aware moment as RFC 3339 in UTC, to the millisecond, downwards: what holds until then holds no
    longer after.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
