"""The two databases before the process opens them.

Both are looked at before either is touched, *so that* a mistyped URL leaves nothing behind. What is wrong is
told with the variable that names the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from policy_service.decision_log import url as log_url
from policy_service.facts import schema
from policy_service.facts.connect import sqlite_path
from policy_service.model.errors import PolicyServiceError, UnavailableError
from policy_service.server.errors import StartError
from policy_service.server.settings import Settings
from policy_service.service.same_installation import refuse_strangers


def look_at_both(settings: Settings) -> None:
    """Refuse databases that are not this service's, are not of this version, or do not belong together.

    Raises `StartError` and `PolicyServiceError`; changes nothing.
    """
    _refuse_a_folder_that_is_not_there("POLICY_SERVICE_FACTS_URL", settings.facts_url, settings.var_dir)
    _refuse_a_folder_that_is_not_there("POLICY_SERVICE_LOG_URL", settings.log_url, settings.var_dir)
    with _facts(settings):
        schema.require_preparable(settings.facts)
    with _log(settings):
        log_url.require_preparable(settings.log)
    refuse_strangers(settings.facts, settings.log)


def prepare_both(settings: Settings) -> None:
    """Look at both, then make what is empty. Raises as `look_at_both` does."""
    look_at_both(settings)
    settings.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _facts(settings):
        schema.prepare(settings.facts)
    with _log(settings):
        log_url.prepare(settings.log)


def _refuse_a_folder_that_is_not_there(variable: str, given: str, var_dir: Path) -> None:
    """A new installation where nothing is looks like one that has lost everything, and is answered for."""
    with suppress(PolicyServiceError):  # of a URL that is none, which is told by what reads it
        path = sqlite_path(given) if given else None
        if path is not None and path.parent != var_dir and not path.parent.exists():
            raise StartError(
                f"the folder of the file is not there: correct it, or make it (see `{variable}`)"
            )


def _facts(settings: Settings) -> AbstractContextManager[None]:
    return _named("POLICY_SERVICE_FACTS_URL", settings.facts_url, "`facts.db` in `var_dir`")


def _log(settings: Settings) -> AbstractContextManager[None]:
    return _named("POLICY_SERVICE_LOG_URL", settings.log_url, "`log` in `var_dir`")


@contextmanager
def _named(variable: str, given: str, default: str) -> Iterator[None]:
    """What is raised inside says which database it is about."""
    try:
        yield
    except PolicyServiceError as error:
        # The one text of every failure of the facts' store would not say which of the two cannot be reached.
        unreached = error.message == UnavailableError().message
        what = "the database of the facts cannot be reached" if unreached else error.message
        where = f"see `{variable}`" if given else f"it is {default}, since `{variable}` is not set"
        raise StartError(f"{what} ({where})") from error
