"""Promise 3, Fresh: once a write has returned, whoever reads the head sees it, in every process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from policy_service.facts import keys
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from policy_service.model.facts import Record, RecordId
from tests.facts.world import POLICE, case, put, vera

ROUNDS = 100


def test_another_process_sees_a_write_as_soon_as_it_has_returned(url: str) -> None:
    command = [sys.executable, "-m", "tests.facts.reading_process", url]
    with (
        FactStore(url, stream_id="control-1") as store,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker,
    ):
        assert worker.stdin
        assert worker.stdout
        for number in range(1, ROUNDS + 1):
            assert put(store, Record(RecordId(f"r{number}"), POLICE, f"CR/{number}", "case")) == number
            worker.stdin.write(f"CR/{number}\n")
            worker.stdin.flush()
            assert worker.stdout.readline() == f"{number} 1\n"
        worker.stdin.close()
    assert worker.returncode == 0


async def test_memory_that_advances_to_the_head_sees_every_write(
    store: FactStore, reader: FactsReader
) -> None:
    memory = FactsMemory(reader)
    key = keys.record(POLICE, "CR/1")
    for on_file in (True, False) * 5:
        put(store, *([case] if on_file else []), removed=() if on_file else (case,))
        await memory.advance(reader.head())
        await memory.load([key])
        assert (memory.view.record(POLICE, "CR/1") == case) is on_file
    memory.close()


def test_the_head_is_read_from_another_thread_than_facts_are_loaded_in(
    store: FactStore, reader: FactsReader
) -> None:
    put(store, vera)
    wanted = [keys.record(POLICE, f"CR/{n}") for n in range(3_000)]
    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(lambda: reader.load(wanted, store.head())) for _ in range(8)]
        heads = [pool.submit(reader.head) for _ in range(200)]
        for number in range(2, 12):
            put(store, vera)
            assert reader.head() == number
        assert all(1 <= head.result() <= 11 for head in heads)
        assert all(len(load.result()) == len(wanted) for load in loads)


async def test_loading_does_not_hold_up_the_event_loop(store: FactStore, reader: FactsReader) -> None:
    put(store, vera)
    memory = FactsMemory(reader)
    await memory.advance(reader.head())
    turns = 0
    loading = asyncio.ensure_future(memory.load([keys.record(POLICE, f"CR/{n}") for n in range(5_000)]))
    while not loading.done():
        turns += 1
        await asyncio.sleep(0)
    await loading
    assert turns > 10
    memory.close()
