"""The settings of an installation, for the commands that run on its databases and not on its ports."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import pydantic

from policy_service.cli.exits import Exit, Failure

if TYPE_CHECKING:
    from policy_service.server.settings import Settings

PREFIX: Final = "POLICY_SERVICE_"
OF_COMMANDS: Final = frozenset(
    ("ADDRESS", "CONTROL_ADDRESS", "CONTROLLER", "TLS_CA", "TOKEN", "TRACEBACK", "VAR_DIR")
)
"""What commands read of the environment, so that it may be there, too."""

_OF_KUBERNETES: Final = re.compile(
    r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?"
)
"""What Kubernetes puts into the environment of every container where a Service is called `policy-service`."""


def read_settings(given: dict[str, Any]) -> Settings:
    """The settings of the environment, and before them what the command line has given (None: nothing)."""
    # Imported here, since no other command needs what a server needs, and each would wait for it.
    from policy_service.server.settings import Settings

    _refuse_unknown_variables(Settings.model_fields)
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except pydantic.ValidationError as error:
        raise _wrong_settings(error) from None


def _refuse_unknown_variables(settings: Iterable[str]) -> None:
    """A setting that nobody reads is one that somebody relies on: TLS, say, or where the facts are."""
    known = OF_COMMANDS.union(name.upper() for name in settings)
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX)
        if name != variable and name not in known and not _OF_KUBERNETES.fullmatch(name):
            near = difflib.get_close_matches(name, sorted(known), n=1)
            raise Failure(
                f"`{variable}` is in the environment, and is no setting",
                do_next=f"write `{PREFIX}{near[0]}`" if near else "take it out",
                code=Exit.USAGE,
            )


def _wrong_settings(error: pydantic.ValidationError) -> Failure:
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return Failure(
        f"`{name}`: {what[:1].lower()}{what[1:]}" if name else what,
        do_next="correct the option, or the environment's POLICY_SERVICE_ variable of that name",
        code=Exit.USAGE,
    )
