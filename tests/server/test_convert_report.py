"""A report that names no word of ours is told the words that may stand there, and no others."""

from __future__ import annotations

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.errors import InvalidArgumentError
from policy_service.server.convert_report import parse_report

ID = "0198c2f4-6d5e-7a10-8f3b-2c9d4e5f6a7b"


@pytest.mark.parametrize(
    ("report", "field", "known"),
    [
        (
            pb.ReportOutcomeRequest(decision_id=ID, dispatch=9),  # type: ignore[arg-type]
            "dispatch",
            "`DISPATCH_DISPATCHED`, `DISPATCH_NOT_DISPATCHED`",
        ),
        (
            pb.ReportOutcomeRequest(
                decision_id=ID,
                dispatch=pb.DISPATCH_DISPATCHED,
                obligations=[pb.ObligationReport(kind="redact")],
            ),
            "obligations[0].performance",
            "`PERFORMANCE_DONE`, `PERFORMANCE_FAILED`",
        ),
    ],
)
def test_the_words_that_are_told_are_those_that_are_taken(
    report: pb.ReportOutcomeRequest, field: str, known: str
) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        parse_report(report.SerializeToString())
    assert refused.value.field == field
    assert str(refused.value).endswith(f"known are {known}")
