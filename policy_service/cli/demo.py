"""`demo`: each organisation's fatal question, and what it may rightly send instead."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1.decision_pb2_grpc import DecisionServiceStub
from policy_service.cli import flags
from policy_service.cli.answers import cell_rows, effect, obligation_in_words
from policy_service.cli.connect import decisions
from policy_service.cli.example.command import world_directory
from policy_service.cli.example.questions import Question, read_questions, unexpected
from policy_service.cli.exits import CODES_IN_WORDS, Exit, Failure
from policy_service.cli.render import as_json, print_json, print_pairs, print_table, say
from policy_service.cli.run import asking_system, current
from policy_service.cli.words import print_obligations, print_reasons

EPILOG: Final = f"\b\nExample\n  policy-service demo\n\n{CODES_IN_WORDS}"


def demo(
    context: typer.Context,
    world: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder with demo.yaml. Default: the shipped one."),
    ] = None,
    system: flags.System = "",
    json: flags.AsJson = False,
) -> None:
    """Ask the running service what went wrong in real life, and what may rightly be sent instead.

    Needs the example world: `make run`, or `policy-service example load`.
    With --as, only that system's questions.
    """
    run = current(context)
    known = read_questions(world_directory(world))
    questions = [question for question in known if system in ("", question.system)]
    if not questions:
        asking_system(run, system)  # a system without a token ends here, as it does in `check`
        raise Failure(
            f"the demo has no question of `{system}`" if system else "the demo has no question",
            do_next="add " + " or ".join(f"--as {name}" for name in sorted({q.system for q in known}))
            if known
            else "add questions to the demo's file",
            code=Exit.USAGE,
        )
    results: list[dict[str, Any]] = []
    for number, question in enumerate(questions, start=1):
        request = question.request()
        named = asking_system(run, "" if run.token_file else question.system)
        with decisions(run, named) as connection:
            answer = connection.call(DecisionServiceStub(connection.channel).Check, request)
        wrong = unexpected(question, request, answer)
        results.append(_as_json(question, request, answer, wrong))
        if not json:
            _print(number, question, request, answer, wrong)
    right = sum(result["asExpected"] for result in results)
    if json:
        print_json({"questions": results, "asExpected": right == len(results) > 0})
    else:
        say(f"{right} of {len(results)} answers are as expected")
    raise typer.Exit(Exit.OK if right == len(results) > 0 else Exit.DENIED)


def _print(
    number: int, question: Question, request: pb.CheckRequest, answer: pb.CheckResponse, wrong: list[str]
) -> None:
    kind = "the fatal question" if question.fatal else "the rightful question"
    say(f"{number}. {question.organisation}: {kind}")
    say(question.asks, indent="   ")
    say()
    print_table(("field", "recipient", "answer", "reason"), cell_rows(request, answer))
    say()
    print_pairs(
        [
            ("answer", effect(answer.effect)),
            ("reason", answer.reason),
            ("owed", ", ".join(obligation_in_words(owed) for owed in answer.obligations) or "nothing"),
            ("decision", answer.decision_id),
        ]
    )
    print_obligations(request, answer)
    print_reasons(answer)
    for sentence in wrong:
        say(f"not as expected: {sentence}")
    say()


def _as_json(
    question: Question, request: pb.CheckRequest, answer: pb.CheckResponse, wrong: list[str]
) -> dict[str, Any]:
    return {
        "organisation": question.organisation,
        "system": question.system,
        "fatal": question.fatal,
        "asks": question.asks,
        "request": as_json(request),
        "response": as_json(answer),
        "asExpected": not wrong,
        "differences": wrong,
    }
