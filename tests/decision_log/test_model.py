"""The log against a naive model: a list, and the tree of RFC 6962 by its definition."""

from __future__ import annotations

import shutil
import tempfile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from policy_service.decision_log.entry import Entry
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from tests.decision_log.making import entry, indexes
from tests.decision_log.test_merkle import tree_hash

GOOD, KNOWN, TOO_LARGE = "good", "known", "too large"


class LogMachine(RuleBasedStateMachine):
    """Groups of good and bad entries, an outbox, and a process that ends and starts again."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.mkdtemp()
        self.url = f"sqlite:///{self.directory}/log"
        self.writer = StreamWriter.open(self.url, "worker-0")
        self.model: list[Entry] = []
        self.outbox = 0

    def teardown(self) -> None:
        if hasattr(self, "writer"):
            self.writer.close()
            shutil.rmtree(self.directory)

    def make(self, kind: str) -> Entry:
        if kind == KNOWN and self.model:
            return Entry(self.model[0].id, 1, b"another of the same id")
        return entry(bytes(70_000) if kind == TOO_LARGE else None)

    @rule(kinds=st.lists(st.sampled_from([GOOD, GOOD, GOOD, KNOWN, TOO_LARGE]), max_size=6))
    def append(self, kinds: list[str]) -> None:
        expected: list[int | str] = []
        group = [self.make(kind) for kind in kinds]
        ids = {one.id for one in self.model}
        for one in group:
            if one.is_too_large:
                expected.append("EntryTooLarge")
            elif one.id in ids:
                expected.append("DuplicateEntry")
            else:
                expected.append(len(self.model))
                self.model.append(one)
                ids.add(one.id)
        assert indexes(self.writer.append(group)) == expected

    @rule(count=st.integers(1, 3), step=st.integers(-1, 3))
    def append_outbox(self, count: int, step: int) -> None:
        group = [entry() for _ in range(count)]
        places = indexes(self.writer.append(group, outbox_revision=self.outbox + step))
        if step <= 0:
            assert places == ["DuplicateEntry"] * count
        else:
            assert places == list(range(len(self.model), len(self.model) + count))
            self.model += group
            self.outbox += step

    @rule()
    def end_and_start_again(self) -> None:
        self.writer.close()
        self.writer = StreamWriter.open(self.url, "worker-0")

    @invariant()
    def the_log_is_the_model(self) -> None:
        if not hasattr(self, "writer"):
            return
        reader = LogReader(self.url)
        (head,) = reader.streams()
        stored = reader.entries(head.stream_id)
        assert [(one.id, one.data) for one in stored] == [(one.id, one.data) for one in self.model]
        assert (head.size, head.outbox_revision) == (len(self.model), self.outbox)
        assert head.root == tree_hash([one.data for one in self.model])


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(max_examples=8, stateful_step_count=10, deadline=None)
