"""Names of record types, and what an organisation's own record types and artefact types must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError, UnavailableError
from policy_service.model.facts import (
    Capability,
    Controller,
    FieldType,
    PartType,
    PolicySet,
    RecordType,
)
from policy_service.model.vocabulary import CO_RECIPIENT, Role
from policy_service.service.policies import base_types
from policy_service.service.words import (
    checked_categories,
    checked_key,
    checked_reference,
    is_name,
    no_repeats,
    required,
)

BASE_PREFIX = "base."
MOST_FIELDS = 256
MOST_PARTS = 64
MASKS = frozenset({"last4", "initials", "year"})
"""Parts of a value that tell those who need no more which value it is."""
PARTY = "party"
"""What a declaration for one digest may name besides roles: `party:KEY`."""

_ABOUT_FIELD = frozenset({*Role, CO_RECIPIENT})
_ABOUT_PART = frozenset(Role)


def bases_of(view: FactsView) -> Mapping[str, RecordType]:
    """The base types of the policy set that is published."""
    policy_set = view.policy_set()
    if policy_set is None:
        raise UnavailableError("NO_POLICIES", "no policy set is published yet")
    return _bases(policy_set)


def attributes_of(view: FactsView, record_type: RecordType) -> frozenset[str]:
    """Names of the declared attributes that records of this type may have: those that it names, and those of
    the bases it extends.
    """
    bases, found, extends = bases_of(view), set(record_type.attributes), record_type.extends
    while (base := bases.get(extends)) is not None:
        found |= set(base.attributes)
        extends = base.extends
    return frozenset(found)


def check_known(view: FactsView, controller: Controller, names: Sequence[str], field: str) -> None:
    """Each is a record type of the organisation, or a base type. `UNKNOWN_RECORD_TYPE` for any other."""
    if not names:
        return
    view.prefetch(keys.policy_set(), *(keys.record_type(controller, name) for name in names))
    bases = bases_of(view)
    for i, name in enumerate(names):
        if name not in bases and view.record_type(controller, name) is None:
            place = f"{field}[{i}]"
            raise InvalidArgumentError(place, "UNKNOWN_RECORD_TYPE", f"`{place}` names no record type")


def check_fields(fields: Sequence[FieldType], field: str) -> None:
    """What the call alone shows: names, categories and roles, and that no field lacks either of them.

    A field without a category would be met by no deny, and one that is about nobody would protect nobody.
    """
    if len(fields) > MOST_FIELDS:
        raise InvalidArgumentError(field, "TOO_MANY", f"`{field}` has more than {MOST_FIELDS} entries")
    seen: set[str] = set()
    for i, one in enumerate(fields):
        place = f"{field}[{i}]"
        checked_key(one.name, f"{place}.name")
        if one.name in seen:
            raise InvalidArgumentError(f"{place}.name", "REPEATED", f"`{place}.name` stands there twice")
        seen.add(one.name)
        _check_content(one.categories, one.about, place, lambda role: role in _ABOUT_FIELD)
        check_parts(one.parts, f"{place}.parts")
        if one.premises and not any(category.startswith("location.") for category in one.categories):
            raise InvalidArgumentError(
                f"{place}.premises",
                "ONLY_FOR_LOCATIONS",
                f"`{place}.premises` needs a category of a location",
            )
        if one.mask and one.mask not in MASKS:
            raise InvalidArgumentError(
                f"{place}.mask", "UNKNOWN_WORD", f"`{place}.mask` is `last4`, `initials` or `year`"
            )


def check_parts(parts: Sequence[PartType], field: str, *, of_one_document: bool = False) -> None:
    """As `check_fields`, of a document's parts; in `of_one_document` a part may be about `party:KEY`."""
    if len(parts) > MOST_PARTS:
        raise InvalidArgumentError(field, "TOO_MANY", f"`{field}` has more than {MOST_PARTS} entries")

    def known(about: str) -> bool:
        kind, _, key = about.partition(":")
        return about in _ABOUT_PART or (of_one_document and kind == PARTY and is_name(key))

    seen: set[str] = set()
    for i, part in enumerate(parts):
        place = f"{field}[{i}]"
        checked_key(part.name, f"{place}.name")
        if part.name in seen:
            raise InvalidArgumentError(f"{place}.name", "REPEATED", f"`{place}.name` stands there twice")
        seen.add(part.name)
        _check_content(part.categories, part.about, place, known)


