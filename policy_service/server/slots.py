"""The slots of the decision log: one for each process that writes it, known by its service and its part.

`control`, `worker-0`, `worker-1` of a service without a name; `north-control`, `north-worker-0` of the
service `north`. Several services may share one PostgreSQL, so a slot names its service, too.
"""

from __future__ import annotations

import re
from typing import Final

_WORKER: Final = re.compile(r"(?:(.+)-)?worker-(\d+)")

CONTROL: Final = "control"


def worker(number: int) -> str:
    """How a service calls its decision worker of this number, from 0."""
    return f"worker-{number}"


def slot(service: str, part: str) -> str:
    """The slot of a part (`control`, `worker-0`) of a service; the service's name may be empty."""
    return f"{service}-{part}" if service else part


def worker_number(service: str, slot: str) -> int | None:
    """The number of this service's worker that writes the slot; None for all other slots."""
    found = _WORKER.fullmatch(slot)
    return int(found[2]) if found is not None and (found[1] or "") == service else None
