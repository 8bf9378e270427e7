"""`policies`: what one may name, whether files are right and decide as expected, and what is published.

The commands that publish, and those about whole sets, are in `policy_publish` and `policy_sets`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.api.v1.policy_pb2_grpc import PolicyServiceStub
from policy_service.cli import flags, past, policy_publish, policy_sets
from policy_service.cli.connect import Connection, control
from policy_service.cli.epilogs import example_of
from policy_service.cli.exits import CODES_IN_WORDS, Exit, Failure
from policy_service.cli.pages import all_pages
from policy_service.cli.policy_files import PolicyFiles, policy_files
from policy_service.cli.policy_tests import print_tried, problem_in_words
from policy_service.cli.render import (
    WIDTH,
    as_json,
    counted,
    print_json,
    print_pairs,
    print_table,
    say,
    say_finding,
    say_whole,
)
from policy_service.cli.run import current, manager
from policy_service.model.spelling import perhaps
from policy_service.model.vocabulary import Gate, Tier

app = typer.Typer(
    no_args_is_help=True,
    help="Policies: what they may name, whether they are right, and what is published, now and before.",
)

_TYPE_WORDS = {
    "string": "a text",
    "strings": "a list of texts",
    "boolean": "true or false",
    "number": "a number",
}
_ATTRIBUTES_EXAMPLE = """\b
Examples
  policy-service policies attributes recipient.adverse
  policy-service policies attributes --gate delivery
"""
_SHIPPED = [Path("policies")]
_TEST_EXAMPLE = f"""\b
Examples
  policy-service policies test policies
  policy-service policies test policies/authority policies/tests/authority

{CODES_IN_WORDS}"""
_VALIDATE_EXAMPLE = f"""\b
Example
  policy-service policies validate policies

{CODES_IN_WORDS}"""


@app.command(epilog=_ATTRIBUTES_EXAMPLE)
def attributes(
    context: typer.Context,
    part: Annotated[
        str, typer.Argument(metavar="[PART]", help="Only those that have this in their path.")
    ] = "",
    gate: Annotated[
        Gate | None, typer.Option(metavar="GATE", help=f"Only those of one gate: {', '.join(Gate)}.")
    ] = None,
    controller: flags.Controller = "",
    as_of: flags.AsOf = "",
    json: flags.AsJson = False,
) -> None:
    """What a policy may name: each attribute with its type, its gates, a sentence and an example."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PolicyServiceStub(connection.channel).ListAttributes
        question = pb.PolicyServiceListAttributesRequest(as_of=past.as_of(as_of))
        answer = connection.call(method, question, controller=controller)
    found = [each for each in answer.attributes if part in each.path and (gate is None or gate in each.gates)]
    if not found:
        raise _no_attribute(part, [each.path for each in answer.attributes])
    if json:
        print_json({"attributes": [as_json(each) for each in found]})
        return
    for each in found:
        _show_attribute(each)
    say(f"{len(found)} of {len(answer.attributes)} attributes")


@app.command(epilog=_VALIDATE_EXAMPLE)
def validate(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files, or folders: every *.yaml in them.")
    ],
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 for warnings, too.")] = False,
    controller: flags.Controller = "",
    json: flags.AsJson = False,
) -> None:
    """Tell everything that is wrong with policies: file, line, and what to write instead.

    A warning is about what is right, and most likely not what was meant, such as a policy that can never
    apply. With --controller it knows the record types of the organisation.

    Files below a folder named base_types are base types, those below one named messages catalogues of
    messages, those below one named attributes declare attributes. Those below one named tests are cases,
    for `policies test`, and not looked at. Nothing is stored or published.
    """
    files = policy_files(paths)
    request = files.to_validate()
    sent = len(files.documents) + len(files.base_types) + len(files.messages) + len(files.attributes)
    if not sent and not files.problems:
        raise Failure(
            "all of these are cases, and no policies",
            do_next="`policy-service policies test` tries them, with the policies that they are about",
            code=Exit.USAGE,
        )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PolicyServiceStub(connection.channel).Validate
        # What is no text is not sent; when there is nothing else, there is nothing to ask.
        answer = (
            connection.call(method, request, controller=controller)
            if sent
            else pb.PolicyServiceValidateResponse()
        )
    problems = [*files.problems, *answer.problems]
    unchecked = sent - answer.checked
    if json:
        print_json(
            {
                "problems": [as_json(each) for each in problems],
                "warnings": [as_json(each) for each in answer.warnings],
                "checked": answer.checked + len(files.problems),
                "unchecked": unchecked,
            }
        )
    else:
        for each in problems:
            say_finding(problem_in_words(each))
        for each in answer.warnings:
            say_finding(f"{each.file}:{each.line}: warning: {each.text}")
        _sum_up(sent + len(files.problems), problems, unchecked, len(answer.warnings))
    if problems or unchecked or (strict and answer.warnings):
        raise typer.Exit(Exit.DENIED)


