"""Who calls, judged from memory when the headers arrive; a token that memory does not know is looked up once.

Strangers must not be able to make a read of the store each, nor to keep friends waiting behind them. So
look-ups are gathered: one runs at a time, for everybody who waits, and those for tokens that were never good
before run with a pause between them, in a lane of their own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from policy_service.facts.keys import Key
from policy_service.facts.view import ColdFacts
from policy_service.model.caller import Caller
from policy_service.model.errors import UnauthenticatedError, UnavailableError
from policy_service.server.errors import cause
from policy_service.server.limits import overloaded

_STRANGERS_PAUSE = 0.02
_STRANGERS_A_TURN = 256
MOST_WAITING = 1_024
MOST_KNOWN = 10_000
"""Credentials that were good once. That alone is remembered; whether they still are is judged each time."""

_PASSES = 4
"""A token leads to its system and no further, so that two loads settle it; the rest is for a moving head."""

_log = logging.getLogger(__name__)

Judge = Callable[[str], Caller]
"""From memory: raises `UnauthenticatedError`, or `ColdFacts` with what is missing."""


class Authenticator:
    """Judges credentials. Event loop only.

    `to_head` brings memory to the newest revision, `load` brings look-ups into it; where one of them raises,
    nobody is let in.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        to_head: Callable[[], Awaitable[None]],
        load: Callable[[frozenset[Key]], Awaitable[None]],
    ) -> None:
        self._judge = judge
        self._known: OrderedDict[int, None] = OrderedDict()
        self._friends = _Lane(judge, to_head, load, pause=0.0, a_turn=MOST_WAITING)
        self._strangers = _Lane(judge, to_head, load, pause=_STRANGERS_PAUSE, a_turn=_STRANGERS_A_TURN)

    def judge(self, authorization: str) -> Caller:
        """Judge from memory, which may be older than the head.

        Raises `UnauthenticatedError` and `ColdFacts`.
        """
        return self._judge(authorization)

    async def settle(self, authorization: str) -> Caller:
        """Judge at a head that was read after this call began.

        Raises `UnauthenticatedError`, `UnavailableError`, and `OverloadedError` where too many wait.
        """
        known_as = hash(authorization)  # keyed by the process; the credentials themselves are not kept
        lane = self._friends if known_as in self._known else self._strangers
        try:
            caller = await lane.join(authorization)
        except UnauthenticatedError:
            self._known.pop(known_as, None)
            raise
        self._known[known_as] = None
        self._known.move_to_end(known_as)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return caller


class _Lane:
    """Those who wait for one look-up, and the look-up that runs for those before them."""

    def __init__(
        self,
        judge: Judge,
        to_head: Callable[[], Awaitable[None]],
        load: Callable[[frozenset[Key]], Awaitable[None]],
        *,
        pause: float,
        a_turn: int,
    ) -> None:
        self._judge = judge
        self._to_head = to_head
        self._load = load
        self._pause = pause
        self._a_turn = a_turn
        self._waiting: list[tuple[str, asyncio.Future[Caller]]] = []
        self._runner: asyncio.Task[None] | None = None

    async def join(self, authorization: str) -> Caller:
        if len(self._waiting) >= MOST_WAITING:
            raise overloaded()
        answer: asyncio.Future[Caller] = asyncio.get_running_loop().create_future()
        self._waiting.append((authorization, answer))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            turn, self._waiting = self._waiting[: self._a_turn], self._waiting[self._a_turn :]
            try:
                await self._settle(turn)
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody of this turn is let in
                _log.warning("credentials could not be looked up", extra=cause(error))
                self._refuse(turn)
            except BaseException:
                self._refuse(turn)
                raise
            if self._pause:
                await asyncio.sleep(self._pause)
        self._runner = None

    async def _settle(self, turn: list[tuple[str, asyncio.Future[Caller]]]) -> None:
        await self._to_head()
        for _ in range(_PASSES):
            missing: set[Key] = set()
            for authorization, answer in turn:
                if answer.done():
                    continue
                try:
                    answer.set_result(self._judge(authorization))
                except ColdFacts as cold:
                    missing |= cold.keys
                except UnauthenticatedError as error:
                    answer.set_exception(error)
            if not missing:
                return
            await self._load(frozenset(missing))
        self._refuse(turn)

    @staticmethod
    def _refuse(turn: list[tuple[str, asyncio.Future[Caller]]]) -> None:
        for _, answer in turn:
            if not answer.done():
                answer.set_exception(UnavailableError())
