"""Options that several commands share, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON, with the names of the protos, for scripts.")
]
System = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="SYSTEM",
        help="The consuming system that asks; its token is read from VAR_DIR/tokens/SYSTEM.token.",
    ),
]
Controller = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        envvar="POLICY_SERVICE_CONTROLLER",
        help="The organisation to act for; needed with the first administrator's token, which acts for all.",
    ),
]
LogController = Annotated[
    str,
    typer.Option(
        "--controller",
        metavar="NAME",
        envvar="POLICY_SERVICE_CONTROLLER",
        help="The organisation whose entries are wanted. Without it: the token's own, or, with the first "
        "administrator's token, everybody's.",
    ),
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it stands in the log, so name no person.")]
Key = Annotated[
    str,
    typer.Option(
        "--idempotency-key",
        metavar="TEXT",
        help="Repeated with the same content, the first result is given again.",
    ),
]
Limit = Annotated[int, typer.Option(min=1, metavar="N", help="Show at most this many.")]


def _said(context: typer.Context, option: typer.CallbackParam, text: str) -> str:
    """An empty text is no moment: a script's variable that is not set, for one. Nothing said is now."""
    source = context.get_parameter_source(str(option.name))
    if not text and source is not None and source.name != "DEFAULT":
        raise typer.BadParameter("it is empty: name a time, a day or a version, or leave it out")
    return text


AsOf = Annotated[
    str,
    typer.Option(
        "--as-of",
        callback=_said,
        metavar="WHEN",
        help="As it was at a time (RFC 3339, as times are printed), at the end of a day (a date, "
        "Europe/London; today is now), or in a version (its token, as `history` shows it).",
    ),
]
Versions = Annotated[
    int, typer.Option("--limit", min=1, metavar="N", help="Show at most this many versions, the newest.")
]
VarDir = Annotated[
    Path,
    typer.Option(
        "--var-dir",
        metavar="DIR",
        envvar="POLICY_SERVICE_VAR_DIR",
        help="Where the local service keeps its data and tokens.",
    ),
]
