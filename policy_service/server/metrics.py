"""The metrics of a process: their names, and the plain numbers that they show.

Each label has a closed vocabulary: methods, statuses, effects, gates, tiers, the reasons that a policy set
names, the causes of refusals. Nothing here tells one call from another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from policy_service.decision_log.pending import RoundCounters
from policy_service.facts.memory import FactsMemory
from policy_service.model.counting import Histogram
from policy_service.model.errors import PolicyServiceError
from policy_service.model.vocabulary import Gate
from policy_service.server.telemetry import Telemetry
from policy_service.server.tracing import STATUS
from policy_service.service.counters import DecisionCounters

NONE: Final = "none"
"""A label where no gate was asked, or no policy decided."""

HEAD_SECONDS: Final = 1.0
"""How often the head is read at most, however often somebody looks."""


class Kind(Enum):
    """What a metric's numbers mean."""

    COUNTER = "counter"
    """Only grows, since the start."""
    GAUGE = "gauge"
    """As it is now."""
    HISTOGRAM = "histogram"


Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `read` is called in any thread, a few times a second at most."""

    kind: Kind
    name: str
    unit: str
    """UCUM: `s`, or what is counted, in braces."""
    text: str
    read: Callable[[], Iterable[tuple[float, Labels]]] = tuple
    ranges: Callable[[], Iterable[tuple[Histogram, Labels]]] = tuple
    """Instead of `read`, of a histogram."""


def of_calls(telemetry: Telemetry) -> Iterator[Metric]:
    """What every process has."""

    def durations() -> Iterator[tuple[Histogram, Labels]]:
        for (method, status), times in telemetry.calls.copy().items():
            yield times, {"rpc.system": "grpc", "rpc.method": method, STATUS: status}

    def refused() -> Iterator[tuple[float, Labels]]:
        for cause, count in telemetry.refused.copy().items():
            yield count, {"cause": cause}

    yield Metric(
        Kind.HISTOGRAM,
        "rpc.server.call.duration",
        "s",
        "How long calls took, from their message to their answer.",
        ranges=durations,
    )
    yield Metric(
        Kind.COUNTER,
        "policy_service.edge.refusals",
        "{call}",
        "Calls that were refused before anything of them was done.",
        refused,
    )


def of_decisions(counters: DecisionCounters) -> Iterator[Metric]:
    """What was decided, and by whom."""

    def decisions() -> Iterator[tuple[float, Labels]]:
        for (method, effect), count in counters.decisions.copy().items():
            yield count, {"method": method, "effect": effect.value}

    def outcomes() -> Iterator[tuple[float, Labels]]:
        for kind, count in counters.outcomes.copy().items():
            yield (
                count,
                {
                    "gate": NONE if kind.gate is None else kind.gate.value,
                    "effect": kind.effect.value,
                    "tier": kind.tier or NONE,
                    "reason": kind.reason or NONE,
                },
            )

    def by_error() -> Iterator[tuple[float, Labels]]:
        # From 0 on: an alarm that looks at the growth would not see the first of a line that was not there.
        shown: dict[Gate | None, int] = dict.fromkeys(Gate, 0)
        for gate, count in (shown | counters.by_error.copy()).items():
            yield count, {"gate": NONE if gate is None else gate.value}

    yield Metric(
        Kind.COUNTER,
        "policy_service.decisions",
        "{decision}",
        "Decisions, by the effect of the whole.",
        decisions,
    )
    yield Metric(
        Kind.COUNTER,
        "policy_service.outcomes",
        "{outcome}",
        "How the gates decided: authority once a decision, delivery once a recipient, disclosure once a field"
        " and recipient.",
        outcomes,
    )
    yield Metric(
        Kind.COUNTER,
        "policy_service.outcomes.by_error",
        "{outcome}",
        "Those of them that an error in a policy had a part in.",
        by_error,
    )


def of_round(counters: RoundCounters) -> Iterator[Metric]:
    """The commit round, by which a decision becomes fresh and durable."""

    def ended() -> Iterator[tuple[float, Labels]]:
        yield counters.released, {"ended": "released"}
        yield counters.failures, {"ended": "failed"}
        yield counters.abandoned, {"ended": "abandoned"}
        yield counters.overloaded, {"ended": "overloaded"}

    yield Metric(
        Kind.HISTOGRAM,
        "policy_service.round.size",
        "{entry}",
        "Entries that one round made durable.",
        ranges=lambda: [(counters.sizes, {})],
    )
    yield Metric(
        Kind.HISTOGRAM,
        "policy_service.round.duration",
        "s",
        "How long rounds took, from the reading of the head until their entries were durable.",
        ranges=lambda: [(counters.seconds, {})],
    )
    yield Metric(
        Kind.COUNTER, "policy_service.round.calls", "{call}", "How calls came out of their round.", ended
    )
    yield Metric(
        Kind.COUNTER,
        "policy_service.round.decided_again",
        "{call}",
        "Decisions made again, because the facts had moved.",
        lambda: [(counters.redecided, {})],
    )


def of_memory(head: Callable[[], int], memory: FactsMemory) -> Iterator[Metric]:
    """The facts in memory, and how far they are behind those on file. `head` reads the store; blocking."""
    counters = memory.counters
    seen_at, seen = float("-inf"), 0

    def behind() -> Iterator[tuple[float, Labels]]:
        nonlocal seen_at, seen
        now = time.monotonic()
        if now - seen_at >= HEAD_SECONDS:
            try:
                seen = head()
            except PolicyServiceError:
                return  # nobody knows now; an old number would say that all is well
            seen_at = now
        yield max(0, seen - memory.view.revision), {}

    def forgotten() -> Iterator[tuple[float, Labels]]:
        yield counters.changed, {"because": "changed"}
        yield counters.evicted, {"because": "room"}

    yield Metric(
        Kind.GAUGE,
        "policy_service.revisions.behind",
        "{revision}",
        "How many revisions the facts in memory are behind those on file; the next decision catches up.",
        behind,
    )
    yield Metric(
        Kind.GAUGE,
        "policy_service.memory.size",
        "By",
        "About how many bytes of facts are remembered; `cache_bytes` is the bound.",
        lambda: [(memory.bytes, {})],
    )
    yield Metric(
        Kind.GAUGE,
        "policy_service.memory.lookups",
        "{lookup}",
        "How many look-ups are remembered, those that find nothing among them.",
        lambda: [(len(memory), {})],
    )
    yield Metric(
        Kind.COUNTER,
        "policy_service.memory.loads",
        "{load}",
        "How often something was not in memory and was read from the store.",
        lambda: [(counters.loads, {})],
    )
    yield Metric(
        Kind.COUNTER,
        "policy_service.memory.loaded",
        "{lookup}",
        "Look-ups that were read from the store into memory, those read ahead among them.",
        lambda: [(counters.loaded, {})],
    )
    yield Metric(
        Kind.COUNTER,
        "policy_service.memory.forgotten",
        "{lookup}",
        "Look-ups that were forgotten: since a revision changed what they find, or to make room.",
        forgotten,
    )
    yield Metric(
        Kind.COUNTER,
        "policy_service.memory.restarts",
        "{restart}",
        "How often all was forgotten, because too much had changed at once.",
        lambda: [(counters.restarts, {})],
    )
