"""`demo`: what it asks, and that it notices an answer that is not as expected."""

from __future__ import annotations

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.cli.example.questions import Question, read_questions
from policy_service.cli.example.world import read_world
from policy_service.cli.shipped import shipped
from tests.cli.conftest import POLICE, TRUST, Terminal, give_every_token
from tests.support.fake_service import FakeService

QUESTIONS = read_questions(shipped("examples", "world"))


def as_expected(question: Question) -> pb.CheckResponse:
    """The answer that the demo's file expects of a question."""
    request = question.request()
    effects = {"permit": pb.EFFECT_PERMIT, "deny": pb.EFFECT_DENY}
    answer = pb.CheckResponse(decision_id="d-1", effect=effects[question.expect.effect])
    for effect, names in (("permit", question.expect.permits), ("deny", question.expect.denies)):
        for name in names:
            field, _, recipient = name.partition(" > ")
            index = next(
                (
                    i
                    for i, each in enumerate(request.recipients)
                    if recipient in (f"party:{each.party}", f"person:{each.person}")
                ),
                0,
            )
            field, _, party = field.partition("@")
            answer.cells.add(field=field, party=party, recipient=index, effect=effects[effect])
    for kind in question.expect.owes:
        answer.obligations.add(kind=kind)
    return answer


SYSTEMS = {question.system: question.organisation for question in QUESTIONS}


@pytest.fixture
def right(terminal: Terminal, fake: FakeService) -> dict[bytes, pb.CheckResponse]:
    """A service that answers each of the demo's questions as expected; by the question's bytes. Each of the
    demo's systems has its token.
    """
    give_every_token(terminal)
    answers = {q.request().SerializeToString(deterministic=True): as_expected(q) for q in QUESTIONS}
    fake.answers["DecisionService/Check"] = lambda asked: answers[asked.SerializeToString(deterministic=True)]
    return answers


def test_each_organisation_asks_what_was_fatal_and_what_is_rightful() -> None:
    asked = {(question.organisation, question.fatal) for question in QUESTIONS}
    organisations = {world.controller for world in read_world(shipped("examples", "world"))}
    assert len(organisations) == 7
    assert asked == {(name, fatal) for name in organisations for fatal in (True, False)}
    assert len(SYSTEMS) == 7
    for question in QUESTIONS:
        assert question.expect.effect == ("deny" if question.fatal else "permit")
        assert bool(question.expect.denies) == question.fatal


def test_right_answers_end_with_0(
    terminal: Terminal, fake: FakeService, right: dict[bytes, pb.CheckResponse]
) -> None:
    typed = terminal("demo")

    assert (typed.code, typed.err) == (0, "")
    assert f"{len(QUESTIONS)} of {len(QUESTIONS)} answers are as expected" in typed.out
    assert max(len(line) for line in typed.out.splitlines()) <= 80
    for word in ("example-police", "the fatal question", "enquiry.made_by", "split_per_recipient", "d-1"):
        assert word in typed.out
    tokens = {call.metadata["authorization"] for call in fake.calls}
    assert tokens >= {f"Bearer {POLICE}", f"Bearer {TRUST}"}
    assert len(tokens) == len(SYSTEMS)


def test_reasons_and_what_is_owed_are_said_in_words(
    terminal: Terminal, right: dict[bytes, pb.CheckResponse]
) -> None:
    answer = right[QUESTIONS[0].request().SerializeToString(deterministic=True)]
    answer.staff_texts.add(reason="A_REASON", text="A sentence.", next_step="A step.")

    typed = terminal("demo")

    assert max(len(line) for line in typed.out.splitlines()) <= 80
    assert "A_REASON\n  A sentence.\n  Next: A step.\n" in typed.out
    assert "  split_per_recipient: Make a version for each recipient" in typed.out


def test_one_organisation_alone(
    terminal: Terminal, fake: FakeService, right: dict[bytes, pb.CheckResponse]
) -> None:
    typed = terminal("demo", "--as", "nhs-letters")
    assert typed.code == 0
    assert "example-police" not in typed.out
    assert {call.metadata["authorization"] for call in fake.calls} == {f"Bearer {TRUST}"}


def test_json(terminal: Terminal, right: dict[bytes, pb.CheckResponse]) -> None:
    typed = terminal("demo", "--json")
    assert typed.code == 0
    assert typed.json["asExpected"] is True
    assert [each["asks"] for each in typed.json["questions"]] == [question.asks for question in QUESTIONS]
    assert typed.json["questions"][0]["response"]["decisionId"] == "d-1"


@pytest.mark.parametrize(
    "wrong", ["cell", "effect", "missing cell", "cell too many", "owed too much", "owed too little"]
)
def test_one_wrong_answer_is_noticed_and_named(
    terminal: Terminal, right: dict[bytes, pb.CheckResponse], wrong: str
) -> None:
    answer = right[QUESTIONS[0].request().SerializeToString(deterministic=True)]
    match wrong:
        case "cell":
            answer.cells[-1].effect = pb.EFFECT_PERMIT
        case "effect":
            answer.effect = pb.EFFECT_PERMIT
        case "missing cell":
            del answer.cells[-1]
        case "cell too many":
            answer.cells.add(field="file_name", envelope=True)
        case "owed too much":
            answer.obligations.add(kind="redact")
        case _:
            del answer.obligations[:]

    typed = terminal("demo")

    assert typed.code == 1
    assert typed.out.count("not as expected: ") == 1
    assert f"{len(QUESTIONS) - 1} of {len(QUESTIONS)}" in typed.out
    assert terminal("demo", "--json").json["asExpected"] is False


def test_without_the_example_world_it_says_how_to_get_it(terminal: Terminal, fake: FakeService) -> None:
    for path in (terminal.var_dir / "tokens").iterdir():
        path.unlink()
    typed = terminal("demo")
    assert typed.code == 3
    assert "example load" in typed.err


def test_no_question_is_no_success(terminal: Terminal, fake: FakeService) -> None:
    typed = terminal("demo", "--as", "nobody")
    assert (typed.code, typed.out) == (3, "")
    (terminal.var_dir / "tokens" / "letters.token").write_text("psk_letters_d")
    typed = terminal("demo", "--as", "letters")
    assert (typed.code, typed.out) == (2, "")
    assert " or ".join(f"--as {system}" for system in sorted(SYSTEMS)) in typed.err
    assert not fake.calls
