"""What came of cases → PolicyServiceTestResponse bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from google.protobuf.message import Message

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.engine.cases import Expected
from policy_service.engine.explain import as_text
from policy_service.engine.truth import Truth
from policy_service.engine.trying import Came, Failure, Looked, Saw
from policy_service.model.attributes import Value
from policy_service.server.convert_policies import problem_message
from policy_service.service.policy_cases import CasesTried, Gap

MAX_DETAIL_BYTES = 1536 * 1024
"""Of all failures of an answer together, and of all gaps: gRPC clients take 4 MiB by default."""

LONGEST_TEXT = 600
"""Characters of a condition or a value."""

M = TypeVar("M", bound=Message)

_TRUTH = {Truth.TRUE: "true", Truth.FALSE: "false", Truth.ERROR: "error"}


def tried_response(tried: CasesTried) -> bytes:
    """As many failures and gaps as an answer holds; their numbers are of all."""
    response = pb.PolicyServiceTestResponse(
        problems=[problem_message(problem) for problem in tried.problems],
        checked=tried.checked,
        tried=tried.tried,
        failed=len(tried.failures),
        uncovered=len(tried.gaps),
    )
    response.failures.extend(_as_many_as_fit(map(_failure, tried.failures)))
    response.gaps.extend(_as_many_as_fit(map(_gap, tried.gaps)))
    return response.SerializeToString(deterministic=True)


def _as_many_as_fit(messages: Iterable[M]) -> Iterator[M]:
    left = MAX_DETAIL_BYTES
    for message in messages:
        left -= message.ByteSize()
        if left < 0:
            return
        yield message


def _failure(failure: Failure) -> pb.PolicyTestFailure:
    case = failure.case
    return pb.PolicyTestFailure(
        file=case.file,
        line=case.line,
        title=case.title,
        gate=case.gate,
        expected=_expected(case.expected),
        came=_came(failure.came, case.expected),
        looked=[_looked(each) for each in failure.looked],
    )


def _expected(expected: Expected) -> pb.PolicyTestOutcome:
    return pb.PolicyTestOutcome(
        effect=expected.effect or "",
        reason=expected.reason or "",
        policies=expected.policies or (),
        owed_said=expected.owed is not None,
        owed=[_owed(each.uid, each.parameters) for each in expected.owed or ()],
    )


def _came(came: Came, expected: Expected) -> pb.PolicyTestOutcome:
    outcome = came.outcome
    return pb.PolicyTestOutcome(
        effect="" if outcome is None else outcome.effect,
        reason="" if outcome is None else outcome.reason,
        policies=() if outcome is None else outcome.policies,
        owed_said=expected.owed is not None,
        owed=[_owed(each.policy, dict(each.parameters)) for each in came.owed],
    )


def _owed(uid: str, parameters: Mapping[str, Value]) -> pb.PolicyTestOwed:
    return pb.PolicyTestOwed(
        uid=uid, parameters={name: _cut(as_text(name, value)) for name, value in parameters.items()}
    )


def _looked(looked: Looked) -> pb.PolicyTestLooked:
    return pb.PolicyTestLooked(
        uid=looked.uid,
        tier="" if looked.tier is None else looked.tier.label,
        outcome=_TRUTH[looked.truth],
        counted=looked.counted,
        asked=looked.asked,
        conditions=[_saw(each) for each in looked.conditions],
    )


def _saw(saw: Saw) -> pb.PolicyTestSaw:
    condition = saw.condition
    return pb.PolicyTestSaw(
        path=condition.path,
        condition=_cut(condition.condition),
        value=condition.value,
        missing=condition.missing,
        outcome=_TRUTH[condition.truth],
        said=saw.said,
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …"


def _gap(gap: Gap) -> pb.PolicyTestGap:
    return pb.PolicyTestGap(
        uid=gap.uncovered.uid,
        file=gap.file,
        path=gap.uncovered.path,
        condition=_cut(gap.uncovered.condition),
        text=gap.uncovered.text,
    )
