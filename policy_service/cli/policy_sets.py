"""`policies sets`, `history`, `diff` and `pull`: what is on file, what was published, and its files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.api.v1.policy_pb2_grpc import PolicyServiceStub
from policy_service.cli import flags, past
from policy_service.cli.connect import Connection, control
from policy_service.cli.exits import CODES_IN_WORDS, Exit, Failure
from policy_service.cli.pages import all_pages
from policy_service.cli.policy_folder import plan_writing, read_folder, write_folder
from policy_service.cli.render import (
    as_json,
    counted,
    moment,
    print_json,
    print_pairs,
    print_table,
    say,
    say_whole,
)
from policy_service.cli.run import current, manager
from policy_service.model.set_files import CASES

DIFF_EPILOG: Final = f"""\b
Examples
  policy-service policies diff
  policy-service policies diff policies

{CODES_IN_WORDS}"""
SETS_EPILOG: Final = f"""\b
Example
  policy-service policies sets

{CODES_IN_WORDS}"""
HISTORY_EPILOG: Final = f"""\b
Examples
  policy-service policies history
  policy-service policies history set-0123456789abcdef0123456789abcdef

{CODES_IN_WORDS}"""
PULL_EPILOG: Final = f"""\b
Example
  policy-service policies pull my-policies

{CODES_IN_WORDS}"""

FOLDER: Final = Path("policies")
_ID: Final = "set-"


def sets(
    context: typer.Context, as_of: flags.AsOf = "", limit: flags.Limit = 100, json: flags.AsJson = False
) -> None:
    """List the policy sets on file, the newest first: when each was published, by whom and why.

    It says on how many cases a set was tried, when it was put on file and whenever it was published.
    """
    run = current(context)
    with control(run, manager(run)) as connection:
        found, more = sets_on_file(connection, limit, as_of)
    if json:
        print_json({"policySets": [as_json(each) for each in found], "more": more})
        return
    print_table(("set", "published", "by whom, and why"), (row for each in found for row in _rows(each)))
    if more:
        say(f"the first {limit}; there are more, see --limit")


def history(
    context: typer.Context,
    policy_set: Annotated[
        str, typer.Argument(metavar="[ID]", help="A set that `policies sets` shows. Default: all of them.")
    ] = "",
    limit: flags.Limit = 20,
    json: flags.AsJson = False,
) -> None:
    """Show what was published, newest first: when, by whom, why and the version's token.

    Of one set also when it was put on file and when another took its place.
    """
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PolicyServiceStub(connection.channel).History

        def page(token: str, size: int) -> tuple[list[pb.PolicyServiceVersion], str]:
            question = pb.PolicyServiceHistoryRequest(policy_set=policy_set, page_size=size, page_token=token)
            answer = connection.call(method, question)
            return list(answer.versions), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"versions": [as_json(each) for each in found], "more": more})
        return
    for number, each in enumerate(found):
        if number:
            say()
        print_pairs([*past.who(each.version), *_became(each, policy_set)])
    if more:
        say()
        say(f"the newest {limit}; there are more, see --limit")


def diff(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="[DIR|ID]",
            help="A folder, or a set's id as `policies sets` shows it.",
            show_default=False,
        ),
    ] = str(FOLDER),
    against: Annotated[
        str, typer.Argument(metavar="[ID]", help="The set that it would replace. Default: the published one.")
    ] = "",
    as_of: flags.AsOf = "",
    json: flags.AsJson = False,
) -> None:
    """Show what would change if a folder or a set took the place of the one that is published.

    Without DIR or ID it is the folder policies. Nothing is stored or published.
    """
    run = current(context)
    request = (
        pb.PolicyServiceDiffRequest(before=against, after=what, as_of=past.as_of(as_of))
        if what.startswith(_ID) and not Path(what).is_dir()
        else read_folder(Path(what)).to_compare(against, as_of=past.as_of(as_of))
    )
    with control(run, manager(run)) as connection:
        answer = connection.call(PolicyServiceStub(connection.channel).Diff, request)
    if json:
        print_json(answer)
        return
    print_changes(answer.changes)
    if not answer.changes:
        say(f"nothing differs from {answer.before}")


def pull(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the files.")],
    policy_set: Annotated[
        str,
        typer.Option(
            "--set", metavar="ID", help="A set that `policies sets` shows. Default: the published one."
        ),
    ] = "",
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Overwrite files that differ, and remove *.yaml that the set does not have."
        ),
    ] = False,
    with_cases: Annotated[
        bool, typer.Option("--cases", help="Write the cases, too, that the set was tried on.")
    ] = False,
    as_of: flags.AsOf = "",
    json: flags.AsJson = False,
) -> None:
    """Write the files of a policy set into a folder, byte for byte as they were put on file.

    Files that do not end in .yaml are left alone, and so are those below the folder's tests: with --cases
    those that are kept with the set are written there, and no other is removed.
    """
    run = current(context)
    with control(run, manager(run)) as connection:
        on_file, files, cases = whole_set(connection, policy_set, as_of)
    if with_cases:
        below = f"{CASES}/"
        files += (
            each if each.name.startswith(below) else pb.PolicyFile(name=f"{below}{each.name}", text=each.text)
            for each in cases
        )
    writing = plan_writing(folder, files)
    if writing.loses and not force:
        for name in writing.overwritten:
            say(f"differs: {name}")
        for name in writing.removed:
            say(f"not in the set: {name}")
        raise Failure(
            f"in `{folder}` {counted(len(writing.loses), 'file')} would be lost, and nothing was written",
            do_next=f"see `policy-service policies diff {folder}`, keep what you need, and pull again with"
            " --force",
            code=Exit.DENIED,
        )
    write_folder(folder, files, writing)
    if json:
        print_json(
            {
                "policySet": on_file.policy_set,
                "files": len(files),
                "written": [*writing.new, *writing.overwritten],
                "removed": [*writing.removed],
            }
        )
        return
    written = len(writing.new) + len(writing.overwritten)
    removed = f", {len(writing.removed)} removed" if writing.removed else ""
    say(f"{counted(len(files), 'file')} of {on_file.policy_set}: {written} written{removed}")
    if with_cases and not cases:
        say("no case was put on file with this set: write some below `tests` before you publish a change")


def sets_on_file(
    connection: Connection, limit: int, as_of: str = ""
) -> tuple[list[pb.PolicySetOnFile], bool]:
    """Up to `limit` sets, and whether there are more."""
    method = PolicyServiceStub(connection.channel).ListSets

    def page(token: str, size: int) -> tuple[list[pb.PolicySetOnFile], str]:
        question = pb.PolicyServiceListSetsRequest(page_size=size, page_token=token, as_of=past.as_of(as_of))
        answer = connection.call(method, question)
        return list(answer.policy_sets), answer.next_page_token

    return all_pages(page, limit)


def print_changes(changes: Iterable[pb.PolicyFileChange]) -> None:
    """Print each file's diff, and sum up."""
    found = list(changes)
    for each in found:
        if each.diff:
            for line in each.diff.removesuffix("\n").split("\n"):
                say_whole(line)
        else:
            say(f"{each.change}: {each.name} (the differences are more than an answer holds)")
    if found:
        say()
        kinds = [each.change for each in found]
        told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        say(f"{counted(len(found), 'file')}: {told}")


