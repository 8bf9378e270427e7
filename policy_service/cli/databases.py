"""How a person finds the two databases: which files they are, or which database of which server."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from policy_service.cli.exits import Exit, Failure

if TYPE_CHECKING:
    from policy_service.server.errors import FolderTakenError
    from policy_service.server.settings import Settings

_URL: Final = re.compile(r"(sqlite|postgresql)(\+\w+)?://.+")
OLD_LOG_FORMS: Final = (
    "a directory of SQLite by four slashes, as `--old-log sqlite:////srv/old/log`, or three where it begins"
    " here; PostgreSQL as `--old-log postgresql+psycopg://USER@HOST/DATABASE`"
)


def how_to_empty(settings: Settings) -> str:
    """What to do so that both databases are empty; never a user or a password of a URL."""
    both = (("POLICY_SERVICE_FACTS_URL", settings.facts), ("POLICY_SERVICE_LOG_URL", settings.log))
    ways = [_emptied(variable, url) for variable, url in both]
    way = ways[0] if ways[0] == ways[1] else "; ".join(ways)
    elsewhere = "" if settings.facts_url or settings.log_url else ", or name a new folder with --var-dir"
    return f"{way}{elsewhere}; then restore again"


def how_to_end(error: FolderTakenError) -> str:
    """What to do with a service that runs on the data of a folder."""
    return "end that one" if error.process_id is None else f"end that one (`kill {error.process_id}`)"


def check_old_log(text: str) -> None:
    """Refuse what is no URL of a log, and say how the path that it may be is written as one."""
    if not text:
        return
    if _URL.fullmatch(text):
        path = text.partition("://")[2].removeprefix("/")
        if text.startswith("sqlite") and not os.path.exists(path):  # noqa: PTH110 - raises nothing
            raise Failure(
                f"`--old-log`: there is no `{path}`", do_next=f"write {OLD_LOG_FORMS}", code=Exit.USAGE
            )
        return
    there = Path(text)
    is_path = "://" not in text and there.is_dir()
    raise Failure(
        "`--old-log` names the old log by its URL, and this is none",
        do_next=f"write `--old-log sqlite:///{there.absolute()}`" if is_path else f"write {OLD_LOG_FORMS}",
        code=Exit.USAGE,
    )


def _emptied(variable: str, url: str) -> str:
    from policy_service.facts.connect import parse_url

    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        if variable == "POLICY_SERVICE_LOG_URL":
            return f"move the directory `{path}` away"
        return f"move `{path}` away, and what is beside it with `-wal` and `-shm` behind its name"
    where = f"`{parsed.database}` on `{parsed.host or 'this machine'}`"
    return f"make a new database in place of {where}, and let `{variable}` name it"
