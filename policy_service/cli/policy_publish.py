"""`policies push` and `policies rollback`: what decides from the next check on."""

from __future__ import annotations

import sys
import uuid
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.api.v1.policy_pb2_grpc import PolicyServiceStub
from policy_service.cli import flags
from policy_service.cli.connect import Connection, control
from policy_service.cli.exits import CODES_IN_WORDS, Exit, Failure
from policy_service.cli.policy_folder import SetFolder, read_folder
from policy_service.cli.policy_sets import print_changes, sets_on_file, whole_set
from policy_service.cli.policy_tests import print_tried, problem_in_words
from policy_service.cli.render import (
    as_json,
    counted,
    print_json,
    progress,
    say,
    say_finding,
    though_unread,
)
from policy_service.cli.run import Run, current, manager
from policy_service.cli.shipped import shipped
from policy_service.model.set_files import CASES

PUSH_EPILOG: Final = f"""\b
Examples
  policy-service policies push policies --dry-run
  policy-service policies push policies --reason "staff see venues" --yes

{CODES_IN_WORDS}"""
ROLLBACK_EPILOG: Final = f"""\b
Examples
  policy-service policies rollback --yes
  policy-service policies rollback set-0123456789abcdef0123456789abcdef --yes

{CODES_IN_WORDS}"""

SECONDS: Final = 90.0
"""The shortest deadline of a call here: every decision worker compiles the set before the answer."""
_MOST_SETS: Final = 10_000

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]


def push(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that holds the set.")],
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and show what would change; publish nothing.")
    ] = False,
    no_cases: Annotated[
        bool,
        typer.Option(
            "--no-cases", help="Do not try the cases below DIR/tests; `policies sets` says so of a set."
        ),
    ] = False,
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Publish a folder of policies: the whole set, in place of the one that is published.

    It is validated, tried on the cases below DIR/tests, and shown as what would change; then, after a yes,
    it is put on file with its cases, every decision worker of the service compiles it, and the next check is
    decided by it. Where anything is wrong, nothing is published. The installation's privacy officers and
    administrators alone may.
    """
    found = read_folder(folder)
    ours = shipped("policies", CASES)
    untried = f"no case stands below `{folder / CASES}`; those of the shipped policies are in `{ours}`"
    if no_cases:
        found, untried = replace(found, cases=()), "--no-cases"
    request = found.to_put(reason)
    with _patient(current(context)) as connection:
        stub = PolicyServiceStub(connection.channel)
        compared = connection.call(stub.Diff, found.to_compare())
        if not compared.changes:
            if not dry_run and _has_other_cases(connection, found, compared.after):
                _check(connection, found, folder, untried, json=json)
                connection.call(stub.PutSet, request)
                _progress(json, "they are on file with the set now")
            _tell(compared, published=False, json=json)
            return
        _check(connection, found, folder, untried, json=json)
        if not json:
            with though_unread():
                print_changes(compared.changes)
        if dry_run:
            _tell(compared, published=False, json=json)
            return
        _ask(f"publish this in place of {compared.published}?", yes=yes)
        put = connection.call(stub.PutSet, request)
        publish = pb.PolicyServicePublishRequest(
            policy_set=put.policy_set,
            expected=compared.published,
            reason=reason,
            idempotency_key=key or str(uuid.uuid4()),
        )
        connection.call(stub.Publish, publish)
        if key:
            _require_published(connection, put.policy_set)
    _tell(compared, published=True, json=json)


def rollback(
    context: typer.Context,
    policy_set: Annotated[
        str,
        typer.Argument(
            metavar="[ID]",
            help="A set that was published once. Default: the one that was published before this one.",
        ),
    ] = "",
    yes: Yes = False,
    despite_cases: Annotated[
        bool,
        typer.Option(
            "--despite-cases",
            help="Go back even where cases of the set fail by now; the log entry says how many.",
        ),
    ] = False,
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Publish again what was published before; the next check is decided by it.

    Told twice it goes back and forth: name the set to go further back, as `policies sets` shows it.
    """
    with _patient(current(context)) as connection:
        stub = PolicyServiceStub(connection.channel)
        now, before = _published(connection)
        target = policy_set or before
        if not target:
            raise Failure(
                "nothing was published before this set",
                do_next="`policy-service policies sets` shows what is on file",
                code=Exit.DENIED,
            )
        compared = connection.call(stub.Diff, pb.PolicyServiceDiffRequest(before=now, after=target))
        if not compared.changes:
            _tell(compared, published=False, json=json)
            return
        if not json:
            with though_unread():
                print_changes(compared.changes)
        _ask(f"publish {target} again, in place of {now}?", yes=yes)
        request = pb.PolicyServiceRollbackRequest(
            policy_set=target,
            expected=now,
            reason=reason,
            idempotency_key=key or str(uuid.uuid4()),
            despite_cases=despite_cases,
        )
        connection.call(stub.Rollback, request)
        if key:
            _require_published(connection, target)
    _tell(compared, published=True, json=json)


