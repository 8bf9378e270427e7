"""The attributes of each question, gate by gate, as the engine's catalogue names them.

Everything that the service itself computes is total: a bool is false and a tuple is empty where nothing is
known. Only `context.contact_point.verified_days` may be missing (nobody ever verified the point). Tuples are
sorted, so that equal situations give equal attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from policy_service.facts.gather.cast import NotTold, Who
from policy_service.facts.gather.protections import NAMED
from policy_service.facts.gather.situation import RecipientSeen, Situation, is_undeclared
from policy_service.model.facts import FieldType
from policy_service.model.question import FieldAsked
from policy_service.model.vocabulary import (
    CO_RECIPIENT,
    PersonKind,
    RelationKind,
    RequestKind,
    Role,
    UserKind,
)

Value = str | bool | int | float | tuple[str, ...]
Attributes = Mapping[str, Value]

PLACES = frozenset({"location.current", "contact.post", "household"})
"""Fields of these are about everyone who lives there."""


MAX_DISCLOSURES = 16_384
"""Questions of the disclosure gate that one call may need: at most 4,096 asked, each about four people."""

OWN_PLACE = frozenset({"location.current", "contact.post"})
"""What of a field is only the place, and so the recipient's own where the place is."""


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """A field instance of the record, or of the artefact's envelope; `type` is None for a field that nobody
    declared.
    """

    asked: FieldAsked
    type: FieldType
    envelope: bool


@dataclass(frozen=True, slots=True)
class Concerned:
    """A data subject of a field instance towards one recipient."""

    who: Who
    implied: bool


