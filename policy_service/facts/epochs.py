"""The epochs of a store: what is left of what it once held.

A restore begins a new epoch. What was written after the backup is not there any more, and the numbers of
those revisions are given again, to others. So a revision is known by its epoch as well, and whoever holds one
from before a restore can be told whether it is still there.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, func, insert, select, update

from policy_service.facts.reader import FactsReader
from policy_service.facts.tables import EpochRow, HeadRow
from policy_service.model.facts import Revision

EPOCH_BITS = 48


@dataclass(frozen=True, slots=True)
class Epochs:
    """In their order, the current one last: each epoch's random number, and the last revision of the epochs
    before it that outlived its beginning.
    """

    began: tuple[tuple[int, Revision], ...]

    @classmethod
    def read(cls, reader: FactsReader) -> Self:
        """The store's. They change in an empty store alone, so a process reads them once."""
        row = EpochRow
        rows = reader.rows(select(row.epoch, row.after_revision).order_by(row.number))
        return cls(tuple((epoch, Revision(after)) for epoch, after in rows))

    @property
    def current(self) -> int:
        """The random number of the epoch that lasts."""
        return self.began[-1][0]

    def holds(self, epoch: int, revision: Revision) -> bool:
        """Whether a revision of that epoch is, or will be, this store's, and none that a restore undid."""
        numbers = [number for number, _ in self.began]
        if epoch not in numbers:
            return False  # it began after the backup that this store was restored from
        later = self.began[numbers.index(epoch) + 1 :]
        return all(revision <= after for _, after in later)


def is_undone(reader: FactsReader, revision: Revision, microseconds: int) -> bool:
    """Whether the revision that had this number at a moment (microseconds since 1970, UTC) is not there any
    more, because the store was restored since from before it.
    """
    row = EpochRow
    restores = select(row.number).where(
        row.number > select(func.min(row.number)).scalar_subquery(),
        row.after_revision < revision,
        row.began_at > microseconds,
    )
    return revision > reader.head() or bool(reader.rows(restores.limit(1)))


def begin_epoch(connection: Connection) -> int:
    """Begin a new epoch after what is in the store, in the caller's transaction; its random number."""
    head = connection.execute(select(HeadRow.revision)).scalar_one()
    last = connection.execute(select(func.max(EpochRow.number))).scalar_one()
    epoch = secrets.randbits(EPOCH_BITS)
    new = {"epoch": epoch, "number": last + 1, "after_revision": head, "began_at": time.time_ns() // 1_000}
    connection.execute(insert(EpochRow).values(**new))
    # Whoever restores knows what time it is; the backup may be of any.
    connection.execute(update(HeadRow).values(epoch=epoch, witnessed_at=new["began_at"]))
    return epoch
