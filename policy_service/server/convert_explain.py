"""ExplainRequest bytes → `CheckCall`, and `Explained` → ExplainResponse bytes."""

from __future__ import annotations

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.engine.explain import ExplainedPolicy
from policy_service.engine.truth import Truth
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.question import CheckCall
from policy_service.model.vocabulary import Effect
from policy_service.server.bounds import read_message
from policy_service.server.convert_check import check_response, parse_check
from policy_service.service.explain import Explained
from policy_service.service.explaining import ExplainedQuestion

MAX_QUESTION_BYTES = 3 * 1024 * 1024
"""Of all explained questions of an answer together: gRPC clients take 4 MiB by default, and the answer itself
stands beside them.
"""

_EFFECT = {Effect.PERMIT: pb.EFFECT_PERMIT, Effect.DENY: pb.EFFECT_DENY}
_TRUTH = {Truth.TRUE: "true", Truth.FALSE: "false", Truth.ERROR: "error"}


def parse_explain(data: bytes) -> CheckCall:
    """Read a call as Check does; a refusal names the field as it stands in this message."""
    request = read_message(pb.ExplainRequest, data)
    try:
        return parse_check(request.check.SerializeToString())
    except InvalidArgumentError as error:
        field = f"check.{error.field}" if error.field else "check"
        raise InvalidArgumentError(field, error.reason, error.message) from None


def explain_response(explained: Explained) -> bytes:
    """The answer and its explanation as bytes."""
    response = pb.ExplainResponse(truncated=explained.truncated)
    response.answer.ParseFromString(check_response(explained.decision))
    left = MAX_QUESTION_BYTES
    for question in explained.questions:
        message = _question(question)
        left -= message.ByteSize()
        if left < 0:
            response.truncated = True
            break
        response.questions.append(message)
    return response.SerializeToString(deterministic=True)


def _question(question: ExplainedQuestion) -> pb.ExplainedQuestion:
    outcome = question.explanation.outcome
    return pb.ExplainedQuestion(
        gate=question.gate,
        field=f"{question.field}@{question.party}" if question.party else question.field,
        part=question.part,
        data_subject=question.data_subject,
        implied_data_subject=question.implied,
        recipient=question.recipient,
        reader=question.reader,
        effect=_EFFECT[outcome.effect],
        reason=outcome.reason,
        tier="" if outcome.tier is None else outcome.tier.label,
        policies=[_policy(policy) for policy in question.explanation.policies],
    )


def _policy(policy: ExplainedPolicy) -> pb.ExplainedPolicy:
    return pb.ExplainedPolicy(
        uid=policy.uid,
        tier=policy.tier.label,
        outcome=_TRUTH[policy.truth],
        decided=policy.decided,
        conditions=[
            pb.ExplainedCondition(
                path=condition.path,
                condition=condition.condition,
                value=condition.value,
                missing=condition.missing,
                outcome=_TRUTH[condition.truth],
            )
            for condition in policy.conditions
        ],
    )
