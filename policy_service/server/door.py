"""The door: every call's headers pass here, before its message is read.

It judges the credentials from memory. A friend gets the handler of his method; a stranger gets a handler of
stream shape, since grpc runs it at once, while one of unary shape would first wait for his message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import grpc

from policy_service.facts.view import ColdFacts
from policy_service.model.caller import Caller
from policy_service.model.errors import InvalidArgumentError, PolicyServiceError, UnauthenticatedError
from policy_service.server.authenticator import Authenticator
from policy_service.server.conversations import Conversations
from policy_service.server.errors import UNKNOWN_METHOD, Refusal, abort, refusal_of
from policy_service.server.guests import Context, guarded
from policy_service.server.handlers import Headers, Method, Router, Wrapper
from policy_service.server.limits import Limits, overloaded
from policy_service.server.refusals import Refusals
from policy_service.server.tails import TailMethod, Tails
from policy_service.server.tracing import TRACEPARENT, parent_of

AUTHORIZATION = "authorization"
CONTROLLER = "x-controller"

_FINAL = frozenset({"TOKEN_MISSING", "TOKEN_MALFORMED"})
"""What no store can change. All else may have changed since memory was last brought to the head."""

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Served: TypeAlias = Method[Any, Any] | TailMethod[Any, Any]


class Door(grpc.GenericRpcHandler):
    """The one generic handler of a server. `open_to_all` (health, reflection) needs no credentials."""

    def __init__(
        self,
        router: Router,
        wrapper: Wrapper,
        conversations: Conversations,
        tails: Tails,
        authenticator: Authenticator,
        limits: Limits,
        refusals: Refusals,
        open_to_all: Mapping[str, Handler],
    ) -> None:
        self._router = router
        self._wrapper = wrapper
        self._conversations = conversations
        self._tails = tails
        self._authenticator = authenticator
        self._limits = limits
        self._refusals = refusals
        self._open = open_to_all

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that it has a handler for."""
        return (*self._router.methods, *self._open)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Choose the handler of a call by its headers alone. Runs on the event loop; never raises."""
        path: str = handler_call_details.method
        open_handler = self._open.get(path)
        if open_handler is not None:
            return open_handler
        try:
            return self._admit(path, handler_call_details.invocation_metadata)
        except Exception as error:  # noqa: BLE001 - grpc would send the exception's text to the caller
            return self._turn_away(error)

    def _admit(self, path: str, metadata: Sequence[tuple[str, str | bytes]]) -> Handler:
        headers = _read(metadata)
        method: Served | None = self._router.methods.get(path)
        try:
            caller = self._authenticator.judge(headers.authorization)
        except ColdFacts:
            return self._ask_again(method, headers)
        except UnauthenticatedError as error:
            if error.reason in _FINAL:
                raise
            return self._ask_again(method, headers)
        if method is None:
            return _refusing(UNKNOWN_METHOD)
        if not self._limits.has_room(caller):
            raise overloaded()
        return self._let_in(method, caller, headers)

    def _let_in(self, method: Served, caller: Caller, headers: Headers) -> Handler:
        if isinstance(method, TailMethod):

            async def follow(request: bytes, context: Context) -> None:
                await self._tails.run(method, caller, headers, request, context)

            return grpc.unary_stream_rpc_method_handler(follow)
        if method.streamed:

            async def hold(context: Context) -> None:
                await self._conversations.hold(method, caller, headers, context)

            return grpc.stream_stream_rpc_method_handler(guarded(hold))

        async def handle(request: bytes, context: Context) -> bytes:
            return await self._answer(method, caller, headers, request, context)

        return grpc.unary_unary_rpc_method_handler(handle)

    async def _answer(
        self, method: Method[Any, Any], caller: Caller, headers: Headers, request: bytes, context: Context
    ) -> bytes:
        if method.several is None:
            return await self._wrapper.run(method, caller, headers, request, context)
        return await self._conversations.batch(method, caller, headers, request, context)

    def _ask_again(self, method: Served | None, headers: Headers) -> Handler:
        """Memory cannot tell: the credentials are settled at the head, and only then is the message read."""

        async def handle(context: Context) -> None:
            caller = await self._settle(headers, context)
            if isinstance(caller, Refusal):
                await abort(context, caller)
            if method is None:
                await abort(context, UNKNOWN_METHOD)
            if not isinstance(method, TailMethod) and method.streamed:
                await self._conversations.hold(method, caller, headers, context)
                return
            request = await context.read()
            if not isinstance(request, bytes):
                await abort(context, refusal_of(_no_message()))
            if isinstance(method, TailMethod):
                await self._tails.run(method, caller, headers, request, context)
                return
            await context.write(await self._answer(method, caller, headers, request, context))

        return grpc.stream_stream_rpc_method_handler(guarded(handle))

    async def _settle(self, headers: Headers, context: Context) -> Caller | Refusal:
        try:
            return await self._authenticator.settle(headers.authorization)
        except Exception as error:  # noqa: BLE001 - as in `service`
            reason = error.reason if isinstance(error, PolicyServiceError) else "INTERNAL"
            self._refusals.count(context.peer(), reason)
            return refusal_of(error)

    def _turn_away(self, error: Exception) -> Handler:
        refusal = refusal_of(error)
        reason = error.reason if isinstance(error, PolicyServiceError) else refusal.reason

        async def refuse(_: object, context: Context) -> None:
            self._refusals.count(context.peer(), reason)
            await abort(context, refusal)

        return grpc.stream_stream_rpc_method_handler(refuse)


def _refusing(refusal: Refusal) -> Handler:
    async def refuse(_: object, context: Context) -> None:
        await abort(context, refusal)

    return grpc.stream_stream_rpc_method_handler(refuse)


def _read(metadata: Sequence[tuple[str, str | bytes]]) -> Headers:
    """Read what the edge needs. Credentials that are sent twice are none: which of them would count?"""
    authorization = controller = ""
    parent = None
    for key, value in metadata:
        if not isinstance(value, str):
            continue
        if key == AUTHORIZATION:
            if authorization:
                raise UnauthenticatedError("TOKEN_MALFORMED", "credentials were sent twice")
            scheme, _, authorization = value.partition(" ")
            if scheme.lower() != "bearer":  # RFC 6750 2.1; RFC 9110 11.1: in any case
                raise UnauthenticatedError("TOKEN_MALFORMED", "credentials are of another scheme")
        elif key == CONTROLLER:
            controller = value
        elif key == TRACEPARENT:
            parent = parent_of(value)
    return Headers(authorization, controller, parent)


def _no_message() -> InvalidArgumentError:
    return InvalidArgumentError("", "UNREADABLE_MESSAGE", "the call ended without a message")
