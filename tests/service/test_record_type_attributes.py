"""RecordService: record types of an organisation name declared attributes, and their records have those."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from policy_service.facts import keys
from policy_service.model.attributes import AttributeValue
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import PolicySet
from policy_service.service.pages import PageAsked
from policy_service.service.policies import shipped_policy_set
from policy_service.service.policy_questions import ValidateFiles
from policy_service.service.record_put import PutRecord
from policy_service.service.records import GetRecord, PutRecordType
from policy_service.service.validate_policies import PolicyFile
from tests.decisions.own import own_set
from tests.service.control import (
    ADMIN,
    AUDITOR,
    OFFICER,
    POLICE,
    POLICIES,
    TRUST_OFFICER,
    Control,
    refusals,
)

ROOM = PutRecordType("hostel.room", "base.hostel", attributes=("placement",))
RECORD = PutRecord("H-1", "hostel.room")
EMERGENCY = AttributeValue("placement", "emergency")
LICENCE = AttributeValue("tenure", "licence")

AT = "record_type.attributes"


@pytest.fixture(scope="module")
def own_policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_set(tmp_path_factory.mktemp("own") / "policies")


@pytest.fixture(scope="module")
def own(own_policies: Path) -> PolicySet:
    return shipped_policy_set(own_policies)


@pytest_asyncio.fixture
async def declaring(control: Control, own: PolicySet) -> Control:
    """A control plane on which the set is published that declares `placement`, named by no base type."""
    control.publish(shipped_policy_set(POLICIES), own)
    return control


@pytest.fixture(scope="module")
def without_placement(own_policies: Path, tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    folder = tmp_path_factory.mktemp("without") / "policies"
    shutil.copytree(own_policies, folder)
    for file in ("attributes/placement", "authority/basis/emergency", "disclosure/basis/emergency"):
        (folder / f"{file}.yaml").unlink()
    return shipped_policy_set(folder)


async def test_a_type_keeps_its_attributes_and_they_are_listed(declaring: Control) -> None:
    asked = replace(ROOM, attributes=("placement", "house"))  # the base has `house` already
    before = len(declaring.entries())
    stored = (await declaring.records.put_record_type(OFFICER.calling(), asked)).answer
    (entry,) = declaring.entries()[before:]
    assert list(entry.write.facts) == [f"record_type:{stored.record_type_id}"]
    assert stored.attributes == ("placement", "house")
    view = await declaring.seen_elsewhere(keys.record_type(POLICE, ROOM.name))
    assert view.record_type(POLICE, ROOM.name) == stored
    listed = await declaring.records.list_record_types(AUDITOR.calling(), PageAsked(9))
    assert listed.items == (stored,)
    again = (await declaring.records.put_record_type(ADMIN.calling(), replace(ROOM, attributes=()))).answer
    assert again == replace(stored, attributes=())


async def test_it_names_what_the_set_declares_of_records_each_once(declaring: Control) -> None:
    refused = {
        ("placement", "placemnt"): (f"{AT}[1]", "UNKNOWN_ATTRIBUTE"),
        ("training",): (f"{AT}[0]", "UNKNOWN_ATTRIBUTE"),  # of users
        ("resource.attributes.placement",): (f"{AT}[0]", "UNKNOWN_ATTRIBUTE"),
        ("record_type",): (f"{AT}[0]", "UNKNOWN_ATTRIBUTE"),  # the service works it out
        ("p" * 1_000,): (f"{AT}[0]", "UNKNOWN_ATTRIBUTE"),
        ("placement", "house", "placement"): (f"{AT}[2]", "REPEATED"),
    }
    put = declaring.records.put_record_type
    asks = (put(OFFICER.calling(), replace(ROOM, attributes=names)) for names in refused)
    assert await refusals(asks) == list(refused.values())
    with pytest.raises(InvalidArgumentError, match="perhaps `placement` is meant"):
        await put(OFFICER.calling(), replace(ROOM, attributes=("placemnt",)))
    assert (await declaring.records.list_record_types(AUDITOR.calling(), PageAsked(9))).items == ()


async def test_what_ships_declares_none(control: Control) -> None:
    with pytest.raises(InvalidArgumentError, match="`policy-service policies attributes`") as refused:
        await control.records.put_record_type(
            OFFICER.calling(), PutRecordType("police.case", "base.case", attributes=("tenure",))
        )
    assert (refused.value.field, refused.value.reason) == (f"{AT}[0]", "UNKNOWN_ATTRIBUTE")


async def test_a_record_has_what_its_type_and_its_base_name(declaring: Control) -> None:
    await declaring.records.put_record_type(OFFICER.calling(), ROOM)
    asked = replace(RECORD, attributes=(EMERGENCY, LICENCE))
    put = (await declaring.records.put_record(OFFICER.calling(), asked)).answer
    assert put.record.attributes == (EMERGENCY, LICENCE)
    found = await declaring.records.get_record(AUDITOR.calling(), GetRecord("H-1"))
    assert found.record == put.record

    value = "record.attributes[0]"
    plain = replace(ROOM, name="hostel.annex", attributes=())
    await declaring.records.put_record_type(OFFICER.calling(), plain)
    refused = {
        replace(asked, record_type=plain.name): (f"{value}.name", "UNKNOWN_ATTRIBUTE"),
        replace(asked, attributes=(replace(EMERGENCY, value=("emergency",)),)): (value, "WRONG_TYPE"),
        replace(asked, attributes=(replace(EMERGENCY, value=True),)): (value, "WRONG_TYPE"),
        replace(asked, attributes=(replace(EMERGENCY, value="emergncy"),)): (
            f"{value}.text",
            "UNKNOWN_WORD",
        ),
    }
    asks = (declaring.records.put_record(OFFICER.calling(), each) for each in refused)
    assert await refusals(asks) == list(refused.values())
    still = await declaring.records.get_record(AUDITOR.calling(), GetRecord("H-1"))
    assert still.record == put.record


async def test_another_organisations_type_of_the_same_name_gives_nothing(declaring: Control) -> None:
    asked = replace(RECORD, attributes=(EMERGENCY,))
    await declaring.records.put_record_type(TRUST_OFFICER.calling(), ROOM)
    assert await refusals([declaring.records.put_record(OFFICER.calling(), asked)]) == [
        ("record.record_type", "UNKNOWN_RECORD_TYPE")
    ]
    await declaring.records.put_record_type(OFFICER.calling(), replace(ROOM, attributes=()))
    assert await refusals([declaring.records.put_record(OFFICER.calling(), asked)]) == [
        ("record.attributes[0].name", "UNKNOWN_ATTRIBUTE")
    ]
    await declaring.records.put_record(TRUST_OFFICER.calling(), asked)


async def test_what_is_declared_no_more_nobody_puts_on_file_again(
    declaring: Control, own: PolicySet, without_placement: PolicySet
) -> None:
    """The type and its records stay as they are until they are put again."""
    stored = (await declaring.records.put_record_type(OFFICER.calling(), ROOM)).answer
    asked = replace(RECORD, attributes=(EMERGENCY,))
    put = (await declaring.records.put_record(OFFICER.calling(), asked)).answer
    declaring.publish(own, without_placement)

    assert await refusals(
        [
            declaring.records.put_record(OFFICER.calling(), asked),
            declaring.records.put_record_type(OFFICER.calling(), ROOM),
        ]
    ) == [("record.attributes[0].name", "UNKNOWN_ATTRIBUTE"), (f"{AT}[0]", "UNKNOWN_ATTRIBUTE")]
    found = await declaring.records.get_record(AUDITOR.calling(), GetRecord("H-1"))
    assert found.record == put.record
    listed = await declaring.records.list_record_types(AUDITOR.calling(), PageAsked(9))
    assert listed.items == (stored,)
    await declaring.records.put_record_type(OFFICER.calling(), replace(ROOM, attributes=()))
    await declaring.records.put_record(OFFICER.calling(), replace(RECORD, attributes=(LICENCE,)))


async def test_validating_knows_what_the_record_types_on_file_name(
    declaring: Control, own: PolicySet
) -> None:
    files = ValidateFiles((), attributes=tuple(PolicyFile(name, text) for name, text in own.attributes))

    async def warned() -> list[str]:
        validation = await declaring.policy_questions.validate(OFFICER.calling(), files)
        assert validation.problems == ()
        return [each.file for each in validation.warnings]

    assert await warned() == ["attributes/placement.yaml"]
    await declaring.records.put_record_type(TRUST_OFFICER.calling(), ROOM)
    assert await warned() == ["attributes/placement.yaml"]
    await declaring.records.put_record_type(OFFICER.calling(), ROOM)
    assert await warned() == []