@app.command("test", epilog=_TEST_EXAMPLE)
def try_cases(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Files, or folders: every *.yaml in them.", show_default=False
        ),
    ] = _SHIPPED,
    controller: flags.Controller = "",
    json: flags.AsJson = False,
) -> None:
    """Try the cases beside policies, and tell what none of them has decided.

    Files below a folder named tests are cases; they are tried on the policies that are named with them.
    Without PATH it is the folder policies. Nothing is stored or published.
    """
    files = policy_files(paths)
    request = files.to_test()
    if not files.problems:
        _check_there_is_something(files)
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PolicyServiceStub(connection.channel).Test
        # What is no text is not sent; then the cases would be tried on a part of what was meant.
        answer = (
            pb.PolicyServiceTestResponse(problems=files.problems)
            if files.problems
            else connection.call(method, request, controller=controller)
        )
    if json:
        print_json(answer)
    else:
        print_tried(answer)
    if answer.problems or answer.failed or answer.uncovered:
        raise typer.Exit(Exit.DENIED)


@app.command("list", epilog=example_of("policies list"))
def list_policies(
    context: typer.Context,
    controller: flags.Controller = "",
    as_of: flags.AsOf = "",
    limit: flags.Limit = 10_000,
    json: flags.AsJson = False,
) -> None:
    """List the published policies, gate by gate, in the order in which tiers decide."""
    run = current(context)
    policy_set = ""
    with control(run, manager(run)) as connection:
        method = PolicyServiceStub(connection.channel).List

        def page(token: str, size: int) -> tuple[list[pb.Policy], str]:
            nonlocal policy_set
            question = pb.PolicyServiceListRequest(page_size=size, page_token=token, as_of=past.as_of(as_of))
            answer = connection.call(method, question, controller=controller)
            policy_set = answer.policy_set
            return list(answer.policies), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"policySet": policy_set, "policies": [as_json(each) for each in found], "more": more})
        return
    for heading, policies in groupby(sorted(found, key=_order), key=_heading):
        say(heading)
        print_table(("policy", "reason"), ((each.uid, each.reason) for each in policies))
        say()
    say(f"{len(found)} policies; the set is {policy_set}")
    if more:
        say(f"the first {limit}; there are more, see --limit")


