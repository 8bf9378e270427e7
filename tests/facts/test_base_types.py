"""Base types: a file that is none is refused with the line and the words of everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_service.facts.gather.base_type_faults import MOST_FAULTS
from policy_service.facts.gather.base_types import BaseTypeError, parse_base_type

SHIPPED = sorted((Path(__file__).parents[2] / "policies" / "base_types").glob("*.yaml"))
BASE = """\
name: base.visit
fields:
  - {name: address, categories: [location.current], about: [subject]}
  - name: notes
    categories: [notes.free_text]
    about: [subject, carer]
"""


def faults(text: str) -> list[tuple[int, str]]:
    with pytest.raises(BaseTypeError) as caught:
        parse_base_type(text, name="base_types/it.yaml")
    first = caught.value.faults[0]
    assert str(caught.value) == f"base_types/it.yaml:{first.line}: {first.text}"
    return [(fault.line, fault.text) for fault in caught.value.faults]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_the_shipped_ones_are_right(file: Path) -> None:
    assert parse_base_type(file.read_text("utf-8"), name=file.name).fields


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("base.visit", "visit", 1, "name: a base type is named `base.` and lower-case letters"),
        ("location.current", "location.curent", 3, "perhaps `location.current` is meant"),
        ("about: [subject]", "about: [subjct]", 3, "`subjct` is not a role on a record, perhaps `subject`"),
        ("notes.free_text", "health.", 5, "`health.` is not a field category"),
        ("[notes.free_text]", "[]", 5, "fields[1].categories: the list is empty"),
        ("[notes.free_text]", "notes.free_text", 5, "fields[1].categories: write a list"),
        ("[notes.free_text]", "[7]", 5, "fields[1].categories[0]: write a text"),
        ("    about: [subject, carer]\n", "", 4, "fields[1].about: this key is missing"),
        ("    about:", "    abuot:", 6, "fields[1].abuot: no such key"),
        ("name: notes", "name: address", 2, "the field `address` stands there twice"),
        ("fields:", "feilds:", 2, "feilds: no such key"),
        ("base.visit", "[base", 2, "not readable as YAML"),
        ("base.visit", "\x07", 1, "a character that YAML does not allow"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, line: int, text: str) -> None:
    assert old in BASE
    found = faults(BASE.replace(old, new, 1))
    assert any(at == line and text in said for at, said in found), found


def test_everything_is_told_in_the_order_of_lines() -> None:
    text = BASE.replace("base.visit", "visit").replace("location.current", "x").replace("carer", "y")
    assert [line for line, _ in faults(text)] == [1, 3, 6]


@pytest.mark.parametrize("text", ["", "- a", "just a text"])
def test_what_is_no_mapping(text: str) -> None:
    ((line, _),) = faults(text)
    assert line == 1


def test_it_is_bounded() -> None:
    fields = "".join(f"  - {{name: f{i}, categories: [x], about: [y]}}\n" for i in range(200))
    found = faults(f"name: base.x\nfields:\n{fields}")
    assert len(found) == MOST_FAULTS
    assert found[-1][1].startswith("there is more")
