"""Values of declared attributes: messages → what use cases ask, and back.

Which types the published set gives them is the use cases' to know.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from policy_service.api.v1 import attribute_pb2 as pb
from policy_service.model.attributes import AttributeValue, Value
from policy_service.model.errors import InvalidArgumentError
from policy_service.server.bounds import count, name, text, texts, unique
from policy_service.service.words import no_repeats

MAX_ATTRIBUTES = 32
MAX_TEXTS = 32
MAX_NUMBER = 10**15
"""Below it every whole number is a double of its own."""


def attribute_values(messages: Sequence[pb.AttributeValue], field: str) -> tuple[AttributeValue, ...]:
    """Read values, each name once."""
    count(messages, field, MAX_ATTRIBUTES)
    values = tuple(
        AttributeValue(
            name(message.name, f"{field}[{i}].name", required=True), _value(message, f"{field}[{i}]")
        )
        for i, message in enumerate(messages)
    )
    unique((value.name for value in values), field, "name")
    return values


def attribute_messages(values: Iterable[AttributeValue]) -> list[pb.AttributeValue]:
    return [_message(value) for value in values]


def _value(message: pb.AttributeValue, at: str) -> Value:
    match message.WhichOneof("value"):
        case "text":
            return text(message.text, f"{at}.text", required=True)
        case "texts":
            found = texts(message.texts.values, f"{at}.texts.values", most=MAX_TEXTS)
            no_repeats(found, f"{at}.texts.values")
            return tuple(sorted(found))
        case "boolean":
            return message.boolean
        case "number":
            return _number(message.number, f"{at}.number")
        case _:
            raise InvalidArgumentError(at, "REQUIRED", f"`{at}` has no value")


def _number(number: float, field: str) -> Value:
    if not math.isfinite(number) or abs(number) >= MAX_NUMBER:
        raise InvalidArgumentError(field, "OUT_OF_RANGE", f"`{field}` is not a number below 10^15")
    return int(number) if number.is_integer() else number


def _message(attribute: AttributeValue) -> pb.AttributeValue:
    match attribute.value:
        case bool() as boolean:
            return pb.AttributeValue(name=attribute.name, boolean=boolean)
        case str() as said:
            return pb.AttributeValue(name=attribute.name, text=said)
        case tuple() as several:
            return pb.AttributeValue(name=attribute.name, texts=pb.AttributeTexts(values=several))
        case number:
            return pb.AttributeValue(name=attribute.name, number=number)
