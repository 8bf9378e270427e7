"""`explain`: what it sends, what it shows, and how it ends."""

from __future__ import annotations

import grpc
import pytest

from policy_service.api.v1 import decision_pb2 as pb
from tests.cli.conftest import POLICE, Terminal
from tests.support.fake_service import FakeService, Refusal

SIMPLE = ("explain", "--as", "police-records", "--user", "u", "--record", "R", "--field", "made_by@b1")


@pytest.fixture
def explained(fake: FakeService) -> pb.ExplainResponse:
    """What the service answers: a permit of the authority gate, and a statute's deny."""
    answer = pb.ExplainResponse()
    answer.answer.decision_id = "d-1"
    answer.answer.effect = pb.EFFECT_DENY
    answer.answer.cells.add(field="made_by", party="b1", effect=pb.EFFECT_DENY, reason="NOT_AVAILABLE")
    first = answer.questions.add(gate="authority", effect=pb.EFFECT_PERMIT, reason="TEAM", tier="basis")
    first.policies.add(uid="authority.basis.team", tier="basis", outcome="true", decided=True)
    second = answer.questions.add(
        gate="disclosure",
        field="made_by@b1",
        part="annex",
        data_subject="person:01930000-0000-7000-8000-000000000000",
        implied_data_subject=True,
        reader="recipient:user:u",
        effect=pb.EFFECT_DENY,
        reason="WITHHELD_BY_LAW",
        tier="statute",
    )
    absolute = second.policies.add(uid="disclosure.absolute.adverse", tier="absolute", outcome="false")
    absolute.conditions.add(
        path="context.recipient.adverse", condition="Eq true", value="false", outcome="false"
    )
    statute = second.policies.add(
        uid="disclosure.statute.secret", tier="statute", outcome="error", decided=True
    )
    statute.conditions.add(path="resource.role_secret", condition="Eq true", value="true", outcome="true")
    statute.conditions.add(
        path="context.contact_point.verified_days", condition="Gt 180", missing=True, outcome="error"
    )
    third = answer.questions.add(
        gate="delivery", effect=pb.EFFECT_DENY, reason="NO_BASIS", reader="recipient:x:y"
    )
    third.policies.add(uid="delivery.basis.seen", tier="basis", outcome="false")
    fake.answers["DecisionService/Explain"] = lambda _: answer
    return answer


def test_it_sends_what_check_sends(
    terminal: Terminal, fake: FakeService, explained: pb.ExplainResponse
) -> None:
    fake.answers["DecisionService/Check"] = lambda _: pb.CheckResponse(decision_id="d-1")
    options = ("--to", "party:m,channel=post", "--purpose", "care", "--digest", "ab" * 32)
    terminal(*SIMPLE, *options)
    terminal("check", *SIMPLE[1:], *options)
    explain, check = fake.calls
    assert (explain.method, check.method) == ("DecisionService/Explain", "DecisionService/Check")
    assert explain.request == pb.ExplainRequest(check=check.request)
    assert check.request.recipients[0].channel == "post"
    assert explain.metadata["authorization"] == f"Bearer {POLICE}"


def test_what_decided_is_shown_with_what_it_saw(terminal: Terminal, explained: pb.ExplainResponse) -> None:
    typed = terminal(*SIMPLE)

    assert (typed.code, typed.err) == (0, "")
    lines = typed.out.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert "1. authority permit TEAM" in lines
    assert "2. disclosure deny WITHHELD_BY_LAW" in lines
    assert "field       made_by@b1, its part annex" in lines
    assert "about       person:01930000-0000-7000-8000-000000000000 (implied)" in lines
    assert "towards     recipient:user:u" in lines
    assert "decided by  disclosure.statute.secret" in lines
    assert "decided by error: disclosure.statute.secret (statute)" in lines
    (saw,) = (line.split() for line in lines if line.startswith("context.contact_point.verified_days"))
    assert saw[1:] == ["Gt", "180", "missing", "error"]
    assert "tier        none: no policy applied" in lines
    assert "disclosure.absolute.adverse" not in typed.out
    assert "deny, and no permission: ask with `check` before acting" in typed.out


