"""Several questions in one call: a batch, or a stream that asks as its caller's work goes.

Each question runs as a call of its own (`handlers.Wrapper`): with its place among the calls in flight, its
own log entry, its own refusal. What this module adds is the order of the answers and the bounds:

- no more than `MAX_UNANSWERED` questions of one conversation (of some methods fewer: `Several.unanswered`)
  are under way, or answered and not yet written;
  a stream is not read any further until then, so that its caller waits, and grpc's flow control tells him;
- a question waits for room among the calls in flight, since a conversation alone can fill it;
- what has begun goes on to its entry when the caller leaves; what has not begun never does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc

from policy_service.model.caller import Caller
from policy_service.model.errors import OverloadedError, PolicyServiceError, UnavailableError
from policy_service.server.errors import Refusal, abort, refusal_of
from policy_service.server.guests import Context, forget
from policy_service.server.handlers import Headers, Method, Several, Wrapper
from policy_service.server.limits import CONVERSATIONS, Limits
from policy_service.server.refusals import Refusals
from policy_service.service.together import Together

MAX_UNANSWERED: Final = 64
"""Questions of one conversation at a time; written answers wait in grpc's own buffer, of about 4 MB."""

ROOM_SECONDS: Final = 5.0
"""How long a question waits for room among the calls in flight before it is refused."""

ENDING: Final = "the service is about to end; ask again what was not answered"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who asks, by what method, from where."""

    method: Method[Any, Any]
    several: Several
    caller: Caller
    headers: Headers
    peer: str

    @classmethod
    def of(cls, method: Method[Any, Any], caller: Caller, headers: Headers, context: Context) -> Speaker:
        """Of a method with `several` questions."""
        if method.several is None:
            raise ValueError(f"`{method.entry_name}` asks one question at a time")
        return cls(method, method.several, caller, headers, context.peer())


class Conversations:
    """All batches and streams of one server."""

    def __init__(self, wrapper: Wrapper, calls: Limits, refusals: Refusals) -> None:
        self._wrapper = wrapper
        self._calls = calls
        self._refusals = refusals
        self._held = Limits(CONVERSATIONS)
        self._held_of: dict[str, Limits] = {}
        """Of the methods that have a bound of their own, by path."""
        self._streams: set[_Stream] = set()
        self._ending = False

    @property
    def open(self) -> int:
        """How many batches and streams are under way."""
        return self._held.in_flight

    async def hold(
        self, method: Method[Any, Any], caller: Caller, headers: Headers, context: Context
    ) -> None:
        """Answer what comes on a stream, until its caller or the service ends it."""
        speaker = Speaker.of(method, caller, headers, context)
        await self._enter(speaker, context)
        stream = _Stream(self, speaker, context)
        self._streams.add(stream)
        try:
            await stream.run()
        finally:
            self._streams.discard(stream)
            self._leave(speaker)

    async def batch(
        self, method: Method[Any, Any], caller: Caller, headers: Headers, request: bytes, context: Context
    ) -> bytes:
        """Answer every question of one message, or end the call where the message cannot be read."""
        speaker = Speaker.of(method, caller, headers, context)
        await self._enter(speaker, context)
        try:
            questions = speaker.several.open(request)
            outcomes = await self._all(speaker, questions)
            answer = speaker.several.close(outcomes)
        except PolicyServiceError as error:
            refusal = self._wrapper.begin_refusal(method, caller, headers, error, speaker.peer)
            await abort(context, await asyncio.shield(refusal))
        except Exception as error:  # noqa: BLE001 - grpc would send the exception's text to the caller
            await abort(context, refusal_of(error))
        finally:
            self._leave(speaker)
        for outcome in outcomes:
            await abort_stranger(context, outcome)
        return answer

    def end(self) -> None:
        """Read no stream any further: each answers what it was asked, and ends."""
        self._ending = True
        for stream in tuple(self._streams):
            stream.end()

    async def begin(
        self, speaker: Speaker, question: bytes, together: Together | None = None
    ) -> asyncio.Task[bytes | Refusal]:
        """Begin to answer one question, once there is room for it."""
        await self._calls.room(speaker.caller, ROOM_SECONDS)
        return self._wrapper.begin(
            speaker.method, speaker.caller, speaker.headers, question, speaker.peer, together
        )

    async def begin_message(self, speaker: Speaker, message: bytes) -> asyncio.Task[Any]:
        """Begin to answer the one question in a stream's message."""
        try:
            (question,) = speaker.several.open(message)
        except PolicyServiceError as error:
            return self._wrapper.begin_refusal(
                speaker.method, speaker.caller, speaker.headers, error, speaker.peer
            )
        return await self.begin(speaker, question)

    async def _all(self, speaker: Speaker, questions: Sequence[bytes]) -> list[bytes | Refusal]:
        unanswered = asyncio.Semaphore(speaker.several.unanswered or MAX_UNANSWERED)
        gather = speaker.several.together
        together = None if gather is None else gather(questions)
        begun = []
        for question in questions:
            await unanswered.acquire()
            work = await self.begin(speaker, question, together)
            work.add_done_callback(lambda _: unanswered.release())
            begun.append(work)
            await asyncio.sleep(0)  # others have their turn between two questions of a batch
        return [await asyncio.shield(work) for work in begun]

    async def _enter(self, speaker: Speaker, context: Context) -> None:
        """Count one conversation more, or end it where there is no room; whoever enters leaves."""
        if self._ending:
            await abort(context, refusal_of(ending()))
        own = self._bound_of(speaker)
        try:
            if own is not None:
                own.enter(speaker.caller)
            try:
                self._held.enter(speaker.caller)
            except OverloadedError:
                if own is not None:
                    own.leave(speaker.caller)
                raise
        except OverloadedError as error:
            self._refusals.count(speaker.peer, error.reason)
            await abort(context, refusal_of(error))

    def _leave(self, speaker: Speaker) -> None:
        self._held.leave(speaker.caller)
        own = self._bound_of(speaker)
        if own is not None:
            own.leave(speaker.caller)

    def _bound_of(self, speaker: Speaker) -> Limits | None:
        most = speaker.several.most
        return self._held_of.setdefault(speaker.method.path, Limits(most)) if most else None


