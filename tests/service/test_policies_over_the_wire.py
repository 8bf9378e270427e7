"""PolicyService as a client meets it: control in a process of its own, the entry in its log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from policy_service.api.v1 import access_pb2
from policy_service.api.v1 import policy_pb2 as pb
from policy_service.engine.catalogue import CATALOGUE
from policy_service.server.limits import MAX_FILES_BYTES, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES
from policy_service.service.policies import files_of, shipped_policy_set
from policy_service.service.validate_policies import MOST_PROBLEMS
from tests.service.control import POLICIES, Stores
from tests.service.over_the_wire import Client, control_process

SET = shipped_policy_set(POLICIES)
PUBLISHED = (POLICIES / "disclosure/absolute/adverse_person.yaml").read_text("utf-8")
RIGHT = """\
uid: own.policy
title: A policy of our own
gate: disclosure
tier: absolute
reason: OWN_POLICY
owner: privacy-office
policy:
  rules:
    resource:
      $.categories: {condition: AnyIn, values: [location.current, finance]}
    context:
      $.recipient.adverse: {condition: Eq, value: true}
"""
CANARY = "canary-5d1e"


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("control")


@pytest.fixture(scope="module")
def first(var_dir: Path) -> Iterator[Client]:
    """The first administrator, who acts for no organisation: policies are of the installation."""
    stores = Stores(f"sqlite:///{var_dir}/facts.db", f"sqlite:///{var_dir}/log")
    with control_process(stores, var_dir) as client:
        yield client


def files(*texts: str) -> list[pb.PolicyFile]:
    return [pb.PolicyFile(name=f"policies/{i}.yaml", text=text) for i, text in enumerate(texts)]


def validated(client: Client, *texts: str, base_types: tuple[str, ...] = ()) -> list[tuple[str, int, str]]:
    bases = [pb.PolicyFile(name=f"base_types/{i}.yaml", text=text) for i, text in enumerate(base_types)]
    request = pb.PolicyServiceValidateRequest(documents=files(*texts), base_types=bases)
    answer = client.ask(client.policies.Validate, request)
    assert answer.checked == len(texts) + len(base_types)
    return [(problem.file, problem.line, problem.text) for problem in answer.problems]


@pytest.mark.parametrize(
    ("old", "new", "line", "instead"),
    [
        ("owner:", "effect: allow\nowner:", 6, "a permit belongs in one of `court_order`"),
        ("gate: disclosure\ntier: absolute", "gate: delivery\ntier: court_order", 4, "the gate `disclosure`"),
        ("$.categories:", "$.categoris:", 10, "perhaps `resource.categories` is meant"),
        ("$.recipient.adverse", "$.recipient.adverze", 12, "perhaps `context.recipient.adverse` is meant"),
        ("value: true", 'value: "true"', 12, "write `true` or `false`"),
        ("condition: Eq,", "condition: Equals,", 12, "write one of `Eq`"),
        ("tier: absolute", "tier: highest", 4, "write one of `absolute`"),
    ],
)
def test_what_the_rules_forbid_is_refused_with_file_line_and_words(
    first: Client, old: str, new: str, line: int, instead: str
) -> None:
    wrong = RIGHT.replace(old, new, 1)
    assert wrong != RIGHT
    found = validated(first, RIGHT.replace("uid: ", "uid: other."), wrong)
    assert {file for file, _, _ in found} == {"policies/1.yaml"}
    assert any(at == line and instead in text for _, at, text in found), found


def test_an_absolute_policy_over_what_may_be_missing(first: Client) -> None:
    days = "      $.contact_point.verified_days: {condition: Gt, value: 180}\n"
    wrong = re.sub(r"    resource:\n.*\n    context:\n.*\n", f"    context:\n{days}", RIGHT)
    wrong = wrong.replace("gate: disclosure", "gate: delivery")
    ((_, line, text),) = validated(first, wrong)
    assert wrong.splitlines()[line - 1].strip().startswith("$.contact_point.verified_days")
    assert "`context.contact_point.verified_days` may be missing" in text


def test_all_files_together(first: Client) -> None:
    base = "name: base.x\nfields:\n  - {name: a, categories: [finanse], about: [subject]}\n"
    assert [(file, line) for file, line, _ in validated(first, RIGHT, "a: 1", RIGHT, base_types=(base,))] == [
        *[("policies/1.yaml", 1)] * 8,
        ("base_types/0.yaml", 3),
        ("policies/2.yaml", 1),
    ]


def test_what_is_published_can_be_listed_read_and_validated_again(first: Client) -> None:
    listed = first.ask(first.policies.List, pb.PolicyServiceListRequest(page_size=1_000))
    assert listed.policy_set == SET.policy_set_id
    assert len(listed.policies) == len(SET.documents)
    adverse = next(each for each in listed.policies if each.uid == "disclosure.absolute.adverse_person")
    assert (adverse.gate, adverse.tier, adverse.effect) == ("disclosure", "absolute", "deny")
    warning = next(each for each in listed.policies if each.kind == "obligation")
    assert (warning.tier, warning.effect, warning.reason, warning.tell) == ("", "", "", "")
    got = first.ask(first.policies.Get, pb.PolicyServiceGetRequest(uid=adverse.uid))
    assert got.policy == adverse
    assert (got.file.name, got.file.text) == ("disclosure/absolute/adverse_person.yaml", PUBLISHED)
    assert validated(first, got.file.text) == []
    unknown = first.refusal(first.policies.Get, pb.PolicyServiceGetRequest(uid="no.such"))
    assert (unknown.code, unknown.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_AVAILABLE")


CASES = """\
gate: disclosure
given: {resource.categories: [finance]}
cases:
  - title: Nobody adverse to her hears what she owes
    given: {context.recipient.adverse: true}
    expect: {effect: deny, reason: OWN_POLICY}
    but:
      - title: he is adverse to nobody
        given: {context.recipient.adverse: false}
        expect: {effect: permit, reason: OWN_POLICY}
