"""Many items put on file by one call, each through the draft that a call of its own would go through.

Invariants:
- ALONE: an item that is refused leaves nothing behind, and harms no other.
- IN ORDER: an item is drafted from the facts as they would be once those before it are written.
- AGAIN: what is on file as it is said writes no row, so that whoever does not know what came of a message
  sends it again.
- SHORT: a revision holds no more than `MOST_FACTS`; other writes have their turn before the next.
- IN TURNS: after `FACTS_A_TURN` facts, or as many items that put none on file, the event loop does something
  else, so that control answers others meanwhile.

An item is read, checked and fingerprinted once (`Prepared`), before its message waits for its turn to write;
what all of them look up first is loaded together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, TypeVar

from policy_service.facts.ahead import FactsAhead
from policy_service.facts.keys import Key
from policy_service.facts.view import ColdFacts, FactsView
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    NotAvailableError,
    PermissionDeniedError,
    PolicyServiceError,
)
from policy_service.model.facts import Controller
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import NOTHING_NOTED, Asking, Done, Draft, Note
from policy_service.service.desk import ControlDesk
from policy_service.service.drafting import Occasion

Item = TypeVar("Item")

MOST_FACTS = 1_000
"""Of one revision: its entry has room for the names of 1,250 contact points, which have the longest. With
half of it others wait half as long, and each fact costs a tenth to a fifth more.
"""
FACTS_A_TURN = 50
"""Drafted before the event loop does something else. A fact takes some 20 to 50 µs, and up to 100 where its
person has a thousand others: so nobody waits longer than 10 ms for it, of which the longest is an item of 256
parties.
"""

NAMED_AS_FACTS = 2
"""Whom a refused item named takes as much room in an entry as so many facts."""


def _as_it_is(item: Any) -> Any:
    return item


@dataclass(frozen=True, slots=True)
class Import:
    """The items of one message."""

    items: Sequence[Any]
    note: Note = NOTHING_NOTED
    read: Callable[[Any], Any] = _as_it_is
    """Makes of an item, as it came, what is to be put on file; InvalidArgumentError where that cannot be."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An item as far as it can be made without the facts: checked, its values made fingerprints."""

    wanted: Callable[[Controller], Iterable[Key]]
    """What the draft looks up first, of whichever organisation it is."""
    draft: Callable[[FactsView, Occasion], Draft[Any]]
    size: int = 1
    """About how many facts it is."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that was not put on file: its place, the path within it, and why."""

    index: int
    field: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of the items, durably."""

    written: int
    unchanged: int
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one revision takes of the items."""

    taken: int
    imported: Imported


Prepare = Callable[[Item, datetime], Prepared]
"""Raises InvalidArgumentError for what the item and the moment alone show to be impossible."""


async def import_items(
    desk: ControlDesk, call: Asking, roles: frozenset[StaffRole], asked: Import, prepare: Prepare[Any]
) -> Done[Imported]:
    """Put the items on file, as one revision or, where it would be too large, as several.

    What raises may leave the first of several behind; sending the message again goes on from there.

    The caller is judged before anything is made of the items, which takes long, and again with each revision.
    """
    await desk.judge(call, roles)
    items = await _prepared(asked, prepare, desk)
    written = unchanged = begin = 0
    refused: list[Refused] = []
    while True:
        beyond = _reach(items, begin)
        wanted = cache(partial(_wanted, items[begin:beyond]))
        part = await desk.write_in_turns(
            call,
            roles,
            asked.note,
            partial(_draft_part, items=items, begin=begin, beyond=beyond, wanted=wanted),
        )
        came = part.answer.imported
        written, unchanged = written + came.written, unchanged + came.unchanged
        refused.extend(came.refused)
        begin += part.answer.taken
        if begin >= len(items):
            return Done(Imported(written, unchanged, tuple(refused)), part.facts_token)


class _Turns:
    """IN TURNS."""

    __slots__ = ("_besides", "_done")

    def __init__(self, besides: Callable[[], Awaitable[None]] | None = None) -> None:
        """`besides`: what a turn waits for, too."""
        self._done = 0
        self._besides = besides

    async def did(self, facts: int) -> None:
        """So many facts were drafted, or an item that has none."""
        self._done += max(1, facts)
        if self._done >= FACTS_A_TURN:
            self._done = 0
            await asyncio.sleep(0)
            if self._besides is not None:
                await self._besides()


