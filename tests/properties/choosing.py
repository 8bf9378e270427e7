"""Drawing from short lists, fast: making a strategy costs more than drawing from it, so those are made once.

Whatever is drawn shrinks towards the first of the list, and towards fewer.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


@functools.cache
def _below(number: int) -> st.SearchStrategy[int]:
    return st.integers(0, number - 1)


@functools.cache
def _several_below(number: int, least: int, most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(_below(number), min_size=least, max_size=min(most, number), unique=True)


def choose(draw: st.DrawFn, options: Sequence[T]) -> T:
    """One of `options`."""
    return options[draw(_below(len(options)))]


def one_in(draw: st.DrawFn, number: int) -> bool:
    """True in one case of so many."""
    return draw(_below(number)) == number - 1


def mostly(draw: st.DrawFn, usual: T, *but: T) -> T:
    """Four times of five `usual`."""
    return choose(draw, but) if one_in(draw, 5) else usual


def several(draw: st.DrawFn, options: Sequence[T], *, most: int, least: int = 0) -> tuple[T, ...]:
    """`least` to `most` of `options` (or all that there are), none of them twice."""
    if not options or not most:
        return ()
    return tuple(
        options[index] for index in draw(_several_below(len(options), min(least, len(options)), most))
    )
