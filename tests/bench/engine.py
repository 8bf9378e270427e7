"""The engine by itself: against py-abac's own evaluator and against Cedar, at 10, 200 and 2,000 policies.

All of it runs in this process, on one thread, one after the other within a round; the medians of the rounds
are told. Cedar gets policies and entities parsed beforehand (`cedarpy`); py-abac its storage and requests.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import cedarpy

from policy_service.engine import Plan, compile_set
from policy_service.engine.compile import Remembering
from policy_service.model.attributes import Attributes
from policy_service.model.vocabulary import Effect, Gate
from tests.bench import engine_world as world
from tests.bench.rows import Report
from tests.engine import reference

SIZES = (10, 200, 2_000)
LARGEST = SIZES[-1]
COMPILE_SECONDS = 2.0
"""For the largest set."""
GROWTH = 1.3
"""What the largest set may cost, of what 200 policies cost."""
MATRIX = 1.5
"""What a matrix may cost, of its evaluations, each at the price of one question."""


def say(report: Report, *, quick: bool) -> None:
    """Measure, and add the rows."""
    questions, rounds = (1_000, 2) if quick else (10_000, 3)
    report.say("engine: policies", world.distribution())
    report.say("engine: distinct questions", float(questions))
    costs = {size: _of_size(report, size, world.questions(questions, size), rounds) for size in SIZES}
    for index, how in enumerate(("evaluated", "remembered")):
        growth = costs[LARGEST][index] / costs[SIZES[1]][index]
        name = f"engine: a question, {how}, {LARGEST:,} policies / {SIZES[1]}"
        report.at_most(name, growth, GROWTH, "ratio")
    _say_matrix(report)


def _of_size(report: Report, size: int, asked: Sequence[dict[str, Any]], rounds: int) -> tuple[float, float]:
    """Add the rows of one size; the microseconds of a question that is evaluated, and of one remembered."""
    sets = [(number, tier, rules) for number, (tier, rules) in enumerate(world.rules(size))]
    documents = [world.document(*each) for each in sets]
    begun = time.perf_counter()
    plan = compile_set(documents)
    compiled = time.perf_counter() - begun
    pdp = reference.pdp(documents, Gate.DISCLOSURE)
    cedar = cedarpy.PolicySet.from_str("\n".join(world.as_cedar(*each) for each in sets))
    entities = cedarpy.Entities.from_json_str("[]")
    few = asked[: max(20, 4_000 // size)]
    known = [Attributes(each) for each in asked]
    requests = [reference.request(each) for each in few]
    cedars = [_cedar_request(each) for each in asked[: max(100, 200_000 // size)]]
    _compare(plan, pdp, cedar, entities, few)

    def evaluate() -> None:
        for attributes in known:
            plan.evaluate(Gate.DISCLOSURE, attributes)

    def remember() -> None:
        for attributes in known:
            plan.decide(Gate.DISCLOSURE, attributes)

    def by_py_abac() -> None:
        for request in requests:
            pdp.is_allowed(request)

    def by_cedar() -> None:
        for request in cedars:
            cedarpy.is_authorized(request, cedar, entities)

    learning = _microseconds(remember, len(known))
    learned = plan.remembering()[Gate.DISCLOSURE, "decide"]
    works: dict[str, tuple[Callable[[], None], int]] = {
        "evaluated": (evaluate, len(known)),
        "remembered": (remember, len(known)),
        "py-abac": (by_py_abac, len(requests)),
        "Cedar": (by_cedar, len(cedars)),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, (work, number) in works.items():
            times[name].append(_microseconds(work, number))
    told = {name: statistics.median(found) for name, found in times.items()}
    at = f"engine, {size:,} policies"
    for name in works:
        report.say(f"{at}: a question, {name}", told[name], "µs")
    for name in ("py-abac", "Cedar"):
        ratios = [theirs / ours for theirs, ours in zip(times[name], times["evaluated"], strict=True)]
        report.say(f"{at}: {name} / evaluated", statistics.median(ratios), "ratio")
    report.say(f"{at}: a question, new, evaluated and learned", learning, "µs")
    known_at_first = 100 * learned.hits / (learned.hits + learned.evaluations)
    report.say(f"{at}: of new questions remembered", known_at_first, "%")
    _say_memory(report, at, plan, learned, asked)
    report.at_most(f"{at}: compiled in", compiled, COMPILE_SECONDS, "s")
    return told["evaluated"], told["remembered"]


def _say_memory(
    report: Report, at: str, plan: Plan, learned: Remembering, asked: Sequence[dict[str, Any]]
) -> None:
    """How often answers were remembered once all were learned, and what was decided by default."""
    now = plan.remembering()[Gate.DISCLOSURE, "decide"]
    hits, evaluations = now.hits - learned.hits, now.evaluations - learned.evaluations
    report.say(f"{at}: remembered", 100 * hits / (hits + evaluations), "%")
    outcomes = [plan.decide(Gate.DISCLOSURE, each) for each in asked]
    denied = sum(outcome.effect is Effect.DENY for outcome in outcomes)
    by_default = sum(outcome.tier is None for outcome in outcomes)
    report.say(f"{at}: denied", 100 * denied / len(outcomes), "%")
    report.say(f"{at}: denied by default", 100 * by_default / len(outcomes), "%")


def _compare(plan: Plan, pdp: Any, cedar: Any, entities: Any, asked: Sequence[dict[str, Any]]) -> None:
    """All three answer alike, or this compares nothing."""
    for each in asked:
        ours = plan.decide(Gate.DISCLOSURE, each).effect is Effect.PERMIT
        theirs = bool(pdp.is_allowed(reference.request(each)))
        cedars = cedarpy.is_authorized(_cedar_request(each), cedar, entities).allowed
        if not ours is theirs is cedars:
            raise SystemExit(
                f"answers differ: {ours}, py-abac {theirs}, Cedar {cedars}: this measures nothing"
            )


def _cedar_request(asked: dict[str, Any]) -> dict[str, Any]:
    entity = {"type": "U", "id": "x"}
    return {
        "principal": entity,
        "action": {"type": "Action", "id": "see"},
        "resource": entity,
        "context": {
            path.replace(".", "_"): list(value) if isinstance(value, tuple) else value
            for path, value in asked.items()
        },
    }


def _microseconds(work: Callable[[], None], number: int) -> float:
    gc.collect()
    begun = time.perf_counter()
    work()
    return 1e6 * (time.perf_counter() - begun) / number


def _say_matrix(report: Report) -> None:
    """Many look-alike questions: evaluations are the distinct signatures, and they are most of the cost."""
    plan = compile_set(world.document(number, *each) for number, each in enumerate(world.rules(SIZES[1])))
    distinct = [Attributes(each) for each in world.questions(50, SIZES[1])]
    # A field's name is no policy's concern: fields of one signature are one evaluation.
    asked = [each.but({"resource.field": f"field-{n}"}) for n in range(4) for each in distinct]

    def alone() -> None:
        for attributes in distinct:
            plan.evaluate(Gate.DISCLOSURE, attributes)

    def together() -> None:
        for attributes in asked:
            plan.decide(Gate.DISCLOSURE, attributes)

    took = _microseconds(together, 1)
    evaluations = plan.remembering()[Gate.DISCLOSURE, "decide"].evaluations
    name = f"engine: a matrix of {len(asked):,} questions of {len(distinct)} signatures"
    report.at_most(f"{name}: evaluations", float(evaluations), float(len(distinct)))
    ratio = took / (evaluations * _microseconds(alone, len(distinct)))
    report.at_most(f"{name} / its evaluations", ratio, MATRIX, "ratio")
