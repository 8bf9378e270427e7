"""What is owed with an answer: merged without loss or duplicate, never from one cell into another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from policy_service.engine.combine import Owed
from policy_service.engine.evaluate import Value
from policy_service.model.decision import NOT_AVAILABLE, Cell, Obligation
from policy_service.model.question import FieldAsked
from policy_service.model.trace import TracedOutcome

OMIT_SILENTLY = "omit_silently"


@dataclass(slots=True)
class Row:
    """One recipient's outcomes, field by field, and what is owed: for a field by its index, or (None) for
    the whole row.
    """

    outcomes: list[TracedOutcome] = field(default_factory=list)
    owed: list[tuple[int | None, Owed]] = field(default_factory=list)


def silences(cells: tuple[Cell, ...]) -> tuple[Obligation, ...]:
    """`omit_silently` for whatever is not told: the field that is secret and the field that does not exist
    owe the same.
    """
    silent: dict[int, list[str]] = {}
    for cell in cells:
        if cell.reason == NOT_AVAILABLE:
            silent.setdefault(cell.recipient, []).append(cell.field)
    return _merged((OMIT_SILENTLY, (), tuple(dict.fromkeys(names)), i) for i, names in silent.items())


def obligations_of(
    rows: list[Row], whole: tuple[Owed, ...], instances: tuple[FieldAsked, ...]
) -> tuple[Obligation, ...]:
    """What the policies owe, merged: one obligation for each kind and parameters, with its fields and
    recipients.
    """
    answer = tuple(Obligation(owed.kind, parameters=_texts(owed)) for owed in whole)
    found: dict[tuple[int, str, tuple[tuple[str, str], ...]], list[str]] = {}
    for recipient, row in enumerate(rows):
        for index, owed in row.owed:
            names = found.setdefault((recipient, owed.kind, _texts(owed)), [])
            if index is not None:
                names.append(instances[index].name)
    return answer + _merged(
        (kind, parameters, tuple(dict.fromkeys(names)), recipient)
        for (recipient, kind, parameters), names in found.items()
    )


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
    return tuple(sorted((name, _text(value)) for name, value in owed.parameters))


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def rfc3339(moment: datetime) -> str:
    """An aware moment as RFC 3339 in UTC, to the millisecond, downwards: what holds until then holds no
    longer after.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
