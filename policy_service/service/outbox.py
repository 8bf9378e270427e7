"""The outbox: what the revisions of the facts owe the decision log, brought there.

Facts and log are two databases without a two-phase commit. A write commits its revision together with the
bytes of its log entry; the entry is then appended under the revision's number, which the log's stream keeps.
Whatever happens in between, bringing it again appends what is missing, in the order of the revisions, and
nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from policy_service.decision_log.entry import Entry
from policy_service.decision_log.errors import EntryMissing
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.store import FactStore, Written
from policy_service.model.facts import Revision


class Outbox:
    """Blocking; one caller at a time."""

    def __init__(self, store: FactStore, log: StreamWriter) -> None:
        self._store = store
        self._log = log
        self.owes = True
        """Something may be on its way still: since a start, or since `begin`."""

    def begin(self) -> None:
        """A revision is about to be written, and will owe its entry."""
        self.owes = True

    def deliver(self) -> int:
        """Append what is owed; how many entries that was. When it returns, each revision that was committed
        before has its entry in the log, durably.

        Raises `LogUnavailable`, with an unbroken prefix appended.
        """
        delivered = sum(1 for _ in self._delivered())
        self.owes = False
        return delivered

    def deliver_write(self, written: Written) -> None:
        """The same, after a write, which may be acknowledged when it returns: its own entry was among them.

        Raises `EntryMissing` where it was not, as when the log takes the revision for delivered already.
        """
        if written.entry_id not in list(self._delivered()):
            raise EntryMissing
        self.owes = False

    def refuse_delivered(self, revision: Revision) -> None:
        """Refuse to write a revision that the log holds already, of a store that is not this one as it was.

        Raises `EntryMissing`; asked while the revision can still be undone.
        """
        if revision <= self._log.outbox_revision:
            raise EntryMissing("the decision log holds another entry of the revision that would be written")

    def _delivered(self) -> Iterator[str]:
        """Append what is owed; the id of each entry that is durable then."""
        for owed in self._store.undelivered(Revision(self._log.outbox_revision)):
            entry = Entry(owed.entry_id, owed.time_us, owed.entry)
            self._log.append_now(entry, outbox_revision=owed.revision)
            yield owed.entry_id
