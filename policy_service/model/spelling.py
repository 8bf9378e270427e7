"""How names are spelt in what people are told, and which name was meant by one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_CLOSE: Final = 0.65
"""How alike a word is to one that may be meant by it: half of their letters many words share."""


def spelt(names: Iterable[str]) -> str:
    """Spell names for a message: `a`, `b`."""
    return ", ".join(f"`{name}`" for name in names)


def choose(name: str, known: Iterable[str]) -> str:
    """Tell which of `known` to write instead of `name`: the nearest, and all of them."""
    words = list(known)
    close = nearest(name, words)
    return ("" if close is None else f"perhaps `{close}` is meant; ") + f"write one of {spelt(words)}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Give the one of `known` that a writer of `name` most likely meant, or None where none comes close."""
    words = [str(one) for one in known]
    close = get_close_matches(name, words, n=1, cutoff=_CLOSE)
    begun = [word for word in words if len(name) > 2 and word.startswith(name)]
    return next(iter((*close, *begun)), None)


def perhaps(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """Give `, perhaps `x` is meant` for the nearest of `known`, or `otherwise` where none comes close."""
    close = nearest(name, known)
    return otherwise if close is None else f", perhaps `{close}` is meant"
