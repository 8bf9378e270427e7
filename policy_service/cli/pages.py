"""Reading lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

Item = TypeVar("Item")
_PAGE: Final = 200


def all_pages(page: Callable[[str, int], tuple[list[Item], str]], limit: int) -> tuple[list[Item], bool]:
    """Read up to `limit` items; tells also whether there are more.

    `page` takes a page token and a size, and gives the items and the next token, empty on the last page.
    """
    found: list[Item] = []
    token = ""
    while True:
        items, token = page(token, min(_PAGE, limit - len(found)))
        found += items
        if not token or len(found) >= limit:
            return found[:limit], bool(token) or len(found) > limit
