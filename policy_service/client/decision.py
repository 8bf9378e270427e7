"""An answer, read so that anything but a permit is a deny."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import grpc

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.client.errors import Unavailable

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Cell:
    """One field instance for one recipient. `reason` is a stable code, empty on a permit."""

    field: str
    party: str
    recipient: int
    permitted: bool
    reason: str
    envelope: bool


@dataclass(frozen=True, slots=True)
class Obligation:
    """What the caller must do. Empty `fields` or `recipients` mean all."""

    kind: str
    fields: tuple[str, ...]
    recipients: tuple[int, ...]
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the service decided, and what the caller owes for it.

    `valid_until` (aware, UTC; sends only): from that moment on nothing of it permits any more, so ask again.
    """

    decision_id: str
    cells: tuple[Cell, ...]
    obligations: tuple[Obligation, ...]
    valid_until: datetime | None
    facts_token: str
    reason: str
    whole: bool
    """The service permitted the whole answer, with a cell for each field and recipient that was asked."""

    @property
    def permitted(self) -> bool:
        """True only if everything asked is permitted, the envelope too, and still may be acted on."""
        return self.whole and not self.expired()

    def expired(self, now: datetime | None = None) -> bool:
        """Tell whether `valid_until` has come, by `now` or this machine's clock."""
        return self.valid_until is not None and (now or datetime.now(UTC)) >= self.valid_until

    def permits(self, field: str, *, party: str = "", recipient: int = 0) -> bool:
        """Tell whether this field instance may be shown, or sent to the recipient at this index of the call.

        What was not asked, and what has expired, is not permitted.
        """
        cells = [c for c in self.cells if (c.field, c.party, c.recipient) == (field, party, recipient)]
        return bool(cells) and all(cell.permitted for cell in cells) and not self.expired()

    def only(self, values: Mapping[str, Value | None], *, recipient: int = 0) -> dict[str, Value]:
        """Keep of `values` (by `name` or `name@party`) what is permitted.

        What is denied and what is None are both left out, so that what is rendered from this never shows
        which of the two it was.
        """
        kept: dict[str, Value] = {}
        for key, value in values.items():
            name, _, party = key.partition("@")
            if value is not None and self.permits(name, party=party, recipient=recipient):
                kept[key] = value
        return kept

    def owed(self, recipient: int = 0) -> tuple[Obligation, ...]:
        """What is owed where this recipient is concerned."""
        return tuple(o for o in self.obligations if not o.recipients or recipient in o.recipients)


def decision_from(request: pb.CheckRequest, response: pb.CheckResponse) -> Decision:
    """Read an answer to `request`; raises Unavailable for one that cannot be an answer."""
    if not response.decision_id:
        raise Unavailable(grpc.StatusCode.INTERNAL, "the answer names no decision")
    cells = tuple(
        Cell(c.field, c.party, c.recipient, c.effect == pb.EFFECT_PERMIT, c.reason, c.envelope)
        for c in response.cells
    )
    return Decision(
        decision_id=response.decision_id,
        cells=cells,
        obligations=tuple(
            Obligation(o.kind, tuple(o.fields), tuple(o.recipients), dict(o.parameters))
            for o in response.obligations
        ),
        valid_until=_valid_until(response),
        facts_token=response.facts_token,
        reason=response.reason,
        whole=response.effect == pb.EFFECT_PERMIT and not response.reason and _complete(request, cells),
    )


def _complete(request: pb.CheckRequest, cells: tuple[Cell, ...]) -> bool:
    """Everything asked is answered, and every answer, the envelope's too, is a permit."""
    recipients = range(max(1, len(request.recipients)))
    asked = {(field.name, field.party, recipient) for field in request.fields for recipient in recipients}
    answered = {(cell.field, cell.party, cell.recipient) for cell in cells}
    return bool(asked) and asked <= answered and all(cell.permitted for cell in cells)


def _valid_until(response: pb.CheckResponse) -> datetime | None:
    if not response.HasField("valid_until"):
        return None
    try:
        return response.valid_until.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Unavailable(grpc.StatusCode.INTERNAL, "the answer's end is no moment") from None
