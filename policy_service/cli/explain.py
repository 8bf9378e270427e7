"""`explain`: why a question is answered as it is, gate by gate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1.decision_pb2_grpc import DecisionServiceStub
from policy_service.cli import flags
from policy_service.cli.answers import cell_rows, effect, recipient_of
from policy_service.cli.asking import question_command
from policy_service.cli.check import question
from policy_service.cli.connect import decisions
from policy_service.cli.exits import CODES_IN_WORDS, Exit
from policy_service.cli.render import print_json, print_pairs, print_table, say
from policy_service.cli.run import asking_system, current

EPILOG = f"""\b
Example
  Why the officer is not told who made the enquiry. The system that asks needs
  the grant --may-explain of `policy-service systems put`; in the example
  world the privacy office's has it, and the officers' has not:
  policy-service explain --as police-privacy-office --user o.manager \\
      --record OM-1001 --field enquiry.made_by

{CODES_IN_WORDS}"""

_NOTHING_EXPLAINED = (
    "Next: Check the record for a slip. `policy-service systems show NAME` shows whether the system may"
    " explain; if not, `policy-service systems put NAME --may-explain` with all the rest of its grant: it"
    " replaces the whole."
)


@question_command(question)
def explain(
    context: typer.Context,
    request: pb.CheckRequest,
    every: Annotated[
        bool, typer.Option("--all", help="Show what every policy saw, not only those that decided.")
    ] = False,
    system: flags.System = "",
    json: flags.AsJson = False,
) -> None:
    """Tell why a question is answered as it is: each gate, its policies, and what they saw.

    For systems whose grant says so; any other is told what is told of an unknown record. The call is logged.
    Nothing may be shown or sent by it: exit code 0 means that it was explained, not that it is permitted.
    """
    run = current(context)
    with decisions(run, asking_system(run, system)) as connection:
        method = DecisionServiceStub(connection.channel).Explain
        explained = connection.call(method, pb.ExplainRequest(check=request))
    if json:
        print_json(explained)
    else:
        print_explanation(request, explained, every=every)
    raise typer.Exit(Exit.OK if explained.questions else Exit.DENIED)


def print_explanation(request: pb.CheckRequest, explained: pb.ExplainResponse, *, every: bool) -> None:
    """Print each question with what decided it, or (`every`) each policy considered, and then the answer."""
    for number, asked in enumerate(explained.questions, start=1):
        came_to = "not denied" if _not_denied(asked) else effect(asked.effect)
        say(f"{number}. {' '.join((asked.gate, came_to, asked.reason)).rstrip()}")
        print_pairs(_about(request, asked))
        shown = [policy for policy in asked.policies if every or policy.decided]
        for policy in shown:
            say()
            say(f"{_judged(policy)} {policy.uid} ({policy.tier})")
            print_table(("attribute", "condition", "saw", "holds"), _conditions(policy.conditions))
        say()
    if explained.truncated:
        say("more was asked than is explained; ask about fewer fields or recipients")
        say()
    answer = explained.answer
    print_table(("field", "recipient", "answer", "reason"), cell_rows(request, answer))
    say()
    print_pairs(
        [
            ("answer", f"{effect(answer.effect)}, and no permission: ask with `check` before acting"),
            ("reason", answer.reason),
            ("explained", "" if explained.questions else "nothing: not there, or not for this system"),
            ("log entry", answer.decision_id),
        ]
    )
    if not explained.questions:
        say()
        say(_NOTHING_EXPLAINED)


def _about(request: pb.CheckRequest, asked: pb.ExplainedQuestion) -> Iterator[tuple[str, str]]:
    field = f"{asked.field}, its part {asked.part}" if asked.part else asked.field
    yield "field", field
    yield "about", f"{asked.data_subject} (implied)" if asked.implied_data_subject else asked.data_subject
    if asked.reader:
        yield "towards", asked.reader
        yield "recipient", recipient_of(request, asked.recipient)
    applied = [policy.uid for policy in asked.policies if policy.decided]
    yield "tier", asked.tier or _without_tier(asked)
    yield "decided by", ", ".join(applied)
    yield "considered", f"{len(asked.policies)} policies"


def _not_denied(asked: pb.ExplainedQuestion) -> bool:
    """Whether no policy permitted it and none had to: the default of whatever needs a permit is a deny."""
    return not asked.tier and asked.effect == pb.EFFECT_PERMIT


def _without_tier(asked: pb.ExplainedQuestion) -> str:
    if not _not_denied(asked):
        return "none: no policy applied"
    who = "somebody whom the field implies" if asked.implied_data_subject else "an implied reader"
    return f"none: no deny applied; {who} is tested against denies alone, and needs no permit"


def _judged(policy: pb.ExplainedPolicy) -> str:
    if policy.decided:
        return "decided by error:" if policy.outcome == "error" else "decided:"
    return {"true": "applies:", "false": "does not apply:"}.get(policy.outcome, "cannot be evaluated:")


def _conditions(conditions: Iterable[pb.ExplainedCondition]) -> Iterator[tuple[str, str, str, str]]:
    for each in conditions:
        yield each.path, each.condition, "missing" if each.missing else each.value, each.outcome