def _check_content(
    categories: Sequence[str], about: Sequence[str], place: str, known: Callable[[str], bool]
) -> None:
    required(categories, f"{place}.categories")
    required(about, f"{place}.about")
    checked_categories(categories, f"{place}.categories")
    for k, role in enumerate(about):
        if not known(role):
            raise InvalidArgumentError(
                f"{place}.about[{k}]", "UNKNOWN_ROLE", f"`{place}.about[{k}]` is not a role"
            )
    no_repeats(about, f"{place}.about")


def check_capabilities(capabilities: Sequence[Capability], field: str) -> None:
    """Each is an obligation that somebody could fail to carry out, said once, with its proof."""
    for i, one in enumerate(capabilities):
        place = f"{field}[{i}]"
        if one.obligation.is_supportive:
            raise InvalidArgumentError(
                f"{place}.obligation",
                "NOT_PROTECTIVE",
                f"`{place}.obligation` is owed by nobody's tools: it becomes a task",
            )
        checked_reference(one.evidence, f"{place}.evidence")
    kinds = [one.obligation for one in capabilities]
    for i, kind in enumerate(kinds):
        if kind in kinds[:i]:
            place = f"{field}[{i}].obligation"
            raise InvalidArgumentError(place, "REPEATED", f"`{place}` stands there twice")


def check_replaced(fields: Sequence[FieldType], base: RecordType, field: str) -> None:
    """A field that replaces one of its base says at least as much: every category, everybody whom it is
    about, and every part.

    With fewer of either, the base's standing protections would miss what the field shows.
    """
    of_base = {one.name: one for one in base.fields}
    for i, one in enumerate(fields):
        replaced = of_base.get(one.name)
        if replaced is None:
            continue
        place = f"{field}[{i}]"
        _check_says_as_much(one, replaced, place, base)
        _check_parts_replaced(one, replaced, place, base)
        if one.premises and not replaced.premises:
            raise InvalidArgumentError(
                f"{place}.premises",
                "WEAKENS_BASE",
                f"`{place}.premises` would hide that in `{base.name}` the field shows homes",
            )
        if replaced.mask and one.mask != replaced.mask:
            raise InvalidArgumentError(
                f"{place}.mask", "WEAKENS_BASE", f"`{place}.mask` is another one in `{base.name}`"
            )


def _check_parts_replaced(one: FieldType, replaced: FieldType, place: str, base: RecordType) -> None:
    mine = {part.name: (k, part) for k, part in enumerate(one.parts)}
    _refuse_lacking([part.name for part in replaced.parts], list(mine), f"{place}.parts", base)
    for theirs in replaced.parts:
        k, part = mine[theirs.name]
        _check_says_as_much(part, theirs, f"{place}.parts[{k}]", base)
        if part.separable and not theirs.separable:
            raise InvalidArgumentError(
                f"{place}.parts[{k}].separable",
                "WEAKENS_BASE",
                f"`{place}.parts[{k}]` cannot be taken out in `{base.name}`",
            )


def _check_says_as_much(
    mine: FieldType | PartType, theirs: FieldType | PartType, place: str, base: RecordType
) -> None:
    _refuse_lacking(theirs.categories, mine.categories, f"{place}.categories", base)
    _refuse_lacking(theirs.about, mine.about, f"{place}.about", base)


def _refuse_lacking(theirs: Sequence[str], mine: Sequence[str], place: str, base: RecordType) -> None:
    missing = sorted(set(theirs) - set(mine))
    if missing:
        # What a base type says is no secret: it ships with the product.
        lacking = ", ".join(f"`{each}`" for each in missing)
        raise InvalidArgumentError(
            place, "WEAKENS_BASE", f"`{place}` lacks {lacking}, which the field has in `{base.name}`"
        )


@lru_cache(4)
def _bases(policy_set: PolicySet) -> Mapping[str, RecordType]:
    return base_types(policy_set)