"""


def test_cases_are_tried_on_policies_that_are_not_published(first: Client) -> None:
    cases = pb.PolicyFile(name="tests/own.yaml", text=CASES)
    request = pb.PolicyServiceTestRequest(documents=files(RIGHT), cases=[cases])
    answer = first.ask(first.policies.Test, request)
    assert (answer.checked, answer.tried, answer.failed, list(answer.problems)) == (2, 2, 1, [])
    (failure,) = answer.failures
    assert (failure.file, failure.line, failure.gate) == ("tests/own.yaml", 8, "disclosure")
    assert failure.title == "Nobody adverse to her hears what she owes; but he is adverse to nobody"
    assert (failure.expected.effect, failure.came.effect) == ("permit", "deny")
    assert (failure.expected.reason, failure.came.reason) == ("OWN_POLICY", "NO_BASIS")
    # No policy that permits has the reason; the one that denies for it is none that was expected.
    assert list(failure.looked) == []
    # Nothing was different but the recipient, so that the categories alone never made the difference.
    (gap,) = answer.gaps
    assert (answer.uncovered, gap.uid, gap.file) == (1, "own.policy", "policies/0.yaml")
    assert (gap.path, gap.condition) == ("resource.categories", 'AnyIn ["location.current", "finance"]')


def test_cases_give_what_the_files_declare(first: Client) -> None:
    declared = pb.PolicyFile(
        name="attributes/owes.yaml",
        text="name: owes\nof: record\ntype: number\nsentence: What is owed, in pounds.\nexample: 10\n",
    )
    text = RIGHT.replace("tier: absolute", "tier: baseline").partition("    resource:")[0]
    text += "    resource:\n      $.attributes.owes: {condition: Gt, value: 1000}\n"
    about = (
        "gate: disclosure\ncases:\n  - title: Who owes much\n    given: {resource.attributes.owes: 2000}\n"
        "    expect: {effect: deny, reason: OWN_POLICY}\n    but:\n      - title: it is little\n"
        "        given: {resource.attributes.owes: 20}\n        expect: {effect: deny, reason: OWN_POLICY}\n"
    )
    cases = pb.PolicyFile(name="tests/own.yaml", text=about)
    request = pb.PolicyServiceTestRequest(documents=files(text), cases=[cases], attributes=[declared])
    answer = first.ask(first.policies.Test, request)
    assert (answer.checked, answer.tried, answer.failed, list(answer.problems)) == (3, 2, 1, [])
    (failure,) = answer.failures
    assert (failure.line, failure.came.reason) == (7, "NO_BASIS")
    # Nothing is known of `owes` but what the call declares.
    del request.attributes[:]
    answer = first.ask(first.policies.Test, request)
    assert (answer.tried, [each.file for each in answer.problems]) == (0, ["policies/0.yaml"])


def test_a_failed_case_tells_what_the_policy_saw(first: Client) -> None:
    text = CASES.replace("adverse: true", "adverse: false").partition("    but:")[0]
    cases = pb.PolicyFile(name="tests/own.yaml", text=text)
    request = pb.PolicyServiceTestRequest(documents=files(RIGHT), cases=[cases])
    (failure,) = first.ask(first.policies.Test, request).failures
    (looked,) = failure.looked
    assert (looked.uid, looked.tier, looked.outcome, looked.counted) == (
        "own.policy",
        "absolute",
        "false",
        False,
    )
    assert [(each.path, each.value, each.outcome, each.said) for each in looked.conditions] == [
        ("resource.categories", '["finance"]', "true", True),
        ("context.recipient.adverse", "false", "false", True),
    ]


def test_cases_that_are_wrong_are_refused_with_file_line_and_words(first: Client) -> None:
    text = CASES.replace("OWN_POLICY}\n    but", "OWN_POLICE}\n    but").replace("[finance]", "[finanse]")
    cases = pb.PolicyFile(name="tests/own.yaml", text=text)
    request = pb.PolicyServiceTestRequest(documents=files(RIGHT), cases=[cases])
    answer = first.ask(first.policies.Test, request)
    assert (answer.tried, [(each.file, each.line) for each in answer.problems]) == (
        0,
        [("tests/own.yaml", 2), ("tests/own.yaml", 6)],
    )
    assert "perhaps `OWN_POLICY` is meant" in answer.problems[1].text


def test_an_answer_holds_as_many_failures_as_it_can(first: Client) -> None:
    one = "  - {title: T, expect: {effect: permit, reason: OWN_POLICY, policies: [own.policy]}}\n"
    text = "gate: disclosure\ncases:\n" + one.replace("T", "t" * 290) * 120
    cases = [pb.PolicyFile(name=f"tests/{i}.yaml", text=text) for i in range(20)]
    wide = RIGHT.replace("location.current, finance", ", ".join(["location.current"] * 400))
    request = pb.PolicyServiceTestRequest(documents=files(wide), cases=cases)
    answer = first.ask(first.policies.Test, request)
    assert (answer.tried, answer.failed) == (2_400, 2_400)
    assert 0 < len(answer.failures) < answer.failed
    assert answer.ByteSize() < MAX_RESPONSE_BYTES


def test_the_catalogue(first: Client) -> None:
    answer = first.ask(first.policies.ListAttributes, pb.PolicyServiceListAttributesRequest())
    assert [each.path for each in answer.attributes] == [each.path for each in CATALOGUE]
    categories = next(each for each in answer.attributes if each.path == "resource.categories")
    assert (categories.type, categories.total, list(categories.gates)) == ("strings", True, ["disclosure"])
    assert "finance" in categories.values
    assert "health" in categories.families
    of_obligations = [each.path for each in CATALOGUE if each.obligations_only]
    assert "context.cell.told" in of_obligations
    assert [each.path for each in answer.attributes if each.obligations_only] == of_obligations


def test_each_call_leaves_one_entry(first: Client) -> None:
    before = len(first.entries())
    validated(first, RIGHT)
    tests = pb.PolicyServiceTestRequest(documents=files(RIGHT), cases=[pb.PolicyFile(name="a", text=CASES)])
    first.ask(first.policies.Test, tests)
    first.ask(first.policies.List, pb.PolicyServiceListRequest())
    first.ask(first.policies.Get, pb.PolicyServiceGetRequest(uid="disclosure.basis.self"))
    first.ask(first.policies.ListAttributes, pb.PolicyServiceListAttributesRequest())
    first.refusal(first.policies.Get, pb.PolicyServiceGetRequest(uid="no.such"))
    first.refusal(first.policies.Validate, pb.PolicyServiceValidateRequest())
    first.refusal(first.policies.Test, pb.PolicyServiceTestRequest())
    entries = first.entries()[before:]
    assert [(entry.method, entry.WhichOneof("event")) for entry in entries] == [
        ("PolicyService/Validate", "read"),
        ("PolicyService/Test", "read"),
        ("PolicyService/List", "read"),
        ("PolicyService/Get", "read"),
        ("PolicyService/ListAttributes", "read"),
        ("PolicyService/Get", "refusal"),
        ("PolicyService/Validate", "refusal"),
        ("PolicyService/Test", "refusal"),
    ]


def test_what_the_call_alone_shows_is_refused_with_its_field(first: Client) -> None:
    twice = [pb.PolicyFile(name="a.yaml", text=RIGHT)] * 2
    for request, field, reason in (
        (pb.PolicyServiceValidateRequest(), "documents", "REQUIRED"),
        (pb.PolicyServiceValidateRequest(documents=twice), "documents[1].name", "REPEATED_KEY"),
        (
            pb.PolicyServiceValidateRequest(documents=twice[:1], base_types=twice[:1]),
            "base_types[1].name",
            "REPEATED_KEY",
        ),
        (
            pb.PolicyServiceValidateRequest(documents=[pb.PolicyFile(text=RIGHT)]),
            "documents[0].name",
            "REQUIRED",
        ),
        (
            pb.PolicyServiceValidateRequest(base_types=[pb.PolicyFile(name="a\nb")]),
            "base_types[0].name",
            "CONTROL_CHARACTER",
        ),
        (
            pb.PolicyServiceValidateRequest(documents=[pb.PolicyFile(name="a")] * 10_001),
            "documents",
            "TOO_MANY",
        ),
    ):
        refused = first.refusal(first.policies.Validate, request)
        assert (refused.code, refused.field, refused.reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            field,
            reason,
        )


def whole_set(**other: str) -> list[pb.PolicyFile]:
    """What ships, with other texts in some files, or more files."""
    texts = {**dict(files_of(SET)), **other}
    return [pb.PolicyFile(name=name, text=text) for name, text in texts.items()]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (RIGHT.replace("tier: absolute", "tier: highest"), 4),
        (RIGHT.replace("value: true", 'value: "true"'), 12),
        (RIGHT.replace("gate: disclosure", "gate: [disclosure"), 3),
    ],
    ids=["a word", "a type", "no YAML"],
)
def test_a_set_that_is_not_right_is_refused_with_field_line_and_reason(
    first: Client, text: str, line: int
) -> None:
    """And what is published, and on file, stays as it was."""
    sets = first.ask(first.policies.ListSets, pb.PolicyServiceListSetsRequest())
    request = pb.PolicyServicePutSetRequest(files=whole_set(**{"own/own.yaml": text}))
    at = f"files[{len(request.files) - 1}].text"
    told = first.refusal(first.policies.PutSet, request)
    assert (told.code, told.reason, told.field) == (grpc.StatusCode.INVALID_ARGUMENT, "SET_NOT_VALID", at)
    assert f"the first in line {line} of `{at}`" in told.text
    entry = first.entries()[-1]
    assert (entry.method, entry.refusal.reason, entry.refusal.field) == (
        "PolicyService/PutSet",
        "SET_NOT_VALID",
        at,
    )
    assert first.ask(first.policies.ListSets, pb.PolicyServiceListSetsRequest()) == sets
    listed = first.ask(first.policies.List, pb.PolicyServiceListRequest(page_size=1))
    assert listed.policy_set == SET.policy_set_id


def test_a_case_that_comes_out_otherwise_is_refused_by_its_field(first: Client) -> None:
    case = (
        "gate: disclosure\ncases: [{title: a, given: {context.recipient.organisation_roles: [contractor]}, "
    )
    for rest, field, reason in (
        ("expect: {effect: deny, reason: CONTRACT}}]\n", "cases", "CASES_FAILED"),
        ("expected: {effect: deny}}]\n", "cases[0].text", "CASES_NOT_VALID"),
    ):
        cases = [pb.PolicyFile(name="tests/own.yaml", text=case + rest)]
        request = pb.PolicyServicePutSetRequest(files=whole_set(), cases=cases)
        told = first.refusal(first.policies.PutSet, request)
        assert (told.code, told.reason, told.field) == (grpc.StatusCode.INVALID_ARGUMENT, reason, field)


def test_files_may_be_more_than_another_call_may_have(first: Client) -> None:
    """Those that are sent whole sets take 4 MiB, and the others what they took."""
    comment = "# " + "x" * 60_000 + "\n"
    texts = [f"{comment}uid: own.n{n}\n" for n in range(20)]
    request = pb.PolicyServicePutSetRequest(files=files(*texts))
    assert MAX_REQUEST_BYTES < request.ByteSize() < MAX_FILES_BYTES
    assert first.refusal(first.policies.PutSet, request).reason == "SET_NOT_VALID"
    told = first.refusal(first.policies.Get, pb.PolicyServiceGetRequest(uid="x" * MAX_REQUEST_BYTES))
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE_TOO_LARGE")
    assert first.entries()[-1].refusal.reason == "MESSAGE_TOO_LARGE"
    request.files.extend(files(*[comment] * 70))
    assert request.ByteSize() > MAX_FILES_BYTES
    assert first.refusal(first.policies.PutSet, request).code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_person_of_any_role_may_ask_and_a_system_may_not(first: Client) -> None:
    for role in ("privacy_officer", "administrator", "approver", "auditor"):
        asked = access_pb2.IssueTokenRequest(principal=f"p.{role}", roles=[role], controller="example")
        manager = first.bearing(first.ask(first.access.IssueToken, asked).secret)
        assert validated(manager, RIGHT) == []
    acting = first.acting_for("example")
    acting.ask(acting.access.PutSystem, access_pb2.PutSystemRequest(system=access_pb2.System(name="screens")))
    issued = acting.ask(acting.access.IssueToken, access_pb2.IssueTokenRequest(system="screens"))
    system = first.bearing(issued.secret)
    refused = system.refusal(system.policies.List, pb.PolicyServiceListRequest())
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_REQUIRED")


def test_the_largest_answer_is_one_that_a_client_accepts(first: Client) -> None:
    """As many problems as are told, each as long as a text may be, in characters of four bytes."""
    key = "\U0001d54f" * 500
    wrong = "".join(f"{key}{i}: 1\n" for i in range(30))
    name = "\U0001d54f" * 250
    documents = [pb.PolicyFile(name=f"{name}{i}", text=wrong) for i in range(17)]
    request = pb.PolicyServiceValidateRequest(documents=documents)
    assert request.ByteSize() < MAX_REQUEST_BYTES
    answer = first.ask(first.policies.Validate, request)
    largest = max(problem.ByteSize() for problem in answer.problems)
    assert largest > 2_500
    assert (MOST_PROBLEMS + 100) * (largest + 4) < MAX_RESPONSE_BYTES


def test_no_line_of_the_processs_log_holds_what_was_sent(first: Client, var_dir: Path) -> None:
    (wrong,) = [RIGHT.replace("uid: ", f"uid: {CANARY}").replace("owner: ", f"{CANARY}: ")]
    assert CANARY in str(validated(first, wrong))
    first.refusal(
        first.policies.Validate,
        pb.PolicyServiceValidateRequest(documents=[pb.PolicyFile(name=CANARY)] * 2),
    )
    assert CANARY not in (var_dir / "stderr").read_text()
    assert CANARY not in str(first.entries())


NAMES = {
    "no name": ".yaml",
    "no name below": "own/.yaml",
    "too long": f"own/{'é' * 101}.yaml",
    "too long a folder": f"{'a' * 201}/b.yaml",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_that_no_folder_takes_is_refused(first: Client, name: str) -> None:
    request = pb.PolicyServicePutSetRequest(files=[pb.PolicyFile(name=name, text=PUBLISHED)])
    refused = first.refusal(first.policies.PutSet, request)
    assert (refused.code, refused.reason, refused.field) == (
        *(grpc.StatusCode.INVALID_ARGUMENT, "BAD_PATH", "files[0].name"),
    )


@pytest.mark.parametrize("names", [("../x.yaml",), ("a.yaml", "tests/a.yaml")], ids=["outside", "one file"])
def test_cases_that_could_not_be_written_below_a_folder_are_refused(
    first: Client, names: tuple[str, ...]
) -> None:
    request = pb.PolicyServicePutSetRequest(
        files=[pb.PolicyFile(name="own/b.yaml", text=PUBLISHED)],
        cases=[pb.PolicyFile(name=name, text="cases: []") for name in names],
    )
    refused = first.refusal(first.policies.PutSet, request)
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.field.startswith("cases")
