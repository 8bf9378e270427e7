"""The outbox: what the revisions of the facts owe the decision log, brought there.

Facts and log are two databases without a two-phase commit. A write commits its revision together with the
bytes of its log entry; the entry is then appended under the revision's number, which the log's stream keeps.
Whatever happens in between, bringing it again appends what is missing, in the order of the revisions, and
nothing twice.
"""

from __future__ import annotations

from policy_service.decision_log.entry import Entry
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.store import FactStore
from policy_service.model.facts import Revision


class Outbox:
    """Blocking; one caller at a time."""

    def __init__(self, store: FactStore, log: StreamWriter) -> None:
        self._store = store
        self._log = log

    def deliver(self) -> None:
        """Append what is owed. When it returns, each revision that was committed before has its entry in the
        log, durably.

        Raises `LogUnavailable`, with an unbroken prefix appended.
        """
        for owed in self._store.undelivered(Revision(self._log.outbox_revision)):
            entry = Entry(owed.entry_id, owed.time_us, owed.entry)
            self._log.append_now(entry, outbox_revision=owed.revision)
