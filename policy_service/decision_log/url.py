"""Where a log is: a SQLAlchemy URL."""

from __future__ import annotations

from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from policy_service.decision_log.errors import LogUnavailable
from policy_service.decision_log.location import Location, Timeouts
from policy_service.decision_log.postgres import PostgresLocation
from policy_service.decision_log.sqlite import SqliteLocation


def locate(url: str, timeouts: Timeouts | None = None) -> Location:
    """The location behind a URL.

    `sqlite:///var/log` names a directory, with a file for each stream; `postgresql://…` one database for all
    streams.
    """
    # Here, since both import this module for what they share.

    try:
        parsed = make_url(url)
    except ArgumentError:
        # Without the cause, which repeats the URL, with its password.
        raise LogUnavailable("the decision log's URL cannot be read") from None
    within = timeouts or Timeouts()
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteLocation.at(parsed, within)
        case "postgresql":
            return PostgresLocation.at(parsed, within)
        case _:
            raise LogUnavailable("the decision log's URL must begin with `sqlite:` or `postgresql:`")


def migrate(url: str) -> None:
    """Bring the log behind this URL to the newest schema.

    On PostgreSQL it must have run before a writer opens, by a role that may create tables. On SQLite each
    writer brings its own file up to date when it opens it; this does so for files that nobody has open.
    """
    try:
        locate(url).migrate()
    except SQLAlchemyError as error:
        raise LogUnavailable("the decision log cannot be migrated now") from error
