"""Lists that come in pages: read to the limit, and on a terminal not in silence."""

from __future__ import annotations

import io

import pytest

from policy_service.cli.pages import all_pages


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def page(token: str, size: int) -> tuple[list[int], str]:
    """Of 450 numbers."""
    start = int(token or "0")
    found = list(range(start, min(start + size, 450)))
    following = start + len(found)
    return found, str(following) if following < 450 else ""


@pytest.mark.parametrize(
    ("limit", "more"), [(1, True), (200, True), (449, True), (450, False), (9_999, False)]
)
def test_up_to_the_limit(limit: int, more: bool) -> None:
    assert all_pages(page, limit) == (list(range(min(limit, 450))), more)


@pytest.mark.parametrize(
    ("limit", "screen", "told"), [(450, Tty, True), (200, Tty, False), (450, io.StringIO, False)]
)
def test_who_waits_for_a_second_page_is_told(
    monkeypatch: pytest.MonkeyPatch, limit: int, screen: type[io.StringIO], told: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    written = screen()
    monkeypatch.setattr("sys.stderr", written)
    all_pages(page, limit)
    assert (" read so far" in written.getvalue()) == told
