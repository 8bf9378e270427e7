"""A plan that many threads ask at once gives nobody another's answer; what would give one is seen."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from policy_service.engine import CATALOGUE, PolicyDocument, compile_set, parse_document
from policy_service.engine.remembered import MAX_NODES
from policy_service.model.vocabulary import Effect, Gate
from tests.engine import oracle, reference
from tests.engine.threads import in_threads

THREADS = 4
ATTRIBUTES = Mapping[str, Any]
Decide = Callable[[ATTRIBUTES], bool]
"""Whether a question is permitted."""


def _document(uid: str, tier: str, rules: Any) -> PolicyDocument:
    envelope = {"uid": uid, "title": "t", "gate": "delivery", "tier": tier, "reason": "R", "owner": "o"}
    return parse_document(json.dumps({**envelope, "policy": {"rules": rules}}), name="p.yaml")


_SAME = {"condition": "EqualsAttribute", "ace": "resource", "path": "$.record_type"}
DOCUMENTS = [
    _document("same", "basis", {"subject": {"$.organisation": _SAME}}),
    _document("of", "basis", {"subject": {"$.teams": {"condition": "AnyIn", "values": ["t3", "t7"]}}}),
    _document(
        "kind", "request", {"context": {"$.recipient.kind": {"condition": "Equals", "value": "private"}}}
    ),
    _document(
        "days",
        "baseline",
        {"context": {"$.contact_point.verified_days": {"condition": "Gt", "value": 180}}},
    ),
]


def _questions(number: int) -> list[ATTRIBUTES]:
    chance = random.Random(7)
    organisations = [f"o{chance.randrange(40)}" for _ in range(number)]
    return [
        {
            "subject.organisation": organisation,
            "resource.record_type": organisation if chance.random() < 0.5 else "o1",
            "subject.teams": (f"t{chance.randrange(10)}",),
            "context.recipient.kind": chance.choice(["team", "team", "organisation", "private"]),
            "context.contact_point.verified_days": chance.randrange(200),
        }
        for organisation in organisations
    ]


@dataclass
class Harness:
    """Asks the same questions from several threads, with as many changes of thread as there can be."""

    questions: Sequence[ATTRIBUTES]
    expected: Sequence[bool]
    wrong: int = 0
    asked: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, decide: Decide, evaluations: int, *, until_wrong: bool = False) -> None:
        each = evaluations // THREADS
        in_threads([partial(self._ask, decide, each, seed, until_wrong) for seed in range(THREADS)])

    def _ask(self, decide: Decide, evaluations: int, seed: int, until_wrong: bool) -> None:
        chance, wrong, asked = random.Random(seed), 0, 0
        for _ in range(evaluations):
            number = chance.randrange(len(self.questions))
            wrong += decide(self.questions[number]) is not self.expected[number]
            asked += 1
            if until_wrong and (wrong or self.wrong):
                break
        with self._lock:
            self.wrong += wrong
            self.asked += asked


@pytest.fixture(scope="module")
def harness() -> Callable[[], Harness]:
    questions = _questions(500)
    expected = [oracle.decide(DOCUMENTS, CATALOGUE, Gate.DELIVERY, each)[0] == "permit" for each in questions]
    assert 100 < sum(expected) < 400
    return lambda: Harness(questions, expected)


def _ask_the_plan(harness: Harness, evaluations: int, nodes: int) -> None:
    plan = compile_set(DOCUMENTS, nodes=nodes)
    harness.run(lambda asked: plan.decide(Gate.DELIVERY, asked).effect is Effect.PERMIT, evaluations)
    assert harness.asked == evaluations
    assert harness.wrong == 0


@pytest.mark.parametrize("nodes", [MAX_NODES, 60], ids=["remembering", "forgetting"])
def test_no_thread_gets_the_answer_of_another(harness: Callable[[], Harness], nodes: int) -> None:
    _ask_the_plan(harness(), 20_000, nodes)


@pytest.mark.torture
@pytest.mark.parametrize("nodes", [MAX_NODES, 60], ids=["remembering", "forgetting"])
def test_no_thread_gets_the_answer_of_another_in_a_million(
    harness: Callable[[], Harness], nodes: int
) -> None:
    _ask_the_plan(harness(), 1_000_000, nodes)


def test_the_harness_sees_the_race_of_py_abac(harness: Callable[[], Harness]) -> None:
    pdp, seen = reference.pdp(DOCUMENTS, Gate.DELIVERY), harness()
    requests = {id(each): reference.request(each) for each in seen.questions}
    seen.run(lambda asked: bool(pdp.is_allowed(requests[id(asked)])), 200_000, until_wrong=True)
    assert seen.wrong, "py-abac keeps the value that it compares on the policy, and nobody noticed"