class Questions:
    """Makes the attributes of one call's questions. Pure: as of the situation's view and moment."""

    def __init__(self, situation: Situation) -> None:
        self._s = situation
        self._protected: dict[Who, bool] = {}
        self._near_protected: dict[Who, bool] = {}
        self._may_be_told: dict[Who, bool] = {}
        self._shut_out: dict[int, bool] = {}
        self._asked = 0
        self._base = self._common()

    def fields(self) -> tuple[FieldSeen | None, ...]:
        """The fields asked, in their order, then the envelope's. None: a field that nobody declared."""
        known = self._s.record.fields
        asked = tuple(
            None if (field := known.get(f.name)) is None else FieldSeen(f, field, envelope=False)
            for f in self._s.call.fields
        )
        envelope = () if self._s.artefact is None else self._s.artefact.envelope
        return asked + tuple(FieldSeen(FieldAsked(field.name), field, envelope=True) for field in envelope)

    def authority(self) -> Attributes:
        """The authority gate's one question."""
        return {**self._base, "resource.party_protected": self._party_protected()}

    def concerned(self, field: FieldSeen, recipient: RecipientSeen) -> tuple[Concerned, ...] | None:
        """Those whom the field instance is about, declared ones first. None: nobody holds its roles.

        An empty tuple is a field about co-recipients in a send that has none: there is nothing to hide.
        """
        declared = self._declared(field.type, field.asked.party, recipient)
        if declared is None:
            return None
        implied: set[Who] = set()
        if not PLACES.isdisjoint(field.type.categories):
            for who in declared:
                implied |= self._s.ties.residents(who)
        everyone = [Concerned(who, implied=False) for who in declared]
        everyone += [Concerned(who, implied=True) for who in sorted(implied.difference(declared))]
        return tuple(everyone)

    def count(self, more: int) -> None:
        """Count questions of the disclosure gate. Raises `NotTold` above `MAX_DISCLOSURES`."""
        self._asked += more
        if self._asked > MAX_DISCLOSURES:
            raise NotTold("too_many_questions")

    def disclosure(self, field: FieldSeen, concerned: Concerned, recipient: RecipientSeen) -> Attributes:
        """One question of the disclosure gate: this field, about her, to him."""
        s, who = self._s, concerned.who
        categories = field.type.categories
        undeclared = is_undeclared(categories)
        roles = s.record.roles_of(who)
        individual = s.cast.individual(who)
        requests = s.protections.covering(
            who,
            categories=frozenset(categories),
            undeclared=undeclared,
            roles=roles,
            recipient=recipient.who,
            tokens=recipient.tokens,
        )
        own_place = self._own_place(who, recipient.who, requests)
        return {
            **self._base,
            **self._recipient(recipient, who),
            "resource.party_protected": self._party_protected(),
            "resource.field": field.asked.name,
            "resource.categories": tuple(sorted(categories)),
            "resource.categories_needing_basis": _needing_basis(categories, own_place),
            "resource.category_families": _sorted({c.partition(".")[0] for c in categories}),
            "resource.undeclared": undeclared,
            "resource.envelope": field.envelope,
            "resource.implied": concerned.implied,
            "resource.data_subject_private": individual.kind is PersonKind.PRIVATE,
            "resource.data_subject_roles": _sorted(roles),
            "resource.role_secret": not roles.isdisjoint(s.record.secret_roles),
            "resource.requests": _sorted(kind for kind in requests if not kind.endswith(NAMED)),
            "resource.requests_naming_recipient": _sorted(
                kind.removesuffix(NAMED) for kind in requests if kind.endswith(NAMED)
            ),
            "resource.protected": self._is_protected(who),
            "resource.protection_open_to_staff": self._open_to_staff(who),
            "resource.anyone_protected": self._anyone_protected(who),
            "resource.minor": s.moment.is_minor(individual.birth_date),
            "resource.own_place": own_place,
        }

    def delivery(self, recipient: RecipientSeen) -> Attributes:
        """The delivery gate's question for one recipient."""
        point, s = recipient.point, self._s
        shared_with_adverse = any(
            s.ties.is_adverse(other, party)
            for other in point.others
            for party in self._people_at_risk(recipient)
        )
        attributes: dict[str, Value] = {
            **self._base,
            **self._recipient(recipient, recipient.who),
            "action.channel": recipient.channel,
            "resource.party_protected": self._party_protected(),
            "context.contact_point.given": point.given,
            "context.contact_point.kind": point.kind,
            "context.contact_point.belongs": point.belongs,
            "context.contact_point.shared": point.shared,
            "context.contact_point.shared_with_adverse": shared_with_adverse,
            "context.contact_point.voicemail_safe": point.voicemail_safe,
        }
        if point.verified_at is not None:
            attributes["context.contact_point.verified_days"] = (s.moment.now - point.verified_at).days
        return attributes

    def may_be_told(self, about: Who) -> bool:
        """Tell whether staff who work on the record may know of every protection that a deny about her can
        rest on.
        """
        if about not in self._may_be_told:
            concerned = {about, *self._s.record.people}
            self._may_be_told[about] = all(
                self._open_to_staff(who) for who in concerned if self._is_protected(who)
            )
        return self._may_be_told[about]

    def answer(self, *, rows_differ: bool, permits: bool, valid_until: str) -> Attributes:
        """What obligations on the whole answer look at. `valid_until` is RFC 3339 in UTC, or empty."""
        return {
            **self._base,
            "resource.party_protected": self._party_protected(),
            "context.answer.rows_differ": rows_differ,
            "context.answer.permits": permits,
            "context.answer.recipients": len(self._s.recipients),
            "context.answer.protected": any(self._is_protected(who) for who in self._s.record.people),
            "context.answer.valid_until": valid_until,
        }

    def alerts(self) -> tuple[str, ...]:
        """What control makes an alert of: a member of staff who reaches for his own record, or for somebody
        he endangers.
        """
        if self._s.user.kind is not UserKind.STAFF:
            return ()
        named = {
            "own_case_attempt": bool(self._base["subject.party_roles"]),
            "adverse_attempt": self._base["subject.adverse_to_party"] is True,
            "associate_attempt": self._base["subject.associate_of_adverse"] is True,
            "excluded_attempt": self._base["subject.excluded_by_party"] is True,
        }
        return tuple(name for name, happened in named.items() if happened)

    def facts(self) -> tuple[str, ...]:
        """The facts that the decision looked at, each `kind:id`."""
        s = self._s
        fixed = {s.record.fact} if s.record.fact else set()
        people = {who for who in s.record.people if who.startswith("person:")}
        return _sorted(fixed | people | s.ties.looked_at | s.protections.looked_at)

    def _common(self) -> dict[str, Value]:
        s = self._s
        user, record, ties = s.user, s.record, s.ties
        others = [who for who in sorted(record.people) if who != user.who]
        return {
            "subject.kind": user.kind,
            "subject.identified": True,
            "subject.linked": user.linked,
            "subject.roles": _sorted(user.roles),
            "subject.teams": _sorted(user.teams),
            "subject.organisation": user.organisation,
            "subject.works_on_record": user.works_on_record,
            "subject.party_roles": _sorted(role for role in record.roles_of(user.who) if role.is_lay),
            "subject.adverse_to_party": any(ties.is_adverse(user.who, who) for who in others),
            "subject.associate_of_adverse": any(ties.is_associate(user.who, who) for who in others),
            "subject.excluded_by_party": any(s.protections.excludes(who, user.tokens) for who in others),
            "subject.restricted_out": s.protections.shuts_out(
                (who for who in sorted(record.people) if who != user.who), user.tokens
            ),
            "subject.toward_self": user.kind is UserKind.SELF and user.who in record.people,
            "resource.record_type": record.record_types[0],
            "resource.record_types": record.record_types,
            "action.verb": s.call.verb,
            "action.purpose": s.purpose,
            "action.channel": s.call.channel or "",
            "action.artefact_type": s.call.artefact_type,
        }

    def _recipient(self, recipient: RecipientSeen, about: Who) -> dict[str, Value]:
        s, individual = self._s, recipient.individual
        ties = s.ties.between(recipient.who, about)
        on_file = recipient.kind == "team" or (individual is not None and individual.on_file)
        organisation_roles = frozenset() if individual is None else individual.organisation_roles
        categories = () if individual is None else _sorted(individual.categories)
        return {
            "context.recipient.kind": recipient.kind,
            "context.recipient.is_data_subject": recipient.who == about,
            "context.recipient.works_on_record": recipient.works_on_record,
            "context.recipient.identified": on_file,
            "context.recipient.described_near_protected": not on_file
            and recipient.kind == "private"
            and self._is_protected(about),
            "context.recipient.roles": _sorted(recipient.roles),
            "context.recipient.party_roles": _sorted(s.record.roles_of(recipient.who)),
            "context.recipient.relations": _sorted({tie.kind for tie in ties}),
            "context.recipient.parental_responsibility": s.ties.has_responsibility(recipient.who, about),
            "context.recipient.co_parent": self._co_parents(recipient.who, about),
            "context.recipient.lives_with": s.ties.live_together(recipient.who, about),
            "context.recipient.organisation_roles": _sorted(organisation_roles),
            "context.recipient.contract_categories": categories if "contractor" in organisation_roles else (),
            "context.recipient.public_body_categories": categories
            if "public_body" in organisation_roles
            else (),
            "context.recipient.protection_team": recipient.in_protection_team,
            "context.recipient.restricted_out": self._is_shut_out(recipient),
            "context.recipient.adverse": s.ties.is_adverse(recipient.who, about),
            "context.recipient.associate": s.ties.is_associate(recipient.who, about),
            "context.recipient.excluded": recipient.who != about
            and s.protections.excludes(about, recipient.tokens),
        }

    def _declared(self, field: FieldType, party: str, recipient: RecipientSeen) -> tuple[Who, ...] | None:
        s = self._s
        if CO_RECIPIENT in field.about:
            if party:
                return None
            others = (r for r in s.recipients if r is not None and r.index != recipient.index)
            return tuple(
                dict.fromkeys(r.who for r in others if r.kind == "private" and r.who != recipient.who)
            )
        holders = dict.fromkeys(
            p.who for p in s.record.parties if p.role in field.about and party in ("", p.party)
        )
        if not holders:
            return None
        return tuple(holders)

    def _people_at_risk(self, recipient: RecipientSeen) -> Iterator[Who]:
        yield recipient.who
        yield from self._s.record.people

    def _is_protected(self, who: Who) -> bool:
        """A request in force, a role that law or scheme keeps secret on this record, or somebody adverse to
        her.
        """
        if who not in self._protected:
            s = self._s
            self._protected[who] = (
                bool(s.protections.in_force(who))
                or bool(s.ties.adversaries(who))
                or not s.record.roles_of(who).isdisjoint(s.record.secret_roles)
                or any(s.protections.in_force(protector) for protector in s.ties.protectors(who))
            )
        return self._protected[who]

    def _open_to_staff(self, who: Who) -> bool:
        s = self._s
        secret_role = not s.record.roles_of(who).isdisjoint(s.record.secret_roles)
        in_team = bool(s.record.protection_team) and s.record.protection_team in s.user.teams
        return s.protections.may_be_told_to_staff(who) and (in_team or not secret_role)

    def _party_protected(self) -> bool:
        return any(self._is_protected(who) for who in self._s.record.people)

    def _anyone_protected(self, who: Who) -> bool:
        if who not in self._near_protected:
            s = self._s
            near = {who, *s.record.people, *s.ties.parents(who), *s.ties.residents(who)}
            self._near_protected[who] = any(self._is_protected(one) for one in near)
        return self._near_protected[who]

    def _is_shut_out(self, recipient: RecipientSeen) -> bool:
        """Tell whether some party's allow list does not hold this team, or this user."""
        if recipient.kind != "team":
            return False
        if recipient.index not in self._shut_out:
            parties = sorted(self._s.record.people - {recipient.who})
            self._shut_out[recipient.index] = self._s.protections.shuts_out(parties, recipient.tokens)
        return self._shut_out[recipient.index]

    def _co_parents(self, one: Who, other: Who) -> bool:
        children = [party.who for party in self._s.record.parties if party.role in (Role.CHILD, Role.SUBJECT)]
        return one != other and any(
            self._s.ties.has_responsibility(one, child) and self._s.ties.has_responsibility(other, child)
            for child in children
        )

    def _own_place(self, who: Who, recipient: Who, requests: Iterable[str]) -> bool:
        """Tell whether every known place of hers is the recipient's own, too.

        Towards an adverse or excluded person only by facts on file, never by description or by equal text.
        """
        ties = self._s.ties
        by_file_only = ties.is_adverse(recipient, who) or RequestKind.EXCLUDED_PERSON in requests
        hers = {home.place for home in ties.homes(who)}
        his = {home.place for home in ties.homes(recipient) if home.on_file or not by_file_only}
        if not hers:
            return any(
                tie.kind is RelationKind.LIVES_WITH and (tie.fact or not by_file_only)
                for tie in (*ties.between(recipient, who), *ties.between(who, recipient))
            )
        return hers <= his


def _needing_basis(categories: Iterable[str], own_place: bool) -> tuple[str, ...]:
    """One's own place needs no basis; whatever else the field shows does."""
    return _sorted(c for c in categories if not (own_place and c in OWN_PLACE))


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(str(value) for value in values))
