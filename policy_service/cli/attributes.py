"""Values of declared attributes as they are typed (`NAME=VALUE`) and shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from policy_service.api.v1 import attribute_pb2, policy_pb2
from policy_service.api.v1.policy_pb2_grpc import PolicyServiceStub
from policy_service.cli.connect import Connection
from policy_service.cli.exits import Exit, Failure

OF_USERS: Final = "subject.attributes."
OF_RECORDS: Final = "resource.attributes."
OPTION_HELP: Final = (
    "A value of an attribute that the published policies declare; of a list, one member. Repeatable."
)

_TRUTHS: Final = {"true": True, "false": False}


def typed_values(
    connection: Connection, texts: Sequence[str], prefix: str, controller: str
) -> list[attribute_pb2.AttributeValue]:
    """Read each `NAME=VALUE` as its declaration's type says; the service is asked for those of `prefix`."""
    if not texts:
        return []
    question = policy_pb2.PolicyServiceListAttributesRequest()
    method = PolicyServiceStub(connection.channel).ListAttributes
    answer = connection.call(method, question, controller=controller)
    types = {each.path.removeprefix(prefix): each.type for each in answer.attributes if each.declared}
    given: dict[str, list[str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise _unreadable(text, "write NAME=VALUE, e.g. training=first_aid")
        given.setdefault(name, []).append(value)
    return [_typed(name, values, types.get(name, "string")) for name, values in given.items()]


def shown(values: Iterable[attribute_pb2.AttributeValue]) -> str:
    """Spell values in a line, as they are typed."""
    return "; ".join(f"{each.name}={_shown(each)}" for each in values)


def _typed(name: str, values: list[str], type_: str) -> attribute_pb2.AttributeValue:
    if type_ == "strings":
        # `NAME=` says that there are none.
        texts = attribute_pb2.AttributeTexts(values=[value for value in values if value])
        return attribute_pb2.AttributeValue(name=name, texts=texts)
    value, *others = values
    if others:
        raise _unreadable(f"{name}={others[0]}", "it has one value: say it once")
    if type_ == "boolean":
        if value not in _TRUTHS:
            raise _unreadable(f"{name}={value}", f"write {name}=true or {name}=false")
        return attribute_pb2.AttributeValue(name=name, boolean=_TRUTHS[value])
    if type_ == "number":
        try:
            return attribute_pb2.AttributeValue(name=name, number=float(value))
        except ValueError:
            raise _unreadable(f"{name}={value}", f"write a number, e.g. {name}=3") from None
    return attribute_pb2.AttributeValue(name=name, text=value)


def _shown(attribute: attribute_pb2.AttributeValue) -> str:
    match attribute.WhichOneof("value"):
        case "texts":
            return ", ".join(attribute.texts.values)
        case "boolean":
            return str(attribute.boolean).lower()
        case "number":
            return f"{attribute.number:.15g}"
        case _:
            return attribute.text


def _unreadable(text: str, do_next: str) -> Failure:
    return Failure(f"--attribute `{text}` cannot be read", do_next=do_next, code=Exit.USAGE)
