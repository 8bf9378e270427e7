"""Reading lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, TypeVar

from rich.console import Console
from rich.status import Status

Item = TypeVar("Item")
_PAGE: Final = 200


def all_pages(page: Callable[[str, int], tuple[list[Item], str]], limit: int) -> tuple[list[Item], bool]:
    """Read up to `limit` items; tells also whether there are more.

    `page` takes a page token and a size, and gives the items and the next token, empty on the last page.
    """
    found: list[Item] = []
    token = ""
    reading: Status | None = None
    with ExitStack() as stack:
        while True:
            items, token = page(token, min(_PAGE, limit - len(found)))
            found += items
            if not token or len(found) >= limit:
                return found[:limit], bool(token) or len(found) > limit
            # On a terminal, whoever waits for more than a page sees that it goes on.
            told = f"{len(found):,} read so far"
            if reading is None:
                reading = stack.enter_context(Console(stderr=True).status(told))
            reading.update(told)
