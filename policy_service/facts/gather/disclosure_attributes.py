"""One question of the disclosure gate: this unit of a field, about her, to him."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Final

from policy_service.facts.gather.call_attributes import in_order
from policy_service.facts.gather.cast import Individual, Who
from policy_service.facts.gather.contents import Unit
from policy_service.facts.gather.making import Makers
from policy_service.facts.gather.matters import Concerned, Matter, Matters
from policy_service.facts.gather.places import OWN_PLACE
from policy_service.facts.gather.protections import NAMED, Asked
from policy_service.facts.gather.reader_attributes import ReaderAsked
from policy_service.facts.gather.readers import Reader
from policy_service.facts.gather.situation import Situation
from policy_service.facts.gather.standing import Standing
from policy_service.model.vocabulary import PersonKind, Role


class DisclosureAsked:
    """One question. `pair`: the reader, towards the data subject."""

    def __init__(self, pair: ReaderAsked, matters: Matters, matter: Matter, concerned: Concerned) -> None:
        self.pair: Final = pair
        self.matter: Final = matter
        self.concerned: Final = concerned
        self.categories: Final = frozenset(matter.unit.categories)
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
    def individual(self) -> Individual:
        """The data subject, as far as she is known."""
        return self.s.cast.individual(self.who)

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
            categories=self.categories.union(self.matter.field.type.categories),
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
        return self.s.protections.represents(self.who, self.categories, self.reader.names)

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

    def shows_separate_identity(self) -> bool:
        """Another identity of hers, never to be linked, is on the record or is the reader."""
        others = self.s.ties.separate_identities(self.who)
        return not others.isdisjoint(self.s.record.people | {self.reader.who})

    def is_about_reader(self) -> bool:
        """The unit declares him."""
        reader = self.reader.who
        return any(each.who == reader and not each.implied for each in self.matter.concerned)

    def is_covered_by_order(self) -> bool:
        """An order that runs permits this unit, about her, to him."""
        names = self.reader.names.certain | self.reader.via
        return self.s.warrants.order_covers(self.who, self.categories, names)

    def overrides(self) -> tuple[str, ...]:
        """The kinds of override that permit it."""
        return in_order(
            self.s.warrants.overrides_for(
                self.who,
                self.categories,
                self.reader.names.certain,
                is_party=self.who in self.s.record.people,
            )
        )


def _less_own_place(categories: Iterable[str], *, own: bool) -> tuple[str, ...]:
    """The categories, less those of a place of the reader's own: that place alone, now, and nothing else."""
    return in_order(c for c in categories if not (own and c in OWN_PLACE))


def _families(categories: Iterable[str]) -> tuple[str, ...]:
    return in_order({c.partition(".")[0] for c in categories})


OF_DISCLOSURE: Final[Makers[DisclosureAsked]] = {
    "action.channel": lambda q: q.reader.channel,
    "resource.field": lambda q: q.matter.field.asked.name,
    "resource.part": lambda q: q.unit.part,
    "resource.categories": lambda q: in_order(q.categories),
    "resource.categories_not_his": lambda q: _less_own_place(q.categories, own=q.own),
    "resource.categories_not_his_on_file": lambda q: _less_own_place(q.categories, own=q.own_on_file),
    "resource.category_families": lambda q: _families(q.categories),
    "resource.families_not_his_on_file": lambda q: _families(
        _less_own_place(q.categories, own=q.own_on_file)
    ),
    "resource.undeclared": lambda q: q.unit.undeclared,
    "resource.envelope": lambda q: q.matter.field.envelope,
    "resource.implied": lambda q: q.concerned.implied,
    "resource.mask": lambda q: q.matter.field.type.mask,
    "resource.data_subject_private": lambda q: q.individual.kind is PersonKind.PRIVATE,
    "resource.data_subject_roles": lambda q: in_order(q.s.record.roles_of(q.who)),
    "resource.role_secret": lambda q: q.shows_role(),
    "resource.only_secret_roles": lambda q: q.has_only_secret_roles(),
    "resource.separate_identity_shown": lambda q: q.shows_separate_identity(),
    "resource.requests": lambda q: in_order(kind for kind in q.requests if not kind.endswith(NAMED)),
    "resource.requests_naming_recipient": lambda q: in_order(
        kind.removesuffix(NAMED) for kind in q.requests if kind.endswith(NAMED)
    ),
    "resource.protected": lambda q: q.standing.is_protected(q.who),
    "resource.subjects_protected": lambda q: q.matter.protected,
    "resource.protection_open_to_staff": lambda q: q.standing.open_to_staff(q.who),
    "resource.anyone_protected": lambda q: q.standing.anyone_protected(q.who),
    "resource.defaults_apply": lambda q: q.matter.protected or not (q.concerned.implied or q.reader.implied),
    "resource.about_reader": lambda q: q.is_about_reader(),
    "resource.possible_match": lambda q: q.s.ties.may_be_another(q.who),
    "resource.contact_holder_adverse": lambda q: q.matter.holder_adverse,
    "resource.minor": lambda q: q.s.moment.is_minor(q.individual.birth_date),
    "resource.own_place": lambda q: q.own,
    "context.recipient.excluded": lambda q: q.excluded,
    "context.recipient.authorised_representative": lambda q: q.authorised,
    "context.recipient.representative_adverse": lambda q: (
        q.pair.adverse and (q.authorised or q.pair.represents)
    ),
    "context.order.covers": lambda q: q.is_covered_by_order(),
    "context.override.kinds": lambda q: q.overrides(),
}
