"""One question more, from facts in memory to the outcome and the bytes of its log entry, in this process.

A call costs something before its first question: the difference between a call of one field and one of many
is what a question costs. 200 and 2,000 policies are the shipped ones and generated ones.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.entries import Head, Versions, decision_entry
from policy_service.engine import compile_set
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.clock import Moment
from policy_service.facts.key_file import load_or_create_key
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.facts.view import ColdFacts, FactsView
from policy_service.model.caller import Caller
from policy_service.model.facts import Revision
from policy_service.model.ids import time_ordered_id
from policy_service.model.question import CheckCall
from policy_service.server.convert_check import parse_check
from policy_service.server.settings import Settings
from policy_service.service.caller import authenticate
from policy_service.service.decide import decide
from policy_service.service.policies import PublishedPolicies, published
from tests.bench import engine_world, world
from tests.bench.rows import Report

SIZES = (200, 2_000)
TARGET = 4.0
GROWTH = 1.3
CALLS = 300
_SEES = (
    *("subject.name", "subject.dob", "subject.address", "subject.phone"),
    *("conditions", "condition", "summary", "meeting.venue"),
)
_VERSIONS = Versions(1, 1, "bench", "bench")

Found = TypeVar("Found")


def say(report: Report, policies: Path, *, rounds: int) -> None:
    """Measure, and add the rows."""
    with tempfile.TemporaryDirectory(prefix="policy-service-bench-") as scratch:
        settings = Settings(var_dir=Path(scratch) / "var")
        token = world.prepare(settings, policies)
        reader = FactsReader(settings.facts)
        try:
            costs = asyncio.run(_measured(reader, settings, token, rounds))
        finally:
            reader.close()
    for size, (first, more) in costs.items():
        report.say(f"deciding, {size:,} policies: a see of one field, and its entry", first, "µs")
        report.at_most(f"deciding, {size:,} policies: a question more, and its entry", more, TARGET, "µs")
    ratio = costs[SIZES[1]][1] / costs[SIZES[0]][1]
    report.at_most(f"deciding: a question more, {SIZES[1]:,} policies / {SIZES[0]}", ratio, GROWTH, "ratio")


@dataclass
class _Decider:
    """Decides calls as of one view, each with the bytes of its entry."""

    view: FactsView
    policies: PublishedPolicies
    fingerprints: Fingerprinter
    caller: Caller
    now: datetime

    def run(self, asked: Sequence[CheckCall]) -> None:
        now = self.now
        for call in asked:
            moment = Moment(now, now)
            decided = decide(self.view, self.policies, self.fingerprints, self.caller, call, moment)
            head = Head(time_ordered_id(now), now, self.caller, "bench", self.view.revision, _VERSIONS)
            decision_entry(head, decided.trace)


async def _measured(
    reader: FactsReader, settings: Settings, token: str, rounds: int
) -> dict[int, tuple[float, float]]:
    memory = FactsMemory(reader)
    await memory.advance(Revision(reader.head()))

    async def loaded(look: Callable[[], Found]) -> Found:
        while True:
            try:
                return look()
            except ColdFacts as cold:
                await memory.load(cold.keys)

    now = datetime.now(UTC)
    caller = await loaded(lambda: authenticate(memory.view, token, now))
    policy_set = await loaded(memory.view.policy_set)
    assert policy_set is not None
    shipped = published(policy_set)
    fingerprints = Fingerprinter(load_or_create_key(settings.fingerprint_key))
    calls = [_calls(number) for number in (1, len(_SEES))]
    found: dict[int, tuple[float, float]] = {}
    for size in SIZES:
        more = engine_world.rules(size - len(shipped.plan.documents))
        documents = [engine_world.document(number, *each) for number, each in enumerate(more)]
        policies = replace(shipped, plan=compile_set([*shipped.plan.documents, *documents]))
        decider = _Decider(memory.view, policies, fingerprints, caller, now)
        for call in (call for asked in calls for call in asked):
            await loaded(partial(decider.run, [call]))
        times = [[_microseconds(decider.run, asked) for asked in calls] for _ in range(rounds)]
        first = statistics.median(few for few, _ in times)
        each_more = statistics.median((many - few) / (len(_SEES) - 1) for few, many in times)
        found[size] = first, each_more
    memory.close()
    return found


def _calls(fields: int) -> list[CheckCall]:
    asked = world.on_file(CALLS)
    for request in asked:
        del request.fields[:]
        request.fields.extend(pb.FieldInstance(name=name) for name in _SEES[:fields])
    return [parse_check(request.SerializeToString()) for request in asked]


def _microseconds(run: Callable[[Sequence[CheckCall]], None], asked: Sequence[CheckCall]) -> float:
    gc.collect()
    begun = time.perf_counter()
    run(asked)
    return 1e6 * (time.perf_counter() - begun) / len(asked)
