"""Attributes that an organisation declares, on file and described: what they decide, what the log keeps of
them, and what an explanation shows.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1 import policy_pb2
from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.model.errors import InvalidArgumentError
from tests.decisions.case import Case, case_names, read_run
from tests.decisions.compare import agrees_with_its_entry, expected_to_say, says
from tests.decisions.own import OWN_CASES, own_set
from tests.decisions.roads import Road, as_message, ask, entry_of, put_on_file
from tests.support.installation import Installation, installation
from tests.support.postgres import postgres_url
from tests.support.running import Service, running
from tests.support.socket_road import socket_road

pytestmark = pytest.mark.asyncio(loop_scope="session")

CASES = pytest.mark.parametrize("name", case_names(OWN_CASES))
SIDES = pytest.mark.parametrize("twin", [False, True], ids=["case", "twin"])
TRAINED = "a_risk_assessment_for_somebody_who_was_trained"
LICENCE = "a_record_of_a_house_that_is_let_by_licence"
CANARY = "Finchling Lane 7"

_tags = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def road(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    at = tmp_path_factory.mktemp("own")
    urls = f"sqlite:///{at / 'facts.db'}", f"sqlite:///{at / 'log'}"
    async with installation(*urls, policies=own_set(at / "policies")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    url = postgres_url()
    async with installation(url, url, policies=own_set(tmp_path_factory.mktemp("own") / "set")) as opened:
        yield opened


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    at = tmp_path_factory.mktemp("own")
    with running(at / "var", policies_dir=str(own_set(at / "policies"))) as begun:
        yield begun


async def travel(road: Road, name: str, *, twin: bool) -> None:
    run = read_run(name, twin=twin, tag=f"o{next(_tags)}", renamed=False, folder=OWN_CASES)
    on_file = await put_on_file(road, run.case.facts, run.case.system)
    answer = await ask(road, run.case.ask, on_file.token)
    entry = await entry_of(road, answer.decision_id)
    assert says(answer, entry, run.expected, on_file.names) == expected_to_say(run.expected)
    agrees_with_its_entry(answer, entry)
    decided = {uid for outcome in entry.decision.outcomes for uid in outcome.policies}
    assert set(run.expected.log.policies) <= decided


@CASES
@SIDES
async def test_use_case_on_sqlite(name: str, twin: bool, road: Installation) -> None:
    await travel(road, name, twin=twin)


@CASES
@SIDES
async def test_use_case_on_postgresql(name: str, twin: bool, on_postgresql: Installation) -> None:
    await travel(on_postgresql, name, twin=twin)


@CASES
@SIDES
@pytest.mark.torture  # the commands of policies/README.md do it, too
async def test_over_a_socket(name: str, twin: bool, service: Service) -> None:
    async with socket_road(service) as road:
        await travel(road, name, twin=twin)


# --- described ------------------------------------------------------------------------------------------


def case_of(name: str, **grant: Any) -> Case:
    """A case whose system may describe, and more."""
    run = read_run(name, twin=False, tag=f"o{next(_tags)}", renamed=False, folder=OWN_CASES)
    run.case.facts.systems[0]["grant"].update({"may_describe": True, "may_explain": True, **grant})
    return run.case


async def answered(
    road: Road, case: Case, described: dict[str, Any], **other: Any
) -> tuple[pb.CheckResponse, LogEntry]:
    token = (await put_on_file(road, case.facts, case.system)).token
    answer = await ask(road, {**case.ask, "description": described, **other}, token)
    return answer, await entry_of(road, answer.decision_id)


def effects(answer: pb.CheckResponse) -> dict[str, str]:
    return {cell.field: "" if cell.effect == pb.EFFECT_PERMIT else cell.reason for cell in answer.cells}


def asserted(entry: LogEntry) -> dict[str, list[str]]:
    return {each.path: list(each.values) for each in entry.decision.asserted}


PASSED = {"name": "training", "texts": {"values": ["domestic_abuse_basics"]}}
FIRST_AID = {"name": "training", "texts": {"values": ["first_aid"]}}


@pytest.mark.parametrize(
    ("granted", "on_file", "reason"),
    [
        (["training"], [], ""),
        (["contract"], [], "TRAINING_NEEDED"),  # not by the word of this system
        (["training"], [FIRST_AID], "TRAINING_NEEDED"),  # what is on file stands
        ([], [PASSED], ""),
    ],
)
async def test_a_users_described_attribute_counts_where_the_grant_says_so_and_nothing_is_on_file(
    granted: list[str], on_file: list[dict[str, Any]], reason: str, road: Installation
) -> None:
    case = case_of(TRAINED, assert_attributes=granted)
    case.facts.users[0]["attributes"] = on_file
    answer, entry = await answered(road, case, {"user": {"attributes": [PASSED]}})
    assert effects(answer) == {"resident.name": "", "risk": reason}
    assert ("user.attributes.training" in asserted(entry)) is ("training" in granted)


def described_record(case: Case, *attributes: dict[str, Any]) -> dict[str, Any]:
    record_type = case.facts.record_types[0]["name"]
    parties = [{"party": "resident", "role": "subject", "person": "somebody"}]
    record = {"record_type": record_type, "parties": parties, "attributes": list(attributes)}
    return {"record": record, "people": [{"key": "somebody"}]}


LET = {"name": "tenure", "text": "licence"}
STAFFED = {"name": "staffed_at_night", "boolean": True}


async def test_a_described_record_has_the_attributes_that_are_described_of_it(road: Installation) -> None:
    case = case_of(LICENCE)
    answer, entry = await answered(road, case, described_record(case, LET, STAFFED), record="not on file")
    assert answer.effect == pb.EFFECT_PERMIT
    said = asserted(entry)
    assert said["record.attributes.tenure"] == ["licence"]  # of a closed vocabulary
    assert said["record.attributes.staffed_at_night"] == ["true"]
    without = case_of(LICENCE)
    answer, _ = await answered(road, without, described_record(without, STAFFED), record="not on file")
    assert answer.effect == pb.EFFECT_DENY


async def test_a_record_on_file_has_those_that_are_on_file(road: Installation) -> None:
    case = case_of(LICENCE)
    case.facts.records[0]["attributes"] = [{"name": "tenure", "text": "tenancy"}, STAFFED]
    answer, entry = await answered(road, case, described_record(case, LET, STAFFED))
    assert answer.effect == pb.EFFECT_DENY
    assert not any(path.startswith("record.attributes.") for path in asserted(entry))


@pytest.mark.parametrize("base", ["base.hostel", "base.case"])
async def test_a_record_of_another_base_has_none_of_them(base: str, road: Installation) -> None:
    """And is not refused for it: that would tell that nothing is on file."""
    case = case_of(LICENCE)
    fields = [{"name": "resident.name", "categories": ["identity.name"], "about": ["subject"]}]
    case.facts.record_types[0].update({"extends": base, "fields": fields})
    described = described_record(case, LET, STAFFED)
    case = case.model_copy(update={"facts": case.facts.model_copy(update={"records": ()})})
    answer, _ = await answered(road, case, described)
    assert (answer.effect == pb.EFFECT_PERMIT) is (base == "base.hostel")


@pytest.mark.parametrize(
    ("described", "field", "said"),
    [
        ({"name": "trainin", "boolean": True}, "[0].name", "perhaps `training` is meant"),
        ({"name": "tenure", "text": "licence"}, "[0].name", "`policy-service policies attributes`"),
        ({"name": "training", "text": "first_aid"}, "[0]", "is not a list of texts"),
        ({"name": "contract", "text": "agenci"}, "[0].text", "perhaps `agency` is meant"),
        ({"name": "contract"}, "[0]", "has no value"),
        ({"name": "years_of_service", "number": 1e15}, "[0].number", "is not a number below"),
        ({"name": "training", "texts": {"values": ["a", "a"]}}, "[0].texts.values[1]", "stands there twice"),
        ({"name": "training", "texts": {"values": ["a"] * 33}}, "[0].texts.values", "more than 32"),
        ({"name": "training", "texts": {"values": ["a" * 257]}}, "[0].texts.values[0]", "longer than 256"),
    ],
)
async def test_what_is_not_declared_so_is_refused(
    described: dict[str, Any], field: str, said: str, road: Installation
) -> None:
    """On file as in a call, and whether or not the grant lets it count."""
    case = case_of(TRAINED)
    with pytest.raises(InvalidArgumentError, match=said) as refused:
        await answered(road, case, {"user": {"attributes": [described]}})
    assert refused.value.field == f"description.user.attributes{field}"
    case.facts.users[0]["attributes"] = [described]
    with pytest.raises(InvalidArgumentError, match=said) as refused:
        await put_on_file(road, case.facts, case.system)
    assert refused.value.field == f"user.attributes{field}"


async def test_a_record_type_has_the_attributes_that_its_bases_name(road: Installation) -> None:
    case = case_of(LICENCE)
    case.facts.record_types[0]["extends"] = "base.case"
    with pytest.raises(InvalidArgumentError) as refused:
        await put_on_file(road, case.facts, case.system)
    assert (refused.value.field, refused.value.reason) == ("record.attributes[0].name", "UNKNOWN_ATTRIBUTE")


async def test_a_grant_names_attributes_of_users_alone(road: Installation) -> None:
    case = case_of(TRAINED, assert_attributes=["training", "tenure"])
    with pytest.raises(InvalidArgumentError) as refused:
        await put_on_file(road, case.facts, case.system)
    assert refused.value.field == "system.grant.assert_attributes[1]"


# --- what is kept, and what is shown ----------------------------------------------------------------------


async def test_a_text_that_somebody_wrote_is_in_no_entry_and_in_no_explanation(road: Installation) -> None:
    """Of a record, described and on file; of a user, described."""
    case = case_of(TRAINED, assert_attributes=["training", "contract", "years_of_service"])
    written = {"name": "house", "text": CANARY}
    case.facts.records[0]["attributes"] = [written]
    case.facts.users[0]["attributes"] = []
    user = {
        "attributes": [
            {"name": "training", "texts": {"values": [CANARY, "domestic_abuse_basics"]}},
            {"name": "contract", "text": "agency"},
            {"name": "years_of_service", "number": 3},
        ]
    }
    token = (await put_on_file(road, case.facts, case.system)).token
    for record in (case.ask["record"], "not on file"):
        described = described_record(case, written) | {"user": user}
        described["record"]["teams"] = case.facts.records[0]["teams"]
        asked = {**case.ask, "record": record, "description": described}
        request = pb.ExplainRequest(check=as_message(asked))
        answer = await road.call("DecisionService/Explain", request.SerializeToString(), token=token)
        explained = pb.ExplainResponse.FromString(answer)
        entry = await entry_of(road, explained.answer.decision_id)
        assert CANARY.encode() not in answer
        assert CANARY.encode() not in entry.SerializeToString()
        said = asserted(entry)
        assert said["user.attributes.contract"] == ["agency"]
        assert said["user.attributes.years_of_service"] == ["3"]
        assert [len(each) for each in said["user.attributes.training"]] == [64, 64]
        assert ("record.attributes.house" in said) is (record == "not on file")
        shown = {
            condition.path: condition.value
            for question in explained.questions
            for policy in question.policies
            for condition in policy.conditions
        }
        assert shown["subject.attributes.contract"] == "agency"
        assert shown["resource.attributes.house"].startswith("fingerprint:")
        assert shown["subject.attributes.training"].startswith("fingerprint:")


async def test_the_policies_name_what_the_published_set_declares(road: Installation) -> None:
    request = policy_pb2.PolicyServiceListAttributesRequest().SerializeToString()
    answer = await road.call("PolicyService/ListAttributes", request, token=road.administrator)
    found = policy_pb2.PolicyServiceListAttributesResponse.FromString(answer).attributes
    declared = {each.path: each for each in found if each.declared}
    assert list(declared) == sorted(declared)
    assert set(declared) == {
        *(f"subject.attributes.{name}" for name in ("training", "contract", "years_of_service")),
        *(f"resource.attributes.{name}" for name in ("tenure", "house", "placement", "staffed_at_night")),
    }
    assert declared["resource.attributes.tenure"].values == ["licence", "tenancy"]
    assert not any(each.total for each in declared.values())


async def test_a_private_person_has_none_of_what_was_given_to_him_as_staff(road: Installation) -> None:
    case = case_of(TRAINED, self_service=True)
    case.facts.users[0]["person"] = case.facts.people[0]["identifiers"][0]
    token = (await put_on_file(road, case.facts, case.system)).token
    request = pb.ExplainRequest(check=as_message({**case.ask, "self_service": True}))
    answer = await road.call("DecisionService/Explain", request.SerializeToString(), token=token)
    seen = {
        (condition.value, condition.missing)
        for question in pb.ExplainResponse.FromString(answer).questions
        for policy in question.policies
        for condition in policy.conditions
        if condition.path == "subject.attributes.contract"
    }
    assert seen == {("", True)}
