"""What a person reads of `policies test`: each case that came out otherwise, and what no case has decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.cli.render import WIDTH, counted, print_pairs, print_table, say, say_finding, say_whole

_NOTHING: Final = "nothing"
_MOST_SHOWN: Final = 20
"""Failed cases: they often have one cause."""


def problem_in_words(problem: pb.PolicyProblem) -> str:
    """Where it is, as editors read it, and what is wrong."""
    return f"{problem.file}:{problem.line}: {problem.text}" if problem.file else f"the set: {problem.text}"


def print_tried(answer: pb.PolicyServiceTestResponse) -> None:
    """Print problems, or failures, or gaps, and sum up. What has failed is mended before gaps are filled."""
    for problem in answer.problems:
        say_finding(problem_in_words(problem))
    if answer.problems:
        say()
        say(f"{counted(len(answer.problems), 'problem')}; no case was tried")
        return
    for failure in answer.failures[:_MOST_SHOWN]:
        _print_failure(failure)
    if not answer.failed:
        _print_gaps(answer.gaps)
    _sum_up(answer)


def _sum_up(answer: pb.PolicyServiceTestResponse) -> None:
    shown = min(len(answer.failures), _MOST_SHOWN)
    gaps = f"{counted(answer.uncovered, 'gap')}: what no case has decided"
    if answer.failed:
        more = "" if shown == answer.failed else f"; the first {shown} are shown"
        say(f"{answer.failed} of {counted(answer.tried, 'case')} came out otherwise than expected{more}")
        if answer.uncovered:
            say(f"{gaps}, shown once the cases are right")
        return
    say(f"{counted(answer.tried, 'case')}: all came out as expected")
    if not answer.uncovered:
        say("each policy, and each condition of it, was decided by some case")
        return
    more = "" if len(answer.gaps) == answer.uncovered else f"; the first {len(answer.gaps)} are shown"
    say(f"{gaps}{more}")


def _print_failure(failure: pb.PolicyTestFailure) -> None:
    say(f"{failure.file}:{failure.line}")
    say(failure.title)
    said = {each.uid: set(each.parameters) for each in failure.expected.owed}
    print_pairs([("expected", _outcome(failure.expected, said)), ("came", _outcome(failure.came, said))])
    for looked in failure.looked:
        say()
        say(_heading(looked, failure))
        wanted = ("true", "error") if looked.counted else ("false", "error")
        rows = [
            (f"{each.path}\n{each.condition}", _saw(each))
            for each in looked.conditions
            if each.outcome in wanted
        ]
        if rows and (looked.counted or looked.outcome != "true"):
            print_table(("condition", "saw"), rows)
    say()


def _outcome(outcome: pb.PolicyTestOutcome, said: Mapping[str, set[str]]) -> str:
    """What was expected, or came; of what is owed those parameters that the case says."""
    words: list[str] = []
    if outcome.effect:
        words.append(f"{outcome.effect} {outcome.reason}".rstrip())
    if outcome.policies:
        words.append(f"by {', '.join(outcome.policies)}")
    if outcome.owed_said:
        words.append(f"owed: {', '.join(_owed(each, said) for each in outcome.owed) or _NOTHING}")
    return "; ".join(words)


def _owed(owed: pb.PolicyTestOwed, said: Mapping[str, set[str]]) -> str:
    told = [f"{name}: {owed.parameters[name]}" for name in sorted(owed.parameters)]
    told = [each for each in told if each.partition(":")[0] in said.get(owed.uid, ())]
    return f"{owed.uid} ({', '.join(told)})" if told else owed.uid


def _heading(looked: pb.PolicyTestLooked, failure: pb.PolicyTestFailure) -> str:
    if not looked.tier:
        if looked.counted:
            return f"{looked.uid} is owed:"
        if looked.outcome == "true":
            return f"{looked.uid} holds, and is not owed with a {failure.came.effect}"
        return f"{looked.uid} is not owed, because of:"
    if looked.counted:
        return f"{looked.uid} ({looked.tier}) decided{' by error' if looked.outcome == 'error' else ''}:"
    if looked.outcome == "true":
        return f"{looked.uid} ({looked.tier}) applies, and was not asked: what is above it had decided"
    return f"{looked.uid} ({looked.tier}) does not apply, because of:"


def _saw(saw: pb.PolicyTestSaw) -> str:
    value = "nothing, it is missing" if saw.missing else saw.value or '""'
    return value if saw.said else f"{value} (the case does not say it)"


def _print_gaps(gaps: Iterable[pb.PolicyTestGap]) -> None:
    for (file, uid), of_policy in groupby(gaps, key=lambda gap: (gap.file, gap.uid)):
        say(f"{file}: {uid}")
        for gap in of_policy:
            if not gap.path:
                say(f"  {gap.text}")
                continue
            said = f"  {gap.path}: {gap.condition}"
            say_whole(said if len(said) <= WIDTH else f"  {gap.path}")
            say(gap.text, "    ")
        say()
