"""What the questions towards one reader about one data subject have in common: who he is, who she is, and
what he is to her.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

from policy_service.facts.gather.call_attributes import in_order
from policy_service.facts.gather.cast import Individual, Who
from policy_service.facts.gather.making import Makers
from policy_service.facts.gather.readers import Reader
from policy_service.facts.gather.situation import Situation
from policy_service.facts.gather.standing import Standing
from policy_service.facts.gather.ties import Tie
from policy_service.model.vocabulary import (
    EXEMPT_PURPOSES,
    OrganisationRole,
    PersonKind,
    Purpose,
    ReaderKind,
    RelationKind,
    Role,
)

CARE_PURPOSES = frozenset({Purpose.CARE, Purpose.EMERGENCY})


class ReaderAsked:
    """One reader, towards one data subject."""

    def __init__(self, situation: Situation, standing: Standing, reader: Reader, about: Who) -> None:
        self.s: Final = situation
        self.standing: Final = standing
        self.reader: Final = reader
        self.about: Final = about
        self.adverse: Final = situation.ties.is_adverse(reader.who, about)

    @cached_property
    def counter_alleged(self) -> bool:
        """He is adverse to her by nothing but what somebody adverse to him alleges."""
        return self.adverse and self.s.ties.is_counter_alleged(self.reader.who, self.about)

    @cached_property
    def associate(self) -> bool:
        """He is the partner of somebody adverse to her."""
        return self.s.ties.is_associate(self.reader.who, self.about)

    @cached_property
    def on_file(self) -> bool:
        """A team, or a person on file."""
        individual = self.reader.individual
        return self.reader.kind == "team" or (individual is not None and individual.on_file)

    @cached_property
    def ties(self) -> tuple[Tie, ...]:
        """From him to her."""
        return self.s.ties.between(self.reader.who, self.about)

    @cached_property
    def roles(self) -> frozenset[Role]:
        """His, on the record."""
        return self.s.record.roles_of(self.reader.who)

    @property
    def organisation_roles(self) -> frozenset[OrganisationRole]:
        """On file and described."""
        individual = self.reader.individual
        return frozenset() if individual is None else individual.organisation_roles

    @property
    def roles_on_file(self) -> frozenset[OrganisationRole]:
        """Of an organisation, those that nobody has to be believed for."""
        individual = self.reader.individual
        return frozenset() if individual is None else individual.roles_on_file

    def categories_of(self, role: OrganisationRole) -> tuple[str, ...]:
        """The categories that are declared for an organisation, in this role of its."""
        individual = self.reader.individual
        return (
            ()
            if individual is None or role not in self.organisation_roles
            else in_order(individual.categories)
        )

    @property
    def data_subject(self) -> Individual:
        """She, as far as she is known."""
        return self.s.cast.individual(self.about)

    def shows_separate_identity(self) -> bool:
        """Another identity of hers, never to be linked, is on the record or is the reader."""
        others = self.s.ties.separate_identities(self.about)
        return bool(others) and not others.isdisjoint(self.s.record.people | {self.reader.who})

    def is_described_near_protected(self) -> bool:
        """He is not on file, and she is protected."""
        kind = self.reader.kind
        return (
            not self.on_file
            and kind in ("private", "professional")
            and self.standing.is_protected(self.about)
        )

    def provides_care(self) -> bool:
        """An organisation on file that cares for her, for a purpose of care."""
        return self.s.purpose in CARE_PURPOSES and OrganisationRole.CARE_PROVIDER in self.roles_on_file

    def is_public_body(self) -> bool:
        """A public body on file; or the user who sends to one."""
        reader = self.reader
        recipient = self.s.recipients[reader.index]
        if reader.why is ReaderKind.USER and recipient is not None:
            reader = recipient.reader
        return reader.individual is not None and (
            OrganisationRole.PUBLIC_BODY in reader.individual.roles_on_file
        )

    def is_co_parent(self) -> bool:
        """The two have parental responsibility for one child of the record."""
        one, other = self.reader.who, self.about
        parties, ties = self.s.record.parties, self.s.ties
        children = [party.who for party in parties if party.role in (Role.CHILD, Role.SUBJECT)]
        return one != other and any(
            ties.has_responsibility(one, child) and ties.has_responsibility(other, child)
            for child in children
        )

    def may_know_secret_role(self) -> bool:
        """The team of the scheme; in adoption the parents on file; and, of those who open what is sent to
        somebody else, whoever lives with her under the same secret (brothers and sisters).
        """
        s, reader = self.s, self.reader
        if reader.in_protection_team:
            return True
        if s.record.known_to_parents and s.ties.is_parent_by_order(reader.who, self.about):
            return True
        secretly = reader.implied and self.standing.shows_secretly(reader.who)
        return secretly and s.ties.live_together(reader.who, self.about)

    def is_shut_out(self) -> bool:
        """Some party's allow list does not hold this team, or this user."""
        if self.reader.kind != "team" or self.reader.why is ReaderKind.USER:
            return False  # the user who sends is tested in the authority gate
        return self.standing.is_shut_out(self.reader)

    @cached_property
    def represents(self) -> bool:
        """He is her representative by a tie."""
        return any(tie.kind is RelationKind.REPRESENTS for tie in self.ties)


