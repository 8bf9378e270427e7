"""An answer of Check, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.cli.render import moment, print_pairs, print_table, say
from policy_service.cli.targets import recipient_in_words
from policy_service.cli.words import print_obligations, print_reasons


def print_answer(request: pb.CheckRequest, answer: pb.CheckResponse) -> None:
    """Print the matrix, what is owed, until when it holds, the decision's id, and what to do next."""
    if answer.cells:
        print_table(("field", "recipient", "answer", "reason"), cell_rows(request, answer))
        say()
    if answer.obligations:
        print_table(("obligation", "fields", "recipients", "parameters"), _obligation_rows(request, answer))
        print_obligations(request, answer)
        say()
    print_pairs(
        [
            ("answer", effect(answer.effect)),
            ("reason", answer.reason),
            ("valid until", moment(answer.valid_until)),
            *(("bound to", _bound(request, each)) for each in answer.bindings),
            ("digest", answer.artefact_digest.hex()),
            ("decision", answer.decision_id),
        ]
    )
    if answer.staff_texts:
        say()
        print_reasons(answer)


def cell_rows(request: pb.CheckRequest, answer: pb.CheckResponse) -> Iterable[tuple[str, str, str, str]]:
    """Give a row for each cell: field, recipient, answer, reason."""
    for cell in answer.cells:
        name = f"{cell.field}@{cell.party}" if cell.party else cell.field
        yield (
            f"{name} (envelope)" if cell.envelope else name,
            recipient_of(request, cell.recipient),
            effect(cell.effect),
            cell.reason,
        )


def obligation_in_words(obligation: pb.Obligation) -> str:
    """Name an obligation and the fields that it concerns."""
    fields = ", ".join(obligation.fields)
    return f"{obligation.kind} ({fields})" if fields else obligation.kind


def effect(value: pb.Effect.ValueType) -> str:
    """Name an effect; whatever is no permit is a deny."""
    return "permit" if value == pb.EFFECT_PERMIT else "deny"


def recipient_of(request: pb.CheckRequest, index: int) -> str:
    """Name the recipient at an index of the call; a see has the user himself."""
    if not request.recipients:
        return request.user
    return recipient_in_words(request.recipients[index]) if index < len(request.recipients) else "nobody"


def _bound(request: pb.CheckRequest, binding: pb.Binding) -> str:
    """To whom something may go, and by what alone."""
    ways = ", ".join(filter(None, (binding.contact_point, binding.channel)))
    return (
        f"{recipient_of(request, binding.recipient)} ({ways})"
        if ways
        else recipient_of(request, binding.recipient)
    )


def _obligation_rows(request: pb.CheckRequest, answer: pb.CheckResponse) -> Iterable[tuple[str, ...]]:
    for owed in answer.obligations:
        yield (
            owed.kind,
            ", ".join(owed.fields) or "all",
            ", ".join(recipient_of(request, index) for index in owed.recipients) or "all",
            ", ".join(f"{name}={value}" for name, value in sorted(owed.parameters.items())),
        )
