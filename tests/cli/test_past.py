"""`--as-of` and `history`: what is sent, and what is shown of the answer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from policy_service.api.v1 import (
    access_pb2,
    casework_pb2,
    decision_pb2,
    past_pb2,
    people_pb2,
    record_pb2,
)
from policy_service.cli.past_words import text_of
from policy_service.service import moments
from tests.cli.conftest import Terminal
from tests.cli.test_help import COMMANDS
from tests.support.fake_service import FakeService

ID = "2f0c9a52-6d0e-4b0e-9f5e-0f3b6f6c1d11"
TOKEN = "-bNfR1c2" * 6  # as long as one is, and beginning as an option does

READINGS = {
    ("requests", "list"): "PrivacyRequestService/List",
    ("requests", "show", ID): "PrivacyRequestService/Get",
    ("people", "show", "s:1"): "PeopleService/GetPerson",
    ("records", "show", "R-1"): "RecordService/GetRecord",
    ("records", "types"): "RecordService/ListRecordTypes",
    ("records", "declarations"): "RecordService/ListDeclarations",
    ("artefacts", "list"): "RecordService/ListArtefactTypes",
    ("overrides", "list"): "CaseworkService/ListOverrides",
    ("orders", "list"): "CaseworkService/ListOrders",
    ("systems", "list"): "AccessService/ListSystems",
    ("systems", "show", "crm"): "AccessService/ListSystems",
    ("users", "list"): "AccessService/ListUsers",
    ("users", "show", "u.one"): "AccessService/GetUser",
    ("tokens", "list"): "AccessService/ListTokens",
    ("retention", "show"): "RetentionService/ListRules",
    ("retention", "holds"): "RetentionService/ListHolds",
    ("policies", "list"): "PolicyService/List",
    ("policies", "show", "own.policy"): "PolicyService/Get",
    ("policies", "attributes"): "PolicyService/ListAttributes",
    ("policies", "sets"): "PolicyService/ListSets",
    ("policies", "pull", "pulled"): "PolicyService/GetSet",
    ("policies", "diff", "set-1"): "PolicyService/Diff",
}
OF_THE_INSTALLATION = {("policies", "sets"), ("policies", "pull"), ("policies", "diff")}
EVERY_READING = pytest.mark.parametrize(("line", "method"), READINGS.items(), ids=READINGS.values())


def test_every_command_that_reads_facts_is_here() -> None:
    verbs = {"list", "show", "types", "declarations", "holds", "attributes", "sets", "pull", "diff"}
    there = {path for path, command in COMMANDS if path[-1:] and path[-1] in verbs}
    assert {line[:2] for line in READINGS} == {path for path in there if path[0] != "log"}


@EVERY_READING
def test_a_reading_sends_which_facts(
    terminal: Terminal,
    fake: FakeService,
    line: tuple[str, ...],
    method: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    whose = () if line[:2] in OF_THE_INSTALLATION else ("--controller", "c")
    terminal(*line, *whose, "--as-of", TOKEN)
    terminal(*line, *whose)
    earlier, now = (request for request in fake.requests(method) if request is not None)
    assert earlier.as_of == past_pb2.AsOf(facts_token=TOKEN)
    assert not now.HasField("as_of")


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        # What is printed is cut to the second, so the whole second is meant, by whichever clock.
        ("2026-03-29T14:00:00+01:00", datetime(2026, 3, 29, 13, 0, 0, 999_999, tzinfo=UTC)),
        ("2027-03-29T15:30:00Z", datetime(2027, 3, 29, 15, 30, 0, 999_999, tzinfo=UTC)),
        ("2026-01-05T14:00:00.25Z", datetime(2026, 1, 5, 14, 0, 0, 250_000, tzinfo=UTC)),
        # The last moment of the day in London: in winter, and when its clocks have gone forward.
        ("2026-01-05", datetime(2026, 1, 5, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2026-03-29", datetime(2026, 3, 29, 22, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_or_the_end_of_a_day(
    terminal: Terminal, fake: FakeService, typed: str, moment: datetime
) -> None:
    terminal("users", "list", "--controller", "c", "--as-of", typed)
    (request,) = fake.requests("AccessService/ListUsers")
    assert request.as_of.moment.ToDatetime(tzinfo=UTC) == moment


def test_today_is_what_is_on_file_now(terminal: Terminal, fake: FakeService) -> None:
    """Whose end is yet to come, and who types it means as it is."""
    while True:
        today = datetime.now(ZoneInfo("Europe/London")).date()
        told = terminal("tokens", "list", "--controller", "c", "--as-of", today.isoformat())
        terminal("tokens", "list", "--controller", "c", "--as-of", (today - timedelta(days=1)).isoformat())
        if today == datetime.now(ZoneInfo("Europe/London")).date():
            break
    assert told.code == 0
    of_today, of_yesterday = fake.requests("AccessService/ListTokens")[-2:]
    assert not of_today.HasField("as_of")
    assert of_yesterday.HasField("as_of")


def test_an_empty_moment_is_not_taken_for_now(terminal: Terminal, fake: FakeService) -> None:
    """As a script says it whose variable is not set."""
    told = terminal("users", "list", "--controller", "c", "--as-of", "")
    assert told.code == 2
    assert "it is empty" in told.err
    assert fake.requests("AccessService/ListUsers") == []


def test_a_moment_is_looked_at_as_it_was_printed(terminal: Terminal, fake: FakeService) -> None:
    give_versions(fake)
    shown = terminal("users", "history", "u.one", "--controller", "c").out
    printed = re.findall(r"^when +(.+)$", shown, re.MULTILINE)
    assert len(printed) == 4
    for when in printed:
        assert terminal("users", "list", "--controller", "c", "--as-of", when).code == 0
        assert terminal("log", "search", "--since", when, "--until", when).code == 0
    sent = [asked.as_of.moment.seconds for asked in fake.requests("AccessService/ListUsers")]
    assert sent == [each.version.committed_at.seconds for each in VERSIONS]
    (last, *_) = fake.requests("DecisionLogService/Search")
    assert moments.time_of(last.since, "") == moments.time_of(last.until, "")


@pytest.mark.parametrize("typed", ["yesterday", "2026-02-30", "14:00", "2026-03-29T14:00:00", TOKEN[:20]])
def test_what_is_neither_moment_nor_token_is_not_sent(
    terminal: Terminal, fake: FakeService, typed: str
) -> None:
    told = terminal("users", "list", "--controller", "c", "--as-of", typed)
    assert told.code == 2
    assert "--as-of" in told.err
    assert "2026-03-29T14:00:00Z" in told.err
    assert fake.requests("AccessService/ListUsers") == []


def test_each_page_says_again_which_facts(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["AccessService/ListTokens"] = lambda asked: access_pb2.ListTokensResponse(
        next_page_token="" if asked.page_token else "more"
    )
    terminal("tokens", "list", "--controller", "c", "--as-of", "2026-01-05")
    first, second = fake.requests("AccessService/ListTokens")
    assert first.as_of == second.as_of != past_pb2.AsOf()


def test_whether_it_held_is_told_by_the_moment_that_is_looked_at(
    terminal: Terminal, fake: FakeService
) -> None:
    expires = datetime(2026, 2, 1, tzinfo=UTC)
    token = access_pb2.Token(token_id="0" * 16, system="crm", expires_at=stamp(expires))
    fake.answers["AccessService/ListTokens"] = lambda _: access_pb2.ListTokensResponse(tokens=[token])
    override = casework_pb2.Override(override_id=ID, ends_at=expires.isoformat())
    fake.answers["CaseworkService/ListOverrides"] = lambda _: casework_pb2.ListOverridesResponse(
        overrides=[override]
    )
    for as_of, of_token, of_override in (
        ((), "expired", "ended"),
        (("--as-of", "2026-01-05"), "active", "runs"),
        (("--as-of", TOKEN), "", ""),
    ):
        told = terminal("tokens", "list", "--controller", "c", *as_of)
        assert told.out.splitlines()[-1].split()[4:] == ([of_token] if of_token else [])
        listed = terminal("overrides", "list", "--controller", "c", *as_of).out
        states = [line.split()[1] for line in listed.splitlines() if line.startswith("state")]
        assert states == ([of_override] if of_override else [])


def stamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def version(hour: int, *changed: str, removed: bool = False) -> past_pb2.FactVersion:
    return past_pb2.FactVersion(
        facts_token=TOKEN,
        committed_at=stamp(datetime(2026, 3, 2, hour, tzinfo=UTC)),
        actor="principal:officer",
        reason="asked \x1b[31m by phone",
        changed=changed,
        removed=removed,
    )


def user(**said: object) -> access_pb2.User:
    return access_pb2.User(reference="u.one", kind="staff", **said)  # type: ignore[arg-type]


VERSIONS = [
    access_pb2.AccessServiceVersion(version=version(12, "user", removed=True)),
    access_pb2.AccessServiceVersion(
        version=version(11, "user"), user=user(roles=["nurse"], teams=["a", "b"], suspended=True)
    ),
    access_pb2.AccessServiceVersion(
        version=version(10, "user"), user=user(roles=["clerk"], teams=["b", "a"], organisation="agency")
    ),
    access_pb2.AccessServiceVersion(version=version(9, "user"), user=user(roles=["clerk"])),
]


def give_versions(fake: FakeService) -> None:
    """In pages of two."""

    def answer(asked: access_pb2.AccessServiceHistoryRequest) -> access_pb2.AccessServiceHistoryResponse:
        start = int(asked.page_token or "0")
        end = start + min(asked.page_size, 2)
        more = str(end) if end < len(VERSIONS) else ""
        return access_pb2.AccessServiceHistoryResponse(versions=VERSIONS[start:end], next_page_token=more)

    fake.answers["AccessService/History"] = answer


def test_a_history_says_when_who_why_and_what_changed(terminal: Terminal, fake: FakeService) -> None:
    give_versions(fake)
    typed = terminal("users", "history", "u.one", "--controller", "c")
    assert typed.code == 0
    assert fake.requests("AccessService/History")[0].user_reference == "u.one"
    blocks = [block.splitlines() for block in typed.out.strip().split("\n\n")]
    assert [[line.strip() for line in block[4:]] for block in blocks] == [
        ["what   taken off file"],
        [
            "- roles       clerk",
            "+ roles       nurse",
            "teams         in another order",
            "organisation  nothing, was agency",
            "suspended     yes, was nothing",
        ],
        ["+ teams       b", "+ teams       a", "organisation  agency, was nothing"],
        ["what       put on file", "reference  u.one", "kind       staff", "roles      clerk"],
    ]
    when, who, why, token = (line.split(maxsplit=1)[1] for line in blocks[0][:4])
    assert (when, who, token) == ("2026-03-02T12:00:00Z", "principal:officer", TOKEN)
    assert why == "asked \\x1b[31m by phone"
    assert max(map(len, typed.out.splitlines())) <= 80


def test_the_last_one_shown_says_what_it_changed_too(terminal: Terminal, fake: FakeService) -> None:
    give_versions(fake)
    typed = terminal("users", "history", "u.one", "--controller", "c", "--limit", "2")
    assert "- roles" in typed.out
    assert typed.out.rstrip().endswith("the newest 2; there are more, see --limit")
    assert "put on file" not in typed.out


def test_a_history_as_json(terminal: Terminal, fake: FakeService) -> None:
    give_versions(fake)
    told = terminal("users", "history", "u.one", "--controller", "c", "--limit", "3", "--json").json
    assert told["more"] is True
    assert [each["version"]["removed"] for each in told["versions"]] == [True, False, False]
    assert told["versions"][1]["user"]["roles"] == ["nurse"]
    assert told["versions"][1]["version"]["committedAt"] == "2026-03-02T11:00:00Z"


def test_what_is_not_shown_is_named_by_its_kind(terminal: Terminal, fake: FakeService) -> None:
    person = people_pb2.Person(person_id=ID, kind="private")
    adverse = people_pb2.Relationship(from_person=f"person:{ID}", to_person="person:x", kind="adverse_to")
    fake.answers["PeopleService/History"] = lambda _: people_pb2.PeopleServiceHistoryResponse(
        versions=[
            people_pb2.PersonVersion(
                version=version(11, "relationship"), person=person, relationships=[adverse]
            ),
            people_pb2.PersonVersion(version=version(10, "name"), person=person),
            people_pb2.PersonVersion(version=version(9, "person", "identifier"), person=person),
        ]
    )
    out = terminal("people", "history", "s:1", "--controller", "c").out
    assert "what   name: nothing that is shown" in out
    assert [line.split() for line in out.splitlines()[-3:]] == [
        ["what", "put", "on", "file"],
        ["person", "id", ID],
        ["kind", "private"],
    ]
    assert "+ relationships" in out
    assert "kind=adverse_to" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("line", "method", "sent"),
    [
        (("requests", ID), "PrivacyRequestService", {"request_id": ID}),
        (("people", "s:1"), "PeopleService", {"person": "s:1"}),
        (("records", "R-1"), "RecordService", {"record_reference": "R-1"}),
        (("records", "--type", "t"), "RecordService", {"record_type_name": "t"}),
        (("records", "--declaration", ID), "RecordService", {"declaration_id": ID}),
        (("artefacts", "letter"), "RecordService", {"artefact_type_name": "letter"}),
        (("overrides", ID), "CaseworkService", {"override_id": ID}),
        (("orders", ID), "CaseworkService", {"order_id": ID}),
        (("systems", "crm"), "AccessService", {"system_name": "crm"}),
        (("tokens", "0" * 16), "AccessService", {"token_id": "0" * 16}),
        (("retention", "request"), "RetentionService", {"rule_kind": "request"}),
        (("retention", "--hold", ID), "RetentionService", {"hold_id": ID}),
    ],
)
def test_a_history_is_asked_for(
    terminal: Terminal, fake: FakeService, line: tuple[str, ...], method: str, sent: dict[str, str]
) -> None:
    typed = terminal(line[0], "history", *line[1:], "--controller", "c")
    assert (typed.code, typed.out) == (0, "")
    (request,) = fake.requests(f"{method}/History")
    assert request == type(request)(page_size=21, **sent)


@pytest.mark.parametrize("line", [(), ("R-1", "--type", "t"), ("--type", "t", "--declaration", ID)])
def test_a_history_is_of_one_thing(terminal: Terminal, fake: FakeService, line: tuple[str, ...]) -> None:
    typed = terminal("records", "history", *line, "--controller", "c")
    assert typed.code == 2
    assert "give one of REF, --type and --declaration" in typed.err
    assert fake.requests("RecordService/History") == []


def test_artefact_types_and_declarations_are_listed(terminal: Terminal, fake: FakeService) -> None:
    letter = record_pb2.ArtefactType(
        name="letter",
        envelope=[record_pb2.FieldType(name="to")],
        capabilities=[record_pb2.Capability(obligation="redact", evidence="T-1", until="2030-01-01")],
    )
    fake.answers["RecordService/ListArtefactTypes"] = lambda _: record_pb2.ListArtefactTypesResponse(
        artefact_types=[letter]
    )
    declared = record_pb2.ContentDeclaration(
        declaration_id=ID, record="R-1", field="notes", parts=[record_pb2.Part(name="whole")]
    )
    fake.answers["RecordService/ListDeclarations"] = lambda _: record_pb2.ListDeclarationsResponse(
        declarations=[declared]
    )
    assert terminal("artefacts", "list", "--controller", "c").out.split()[-5:] == [
        *("letter", "to", "redact", "until", "2030-01-01"),
    ]
    out = terminal("records", "declarations", "--controller", "c", "--digest", "ab" * 32).out
    assert out.split()[-4:] == [ID, "R-1", "notes", "whole"]
    (request,) = fake.requests("RecordService/ListDeclarations")
    assert request.digest == bytes.fromhex("ab" * 32)
    as_json = terminal("records", "declarations", "--controller", "c", "--json").json
    assert as_json["declarations"][0]["declarationId"] == ID


def test_a_history_has_the_words_of_every_other_list(terminal: Terminal, fake: FakeService) -> None:
    """Times as they are printed everywhere, a digest in hex; and no name has an underscore."""
    before, after = (
        casework_pb2.Override(
            override_id=ID, valid_minutes=minutes, ends_at=f"2026-03-02T{hour}:00:00.25+01:00"
        )
        for minutes, hour in ((240, 14), (1_200, 15))
    )
    fake.answers["CaseworkService/History"] = lambda _: casework_pb2.CaseworkServiceHistoryResponse(
        versions=[
            casework_pb2.CaseworkServiceVersion(version=version(11, "override"), override=after),
            casework_pb2.CaseworkServiceVersion(version=version(10, "override"), override=before),
        ]
    )
    out = terminal("overrides", "history", ID, "--controller", "c").out
    assert "ends at        2026-03-02T14:00:00Z, was 2026-03-02T13:00:00Z" in out
    assert "valid minutes  1,200, was 240" in out
    declared = record_pb2.ContentDeclaration(declaration_id=ID, field="notes", digest=b"\xab" * 2)
    amended = record_pb2.ContentDeclaration(declaration_id=ID, field="notes", digest=b"\xcd" * 2)
    fake.answers["RecordService/History"] = lambda _: record_pb2.RecordServiceHistoryResponse(
        versions=[
            record_pb2.RecordServiceVersion(version=version(11, "declaration"), declaration=amended),
            record_pb2.RecordServiceVersion(version=version(10, "declaration"), declaration=declared),
        ]
    )
    out = terminal("records", "history", "--declaration", ID, "--controller", "c").out
    assert "digest  cdcd, was abab" in out


def test_a_value_of_an_enum_is_told_by_its_word() -> None:
    cell = decision_pb2.Cell(effect=decision_pb2.EFFECT_PERMIT)
    assert text_of(cell.DESCRIPTOR.fields_by_name["effect"], cell.effect) == "permit"
    assert text_of(cell.DESCRIPTOR.fields_by_name["effect"], 77) == "unknown (77)"


def test_what_was_erased_is_told(terminal: Terminal, fake: FakeService) -> None:
    gone = version(10, "user")
    gone.erased = True
    versions = [
        access_pb2.AccessServiceVersion(version=version(11, "user"), user=user(roles=["nurse"])),
        access_pb2.AccessServiceVersion(version=gone),
    ]
    fake.answers["AccessService/History"] = lambda _: access_pb2.AccessServiceHistoryResponse(
        versions=versions
    )
    out = terminal("users", "history", "u.one", "--controller", "c").out
    assert [line.split(maxsplit=1)[1] for line in out.splitlines() if line.startswith("what")] == [
        "changed",
        "erased since: what it said is gone",
    ]
