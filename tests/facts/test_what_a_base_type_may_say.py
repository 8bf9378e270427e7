"""Base types: what a file may say arrives, and what ships says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_service.facts.gather.base_types import BaseTypeError, parse_base_type
from policy_service.model.facts import INSTALLATION, FieldType, PartType
from policy_service.model.vocabulary import Role

SHIPPED = sorted((Path(__file__).parents[2] / "policies" / "base_types").glob("*.yaml"))

WHOLE = """
name: base.file
secret_roles: [child]
known_to_parents: true
people_on_file: true
assurance: 2
fields:
  - name: report
    categories: [report.body, health.report]
    about: [subject]
    parts:
      - {name: address, categories: [location.current], about: [subject, child], separable: true}
      - {name: opinion, categories: [health.report], about: [subject]}
  - {name: premises, categories: [location.current], about: [joint_customer], premises: true}
  - {name: account, categories: [finance], about: [joint_customer], mask: last4}
"""


@pytest.mark.parametrize("file", SHIPPED, ids=lambda path: path.stem)
def test_what_ships_is_readable_under_its_own_name(file: Path) -> None:
    base = parse_base_type(file.read_text(), name=file.name)
    assert base.name == file.stem
    assert base.controller == INSTALLATION
    assert base.extends == ""
    for field in base.fields:
        assert field.categories
        assert field.about
        for part in field.parts:
            assert part.categories
            assert part.about


def test_the_bases_that_organisations_extend_ship() -> None:
    assert [path.stem for path in SHIPPED] == ["base.bundle", "base.case", "base.letter", "base.tenancy"]


def test_everything_that_a_file_may_say_arrives() -> None:
    base = parse_base_type(WHOLE, name="base.file.yaml")

    assert base.secret_roles == (Role.CHILD,)
    assert base.known_to_parents
    assert base.people_on_file
    assert base.assurance == 2
    assert base.fields == (
        FieldType(
            "report",
            ("report.body", "health.report"),
            ("subject",),
            parts=(
                PartType("address", ("location.current",), ("subject", "child"), separable=True),
                PartType("opinion", ("health.report",), ("subject",)),
            ),
        ),
        FieldType("premises", ("location.current",), ("joint_customer",), premises=True),
        FieldType("account", ("finance",), ("joint_customer",), mask="last4"),
    )


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ("[finance], about", "[], about", "fields.2.categories"),
        (
            "[location.current], about: [subject, child]",
            "[], about: [subject]",
            "fields.0.parts.0.categories",
        ),
        ("about: [subject, child]", "about: []", "fields.0.parts.0.about"),
        ("[location.current], about: [j", "[location.nowhere], about: [j", "fields.1.categories"),
        ("about: [subject, child]", "about: [subject, chld]", "fields.0.parts.0.about"),
        ("premises: true", "premises: 1", "fields.1.premises"),
        ("[location.current], about: [j", "[finance], about: [j", "fields.1"),
        ("mask: last4", "mask: all", "fields.2.mask"),
        ("separable: true", "seperable: true", "fields.0.parts.0.seperable"),
        ("name: opinion", "name: address", "fields.0.parts"),
        ("name: account", "name: report", "fields"),
        ("[child]\nknown", "[chld]\nknown", "secret_roles"),
        ("assurance: 2", "assurance: 4", "assurance"),
        ("name: base.file", "name: file", "name"),
    ],
)
def test_a_fault_is_named_with_file_and_place(right: str, wrong: str, place: str) -> None:
    assert right in WHOLE
    with pytest.raises(BaseTypeError) as error:
        parse_base_type(WHOLE.replace(right, wrong, 1), name="base.file.yaml")
    said = str(error.value).replace("[", ".").replace("]", "")
    assert said.startswith("base.file.yaml:")
    assert place in said
