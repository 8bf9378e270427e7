"""The decision cases, asked of `decide` directly: their facts go in through the store, once; the question is
then asked in memory as often as need be.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.entries import Head, decision_entry
from policy_service.facts.gather.clock import Moment
from policy_service.facts.mapping import KINDS, fact_id
from policy_service.facts.view import FactsView
from policy_service.model.caller import Caller
from policy_service.model.facts import Controller, Fact
from policy_service.model.question import CheckCall
from policy_service.server.convert_check import check_response, parse_check
from policy_service.service.decide import decide
from policy_service.service.policies import PublishedPolicies
from tests.decisions.case import Expected, case_names, read_run
from tests.decisions.compare import expected_to_say, is_bound, says
from tests.decisions.roads import as_message, put_on_file
from tests.properties.cast import FINGERPRINTS
from tests.properties.scene import view_of
from tests.support.installation import VERSIONS, Installation, installation

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class AskedCase:
    """A case, or its twin, whose facts are on file."""

    name: str
    caller: Caller
    ask: pb.CheckRequest
    call: CheckCall
    expected: Expected
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cases:
    """Every case and twin, on one view that holds the facts of all."""

    view: FactsView
    asked: tuple[AskedCase, ...]
    moment: datetime

    def failing(self, policies: PublishedPolicies) -> Iterator[str]:
        """The names of the cases that do not come out as they say."""
        return (case.name for case in self.asked if not self._holds(case, policies))

    def _holds(self, case: AskedCase, policies: PublishedPolicies) -> bool:
        moment = Moment(self.moment, self.moment)
        decided = decide(self.view, policies, FINGERPRINTS, case.caller, case.call, moment)
        decision = replace(
            decided.decision,
            decision_id="e",
            artefact_digest=case.call.artefact_digest if decided.decision.bound else b"",
        )
        answer = pb.CheckResponse.FromString(check_response(decision))
        head = Head("e", self.moment, case.caller, "DecisionService/Check", 1, VERSIONS)
        entry = log_pb.LogEntry.FromString(decision_entry(head, decided.trace))
        policies_named = {uid for outcome in entry.decision.outcomes for uid in outcome.policies}
        return (
            says(answer, entry, case.expected, case.names) == expected_to_say(case.expected)
            and set(case.expected.log.policies) <= policies_named
            and _bound(answer, case.ask)
        )


def _bound(answer: pb.CheckResponse, ask: pb.CheckRequest) -> bool:
    try:
        is_bound(answer, ask)
    except AssertionError:
        return False
    return True


async def load_cases(directory: Path) -> Cases:
    """Put the facts of every case on file, under names of its own, and read them all."""
    tags = itertools.count(1)
    asked: list[AskedCase] = []
    async with installation(f"sqlite:///{directory / 'facts.db'}", f"sqlite:///{directory / 'log'}") as road:
        for name, twin in itertools.product(case_names(), (False, True)):
            run = read_run(name, twin=twin, tag=f"m{next(tags)}", renamed=False)
            on_file = await put_on_file(road, run.case.facts, run.case.system)
            asked.append(
                AskedCase(
                    f"{name}, twin" if twin else name,
                    Caller("token", Controller(run.case.facts.controller), system=run.case.system),
                    as_message(run.case.ask),
                    parse_check(as_message(run.case.ask).SerializeToString()),
                    run.expected,
                    on_file.names,
                )
            )
        facts = tuple(_everything(road))
    return Cases(view_of(facts), tuple(asked), datetime.now(UTC))


def _everything(road: Installation) -> Iterator[Fact]:
    revision = road.reader.head()
    for kind in KINDS:
        after = ""
        while page := road.reader.list_facts(kind, None, after, PAGE, revision):
            yield from page
            after = fact_id(page[-1])