async def _prepared(
    asked: Import, prepare: Prepare[Any], desk: ControlDesk
) -> list[Prepared | InvalidArgumentError]:
    """ALONE: an item that cannot be is told in its place. Whoever writes meanwhile is not held up by it."""
    now, turns = desk.now, _Turns(desk.writing.over)
    items: list[Prepared | InvalidArgumentError] = []
    for item in asked.items:
        try:
            prepared = prepare(asked.read(item), now)
        except InvalidArgumentError as error:
            items.append(error)
            await turns.did(1)
        else:
            items.append(prepared)
            await turns.did(prepared.size)
    return items


def _reach(items: Sequence[Prepared | InvalidArgumentError], begin: int) -> int:
    """The end of what one revision can take from `begin` on, which is one item at least."""
    facts, end = 0, begin
    while end < len(items):
        item = items[end]
        facts += item.size if isinstance(item, Prepared) else 0
        if facts > MOST_FACTS and end > begin:
            break
        end += 1
    return end


def _wanted(items: Sequence[Prepared | InvalidArgumentError], whose: Controller) -> Sequence[Key]:
    """What the items look up first, each key once."""
    prepared = [item for item in items if isinstance(item, Prepared)]
    return list(dict.fromkeys([key for each in prepared for key in each.wanted(whose)]))


async def _draft_part(
    view: FactsView,
    occasion: Occasion,
    *,
    items: Sequence[Prepared | InvalidArgumentError],
    begin: int,
    beyond: int,
    wanted: Callable[[Controller], Sequence[Key]],
) -> Draft[_Part]:
    """As many items from `begin` on, before `beyond`, as one revision takes; `wanted` is what all of them
    look up first.

    Where the view is cold for one, those after it are still asked what they need, so that it is loaded
    together; what is drafted in such a round counts for nothing.
    """
    ahead = FactsAhead(view)
    ahead.prefetch(*wanted(occasion.controller))
    turns = _Turns()
    written = unchanged = facts = 0
    end = begin
    refused: list[Refused] = []
    people: list[str] = []
    cold: set[Key] = set()
    for index in range(begin, beyond):
        item = items[index]
        size = 0
        try:
            if isinstance(item, InvalidArgumentError):
                raise item
            drafted = item.draft(ahead, occasion)
            size = len(drafted.facts) + len(drafted.removed)
            if size > MOST_FACTS:
                raise InvalidArgumentError(
                    "", "TOO_MANY_FACTS", "the item changes more than an entry can name"
                )
        except ColdFacts as missing:
            cold |= missing.keys
            await turns.did(size)
            continue
        except PolicyServiceError as error:
            if not _is_the_items_own(error):
                raise
            room = NAMED_AS_FACTS * len(error.people)
            if facts + room > MOST_FACTS and end > begin:
                break
            facts += room
            people += error.people
            refused.append(_refused(index, error))
        else:
            if facts + size > MOST_FACTS and end > begin:
                break
            facts += size
            if ahead.add(drafted.facts, drafted.removed):
                written += 1
            else:
                unchanged += 1
        end = index + 1
        await turns.did(size)
    if cold:
        raise ColdFacts(frozenset(cold))
    imported = Imported(written, unchanged, tuple(refused))
    part = _Part(end - begin, imported)
    named = tuple(dict.fromkeys(people))[: MOST_FACTS // NAMED_AS_FACTS]
    return Draft(part, ahead.drafted, ahead.removed, new=ahead.new, refused=named)


def _is_the_items_own(error: PolicyServiceError) -> bool:
    """Whether an error is about the item; a store that cannot be reached is about every one."""
    return isinstance(error, InvalidArgumentError | ConflictError | NotAvailableError | PermissionDeniedError)


def _refused(index: int, error: PolicyServiceError) -> Refused:
    return Refused(index, error.field, error.reason, error.message)


def within(field: str, place: str, error: InvalidArgumentError) -> InvalidArgumentError:
    """What is wrong at `place` of an item, found by something that knows it as `field`."""
    at = error.field.replace(field, place, 1) if error.field.startswith(field) else place
    found = InvalidArgumentError(at, error.reason, error.message.replace(f"`{field}", f"`{place}"))
    return found.about(*error.people)
