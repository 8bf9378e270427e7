"""A process while it serves: opens its port, says that it is ready, drains and ends.

The order of an end: health says so, streams that only wait are ended, nothing more is accepted, calls in
flight finish, the last summaries are written. Each step is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from enum import Enum

from policy_service.server import reflection
from policy_service.server.accepting import Server
from policy_service.server.compose import Parts, utc_now
from policy_service.server.conversations import Conversations
from policy_service.server.door import Door
from policy_service.server.errors import cause
from policy_service.server.guests import Guests
from policy_service.server.handlers import Wrapper
from policy_service.server.health import Health
from policy_service.server.limits import Limits, server_options
from policy_service.server.listening import address_of, server_credentials
from policy_service.server.refusals import Refusals
from policy_service.server.settings import Settings
from policy_service.server.tails import Tails

_CANCELLED_SECONDS = 1.0
"""For what was cancelled at the end of the drain to be over."""

_log = logging.getLogger(__name__)


class Ended(Enum):
    """Why a process ended."""

    ASKED = "asked"
    BROKEN = "broken"


GUESTS_BYTES = 256 << 20
"""What strangers' messages may have together, while health and reflection read them."""


async def serve(
    parts: Parts,
    settings: Settings,
    port: int,
    stop: asyncio.Event,
    *,
    share_port: bool,
    on_ready: Callable[[Health], None],
    guests: Guests | None = None,
) -> Ended:
    """Serve until `stop` is set or the process is broken, then drain. Raises `StartError`."""
    most_bytes = parts.router.most_bytes
    guests = guests or Guests(most=GUESTS_BYTES // most_bytes)
    limits = Limits(settings.max_calls)
    refusals = Refusals(parts.write_summaries, utc_now, parts.telemetry.refused)
    wrapper = Wrapper(limits, refusals, parts.write_refusal, parts.authenticator.settle, parts.telemetry)
    conversations = Conversations(wrapper, limits, refusals)
    health = Health(parts.router.services, guests)
    open_to_all = dict(health.handlers())
    if settings.reflection:
        open_to_all |= reflection.handlers(parts.router.services, guests)
    tails = Tails(wrapper, refusals)
    door = Door(
        parts.router, wrapper, conversations, tails, parts.authenticator, limits, refusals, open_to_all
    )
    server = Server(server_options(share_port=share_port, most_bytes=most_bytes), door, door.paths)
    server.bind(address_of(settings, port), server_credentials(settings))
    await server.start()
    health.set(serving=True)
    on_ready(health)

    summing = asyncio.create_task(refusals.run())
    ended = await _first_of(stop, parts.broken, server)
    _log.info("draining", extra={"why": ended.value, "calls": limits.in_flight})
    health.end()
    guests.close()
    conversations.end()
    tails.close()
    await _drain(server, wrapper, settings.drain_seconds)
    refusals.end()
    await summing
    return ended


async def _first_of(stop: asyncio.Event, broken: asyncio.Event, server: Server) -> Ended:
    stopped, broke = asyncio.create_task(stop.wait()), asyncio.create_task(broken.wait())
    over = asyncio.create_task(server.ended())
    await asyncio.wait((stopped, broke, over), return_when=asyncio.FIRST_COMPLETED)
    if over.done() and (error := over.exception()) is not None:
        _log.error("the server has failed", extra=cause(error))
    ended = Ended.ASKED if stop.is_set() else Ended.BROKEN
    stopped.cancel()
    broke.cancel()
    # Not `over`: it waits for a future of grpcio's own, which `stop` needs. It is done when the server is.
    over.add_done_callback(_look_away)
    return ended


def _look_away(over: asyncio.Task[None]) -> None:
    if not over.cancelled():
        over.exception()


async def _drain(server: Server, wrapper: Wrapper, seconds: float) -> None:
    """Let calls in flight finish. grpc would wait the whole grace for calls that never send their message."""
    closing = asyncio.create_task(server.close())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wrapper.drained()
            # Answers are written when their call is over, and what was accepted last may not have begun.
            await asyncio.wait((closing,), timeout=min(_CANCELLED_SECONDS, seconds))
            await wrapper.drained()
    await server.stop()
    await closing
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CANCELLED_SECONDS):
            await wrapper.drained()