class _Stream:
    """One stream: a reader that begins what is asked, and a writer that answers in that order."""

    def __init__(self, conversations: Conversations, speaker: Speaker, context: Context) -> None:
        self._conversations = conversations
        self._speaker = speaker
        self._context = context
        self._unanswered = asyncio.Semaphore(speaker.several.unanswered or MAX_UNANSWERED)
        self._asked: asyncio.Queue[asyncio.Task[bytes | Refusal] | None] = asyncio.Queue()
        self._left: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(self) -> None:
        """Read no further; what was asked is answered."""
        if not self._left.done():
            self._left.set_result(None)

    async def run(self) -> None:
        reading = asyncio.create_task(self._read())
        try:
            while (work := await self._asked.get()) is not None:
                outcome = await asyncio.shield(work)
                await abort_stranger(self._context, outcome)
                if isinstance(outcome, Refusal) and self._speaker.several.ends_at_refusal:
                    await abort(self._context, outcome)
                await self._context.write(self._speaker.several.close([outcome]))
                self._unanswered.release()
            await reading  # it has ended, and raises what ended it
            # At the end of the process, too, it ends well: with any other status the caller's own stack may
            # throw away answers that it has and has not read yet.
        finally:
            # It ends by itself: a read that is cancelled would be grpc's loss, and it waits for nothing else.
            self.end()
            self._unanswered.release()
            reading.add_done_callback(forget)

    async def _read(self) -> None:
        try:
            while True:
                await self._unanswered.acquire()
                message = await self._message()
                if message is None:
                    return
                self._asked.put_nowait(await self._conversations.begin_message(self._speaker, message))
        finally:
            self._asked.put_nowait(None)

    async def _message(self) -> bytes | None:
        """The next message; None at the end of the stream, or when it is to be read no further."""
        if self._left.done():
            return None
        reading = asyncio.ensure_future(self._context.read())
        reading.add_done_callback(forget)
        await asyncio.wait((reading, self._left), return_when=asyncio.FIRST_COMPLETED)
        if not reading.done() or reading.cancelled() or reading.exception() is not None:
            return None
        message = reading.result()
        return message if isinstance(message, bytes) else None


async def abort_stranger(context: Context, outcome: bytes | Refusal) -> None:
    """End the whole conversation where a question was refused for its credentials: they are all the same."""
    if isinstance(outcome, Refusal) and outcome.code is grpc.StatusCode.UNAUTHENTICATED:
        await abort(context, outcome)


def ending() -> UnavailableError:
    """Why a conversation ends that its caller did not end."""
    return UnavailableError("ENDING", ENDING)
