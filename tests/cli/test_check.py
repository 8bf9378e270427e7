"""`check`: what is asked, what is printed, and the exit code."""

from __future__ import annotations

import json
import time
from pathlib import Path

import grpc
import pytest

from policy_service.api.v1 import decision_pb2 as pb
from tests.cli.conftest import POLICE, TRUST, Terminal
from tests.support.fake_service import FakeService, Refusal

SIMPLE = (
    "check",
    "--as",
    "police-records",
    "--user",
    "o.manager",
    "--record",
    "OM-1001",
    "--field",
    "subject.name",
)


def permit(request: pb.CheckRequest) -> pb.CheckResponse:
    cells = [pb.Cell(field=f.name, party=f.party, effect=pb.EFFECT_PERMIT) for f in request.fields]
    return pb.CheckResponse(decision_id="d-1", effect=pb.EFFECT_PERMIT, cells=cells)


def test_the_simplest_question(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["DecisionService/Check"] = permit

    typed = terminal(*SIMPLE)

    assert (typed.code, typed.err) == (0, "")
    assert fake.calls[0].request == pb.CheckRequest(
        user="o.manager", record="OM-1001", fields=[pb.FieldInstance(name="subject.name")]
    )
    assert fake.calls[0].metadata["authorization"] == f"Bearer {POLICE}"
    assert typed.out.splitlines()[2].split() == ["subject.name", "o.manager", "permit"]
    assert "decision  d-1" in typed.out


def test_every_option_is_asked(terminal: Terminal, fake: FakeService, tmp_path: Path) -> None:
    fake.answers["DecisionService/Check"] = permit
    described = tmp_path / "described.yaml"
    described.write_text("people: [{key: m, birth_date: 2016-05-04}]\nuser: {teams: [t]}\n")

    terminal(
        *(
            "check",
            "--as",
            "nhs-letters",
            "--user",
            "u",
            "--record",
            "R",
            "--field",
            "report@b1,place=CP-1,2",
            "--field",
            "body",
        ),
        *(
            "--send",
            "--purpose",
            "care",
            "--channel",
            "post",
            "--artefact",
            "nhs.letter",
            "--digest",
            "ab" * 32,
        ),
        *(
            "--dispatch-reference",
            "X-1",
            "--self-service",
            "--contact-point",
            "CP",
            "--describe",
            str(described),
        ),
        *(
            "--to",
            "party:mother,contact-point=a,b,interpreter=s:9,channel=email",
            "--to",
            "person:scheme:v,1",
            "--to",
            "team:t",
        ),
        *("--capability", "redact", "--capability", "mask", "--assurance", "2", "--language", "cy"),
    )

    assert fake.calls[0].metadata["authorization"] == f"Bearer {TRUST}"
    assert fake.calls[0].request == pb.CheckRequest(
        user="u",
        record="R",
        fields=[pb.FieldInstance(name="report", party="b1", place="CP-1,2"), pb.FieldInstance(name="body")],
        verb=pb.VERB_SEND,
        purpose="care",
        channel="post",
        recipients=[
            pb.Recipient(party="mother", contact_point="a,b", channel="email", interpreter="s:9"),
            pb.Recipient(person="scheme:v,1"),
            pb.Recipient(team="t"),
        ],
        capabilities=pb.CapabilityClaim(obligations=["redact", "mask"]),
        user_assurance=2,
        language="cy",
        artefact_type="nhs.letter",
        artefact_digest=b"\xab" * 32,
        dispatch_reference="X-1",
        self_service=True,
        contact_point="CP",
        description=pb.Description(
            user=pb.DescribedUser(teams=["t"]), people=[pb.DescribedPerson(key="m", birth_date="2016-05-04")]
        ),
    )


ON_FILE = "person:01930000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("trust-ref:T-3002", "trust-ref:T-3002"),
        ("person:trust-ref:T-3002", "trust-ref:T-3002"),
        ("person:iris", "iris"),
        ("iris", "iris"),
        (ON_FILE, ON_FILE),
    ],
)
def test_an_interpreter_may_be_written_as_a_recipient_is(
    terminal: Terminal, fake: FakeService, written: str, sent: str
) -> None:
    to = f"party:mother,interpreter={written},channel=phone.live"
    terminal("check", "--as", "police-records", "--user", "u", "--record", "R", "--field", "f", "--to", to)
    assert fake.calls[0].request.recipients[0].interpreter == sent


