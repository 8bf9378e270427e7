"""What people read says what the engine does: its document parses, and the table names every condition."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import policy_service.engine
from policy_service.engine import parse_document
from policy_service.engine.catalogue import AttributeType
from policy_service.engine.conditions import REFUSED, SHAPES, Kind
from policy_service.model.vocabulary import Gate, Tier

README = Path(policy_service.engine.__file__).with_name("README.md").read_text("utf-8")
FOR_OFFICERS = (Path(__file__).parents[2] / "policies" / "README.md").read_text("utf-8")
NAMES = {
    AttributeType.STRING: "a text",
    AttributeType.STRINGS: "a list",
    AttributeType.BOOLEAN: "true or false",
    AttributeType.NUMBER: "a number",
}


def rows(heading: str) -> list[tuple[set[str], str]]:
    """The conditions that each row of a table names, and its second column."""
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", FOR_OFFICERS, flags=re.MULTILINE)
    cells = [[cell.strip() for cell in line.strip("|").split(" |")] for line in table.splitlines()]
    return [(set(re.findall(r"`(\w+)`", row[0])), row[1]) for row in cells]


def test_the_document_of_the_readme_parses() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    document = parse_document(block, name="README.md")
    assert (document.gate, document.tier) == (Gate.DISCLOSURE, Tier.ABSOLUTE)


@pytest.mark.parametrize("type_", AttributeType)
def test_the_table_names_the_conditions_of_each_type(type_: AttributeType) -> None:
    named = {
        name
        for names, types in rows("condition")
        for name in names
        if NAMES[type_] in types.split(", ") or types.startswith("anything")
    }
    assert named == {kind for kind, shape in SHAPES.items() if type_ in shape.types}


def test_each_condition_stands_in_one_row_and_each_refused_one_has_its_words() -> None:
    named = [name for names, _ in rows("condition") for name in names]
    assert sorted(named) == sorted(Kind)
    assert {name for names, _ in rows("refused") for name in names} == set(REFUSED)
