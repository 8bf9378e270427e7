"""The texts of a message, one by one: each can be set to something else in a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

Path = tuple[str | int, ...]
"""Names of fields, each followed by an index where it is repeated."""


def leaves(message: Message) -> Iterator[Path]:
    """Every text that the message holds or could hold, and one in each list of texts that is empty; of lists
    of messages only those that are there.
    """
    for field in message.DESCRIPTOR.fields:
        inner, kind = getattr(message, field.name), field.message_type
        if field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                yield from ((field.name, i) for i in range(len(inner) or 1))
            else:
                yield (field.name,)
        elif kind is not None and kind.file == message.DESCRIPTOR.file:
            if field.is_repeated:
                yield from ((field.name, i, *rest) for i, each in enumerate(inner) for rest in leaves(each))
            elif message.HasField(field.name):
                yield from ((field.name, *rest) for rest in leaves(inner))


def with_leaf(message: M, path: Path, value: str) -> M:
    """A copy of the message with this text at this place."""
    copy = type(message)()
    copy.CopyFrom(message)
    target = copy
    *way, last = path
    for step in way[:-1] if isinstance(last, int) else way:
        target = target[step] if isinstance(step, int) else getattr(target, step)  # type: ignore[index]
    if isinstance(last, int):
        texts = getattr(target, str(way[-1]))
        if last == len(texts):
            texts.append(value)
        else:
            texts[last] = value
    else:
        setattr(target, last, value)
    return copy
