"""Explain's messages: its call is Check's, and its answer is bounded."""

from __future__ import annotations

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.engine import ExplainedCondition, ExplainedPolicy, Explanation, Outcome, Truth
from policy_service.model.decision import Cell, Decision
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.vocabulary import Effect, Gate, Tier
from policy_service.server.convert_check import parse_check
from policy_service.server.convert_explain import MAX_QUESTION_BYTES, explain_response, parse_explain
from policy_service.service.explain import Explained
from policy_service.service.explaining import ExplainedQuestion

CHECK = pb.CheckRequest(user="u", record="R", fields=[pb.FieldInstance(name="f")])
DECISION = Decision("d-1", Effect.DENY, (Cell("f", "", 0, Effect.DENY, "R"),))


def question(conditions: tuple[ExplainedCondition, ...]) -> ExplainedQuestion:
    policy = ExplainedPolicy("p", Tier.STATUTE, Truth.ERROR, decided=True, conditions=conditions)
    outcome = Outcome(Effect.DENY, Tier.STATUTE, "R", tell=True, policies=("p",), by_error=("p",))
    return ExplainedQuestion(
        gate=Gate.DISCLOSURE,
        explanation=Explanation(outcome, (policy,)),
        recipient=2,
        reader="client:person:1",
        field="f",
        party="b1",
        part="annex",
        data_subject="person:2",
        implied=True,
    )


def test_a_call_is_read_as_check_reads_it() -> None:
    request = pb.ExplainRequest(check=CHECK)
    assert parse_explain(request.SerializeToString()) == parse_check(CHECK.SerializeToString())


@pytest.mark.parametrize(
    ("request_", "field", "reason"),
    [
        (pb.ExplainRequest(), "check.fields", "NO_FIELD"),
        (
            pb.ExplainRequest(check=pb.CheckRequest(record="R", fields=[pb.FieldInstance(name="a\x07")])),
            "check.fields[0].name",
            "CONTROL_CHARACTER",
        ),
    ],
)
def test_a_refusal_names_the_field_as_it_stands_in_the_call(
    request_: pb.ExplainRequest, field: str, reason: str
) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        parse_explain(request_.SerializeToString())
    assert (refused.value.field, refused.value.reason) == (field, reason)


def test_unreadable_bytes_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be read as `ExplainRequest`"):
        parse_explain(b"\xff")


def test_everything_of_an_explanation_is_in_the_answer() -> None:
    seen = ExplainedCondition("a.b", "Eq true", "false", missing=False, truth=Truth.FALSE)
    missing = ExplainedCondition("a.c", "Gt 1", "", missing=True, truth=Truth.ERROR)
    response = pb.ExplainResponse.FromString(
        explain_response(Explained(DECISION, (question((seen, missing)),), truncated=True))
    )
    assert response.truncated
    assert response.answer.decision_id == "d-1"
    assert response.answer.cells[0].reason == "R"
    assert response.questions == [
        pb.ExplainedQuestion(
            gate="disclosure",
            field="f@b1",
            part="annex",
            data_subject="person:2",
            implied_data_subject=True,
            recipient=2,
            reader="client:person:1",
            effect=pb.EFFECT_DENY,
            reason="R",
            tier="statute",
            policies=[
                pb.ExplainedPolicy(
                    uid="p",
                    tier="statute",
                    outcome="error",
                    decided=True,
                    conditions=[
                        pb.ExplainedCondition(
                            path="a.b", condition="Eq true", value="false", outcome="false"
                        ),
                        pb.ExplainedCondition(path="a.c", condition="Gt 1", missing=True, outcome="error"),
                    ],
                )
            ],
        )
    ]


def test_an_explanation_is_cut_before_a_client_would_refuse_it() -> None:
    large = question((ExplainedCondition("a", "Eq true", "x" * 100_000, missing=False, truth=Truth.TRUE),))
    data = explain_response(Explained(DECISION, (large,) * 100))
    assert len(data) < MAX_QUESTION_BYTES + 1024
    response = pb.ExplainResponse.FromString(data)
    assert response.truncated
    assert 20 < len(response.questions) < 100
    assert not pb.ExplainResponse.FromString(explain_response(Explained(DECISION, (large,)))).truncated
