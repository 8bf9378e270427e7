"""A command line typed in this process: starting one of its own takes a second."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from typer.main import get_command
from typer.testing import CliRunner

from policy_service.cli.main import app

ROOT: Final[Any] = get_command(app)
"""Made once: it takes a tenth of a second, and `CliRunner.invoke` makes it for each line."""


def type_here(
    words: Sequence[str], env: Mapping[str, str | None], stdin: str | None = None
) -> tuple[int, str, str]:
    """Its exit code, and what it wrote to standard output and to standard error; `env`: None takes away."""
    with CliRunner(env=env).isolation(input=stdin) as (out, err, _):
        try:
            ROOT.main(args=list(words), prog_name="policy-service")
        except SystemExit as ended:
            code = ended.code
        assert isinstance(code, int)
        sys.stdout.flush()
        sys.stderr.flush()
        return code, out.getvalue().decode(), err.getvalue().decode()
