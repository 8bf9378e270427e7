"""How far each stream of the decision log is known to reach.

Of what a decision worker writes the facts know nothing else: it reads them, and its log entries belong to no
revision. What is noted was durable before, so a stream that is found shorter is an older copy of itself.

Invariants:

- NEVER MORE: what is noted of a stream was read from it, and streams only grow; so neither a crash nor
  another service that notes at the same time makes an installation that is whole look otherwise.
- OF ITS EPOCH: a restore, which begins another epoch, closes all streams; what was noted before is void then.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select, text, update

from policy_service.facts.tables import HeadRow, NotedStreamRow


@dataclass(frozen=True, slots=True, order=True)
class NotedStream:
    """A stream of the log, and how many entries it had at least."""

    stream_id: str
    slot: str
    size: int


_ADD = text(
    "INSERT INTO noted_streams (epoch, stream_id, slot, size) VALUES (:epoch, :stream_id, :slot, :size)"
    " ON CONFLICT DO NOTHING"
)


def note(connection: Connection, streams: Collection[NotedStream]) -> None:
    """NEVER MORE: note these, unless more was noted before."""
    epoch = connection.execute(select(HeadRow.epoch)).scalar_one()
    row = NotedStreamRow
    for stream in sorted(streams):  # in one order, so that two services do not wait for one another
        connection.execute(
            update(row)
            .where(row.epoch == epoch, row.stream_id == stream.stream_id, row.size < stream.size)
            .values(size=stream.size)
        )
        values = {"stream_id": stream.stream_id, "slot": stream.slot, "size": stream.size}
        connection.execute(_ADD, {"epoch": epoch, **values})


def noted(connection: Connection, epoch: int) -> tuple[NotedStream, ...]:
    """OF ITS EPOCH: what was noted in this one, by the streams' ids."""
    row = NotedStreamRow
    statement = select(row.stream_id, row.slot, row.size).where(row.epoch == epoch).order_by(row.stream_id)
    return tuple(NotedStream(*found) for found in connection.execute(statement))
