"""The control process, as `tests.support.forking` starts it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from policy_service.server.child import main
from policy_service.server.role import Role


def start(logs: str) -> None:
    """Write what it logs to this file."""
    with Path(logs).open("wb") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    sys.exit(main(Role.CONTROL, 0))
