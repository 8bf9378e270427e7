"""How many look-ups a decision may ask for at once.

Invariant BY THE FACTS ALONE: that they are too many follows from the call and from what is on file, and never
from what happens to be in memory; so a replay comes to the same, and the answer can be the one for all such.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from policy_service.facts import keys
from policy_service.facts.keys import Key
from policy_service.facts.view import FactsView, TooManyFacts
from policy_service.model.facts import PersonId

MOST_LOOK_UPS: Final = 50_000
"""No household and no record leads to so many. With what each may find bounded (`reader.MOST_FACTS`), too,
nobody fills a worker's memory or time by what he puts on file.
"""
_OF_EACH: Final = len(keys.about_person(PersonId("anybody")))


def prefetch(view: FactsView, wanted: Sequence[Key]) -> None:
    """As `FactsView.prefetch`. Raises `TooManyFacts` for more than a decision may ask for at once."""
    if len(wanted) > MOST_LOOK_UPS and len(set(wanted)) > MOST_LOOK_UPS:
        raise TooManyFacts
    view.prefetch(*wanted)


def prefetch_about(view: FactsView, people: Collection[PersonId]) -> None:
    """As `FactsView.prefetch_about`, and as above; each of `people` is named once."""
    if len(people) * _OF_EACH > MOST_LOOK_UPS:
        raise TooManyFacts
    view.prefetch_about(people)
