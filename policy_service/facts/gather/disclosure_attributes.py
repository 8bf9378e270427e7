"""One question of the disclosure gate: this unit of a field, about her, to him."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from policy_service.facts.gather.call_attributes import in_order
from policy_service.facts.gather.cast import Who
from policy_service.facts.gather.contents import Unit
from policy_service.facts.gather.making import Makers
from policy_service.facts.gather.matters import Concerned, Matter, Matters
from policy_service.facts.gather.places import OWN_PLACE
from policy_service.facts.gather.protections import NAMED, Asked
from policy_service.facts.gather.reader_attributes import ReaderAsked
from policy_service.facts.gather.readers import Reader
from policy_service.facts.gather.situation import Situation
from policy_service.facts.gather.standing import Standing
from policy_service.model.attributes import Value
from policy_service.model.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Categories:
    """The categories of a unit, as attributes have them, and less those of a place of the reader's own: that
    place alone, now, and nothing else.
    """

    every: frozenset[str]
    in_order: tuple[str, ...]
    families: tuple[str, ...]
    shows_place: bool
    """A place that may be the reader's own is among them."""
    less_own_place: tuple[str, ...]
    families_less_own_place: tuple[str, ...]


@lru_cache(maxsize=4_096)
def categories_seen(categories: tuple[str, ...]) -> Categories:
    """A pure function of what a type declares: made once, and not for each question."""
    every = frozenset(categories)
    less = every - OWN_PLACE
    return Categories(
        every, in_order(every), _families(every), less != every, in_order(less), _families(less)
    )


def _families(categories: frozenset[str]) -> tuple[str, ...]:
    return in_order({category.partition(".")[0] for category in categories})


class DisclosureAsked:
    """One question. `pair`: the reader, towards the data subject."""

    def __init__(self, pair: ReaderAsked, matters: Matters, matter: Matter, concerned: Concerned) -> None:
        self.pair: Final = pair
        self.matter: Final = matter
        self.concerned: Final = concerned
        self.categories: Final = categories_seen(matter.unit.categories)
        self._matters: Final = matters

    @property
    def s(self) -> Situation:
        """Of the call."""
        return self.pair.s

    @property
    def standing(self) -> Standing:
        """Of the call."""
        return self.pair.standing

    @property
    def who(self) -> Who:
        """The data subject."""
        return self.concerned.who

    @property
    def reader(self) -> Reader:
        """To whom."""
        return self.pair.reader

    @property
    def unit(self) -> Unit:
        """What."""
        return self.matter.unit

    @cached_property
    def joint(self) -> bool:
        """The unit is the reader's own paper, too: it is about him, or about something that he holds together
        with those whom it is about.
        """
        record, reader = self.s.record, self.reader.who
        about = {each.who for each in self.matter.concerned if not each.implied}
        if reader in about:
            return True
        return (
            bool(record.fact)
            and Role.JOINT_CUSTOMER in record.roles_of(reader)
            and all(Role.JOINT_CUSTOMER in record.roles_of(who) for who in about)
        )

    @cached_property
    def requests(self) -> frozenset[str]:
        """The kinds of request about her that cover the question; see `Protections.covering`."""
        asked = Asked(
            # What a report is does not end with its being a report of known parts.
            categories=self.categories.every.union(self.matter.field.type.categories),
            undeclared=self.unit.undeclared,
            roles=self.s.record.roles_of(self.who),
            joint=self.joint,
            only_naming=self.reader.trusted,
        )
        return self.s.protections.covering(self.who, asked, self.reader.names)

    @cached_property
    def excluded(self) -> bool:
        """She excluded him."""
        return self.reader.who != self.who and self.s.protections.excludes(
            self.who, self.reader.names, joint=self.joint
        )

    @cached_property
    def against(self) -> bool:
        """Something is on record against him towards her."""
        return self.pair.adverse or self.pair.associate or self.excluded

    @cached_property
    def own_on_file(self) -> bool:
        """A place that the unit shows is his own, by what is on file."""
        return self._is_own(by_file_only=True)

    @cached_property
    def own(self) -> bool:
        """A place that the unit shows is his own; where something is against him only by what is on file."""
        return self.own_on_file or (not self.against and self._is_own(by_file_only=False))

    def _is_own(self, *, by_file_only: bool) -> bool:
        matter, unit, who = self.matter, self.unit, self.who
        shown = matter.places if self.concerned.implied else self._matters.shown(matter.field, unit, who)
        return self.s.places.own(
            who,
            self.reader.who,
            shown,
            premises=unit.premises,
            by_file_only=by_file_only,
            adverse=self.against,
        )

    @cached_property
    def authorised(self) -> bool:
        """She authorised him to have it."""
        return self.s.protections.represents(self.who, self.categories.every, self.reader.names)

    def shows_role(self) -> bool:
        """The unit may show a role of hers that is secret. That she lives where the field shows tells nothing
        of it, unless where the parents live is the secret (adoption).
        """
        shows = not self.concerned.implied or self.unit.undeclared or self.s.record.known_to_parents
        return shows and self.standing.shows_secretly(self.who)

    def has_only_secret_roles(self) -> bool:
        """The unit is about nothing but roles that are secret."""
        record = self.s.record
        return not record.known_to_parents and record.secret_roles.issuperset(
            self._matters.roles_of(self.unit.about)
        )

    def is_about_reader(self) -> bool:
        """The unit declares him."""
        reader = self.reader.who
        return any(each.who == reader and not each.implied for each in self.matter.concerned)

    def is_covered_by_order(self) -> bool:
        """An order that runs permits this unit, about her, to him."""
        names = self.reader.names.certain | self.reader.via
        return self.s.warrants.order_covers(self.who, self.categories.every, names)

    def overrides(self) -> tuple[str, ...]:
        """The kinds of override that permit it."""
        return in_order(
            self.s.warrants.overrides_for(
                self.who,
                self.categories.every,
                self.reader.names.certain,
                is_party=self.who in self.s.record.people,
            )
        )