def test_all_shows_every_policy_that_was_considered(
    terminal: Terminal, explained: pb.ExplainResponse
) -> None:
    lines = terminal(*SIMPLE, "--all").out.splitlines()
    assert "does not apply: disclosure.absolute.adverse (absolute)" in lines
    assert "does not apply: delivery.basis.seen (basis)" in lines


def test_who_is_implied_is_not_said_to_be_permitted(terminal: Terminal, fake: FakeService) -> None:
    answer = pb.ExplainResponse()
    permit = {"gate": "disclosure", "effect": pb.EFFECT_PERMIT}
    answer.questions.add(**permit, reader="shares_point:person:a", data_subject="person:b")
    answer.questions.add(
        **permit, reader="recipient:user:u", data_subject="person:c", implied_data_subject=True
    )
    answer.questions.add(**permit, reader="recipient:user:u", reason="TEAM", tier="basis")
    answer.questions.add(gate="disclosure", reader="recipient:x:y", effect=pb.EFFECT_DENY, reason="NO_BASIS")
    fake.answers["DecisionService/Explain"] = lambda _: answer
    typed = terminal(*SIMPLE)
    said = " ".join(typed.out.split())
    assert [line for line in typed.out.splitlines() if line[:1].isdigit()] == [
        "1. disclosure not denied",
        "2. disclosure not denied",
        "3. disclosure permit TEAM",
        "4. disclosure deny NO_BASIS",
    ]
    assert "none: no deny applied; an implied reader is tested against denies alone" in said
    assert "none: no deny applied; somebody whom the field implies is tested against denies alone" in said
    assert said.count("denies alone") == 2
    assert said.count("none: no policy applied") == 1


def test_json_is_the_answer(terminal: Terminal, explained: pb.ExplainResponse) -> None:
    typed = terminal(*SIMPLE, "--json")
    assert typed.code == 0
    assert typed.json["questions"][1]["policies"][1]["decided"] is True
    assert typed.json["answer"]["decisionId"] == "d-1"


def test_a_permit_is_no_permission(terminal: Terminal, explained: pb.ExplainResponse) -> None:
    explained.answer.effect = pb.EFFECT_PERMIT
    assert "permit, and no permission" in terminal(*SIMPLE).out


def test_more_than_is_explained_is_said(terminal: Terminal, explained: pb.ExplainResponse) -> None:
    explained.truncated = True
    assert "more was asked than is explained" in terminal(*SIMPLE).out


def test_nothing_explained_ends_with_1(terminal: Terminal, explained: pb.ExplainResponse) -> None:
    del explained.questions[:]
    typed = terminal(*SIMPLE)
    assert typed.code == 1
    assert "nothing: not there, or not for this system" in typed.out
    assert max(len(line) for line in typed.out.splitlines()) <= 80
    for command in ("`policy-service systems show NAME`", "`policy-service systems put NAME --may-explain`"):
        assert command in typed.out
    assert "replaces the whole" in typed.out


def test_a_refusal_names_the_option(terminal: Terminal, fake: FakeService) -> None:
    def refuse(_: object) -> pb.ExplainResponse:
        raise Refusal(
            grpc.StatusCode.INVALID_ARGUMENT, "`fields` is wrong", "NO_FIELD", "check.fields[0].name"
        )

    fake.answers["DecisionService/Explain"] = refuse
    typed = terminal(*SIMPLE)
    assert typed.code == 2
    assert "correct --field" in typed.err


def test_it_cannot_steer_the_terminal(terminal: Terminal, explained: pb.ExplainResponse) -> None:
    explained.questions[1].policies[1].conditions[0].value = "\x1b[2J[bold]x"
    explained.questions[1].reader = "a\x07"
    typed = terminal(*SIMPLE)
    assert "\x1b" not in typed.out
    assert "\x07" not in typed.out
    assert "[bold]x" in typed.out
