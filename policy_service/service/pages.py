"""Pages of a list (AIP-158): how many, from where, and a token that only this service can have made."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Revision
from policy_service.service.asking import Listed
from policy_service.service.past import AsOf

T = TypeVar("T")

DEFAULT_SIZE = 50
MAX_SIZE = 1_000
"""Also what an entry can name: 1,000 ids of 36 characters and their kinds stay below the 65,535 bytes of an
entry.
"""

MAX_TOKEN = 512
"""Characters of a token, unless a list says otherwise."""

_MAC = 32
_KEPT = "~"
"""Ends what a token of an earlier list keeps; it stands in no id and in no facts token."""


@dataclass(frozen=True, slots=True)
class Page:
    """At most `size` facts whose ids come after `after`, in the order of their ids."""

    size: int
    after: str = ""
    kept: str = ""
    """Of a list of earlier facts: the facts token that its page tokens keep."""
    past: tuple[str, ...] = ()
    """Which earlier facts, as its page tokens are sealed with it."""


@dataclass(frozen=True, slots=True)
class PageAsked:
    """A page as a call asks for it. `size` 0 is the default; more than `MAX_SIZE` is `MAX_SIZE`."""

    size: int = 0
    token: str = ""
    as_of: AsOf | None = None
    """Of which facts; each further page says it again."""


FIRST_PAGE = PageAsked()


def _of_now_alone(_: Revision) -> str:
    raise TypeError("this list is of what is on file now alone")


_NOT_TOLD = Revision(0)


class Pages:
    """Reads and makes page tokens. One that was made for another list, or for another organisation, is
    refused.

    A token holds the last id of its page, which stands in the answer anyway, and a keyed hash of it with the
    list's name. One of a list of earlier facts keeps which, so that a further page shows the same.
    """

    def __init__(
        self,
        fingerprinter: Fingerprinter,
        *,
        max_token: int = MAX_TOKEN,
        seal: Callable[[Revision], str] = _of_now_alone,
    ) -> None:
        """`seal` makes the facts token of a revision (`Past.seal`), where a list may be of earlier facts."""
        self._fingerprinter = fingerprinter
        self._max_token = max_token
        self._seal = seal

    def read(
        self, asked: PageAsked, *listing: str, field: str = "page_token", at: Revision = _NOT_TOLD
    ) -> Page:
        """The page that a call asks for. `listing` says which list it is: method, organisation, filter;
        `field` where its token stands; `at` which facts are looked at.
        """
        if asked.size < 0:
            raise InvalidArgumentError("page_size", "NEGATIVE", "`page_size` must not be negative")
        size = min(asked.size or DEFAULT_SIZE, MAX_SIZE)
        kept = ""
        past: tuple[str, ...] = ()
        if asked.as_of is not None:
            kept, past = self._seal(at), (asked.as_of.words, str(at))
        if not asked.token:
            return Page(size, "", kept, past)
        if len(asked.token) <= self._max_token:
            plain = _plain(asked.token)
            inside = plain[_MAC:]
            if inside and hmac.compare_digest(plain[:_MAC], self._mac((*listing, *past), inside)):
                after = inside.partition(_KEPT)[2] if past else inside
                return Page(size, after, kept, past)
        raise InvalidArgumentError(
            field, "BAD_PAGE_TOKEN", f"`{field}` was not made by this service for this list"
        )

    def listed(self, found: Sequence[T], page: Page, ids: Sequence[str], *listing: str) -> Listed[T]:
        """What an answer holds of `found`, which was looked up with one fact more than the page may have."""
        if len(found) <= page.size:
            return Listed(tuple(found))
        return Listed(tuple(found[: page.size]), self.following(page, ids[page.size - 1], *listing))

    def following(self, page: Page, after: str, *listing: str) -> str:
        """The token of what follows `page`, whose last id is `after`; of the same facts."""
        inside = f"{page.kept}{_KEPT}{after}" if page.past else after
        return self.token(inside, *listing, *page.past)

    def token(self, after: str, *listing: str) -> str:
        """The token of the page that follows the id `after`."""
        return base64.urlsafe_b64encode((self._mac(listing, after) + after).encode("ascii")).decode("ascii")

    def _mac(self, listing: tuple[str, ...], after: str) -> str:
        # No part holds a null character: ids and words of this service, and organisations' names.
        return self._fingerprinter.asserted("page_token", "\0".join((*listing, after)))[:_MAC]


def kept_in(token: str) -> str:
    """The facts token that a page token keeps, or nothing. Whether we made it, `Pages.read` finds out."""
    kept, separator, _ = _plain(token[:MAX_TOKEN])[_MAC:].partition(_KEPT)
    return kept if separator else ""


def _plain(token: str) -> str:
    """What is inside of a token; nothing where it is none of ours."""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
