"""Where a log is: a SQLAlchemy URL."""

from __future__ import annotations

from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from policy_service.decision_log.errors import LogUnavailable
from policy_service.decision_log.location import Location, Timeouts
from policy_service.decision_log.migrations import refused
from policy_service.decision_log.sqlite import SqliteLocation
from policy_service.model.files import can_be_made
from policy_service.model.schema import SchemaFound, SchemaState


def locate(url: str, timeouts: Timeouts | None = None) -> Location:
    """The location behind a URL.

    `sqlite:///var/log` names a directory, with a file for each stream; `postgresql://…` one database for all
    streams.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number
        # Without the cause, which repeats the URL, with its password.
        raise LogUnavailable("the decision log's URL cannot be read") from None
    within = timeouts or Timeouts()
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteLocation.at(parsed, within)
        case "postgresql":
            # Its driver is a twentieth of what a process loads, and most installations begin without.
            from policy_service.decision_log.postgres import PostgresLocation

            return PostgresLocation.at(parsed, within)
        case _:
            raise LogUnavailable("the decision log's URL must begin with `sqlite:` or `postgresql:`")


def look(url: str) -> SchemaFound:
    """How far the log behind this URL is; changes nothing. `LogUnavailable` where it cannot be reached."""
    try:
        return locate(url).look()
    except SQLAlchemyError as error:
        raise LogUnavailable("the decision log cannot be read now") from error


def prepare(url: str) -> None:
    """What control does before anybody opens the log: make an empty one, and refuse one that is not of this
    version.

    On SQLite each writer brings its own file up to date, and a worker may be writing its own now. A
    PostgreSQL database may have several services; bringing it here is somebody's decision: `policy-service
    migrate`.
    """
    state = require_preparable(url)
    if state is SchemaState.EMPTY and not isinstance(locate(url), SqliteLocation):
        migrate(url)


def require_preparable(url: str) -> SchemaState:
    """Refuse what `prepare` would refuse, and touch nothing: `LogUnavailable`."""
    state, location = look(url).state, locate(url)
    if isinstance(location, SqliteLocation):
        if state is SchemaState.EMPTY and not can_be_made(location.directory):
            raise LogUnavailable("the decision log's directory cannot be made where its URL says")
        fit = state not in (SchemaState.FOREIGN, SchemaState.TOO_NEW)
    else:
        fit = state is SchemaState.EMPTY or state.serves
    if not fit:
        raise refused(state)
    return state


def migrate(url: str) -> None:
    """Bring the log behind this URL to the newest schema.

    On PostgreSQL it must have run before a writer opens, by a role that may create tables. On SQLite each
    writer brings its own file up to date when it opens it; this does so for files that nobody has open.
    """
    try:
        locate(url).migrate()
    except SQLAlchemyError as error:
        raise LogUnavailable("the decision log cannot be migrated now") from error
