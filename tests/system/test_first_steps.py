"""The first steps of somebody new, on the real service: start, demo, check, record, log, revoke, again."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from policy_service.cli.example.questions import read_questions
from policy_service.cli.example.world import read_world
from tests.cli.test_help import examples
from tests.system.service import CHECKOUT, Service, serving, typed

WORLD = CHECKOUT / "examples" / "world"
OFFICER = ("check", "--as", "police-records", "--user", "o.manager", "--record", "OM-1001")
DOCTOR_TO_PRACTICE = (
    *("check", "--as", "nhs-letters", "--user", "d.doctor", "--record", "WR-2", "--field", "ward.summary"),
    *("--to", "person:trust-ref:T-2004,contact-point=CP-2004-POST,channel=post"),
)

AN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-")
A_DECISION = "019cae6b-6600-7193-b2a4-fb2f2b292c41"
"""As help writes one."""

pytestmark = pytest.mark.xdist_group("first_steps")


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("first-steps") / "var"


@pytest.fixture(scope="module")
def service(var_dir: Path) -> Iterator[Service]:
    with serving(var_dir) as started:
        yield started


def asked(service: Service, *args: str) -> Any:
    """The JSON of a command that succeeds or denies."""
    result = service.run(*args, "--json")
    assert result.code in (0, 1), result.err
    return json.loads(result.out)


def test_it_says_what_runs_where_and_what_to_try(service: Service) -> None:
    assert f"data        {service.var_dir}\n" in service.out
    assert len(service.commands_to_try) == 3


def test_each_command_to_try_works_by_copy_and_paste(service: Service) -> None:
    codes = [typed(["bash", "-c", command]) for command in service.commands_to_try]
    assert [result.returncode for result in codes] == [0, 1, 0], [result.stderr for result in codes]
    for result in codes:
        assert result.stderr == ""
    # The second asks for one field that the officer may see, and one that he may not know of.
    assert "permit" in codes[1].stdout
    assert "NOT_AVAILABLE" in codes[1].stdout


def test_tokens_are_for_their_owner_alone(service: Service) -> None:
    files = [service.var_dir / "admin.token", *sorted((service.var_dir / "tokens").iterdir())]
    systems = sorted(system.name for organisation in read_world(WORLD) for system in organisation.systems)
    assert len(systems) == 8
    assert [path.stem for path in files] == ["admin", *systems]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_the_demo_is_as_expected(service: Service) -> None:
    demo = asked(service, "demo")
    assert demo["asExpected"] is True
    asks = [(each["organisation"], each["asks"]) for each in demo["questions"]]
    assert asks == [(question.organisation, question.asks) for question in read_questions(WORLD)]
    # Each organisation is there, with what went wrong and with what it may rightly do.
    for kind in (True, False):
        assert {each["organisation"] for each in demo["questions"] if each["fatal"] is kind} == {
            organisation.controller for organisation in read_world(WORLD)
        }


def test_a_system_cannot_ask_about_another_organisation(service: Service) -> None:
    result = service.run(
        *("check", "--as", "nhs-letters", "--user", "o.manager", "--record", "OM-1001"), "--field", "x"
    )
    assert result.code == 1
    assert "NOT_AVAILABLE" in result.out


def test_a_described_letter(service: Service) -> None:
    described = CHECKOUT / "examples" / "questions" / "letter.yaml"
    result = service.run(
        *(
            "check",
            "--as",
            "nhs-letters",
            "--describe",
            described,
            "--user",
            "c.secretary",
            "--record",
            "LETTER-1",
        ),
        *("--field", "body", "--to", "party:mother,contact-point=mother-home,channel=post"),
    )
    assert result.code == 0, result.out + result.err


def test_a_request_holds_for_the_next_check(service: Service) -> None:
    assert service.run(*DOCTOR_TO_PRACTICE).code == 0

    recorded = asked(
        service,
        *("requests", "record", "--controller", "example-nhs-trust", "--person", "trust-ref:T-2001"),
        *("--kind", "do_not_share", "--recipient", "trust-ref:T-2004", "--reason", "asked on the ward"),
    )
    assert service.run(*DOCTOR_TO_PRACTICE).code == 1

    request_id = recorded["request"]["requestId"]
    shown = asked(service, "requests", "show", request_id)
    assert shown["request"]["kind"] == "do_not_share"
    listed = asked(
        service, "requests", "list", "--controller", "example-nhs-trust", "--person", "trust-ref:T-2001"
    )
    assert request_id in [each["requestId"] for each in listed["requests"]]


def test_a_decision_is_in_the_log_with_its_true_reason(service: Service) -> None:
    answer = asked(service, *OFFICER, "--field", "enquiry.made_by")
    assert [cell["reason"] for cell in answer["cells"]] == ["NOT_AVAILABLE"]

    logged = asked(service, "log", "show", answer["decisionId"])
    decision = logged["entry"]["decision"]
    assert logged["entry"]["caller"]["system"] == "police-records"
    assert decision["user"] == "o.manager"
    outcome = decision["outcomes"][decision["cells"][0]]
    assert outcome["told"] == "NOT_AVAILABLE"
    assert outcome["reason"] not in ("", "NOT_AVAILABLE")

    result = service.run("log", "show", answer["decisionId"])
    assert outcome["reason"] in result.out


def test_a_decision_is_found_in_the_log_by_what_is_known_of_it(service: Service) -> None:
    decision = asked(service, *OFFICER, "--field", "enquiry.made_by")["decisionId"]
    police = ("--controller", "example-police", "--limit", "5", "--json")
    for known in (
        ("--record", "OM-1001", "--effect", "deny", "--reason", "WITHHELD_BY_LAW"),
        ("--user", "o.manager", "--system", "police-records"),
        ("--person", "police-ref:P-1001"),
    ):
        found = asked(service, "log", "search", *known, *police)["entries"]
        assert found[0]["entry"]["entryId"] == decision
    theirs = asked(
        service, "log", "search", "--record", "OM-1001", "--controller", "example-nhs-trust", "--json"
    )
    assert decision not in [each["entry"]["entryId"] for each in theirs["entries"]]


def test_a_revoked_token_is_refused_from_the_next_call_on(service: Service, tmp_path: Path) -> None:
    mine = tmp_path / "mine.token"
    issued = asked(
        service,
        *(
            "tokens",
            "issue",
            "--system",
            "police-records",
            "--controller",
            "example-police",
            "--out",
            str(mine),
        ),
    )
    question = ("check", "--user", "o.manager", "--record", "OM-1001", "--field", "subject.name")
    assert service.run(*question, token_file=mine).code == 0

    assert asked(service, "tokens", "revoke", issued["token"]["tokenId"])["token"]["revokedAt"]
    result = service.run(*question, token_file=mine)
    assert result.code == 3
    assert "is not accepted" in result.err
    assert mine.read_text().strip() not in result.err


def test_a_system_cannot_manage_and_a_manager_cannot_ask(service: Service) -> None:
    system, admin = service.var_dir / "tokens" / "police-records.token", service.var_dir / "admin.token"
    assert service.run("systems", "list", token_file=system).code == 3
    result = service.run(
        "check", "--user", "o.manager", "--record", "OM-1001", "--field", "x", token_file=admin
    )
    assert result.code == 3


def test_what_is_impossible_names_its_field(service: Service) -> None:
    result = service.run(*OFFICER, "--field", "subject.name", "--send")
    assert result.code == 2
    assert "`recipients`" in result.err


def test_the_examples_of_help_do_what_they_show(service: Service, tmp_path: Path) -> None:
    """Before the last, since some of them change what is on file."""
    for folder in ("examples", "policies"):
        (tmp_path / folder).symlink_to(CHECKOUT / folder)
    # Those that need what is not there, such as a set that was published before, or tell of their progress.
    passed_over = {" serve", "log follow", "policies rollback", "policies history set-", "retention erase"}
    passed_over |= {" restore ", " backup ", "example load", "retention history", "0123456789abcdef"}
    lines = [line for line in examples() if not any(words in line for words in passed_over)]
    # What has an id of its own, and is no decision, is shown by the tests of its command.
    of_decisions = ("log ", "report ", "explain ")
    lines = [
        line
        for line in lines
        if not AN_ID.search(line) or line.removeprefix("policy-service ").startswith(of_decisions)
    ]
    assert len(lines) > 40
    decision = asked(service, *OFFICER, "--field", "subject.name")["decisionId"]
    wrong = []
    for line in sorted(lines, key=lambda line: "--token-file" in line):  # which another of them writes
        words = shlex.split(line.removeprefix("policy-service "))
        words = [decision if word == A_DECISION else word for word in words]
        result = service.run(*words, cwd=tmp_path)  # some write a file
        # Which their help says, too.
        denied = "--field enquiry.made_by" in line and " explain " not in line
        denied = denied or "many.yaml" in line
        if (result.code, result.err) != (int(denied), ""):
            wrong.append((line, result.code, result.err))
    assert wrong == []


def test_a_second_start_keeps_what_is_there(service: Service) -> None:
    """Last, since it ends the service that the others use."""
    changed = ("systems", "put", "nhs-letters", "--controller", "example-nhs-trust", "--record-type", "*")
    assert service.run(*changed, "--verb", "see", "--purpose", "care").code == 0
    before = {path.name: path.read_text() for path in (service.var_dir / "tokens").iterdir()}
    admin = (service.var_dir / "admin.token").read_text()
    requests = asked(service, "requests", "list", "--controller", "example-nhs-trust")
    decision = asked(service, *OFFICER, "--field", "subject.name")["decisionId"]
    assert service.stop() == 0, "".join(service.err)

    with serving(service.var_dir) as again:
        assert again.says("the example world is there, and stays as it is"), again.err
        assert {path.name: path.read_text() for path in (again.var_dir / "tokens").iterdir()} == before
        assert (again.var_dir / "admin.token").read_text() == admin
        assert asked(again, "requests", "list", "--controller", "example-nhs-trust") == requests
        systems = {each["name"]: each for each in asked(again, "systems", "list")["systems"]}
        assert systems["nhs-letters"]["grant"]["verbs"] == ["see"]
        assert asked(again, "log", "show", decision)["entry"]["entryId"] == decision
        assert again.run(*OFFICER, "--field", "subject.name").code == 0


def test_printed_commands_name_what_is_not_the_default(service: Service) -> None:
    for command in service.commands_to_try:
        words = shlex.split(command)
        assert words[words.index("--var-dir") + 1] == str(service.var_dir)
        assert words[words.index("--address") + 1] == service.address
