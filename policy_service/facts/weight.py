"""What an answer in memory costs: bytes, and the garbage collector's time.

A fact never changes and nothing in it refers back to it, so it dies by its reference count alone and the
collector finds nothing in it. But it looks: each full collection visited 300,000 facts in 300 to 800 ms, in
which nobody is answered. So what is remembered is taken out of its sight.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from operator import attrgetter
from types import NoneType
from typing import Any, get_type_hints

from policy_service.facts.keys import Key
from policy_service.model.facts import Fact

# Bytes, of CPython on 64 bits; `tests/facts/test_room.py` holds them against the process's own size.
_KEY = 100
"""A key's tuple and its place in a dict that is about half full. Its texts are shared with other keys."""
_TUPLE = 56
_OBJECT = 48
_SLOT = 8
_TEXT = 52
_SIZES = {NoneType: 0, bool: 0, int: 32, float: 32, date: 40, datetime: 56}

_untrack = ctypes.pythonapi.PyObject_GC_UnTrack
_untrack.argtypes = [ctypes.py_object]
_untrack.restype = None


def weigh(key: Key, answer: tuple[Fact, ...]) -> int:
    """About how many bytes a key and its answer take; the same whenever it is asked."""
    total = _KEY + _characters(key)
    if answer:
        total += _TUPLE + sum(map(_of_object, answer))
    return total


def hide(key: Key, answer: tuple[Fact, ...]) -> None:
    """Take a key and its answer out of the garbage collector's sight: neither is part of a cycle."""
    # The call is for what the collector knows how to track, as whatever is tracked is.
    if gc.is_tracked(key):
        _untrack(key)
    _hide(answer)


def _hide(value: Any) -> None:
    if isinstance(value, tuple):
        items: Iterable[Any] = value
    elif (shape := _shape(type(value))) is not None:
        items = shape.others(value)
    else:
        return
    for item in items:
        _hide(item)
    if gc.is_tracked(value):
        _untrack(value)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is weighed of a dataclass."""

    fixed: int
    texts: Callable[[Any], Iterable[str]]
    others: Callable[[Any], Iterable[Any]]


_shapes: dict[type[Any], _Shape | None] = {}


def _shape(kind: type[Any]) -> _Shape | None:
    """None for a class of plain values."""
    if kind not in _shapes:
        _shapes[kind] = _shape_of(kind) if is_dataclass(kind) else None
    return _shapes[kind]


def _shape_of(kind: type[Any]) -> _Shape:
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    texts = [name for name in names if getattr(hints[name], "__supertype__", hints[name]) is str]
    others = [name for name in names if name not in texts]
    return _Shape(_OBJECT + _SLOT * len(names) + _TEXT * len(texts), _all_of(texts), _all_of(others))


def _all_of(names: list[str]) -> Callable[[Any], Iterable[Any]]:
    """The attributes of these names, however many there are."""
    match names:
        case []:
            return lambda _: ()
        case [name]:
            return lambda value: (getattr(value, name),)
        case _:
            return attrgetter(*names)


def _of_object(value: Any) -> int:
    shape = _shape(type(value))
    if shape is None:
        raise TypeError(f"no way to weigh {type(value)!r}")
    return shape.fixed + _characters(shape.texts(value)) + sum(map(_weigh, shape.others(value)))


def _characters(texts: Iterable[str]) -> int:
    # Not by `sys.getsizeof`, which changes when somebody encodes a text.
    together = "".join(texts)
    return len(together) if together.isascii() else 4 * len(together)


def _weigh(value: Any) -> int:
    kind = type(value)
    if (size := _SIZES.get(kind)) is not None:
        return size
    if kind is tuple:
        return _TUPLE + sum(_SLOT + _weigh(item) for item in value) if value else 0
    if kind is str:
        return _TEXT + _characters(value)
    return 0 if isinstance(value, Enum) else _of_object(value)
