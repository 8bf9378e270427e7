"""Pages of a list (AIP-158): how many, from where, and a token that only this service can have made."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.errors import InvalidArgumentError
from policy_service.service.asking import Listed

T = TypeVar("T")

DEFAULT_SIZE = 50
MAX_SIZE = 1_000
"""Also what an entry can name: 1,000 ids of 36 characters and their kinds stay below the 65,535 bytes of an
entry.
"""

MAX_TOKEN = 512
"""Characters of a token, unless a list says otherwise."""

_MAC = 32


@dataclass(frozen=True, slots=True)
class Page:
    """At most `size` facts whose ids come after `after`, in the order of their ids."""

    size: int
    after: str = ""


@dataclass(frozen=True, slots=True)
class PageAsked:
    """A page as a call asks for it. `size` 0 is the default; more than `MAX_SIZE` is `MAX_SIZE`."""

    size: int = 0
    token: str = ""


FIRST_PAGE = PageAsked()


class Pages:
    """Reads and makes page tokens. One that was made for another list, or for another organisation, is
    refused.

    A token holds the last id of its page, which stands in the answer anyway, and a keyed hash of it with the
    list's name.
    """

    def __init__(self, fingerprinter: Fingerprinter, *, max_token: int = MAX_TOKEN) -> None:
        self._fingerprinter = fingerprinter
        self._max_token = max_token

    def read(self, asked: PageAsked, *listing: str, field: str = "page_token") -> Page:
        """The page that a call asks for. `listing` says which list it is: method, organisation, filter;
        `field` where its token stands.
        """
        if asked.size < 0:
            raise InvalidArgumentError("page_size", "NEGATIVE", "`page_size` must not be negative")
        size = min(asked.size or DEFAULT_SIZE, MAX_SIZE)
        if not asked.token:
            return Page(size)
        if len(asked.token) <= self._max_token:
            try:
                plain = base64.b64decode(asked.token, altchars=b"-_", validate=True).decode("ascii")
            except (binascii.Error, ValueError):
                plain = ""
            after = plain[_MAC:]
            if after and hmac.compare_digest(plain[:_MAC], self._mac(listing, after)):
                return Page(size, after)
        raise InvalidArgumentError(
            field, "BAD_PAGE_TOKEN", f"`{field}` was not made by this service for this list"
        )

    def listed(self, found: Sequence[T], page: Page, ids: Sequence[str], *listing: str) -> Listed[T]:
        """What an answer holds of `found`, which was looked up with one fact more than the page may have."""
        if len(found) <= page.size:
            return Listed(tuple(found))
        return Listed(tuple(found[: page.size]), self.token(ids[page.size - 1], *listing))

    def token(self, after: str, *listing: str) -> str:
        """The token of the page that follows the id `after`."""
        return base64.urlsafe_b64encode((self._mac(listing, after) + after).encode("ascii")).decode("ascii")

    def _mac(self, listing: tuple[str, ...], after: str) -> str:
        # No part holds a null character: ids and words of this service, and organisations' names.
        return self._fingerprinter.asserted("page_token", "\0".join((*listing, after)))[:_MAC]
