"""`policies`: what is sent, what is shown, and how it ends."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.cli.shipped import shipped
from policy_service.engine.catalogue import CATALOGUE
from policy_service.server.convert_policies import list_attributes_response
from policy_service.server.convert_policy_test import tried_response
from policy_service.service.policy_cases import try_policy_cases
from policy_service.service.validate_policies import PolicyFile, validate
from tests.cli.conftest import TO_A_PROGRAM, Terminal
from tests.support.fake_service import FakeService, Refusal

RIGHT = (shipped("policies") / "disclosure/basis/contract.yaml").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    policies = tmp_path / "set"
    (policies / "base_types").mkdir(parents=True)
    (policies / "b.yaml").write_text(RIGHT)
    other = RIGHT.replace("contract", "another", 1).replace("[contractor]", "[care_provider]")
    (policies / "a.yaml").write_text(other)
    (policies / "base_types" / "base.x.yaml").write_text("name: base.x")
    (policies / "README.md").write_text("no policy")
    return policies


def judging(request: pb.PolicyServiceValidateRequest) -> pb.PolicyServiceValidateResponse:
    """What the service answers."""
    documents, base_types, messages = (
        tuple(PolicyFile(file.name, file.text) for file in files)
        for files in (request.documents, request.base_types, request.messages)
    )
    found = validate(documents, base_types, messages)
    problems = [pb.PolicyProblem(file=each.file, line=each.line, text=each.text) for each in found.problems]
    warnings = [pb.PolicyProblem(file=each.file, line=each.line, text=each.text) for each in found.warnings]
    return pb.PolicyServiceValidateResponse(problems=problems, checked=found.checked, warnings=warnings)


def catalogue(_: object) -> pb.PolicyServiceListAttributesResponse:
    return pb.PolicyServiceListAttributesResponse.FromString(list_attributes_response(CATALOGUE))


# --- validate -----------------------------------------------------------------------------------------------


def test_validate_sends_each_file_once_with_its_name(
    terminal: Terminal, fake: FakeService, folder: Path
) -> None:
    terminal("policies", "validate", str(folder), str(folder / "a.yaml"), "--controller", "c")
    (request,) = fake.requests("PolicyService/Validate")
    assert [file.name for file in request.documents] == [str(folder / "a.yaml"), str(folder / "b.yaml")]
    assert [file.name for file in request.base_types] == [str(folder / "base_types" / "base.x.yaml")]
    assert request.documents[1].text == RIGHT
    assert fake.calls[0].metadata["x-controller"] == "c"


def test_a_base_type_is_known_by_its_folder_from_within_it(
    terminal: Terminal, fake: FakeService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "base_types")
    terminal("policies", "validate", "base.x.yaml")
    (request,) = fake.requests("PolicyService/Validate")
    assert [file.name for file in request.base_types] == ["base.x.yaml"]
    assert not request.documents


def test_declarations_are_known_by_their_folder(terminal: Terminal, fake: FakeService, folder: Path) -> None:
    (folder / "attributes").mkdir()
    (folder / "attributes" / "training.yaml").write_text("name: training")
    terminal("policies", "validate", str(folder))
    (request,) = fake.requests("PolicyService/Validate")
    assert [file.name for file in request.attributes] == [str(folder / "attributes" / "training.yaml")]


def test_messages_are_known_by_their_folder(terminal: Terminal, fake: FakeService, folder: Path) -> None:
    (folder / "messages").mkdir()
    (folder / "messages" / "cy.yaml").write_text("outsider: Neb.")
    terminal("policies", "validate", str(folder))
    (request,) = fake.requests("PolicyService/Validate")
    assert [file.name for file in request.messages] == [str(folder / "messages" / "cy.yaml")]
    assert len(request.documents) == 2


def test_what_is_right(terminal: Terminal, fake: FakeService, folder: Path) -> None:
    fake.answers["PolicyService/Validate"] = judging
    (folder / "base_types" / "base.x.yaml").unlink()
    typed = terminal("policies", "validate", str(folder))
    assert (typed.code, typed.out) == (0, "2 files: nothing is wrong\n")
    typed = terminal("policies", "validate", str(folder), "--json")
    assert (typed.code, typed.json) == (0, {"problems": [], "warnings": [], "checked": 2, "unchecked": 0})


def test_what_is_wrong_is_printed_as_editors_read_it(
    terminal: Terminal, fake: FakeService, folder: Path
) -> None:
    fake.answers["PolicyService/Validate"] = judging
    wrong = folder / "a.yaml"
    wrong.write_text(RIGHT.replace("tier: basis", "tier: bases").replace("contractor", "contracter"))
    typed = terminal("policies", "validate", str(folder), env=TO_A_PROGRAM)
    assert typed.code == 1
    first, second, third, *_ = typed.out.splitlines()
    assert first.startswith(f"{wrong}:4: tier: perhaps `basis` is meant; write one of")
    assert second.startswith(f"{wrong}:13: policy.rules.context")
    assert third.startswith(f"{folder / 'base_types' / 'base.x.yaml'}:1: fields: this key is missing")
    assert "3 problems in 2 of 3 files; nothing was stored" in typed.out
    typed = terminal("policies", "validate", str(wrong), "--json")
    assert typed.code == 1
    assert [(each["file"], each["line"]) for each in typed.json["problems"]] == [
        (str(wrong), 4),
        (str(wrong), 13),
    ]


def test_warnings_are_told_and_fail_where_they_are_to(
    terminal: Terminal, fake: FakeService, folder: Path
) -> None:
    fake.answers["PolicyService/Validate"] = judging
    (folder / "base_types" / "base.x.yaml").unlink()
    (folder / "a.yaml").write_text(RIGHT.replace("uid: disclosure", "uid: own"))
    typed = terminal("policies", "validate", str(folder), env=TO_A_PROGRAM)
    assert typed.code == 0
    warning, blank, summary = typed.out.splitlines()
    assert warning.startswith(
        f"{folder / 'b.yaml'}:8: warning: policy: `own.basis.contract` ({folder / 'a.yaml'}"
    )
    assert (blank, summary) == ("", "2 files: nothing is wrong; 1 warning")
    assert terminal("policies", "validate", str(folder), "--strict").code == 1
    typed = terminal("policies", "validate", str(folder), "--json")
    assert (typed.code, [each["line"] for each in typed.json["warnings"]]) == (0, [8])
    (folder / "b.yaml").unlink()
    assert terminal("policies", "validate", str(folder), "--strict").code == 0


def test_files_that_were_not_looked_at_are_not_taken_for_right(
    terminal: Terminal, fake: FakeService, folder: Path
) -> None:
    fake.answers["PolicyService/Validate"] = lambda _: pb.PolicyServiceValidateResponse(checked=1)
    typed = terminal("policies", "validate", str(folder))
    assert typed.code == 1
    assert "2 files not looked at yet" in typed.out
    assert "nothing is wrong" not in typed.out


def test_a_problem_of_the_set_has_no_file(terminal: Terminal, fake: FakeService, folder: Path) -> None:
    problem = pb.PolicyProblem(text="it is too large")
    fake.answers["PolicyService/Validate"] = lambda _: pb.PolicyServiceValidateResponse(
        problems=[problem], checked=3
    )
    assert "the set: it is too large\n" in terminal("policies", "validate", str(folder)).out


def test_what_is_no_text_is_told_and_the_rest_is_sent(
    terminal: Terminal, fake: FakeService, folder: Path
) -> None:
    fake.answers["PolicyService/Validate"] = judging
    (folder / "c.yaml").write_bytes(b"uid: x\ntitle: caf\xe9\n")
    typed = terminal("policies", "validate", str(folder / "c.yaml"), str(folder / "b.yaml"), env=TO_A_PROGRAM)
    assert typed.code == 1
    assert f"{folder / 'c.yaml'}:2: this is not UTF-8" in typed.out
    assert "1 problem in 1 of 2 files" in typed.out
    typed = terminal("policies", "validate", str(folder / "c.yaml"))
    assert (typed.code, len(fake.calls)) == (1, 1)


# --- test ---------------------------------------------------------------------------------------------------

CASE = """\
gate: disclosure
given:
  context.recipient.organisation_roles: [contractor]
  context.recipient.contract_categories: [contact.phone]
