"""`requests`, `systems`, `tokens`, `log`: what is sent, and what is shown of the answer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from policy_service.api.v1 import access_pb2, decision_log_pb2, decision_pb2
from policy_service.api.v1 import privacy_request_pb2 as requests_pb2
from tests.cli.conftest import Terminal
from tests.support.fake_service import FakeService, Refusal


def at(days: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    return stamp


def test_requests_record_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    def echo(
        asked: requests_pb2.PrivacyRequestServiceRecordRequest,
    ) -> requests_pb2.PrivacyRequestServiceRecordResponse:
        return requests_pb2.PrivacyRequestServiceRecordResponse(request=asked.request, facts_token="f")

    fake.answers["PrivacyRequestService/Record"] = echo

    typed = terminal(
        *(
            "requests",
            "record",
            "--person",
            "s:1",
            "--kind",
            "do_not_share",
            "--covers",
            "s:2",
            "--category",
            "finance",
        ),
        *(
            "--record-type",
            "t",
            "--record",
            "R",
            "--system",
            "sys",
            "--recipient",
            "s:3",
            "--everyone-except",
        ),
        *(
            "--purpose",
            "care",
            "--legal-basis",
            "lb",
            "--raised-by",
            "court",
            "--evidence",
            "ev",
            "--from",
            "2026-01-01",
        ),
        *(
            "--until",
            "2026-03-29",
            "--zone",
            "Europe/Paris",
            "--review-date",
            "2026-02-02",
            "--on-lapse",
            "lapse",
        ),
        *("--visibility", "secret", "--controller", "c", "--reason", "why", "--idempotency-key", "k"),
    )

    assert typed.code == 0
    assert fake.calls[0].metadata["x-controller"] == "c"
    assert fake.calls[0].request == requests_pb2.PrivacyRequestServiceRecordRequest(
        request=requests_pb2.PrivacyRequest(
            person="s:1",
            kind="do_not_share",
            covers=["s:2"],
            scope=requests_pb2.Scope(
                categories=["finance"], record_types=["t"], records=["R"], systems=["sys"]
            ),
            recipients=["s:3"],
            everyone_except=True,
            purposes=["care"],
            legal_basis="lb",
            raised_by="court",
            evidence="ev",
            valid_from="2026-01-01",
            valid_until="2026-03-29",
            zone="Europe/Paris",
            review_date="2026-02-02",
            on_lapse="lapse",
            visibility="secret",
        ),
        idempotency_key="k",
        reason="why",
    )
    assert "everyone except s:3" in typed.out


def test_requests_record_sends_what_belongs_to_a_kind(terminal: Terminal, fake: FakeService) -> None:
    def echo(
        asked: requests_pb2.PrivacyRequestServiceRecordRequest,
    ) -> requests_pb2.PrivacyRequestServiceRecordResponse:
        return requests_pb2.PrivacyRequestServiceRecordResponse(request=asked.request, facts_token="f")

    fake.answers["PrivacyRequestService/Record"] = echo
    safely = terminal(
        *("requests", "record", "--person", "s:1", "--kind", "safe_contact"),
        *("--contact-point", "CP-1", "--contact-point", "CP-2", "--via", "post", "--via", "phone.live"),
        *("--hours", "mon-fri 09:30-14:00", "--hours", "sat 10:00-12:00", "--no-voicemail"),
        "--neutral-sender",
    )
    needs = terminal(
        *("requests", "record", "--person", "s:1", "--kind", "communication_support", "--language", "pl"),
        *("--mode", "on_site", "--sign-language", "bfi", "--interpreter-gender", "woman"),
        *("--not-this-person", "s:2", "--written-format", "braille", "--access-need", "hearing-loop"),
    )
    neither = terminal("requests", "record", "--person", "s:1", "--kind", "no_onward")

    assert {safely.code, needs.code, neither.code} == {0}
    first, second, third = (call.request.request for call in fake.calls)
    assert first.safe_contact == requests_pb2.SafeContact(
        contact_points=["CP-1", "CP-2"],
        channels=["post", "phone.live"],
        hours=["mon-fri 09:30-14:00", "sat 10:00-12:00"],
        no_voicemail=True,
        neutral_sender=True,
    )
    assert second.communication == requests_pb2.CommunicationSupport(
        language="pl",
        modes=["on_site"],
        sign_language="bfi",
        interpreter_gender=["woman"],
        not_these=["s:2"],
        written_formats=["braille"],
        access_needs=["hearing-loop"],
    )
    for request, detail in ((first, "communication"), (second, "safe_contact"), (third, "safe_contact")):
        assert not request.HasField(detail)
    assert not third.HasField("communication")
    for line in ("only by     CP-1, CP-2", "only at     mon-fri 09:30-14:00; sat 10:00-12:00"):
        assert line in safely.out
    for line in ("not these", "s:2", "on_site, woman", "hearing-loop"):
        assert line in needs.out


def test_what_may_be_a_slip_is_noted(terminal: Terminal, fake: FakeService) -> None:
    words = "`request.recipients[0]`: no user, record, grant or record type names this role"
    answer = requests_pb2.PrivacyRequestServiceRecordResponse(notes=[words])
    fake.answers["PrivacyRequestService/Record"] = lambda _: answer
    asked = ("requests", "record", "--person", "s:1", "--kind", "object", "--recipient", "role:r")
    assert " ".join(terminal(*asked).out.split()) == f"note: {words}"
    assert terminal(*asked, "--json").json["notes"] == [words]


def test_each_recording_has_a_key_of_its_own(terminal: Terminal, fake: FakeService) -> None:
    for _ in range(2):
        terminal("requests", "record", "--person", "s:1", "--kind", "object")
    keys = [request.idempotency_key for request in fake.requests("PrivacyRequestService/Record")]
    assert all(keys)
    assert keys[0] != keys[1]


def test_requests_list_reads_every_page(terminal: Terminal, fake: FakeService) -> None:
    def page(
        asked: requests_pb2.PrivacyRequestServiceListRequest,
    ) -> requests_pb2.PrivacyRequestServiceListResponse:
        number = int(asked.page_token or "0")
        return requests_pb2.PrivacyRequestServiceListResponse(
            requests=[requests_pb2.PrivacyRequest(request_id=f"r-{number}", kind="object", state="active")],
            next_page_token=str(number + 1) if number < 2 else "",
        )

    fake.answers["PrivacyRequestService/List"] = page

    typed = terminal("requests", "list", "--person", "s:1", "--json")
    assert [each["requestId"] for each in typed.json["requests"]] == ["r-0", "r-1", "r-2"]
    assert typed.json["more"] is False
    assert {request.person for request in fake.requests("PrivacyRequestService/List")} == {"s:1"}

    typed = terminal("requests", "list", "--limit", "2", "--json")
    assert [each["requestId"] for each in typed.json["requests"]] == ["r-0", "r-1"]
    assert typed.json["more"] is True

    typed = terminal("requests", "list", "--limit", "2")
    assert "the first 2" in typed.out


def test_requests_list_shows_whose_each_is_and_what_of(terminal: Terminal, fake: FakeService) -> None:
    request_id = "01a2081b-c1c8-7f29-ba1d-f67582ec4d09"
    person = f"person:{request_id}"
    request = requests_pb2.PrivacyRequest(
        request_id=request_id,
        kind="do_not_share",
        state="active",
        person=person,
        recipients=["role:clinician"],
    )
    request.scope.categories.append("health.summary")
    request.scope.records.extend(["WR-1", "WR-2"])
    request.purposes.append("billing")
    request.valid_until = "2199-01-01"
    request.received_at.FromJsonString("2026-11-28T22:16:54Z")
    fake.answers["PrivacyRequestService/List"] = lambda _: requests_pb2.PrivacyRequestServiceListResponse(
        requests=[request]
    )
    typed = terminal("requests", "list")
    assert typed.out.splitlines() == [
        f"request   {request_id}",
        "kind      do_not_share, active",
        f"person    {person}",
        "scope     health.summary; records WR-1, WR-2; purposes billing",
        "against   role:clinician",
        "received  2026-11-28T22:16:54Z",
        "until     2199-01-01",
        "",
    ]
    request.kind = "restricted_access"
    assert "only for  role:clinician" in terminal("requests", "list").out


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, "2020-01-01; already ended; held until reviewed"),
        ({"on_lapse": "lapse"}, "2020-01-01; already ended; protects no longer"),
        ({"kind": "authorised_representative"}, "2020-01-01; already ended"),
        ({"state": "withdrawn"}, "2020-01-01"),
        ({"valid_until": "2199-01-01"}, "2199-01-01"),
        ({"valid_until": "no moment"}, "no moment"),
    ],
)
def test_a_request_that_has_ended_already_says_so(
    terminal: Terminal, fake: FakeService, changed: dict[str, str], told: str
) -> None:
    request = requests_pb2.PrivacyRequest(
        kind="object", state="active", valid_until="2020-01-01", zone="Europe/London", on_lapse="hold"
    )
    for name, value in changed.items():
        setattr(request, name, value)
    fake.answers["PrivacyRequestService/Record"] = lambda _: requests_pb2.PrivacyRequestServiceRecordResponse(
        request=request
    )
    typed = terminal("requests", "record", "--person", "s:1", "--kind", "object")
    assert re.search(rf"^until +{told}$", typed.out, re.MULTILINE)


def test_a_request_against_nobody_named_is_against_everybody(terminal: Terminal, fake: FakeService) -> None:
    for kind, told in (("do_not_share", True), ("object", False)):
        answer = requests_pb2.PrivacyRequestServiceGetResponse(request=requests_pb2.PrivacyRequest(kind=kind))
        fake.answers["PrivacyRequestService/Get"] = lambda _, answer=answer: answer  # type: ignore[misc]
        assert ("against  everybody" in terminal("requests", "show", "r-1").out) is told


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("restricted_access", "only for"),
        ("authorised_representative", "authorised"),
        ("excluded_person", "against"),
        ("do_not_share", "against"),
    ],
)
def test_who_is_let_in_is_not_shown_as_kept_out(
    terminal: Terminal, fake: FakeService, kind: str, told: str
) -> None:
    request = requests_pb2.PrivacyRequest(kind=kind, recipients=["user:n.nurse"])
    answer = requests_pb2.PrivacyRequestServiceGetResponse(request=request)
    fake.answers["PrivacyRequestService/Get"] = lambda _: answer
    assert re.search(rf"^{told} +user:n.nurse$", terminal("requests", "show", "r-1").out, re.MULTILINE)


@pytest.mark.parametrize("command", ["requests", "systems", "tokens"])
def test_an_empty_list_says_so(terminal: Terminal, command: str) -> None:
    assert terminal(command, "list").out == "none\n"


def test_requests_show(terminal: Terminal, fake: FakeService) -> None:
    request = requests_pb2.PrivacyRequest(
        request_id="r-1", person="person:p", recipients=["user:u"], zone="Z"
    )
    fake.answers["PrivacyRequestService/Get"] = lambda _: requests_pb2.PrivacyRequestServiceGetResponse(
        request=request
    )

    typed = terminal("requests", "show", "r-1")
    assert fake.calls[0].request.request_id == "r-1"
    assert "against  user:u" in typed.out
    assert terminal("requests", "show", "r-1", "--json").json["request"]["requestId"] == "r-1"


def test_systems_put_sends_the_whole_grant(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["AccessService/PutSystem"] = lambda asked: access_pb2.PutSystemResponse(system=asked.system)

    typed = terminal(
        *(
            "systems",
            "put",
            "letters",
            "--controller",
            "c",
            "--record-type",
            "*",
            "--verb",
            "see",
            "--verb",
            "send",
        ),
        *(
            "--purpose",
            "care",
            "--may-describe",
            "--assert-role",
            "r",
            "--assert-team",
            "t",
            "--self-service",
        ),
        *("--role-purpose", "care=nurse,doctor", "--declare-contents", "--may-explain"),
        *("--suspended", "--reason", "why", "--idempotency-key", "k"),
    )

    assert typed.code == 0
    assert fake.calls[0].request == access_pb2.PutSystemRequest(
        system=access_pb2.System(
            name="letters",
            controller="c",
            grant=access_pb2.Grant(
                record_types=["*"],
                verbs=["see", "send"],
                purposes=["care"],
                may_describe=True,
                assert_roles=["r"],
                assert_teams=["t"],
                self_service=True,
                role_purposes=[access_pb2.RolePurpose(purpose="care", roles=["nurse", "doctor"])],
                declare_contents=True,
                may_explain=True,
            ),
            suspended=True,
        ),
        reason="why",
        idempotency_key="k",
    )
    assert "suspended" in typed.out
    assert re.search(r"^care for +nurse, doctor$", typed.out, re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    [
        ("requests", "record", "--person", "s:1", "--kind", "object"),
        ("requests", "list"),
        ("people", "put", "s:1"),
        ("systems", "list"),
        ("tokens", "issue", "--principal", "p", "--role", "auditor"),
    ],
)
def test_a_mistyped_organisation_is_no_new_one(
    terminal: Terminal, fake: FakeService, tmp_path: Path, command: tuple[str, ...]
) -> None:
    fake.organisations = {"example-nhs-trust"}
    trust = access_pb2.System(name="letters", controller="example-nhs-trust")
    fake.answers["AccessService/ListSystems"] = lambda _: access_pb2.ListSystemsResponse(systems=[trust])

    slip = terminal(*command, "--controller", "example-nhs-trsut")
    assert slip.code == 2
    assert "perhaps `example-nhs-trust` is meant (UNKNOWN_CONTROLLER)" in slip.err
    assert "`policy-service systems put NAME --controller example-nhs-trsut` begins" in slip.err
    assert [(call.method, call.metadata.get("x-controller")) for call in fake.calls] == [
        ("AccessService/ListSystems", None)
    ]
    fake.calls.clear()
    assert "UNKNOWN_CONTROLLER" not in terminal(*command, "--controller", "example-nhs-trust").err
    assert fake.calls
    # Somebody's own token acts for his own organisation alone, which the service knows.
    fake.calls.clear()
    own = tmp_path / "own.token"
    own.write_text("psk_own_t")
    before = ("--token-file", str(own))
    assert "UNKNOWN_CONTROLLER" not in terminal(*command, "--controller", "x", before=before).err
    assert fake.calls[0].metadata["x-controller"] == "x"


def test_a_system_begins_an_organisation(terminal: Terminal, fake: FakeService) -> None:
    fake.organisations = set()
    assert terminal("systems", "put", "letters", "--controller", "new").code == 0
    assert [call.method for call in fake.calls] == ["AccessService/PutSystem"]


def test_a_purpose_is_limited_to_roles_that_are_named(terminal: Terminal, fake: FakeService) -> None:
    for text in ("care", "care=", "=nurse"):
        assert terminal("systems", "put", "letters", "--role-purpose", text).code == 2
    assert not fake.calls


def test_systems_list(terminal: Terminal, fake: FakeService) -> None:
    system = access_pb2.System(
        name="letters", controller="c", grant=access_pb2.Grant(verbs=["see"]), suspended=True
    )
    fake.answers["AccessService/ListSystems"] = lambda _: access_pb2.ListSystemsResponse(systems=[system])

    assert terminal("systems", "list").out.splitlines()[2].split() == ["letters", "c", "see", "suspended"]
    assert terminal("systems", "list", "--json").json["systems"][0]["grant"]["mayDescribe"] is False


def test_systems_show_prints_the_whole_grant(terminal: Terminal, fake: FakeService) -> None:
    explains, serves = access_pb2.Grant(may_explain=True), access_pb2.Grant(self_service=True)
    pages = [
        [
            access_pb2.System(name="letters", controller="c"),
            access_pb2.System(name="portal", controller="c", grant=serves),
        ],
        [access_pb2.System(name="letters", controller="d", grant=explains)],
    ]

    def page(asked: access_pb2.ListSystemsRequest) -> access_pb2.ListSystemsResponse:
        number = int(asked.page_token or "0")
        return access_pb2.ListSystemsResponse(
            systems=pages[number], next_page_token=str(number + 1) if number < 1 else ""
        )

    fake.answers["AccessService/ListSystems"] = page
    both = terminal("systems", "show", "letters")
    assert both.code == 0
    assert re.findall(r"^(controller|may explain) +(\S+)$", both.out, re.MULTILINE) == [
        *(("controller", "c"), ("may explain", "no"), ("controller", "d"), ("may explain", "yes")),
    ]
    shown = terminal("systems", "show", "portal", "--json").json["systems"]
    assert [each["grant"]["selfService"] for each in shown] == [True]
    missing = terminal("systems", "show", "leters")
    assert (missing.code, missing.out) == (1, "")
    assert "perhaps `letters` is meant" in missing.err


def issued(fake: FakeService) -> None:
    token = access_pb2.Token(token_id="0123", system="letters", controller="c", expires_at=at(90))
    fake.answers["AccessService/IssueToken"] = lambda _: access_pb2.IssueTokenResponse(
        token=token, secret="psk_0123_s"
    )


def test_a_token_is_shown_once(terminal: Terminal, fake: FakeService) -> None:
    issued(fake)
    typed = terminal(
        "tokens", "issue", "--system", "letters", "--controller", "c", "--days", "5", "--reason", "why"
    )
    assert "psk_0123_s" in typed.out
    assert fake.calls[0].request == access_pb2.IssueTokenRequest(
        system="letters", controller="c", valid_days=5, reason="why"
    )


def test_a_token_is_written_for_its_owner_alone_and_not_shown(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    issued(fake)
    file = tmp_path / "new" / "letters.token"
    file.parent.mkdir()
    for more in ((), ("--json", "--force")):
        typed = terminal("tokens", "issue", "--system", "letters", "--out", str(file), *more)
        assert typed.code == 0
        assert "psk_0123_s" not in typed.out + typed.err
    assert file.read_text() == "psk_0123_s\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["letters.token"]


@pytest.mark.parametrize(
    "what", ["a file", "a link to nothing", "a folder", "no folder above it", "no right"]
)
def test_no_token_is_issued_that_cannot_be_written(
    terminal: Terminal, fake: FakeService, tmp_path: Path, what: str
) -> None:
    issued(fake)
    file = tmp_path / "letters.token"
    match what:
        case "a file":
            file.write_text("kept\n")
        case "a link to nothing":
            file.symlink_to(tmp_path / "nothing")
        case "a folder":
            file.mkdir()
        case "no folder above it":
            file = tmp_path / "new" / "letters.token"
        case _:
            file = Path("/proc") / "letters.token"
    typed = terminal("tokens", "issue", "--system", "letters", "--out", str(file))
    assert typed.code == 2
    assert f"`{file if 'above' not in what else file.parent}`" in typed.err
    assert not fake.calls
    assert not (tmp_path / "new").exists()
    assert what != "a file" or file.read_text() == "kept\n"


def test_a_refused_call_leaves_no_file(terminal: Terminal, fake: FakeService, tmp_path: Path) -> None:
    def refuse(_: object) -> access_pb2.IssueTokenResponse:
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "no such system", "UNKNOWN_SYSTEM", "system")

    fake.answers["AccessService/IssueToken"] = refuse
    (tmp_path / "new").mkdir()
    typed = terminal("tokens", "issue", "--system", "letters", "--out", str(tmp_path / "new" / "x.token"))
    assert typed.code == 2
    assert list((tmp_path / "new").iterdir()) == []


def test_a_token_is_for_a_system_or_a_person(terminal: Terminal, fake: FakeService) -> None:
    for given in ((), ("--system", "s", "--principal", "p")):
        assert terminal("tokens", "issue", *given).code == 2
    assert not fake.calls


def test_tokens_list_tells_which_hold(terminal: Terminal, fake: FakeService) -> None:
    tokens = [
        access_pb2.Token(token_id="a1", system="letters", controller="c", expires_at=at(1)),
        access_pb2.Token(token_id="b2", principal="office", expires_at=at(-1)),
        access_pb2.Token(token_id="c3", principal="office", expires_at=at(1), revoked_at=at(0)),
    ]
    fake.answers["AccessService/ListTokens"] = lambda _: access_pb2.ListTokensResponse(tokens=tokens)

    lines = terminal("tokens", "list").out.splitlines()[2:]
    assert [line.split()[0] for line in lines] == ["a1", "b2", "c3"]
    assert [line.split()[-1] for line in lines] == ["active", "expired", "revoked"]
    assert [line.split()[1] for line in lines] == ["letters", "office", "office"]


def test_tokens_revoke(terminal: Terminal, fake: FakeService) -> None:
    token = access_pb2.Token(token_id="a1", system="letters", revoked_at=at(0))
    fake.answers["AccessService/RevokeToken"] = lambda _: access_pb2.RevokeTokenResponse(token=token)
    typed = terminal("tokens", "revoke", "a1", "--reason", "lost")
    assert fake.calls[0].request == access_pb2.RevokeTokenRequest(token_id="a1", reason="lost")
    assert "revoked" in typed.out


def entry() -> decision_log_pb2.DecisionLogServiceGetResponse:
    """Two fields for two recipients, the second denied to the second."""
    decision = decision_log_pb2.DecisionEvent(
        user="o.manager",
        user_kind="staff",
        verb=decision_pb2.VERB_SEND,
        record="OM-1001",
        record_type="police.offender_management",
        effect=decision_pb2.EFFECT_DENY,
        fields=[
            decision_pb2.FieldInstance(name="body"),
            decision_pb2.FieldInstance(name="address", party="m"),
        ],
        recipients=[
            decision_log_pb2.LoggedRecipient(recipient="described:mother"),
            decision_log_pb2.LoggedRecipient(recipient="described:father"),
        ],
        outcomes=[
            decision_log_pb2.LoggedOutcome(
                effect=decision_pb2.EFFECT_PERMIT, tier="basis", policies=["b.parent"]
            ),
            decision_log_pb2.LoggedOutcome(
                effect=decision_pb2.EFFECT_DENY,
                reason="LIVES_APART",
                told="TOLD",
                tier="baseline",
                policies=["a.apart"],
            ),
        ],
        cells=[0, 0, 0, 1],
        obligations=[decision_pb2.Obligation(kind="split_per_recipient")],
    )
    return decision_log_pb2.DecisionLogServiceGetResponse(
        entry=decision_log_pb2.LogEntry(
            entry_id="d-1",
            caller=decision_log_pb2.Caller(token_id="t-1", system="police-records"),
            method="DecisionService/Check",
            controller="example-police",
            decision=decision,
        ),
        stream_id="s-1",
        index=7,
        leaf_hash=b"\xab" * 32,
    )


def test_log_show_unpacks_the_matrix(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["DecisionLogService/Get"] = lambda _: entry()

    typed = terminal("log", "show", "d-1")

    assert typed.code == 0
    assert max(len(line) for line in typed.out.splitlines()) <= 80
    assert re.search(r"^to 2 +described:father$", typed.out, re.MULTILINE)
    assert re.search(r"^verb +send$", typed.out, re.MULTILINE)
    rows = [line.split() for line in typed.out.splitlines() if line.startswith(("body", "address@m"))]
    assert [row[:3] for row in rows] == [
        ["body", "1", "permit"],
        ["address@m", "1", "permit"],
        ["body", "2", "permit"],
        ["address@m", "2", "deny"],
    ]
    assert rows[3][3:] == ["LIVES_APART", "TOLD", "baseline"]
    for line in ("decided by a.apart", "decided by b.parent", "index       7"):
        assert line in typed.out


def test_log_show_tells_how_what_was_reported_of_a_decision_is_found(
    terminal: Terminal, fake: FakeService
) -> None:
    answer = entry()
    fake.answers["DecisionLogService/Get"] = lambda _: answer
    shown = terminal("log", "show", "d-1").out
    assert "\n  policy-service log search --decision d-1\n" in shown
    assert shown.endswith("\n  policy-service log replay d-1\n")
    answer.entry.method = "DecisionService/Explain"
    assert "--decision" not in terminal("log", "show", "d-1").out


def test_log_show_tells_who_else_would_learn_it_and_what_follows(
    terminal: Terminal, fake: FakeService
) -> None:
    answer = entry()
    decision = answer.entry.decision
    decision.fields[0].place = "CP-1"
    decision.recipients[0].contact_point, decision.recipients[0].shared = "CP-1", "unknown"
    decision.recipients[0].implied_readers.extend(["client:person:C", "shares_point:person:A"])
    decision.outcomes[1].part, decision.outcomes[1].reader = "page-3", "shares_point:person:A"
    decision.tasks.add(kind="notify", owner="team:privacy", parameters={"of": "override"})
    decision.possible_matches.append("described:mother person:V")
    decision.declared_contents.append("declaration:D")
    decision.capabilities.append("redact")
    fake.answers["DecisionLogService/Get"] = lambda _: answer

    lines = terminal("log", "show", "d-1").out.splitlines()

    shown = [re.sub(" +", " ", line).strip() for line in lines]
    for line in (
        "to 1 described:mother CP-1",
        "shared unknown",
        "read by client:person:C",
        "read by shares_point:person:A",
        "task notify for team:privacy of=override",
        "possibly described:mother is person:V",
        "declared declaration:D",
        "can do redact",
        "address@m deny: for its part page-3 towards shares_point:person:A",
    ):
        assert line in shown
    assert any(line.startswith("body,place=CP-1") for line in lines)


def test_what_is_not_available_is_no_success(terminal: Terminal, fake: FakeService) -> None:
    def refuse(_: object) -> decision_log_pb2.DecisionLogServiceGetResponse:
        raise Refusal(grpc.StatusCode.NOT_FOUND, "not available", "NOT_AVAILABLE")

    fake.answers["DecisionLogService/Get"] = refuse

    typed = terminal("log", "show", "d-1")
    assert (typed.code, typed.out) == (1, "")
    assert "not available (NOT_AVAILABLE)" in typed.err


def test_log_show_json(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["DecisionLogService/Get"] = lambda _: entry()
    typed = terminal("log", "show", "d-1", "--json")
    assert typed.json["entry"]["decision"]["cells"] == [0, 0, 0, 1]
    assert typed.json["streamId"] == "s-1"


def test_log_show_names_the_trace_as_the_logs_do(terminal: Terminal, fake: FakeService) -> None:
    answer = entry()
    answer.entry.trace_id = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")
    fake.answers["DecisionLogService/Get"] = lambda _: answer
    typed = terminal("log", "show", "d-1")
    assert re.search(r"^trace +0af7651916cd43dd8448eb211c80319c$", typed.out, re.MULTILINE)


EVENTS: dict[str, tuple[decision_log_pb2.LogEntry, list[str]]] = {
    "report": (
        decision_log_pb2.LogEntry(
            report=decision_log_pb2.ReportEvent(
                decision_id="d-9",
                dispatch=decision_pb2.DISPATCH_DISPATCHED,
                obligations=[
                    decision_pb2.ObligationReport(
                        kind="redact", recipients=[0, 2], performance=decision_pb2.PERFORMANCE_FAILED
                    )
                ],
                standing=decision_pb2.ReportStanding(
                    late=True, against_decision=True, unreported=["no_onward"]
                ),
            )
        ),
        [
            "decision d-9",
            "it was dispatched",
            "obligation redact failed for 1, 3",
            "not told of no_onward",
            "standing after its permit had ended, against the decision",
        ],
    ),
    "a report in order": (
        decision_log_pb2.LogEntry(report=decision_log_pb2.ReportEvent(decision_id="d-9")),
        ["decision d-9", "it was unknown", "standing as it should be"],
    ),
    "write": (
        decision_log_pb2.LogEntry(write=decision_log_pb2.WriteEvent(facts=["request:r-1"], refused=True)),
        ["wrote request:r-1", "refused yes"],
    ),
    "read": (
        decision_log_pb2.LogEntry(read=decision_log_pb2.ReadEvent(facts=["effect:deny", "entry:e"])),
        ["looked at effect:deny", "looked at entry:e", "found no"],
    ),
    "refusal": (
        decision_log_pb2.LogEntry(
            refusal=decision_log_pb2.RefusalEvent(
                status="INVALID_ARGUMENT", reason="NO_FIELD", field="fields"
            )
        ),
        ["status INVALID_ARGUMENT", "reason NO_FIELD", "field fields"],
    ),
    "refused callers": (
        decision_log_pb2.LogEntry(
            refused_callers=decision_log_pb2.RefusedCallersEvent(
                peer="127.0.0.1", cause="TOKEN_MALFORMED", count=3
            )
        ),
        ["peer 127.0.0.1", "cause TOKEN_MALFORMED", "calls 3"],
    ),
    "stream": (
        decision_log_pb2.LogEntry(stream=decision_log_pb2.StreamEvent(kind="opened", stream_id="s-2")),
        ["kind opened", "of stream s-2"],
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_log_show_of_an_entry_that_is_no_decision(terminal: Terminal, fake: FakeService, name: str) -> None:
    event, told = EVENTS[name]
    fake.answers["DecisionLogService/Get"] = lambda _: decision_log_pb2.DecisionLogServiceGetResponse(
        entry=event, stream_id="s-1"
    )
    typed = terminal("log", "show", "d-1")
    _, _, shown = typed.out.partition("\n\n")
    assert [re.sub(" +", " ", line) for line in shown.splitlines()] == told
