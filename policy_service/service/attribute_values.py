"""Whether values are those of attributes that the published policy set declares.

Each failure names the field and a stable reason, never a value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import assert_never

from policy_service.engine.catalogue import Attribute, AttributeType, Catalogue
from policy_service.engine.declared import Owner, names_of
from policy_service.engine.evaluate import is_typed
from policy_service.engine.operands import TYPE_WORDS
from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.attributes import AttributeValue
from policy_service.model.errors import InvalidArgumentError, UnavailableError
from policy_service.model.question import Description
from policy_service.model.spelling import perhaps
from policy_service.service.policies import catalogue_of
from policy_service.service.words import no_repeats, unknown_word

_LONGEST_NAME = 64
"""Whatever is longer is near to no name."""


def declared_of(view: FactsView, owner: Owner) -> Mapping[str, Attribute]:
    """The attributes of users, or of records, that the published set declares, by name."""
    view.prefetch(keys.policy_set())
    policy_set = view.policy_set()
    if policy_set is None:
        raise UnavailableError("NO_POLICIES", "no policy set is published yet")
    return names_of(catalogue_of(policy_set), owner)


def check_values(values: Sequence[AttributeValue], known: Mapping[str, Attribute], field: str) -> None:
    """Each is of a known attribute, of its type, and of its closed vocabulary where it has one."""
    for i, given in enumerate(values):
        attribute = known.get(given.name)
        if attribute is None:
            raise unknown_attribute(given.name, known, f"{field}[{i}].name")
        _check_value(given, attribute, f"{field}[{i}]")


def check_names(names: Sequence[str], known: Mapping[str, Attribute], field: str) -> None:
    """Each is the name of a known attribute, and none stands there twice."""
    for i, name in enumerate(names):
        if name not in known:
            raise unknown_attribute(name, known, f"{field}[{i}]")
    no_repeats(names, field)


def check_described(description: Description, catalogue: Catalogue) -> None:
    """What a call describes is declared. Of the call and the published set alone: it tells nothing of what is
    on file.
    """
    if description.user is not None and description.user.attributes:
        known = names_of(catalogue, Owner.USER)
        check_values(description.user.attributes, known, "description.user.attributes")
    if description.record is not None and description.record.attributes:
        known = names_of(catalogue, Owner.RECORD)
        check_values(description.record.attributes, known, "description.record.attributes")


def unknown_attribute(name: str, known: Collection[str], field: str) -> InvalidArgumentError:
    """The refusal of a name that is not declared, with the one that is likely meant."""
    near = perhaps(name, sorted(known)) if len(name) <= _LONGEST_NAME else ""
    other = "; `policy-service policies attributes` lists those that are"
    return InvalidArgumentError(
        field, "UNKNOWN_ATTRIBUTE", f"`{field}` is no attribute that is declared here{near or other}"
    )


def _check_value(given: AttributeValue, attribute: Attribute, field: str) -> None:
    if not is_typed(given.value, attribute.type):
        raise InvalidArgumentError(
            field, "WRONG_TYPE", f"`{field}` is not {TYPE_WORDS[attribute.type]}, as its declaration says"
        )
    match attribute.type:
        case AttributeType.STRING:
            _check_text(str(given.value), attribute, f"{field}.text")
        case AttributeType.STRINGS:
            for i, text in enumerate(given.value if isinstance(given.value, tuple) else ()):
                _check_text(text, attribute, f"{field}.texts.values[{i}]")
        case AttributeType.BOOLEAN | AttributeType.NUMBER:
            pass
        case _:
            assert_never(attribute.type)


def _check_text(text: str, attribute: Attribute, field: str) -> None:
    if not attribute.can_hold(text):
        raise unknown_word(field, text, attribute.values)
