"""Names of record types, and what an organisation's own record types and artefact types must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError, UnavailableError
from policy_service.model.facts import Controller, FieldType, PolicySet, RecordType
from policy_service.model.vocabulary import CO_RECIPIENT, Role
from policy_service.service.policies import base_types
from policy_service.service.words import checked_categories, checked_name, no_repeats

BASE_PREFIX = "base."
MOST_FIELDS = 256

_ABOUT = frozenset({*Role, CO_RECIPIENT})


def bases_of(view: FactsView) -> Mapping[str, RecordType]:
    """The base types of the policy set that is published."""
    policy_set = view.policy_set()
    if policy_set is None:
        raise UnavailableError("NO_POLICIES", "no policy set is published yet")
    return _bases(policy_set)


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
        checked_name(one.name, f"{place}.name")
        if one.name in seen:
            raise InvalidArgumentError(f"{place}.name", "REPEATED", f"`{place}.name` stands there twice")
        seen.add(one.name)
        for part, values in (("categories", one.categories), ("about", one.about)):
            if not values:
                raise InvalidArgumentError(
                    f"{place}.{part}", "REQUIRED", f"`{place}.{part}` must not be empty"
                )
        checked_categories(one.categories, f"{place}.categories")
        for k, role in enumerate(one.about):
            if role not in _ABOUT:
                raise InvalidArgumentError(
                    f"{place}.about[{k}]", "UNKNOWN_ROLE", f"`{place}.about[{k}]` is not a role"
                )
        no_repeats(one.about, f"{place}.about")


def check_replaced(fields: Sequence[FieldType], base: RecordType, field: str) -> None:
    """A field that replaces one of its base says at least as much: every category, and everybody whom it is
    about.

    With fewer of either, the base's standing protections would miss what the field shows.
    """
    of_base = {one.name: one for one in base.fields}
    for i, one in enumerate(fields):
        replaced = of_base.get(one.name)
        if replaced is None:
            continue
        for part, mine, theirs in (
            ("categories", one.categories, replaced.categories),
            ("about", one.about, replaced.about),
        ):
            missing = sorted(set(theirs) - set(mine))
            if missing:
                place = f"{field}[{i}].{part}"
                # What a base type says is no secret: it ships with the product.
                lacking = ", ".join(f"`{each}`" for each in missing)
                raise InvalidArgumentError(
                    place,
                    "WEAKENS_BASE",
                    f"`{place}` lacks {lacking}, which the field has in `{base.name}`",
                )


@lru_cache(4)
def _bases(policy_set: PolicySet) -> Mapping[str, RecordType]:
    return base_types(policy_set)
