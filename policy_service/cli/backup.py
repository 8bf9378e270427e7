"""`backup` and `restore`: both databases to a directory while the service runs, and back into empty ones."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from policy_service.cli import flags
from policy_service.cli.databases import OLD_LOG_FORMS, check_old_log, how_to_empty, how_to_end
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.render import counted, moment_of, print_json, print_pairs, print_table, say, say_whole
from policy_service.cli.run import current
from policy_service.cli.settings import read_settings
from policy_service.model.errors import ConflictError, PolicyServiceError

if TYPE_CHECKING:
    from policy_service.server.settings import Settings
    from policy_service.service.backup import Verified

EPILOG: Final = """\b
Examples
  policy-service backup /srv/backup
  policy-service backup --verify /srv/backup

\b
The databases are those of `serve`, which goes on meanwhile: VAR_DIR/facts.db
and VAR_DIR/log, or what POLICY_SERVICE_FACTS_URL and POLICY_SERVICE_LOG_URL
name. What is in DIR reads the same for SQLite and PostgreSQL, and goes into
either. The log is copied first, then the facts, so that each decision in it
can be computed again from the facts beside it.

\b
The key of the fingerprints is not in a backup, since whoever has both can
test addresses: keep a copy of the key file apart. Neither are tokens' files.

\b
Exit codes
  0  made, or as it was written
  1  it is not as it was written
  2  DIR cannot be right
  4  a database cannot be reached, or not be copied as it is
"""

RESTORE_EPILOG: Final = """\b
Examples
  policy-service --var-dir /srv/new restore /srv/backup
  policy-service restore /srv/backup --old-log sqlite:////srv/old/log

\b
Both databases must be empty: new ones, or what was there moved away. Put
the key file that belongs to the backup back first (VAR_DIR/fingerprint.key,
or what POLICY_SERVICE_KEY_FILE names), and stop the service. Each file is
verified before anything is written.

\b
What follows a restore is told from what was before it: new streams of the
log, whose first entries name where the old ones ended, and tokens of the
facts (`facts_token`) that name what the backup has not are refused.

\b
Exit codes
  0  restored
  1  the backup is not as it was written
  2  DIR, the key file or what is in the databases cannot be right
  4  a database cannot be reached
