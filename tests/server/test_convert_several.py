"""The largest answers to batches fit into what gRPC clients take; what does not is an error of its own."""

from __future__ import annotations

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.decision import NOT_AVAILABLE, Cell, Decision, StaffText
from policy_service.model.obligation import ObligationKind
from policy_service.model.question import MAX_QUESTIONS
from policy_service.model.vocabulary import Effect
from policy_service.server.convert_check import check_response
from policy_service.server.convert_several import MAX_CHECKS, MAX_QUESTIONS_OF_BATCH, close_batch
from policy_service.server.limits import MAX_RESPONSE_BYTES
from policy_service.service.obligations import silences

LONGEST = 128
"""Characters of a field's name, or of a party's key (`bounds.name`)."""


def answer(fields: int) -> bytes:
    """All denied and not told, with the longest names, the longest texts, and what is owed for each."""
    cells = tuple(
        Cell(f"f{number:0{LONGEST - 1}}", "p" * LONGEST, 0, Effect.DENY, NOT_AVAILABLE)
        for number in range(fields)
    )
    decision = Decision(
        decision_id="x" * 36,
        effect=Effect.DENY,
        cells=cells,
        obligations=silences(cells),
        facts_token="t" * 64,
        reason=NOT_AVAILABLE,
        staff_texts=(StaffText(NOT_AVAILABLE, "s" * 400, "n" * 400),),
        outsider_text="o" * 400,
    )
    assert decision.obligations[0].kind == ObligationKind.OMIT_SILENTLY
    return check_response(decision)


@pytest.mark.parametrize("checks", [MAX_QUESTIONS_OF_BATCH // MAX_QUESTIONS, 100, MAX_CHECKS])
def test_what_does_not_fit_is_an_error_of_its_own(checks: int) -> None:
    answers = [answer(MAX_QUESTIONS_OF_BATCH // checks) for _ in range(checks)]
    closed = close_batch(answers)
    assert len(closed) <= MAX_RESPONSE_BYTES
    outcomes = pb.BatchCheckResponse.FromString(closed).outcomes
    kinds = [outcome.WhichOneof("outcome") for outcome in outcomes]
    fitting = kinds.count("answer")
    assert 0 < fitting < checks
    assert kinds == ["answer"] * fitting + ["error"] * (checks - fitting)
    assert {outcome.error.reason for outcome in outcomes[fitting:]} == {"ANSWER_TOO_LARGE"}
    assert len(closed) > MAX_RESPONSE_BYTES - len(answers[0]) - 512 * checks


def test_a_small_answer_after_a_large_one_that_did_not_fit_is_there() -> None:
    large, small = answer(MAX_QUESTIONS), answer(1)
    outcomes = pb.BatchCheckResponse.FromString(close_batch([*[large] * 4, small])).outcomes
    assert [outcome.WhichOneof("outcome") for outcome in outcomes][-2:] == ["error", "answer"]


def test_a_thousand_small_answers_fit() -> None:
    outcomes = pb.BatchCheckResponse.FromString(close_batch([answer(5)] * MAX_CHECKS)).outcomes
    assert {outcome.WhichOneof("outcome") for outcome in outcomes} == {"answer"}