cases:
  - title: A contractor gets what the contract names
    given: {resource.categories: [contact.phone]}
    expect: {effect: permit, reason: CONTRACT}
    but:
      - title: it does not name it
        given: {resource.categories: [finance]}
        expect: {effect: deny, reason: NO_BASIS}
      - title: it is no contractor
        given: {context.recipient.organisation_roles: [public_body]}
        expect: {effect: deny, reason: NO_BASIS, owed: []}
"""


def trying(request: pb.PolicyServiceTestRequest) -> pb.PolicyServiceTestResponse:
    """What the service answers."""
    documents, cases, attributes = (
        tuple(PolicyFile(file.name, file.text) for file in files)
        for files in (request.documents, request.cases, request.attributes)
    )
    tried = try_policy_cases(documents, cases, attributes)
    return pb.PolicyServiceTestResponse.FromString(tried_response(tried))


@pytest.fixture
def tried(folder: Path, fake: FakeService, monkeypatch: pytest.MonkeyPatch) -> Path:
    fake.answers["PolicyService/Test"] = trying
    monkeypatch.chdir(folder)
    (folder / "a.yaml").unlink()
    (folder / "tests" / "own").mkdir(parents=True)
    (folder / "tests" / "own" / "contract.yaml").write_text(CASE)
    return folder


def test_cases_and_policies_are_sent_and_nothing_else(
    terminal: Terminal, fake: FakeService, tried: Path
) -> None:
    typed = terminal("policies", "test", ".", "--controller", "c")
    (request,) = fake.requests("PolicyService/Test")
    assert [file.name for file in request.documents] == ["b.yaml"]
    assert [file.name for file in request.cases] == ["tests/own/contract.yaml"]
    assert fake.calls[0].metadata["x-controller"] == "c"
    assert typed.code == 0
    assert typed.out == (
        "3 cases: all came out as expected\neach policy, and each condition of it, was decided by some case\n"
    )


def test_declarations_go_with_the_cases_that_give_their_values(
    terminal: Terminal, fake: FakeService, tried: Path
) -> None:
    (tried / "attributes").mkdir()
    (tried / "attributes" / "tenure.yaml").write_text(
        "name: tenure\nof: record\ntype: string\nsentence: What kind of tenancy it is.\nexample: secure\n"
    )
    file = tried / "tests" / "own" / "contract.yaml"
    (tried / "b.yaml").write_text(
        RIGHT.replace(
            "    context:", "      $.attributes.tenure: {condition: Equals, value: secure}\n    context:"
        )
    )
    missing = r"^resource\.attributes\.tenure +nothing, it is missing"
    assert re.search(missing, terminal("policies", "test", ".").out, re.MULTILINE)
    (request,) = fake.requests("PolicyService/Test")
    assert [file.name for file in request.attributes] == ["attributes/tenure.yaml"]
    assert [file.name for file in request.documents] == ["b.yaml"]

    given = "given:\n  resource.attributes.tenure: secure"
    file.write_text(CASE.replace("given:", given, 1))
    typed = terminal("policies", "test", ".")
    assert typed.code == 1
    assert (
        'resource.attributes.tenure: Equals "secure"\n    no case in which it alone does not hold'
        in typed.out
    )
    another = "      - title: it is a refuge\n        given: {resource.attributes.tenure: refuge}\n"
    another += "        expect: {effect: deny, reason: NO_BASIS}\n"
    file.write_text(CASE.replace("given:", given, 1) + another)
    assert "4 cases: all came out as expected" in (typed := terminal("policies", "test", ".")).out
    assert typed.code == 0


def test_without_a_path_it_is_the_folder_policies(
    terminal: Terminal, fake: FakeService, tried: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried.rename(tried.parent / "policies")
    monkeypatch.chdir(tried.parent)
    assert terminal("policies", "test").code == 0
    (request,) = fake.requests("PolicyService/Test")
    assert [file.name for file in request.documents] == ["policies/b.yaml"]


def test_a_folder_named_tests_above_where_it_is_typed_makes_no_cases(
    terminal: Terminal, fake: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.answers["PolicyService/Validate"] = judging
    there = tmp_path / "tests" / "work" / "set" / "own"
    there.mkdir(parents=True)
    (there / "a.yaml").write_text(RIGHT)
    assert "1 file: nothing is wrong" in terminal("policies", "validate", str(there)).out
    monkeypatch.chdir(there)
    assert "1 file: nothing is wrong" in terminal("policies", "validate", ".").out


def test_a_failed_case_is_told_with_what_was_expected_what_came_and_what_was_seen(
    terminal: Terminal, tried: Path
) -> None:
    file = tried / "tests" / "own" / "contract.yaml"
    file.write_text(CASE.replace("finance", "contact.phone").replace("owed: []", "policies: [UID]"))
    file.write_text(file.read_text().replace("UID", "disclosure.basis.contract"))
    typed = terminal("policies", "test", ".")
    assert typed.code == 1
    assert typed.out.startswith(
        "tests/own/contract.yaml:10\n"
        "A contractor gets what the contract names; but it does not name it\n"
        "expected  deny NO_BASIS\n"
        "came      permit CONTRACT; by disclosure.basis.contract\n"
        "\n"
        "disclosure.basis.contract (basis) decided:\n"
        "condition"
    )
    assert 'AnyIn ["contractor"]' in typed.out
    assert "disclosure.basis.contract (basis) does not apply, because of:" in typed.out
    assert "2 of 3 cases came out otherwise than expected" in typed.out
    assert max(map(len, typed.out.splitlines())) <= 80
    answer = terminal("policies", "test", ".", "--json").json
    assert (answer["tried"], answer["failed"], len(answer["failures"])) == (3, 2, 2)


def test_what_a_case_leaves_open_and_what_is_owed_are_told(terminal: Terminal, tried: Path) -> None:
    (tried / "mask.yaml").write_text((shipped("policies") / "obligations/mask.yaml").read_text("utf-8"))
    (tried / "tests" / "mask.yaml").write_text(
        "gate: disclosure\ncases:\n"
        "  - {title: a, given: {resource.mask: last4}, expect: {owed: [obligation.mask: {part: last4}]}}\n"
        "  - {title: b, given: {context.recipient.organisation_roles: [contractor], action.purpose: audit,"
        " resource.mask: last4}, expect: {owed: [obligation.mask: {part: first2}]}}\n"
    )
    out = terminal("policies", "test", ".").out
    assert "expected  owed: obligation.mask (part: last4)" in out
    assert "came      deny NO_BASIS; owed: nothing" in out
    assert "obligation.mask is not owed, because of:" in out
    assert re.search(r'^action\.purpose +"" \(the case does not say it\)$', out, re.MULTILINE)
    assert "came      permit CONTRACT; by disclosure.basis.contract; owed: obligation.mask" in out
    assert "(part: last4)" in out


def test_gaps_are_told_once_the_cases_are_right(terminal: Terminal, tried: Path) -> None:
    file = tried / "tests" / "own" / "contract.yaml"
    file.write_text(CASE.partition("      - title: it is no contractor")[0])
    typed = terminal("policies", "test", ".")
    assert typed.code == 1
    assert typed.out == (
        "b.yaml: disclosure.basis.contract\n"
        '  context.recipient.organisation_roles: AnyIn ["contractor"]\n'
        "    no case in which it alone does not hold\n"
        "\n"
        "2 cases: all came out as expected\n"
        "1 gap: what no case has decided\n"
    )
    file.write_text(file.read_text().replace("deny, reason: NO_BASIS", "permit, reason: CONTRACT"))
    out = terminal("policies", "test", ".").out
    assert "b.yaml:" not in out
    assert "gap: what no case has decided, shown once the cases are right" in out
    (gap, *_) = terminal("policies", "test", ".", "--json").json["gaps"]
    assert gap["uid"] == "disclosure.basis.contract"


def test_cases_that_are_wrong_are_told_as_editors_read_it(terminal: Terminal, tried: Path) -> None:
    (tried / "tests" / "own" / "contract.yaml").write_text(CASE.replace("CONTRACT}", "CONTRAKT}"))
    typed = terminal("policies", "test", ".")
    assert typed.code == 1
    assert typed.out.startswith("tests/own/contract.yaml:8: cases[0].expect.reason: no policy of the gate")
    assert "perhaps `CONTRACT` is meant" in typed.out
    assert typed.out.endswith("\n1 problem; no case was tried\n")


def test_many_failures_are_told_in_part(terminal: Terminal, tried: Path) -> None:
    one = "  - {title: a, expect: {effect: permit, reason: CONTRACT}}\n"
    (tried / "tests" / "own" / "contract.yaml").write_text("gate: disclosure\ncases:\n" + one * 25)
    typed = terminal("policies", "test", ".")
    assert typed.out.count("expected  permit CONTRACT") == 20
    assert "25 of 25 cases came out otherwise than expected; the first 20 are shown" in typed.out
    assert len(terminal("policies", "test", ".", "--json").json["failures"]) == 25


@pytest.mark.parametrize(
    ("paths", "said"),
    [(["b.yaml"], "no case among"), (["tests"], "no policy among"), (["nowhere"], "cannot be read")],
)
def test_what_cannot_be_tried_is_not_sent(
    terminal: Terminal, fake: FakeService, tried: Path, paths: list[str], said: str
) -> None:
    typed = terminal("policies", "test", *paths)
    assert typed.code == 2
    assert said in typed.err
    assert not fake.calls


def test_a_part_of_what_was_meant_is_not_tried(terminal: Terminal, fake: FakeService, tried: Path) -> None:
    (tried / "c.yml").write_text(RIGHT)
    typed = terminal("policies", "test", ".")
    assert typed.code == 1
    assert "c.yml:1: give it a name that ends in `.yaml`" in typed.out
    assert not fake.calls


def test_cases_alone_are_not_validated(terminal: Terminal, fake: FakeService, tried: Path) -> None:
    typed = terminal("policies", "validate", "tests")
    assert typed.code == 2
    assert "all of these are cases, and no policies" in typed.err
    assert "policies test" in typed.err
    assert not fake.calls


@pytest.mark.parametrize("name", ["mine.yml", "mine.YAML", "deep/mine.Yml"])
def test_a_file_that_would_be_passed_over_is_a_problem(
    terminal: Terminal, fake: FakeService, folder: Path, name: str
) -> None:
    """Whoever saved it so believes that it protects somebody."""
    fake.answers["PolicyService/Validate"] = judging
    (folder / "base_types" / "base.x.yaml").unlink()
    (folder / "a.yaml").unlink()
    mine = folder / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text(RIGHT)
    for paths, files in (([folder], 2), ([mine], 1), ([mine.parent], 1 if "/" in name else 2)):
        typed = terminal("policies", "validate", *map(str, paths), env=TO_A_PROGRAM)
        assert typed.code == 1
        assert f"{mine}:1: give it a name that ends in `.yaml`, the service reads no other" in typed.out
        assert f"1 problem in 1 of {files} file" in typed.out
    assert all(file.text == RIGHT for call in fake.calls for file in call.request.documents)
    assert str(mine) not in {file.name for call in fake.calls for file in call.request.documents}


@pytest.mark.parametrize("what", ["no.yaml", "empty", ""])
def test_what_cannot_be_read_is_an_error_of_usage(
    terminal: Terminal, fake: FakeService, tmp_path: Path, what: str
) -> None:
    (tmp_path / "empty").mkdir()
    args = [str(tmp_path / what)] if what else []
    typed = terminal("policies", "validate", *args)
    assert typed.code == 2
    assert not fake.calls
    assert "Traceback" not in typed.err


def test_what_no_call_can_carry_is_told_before_it_is_sent(
    terminal: Terminal, fake: FakeService, folder: Path
) -> None:
    for number in range(66):
        (folder / f"large{number}.yaml").write_text("#" * 65_000)
    typed = terminal("policies", "validate", str(folder))
    assert typed.code == 2
    assert "a call may have 4,194,304" in typed.err
    assert not fake.calls


# --- attributes ---------------------------------------------------------------------------------------------


def test_attributes_say_how_to_write_them(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["PolicyService/ListAttributes"] = catalogue
    typed = terminal("policies", "attributes", "context.recipient.adverse")
    assert typed.code == 0
    assert "The recipient is adverse to the data subject." in typed.out
    assert "true or false; never missing; gates: disclosure, delivery" in typed.out
    assert "in rules: $.recipient.adverse under context; e.g. true" in typed.out
    assert typed.out.endswith(f"1 of {len(CATALOGUE)} attributes\n")


def test_attributes_by_gate_and_prefix(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["PolicyService/ListAttributes"] = catalogue
    for args, wanted in (
        ((), list(CATALOGUE)),
        (("subject.",), [each for each in CATALOGUE if each.path.startswith("subject.")]),
        (("--gate", "delivery"), [each for each in CATALOGUE if "delivery" in each.gates]),
        (
            ("subject.", "--gate", "answer"),
            [a for a in CATALOGUE if a.path[:8] == "subject." and "answer" in a.gates],
        ),
    ):
        typed = terminal("policies", "attributes", *args, "--json")
        assert [each["path"] for each in typed.json["attributes"]] == [each.path for each in wanted]
    assert terminal("policies", "attributes", "--gate", "garden").code == 2


def test_every_attribute_fits_80_columns(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["PolicyService/ListAttributes"] = catalogue
    lines = terminal("policies", "attributes").out.splitlines()
    assert len(lines) > 3 * len(CATALOGUE)
    wide = [line for line in lines if len(line) > 80]
    # What is to be copied is never broken: the path, and how it is written.
    assert wide == []


def test_attributes_are_found_by_any_part_of_their_path(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["PolicyService/ListAttributes"] = catalogue
    found = terminal("policies", "attributes", "recipient.adverse")
    assert (found.code, "context.recipient.adverse" in found.out.splitlines()) == (0, True)
    mistyped = terminal("policies", "attributes", "recipient.advers_e", "--json")
    assert (mistyped.code, mistyped.out) == (1, "")
    assert "no attribute has this in its path, perhaps `recipient.adverse` is meant" in mistyped.err
    elsewhere = terminal("policies", "attributes", "resource.categories", "--gate", "delivery")
    assert "none that this gate knows" in elsewhere.err


# --- list and show ------------------------------------------------------------------------------------------


def policy(uid: str, gate: str, tier: str, effect: str = "deny") -> pb.Policy:
    return pb.Policy(uid=uid, kind="policy", gate=gate, tier=tier, effect=effect, reason="WHY")


def test_list_reads_every_page_and_shows_how_it_is_decided(terminal: Terminal, fake: FakeService) -> None:
    obligation = pb.Policy(uid="a.warn", kind="obligation", gate="answer")
    long = policy("z." + "x" * 60, "disclosure", "absolute")
    pages = {
        "": [policy("b", "disclosure", "basis", "permit"), obligation],
        "2": [long, policy("a", "delivery", "baseline"), policy("c", "galaxy", "nebula")],
    }
    fake.answers["PolicyService/List"] = lambda asked: pb.PolicyServiceListResponse(
        policy_set="set-1", policies=pages[asked.page_token], next_page_token="" if asked.page_token else "2"
    )
    typed = terminal("policies", "list")
    assert typed.code == 0
    headings = [line for line in typed.out.splitlines() if ":" in line]
    assert headings == [
        "disclosure, tier absolute: deny",
        "disclosure, tier basis: permit",
        "delivery, tier baseline: deny",
        "answer: obligations",
        "galaxy, tier nebula: deny",
    ]
    assert "5 policies; the set is set-1" in typed.out
    assert max(len(line) for line in typed.out.splitlines()) <= 80
    assert len(terminal("policies", "list", "--json").json["policies"]) == 5
    assert "the first 2; there are more" in terminal("policies", "list", "--limit", "2").out


def test_show_prints_the_file_as_it_is(terminal: Terminal, fake: FakeService) -> None:
    answer = pb.PolicyServiceGetResponse(
        policy=policy("a", "disclosure", "basis", "permit"),
        file=pb.PolicyFile(name="d/a.yaml", text=RIGHT + "# \x1b[31mred\n"),
        policy_set="set-1",
    )
    fake.answers["PolicyService/Get"] = lambda _: answer
    typed = terminal("policies", "show", "a")
    assert typed.code == 0
    assert fake.requests("PolicyService/Get")[0].uid == "a"
    assert RIGHT in typed.out
    assert "\x1b" not in typed.out
    assert "d/a.yaml" in typed.out
    assert terminal("policies", "show", "a", "--json").json["file"]["name"] == "d/a.yaml"


@pytest.mark.parametrize("uid", ["adverse_person", "disclosure.absolut.adverse_person"])
def test_a_policy_that_is_nearly_named_is_told(terminal: Terminal, fake: FakeService, uid: str) -> None:
    def refuse(_: object) -> pb.PolicyServiceGetResponse:
        raise Refusal(grpc.StatusCode.NOT_FOUND, "not available", "NOT_AVAILABLE")

    known = [policy("disclosure.absolute.adverse_person", "disclosure", "absolute"), policy("a", "x", "y")]
    fake.answers["PolicyService/Get"] = refuse
    fake.answers["PolicyService/List"] = lambda _: pb.PolicyServiceListResponse(policies=known)
    typed = terminal("policies", "show", uid)
    assert typed.code == 1
    assert "is published, perhaps `disclosure.absolute.adverse_person` is meant" in typed.err
    assert "`policy-service policies list` shows them all" in typed.err
    assert "perhaps" not in terminal("policies", "show", "xyzzy").err
