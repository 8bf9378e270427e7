"""What a stub gives to whoever calls through it: a method for one answer or for a stream of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

Request = TypeVar("Request", contravariant=True)
Response = TypeVar("Response", covariant=True)


class Method(Protocol[Request, Response]):
    """A unary method of a stub."""

    def __call__(
        self, request: Request, /, timeout: float, metadata: tuple[tuple[str, str], ...]
    ) -> Response: ...


class Stream(Protocol[Response]):
    """What a call with many answers gives."""

    def __iter__(self) -> Iterator[Response]: ...
    def cancel(self) -> object: ...


class StreamMethod(Protocol[Request, Response]):
    """A method of a stub that answers with a stream."""

    def __call__(
        self, request: Request, /, *, metadata: tuple[tuple[str, str | bytes], ...]
    ) -> Stream[Response]: ...


class ConversingMethod(Protocol[Request, Response]):
    """A method of a stub with a stream each way."""

    def __call__(
        self, request: Iterator[Request], /, *, metadata: tuple[tuple[str, str | bytes], ...]
    ) -> Stream[Response]: ...
