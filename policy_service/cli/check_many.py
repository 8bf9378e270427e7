"""`check --from`: the questions of a file, asked on one stream, and what came of each."""

from __future__ import annotations

import json as json_text
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1.decision_pb2_grpc import DecisionServiceStub
from policy_service.cli.connect import Connection
from policy_service.cli.exits import Exit
from policy_service.cli.render import as_json, print_table, progress, say
from policy_service.cli.words import print_texts
from policy_service.client.errors import InvalidQuestion, NotAllowed, ServiceError
from policy_service.client.several import Asked, Outcome

T = TypeVar("T")

MANY: Final = 20
"""From so many questions on a progress bar is worth its line."""
SHOWN: Final = 1_000
"""Rows of the table; `--json` has no such bound."""


@dataclass(frozen=True, slots=True)
class _Came:
    """What came of one question: as the library reads it, and as it came."""

    question: pb.CheckRequest
    outcome: Outcome
    message: pb.CheckOutcome

    @property
    def exit(self) -> Exit:
        match self.outcome:
            case InvalidQuestion():
                return Exit.USAGE
            case NotAllowed():
                return Exit.NOT_ALLOWED
            case ServiceError():
                return Exit.UNAVAILABLE
            case decision:
                return Exit.OK if decision.permitted else Exit.DENIED

    @property
    def word(self) -> str:
        return {Exit.OK: "permit", Exit.DENIED: "deny"}.get(self.exit, "error")

    @property
    def reasons(self) -> str:
        """Why not: of the whole, else each reason of a cell once."""
        answer = self.message.answer
        if isinstance(self.outcome, ServiceError):
            return self.outcome.reason or self.outcome.message
        return answer.reason or ", ".join(dict.fromkeys(cell.reason for cell in answer.cells if cell.reason))

    def texts(self, number: int) -> Iterable[pb.StaffText]:
        """Each reason in words, with what to do next; of an error, to which question it came."""
        error = self.message.error
        if not error.reason:
            return self.message.answer.staff_texts
        return (pb.StaffText(reason=error.reason, text=f"Of question {number:,}: {error.message}."),)


def ask_many(connection: Connection, questions: list[pb.CheckRequest], *, json: bool) -> Exit:
    """Ask, print what came of each, and return the worst exit code. A stream that fails raises Failure, after
    what came before was printed.
    """
    counted: Counter[str] = Counter()
    texts: dict[str, pb.StaffText] = {}
    worst, rows = Exit.OK, []
    try:
        for number, came in enumerate(with_bar(_ask(connection, questions), len(questions)), start=1):
            counted[came.word] += 1
            worst = max(worst, came.exit)
            if json:
                typer.echo(json_text.dumps(as_json(came.message), ensure_ascii=False))
                continue
            if number <= SHOWN:
                rows.append((str(number), came.question.user, came.question.record, came.word, came.reasons))
            for each in came.texts(number):
                texts.setdefault(each.reason, each)
    finally:
        if not json:
            if rows:
                print_table(("#", "user", "record", "answer", "why not"), rows)
                say()
            told = ", ".join(f"{counted[word]:,} {word}" for word in ("permit", "deny", "error"))
            say(f"{len(questions):,} questions: {told}")
            if counted.total() > SHOWN:
                say(f"the first {SHOWN:,} are shown; --json prints all, one a line")
            if texts:
                say()
                print_texts(texts.values())
            if counted.total() < len(questions):
                progress(
                    f"{len(questions) - counted.total():,} were not answered: nothing of them is permitted"
                )
    return worst


def _ask(connection: Connection, questions: list[pb.CheckRequest]) -> Iterator[_Came]:
    asked, position = Asked(), 0
    stub = DecisionServiceStub(connection.channel)
    for response in connection.converse(stub.CheckStream, asked.messages(questions)):
        yield _Came(questions[position], asked.answered(response), response.outcome)
        position += 1
    for outcome in asked.unanswered():
        error = pb.CheckError(code="UNAVAILABLE", message=str(outcome))
        yield _Came(questions[position], outcome, pb.CheckOutcome(error=error))
        position += 1


def with_bar(came: Iterable[T], total: int) -> Iterator[T]:
    """With a progress bar on standard error, for a person who waits for many."""
    if total < MANY or not sys.stderr.isatty():
        yield from came
        return
    columns = (TextColumn("asked"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("asked", total=total)
        for each in came:
            bar.advance(task)
            yield each
