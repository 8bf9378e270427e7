"""What was on file: `--as-of`, and the commands `history`, which are alike for everything that has one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from policy_service.api.v1 import past_pb2 as pb
from policy_service.cli.connect import Connection
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.pages import all_pages
from policy_service.cli.past_words import flat
from policy_service.cli.render import as_json, moment, now, print_json, print_pairs, say
from policy_service.cli.stub_methods import Method, Request, Response
from policy_service.cli.times import is_today, looked_at
from policy_service.model.errors import InvalidArgumentError
from policy_service.service import moments

_TOKEN: Final = re.compile(r"[A-Za-z0-9_=-]{40,128}")
NOTHING: Final = "nothing"


class Versioned(Protocol):
    """A version in the history of anything: `version`, and what it was beside it."""

    @property
    def version(self) -> pb.FactVersion: ...


def as_of(text: str) -> pb.AsOf | None:
    """What `--as-of` says; None where that is what is on file now: it says nothing, or names today."""
    if not text or is_today(text, now()):
        return None
    if _TOKEN.fullmatch(text):
        return pb.AsOf(facts_token=text)
    at = Timestamp()
    at.FromDatetime(_moment(text))
    return pb.AsOf(moment=at)


def clock_of(text: str) -> datetime | None:
    """The moment by which to tell whether something ran: this machine's clock, or what `--as-of` says; None
    where that is a token, which tells no moment.
    """
    if not text or is_today(text, now()):
        return now()
    return None if _TOKEN.fullmatch(text) else _moment(text)


def _moment(text: str) -> datetime:
    """What a time or a day means, in the zone that dates are meant in."""
    try:
        return looked_at(text)
    except InvalidArgumentError:
        raise Failure(
            "--as-of names no moment and no version",
            do_next="write a time like 2026-03-29T14:00:00Z, a date like 2026-03-29, which means the end of"
            f" that day in {moments.DEFAULT_ZONE}, or the token of a version as `history` shows it",
            code=Exit.USAGE,
        ) from None


def show_history(
    connection: Connection,
    method: Method[Request, Response],
    ask: Callable[[str, int], Request],
    controller: str,
    limit: int,
    *,
    json: bool,
) -> None:
    """Read versions, newest first, and print them: when, who and why, and what changed in each.

    `method` is a service's `History`; `ask` makes its request for the page of a token and a size.
    """

    def page(token: str, size: int) -> tuple[list[Versioned], str]:
        answer: Any = connection.call(method, ask(token, size), controller=controller)
        return list(answer.versions), answer.next_page_token

    # One more than is shown, so that what the last one changed can be told.
    found, more = all_pages(page, limit + 1)
    older = found[limit:]
    if json:
        print_json({"versions": [as_json(each) for each in found[:limit]], "more": more or bool(older)})  # type: ignore[arg-type]
        return
    for number, (version, before) in enumerate(pairwise([*found, None])):
        if number == limit or version is None:
            break
        if number:
            say()
        print_pairs([*who(version.version), *_what(version, before)])
    if more or older:
        say()
        say(f"the newest {limit}; there are more, see --limit")


def who(version: pb.FactVersion) -> Iterator[tuple[str, str]]:
    """When a version was committed, by whom and why, and its token."""
    yield "when", moment(version.committed_at)
    yield "who", version.actor
    yield "why", version.reason
    yield "token", version.facts_token


def _what(version: Versioned, before: Versioned | None) -> Iterator[tuple[str, str]]:
    """What it changed, in words; `before` None: it is the first one."""
    if version.version.removed:
        yield "what", "taken off file"
        return
    if version.version.erased:
        yield "what", "erased since: what it said is gone"
        return
    if before is None or before.version.removed or before.version.erased:
        yield "what", "put on file" if before is None or before.version.removed else "changed"
        yield from _values(flat(version))
        return
    changed = list(_changes(flat(before), flat(version)))
    if not changed:
        # Identifiers and names are kept as fingerprints, and not shown.
        kinds = ", ".join(each.replace("_", " ") for each in version.version.changed)
        yield "what", f"{kinds}: nothing that is shown"
    yield from changed


def _values(there: Mapping[str, str | list[str]]) -> Iterator[tuple[str, str]]:
    for name, value in there.items():
        yield from ((name, each) for each in (value if isinstance(value, list) else [value]))


def _changes(
    before: Mapping[str, str | list[str]], after: Mapping[str, str | list[str]]
) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys([*before, *after]):
        was, now_is = before.get(name, ""), after.get(name, "")
        if was == now_is:
            continue
        if isinstance(was, list) or isinstance(now_is, list):
            old, new = list(was), list(now_is)
            for sign, values, others in (("-", old, new), ("+", new, old)):
                yield from ((f"{sign} {name}", value) for value in values if value not in others)
            if sorted(old) == sorted(new):
                yield name, "in another order"
        else:
            yield name, f"{now_is or NOTHING}, was {was or NOTHING}"