OF_READER: Final[Makers[ReaderAsked]] = {
    "action.channel": lambda q: q.reader.channel,
    "resource.data_subject_private": lambda q: q.data_subject.kind is PersonKind.PRIVATE,
    "resource.data_subject_roles": lambda q: in_order(q.s.record.roles_of(q.about)),
    "resource.separate_identity_shown": lambda q: q.shows_separate_identity(),
    "resource.protected": lambda q: q.standing.is_protected(q.about),
    "resource.protection_open_to_staff": lambda q: q.standing.open_to_staff(q.about),
    "resource.anyone_protected": lambda q: q.standing.anyone_protected(q.about),
    "resource.possible_match": lambda q: q.s.ties.may_be_another(q.about),
    "resource.minor": lambda q: q.s.moment.is_minor(q.data_subject.birth_date),
    "context.reader.kind": lambda q: q.reader.why,
    "context.reader.implied": lambda q: q.reader.implied,
    "context.reader.trusted": lambda q: q.reader.trusted,
    "context.reader.point_kind": lambda q: q.reader.point.kind,
    "context.recipient.kind": lambda q: q.reader.kind,
    "context.recipient.is_data_subject": lambda q: q.reader.who == q.about,
    "context.recipient.works_on_record": lambda q: q.reader.works_on_record,
    "context.recipient.works_for_certain": lambda q: q.reader.works_for_certain,
    "context.recipient.identified": lambda q: q.on_file,
    "context.recipient.described_near_protected": lambda q: q.is_described_near_protected(),
    "context.recipient.possible_match": lambda q: q.s.ties.may_be_another(q.reader.who),
    "context.recipient.roles": lambda q: in_order(q.reader.roles),
    "context.recipient.party_roles": lambda q: in_order(q.roles),
    "context.recipient.party_roles_on_file": lambda q: in_order(q.roles) if q.s.record.fact else (),
    "context.recipient.relations": lambda q: in_order({tie.kind for tie in q.ties}),
    "context.recipient.parental_responsibility": lambda q: q.s.ties.has_responsibility(q.reader.who, q.about),
    "context.recipient.co_parent": lambda q: q.is_co_parent(),
    "context.recipient.lives_with": lambda q: q.s.ties.live_together(q.reader.who, q.about),
    "context.recipient.organisation_roles": lambda q: in_order(q.organisation_roles),
    "context.recipient.organisation_roles_on_file": lambda q: in_order(q.roles_on_file),
    "context.recipient.contract_categories": lambda q: q.categories_of(OrganisationRole.CONTRACTOR),
    "context.recipient.public_body_categories": lambda q: q.categories_of(OrganisationRole.PUBLIC_BODY),
    "context.recipient.provides_care": lambda q: q.provides_care(),
    "context.recipient.exempt": lambda q: q.s.purpose in EXEMPT_PURPOSES and q.is_public_body(),
    "context.recipient.contact_role": lambda q: any(role.is_contact for role in q.roles),
    "context.recipient.protection_team": lambda q: q.may_know_secret_role(),
    "context.recipient.restricted_out": lambda q: q.is_shut_out(),
    # A counter-allegation denies less to her who is named, and everything where she is merely implied.
    "context.recipient.adverse": lambda q: q.adverse and not (q.counter_alleged and not q.reader.implied),
    "context.recipient.counter_alleged": lambda q: q.counter_alleged and not q.reader.implied,
    "context.recipient.associate": lambda q: q.associate,
}
