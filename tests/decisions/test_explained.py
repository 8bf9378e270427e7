"""Every decision case, and its twin, explained: the same answer, the same log entry, and why."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.decision import NOT_AVAILABLE
from policy_service.service import explaining
from tests.decisions.case import numbered_and, read_run
from tests.decisions.compare import without_its_own, without_moments
from tests.decisions.roads import NOBODY, Road, as_message, ask, entry_of, put_on_file
from tests.support.installation import Installation, installation
from tests.support.running import Service, running
from tests.support.socket_road import socket_road

pytestmark = pytest.mark.asyncio(loop_scope="session")

_tags = itertools.count(1)


async def explained(
    road: Road, name: str, *, twin: bool = False, granted: bool = True
) -> tuple[pb.CheckResponse, pb.ExplainResponse]:
    """Put a case on file, and ask its question by Check and by Explain."""
    run = read_run(name, twin=twin, tag=f"e{next(_tags)}", renamed=False)
    for system in run.case.facts.systems:
        system["grant"]["may_explain"] = granted
    token = (await put_on_file(road, run.case.facts, run.case.system, named=NOBODY)).token
    answer = await ask(road, run.case.ask, token)
    request = pb.ExplainRequest(check=as_message(run.case.ask))
    response = await road.call("DecisionService/Explain", request.SerializeToString(), token=token)
    return answer, pb.ExplainResponse.FromString(response)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def road(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    directory = tmp_path_factory.mktemp("installation")
    async with installation(
        f"sqlite:///{directory / 'facts.db'}", f"sqlite:///{directory / 'log'}"
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("served")) as begun:
        yield begun


@numbered_and(4)
@pytest.mark.parametrize("twin", [False, pytest.param(True, marks=pytest.mark.torture)], ids=["case", "twin"])
async def test_an_explanation_is_of_what_check_answers(name: str, twin: bool, road: Installation) -> None:
    answer, explanation = await explained(road, name, twin=twin)

    assert without_moments(explanation.answer) == without_moments(answer)
    entry = await entry_of(road, explanation.answer.decision_id)
    checked = await entry_of(road, answer.decision_id)
    assert entry.method == "DecisionService/Explain"
    assert not entry.decision.tasks
    assert without_its_own(entry) == without_its_own(checked, without_tasks=True)
    explains(explanation, entry.decision)


def explains(explanation: pb.ExplainResponse, entry: log_pb.DecisionEvent) -> None:
    """The questions are those that the entry was decided by, and each policy's part in them is told."""
    questions = explanation.questions
    assert [asked.gate for asked in questions[:1]] == (["authority"] if entry.HasField("authority") else [])
    if questions:
        assert questions[0].reason == entry.authority.reason
    deliveries = [asked for asked in questions if asked.gate == "delivery"]
    told = {"UNKNOWN_RECIPIENT"}
    assert [asked.reason for asked in deliveries] == [
        d.reason for d in entry.delivery if d.reason not in told
    ]
    decided = {policy.uid for asked in questions for policy in asked.policies if policy.decided}
    assert {uid for outcome in entry.outcomes for uid in outcome.policies} <= decided
    for asked in questions:
        assert (asked.tier == "") is not any(policy.decided for policy in asked.policies)
        for policy in asked.policies:
            assert policy.conditions
            if policy.decided:
                assert policy.tier == asked.tier
                assert policy.outcome in (("true", "error") if asked.effect == pb.EFFECT_DENY else ("true",))


async def test_it_tells_what_a_denial_hides(road: Installation) -> None:
    _, explanation = await explained(road, "case_01_the_officer_who_manages_him_does_not_learn_who_asked")
    hidden = next(asked for asked in explanation.questions if asked.reason == "WITHHELD_BY_LAW")
    assert (hidden.gate, hidden.tier, hidden.effect) == ("disclosure", "statute", pb.EFFECT_DENY)
    assert hidden.field
    assert hidden.data_subject.startswith("person:")
    assert hidden.reader.startswith("recipient:user:")
    (policy,) = (policy for policy in hidden.policies if policy.decided)
    assert policy.uid == "disclosure.statute.secret_role"
    seen = {each.path: (each.condition, each.value, each.outcome) for each in policy.conditions}
    condition, value, holds = seen["resource.role_secret"]
    assert condition.endswith("Eq true")
    assert (value, holds) == ("true", "true")


@pytest.mark.parametrize(
    "name",
    [
        "case_01_the_officer_who_manages_him_does_not_learn_who_asked",
        "case_21_a_patients_own_portal",
        "case_08_an_unknown_record_looks_the_same",
        "case_09_a_service_account_without_a_user_sees_nothing",
    ],
)
async def test_who_is_not_granted_it_is_told_nothing(name: str, road: Installation) -> None:
    _, explanation = await explained(road, name, granted=False)
    assert not explanation.questions
    assert explanation.answer.reason == NOT_AVAILABLE
    assert {(cell.effect, cell.reason) for cell in explanation.answer.cells} == {
        (pb.EFFECT_DENY, NOT_AVAILABLE)
    }
    assert not explanation.answer.HasField("valid_until")
    entry = await entry_of(road, explanation.answer.decision_id)
    assert (entry.method, entry.decision.cause) == ("DecisionService/Explain", "may_not_explain")


async def test_each_call_leaves_one_entry_of_its_own(road: Installation) -> None:
    worker = road.worker_log.stream_id

    def entries() -> int:
        return next(stream.size for stream in road.log.streams() if stream.stream_id == worker)

    before = entries()
    await explained(road, "case_21_a_patients_own_portal")
    assert entries() == before + 2  # the check, and the explanation


async def test_over_the_socket(service: Service) -> None:
    async with socket_road(service) as road:
        name = "case_06_an_assessment_of_two_half_siblings"
        answer, explanation = await explained(road, name)
        assert without_moments(explanation.answer) == without_moments(answer)
        entry = await entry_of(road, explanation.answer.decision_id)
        explains(explanation, entry.decision)
        assert len(explanation.questions) > 20


async def test_more_than_a_thousand_questions_are_decided_and_not_explained(
    road: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "MAX_EXPLAINED", 3)
    answer, explanation = await explained(road, "case_06_an_assessment_of_two_half_siblings")
    assert explanation.truncated
    assert len(explanation.questions) == 3
    assert without_moments(explanation.answer) == without_moments(answer)
