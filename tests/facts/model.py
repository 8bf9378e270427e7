"""A naive model of the store: after each revision a dict of what is on file, and facts of every kind that
find, and get into, one another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from typing import Any

from hypothesis import strategies as st

from policy_service.facts.keys import Key, keys_of
from policy_service.facts.mapping import fact_id
from policy_service.model.facts import (
    ArtefactType,
    ContactPoint,
    ContentDeclaration,
    Fact,
    PersonIdentifier,
    PolicySet,
    PrivacyRequest,
    Record,
    RecordType,
    RetentionRule,
    System,
    User,
)
from tests.facts.world import ADAM, CHILD, ONE_OF_EACH, VERA

ONE_HOLDER: dict[type[Fact], tuple[str, ...]] = {
    PersonIdentifier: ("fingerprint",),
    ContactPoint: ("controller", "person_id", "reference"),
    Record: ("controller", "reference"),
    RecordType: ("controller", "name"),
    ArtefactType: ("controller", "name"),
    ContentDeclaration: ("controller", "digest", "record", "field"),
    User: ("controller", "reference"),
    System: ("controller", "name"),
    PolicySet: (),
    RetentionRule: ("controller", "kind"),
}
"""What one fact of a kind has at a time; an empty reference is nobody's."""

_MAY_BE_EMPTY = {
    (ContactPoint, "uprn"),
    (ContactPoint, "reference"),
    (User, "person_id"),
}
_PEOPLE = (VERA, ADAM, CHILD)


def _variant(fact: Fact, which: int, choices: tuple[int, ...], covers: tuple[Any, ...]) -> Fact:
    """Another fact of the kind, or another version of it, most of whose texts are as before."""
    id_field, *others = fields(fact)
    chosen: dict[str, Any] = {id_field.name: f"{getattr(fact, id_field.name)}/{which}"} if which else {}
    for field, choice in zip(others, choices, strict=False):
        value = getattr(fact, field.name)
        if field.name == "controller" or type(value) is not str:
            continue
        if choice == 2 and (type(fact), field.name) in _MAY_BE_EMPTY:
            chosen[field.name] = ""
        elif value in _PEOPLE:
            chosen[field.name] = _PEOPLE[(_PEOPLE.index(value) + choice) % 3]
        elif choice:
            chosen[field.name] = f"{value}-other"
    if isinstance(fact, PrivacyRequest):
        chosen["covers"] = covers
    return replace(fact, **chosen)


FACTS: st.SearchStrategy[Fact] = st.builds(
    _variant,
    st.sampled_from(ONE_OF_EACH),
    st.integers(0, 1),
    st.tuples(*[st.sampled_from([0, 0, 0, 1, 2])] * 9),
    st.lists(st.sampled_from(_PEOPLE), unique=True, max_size=2).map(tuple),
)


def _id(fact: Fact) -> tuple[type[Fact], str]:
    return type(fact), fact_id(fact)


CHANGES = st.tuples(
    st.lists(FACTS, max_size=5, unique_by=_id),
    st.lists(FACTS, max_size=3, unique_by=_id),
)
"""Facts to put on file and facts to remove, the latter by their ids alone."""


class Model:
    """What is on file after each revision, the first of which is nothing."""

    def __init__(self) -> None:
        self.revisions: list[dict[tuple[type[Fact], str], Fact]] = [{}]

    def write(self, facts: Collection[Fact], removed: Collection[Fact]) -> bool:
        """Tell whether it can be written, and write it if so."""
        new, gone = {_id(fact): fact for fact in facts}, {_id(fact) for fact in removed}
        if new.keys() & gone:
            return False
        after = {known: fact for known, fact in self.revisions[-1].items() if known not in gone} | new
        held = [
            (type(fact), *values)
            for fact in after.values()
            if type(fact) in ONE_HOLDER
            and all(values := tuple(getattr(fact, name) for name in ONE_HOLDER[type(fact)]))
        ]
        if len(set(held)) < len(held):
            return False
        self.revisions.append(after)
        return True

    def found(self, wanted: Iterable[Key], revision: int) -> dict[Key, tuple[Fact, ...]]:
        """What each key finds after so many revisions, in the order of the ids."""
        on_file = sorted(self.revisions[revision].values(), key=fact_id)
        found: dict[Key, list[Fact]] = {key: [] for key in wanted}
        for fact in on_file:
            for key in keys_of(fact):
                if key in found:
                    found[key].append(fact)
        return {key: tuple(facts) for key, facts in found.items()}
