"""Promise 4: what an entry keeps of a call is enough to decide it again, whatever was asked and whatever is
on file. In generated worlds; over the bytes of the entry, and with what is read from them alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, note

from policy_service.decision_log.entries import Head, Versions, decision_entry
from policy_service.decision_log.recorded import differences, recorded_in
from policy_service.facts.gather.clock import Moment
from policy_service.model.caller import Caller
from policy_service.model.question import CheckCall
from policy_service.service.decide import decide
from policy_service.service.keeping import keep
from policy_service.service.restoring import restored
from tests.properties.cast import FINGERPRINTS, TRUST
from tests.properties.scene import Scene, view_of
from tests.properties.scenes import scenes
from tests.support.shipped import POLICIES

pytestmark = pytest.mark.timeout(900)


@given(scenes())
def test_what_an_entry_keeps_gives_the_same_answer(scene: Scene) -> None:
    view, caller = view_of(scene.facts), Caller("token", TRUST, system=scene.system)
    head = Head("e", scene.now, caller, "Check", 1, Versions(1, 1, "z", "p"), permits_judged_at=scene.now)
    decided = scene.decide()
    kept = keep(view, FINGERPRINTS, POLICIES.plan.catalogue, caller, scene.call, Moment(scene.now, scene.now))
    entry = decision_entry(head, replace(decided.trace, kept=kept))

    recorded = recorded_in(entry)
    assert recorded is not None
    assert recorded.kept is not None
    then = Moment(recorded.time, recorded.permits_judged_at)
    ready = restored(recorded.kept, FINGERPRINTS, POLICIES.plan, then)
    again = decide(view, POLICIES, ready.fingerprints, recorded.caller, ready.call, then)
    found = differences(entry, decision_entry(head, again.trace), same_moment=True)
    note(str(found))
    assert not found
    assert not ready.guessed
    system = view.system(TRUST, scene.system)
    if system is not None and system.may_describe:
        assert shape(ready.call, then) == shape(scene.call, then)


def shape(call: CheckCall, then: Moment) -> Any:
    """All of a call but its texts, and which of these there are: one that made no difference may make one."""
    said = call.description
    return (
        *(call.verb, call.purpose, call.channel, call.self_service, call.assurance, call.capabilities),
        call.contact_point,
        [
            (r.party, bool(r.person), r.team, bool(r.contact_point), r.channel, bool(r.interpreter))
            for r in call.recipients
        ],
        said.user and (bool(said.user.person), len(said.user.attributes)),
        said.record
        and (
            said.record.record_type,
            said.record.teams,
            said.record.premises,
            [(p.party, p.role, bool(p.person)) for p in said.record.parties],
        ),
        [
            (
                p.key,
                len(p.identifiers),
                p.kind,
                p.organisation_roles,
                p.categories,
                bool(p.name),
                p.birth_date is None,
                then.is_minor(p.birth_date),
            )
            for p in said.people
        ],
        [(tie.kind, tie.parental_responsibility) for tie in said.relationships],
        [(p.key, p.kind, len(p.owners), bool(p.uprn), p.home, p.voicemail_safe) for p in said.contact_points],
    )
