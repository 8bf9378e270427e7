"""What a field holds: the field as a whole, or the parts that its type, or somebody for one digest, declared.

A field whose only categories are a report's body, free text or an attachment is *undeclared* until somebody
declares what is in it. Each unit is decided like a field of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policy_service.facts.view import FactsView
from policy_service.model.facts import ContentDeclaration, Controller, FieldType, PartType
from policy_service.model.question import CheckCall
from policy_service.model.vocabulary import UNDECLARED_CATEGORIES

PARTY = "party:"
"""Begins what a declared part is about, where that is one party and not a role."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is decided as one: a whole field (`part` is empty), or a part of it."""

    part: str
    categories: tuple[str, ...]
    about: tuple[str, ...]
    separable: bool = False
    premises: bool = False
    undeclared: bool = False
    of_digest: bool = False
    """Somebody declared it for this one document, so that it is in it."""


class Contents:
    """The units of the fields of one call, as of one view."""

    def __init__(self, view: FactsView, controller: Controller, call: CheckCall) -> None:
        declared = view.declarations(controller, call.artefact_digest.hex()) if call.artefact_digest else ()
        self._declared: Mapping[str, ContentDeclaration] = {
            declaration.field: declaration for declaration in declared if declaration.record == call.record
        }
        self._units: dict[int, tuple[Unit, ...]] = {}
        self.looked_at: set[str] = set()
        """Declarations that were used, each `declaration:ID`."""

    def units(self, field: FieldType) -> tuple[Unit, ...]:
        """At least one. The whole is left out where its parts say all that is in it."""
        known = self._units.get(id(field))  # a type lives as long as the call
        if known is None:
            known = self._units[id(field)] = self._units_of(field)
        return known

    def _units_of(self, field: FieldType) -> tuple[Unit, ...]:
        declaration = self._declared.get(field.name)
        if declaration is not None:
            self.looked_at.add(f"declaration:{declaration.declaration_id}")
        # What the type says is in every such document is in this one, whatever was declared besides.
        parts = [_part(part) for part in field.parts]
        parts += [_part(part, of_digest=True) for part in (declaration.parts if declaration else ())]
        of_whole = tuple(c for c in field.categories if c not in UNDECLARED_CATEGORIES)
        if not parts:
            undeclared = not of_whole
            return (_whole(field, field.categories, undeclared=undeclared),)
        whole = (_whole(field, of_whole, undeclared=False),) if of_whole else ()
        return (*whole, *parts)


def _whole(field: FieldType, categories: tuple[str, ...], *, undeclared: bool) -> Unit:
    return Unit("", categories, field.about, premises=field.premises, undeclared=undeclared)


def _part(part: PartType, *, of_digest: bool = False) -> Unit:
    return Unit(
        part.name,
        part.categories,
        part.about,
        separable=part.separable,
        undeclared=UNDECLARED_CATEGORIES.issuperset(part.categories),
        of_digest=of_digest,
    )
