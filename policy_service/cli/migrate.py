"""`migrate`: brings both databases to the schema of the version that is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

import typer

from policy_service.cli import flags
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.render import print_json, print_table, say
from policy_service.cli.run import current
from policy_service.cli.settings import read_settings
from policy_service.model.errors import UnavailableError
from policy_service.model.schema import SchemaFound, SchemaState, what_to_do

EPILOG: Final = """\b
Example
  policy-service migrate --check

\b
The databases are those of `serve`: VAR_DIR/facts.db and VAR_DIR/log, or what
POLICY_SERVICE_FACTS_URL and POLICY_SERVICE_LOG_URL name.

\b
To upgrade without a pause, where several services share PostgreSQL
  1  policy-service migrate   with the new version, while the old one runs
  2  stop, upgrade and start one service after the other
A version runs beside the one that follows it, and no longer: one that is
older is refused, also while it runs. On SQLite, `serve` migrates by itself
when it starts.

\b
Exit codes of --check
  0  a service of this version may start
  1  it may not: something is to be migrated, or is not this service's
"""

BROUGHT: Final = (SchemaState.EMPTY, SchemaState.TOO_OLD)
T = TypeVar("T")


def migrate(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing: only tell how far the databases are.")
    ] = False,
    json: flags.AsJson = False,
) -> None:
    """Bring the databases to the schema of this version, and show how far each is.

    It makes what is empty, and never touches a database of a later version, or of another program.
    """
    # Imported here, since no other command needs them, and each would wait for them.
    from policy_service.decision_log import url as log
    from policy_service.facts import schema

    settings = read_settings({"var_dir": current(context).var_dir})
    facts = _Database("facts", settings.facts, schema.look, schema.migrate, schema.THE_STORE)
    entries = _Database("log", settings.log, log.look, log.migrate, "the decision log")
    before = {each: each.look() for each in (facts, entries)}
    refused = [each for each, found in before.items() if not (found.state.serves or found.state in BROUGHT)]
    if not check and not refused:
        facts.bring()  # first: the log may be in the same database, and is told by its tables
        entries.bring()
    after = {each: each.look() for each in before}
    if json:
        print_json({each.name: each.shown(before[each], after[each]) for each in before})
    else:
        columns = ("database", "schema", "this version", "state")
        print_table(columns, [tuple(each.shown(before[each], after[each]).values())[:4] for each in before])
        if any(found.state is SchemaState.EMPTY for found in after.values()):
            say()
            say(
                "what is empty is made by `policy-service migrate`; if something should be there, check"
                f" --var-dir (`{settings.var_dir}`), `POLICY_SERVICE_FACTS_URL` and `POLICY_SERVICE_LOG_URL`"
            )
    if refused and not check:
        what, _, do_next = what_to_do(before[refused[0]].state, refused[0].words).partition(": ")
        raise Failure(f"{what}; nothing was migrated", do_next=do_next, code=Exit.USAGE)
    raise typer.Exit(Exit.OK if all(found.state.serves for found in after.values()) else Exit.DENIED)


@dataclass(frozen=True, slots=True)
class _Database:
    name: str
    url: str
    look_at: Callable[[str], SchemaFound]
    migrate: Callable[[str], None]
    words: str

    def look(self) -> SchemaFound:
        return self._reached(self.look_at)

    def bring(self) -> None:
        self._reached(self.migrate)

    def shown(self, before: SchemaFound, after: SchemaFound) -> dict[str, str]:
        """What is printed of it; the first four also as a row of the table."""
        moved = before.version != after.version
        return {
            "database": self.name,
            "schema": f"{before.version or 'none'} → {after.version}" if moved else before.version or "none",
            "thisVersion": after.newest,
            "state": after.state.value.replace("_", " "),
            "before": before.version,
            "after": after.version,
        }

    def _reached(self, ask: Callable[[str], T]) -> T:
        try:
            return ask(self.url)
        except UnavailableError as error:
            if error.reason == "STORE_IN_USE":
                raise Failure(
                    f"a service runs on the {self.name}: {error.message}",
                    do_next="`policy-service migrate --check` looks while it runs; to migrate, stop it first:"
                    " on SQLite `serve` migrates by itself when it starts",
                    code=Exit.UNAVAILABLE,
                ) from None
            variable = f"POLICY_SERVICE_{self.name.upper()}_URL"
            raise Failure(
                f"the database of the {self.name} cannot be reached: {error.message}",
                do_next=f"check `{variable}` and --var-dir, and whether another process writes it",
                code=Exit.UNAVAILABLE,
            ) from None