@pytest.mark.parametrize("written", ["party:mother", "team:t", "person:", ""])
def test_an_interpreter_is_a_person(terminal: Terminal, fake: FakeService, written: str) -> None:
    to = f"party:mother,interpreter={written}"
    typed = terminal(
        "check", "--as", "police-records", "--user", "u", "--record", "R", "--field", "f", "--to", to
    )
    assert (typed.code, fake.calls) == (2, [])
    assert "interpreter=SCHEME:VALUE" in typed.err


def test_a_mistyped_key_of_a_recipient_is_no_part_of_a_name(terminal: Terminal, fake: FakeService) -> None:
    to = "person:trust-ref:T-1,contact-pont=CP-1"
    typed = terminal(
        "check", "--as", "police-records", "--user", "u", "--record", "R", "--field", "f", "--to", to
    )
    assert (typed.code, fake.calls) == (2, [])
    assert "nothing is called `contact-pont`; perhaps `contact-point` is meant" in typed.err.replace(
        ", perhaps", "; perhaps"
    )


def test_a_reference_may_look_like_keys(terminal: Terminal, fake: FakeService) -> None:
    to = "person:ldap:cn=jo,ou=staff,dc=example,channel=post"
    terminal("check", "--as", "police-records", "--user", "u", "--record", "R", "--field", "f", "--to", to)
    (recipient,) = fake.calls[0].request.recipients
    assert (recipient.person, recipient.channel) == ("ldap:cn=jo,ou=staff,dc=example", "post")


