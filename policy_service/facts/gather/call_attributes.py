"""What every question of a call says: the user, the record, and what is done with it.

Everything that the service itself computes is total: a bool is false and a tuple is empty where nothing is
known. What the policy set declares of users and records is not, and is given as it is on file or described.
Tuples are sorted, so that equal situations give equal attributes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Final

from policy_service.facts.gather.cast import Who
from policy_service.facts.gather.making import NOTHING_WIDER, Makers
from policy_service.facts.gather.protections import Names
from policy_service.facts.gather.situation import Situation
from policy_service.facts.gather.standing import Standing
from policy_service.facts.gather.user import suspected_names
from policy_service.model.attributes import Attributes
from policy_service.model.vocabulary import UserKind


class CallAsked:
    """One call, towards its record."""

    def __init__(self, situation: Situation, standing: Standing) -> None:
        self.s: Final = situation
        self.standing: Final = standing

    @cached_property
    def secret(self) -> frozenset[Who]:
        """Whether somebody holds a secret role nobody finds out by describing who the user may be to her."""
        return frozenset(who for who in self.s.record.people if self.standing.is_secret_party(who))

    @cached_property
    def others(self) -> tuple[Who, ...]:
        """The parties besides the user himself of whom he may know."""
        return tuple(sorted(self.s.record.people - self.secret - {self.s.user.who}))

    @cached_property
    def unknown(self) -> tuple[Who, ...]:
        """Those of whom he may not, towards whom only what is on file counts."""
        return tuple(sorted(self.secret - {self.s.user.who})) if self.s.user.linked_on_file else ()

    @cached_property
    def names(self) -> Names:
        """The names under which a request may name the user."""
        s, user = self.s, self.s.user
        return Names(user.who, user.tokens, suspected_names(s.view, user.who, s.ties.selves(user.who)))

    @property
    def task_owner(self) -> str:
        """Whose a task about this record is: the team's that works on it, or the user's where none does."""
        team = min(self.s.record.teams, default="")
        return f"team:{team}" if team else f"user:{self.s.user.reference}"

    def party_roles(self) -> tuple[str, ...]:
        """The lay roles that the user, whoever he may be, holds on the record."""
        s = self.s
        return in_order(
            role
            for one in s.ties.selves(s.user.who)
            if one not in self.secret or s.user.linked_on_file
            for role in s.record.roles_of(one)
            if role.is_lay
        )

    def is_adverse_to_party(self) -> bool:
        """By more than a counter-allegation."""
        s = self.s
        return any(s.ties.is_first_adverse(s.user.who, who) for who in self.others) or any(
            s.ties_on_file.is_first_adverse(s.user.who, who) for who in self.unknown
        )

    def is_associate_of_adverse(self) -> bool:
        """Towards any party."""
        s = self.s
        return any(s.ties.is_associate(s.user.who, who) for who in self.others) or any(
            s.ties_on_file.is_associate(s.user.who, who) for who in self.unknown
        )

    def is_excluded_by_party(self) -> bool:
        """By a request in force of any party."""
        return any(
            self.s.protections.excludes(who, self.names, at_work=True) for who in (*self.others, *self.secret)
        )

    def is_shut_out(self) -> bool:
        """By an allow list of any party."""
        return self.s.protections.shuts_out((*self.others, *sorted(self.secret)), self.names)


def in_order(values: Iterable[str]) -> tuple[str, ...]:
    """A set of texts as the value of an attribute."""
    return tuple(sorted(str(value) for value in values))


def declared(situation: Situation) -> Attributes:
    """What the policy set declares of users and records; missing where neither file nor call says it."""
    said = {f"subject.attributes.{name}": value for name, value in situation.user.attributes.items()}
    said |= {f"resource.attributes.{name}": value for name, value in situation.record.attributes.items()}
    return Attributes(said) if said else NOTHING_WIDER


OF_CALL: Final[Makers[CallAsked]] = {
    "subject.kind": lambda q: q.s.user.kind,
    "subject.identified": lambda _: True,
    "subject.linked": lambda q: q.s.user.linked,
    "subject.roles": lambda q: in_order(q.s.user.roles),
    "subject.teams": lambda q: in_order(q.s.user.teams),
    "subject.organisation": lambda q: q.s.user.organisation,
    "subject.works_on_record": lambda q: q.s.user.works_on_record,
    "subject.party_roles": lambda q: q.party_roles(),
    "subject.adverse_to_party": lambda q: q.is_adverse_to_party(),
    "subject.associate_of_adverse": lambda q: q.is_associate_of_adverse(),
    "subject.excluded_by_party": lambda q: q.is_excluded_by_party(),
    "subject.restricted_out": lambda q: q.is_shut_out(),
    "subject.toward_self": lambda q: q.s.user.kind is UserKind.SELF and q.s.user.who in q.s.record.people,
    "subject.assurance": lambda q: q.s.call.assurance,
    "subject.below_assurance": lambda q: q.s.call.assurance < q.s.record.assurance,
    "subject.override_kinds": lambda q: in_order(q.s.warrants.overrides),
    "resource.task_owner": lambda q: q.task_owner,
    "resource.record_type": lambda q: q.s.record.record_types[0],
    "resource.record_types": lambda q: q.s.record.record_types,
    "resource.party_protected": lambda q: q.standing.party_protected(),
    "action.verb": lambda q: q.s.call.verb,
    "action.purpose": lambda q: q.s.purpose,
    "action.channel": lambda q: q.s.call.channel or "",
    "action.artefact_type": lambda q: q.s.call.artefact_type,
}
