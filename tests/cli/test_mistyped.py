"""What cannot be read, or not be right: what is said of it, in which form, and what to do next."""

from __future__ import annotations

import re

import pytest

from policy_service.api.v1 import (
    access_pb2,
    casework_pb2,
    decision_log_pb2,
    decision_pb2,
    people_pb2,
    record_pb2,
)
from policy_service.api.v1 import privacy_request_pb2 as requests_pb2
from policy_service.cli.option_of import OPTION_OF, option_of
from policy_service.cli.render import wrap_sentence
from tests.cli.conftest import Terminal
from tests.cli.test_help import COMMANDS
from tests.support.typing_here import type_here


@pytest.mark.parametrize(
    ("arguments", "told", "do_next"),
    [
        (("chek",), "no such command `chek`; did you mean `check`?", "`policy-service --help`"),
        (
            ("requests", "lis"),
            "no such command `lis`; did you mean `list`?",
            "policy-service requests --help",
        ),
        (("check", "--usr", "u"), "no such option: `--usr`", "`policy-service check --help`"),
        (("requests", "record"), "missing option `--person`", "policy-service requests record --help"),
        (("requests", "show"), "missing argument `ID`", "`policy-service requests show --help`"),
        (("tokens", "issue", "--days", "0"), "invalid value for `--days`: input should be", "issue --help"),
        (
            ("policies", "attributes", "--gate", "disclosre"),
            (
                "invalid value for `--gate`: `disclosre` is not one of `authority`, `disclosure`, "
                "`delivery`, `answer`, perhaps `disclosure` is meant"
            ),
            "policies attributes --help",
        ),
        (("check", "--user"), "option `--user` requires an argument", "--help"),
        (("check", "more"), "got unexpected extra argument(s) (more)", "`policy-service check --help`"),
        (
            ("check", "--address", "127.0.0.1:1"),
            "`--address` stands before the command",
            "write `policy-service --address HOST:PORT check ...`",
        ),
        (
            ("requests", "list", "--var-dir", "x"),
            "`--var-dir` stands before the command",
            "write `policy-service --var-dir DIR requests list ...`",
        ),
        (("--as", "x", "check"), "no such option: `--as`", "options of a command stand behind it"),
    ],
)
def test_a_mistake_in_typing_is_told_as_everything_else_is(
    arguments: tuple[str, ...], told: str, do_next: str
) -> None:
    """Without the options of the `terminal`, some of which are what is mistyped; and it is never a deny."""
    code, out, err = type_here(arguments, {"COLUMNS": ""})
    assert (code, out) == (2, "")
    error, following = err.splitlines()
    assert error.startswith(f"error: {told}")
    assert following.startswith("next:  ")
    assert do_next in following


def test_a_command_without_arguments_shows_its_help(terminal: Terminal) -> None:
    typed = terminal("requests")
    assert typed.code == 2
    assert "error:" not in typed.err
    assert "Commands:" in typed.err


@pytest.mark.parametrize(
    ("field", "option"),
    [
        ("purpose", "--purpose"),
        ("user", "--user"),
        ("request.zone", "--zone"),
        ("request_id", "the ID"),
        ("entry_id", "the ID"),
        ("token_id", "the TOKEN_ID"),
        ("system", "--system"),
        ("system.grant.verbs[0]", "--verb"),
        ("recipients[3].channel", "--to"),
        ("description.people[0].identifiers[1]", "the file of --describe"),
        ("request.scope.records[2]", "--record"),
        ("request.safe_contact.hours[1]", "--hours"),
        ("record.parties[0].role", "--party"),
        ("declaration.parts[2].about[0]", "--part"),
        ("override.valid_minutes", "--minutes"),
        ("system.grant.role_purposes[0].roles", "--role-purpose"),
        ("capabilities.obligations[0]", "--capability"),
        ("never.heard.of", ""),
        ("", ""),
    ],
)
def test_a_field_leads_to_its_option(field: str, option: str) -> None:
    assert option_of(field) == option


