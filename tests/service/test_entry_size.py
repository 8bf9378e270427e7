"""An abridged entry is never larger than what its call was judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from policy_service.decision_log.entries import Head, decision_entry
from policy_service.model.decision import Decision
from policy_service.model.question import CheckCall
from policy_service.model.trace import DecisionTrace
from policy_service.service import check as check_service
from policy_service.service.entry_size import RESERVE, abridged, may_be_logged, widest
from tests.promises.world import check, open_world
from tests.support.installation import installation

LONG = "k" * 120
PARTIES = [{"party": f"{LONG}{n}", "role": "subject", "person": f"{LONG}{n}"} for n in range(3)]
QUESTIONS: dict[str, dict[str, Any]] = {
    "a see": {"user": "w.nurse", "record": "F-P", "fields": [{"name": "summary"}]},
    "a place that nobody knows": {
        "user": "w.nurse",
        "record": "F-P",
        "fields": [{"name": "subject.address", "place": "p" * 200}],
    },
    "a send": {
        "user": "w.nurse",
        "record": "F-P",
        "verb": "VERB_SEND",
        "artefact_type": "clinic.letter",
        "fields": [{"name": "summary"}, {"name": "subject.address"}],
        "recipients": [{"person": "ref:gp", "contact_point": "gp-post"}, {"team": "t" * 200}],
    },
    "somebody described by all that there is": {
        "user": "u.new",
        "record": "F-new",
        "self_service": True,
        "user_assurance": 3,
        "capabilities": {"obligations": ["redact", "omit_silently"]},
        "fields": [{"name": "summary", "party": party["party"]} for party in PARTIES],
        "verb": "VERB_SEND",
        "recipients": [{"person": f"{LONG}0", "contact_point": "cp"}, {"person": "ref:gp"}],
        "description": {
            "user": {"roles": ["clinician"], "teams": ["ward-9"], "person": "ref:nobody"},
            "record": {"record_type": "clinic.file", "teams": ["ward-9"], "parties": PARTIES},
            "people": [
                {
                    "key": f"{LONG}{n}",
                    "identifiers": [f"ref:new-{n}", f"nhs:{n}"],
                    "name": "Robin Example",
                    "birth_date": "1990-01-01",
                }
                for n in range(3)
            ],
            "relationships": [
                {"from_person": f"{LONG}0", "to_person": "ref:V", "kind": "parent_of"},
                {"from_person": f"{LONG}1", "to_person": f"{LONG}2", "kind": "lives_with"},
            ],
            "contact_points": [
                {
                    "key": "cp",
                    "kind": "post",
                    "value": "1 Invented Road, Nowhereton",
                    "owners": [f"{LONG}0", f"party:{LONG}1", "ref:V"],
                    "uprn": "100012345678",
                    "home": True,
                }
            ],
        },
    },
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_no_abridged_entry_is_larger_than_the_widest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    judged: list[tuple[CheckCall, Decision]] = []
    over: list[int] = []

    def may_be_logged_(head: Head, call: CheckCall, decision: Decision) -> bool:
        judged.append((call, decision))
        return may_be_logged(head, call, decision)

    def decision_entry_(head: Head, trace: DecisionTrace) -> bytes:
        call, decision = judged[-1]
        short = decision_entry(head, abridged(decision, trace))
        over.append(len(short) - len(decision_entry(head, widest(call, decision))))
        return decision_entry(head, trace)

    monkeypatch.setattr(check_service, "may_be_logged", may_be_logged_)
    monkeypatch.setattr(check_service, "decision_entry", decision_entry_)
    async with installation(f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}") as road:
        await check(road, await open_world(road), **QUESTIONS[name])
    assert over
    assert max(over) < RESERVE // 4
