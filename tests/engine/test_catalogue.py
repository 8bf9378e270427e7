"""The attribute catalogue: each entry says what it is, and its example is one."""

from __future__ import annotations

import pytest
import yaml

from policy_service.engine import CATALOGUE, Attribute, AttributeType, Catalogue
from policy_service.engine.evaluate import is_typed
from policy_service.model.vocabulary import Gate


@pytest.mark.parametrize("attribute", CATALOGUE, ids=lambda attribute: attribute.path)
def test_an_attribute_has_one_sentence_and_an_example_of_its_type(attribute: Attribute) -> None:
    assert attribute.sentence[0].isupper()
    assert attribute.sentence.endswith(".")
    assert "\n" not in attribute.sentence
    if attribute.type is AttributeType.STRING:
        assert attribute.can_hold(attribute.example)
        return
    example = yaml.safe_load(attribute.example)
    value = tuple(example) if isinstance(example, list) else example
    assert is_typed(value, attribute.type)
    if isinstance(value, tuple):
        assert all(attribute.can_hold(text) for text in value)


@pytest.mark.parametrize("attribute", CATALOGUE, ids=lambda attribute: attribute.path)
def test_an_attribute_is_of_some_gate_and_of_an_element_of_py_abac(attribute: Attribute) -> None:
    assert attribute.gates
    assert attribute.path.partition(".")[0] in ("subject", "resource", "action", "context")


def test_the_targets_of_py_abac_are_known_in_every_gate() -> None:
    for path in ("subject.kind", "resource.record_type", "action.verb"):
        assert CATALOGUE[path].gates == set(Gate)
        assert CATALOGUE[path].total


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("context.recipient.adverze", "context.recipient.adverse"),
        ("resource.category", "resource.categories"),
        ("context.voicemail_safe", "context.contact_point.voicemail_safe"),
        ("colour.of.the.sky", None),
    ],
)
def test_the_nearest_name(written: str, meant: str | None) -> None:
    assert CATALOGUE.nearest(written) == meant


def test_a_category_that_an_organisation_names_itself_can_be_held_and_a_misspelt_one_cannot() -> None:
    categories = CATALOGUE["resource.categories"]
    assert categories.can_hold("health.diagnosis")
    assert not categories.can_hold("health.")
    assert not categories.can_hold("location.curent")


def test_a_path_is_declared_once() -> None:
    attribute = Attribute("a.b", AttributeType.STRING, True, frozenset(Gate), "A sentence.", "x")
    with pytest.raises(ValueError, match=r"attribute `a\.b` is declared twice"):
        Catalogue([attribute, attribute])
