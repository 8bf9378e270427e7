"""What a child process of the supervisor is, and what its exit code says: known to both, and nothing else, so
that the supervisor does not load what only its children do.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from policy_service.server import slots

CANNOT_START: Final = 78
"""Exit code (EX_CONFIG of sysexits.h): it said why on stdout."""
BROKEN: Final = 70
"""Exit code (EX_SOFTWARE): it cannot do its work any more, another one may."""
TAKEN_OVER: Final = 76
"""Exit code (EX_PROTOCOL): another process writes its log stream now, so none may be put in its place."""


class Role(StrEnum):
    """What a child is."""

    CONTROL = "control"
    WORKER = "worker"


def name_of(role: Role, number: int) -> str:
    """How logs and telemetry call the process: `control`, `worker-0`."""
    match role:
        case Role.CONTROL:
            return slots.CONTROL
        case Role.WORKER:
            return slots.worker(number)
