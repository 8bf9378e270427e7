"""One call in the commit round, and how its waiting ends without an answer."""

from __future__ import annotations

import asyncio

from policy_service.decision_log.errors import LogUnavailable
from policy_service.decision_log.pending import Committed, Pending
from policy_service.model.errors import UnavailableError


class Waiting:
    """One call in the round."""

    __slots__ = ("future", "gone", "pending", "since")

    def __init__(self, pending: Pending, future: asyncio.Future[Committed], since: float) -> None:
        self.pending = pending
        self.future = future
        self.since = since
        self.gone = False  # no longer counted as waiting

    @property
    def is_refused(self) -> bool:
        """Its caller was told that there is no answer; one that left was not."""
        return self.future.done() and not self.future.cancelled() and self.future.exception() is not None


def trouble_of(task: asyncio.Task[None]) -> BaseException | None:
    """What kept a call from being decided again."""
    if not task.done():
        break_off(task)
        return LogUnavailable("the decision takes too long")
    if task.cancelled():
        return LogUnavailable("the decision was broken off")
    return task.exception()


def break_off(task: asyncio.Task[None]) -> None:
    """Cancel it; nobody looks at what comes of it."""
    task.add_done_callback(_look_away)
    task.cancel()


def _look_away(task: asyncio.Task[None]) -> None:
    """Its call has been answered; asyncio would report an exception that nobody looked at."""
    if not task.cancelled():
        task.exception()


def refuse(future: asyncio.Future[Committed], error: BaseException) -> None:
    """Give a call its error, unless it has its end already."""
    if not future.done():
        future.set_exception(error)


def own(cause: BaseException) -> UnavailableError:
    """An error for one call, of a cause that many have: a shared one would gather everybody's traceback."""
    match cause:
        case LogUnavailable():
            error: UnavailableError = type(cause)(cause.message)
        case UnavailableError():
            error = UnavailableError(cause.reason, cause.message)
        case _:
            error = LogUnavailable()
    error.__cause__ = cause
    return error
