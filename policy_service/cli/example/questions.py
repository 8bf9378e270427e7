"""The demo's questions: data in `demo.yaml`, and the judgement of an answer against what is expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.cli.answers import effect, recipient_of
from policy_service.cli.example.models import read_model
from policy_service.cli.example.world import DEMO, Strict
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.messages import NoMessageError, message_of


class Expected(Strict):
    """What must come back. A cell is `field` or `field@party`; on a send ` > RECIPIENT` follows."""

    effect: Literal["permit", "deny"]
    permits: list[str] = Field(default=[])
    denies: list[str] = Field(default=[])
    owes: list[str] = Field(default=[])


class Question(Strict):
    """One question to the running service. `call` is the message CheckRequest, by its names."""

    organisation: str
    system: str
    fatal: bool
    asks: str
    call: dict[str, Any]
    expect: Expected

    def request(self) -> pb.CheckRequest:
        """Give the call as a message."""
        try:
            return message_of(self.call, pb.CheckRequest())
        except NoMessageError as error:
            raise Failure(
                f"the demo's question `{self.asks}` is no call: {error.why}",
                do_next="correct the demo's file and try again",
                code=Exit.USAGE,
            ) from None


class Demo(Strict):
    questions: list[Question]


def read_questions(directory: Path) -> list[Question]:
    """Read the questions that a world's folder holds."""
    return read_model(directory / DEMO, Demo).questions


def unexpected(question: Question, request: pb.CheckRequest, answer: pb.CheckResponse) -> list[str]:
    """Tell what differs from what is expected, a sentence each; empty where the answer is right.

    Cells and obligations are compared whole: one too many is as wrong as one missing.
    """
    expect = question.expect
    cells = {_name(request, cell): effect(cell.effect) for cell in answer.cells}
    wanted = dict.fromkeys(expect.permits, "permit") | dict.fromkeys(expect.denies, "deny")
    wrong = [
        f"`{name}` should be {wanted.get(name, 'absent')} and is {cells.get(name, 'absent')}"
        for name in sorted(cells.keys() | wanted.keys())
        if cells.get(name) != wanted.get(name)
    ]
    if effect(answer.effect) != expect.effect:
        wrong.append(f"the whole answer should be {expect.effect} and is {effect(answer.effect)}")
    owed = {obligation.kind for obligation in answer.obligations}
    wrong += [f"`{kind}` should be owed and is not" for kind in sorted(set(expect.owes) - owed)]
    wrong += [f"`{kind}` is owed and should not be" for kind in sorted(owed - set(expect.owes))]
    return wrong


def _name(request: pb.CheckRequest, cell: pb.Cell) -> str:
    name = f"{cell.field}@{cell.party}" if cell.party else cell.field
    return f"{name} > {recipient_of(request, cell.recipient)}" if request.recipients else name
