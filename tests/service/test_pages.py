"""Page tokens: they go on where the page ended, and nobody else can make one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.errors import InvalidArgumentError
from policy_service.service.pages import DEFAULT_SIZE, MAX_SIZE, Page, PageAsked, Pages
from tests.service.control import KEY

PAGES = Pages(Fingerprinter(KEY))
LIST = ("AccessService/ListSystems", "police")


def test_sizes() -> None:
    assert PAGES.read(PageAsked(), *LIST) == Page(DEFAULT_SIZE)
    assert PAGES.read(PageAsked(3), *LIST) == Page(3)
    assert PAGES.read(PageAsked(MAX_SIZE + 1), *LIST) == Page(MAX_SIZE)
    with pytest.raises(InvalidArgumentError) as caught:
        PAGES.read(PageAsked(-1), *LIST)
    assert (caught.value.field, caught.value.reason) == ("page_size", "NEGATIVE")


def test_a_token_goes_on_where_the_page_ended() -> None:
    listed = PAGES.listed(("a", "b", "c"), Page(2), ["a", "b", "c"], *LIST)
    assert listed.items == ("a", "b")
    assert PAGES.read(PageAsked(2, listed.next_page_token), *LIST) == Page(2, "b")
    assert PAGES.listed(("c",), Page(2, "b"), ["c"], *LIST).next_page_token == ""


def refused(token: str, *listing: str) -> bool:
    try:
        PAGES.read(PageAsked(0, token), *listing)
    except InvalidArgumentError as error:
        return (error.field, error.reason) == ("page_token", "BAD_PAGE_TOKEN")
    return False


def test_a_token_is_of_one_list_and_one_organisation() -> None:
    token = PAGES.token("id", *LIST)
    assert not refused(token, *LIST)
    assert refused(token, "AccessService/ListTokens", "police")
    assert refused(token, "AccessService/ListSystems", "trust")
    assert Pages(Fingerprinter(KEY[::-1])).token("id", *LIST) != token


@given(st.text(max_size=600))
def test_nobody_guesses_one(token: str) -> None:
    assert not token or refused(token, *LIST)


@given(st.binary(max_size=60))
def test_nobody_makes_one(inside: bytes) -> None:
    token = base64.urlsafe_b64encode(inside).decode()
    assert not token or refused(token, *LIST)


def test_a_longer_or_changed_one_is_none() -> None:
    token = PAGES.token("id", *LIST)
    assert refused(token + "AAAA", *LIST)
    assert refused(PAGES.token("id2", *LIST)[:43] + token[43:], *LIST)
