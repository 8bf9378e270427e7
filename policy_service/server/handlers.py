"""What a method of a service is, and the one wrapper around every method of both processes.

A method is data: how its bytes are read, which use case it is, how the answer becomes bytes. Everything else (bounds, errors,
the log entry of a refusal) is the wrapper's, so that no method can forget it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from policy_service.model.facts import Controller
from policy_service.service.caller import Caller

PACKAGE = "policy_service.api.v1"

Request = TypeVar("Request")
Response = TypeVar("Response")


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and what came with the call beside its message."""

    caller: Caller
    method: str
    """As log entries name it, e.g. `PeopleService/PutPerson`."""
    controller: Controller
    """The organisation that the call acts for: the caller's own; for an installation's token what the metadata
    `x-controller` names, or `INSTALLATION` where it names none."""
    authorization: str
    """The credentials as they came; never logged. Check judges them again at the revision that its round validates."""
    trace_id: bytes = b""
    """W3C trace id, 16 bytes, or empty."""


@dataclass(frozen=True, slots=True)
class Method(Generic[Request, Response]):
    """One RPC with one message each way.

    `parse` raises `InvalidArgumentError` and nothing else; `call` is async and raises `PolicyServiceError`s, has left the
    call's one log entry when it returns, and none when it raises (the wrapper then leaves the refusal's).
    """

    service: str
    """Without the package, e.g. `PeopleService`."""
    name: str
    parse: Callable[[bytes], Request]
    call: Callable[[Call, Request], Awaitable[Response]]
    serialise: Callable[[Response], bytes]

    @property
    def entry_name(self) -> str:
        """As log entries name it, e.g. `PeopleService/PutPerson`."""
        return f"{self.service}/{self.name}"

    @property
    def path(self) -> str:
        """As gRPC names it, e.g. `/policy_service.api.v1.PeopleService/PutPerson`."""
        return f"/{PACKAGE}.{self.service}/{self.name}"


@dataclass(frozen=True, slots=True)
class Router:
    """The methods that one process serves, by gRPC path."""

    methods: Mapping[str, Method[Any, Any]]

    @classmethod
    def of(cls, methods: Iterable[Method[Any, Any]]) -> Router:
        """Make a router; two methods of one path are a programming error."""
        by_path: dict[str, Method[Any, Any]] = {}
        for method in methods:
            if method.path in by_path:
                raise ValueError(f"`{method.path}` is registered twice")
            by_path[method.path] = method
        return cls(by_path)