def test_to_be_able_to_do_nothing_is_said_by_its_name(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["DecisionService/Check"] = permit
    simplest = ("check", "--as", "nhs-letters", "--user", "u", "--record", "R", "--field", "f")
    terminal(*simplest)
    terminal(*simplest, "--capability", "none")
    unsaid, nothing = (call.request for call in fake.calls)
    assert not unsaid.HasField("capabilities")
    assert nothing.HasField("capabilities")
    assert list(nothing.capabilities.obligations) == []
    assert terminal(*simplest, "--capability", "none", "--capability", "redact").code == 2
    assert len(fake.calls) == 2


def test_to_whom_and_by_what_a_permit_is_bound(terminal: Terminal, fake: FakeService) -> None:
    answer = pb.CheckResponse(
        decision_id="d-1",
        effect=pb.EFFECT_PERMIT,
        cells=[pb.Cell(field="f", effect=pb.EFFECT_PERMIT, recipient=1)],
        bindings=[pb.Binding(recipient=1, contact_point="CP-2", channel="post")],
        artefact_digest=b"\xab" * 32,
    )
    fake.answers["DecisionService/Check"] = lambda _: answer
    typed = terminal(
        *("check", "--as", "nhs-letters", "--user", "u", "--record", "R", "--field", "f"),
        *("--to", "party:a", "--to", "party:b"),
    )
    assert "bound to  party:b (CP-2, post)" in typed.out
    assert f"digest    {'ab' * 32}" in typed.out


def test_a_matrix_and_what_is_owed_fit_80_columns(terminal: Terminal, fake: FakeService) -> None:
    long = "a.field.of.a.record.type.with.a.rather.long.name"
    answer = pb.CheckResponse(
        decision_id="01930000-0000-7000-8000-000000000000",
        effect=pb.EFFECT_DENY,
        cells=[
            pb.Cell(field=long, party="p", effect=pb.EFFECT_PERMIT),
            pb.Cell(field=long, recipient=1, effect=pb.EFFECT_DENY, reason="PEOPLE_WHO_LIVE_APART_AND_MORE"),
            pb.Cell(field="copy_list", recipient=1, envelope=True),
        ],
        obligations=[
            pb.Obligation(kind="split_per_recipient"),
            pb.Obligation(
                kind="recheck_before", fields=[long], recipients=[1], parameters={"valid_until": "x"}
            ),
        ],
    )
    answer.valid_until.FromJsonString("2026-03-29T00:30:00Z")
    fake.answers["DecisionService/Check"] = lambda _: answer

    typed = terminal(*SIMPLE, "--to", "person:police-ref:P-1003", "--to", "party:father")

    assert typed.code == 1
    assert max(len(line) for line in typed.out.splitlines()) <= 80
    words = typed.out.replace("\n", " ").split()
    for word in ("permit", "deny", "(envelope)", "party:father", "split_per_recipient", "valid_until=x"):
        assert word in words
    assert "valid until  2026-03-29T00:30:00Z" in typed.out
    assert "decision     01930000-0000-7000-8000-000000000000" in typed.out


@pytest.mark.parametrize("length", [36, 44, 45, 128])
def test_a_long_name_is_broken_rather_than_cut(terminal: Terminal, fake: FakeService, length: int) -> None:
    name = "".join(chr(97 + i % 26) for i in range(length))
    cells = [pb.Cell(field=name, effect=pb.EFFECT_DENY, reason="A_REASON_OF_SOME_LENGTH_AND_MORE")]
    answer = pb.CheckResponse(decision_id="d-1", effect=pb.EFFECT_DENY, cells=cells)
    fake.answers["DecisionService/Check"] = lambda _: answer

    lines = terminal(*SIMPLE).out.splitlines()

    assert max(len(line) for line in lines) <= 80
    firsts = [
        line.split()[0]
        for line in lines[2:]
        if line[:1].isalpha() and not line.startswith(("answer", "decision"))
    ]
    assert "".join(firsts) == name
    assert (len(firsts) == 1) is (length <= 44)


def test_json_is_the_answer_with_the_protos_names(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["DecisionService/Check"] = permit

    typed = terminal(*SIMPLE, "--json")

    assert typed.code == 0
    assert typed.json == {
        "decisionId": "d-1",
        "effect": "EFFECT_PERMIT",
        "cells": [
            {
                "field": "subject.name",
                "party": "",
                "recipient": 0,
                "effect": "EFFECT_PERMIT",
                "reason": "",
                "envelope": False,
            }
        ],
        "obligations": [],
        "factsToken": "",
        "reason": "",
        "outsiderText": "",
        "staffTexts": [],
        "bindings": [],
        "artefactDigest": "",
    }


def test_a_denial_tells_staff_why_and_what_to_do_next(terminal: Terminal, fake: FakeService) -> None:
    answer = pb.CheckResponse(decision_id="d-1", effect=pb.EFFECT_DENY, reason="NOT_AVAILABLE")
    answer.staff_texts.add(
        reason="NOT_AVAILABLE", text="This is not available here. " * 5, next_step="Ask the team. " * 9
    )
    answer.staff_texts.add(reason="OTHER", text="Another.")
    fake.answers["DecisionService/Check"] = lambda _: answer

    typed = terminal(*SIMPLE)

    assert typed.code == 1
    lines = typed.out.splitlines()
    assert max(len(line) for line in lines) <= 80
    told = lines[lines.index("NOT_AVAILABLE") :]
    assert told[1].startswith("  This is not available here.")
    assert any(line.startswith("  Next: Ask the team.") for line in told)
    assert told[-2:] == ["OTHER", "  Another."]


def test_what_is_owed_is_said_in_words(terminal: Terminal, fake: FakeService) -> None:
    answer = pb.CheckResponse(decision_id="d-1", effect=pb.EFFECT_DENY)
    answer.obligations.add(kind="no_voicemail", recipients=[0])
    answer.obligations.add(kind="no_voicemail", recipients=[1])
    answer.obligations.add(kind="human_review", parameters={"prompt": "no_safe_contact"})
    answer.obligations.add(kind="of_tomorrow")
    fake.answers["DecisionService/Check"] = lambda _: answer

    typed = terminal(*SIMPLE)

    assert max(len(line) for line in typed.out.splitlines()) <= 80
    assert typed.out.count("  no_voicemail: Leave no voicemail") == 1
    words = " ".join(typed.out.split())
    assert "has looked at it. Find out how this person can be reached safely" in words
    assert "of_tomorrow:" not in words


@pytest.mark.parametrize(
    "answer",
    [
        pb.CheckResponse(decision_id="d-1", effect=pb.EFFECT_PERMIT),
        pb.CheckResponse(decision_id="d-1"),
        pb.CheckResponse(decision_id="d-1", effect=7),  # type: ignore[arg-type]
    ],
    ids=["a permit without cells", "no effect", "an effect of tomorrow"],
)
def test_only_a_permit_ends_with_0(terminal: Terminal, fake: FakeService, answer: pb.CheckResponse) -> None:
    fake.answers["DecisionService/Check"] = lambda _: answer

    assert terminal(*SIMPLE).code == 1


def test_an_answer_that_names_no_decision_is_no_answer(terminal: Terminal, fake: FakeService) -> None:
    typed = terminal(*SIMPLE)

    assert (typed.code, typed.out) == (4, "")
    assert "nothing is permitted" in typed.err


@pytest.mark.parametrize(
    ("refusal", "code", "told"),
    [
        (
            Refusal(grpc.StatusCode.INVALID_ARGUMENT, "`fields` must not be empty", "REQUIRED", "fields"),
            2,
            "error: `fields` must not be empty (REQUIRED)",
        ),
        (
            Refusal(grpc.StatusCode.UNAUTHENTICATED, "send a token", "UNAUTHENTICATED"),
            3,
            "is not accepted by 127.",
        ),
        (
            Refusal(grpc.StatusCode.PERMISSION_DENIED, "no", "ROLE_REQUIRED"),
            3,
            "may not do this: no (ROLE_REQUIRED)",
        ),
        (
            Refusal(grpc.StatusCode.UNAVAILABLE, "cannot answer", "STORE_UNAVAILABLE"),
            4,
            "(STORE_UNAVAILABLE)",
        ),
        (Refusal(grpc.StatusCode.UNAVAILABLE, "Socket closed"), 4, "was lost; nothing is permitted"),
        (Refusal(grpc.StatusCode.UNIMPLEMENTED, "no such method", "UNKNOWN_METHOD"), 4, "but not this"),
        (Refusal(grpc.StatusCode.INTERNAL, "the service failed"), 4, "the service failed"),
        (Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "later", "TOO_MANY_CALLS"), 4, "later (TOO_MANY_CALLS)"),
    ],
    ids=lambda value: value.status.name if isinstance(value, Refusal) else "",
)
def test_an_error_says_what_happened_and_what_to_do_next(
    terminal: Terminal, fake: FakeService, refusal: Refusal, code: int, told: str
) -> None:
    def refuse(_: object) -> pb.CheckResponse:
        raise refusal

    fake.answers["DecisionService/Check"] = refuse

    typed = terminal(*SIMPLE)

    assert (typed.code, typed.out) == (code, "")
    error, do_next = typed.err.splitlines()
    assert error.startswith("error: ")
    assert told in error
    assert do_next.startswith("next:  ")
    assert POLICE not in typed.err


def test_a_refusal_names_the_option_to_correct(terminal: Terminal, fake: FakeService) -> None:
    def refuse(_: object) -> pb.CheckResponse:
        raise Refusal(
            grpc.StatusCode.INVALID_ARGUMENT, "not a channel", "UNKNOWN_WORD", "recipients[0].channel"
        )

    fake.answers["DecisionService/Check"] = refuse

    error, do_next = terminal(*SIMPLE).err.splitlines()
    assert error == "error: `recipients[0].channel`: not a channel (UNKNOWN_WORD)"
    assert do_next.startswith("next:  correct --to and try again")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("NOT_A_SYSTEM", "--as SYSTEM"),
        ("CONTROLLER_NOT_YOURS", "leave --controller out"),
        ("ROLE_REQUIRED", "--token-file"),
    ],
)
def test_who_may_not_do_this_is_told_who_may(
    terminal: Terminal, fake: FakeService, reason: str, told: str
) -> None:
    refusal = Refusal(grpc.StatusCode.PERMISSION_DENIED, "no", reason)
    fake.answers["AccessService/ListTokens"] = lambda _: raised(refusal)
    typed = terminal("tokens", "list")
    assert typed.code == 3
    assert told in typed.err.splitlines()[1]