def _require_published(connection: Connection, policy_set: str) -> None:
    """What was asked with a key that was used before is answered as it was then, and is not done again."""
    published, _ = _published(connection)
    if published != policy_set:
        raise Failure(
            f"{published} is published, and not {policy_set}: this --idempotency-key was used before, or"
            " another set was published in this moment",
            do_next="see `policy-service policies history`; to publish it again, choose another"
            " --idempotency-key, or none",
            code=Exit.DENIED,
        )


def _patient(run: Run) -> AbstractContextManager[Connection]:
    return control(replace(run, timeout=max(run.timeout, SECONDS)), manager(run))


def _has_other_cases(connection: Connection, found: SetFolder, policy_set: str) -> bool:
    """Whether a folder has cases, and the set on file not the same; the shipped set has none at first."""
    if not found.cases:
        return False
    _, _, kept = whole_set(connection, policy_set, "")
    return {(each.name, each.text) for each in kept} != {(each.name, each.text) for each in found.cases}


def _check(connection: Connection, found: SetFolder, folder: Path, untried: str, *, json: bool) -> None:
    """Validate and try; raises Failure once everything that is wrong is told, as JSON on standard output.

    `untried`: why there is no case, where there is none.
    """
    stub, files = PolicyServiceStub(connection.channel), found.to_check()
    valid = connection.call(stub.Validate, files.to_validate())
    refused = valid.problems or valid.checked < len(found.files)
    for problem in () if json else valid.problems:
        _progress(json, problem_in_words(problem))
    for warning in () if json and refused else valid.warnings:
        _progress(json, f"{warning.file}:{warning.line}: warning: {warning.text}")
    if refused:
        if json:
            _refused(valid)
        raise Failure(
            f"{counted(len(valid.problems), 'problem')} in these files; nothing was published",
            do_next=f"mend them; `policy-service policies validate {folder}` tells the same",
            code=Exit.DENIED,
        )
    if not found.cases:
        _progress(json, f"warning: nothing was tried: {untried}")
        return
    tried = connection.call(stub.Test, files.to_test())
    if tried.problems or tried.failed:
        if json:
            _refused(valid, tried)
        else:
            print_tried(tried)
        raise Failure(
            "a case came out otherwise than expected, or cannot be read; nothing was published",
            do_next=f"mend the policies or the cases; `policy-service policies test {folder}` tells the same",
            code=Exit.DENIED,
        )
    gaps = f"; {counted(tried.uncovered, 'gap')} that no case has decided" if tried.uncovered else ""
    _progress(json, f"{counted(tried.tried, 'case')} came out as expected{gaps}")


def _refused(
    valid: pb.PolicyServiceValidateResponse, tried: pb.PolicyServiceTestResponse | None = None
) -> None:
    """What is wrong with the files or the cases; `policies validate` and `policies test` say it alike."""
    wrong = [*valid.problems, *(() if tried is None else tried.problems)]
    print_json(
        {
            "published": False,
            "problems": [as_json(each) for each in wrong],
            "warnings": [as_json(each) for each in valid.warnings],
            "failed": 0 if tried is None else tried.failed,
            "failures": [] if tried is None else [as_json(each) for each in tried.failures],
        }
    )


def _progress(json: bool, text: str) -> None:
    """To a person on standard output with the rest; beside JSON on standard error."""
    with though_unread():
        (progress if json else say_finding)(text)


def _ask(question: str, *, yes: bool) -> None:
    """Go on after a yes alone."""
    if yes:
        return
    if not _somebody_is_there():
        raise Failure(
            "nobody is there to be asked, and nothing was published",
            do_next="look at what would change, and add --yes",
            code=Exit.USAGE,
        )
    if not typer.confirm(question):
        raise Failure("nothing was published", do_next="nothing has changed", code=Exit.DENIED)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _published(connection: Connection) -> tuple[str, str]:
    """The set that is published, and the one that was before it, or nothing."""
    sets, _ = sets_on_file(connection, _MOST_SETS)
    times = [
        (each.published_at.ToNanoseconds(), found.policy_set) for found in sets for each in found.publications
    ]
    times.sort(reverse=True)
    now = next((each.policy_set for each in sets if each.is_published), "")
    return now, next((name for _, name in times if name != now), "")


def _tell(compared: pb.PolicyServiceDiffResponse, *, published: bool, json: bool) -> None:
    """What was published in place of what, or that nothing was."""
    if json:
        print_json(
            {
                "policySet": compared.after,
                "replaced": compared.published if published else "",
                "published": published,
                "changes": [as_json(each) for each in compared.changes],
            }
        )
    elif published:
        say(f"published: {compared.after}; the next check is decided by it")
        say(f"it was {compared.published} before: `policy-service policies rollback` publishes that again")
    elif compared.changes:
        say("nothing was published")
    else:
        say(f"nothing to publish: {compared.after} is published, and the same file by file")