@app.command(epilog=example_of("policies show"))
def show(
    context: typer.Context,
    uid: Annotated[str, typer.Argument(metavar="UID", help="As `policies list` shows it.")],
    controller: flags.Controller = "",
    as_of: flags.AsOf = "",
    json: flags.AsJson = False,
) -> None:
    """Show one published policy, as its file says it."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PolicyServiceStub(connection.channel).Get
        try:
            question = pb.PolicyServiceGetRequest(uid=uid, as_of=past.as_of(as_of))
            answer = connection.call(method, question, controller=controller)
        except Failure as failure:
            raise _not_published(connection, uid, controller, as_of, failure) from None
    if json:
        print_json(answer)
        return
    policy = answer.policy
    print_pairs(
        [
            ("policy", policy.uid),
            ("title", policy.title),
            ("kind", policy.kind),
            ("gate", policy.gate),
            ("tier", policy.tier),
            ("effect", policy.effect),
            ("reason", policy.reason),
            ("tell", policy.tell),
            ("owner", policy.owner),
            ("file", answer.file.name),
            ("policy set", answer.policy_set),
        ]
    )
    say()
    say_whole(answer.file.text.rstrip("\n"))


app.command(epilog=policy_publish.PUSH_EPILOG)(policy_publish.push)
app.command(epilog=policy_sets.PULL_EPILOG)(policy_sets.pull)
app.command(epilog=policy_publish.ROLLBACK_EPILOG)(policy_publish.rollback)
app.command(epilog=policy_sets.DIFF_EPILOG)(policy_sets.diff)
app.command(epilog=policy_sets.SETS_EPILOG)(policy_sets.sets)
app.command(epilog=policy_sets.HISTORY_EPILOG)(policy_sets.history)


def _check_there_is_something(files: PolicyFiles) -> None:
    if not files.cases:
        raise Failure(
            "there is no case among these files",
            do_next="cases are files below a folder `tests`; policies/README.md says what is in one",
            code=Exit.USAGE,
        )
    if not files.documents:
        raise Failure(
            "there is no policy among these files",
            do_next="name the policies, too: cases are tried on what is named with them",
            code=Exit.USAGE,
        )


def _no_attribute(part: str, paths: list[str]) -> Failure:
    if any(part in path for path in paths):
        return Failure(
            "there are such attributes, and none that this gate knows",
            do_next="leave --gate out; each attribute says which gates know it",
            code=Exit.DENIED,
        )
    # A slip in one part of a path is nearer to that part than to the whole.
    parts = {".".join(names[start:]) for path in paths if (names := path.split(".")) for start in range(3)}
    return Failure(
        f"no attribute has this in its path{perhaps(part.removeprefix('$.'), sorted(parts))}",
        do_next="`policy-service policies attributes` lists them all",
        code=Exit.DENIED,
    )


def _not_published(
    connection: Connection, uid: str, controller: str, as_of: str, failure: Failure
) -> Failure:
    """Where there is no such policy, the failure with the one that is likely meant."""
    if failure.code is not Exit.DENIED:
        return failure
    method = PolicyServiceStub(connection.channel).List

    def page(token: str, size: int) -> tuple[list[str], str]:
        question = pb.PolicyServiceListRequest(page_size=size, page_token=token, as_of=past.as_of(as_of))
        answer = connection.call(method, question, controller=controller)
        return [each.uid for each in answer.policies], answer.next_page_token

    try:
        known, _ = all_pages(page, 10_000)
    except Failure:  # there was no set then
        return failure
    # Whoever knows a policy by its file writes the last name alone.
    last = [each for each in known if each.rpartition(".")[2] == uid]
    near = f", perhaps `{last[0]}` is meant" if last else perhaps(uid, known)
    return Failure(
        f"no policy with this uid {'was' if as_of else 'is'} published{near}",
        do_next="`policy-service policies list` shows them all",
        code=Exit.DENIED,
    )


def _show_attribute(attribute: pb.PolicyAttribute) -> None:
    ace, _, rest = attribute.path.partition(".")
    say(attribute.path)
    facts = [_TYPE_WORDS.get(attribute.type, attribute.type)]
    facts.append("never missing" if attribute.total else "may be missing")
    facts.append(f"gates: {', '.join(attribute.gates)}")
    if attribute.obligations_only:
        facts.append("for obligations alone")
    if attribute.declared:
        facts.append("declared: for the tiers baseline and basis, and for obligations")
    say(attribute.sentence, "  ")
    say("; ".join(facts), "  ")
    # Both are there to be copied, so neither is broken.
    written, example = f"  in rules: $.{rest} under {ace}", f"e.g. {attribute.example}"
    if len(written) + len(example) + 2 <= WIDTH:
        say_whole(f"{written}; {example}")
    else:
        say_whole(written)
        say_whole(f"  {example}")
    if attribute.values:
        more = [f"{family}.…" for family in attribute.families]
        say(f"one of: {', '.join(each or '(empty)' for each in (*attribute.values, *more))}", "  ")
    say()


def _sum_up(files: int, problems: Iterable[pb.PolicyProblem], unchecked: int, warnings: int) -> None:
    found = list(problems)
    if warnings:
        say()
    if not found and not unchecked:
        warned = f"; {counted(warnings, 'warning')}" if warnings else ""
        say(f"{counted(files, 'file')}: nothing is wrong{warned}")
        return
    wrong = len({each.file for each in found})
    if not warnings:
        say()
    say(f"{counted(len(found), 'problem')} in {wrong} of {counted(files, 'file')}; nothing was stored")
    if unchecked:
        say(f"{counted(unchecked, 'file')} not looked at yet: mend these first, then validate again")


_GATES = {str(gate): number for number, gate in enumerate(Gate)}
_TIERS = {tier.label: number for number, tier in enumerate(Tier)}


def _order(policy: pb.Policy) -> tuple[int, int, str]:
    """Gates as they are asked, tiers as they decide; what this version does not know comes last."""
    return (
        _GATES.get(policy.gate, len(_GATES)),
        _TIERS.get(policy.tier, len(_TIERS)),
        policy.uid,
    )


def _heading(policy: pb.Policy) -> str:
    if policy.kind == "obligation":
        return f"{policy.gate}: obligations"
    return f"{policy.gate}, tier {policy.tier}: {policy.effect}"
