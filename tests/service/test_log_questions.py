"""DecisionLogService: auditors, each within his organisation; a reading is an entry itself."""

from __future__ import annotations

import hashlib

import pytest

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.model.errors import InvalidArgumentError, NotAvailableError, PermissionDeniedError
from policy_service.model.ids import random_id
from policy_service.service.log_questions import GetEntry
from policy_service.service.people_asked import PutPerson
from tests.service.control import ADMIN, AUDITOR, FIRST, OFFICER, POLICE, TRUST_AUDITOR, Control


async def written(control: Control) -> str:
    await control.people.put_person(OFFICER.calling(), PutPerson(("police-ref:P-1",)))
    return control.entries()[-1].entry_id


async def test_an_entry_comes_with_the_bytes_that_were_hashed(control: Control) -> None:
    entry_id = await written(control)
    found = await control.log_questions.get(AUDITOR.calling("DecisionLogService/Get"), GetEntry(entry_id))
    assert LogEntry.FromString(found.data).entry_id == entry_id
    assert found.leaf_hash == hashlib.sha256(b"\0" + found.data).digest()
    assert control.stores.stored_entries()[found.index] == found

    reading = control.entries()[-1]
    assert (reading.method, reading.caller.principal) == ("DecisionLogService/Get", "police-auditor")
    assert list(reading.read.facts) == [f"entry:{entry_id}"]
    assert reading.read.found


async def test_another_organisations_entry_is_like_none(control: Control) -> None:
    entry_id = await written(control)
    told = set()
    for asked in (entry_id, random_id()):
        with pytest.raises(NotAvailableError) as caught:
            await control.log_questions.get(TRUST_AUDITOR.calling(), GetEntry(asked))
        told.add((caught.value.reason, caught.value.message))
    assert len(told) == 1


async def test_the_installations_auditor_reads_each_of_them(control: Control) -> None:
    entry_id = await written(control)
    await control.log_questions.get(FIRST.calling(), GetEntry(entry_id))
    # The reading belongs to the organisation whose entry was read: its auditors see that.
    assert control.entries()[-1].controller == POLICE


async def test_only_auditors_read_the_log(control: Control) -> None:
    entry_id = await written(control)
    for caller in (ADMIN, OFFICER):
        with pytest.raises(PermissionDeniedError):
            await control.log_questions.get(caller.calling(), GetEntry(entry_id))


async def test_an_id_that_is_none_is_refused(control: Control) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await control.log_questions.get(AUDITOR.calling(), GetEntry("decision"))
    assert caught.value.reason == "BAD_ID"
