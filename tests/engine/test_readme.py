"""The engine's README says what the engine does: its document parses, and its table names every condition."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import policy_service.engine
from policy_service.engine import parse_document
from policy_service.engine.catalogue import AttributeType
from policy_service.engine.conditions import SHAPES, Kind
from policy_service.model.vocabulary import Gate, Tier

README = Path(policy_service.engine.__file__).with_name("README.md").read_text("utf-8")
ROWS = {
    AttributeType.STRING: "a text",
    AttributeType.STRINGS: "a list of texts",
    AttributeType.BOOLEAN: "true or false",
    AttributeType.NUMBER: "a number",
}


def test_the_document_of_the_readme_parses() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    document = parse_document(block, name="README.md")
    assert (document.gate, document.tier) == (Gate.DISCLOSURE, Tier.ABSOLUTE)


@pytest.mark.parametrize("type_", AttributeType)
def test_the_table_names_the_conditions_of_each_type(type_: AttributeType) -> None:
    (row,) = re.findall(rf"^\| {ROWS[type_]} \|(.*)\|$", README, flags=re.MULTILINE)
    named = {name for name in re.findall(r"`(\w+)`", row) if name in set(Kind)}
    (anything,) = re.findall(r"^\| anything \|(.*)\|$", README, flags=re.MULTILINE)
    everywhere = {name for name in re.findall(r"`(\w+)`", anything) if name in set(Kind)}
    assert named | everywhere == {kind for kind, shape in SHAPES.items() if type_ in shape.types}
