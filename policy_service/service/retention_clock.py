"""Keeps to the retention schedule: once an hour, erases what is due, a little at a time."""

from __future__ import annotations

import asyncio
import logging

from policy_service.model.errors import UnavailableError
from policy_service.model.facts import Controller
from policy_service.service.erasure import Erasure
from policy_service.service.retention import Retention

FIRST_SECONDS = 60.0
"""After the start, so that what waits for the service comes first."""
SECONDS = 3_600.0
BETWEEN_SECONDS = 1.0
"""Between two batches, for the writes of people who wait."""

_log = logging.getLogger(__name__)


async def keep_to_the_schedule(
    retention: Retention, erasure: Erasure, *, first: float = FIRST_SECONDS, every: float = SECONDS
) -> None:
    """Run until it is cancelled. What fails is tried again an hour later; nothing is erased by half."""
    await asyncio.sleep(first)
    while True:
        try:
            await retention.witness()
            failed: set[Controller] = set()
            while versions := await retention.run_by_itself(failed):
                _log.info("erased what was due", extra={"versions": versions})
                await asyncio.sleep(BETWEEN_SECONDS)
            if people := await erasure.release():
                _log.info("erased what was kept of the erased", extra={"people": people})
        except UnavailableError as error:
            _log.error("nothing was erased", extra={"reason": error.reason, "what": error.message})
        except Exception as error:  # noqa: BLE001 - whatever it is: the service goes on, and says so
            # The type alone: a text could hold what is on file.
            _log.error("the retention schedule failed", extra={"error": type(error).__name__})
        await asyncio.sleep(every)
