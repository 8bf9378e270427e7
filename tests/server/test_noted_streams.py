"""A stream of the log that is older than it was, or not there any more, is found out at the next start: a
worker's, too, of which no revision tells.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from policy_service.decision_log.entry import Entry
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.identity import Identity
from policy_service.facts.noted_streams import NotedStream
from policy_service.facts.store import FactStore
from policy_service.model.errors import UnavailableError
from policy_service.server.compose import open_control, open_worker
from policy_service.server.noting import noting
from policy_service.service.same_installation import refuse_strangers
from tests.decision_log.making import entry
from tests.server.test_wrong_stores import Installations, directory_of, empty, refused


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Installations:
    """`a`, which was served twice, and `earlier` as it was in between."""
    there = empty("sqlite", tmp_path_factory.mktemp("noted"))
    there.add("a")
    asyncio.run(there.serve("a", "P-1"))
    there.add("earlier", copy_of="a")
    asyncio.run(there.serve("a", "P-2"))
    return there


def an_older_copy(log: Path, earlier: Path) -> None:
    for file in log.glob("worker-0.db*"):
        file.unlink()
    for file in earlier.glob("worker-0.db*"):
        shutil.copy(file, log)


def no_file(log: Path, _: Path) -> None:
    for file in log.glob("worker-0.db*"):
        file.unlink()


@pytest.mark.parametrize("put", [an_older_copy, no_file])
async def test_a_workers_stream_that_is_older_or_missing_is_refused(
    there: Installations, tmp_path: Path, put: Callable[[Path, Path], None]
) -> None:
    name = put.__name__
    stores = there.add(name, copy_of="a")
    put(directory_of(stores) / "log", directory_of(there.made["earlier"]) / "log")
    for service in (open_control, open_worker):
        await refused(there, tmp_path / "none", service, name, name, "LOG_BEHIND_FACTS")
    with pytest.raises(UnavailableError, match="`worker-0` is not there, or has fewer entries"):
        refuse_strangers(stores.facts, stores.log)


async def test_control_notes_beside_those_who_write_and_nothing_that_is_whole_is_refused(
    there: Installations,
) -> None:
    stores = there.add("noting", copy_of="a")
    log = LogReader(stores.log)
    (control,) = (stream for stream in log.streams() if stream.slot == "control")
    with (
        FactStore(stores.facts, stream_id=control.stream_id) as store,
        StreamWriter.open(stores.log, "worker-0") as writer,
    ):
        async with noting(store, log, first=0.001, every=0.001):
            for _ in range(6):
                for _ in range(3):
                    await asyncio.to_thread(writer.append_now, entry())
                await asyncio.to_thread(refuse_strangers, stores.facts, stores.log)
    sizes = {stream.stream_id: stream.size for stream in log.streams()}
    assert {one.stream_id: one.size for one in Identity.of(stores.facts).noted} == sizes


async def test_what_cannot_be_noted_stops_nothing_and_is_noted_at_the_end(
    there: Installations, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = there.add("failing", copy_of="a")
    log = LogReader(stores.log)
    tries: list[str] = []

    def unreachable(_: FactStore, streams: frozenset[NotedStream]) -> None:
        tries.append("")
        raise UnavailableError if len(tries) < 3 else RuntimeError("a value that nobody may see")

    with FactStore(stores.facts, stream_id="s") as store, StreamWriter.open(stores.log, "worker-1") as writer:
        writer.append_now(Entry(entry().id, 1, b"more than was noted"))
        caplog.set_level(logging.WARNING)
        with monkeypatch.context() as broken:
            broken.setattr(FactStore, "note_streams", unreachable)
            async with noting(store, log, first=0.001, every=0.001):
                while len(tries) < 4:  # noqa: ASYNC110 - it happens in threads
                    await asyncio.sleep(0.005)
        assert {record.message for record in caplog.records} == {
            "how far the decision log reaches was not noted"
        }
        assert "nobody may see" not in caplog.text
        async with noting(store, log):
            pass
    assert "worker-1" in {one.slot for one in Identity.of(stores.facts).noted}