def test_a_refused_manager_is_not_sent_to_where_he_is_refused_again(
    terminal: Terminal, fake: FakeService
) -> None:
    refusal = Refusal(grpc.StatusCode.UNAUTHENTICATED, "send a token", "UNAUTHENTICATED")
    fake.answers["AccessService/ListTokens"] = lambda _: raised(refusal)
    typed = terminal("tokens", "list")
    assert typed.code == 3
    assert "tokens list" not in typed.err
    assert "--var-dir" in typed.err
    assert fake.address in typed.err


def test_the_organisation_that_is_missing_is_an_option(terminal: Terminal, fake: FakeService) -> None:
    refusal = Refusal(grpc.StatusCode.INVALID_ARGUMENT, "metadata", "CONTROLLER_REQUIRED", "x-controller")
    fake.answers["PrivacyRequestService/List"] = lambda _: raised(refusal)
    typed = terminal("requests", "list")
    assert typed.code == 2
    assert "metadata" not in typed.err
    assert "add --controller NAME; `policy-service systems list` shows the names" in typed.err


def raised(refusal: Refusal) -> pb.CheckResponse:
    raise refusal


def test_of_management_nobody_says_that_nothing_is_permitted(terminal: Terminal, fake: FakeService) -> None:
    def refuse(_: object) -> pb.CheckResponse:
        raise Refusal(grpc.StatusCode.UNAVAILABLE, "cannot answer", "STORE_UNAVAILABLE")

    fake.answers["AccessService/RevokeToken"] = refuse

    assert "it may have been done or not" in terminal("tokens", "revoke", "a1").err
    refusal = Refusal(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    fake.answers["AccessService/RevokeToken"] = lambda _: raised(refusal)
    assert "was lost; it may have been done or not" in terminal("tokens", "revoke", "a1").err
    nowhere = ("--control-address", "127.0.0.1:1")
    assert "nothing was done" in terminal("tokens", "revoke", "a1", before=nowhere).err


def test_nobody_there(terminal: Terminal) -> None:
    typed = terminal(*SIMPLE, before=("--address", "127.0.0.1:1"))

    assert typed.code == 4
    assert "nothing answers at 127.0.0.1:1" in typed.err
    assert "make run" in typed.err


def test_a_deadline(terminal: Terminal, fake: FakeService) -> None:
    def late(_: object) -> pb.CheckResponse:
        time.sleep(0.5)
        return pb.CheckResponse()

    fake.answers["DecisionService/Check"] = late

    typed = terminal(*SIMPLE, before=("--timeout", "0.1"))

    assert typed.code == 4
    assert "within 0.1 s" in typed.err
    assert "--timeout" in typed.err


@pytest.mark.parametrize(
    "address",
    ["nonsense", "", ":50051", "127.0.0.1:", "127.0.0.1:port", "::1:50051", "http://127.0.0.1:50051"],
)
def test_what_is_no_address(terminal: Terminal, fake: FakeService, address: str) -> None:
    for option, command in (("--address", SIMPLE), ("--control-address", ("tokens", "list"))):
        typed = terminal(*command, before=(option, address))
        assert typed.code == 2
        assert f"{option}: `{address}` is not HOST:PORT" in typed.err
    assert not fake.calls


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--to", "mother"), "--to"),
        (("--to", "party:"), "--to"),
        (("--to", "everybody:x"), "--to"),
        (("--digest", "abc"), "SHA-256"),
        (("--describe", "no/such/file.yaml"), "cannot be read"),
        (("--as", "../admin"), "system's name"),
    ],
)
def test_what_cannot_be_right_is_not_sent(
    terminal: Terminal, fake: FakeService, arguments: tuple[str, ...], told: str
) -> None:
    typed = terminal(*SIMPLE, *arguments)

    assert typed.code == 2
    assert told in typed.err
    assert "next:  " in typed.err
    assert not fake.calls


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("people: [{key: a, nick: b}]", "nick"),
        (
            "people: [{key: a, nick: b}]",
            "the keys of `people[0]` are key, identifiers, kind, birth_date, ",
        ),
        ("record: {parties: [{rol: b}]}", "the keys of `record.parties[0]` are party, role, person;"),
        ("persons: []", "the keys are user, record, people, relationships, contact_points;"),
        ("people: [{key: a, key: b}]", "`key` stands twice"),
        ("- a list", "mapping"),
        ("people: [", "line 1"),
        ('{"people": [{"key": 5}]}', "key"),
        ('{"contact_points": [{"key": "p", "home": NaN}]}', "contact_points[0].home"),
        ("contact_points: [{key: p, home: .inf}]", "contact_points[0].home"),
    ],
    ids=[
        "unknown key",
        "its keys",
        "keys further in",
        "keys of the top",
        "key twice",
        "no mapping",
        "no YAML",
        "wrong type",
        "no number",
        "no end",
    ],
)
def test_a_description_is_read_strictly(terminal: Terminal, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "described.yaml"
    file.write_text(text)

    typed = terminal(*SIMPLE, "--describe", str(file))

    assert typed.code == 2
    assert told in typed.err
    assert not typed.err.splitlines()[0].endswith(".")


def test_a_description_may_be_json_with_json_names(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    fake.answers["DecisionService/Check"] = permit
    file = tmp_path / "described.json"
    file.write_text(json.dumps({"contactPoints": [{"key": "p", "voicemailSafe": True}]}))

    terminal(*SIMPLE, "--describe", str(file))

    assert fake.calls[0].request.description.contact_points[0].voicemail_safe


def test_an_answer_cannot_steer_the_terminal(terminal: Terminal, fake: FakeService) -> None:
    cell = pb.Cell(field="\x1b[2J[bold]x", effect=pb.EFFECT_DENY, reason="R\x07")
    answer = pb.CheckResponse(decision_id="d\x1b]0;t", effect=pb.EFFECT_DENY, cells=[cell])
    fake.answers["DecisionService/Check"] = lambda _: answer

    typed = terminal(*SIMPLE)

    assert "\x1b" not in typed.out
    assert "\x07" not in typed.out
    assert "[bold]x" in typed.out
