"""What sets requests aside: overrides and orders of a court, as far as they name the question, while they
run.

A warrant covers a question only where it names *all* categories of the field, the data subject and the
reader: one that names less covers nothing of the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

from policy_service.facts.gather.cast import Who, person
from policy_service.facts.gather.clock import Moment
from policy_service.facts.view import FactsView
from policy_service.model.facts import Controller, CourtOrder, Override, PersonId
from policy_service.model.vocabulary import OverrideKind, UserKind


class Warrants:
    """The overrides and orders of one record, as of one view and one moment."""

    def __init__(
        self, view: FactsView, moment: Moment, controller: Controller, record: str, user: str, kind: UserKind
    ) -> None:
        self._user = f"user:{user}"
        self._overrides: tuple[Override, ...] = ()
        self.looked_at: set[str] = set()
        """Those that run, each `override:ID` or `order:ID`."""
        if kind is UserKind.STAFF:
            self._overrides = tuple(
                override
                for override in view.overrides(controller, record)
                if override.user == user and not moment.runs_out(override.ends_at)
            )
        self._orders: tuple[CourtOrder, ...] = tuple(
            order
            for order in view.orders(controller, record)
            if moment.begins(order.begins_at) and not moment.runs_out(order.ends_at)
        )
        self.looked_at.update(f"override:{override.override_id}" for override in self._overrides)
        self.looked_at.update(f"order:{order.order_id}" for order in self._orders)

    @property
    def none(self) -> bool:
        """Neither an override of this user's nor an order is on file for this record."""
        return not (self._overrides or self._orders)

    @property
    def overrides(self) -> frozenset[OverrideKind]:
        """The kinds of override that this user has on this record."""
        return frozenset(override.kind for override in self._overrides)

    def lifts_hours(self, recipient: Who, tokens: frozenset[str]) -> bool:
        """Tell whether an override is about the recipient, or names her to be told."""
        return any(
            _names(override.people, recipient) or not tokens.isdisjoint(override.recipients)
            for override in self._overrides
        )

    def overrides_for(
        self, about: Who, categories: Iterable[str], tokens: frozenset[str], *, is_party: bool
    ) -> frozenset[OverrideKind]:
        """The kinds of override that let the holder of `tokens` learn fields of `categories` about
        `about`.
        """
        wanted = frozenset(categories)
        return frozenset(
            override.kind
            for override in self._overrides
            if wanted.issubset(override.categories)
            and (_names(override.people, about) if override.people else is_party)
            and not tokens.isdisjoint((self._user, *override.recipients))
        )

    def order_covers(self, about: Who, categories: Iterable[str], tokens: frozenset[str]) -> bool:
        """Tell whether an order compels that the holder of `tokens` learns it. For the client of a
        representative whom an order names, `tokens` are the representative's, too.
        """
        wanted = frozenset(categories)
        return any(
            wanted.issubset(order.categories)
            and _names(order.people, about)
            and not tokens.isdisjoint(order.recipients)
            for order in self._orders
        )


def _names(people: tuple[PersonId, ...], about: Who) -> bool:
    return about in {person(named) for named in people}
