"""`log replay`: a decision computed again from what was known then, or as it would be today."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import typer

from policy_service.api.v1 import decision_log_pb2 as pb
from policy_service.api.v1.decision_log_pb2_grpc import DecisionLogServiceStub
from policy_service.cli import flags
from policy_service.cli.answers import effect
from policy_service.cli.connect import control
from policy_service.cli.exits import Exit
from policy_service.cli.render import print_json, print_pairs, say
from policy_service.cli.run import current, manager

EPILOG: Final = """\b
Examples
  policy-service log replay 019cae6b-6600-7193-b2a4-fb2f2b292c41
  policy-service log replay 019cae6b-6600-7193-b2a4-fb2f2b292c41 --today
The ids are those of answers (`decision`), of `log search` and `log follow`.
Exit code 0: the same answer; 1: it came out otherwise, or could not be
computed. Nothing may be shown or sent by it.
"""

_WHY_NOT: Final = {
    "ENTRY_TOO_LARGE": "The call was more than the log takes, and was denied for that; it is not in its "
    "entry. Nothing was permitted.",
    "CALL_NOT_KEPT": "The entry was written by a version that did not keep the call.",
    "WORDS_UNKNOWN": "The entry has words that this version does not know. Ask the version that wrote it.",
    "REVISION_UNDONE": "What was known then is not there any more: the facts were restored since, from a "
    "backup that was made before. Ask `--today`.",
    "REFUSED": "The call would be refused: it describes attributes that the policies do not declare so.",
}


def replay(
    context: typer.Context,
    decision_id: Annotated[str, typer.Argument(metavar="DECISION", help="A decision's id.")],
    today: Annotated[
        bool,
        typer.Option(
            "--today",
            help="Tell what it would be now, by the newest facts and policies. Ages that the call "
            "described are taken as they were.",
        ),
    ] = False,
    controller: flags.LogController = "",
    json: flags.AsJson = False,
) -> None:
    """Compute a decision again from what was known then, and compare.

    It is computed from its log entry and from the facts and policies as of its revision.
    """
    run = current(context)
    with control(run, manager(run)) as connection:
        method = DecisionLogServiceStub(connection.channel).Replay
        question = pb.DecisionLogServiceReplayRequest(decision_id=decision_id, today=today)
        answer = connection.call(method, question, controller=controller)
    if json:
        print_json(answer)
    else:
        _print(answer, today=today)
    if not answer.same:
        raise typer.Exit(Exit.DENIED)


def _print(answer: pb.DecisionLogServiceReplayResponse, *, today: bool) -> None:
    if answer.not_computed:
        say("not computed")
        say(_WHY_NOT.get(answer.not_computed, answer.not_computed))
        return
    say(_in_one_line(answer, today=today))
    for version in answer.versions:
        say(f"other {version.what}: then `{version.recorded}`, here `{version.computed}`")
    if answer.abridged:
        say("The entry is abridged: what the caller was told was compared, and no more.")
    for path in answer.guessed:
        say(f"A policy looks into the text that was asserted as `{path}`; a fingerprint alone is kept of it.")
    for name in answer.erased:
        say(f"erased since: {name}")
    for difference in answer.differences:
        say()
        print_pairs(_pairs(difference, today=today))


def _in_one_line(answer: pb.DecisionLogServiceReplayResponse, *, today: bool) -> str:
    if today:
        would = f"today it would be {effect(answer.computed.effect)}"
        return f"{would}, the same answer" if answer.same else f"{would}; {_count(answer)}"
    return "the same answer" if answer.same else f"not the same answer: {_count(answer)}"


def _count(answer: pb.DecisionLogServiceReplayResponse) -> str:
    number = len(answer.differences)
    return f"{number} difference{'' if number == 1 else 's'}"


def _pairs(difference: pb.ReplayDifference, *, today: bool) -> Iterator[tuple[str, str]]:
    where = [difference.field] if difference.field else []
    if difference.HasField("recipient"):
        where.append(f"to {difference.recipient + 1}")
    yield difference.what, " ".join(where) or "of the whole"
    yield "  then", difference.recorded or "none"
    yield "  today" if today else "  now", difference.computed or "none"
