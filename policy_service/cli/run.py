"""One run of the command line: its global options, and where tokens come from."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

import typer

from policy_service.cli.exits import Exit, Failure

TOKEN_VARIABLE: Final = "POLICY_SERVICE_TOKEN"  # noqa: S105 - the variable's name
_SYSTEM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Run:
    """What the global options said."""

    address: str
    control_address: str
    token_file: Path | None
    tls_ca: Path | None
    timeout: float
    """Seconds."""
    var_dir: Path

    @property
    def admin_token(self) -> Path:
        """Where `serve` put the first administrator's token."""
        return self.var_dir / "admin.token"

    def system_token(self, system: str) -> Path:
        """Where `example load` and `tokens issue` put a system's token."""
        if not _SYSTEM.fullmatch(system):
            raise Failure(
                "this cannot be a system's name",
                do_next="use letters, digits, `.`, `_` and `-`",
                code=Exit.USAGE,
            )
        return self.var_dir / "tokens" / f"{system}.token"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token, and where it came from; the text of it is never shown."""

    token: str
    source: str
    acts_for_all: bool = False
    """It is the first administrator's, which may name any organisation, also one that is not there."""

    def __repr__(self) -> str:
        return f"Bearer(source={self.source!r})"


def current(context: typer.Context) -> Run:
    """The run that a command belongs to."""
    return cast("Run", context.obj)


def manager(run: Run) -> Bearer:
    """The token for management: named by an option or the environment, else the first administrator's."""
    return _named(run) or first_administrator(run)


def first_administrator(run: Run) -> Bearer:
    """The token that `serve` made on its first start."""
    found = _read(
        run.admin_token,
        do_next="name the folder where the service keeps its data with --var-dir before the command, or"
        " your own token with --token-file; a first start, as by `make run`, makes it",
    )
    return replace(found, acts_for_all=True)


def asking_system(run: Run, system: str) -> Bearer:
    """The token for questions: of `--as SYSTEM`, else named by option or environment, else the only one."""
    if system:
        if run.token_file is not None:
            raise Failure(
                "--as and --token-file both name a token",
                do_next="use one of them",
                code=Exit.USAGE,
            )
        return _read(
            run.system_token(system),
            do_next=f"{_choices(run)}, or make one with `policy-service tokens issue`",
        )
    named = _named(run)
    if named is not None:
        return named
    found = sorted((run.var_dir / "tokens").glob("*.token"))
    if len(found) == 1:
        return _read(found[0], do_next="name a token with --token-file")
    raise Failure(
        f"which system asks? there are {len(found)} tokens in `{run.var_dir / 'tokens'}`",
        do_next=f"{_choices(run)}, or name a token with --token-file",
        code=Exit.NOT_ALLOWED,
    )


def _named(run: Run) -> Bearer | None:
    if run.token_file is not None:
        return _read(run.token_file, do_next="name a file that holds a token with --token-file")
    if token := os.environ.get(TOKEN_VARIABLE, "").strip():
        return Bearer(token, f"the environment's {TOKEN_VARIABLE}")
    return None


def _choices(run: Run) -> str:
    names = sorted(path.stem for path in (run.var_dir / "tokens").glob("*.token"))
    if not names:
        return "load the example world with `policy-service example load`"
    return "add " + " or ".join(f"--as {name}" for name in names)


def _read(path: Path, *, do_next: str) -> Bearer:
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise Failure(f"no token can be read from `{path}`", do_next=do_next, code=Exit.NOT_ALLOWED) from None
    if not token:
        raise Failure(f"`{path}` is empty", do_next=do_next, code=Exit.NOT_ALLOWED)
    return Bearer(token, f"`{path}`")
