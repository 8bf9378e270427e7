"""Facts of every kind, drawn from the types that the model gives its fields."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, NewType, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from policy_service.model.attributes import Value
from policy_service.model.facts import Fact

# The edge refuses NUL, which PostgreSQL cannot hold, and lone surrogates, which are no text.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def facts(kind: type[Fact]) -> st.SearchStrategy[Fact]:
    return values(kind)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type that the model uses."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if hint == Value:
        whole = st.integers(-(10**15), 10**15)
        return TEXTS | st.booleans() | whole | st.floats(-1e15, 1e15) | st.lists(TEXTS, max_size=3).map(tuple)
    if isinstance(hint, UnionType):
        return st.none() | values(next(arg for arg in get_args(hint) if arg is not NoneType))
    if get_origin(hint) is tuple:
        arguments = get_args(hint)
        if arguments[-1] is Ellipsis:
            return st.lists(values(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*map(values, arguments))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return st.builds(
            hint, **{field.name: values(hints[field.name]) for field in dataclasses.fields(hint)}
        )
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXTS,
        bool: st.booleans(),
        int: st.integers(0, 2**31),
        date: st.dates(),
        datetime: MOMENTS,
    }
    return simple[hint]
