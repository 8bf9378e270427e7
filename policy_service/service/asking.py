"""What every control use case is given and gives back, whatever it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from policy_service.facts.erasing import Version
from policy_service.model.caller import NOBODY, Caller
from policy_service.model.errors import InvalidArgumentError, PermissionDeniedError
from policy_service.model.facts import INSTALLATION, Controller, Fact, System
from policy_service.service.words import controller_named

T = TypeVar("T")


class Asking(Protocol):
    """A call: who, through which method, for which organisation. The edge makes it."""

    @property
    def caller(self) -> Caller:
        """As the door knew it; judged again, from `authorization`, on the facts that the call rests on."""

    @property
    def authorization(self) -> str: ...

    @property
    def method(self) -> str:
        """As log entries name it, e.g. `PeopleService/PutPerson`."""

    @property
    def controller(self) -> Controller:
        """The organisation that the call is for; `INSTALLATION` where an installation's token named none."""

    @property
    def trace_id(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class ByItself:
    """A call that nobody made."""

    method: str
    controller: Controller
    caller: Caller = NOBODY
    authorization: str = ""
    trace_id: bytes = b""


@dataclass(frozen=True, slots=True)
class Note:
    """What comes with each write besides what is to be written."""

    reason: str = ""
    """Why, in the manager's own words; at most 200 characters, kept in the revision and in the log entry."""
    idempotency_key: str = ""
    """The same key with the same `body` is answered again, with another body refused (AIP-155); empty: no
    such promise.
    """
    body: bytes = b""
    """The message as it was read, serialised deterministically. Compared by a keyed hash, never kept."""


NOTHING_NOTED = Note()


@dataclass(frozen=True, slots=True)
class Granted:
    """Lets systems in where else only people who manage may write."""

    name: str
    """Of the grant, as a refusal tells it."""
    holds: Callable[[System], bool]


@dataclass(frozen=True, slots=True)
class Draft(Generic[T]):
    """What a write would put on file, and what its caller would be told. Made from one view, without any
    effect.
    """

    answer: T
    facts: tuple[Fact, ...]
    removed: tuple[Fact, ...] = ()
    new: frozenset[str] = frozenset()
    """Ids of `facts` that are known not to be on file, where there are many."""
    controller: Controller | None = None
    """Whose it is, where the facts alone tell: an installation's token named nobody."""
    notes: tuple[str, ...] = ()
    """What is taken, and may not be what was meant; in words for whoever wrote it."""
    erased: tuple[Version, ...] = ()
    """Versions that are erased; those that are open are among what the write removes or hands over."""
    erased_names: tuple[str, ...] = ()
    """What the log entry names of it, each once."""
    handed_over: tuple[Fact, ...] = ()
    """Facts that go on under another controller, as they are to be; the entry does not tell."""
    left_behind: tuple[Fact, ...] = ()
    """As `facts`, of what the organisation whose entry it is must not learn: the entry does not tell."""
    refused: tuple[str, ...] = ()
    """Whom refused items named, in the words of `PolicyServiceError.people`: for the log entry alone."""
    despite: str = ""
    """What stood against it, and is set aside because the caller said so: for the log entry alone."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """A write that is on file and in the log; the next check knows it."""

    answer: T
    facts_token: str
    notes: tuple[str, ...] = ()
    """As in `Draft`."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A reading: what the caller is told, and the names (`kind:id`) of what was read or looked for."""

    answer: T
    names: tuple[str, ...]
    controller: Controller | None = None
    """As in `Draft`."""
    found: bool | None = None
    """Whether anything was found, where `names` are of what was looked for, too; None: if there are any."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of a list. `next_page_token` is empty on the last one."""

    items: tuple[T, ...]
    next_page_token: str = ""


def organisation(call: Asking) -> Controller:
    """The organisation whose facts the call is about; an installation's token must have named one."""
    if call.controller == INSTALLATION:
        raise InvalidArgumentError(
            "x-controller",
            "CONTROLLER_REQUIRED",
            "an installation's token names the organisation in the metadata `x-controller`",
        )
    return controller_named(call.controller, "x-controller")


def any_organisation(call: Asking) -> Controller:
    """As `organisation`; `INSTALLATION`, which stands for all of them, where an installation's token named
    none.
    """
    return call.controller


def organisation_or_named(call: Asking, named: str, field: str) -> Controller:
    """As `organisation`, for methods whose message can name it as well; `INSTALLATION` where neither does.

    Only an installation's token may name another organisation than its own (`CONTROLLER_NOT_YOURS`).
    """
    if not named or named == call.controller:
        return call.controller
    if not call.caller.is_installation:
        raise PermissionDeniedError(
            "CONTROLLER_NOT_YOURS", f"`{field}` is not the organisation of this token"
        )
    if call.controller != INSTALLATION:
        raise InvalidArgumentError(
            field, "CONTROLLER_CONFLICT", f"`{field}` and the metadata `x-controller` name two organisations"
        )
    return Controller(named)