OF_DISCLOSURE: Final[Makers[DisclosureAsked]] = {
    "resource.field": lambda q: q.matter.field.asked.name,
    "resource.part": lambda q: q.unit.part,
    "resource.categories": lambda q: q.categories.in_order,
    "resource.categories_not_his": lambda q: (
        q.categories.less_own_place if q.categories.shows_place and q.own else q.categories.in_order
    ),
    "resource.categories_not_his_on_file": lambda q: (
        q.categories.less_own_place if q.categories.shows_place and q.own_on_file else q.categories.in_order
    ),
    "resource.category_families": lambda q: q.categories.families,
    "resource.families_not_his_on_file": lambda q: (
        q.categories.families_less_own_place
        if q.categories.shows_place and q.own_on_file
        else q.categories.families
    ),
    "resource.undeclared": lambda q: q.unit.undeclared,
    "resource.envelope": lambda q: q.matter.field.envelope,
    "resource.implied": lambda q: q.concerned.implied,
    "resource.mask": lambda q: q.matter.field.type.mask,
    "resource.role_secret": lambda q: q.shows_role(),
    "resource.only_secret_roles": lambda q: q.has_only_secret_roles(),
    "resource.requests": lambda q: in_order(kind for kind in q.requests if not kind.endswith(NAMED)),
    "resource.requests_naming_recipient": lambda q: in_order(
        kind.removesuffix(NAMED) for kind in q.requests if kind.endswith(NAMED)
    ),
    "resource.subjects_protected": lambda q: q.matter.protected,
    "resource.defaults_apply": lambda q: q.matter.protected or not (q.concerned.implied or q.reader.implied),
    "resource.about_reader": lambda q: q.is_about_reader(),
    "resource.contact_holder_adverse": lambda q: q.matter.holder_adverse,
    "resource.own_place": lambda q: q.own,
    "context.recipient.excluded": lambda q: q.excluded,
    "context.recipient.authorised_representative": lambda q: q.authorised,
    "context.recipient.representative_adverse": lambda q: (
        q.pair.adverse and (q.authorised or q.pair.represents)
    ),
    "context.order.covers": lambda q: q.is_covered_by_order(),
    "context.override.kinds": lambda q: q.overrides(),
}

NOTHING_ON_FILE: Final[Mapping[str, Value]] = {
    "resource.requests": (),
    "resource.requests_naming_recipient": (),
    "context.recipient.excluded": False,
    "context.recipient.authorised_representative": False,
    "context.order.covers": False,
    "context.override.kinds": (),
}
"""What all questions about somebody come to about whom no request is in force, on a record without a warrant:
most people, most days.
"""