def test_every_option_that_is_named_is_one() -> None:
    known = {name for _, command in COMMANDS for param in command.params for name in param.opts}
    known |= {param.metavar for _, command in COMMANDS for param in command.params}
    for words in OPTION_OF.values():
        for name in re.findall(r"--[a-z-]+|[A-Z_]{2,}", words):
            assert name in known, name


@pytest.mark.parametrize(
    ("at", "message", "not_typed"),
    [
        ("person", people_pb2.Person, {"person_id", "roster_token"}),
        ("relationship", people_pb2.Relationship, {"relationship_id", "recorded_at", "confirmed_at"}),
        ("contact_point", people_pb2.ContactPoint, {"contact_point_id"}),
        ("record", record_pb2.Record, set()),
        ("record_type", record_pb2.RecordType, set()),
        ("declaration", record_pb2.ContentDeclaration, {"declaration_id"}),
        ("override", casework_pb2.Override, {"override_id", "granted_at", "ends_at", "granted_by"}),
        ("order", casework_pb2.CourtOrder, {"order_id", "recorded_by"}),
        ("system.grant", access_pb2.Grant, set()),
        ("filter", decision_log_pb2.EntryFilter, set()),
        ("request.safe_contact", requests_pb2.SafeContact, {"no_voicemail", "neutral_sender"}),
        ("request.communication", requests_pb2.CommunicationSupport, set()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_field_inside_has_an_option_of_its_own(at: str, message: type, not_typed: set[str]) -> None:
    fields = {field.name for field in message.DESCRIPTOR.fields}  # type: ignore[attr-defined]
    assert {name for name in fields if f"{at}.{name}" not in OPTION_OF} <= not_typed


@pytest.mark.parametrize(
    ("message", "not_typed"),
    [
        (decision_pb2.CheckRequest, set()),
        (access_pb2.IssueTokenRequest, set()),
        (access_pb2.RevokeTokenRequest, set()),
        (decision_log_pb2.DecisionLogServiceGetRequest, set()),
        (decision_log_pb2.DecisionLogServiceSearchRequest, {"filter", "page_token"}),
        (decision_log_pb2.DecisionLogServiceFollowRequest, {"filter", "resume_token"}),
        (requests_pb2.PrivacyRequestServiceGetRequest, set()),
        (requests_pb2.PrivacyRequestServiceListRequest, {"page_token"}),
    ],
    ids=lambda value: value.DESCRIPTOR.name if hasattr(value, "DESCRIPTOR") else "",
)
def test_every_field_that_a_command_fills_has_its_option(message: type, not_typed: set[str]) -> None:
    fields = {field.name for field in message.DESCRIPTOR.fields}  # type: ignore[attr-defined]
    assert {name for name in fields if not option_of(name)} <= not_typed


def test_a_sentence_is_broken_for_a_person_and_what_can_be_copied_is_not() -> None:
    text = "add --controller NAME to it; `policy-service systems list --limit 5` shows the names, say"
    assert wrap_sentence(text, 30) == [
        "add --controller NAME to it;",
        "`policy-service systems list --limit 5`",
        "shows the names, say",
    ]
    assert wrap_sentence("", 30) == [""]
    assert wrap_sentence("a ` b", 30) == ["a ` b"]


@pytest.mark.parametrize("columns", ["80", ""])
def test_only_where_a_person_reads_lines_have_a_width(columns: str) -> None:
    env = {"COLUMNS": columns, "POLICY_SERVICE_TOKEN": "psk_env_e"}
    arguments = ("--control-address", "127.0.0.1:1", "systems", "list")
    code, _, err = type_here(arguments, env)
    assert code == 4
    lines = err.splitlines()
    assert (max(map(len, lines)) <= 80) is bool(columns)
    assert (len(lines) > 2) is bool(columns)
    assert all(line.startswith(("error: ", "next:  ", " " * 7)) for line in lines)