"""


def backup(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new directory; with --verify, a backup.")
    ],
    verify: Annotated[
        bool, typer.Option("--verify", help="Make none: read all of DIR, and tell whether it is whole.")
    ] = False,
    json: flags.AsJson = False,
) -> None:
    """Copy both databases to DIR while the service runs, or verify such a copy.

    It holds personal data as the databases do: others cannot read DIR, and wherever it goes, keep it so.
    """
    from policy_service.facts.key_file import load_key
    from policy_service.service.backup import back_up, verify_backup

    settings = read_settings({"var_dir": current(context).var_dir})
    with _refused(settings), _bar("verifying" if verify else "copying") as progress:
        if verify:
            made = verify_backup(directory, progress)
        else:
            key = load_key(settings.fingerprint_key)
            made = back_up(settings.facts, settings.log, key, directory, progress)
    if json:
        print_json(_shown(made))
        return
    print_pairs(_in_words(made))
    if verify:
        say("each file is as it was written, and each stream of the log has the root that it had")
        return
    say(
        f"the key of the fingerprints is not in it: keep a copy of {settings.fingerprint_key} apart from it, "
        "for without it nobody on file is found again"
    )


def restore(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `backup` made.")],
    old_log: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="The log as it was last, as sqlite:////srv/old/log: names who was erased, what was"
            " revoked and what else was written since.",
        ),
    ] = "",
    json: flags.AsJson = False,
) -> None:
    """Put a backup into empty databases, and begin a new epoch there."""
    from policy_service.facts.fingerprints import Fingerprinter
    from policy_service.facts.key_file import load_key
    from policy_service.server.compose import versions_of
    from policy_service.service.restore import Restore

    check_old_log(old_log)
    settings = read_settings({"var_dir": current(context).var_dir})
    with _while_nobody_serves(settings), _refused(settings), _bar("restoring") as progress:
        key = load_key(settings.fingerprint_key)
        versions = versions_of(Fingerprinter(key))
        restoring = Restore(settings.facts, settings.log, key, versions, lambda: datetime.now(UTC))
        done = restoring.run(directory, progress, old_log=old_log)
    again = [_again(each.name, each.controller) for each in done.undone.ended] if done.undone else []
    if json:
        print_json(
            {**_shown(done.backup), "completedEntries": done.completed}
            | ({} if done.undone is None else {"doAgain": again, "otherWrites": dict(done.undone.others)})
        )
        return
    print_pairs(_in_words(done.backup))
    say(
        "restored: a new epoch has begun, in which the log goes on in new streams; "
        f"what the facts owed the log was completed there ({done.completed:,} entries)"
    )
    say(
        "what was written, and what was decided, after the backup was taken is not here, and what was erased "
        "after it is here again, and to be erased once more; tokens that were revoked after it hold again; "
        "start the service with"
    )
    say_whole(f"  policy-service serve --var-dir {shlex.quote(str(settings.var_dir))}")
    if done.undone is None:
        say("whose erasure and which tokens that were, `restore --old-log URL` tells from the old log")
        return
    people = sum(ended.name.startswith("person:") for ended in done.undone.ended)
    tokens = len(again) - people
    say(
        f"on file again though erased: {counted(people, 'person', 'people')}; hold again though revoked:"
        f" {counted(tokens, 'token')}" + ("; as soon as the service runs:" if again else "")
    )
    for command in again:
        say_whole(f"  {command}")
    others = done.undone.others
    say(f"other writes since the backup, which are undone: {sum(others.values()):,}")
    if others:
        print_table(("call", "writes"), [(method, f"{count:,}") for method, count in others.items()])
        say(
            "look at each, above all at what protects people or ended something: a service that runs on the"
            " old facts and the old log lists them by"
        )
        say_whole(f"  policy-service log search --since {_copied_at(done.backup)} --method CALL")


def _copied_at(made: Verified) -> str:
    """When the newest write was made that the backup has, in RFC 3339."""
    newest = datetime.fromtimestamp(made.manifest.facts.committed_at_us // 1_000_000, UTC)
    return newest.isoformat().replace("+00:00", "Z")


def _again(name: str, controller: str) -> str:
    """The command that does again what the backup has not."""
    _, _, fact = name.partition(":")
    for_whom = f" --controller {controller}" if controller else ""
    if name.startswith("person:"):
        return f"policy-service retention erase {name} --yes{for_whom}"
    return f"policy-service tokens revoke {fact}{for_whom}"


def _in_words(made: Verified) -> Iterator[tuple[str, str]]:
    """The same for people."""
    for name, value in _shown(made).items():
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
        yield words, f"{value:,}" if isinstance(value, int) else moment_of(str(value))


def _shown(made: Verified) -> dict[str, Any]:
    """What is printed of a backup, as JSON."""
    manifest = made.manifest
    facts = [table.written.bytes for table in manifest.facts.tables]
    log = [stream.written.bytes for stream in manifest.log.streams]
    return {
        "backup": made.name,
        "madeAt": manifest.made_at,
        "madeBy": manifest.made_by,
        "revision": manifest.facts.revision,
        "streams": len(manifest.log.streams),
        "entries": sum(stream.size for stream in manifest.log.streams),
        "bytes": sum((*facts, *log)),
    }


@contextmanager
def _while_nobody_serves(settings: Settings) -> Iterator[None]:
    """Nobody may empty, or fill, the databases of a service that runs."""
    from policy_service.server.errors import FolderTakenError
    from policy_service.server.only_one import OnlyOne

    place = OnlyOne(settings)
    try:
        place.take()
    except FolderTakenError as error:
        do_next = f"{how_to_end(error)}, or name a new folder with --var-dir"
        raise Failure(str(error), do_next=do_next, code=Exit.USAGE) from None
    try:
        yield
    finally:
        place.leave()


@contextmanager
def _bar(doing: str) -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress display on standard error, for a person who waits."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    columns = (TextColumn(doing), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)


@contextmanager
def _refused(settings: Settings) -> Iterator[None]:
    """A refusal in words; what to do next stands behind the colon of its message."""
    try:
        yield
    except PolicyServiceError as error:
        what, _, do_next = error.message.rpartition(": ")
        if error.reason == "RESTORE_NOT_EMPTY":
            do_next = how_to_empty(settings)
        elif error.reason == "OLD_LOG_UNREADABLE":
            do_next = f"write {OLD_LOG_FORMS}; or leave it out, and what was done since is not told"
        elif error.reason.startswith("KEY_FILE_"):
            what = f"`{settings.fingerprint_key}`: {what or error.message}"
            do_next = do_next if error.message.rpartition(": ")[0] else _KEY_FILE_BACK
        otherwise = Exit.USAGE if isinstance(error, ConflictError) else Exit.UNAVAILABLE
        code = _CODES.get(error.reason, otherwise)
        raise Failure(what or error.message, do_next=do_next if what else "try again", code=code) from None


_KEY_FILE_BACK: Final = (
    "put the key file back that belongs to these data, or name it by `POLICY_SERVICE_KEY_FILE`"
)
_OF_WHAT_WAS_NAMED: Final = (
    *("OLD_LOG_OTHER", "OLD_LOG_UNREADABLE"),
    *("NO_BACKUP", "BACKUP_TOO_NEW", "BACKUP_NOT_EMPTY", "BACKUP_UNWRITABLE", "RESTORE_NOT_EMPTY"),
    *("KEY_FILE_MISSING", "KEY_FILE_WRONG", "KEY_FILE_UNSAFE", "KEY_FILE_UNREADABLE"),
)
_CODES: Final = {"BACKUP_DAMAGED": Exit.DENIED, **dict.fromkeys(_OF_WHAT_WAS_NAMED, Exit.USAGE)}