def whole_set(
    connection: Connection, policy_set: str, as_of: str
) -> tuple[pb.PolicySetOnFile, list[pb.PolicyFile], list[pb.PolicyFile]]:
    """A set, its files and its cases."""
    method, token = PolicyServiceStub(connection.channel).GetSet, ""
    files: list[pb.PolicyFile] = []
    cases: list[pb.PolicyFile] = []
    while True:
        request = pb.PolicyServiceGetSetRequest(
            policy_set=policy_set, page_token=token, as_of=past.as_of(as_of)
        )
        answer = connection.call(method, request)
        files += answer.files
        cases += answer.cases
        # What is published may change between two pages; a page of another set is refused, but not its first.
        policy_set, token = answer.policy_set.policy_set, answer.next_page_token
        if not token:
            return answer.policy_set, files, cases


def _rows(each: pb.PolicySetOnFile) -> Iterator[tuple[str, str, str]]:
    """One row for each time that it was published, or one that says that it never was."""
    tried = f"tried on {counted(each.tried, 'case')}" if each.tried else "not tried"
    name = f"{each.policy_set}\n{tried}"
    for publication in each.publications:
        since, ended = moment(publication.published_at), moment(publication.ended_at)
        when = f"{since} to\n{ended}" if ended else f"since\n{since}"
        yield name, when, _by(publication.published_by, publication.reason)
        name = ""
    if not each.publications:
        yield name, f"never; on file since\n{moment(each.filed_at)}", _by(each.filed_by, each.reason)


def _became(each: pb.PolicyServiceVersion, policy_set: str) -> Iterator[tuple[str, str]]:
    """What a version changed: of all sets, or of one."""
    if not policy_set:
        yield "set", each.published
        return
    if "filed_policy_set" in each.version.changed:
        yield "what", "put on file"
    if "policy_set" in each.version.changed:
        here = each.published == policy_set
        yield "what", "published" if here else f"{each.published} was published in its place"


def _by(actor: str, reason: str) -> str:
    """Only the installation's people publish, so that it is not said of each."""
    return f"{actor.removeprefix('installation:')}\n{reason}".rstrip("\n")
