"""The attributes of each question, gate by gate, as the engine's catalogue names them.

Everything that the service itself computes is total: a bool is false and a tuple is empty where nothing is
known. Only `context.contact_point.verified_days` may be missing (nobody ever verified the point). Tuples are
sorted, so that equal situations give equal attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from policy_service.facts.gather.cast import NotTold, Who
from policy_service.facts.gather.contents import Unit
from policy_service.facts.gather.matters import Concerned, FieldSeen, Matter, Matters
from policy_service.facts.gather.needs import Needs, needs
from policy_service.facts.gather.places import OWN_PLACE
from policy_service.facts.gather.protections import NAMED, Asked, Names
from policy_service.facts.gather.readers import CHANNELS_TO, Reader, Recipient
from policy_service.facts.gather.situation import Situation
from policy_service.facts.gather.user import suspected_names
from policy_service.model.vocabulary import (
    EXEMPT_PURPOSES,
    OrganisationRole,
    PersonKind,
    Purpose,
    ReaderKind,
    RelationKind,
    RequestKind,
    Role,
    UserKind,
    Verb,
)

Value = str | bool | int | float | tuple[str, ...]
Attributes = Mapping[str, Value]

MAX_DISCLOSURES = 16_384
"""Questions of the disclosure gate that one call may need: at most 4,096 asked, each about a few people,
towards a few readers.
"""

CARE_PURPOSES = frozenset({Purpose.CARE, Purpose.EMERGENCY})


class Questions:
    """Makes the attributes of one call's questions. Pure: as of the situation's view and moment."""

    def __init__(self, situation: Situation) -> None:
        self._s = situation
        self._protected: dict[Who, bool] = {}
        self._may_be_told: dict[Who, bool] = {}
        self._shut_out: dict[Who, bool] = {}
        self._near_protected: dict[Who, bool] = {}
        self._asked = self._asked_secretly = 0
        self.matters = Matters(situation, self.is_protected)
        self._base = self._common()

    # --- how much there is to ask ---------------------------------------------------------------------------

    def refuse_too_many(self, fields: tuple[FieldSeen | None, ...]) -> None:
        """Raise `NotTold` where the declared questions alone are above `MAX_DISCLOSURES`, before any is
        asked. Fields about a role that is secret count like unknown ones.
        """
        holders = sum(1 if field is None else max(1, self._open_holders(field)) for field in fields)
        readers = sum(1 + len(recipient.implied) for recipient in self._s.recipients if recipient is not None)
        if holders * readers > MAX_DISCLOSURES:
            raise NotTold("too_many_questions")

    def _open_holders(self, field: FieldSeen) -> int:
        asked, about = field.asked.party, field.type.about
        return sum(
            party.role in about and asked in ("", party.party) and not self.role_secret(party.who)
            for party in self._s.record.parties
        )

    def affords(self, matters: tuple[Matter, ...], recipient: Recipient) -> bool:
        """Count the questions of one cell. Raises `NotTold` above `MAX_DISCLOSURES` in the call.

        Cells about somebody who holds a role that is secret are counted apart, and give False above the same
        bound: they alone are then not answered, since a bound that others feel would tell how many they are.
        """
        more = sum(len(matter.concerned) for matter in matters) * (1 + len(recipient.implied))
        if any(self.role_secret(each.who) for matter in matters for each in matter.concerned):
            self._asked_secretly += more
            return self._asked_secretly <= MAX_DISCLOSURES
        self._asked += more
        if self._asked > MAX_DISCLOSURES:
            raise NotTold("too_many_questions")
        return True

    # --- the three gates ------------------------------------------------------------------------------------

    def authority(self) -> Attributes:
        """The authority gate's one question."""
        return {**self._base, "resource.party_protected": self._party_protected()}

    def disclosure(self, matter: Matter, concerned: Concerned, reader: Reader) -> Attributes:
        """One question of the disclosure gate: this unit, about her, to him."""
        s, who, unit = self._s, concerned.who, matter.unit
        categories = frozenset(unit.categories)
        individual = s.cast.individual(who)
        roles = s.record.roles_of(who)
        asked = Asked(
            # What a report is does not end with its being a report of known parts.
            categories=categories.union(matter.field.type.categories),
            undeclared=unit.undeclared,
            roles=roles,
            joint=self._is_joint(matter, reader),
            only_naming=reader.trusted,
        )
        requests = s.protections.covering(who, asked, reader.names)
        excluded = reader.who != who and s.protections.excludes(who, reader.names, joint=asked.joint)
        adverse, associate = s.ties.is_adverse(reader.who, who), s.ties.is_associate(reader.who, who)
        against = adverse or associate or excluded
        places = matter.places if concerned.implied else self.matters.shown(matter.field, unit, who)

        def is_own(*, by_file_only: bool) -> bool:
            return s.places.own(
                who,
                reader.who,
                places,
                premises=unit.premises,
                by_file_only=by_file_only,
                adverse=against,
            )

        own_on_file = is_own(by_file_only=True)
        own = own_on_file or (not against and is_own(by_file_only=False))
        represented = s.protections.represents(who, categories, reader.names)
        return {
            **self._base,
            **self._reader(reader, who, adverse=adverse, associate=associate, excluded=excluded),
            "action.channel": reader.channel,
            "resource.party_protected": self._party_protected(),
            "resource.field": matter.field.asked.name,
            "resource.part": unit.part,
            "resource.categories": _sorted(categories),
            "resource.categories_not_his": _less_own_place(categories, own=own),
            "resource.categories_not_his_on_file": _less_own_place(categories, own=own_on_file),
            "resource.category_families": _families(categories),
            "resource.families_not_his_on_file": _families(_less_own_place(categories, own=own_on_file)),
            "resource.undeclared": unit.undeclared,
            "resource.envelope": matter.field.envelope,
            "resource.implied": concerned.implied,
            "resource.mask": matter.field.type.mask,
            "resource.data_subject_private": individual.kind is PersonKind.PRIVATE,
            "resource.data_subject_roles": _sorted(roles),
            "resource.role_secret": self._shows_role(concerned, unit),
            "resource.only_secret_roles": not s.record.known_to_parents
            and s.record.secret_roles.issuperset(self.matters.roles_of(unit.about)),
            "resource.separate_identity_shown": self._shows_separate_identity(who, reader),
            "resource.requests": _sorted(kind for kind in requests if not kind.endswith(NAMED)),
            "resource.requests_naming_recipient": _sorted(
                kind.removesuffix(NAMED) for kind in requests if kind.endswith(NAMED)
            ),
            "resource.protected": self.is_protected(who),
            "resource.subjects_protected": matter.protected,
            "resource.protection_open_to_staff": self._open_to_staff(who),
            "resource.anyone_protected": self._anyone_protected(who),
            "resource.defaults_apply": matter.protected or not (concerned.implied or reader.implied),
            "resource.about_reader": any(
                each.who == reader.who and not each.implied for each in matter.concerned
            ),
            "resource.possible_match": s.ties.may_be_another(who),
            "resource.contact_holder_adverse": matter.holder_adverse,
            "resource.minor": s.moment.is_minor(individual.birth_date),
            "resource.own_place": own,
            "context.recipient.authorised_representative": represented,
            "context.recipient.representative_adverse": adverse
            and (represented or self._represents(reader.who, who)),
            "context.order.covers": s.warrants.order_covers(
                who, categories, reader.names.certain | reader.via
            ),
            "context.override.kinds": _sorted(
                s.warrants.overrides_for(
                    who, categories, reader.names.certain, is_party=who in s.record.people
                )
            ),
        }

    def delivery(self, recipient: Recipient) -> Attributes:
        """The delivery gate's question for one recipient."""
        point, s, safe, reader = recipient.point, self._s, recipient.reaching, recipient.reader
        at_risk = (recipient.who, *sorted(s.record.people))
        needed = self._needed(recipient)
        adverse = s.ties.is_adverse(reader.who, recipient.who)
        attributes: dict[str, Value] = {
            **self._base,
            **self._reader(reader, recipient.who, adverse=adverse, associate=False, excluded=False),
            "action.channel": reader.channel,
            "action.channel_spoken": reader.channel.is_spoken,
            "action.channel_by_phone": reader.channel.is_by_phone,
            "resource.party_protected": self._party_protected(),
            "context.recipient.protected": self._is_openly_protected(recipient.who),
            "context.contact_point.given": point.given,
            "context.contact_point.kind": point.kind,
            "context.contact_point.belongs": point.belongs,
            "context.contact_point.fits_channel": reader.channel in CHANNELS_TO.get(point.kind, frozenset()),
            "context.contact_point.shared": point.shared,
            "context.contact_point.shared_with_adverse": any(
                s.ties.is_adverse(other, party) for other in point.others for party in at_risk
            ),
            "context.contact_point.voicemail_safe": point.voicemail_safe and not safe.no_voicemail,
            "context.contact_point.from_herself": point.from_herself,
            "context.safe_contact.on_file": safe.on_file,
            "context.safe_contact.point_allowed": safe.point_allowed and safe.channel_allowed,
            "context.safe_contact.within_hours": safe.within_hours,
            "context.safe_contact.hours_lifted": s.warrants.lifts_hours(recipient.who, reader.names.certain),
            "context.safe_contact.no_voicemail": safe.no_voicemail,
            "context.safe_contact.neutral_sender": safe.neutral_sender,
            "context.safe_contact.references": safe.references,
            "context.safe_contact.hours": safe.hours,
            "context.interpreter.named": recipient.interpreter is not None,
            "context.interpreter.adverse": self._interpreter_is_adverse(recipient),
            "context.interpreter.excluded": self._interpreter_is_excluded(recipient),
            "context.need.interpreter": needed.interpreter,
            "context.need.interpreter_languages": _sorted({*needed.languages, *needed.sign_languages}),
            "context.need.languages": needed.languages,
            "context.need.modes": needed.modes,
            "context.need.genders": needed.genders,
            "context.need.exclusions": needed.exclusions,
            "context.need.formats": needed.formats,
            "context.need.access": needed.access,
        }
        if point.verified_at is not None:
            attributes["context.contact_point.verified_days"] = (s.moment.now - point.verified_at).days
        return attributes

    def answer(self, *, rows_differ: bool, permits: bool, protected: bool, valid_until: str) -> Attributes:
        """What obligations on the whole answer look at. `valid_until` is RFC 3339 in UTC, or empty;
        `protected`: somebody protected is among the data subjects.
        """
        return {
            **self._base,
            "resource.party_protected": self._party_protected(),
            "context.answer.rows_differ": rows_differ,
            "context.answer.permits": permits,
            "context.answer.recipients": len(self._s.recipients),
            "context.answer.several_recipients": len(self._s.recipients) > 1,
            "context.answer.protected": protected,
            "context.answer.valid_until": valid_until,
        }

    # --- what the answer is made from besides ---------------------------------------------------------------

    def may_be_told(self, about: Who) -> bool:
        """Tell whether staff who work on the record may know of every protection that a deny about her can
        rest on.
        """
        if about not in self._may_be_told:
            concerned = {about, *self._s.record.people}
            self._may_be_told[about] = all(
                self._open_to_staff(who) for who in concerned if self.is_protected(who)
            )
        return self._may_be_told[about]

    def represents_on_file(self, representative: Who, client: Who) -> bool:
        """Tell whether it is on file that the one represents the other."""
        return any(
            tie.kind is RelationKind.REPRESENTS and tie.fact
            for tie in self._s.ties.between(representative, client)
        )

    def role_secret(self, who: Who) -> bool:
        """Tell whether that `who` is on the record in her role is itself a secret, from this user, too."""
        team = self._s.record.protection_team
        return self._shows_secretly(who) and not (bool(team) and team in self._s.user.teams)

    def _is_secret_party(self, who: Who) -> bool:
        """Tell whether that she is on the record at all is not for this user to know."""
        return self.leaves_no_trace(who) and self._s.record.roles_of(who) <= self._s.record.secret_roles

    @property
    def task_owner(self) -> str:
        """Whose a task about this record is: the team's that works on it, or the user's where none does."""
        team = min(self._s.record.teams, default="")
        return f"team:{team}" if team else f"user:{self._s.user.reference}"

    def leaves_no_trace(self, who: Who) -> bool:
        """Tell whether that she is on the record at all is not for this user to know: nothing is owed for her
        that would tell.
        """
        return self.role_secret(who) and not self._s.record.known_to_parents

    def service_address(self, who: Who) -> str:
        """A reference of an address that may stand where a place of hers would show; empty if there is
        none.
        """
        return self._s.places.service_address(who)

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
        looked_at = s.ties.looked_at | s.protections.looked_at | s.warrants.looked_at | s.contents.looked_at
        return _sorted(fixed | people | looked_at)

    # --- the parts of a question ----------------------------------------------------------------------------

    def _common(self) -> dict[str, Value]:
        s = self._s
        user, record, ties = s.user, s.record, s.ties
        # Whether somebody holds a secret role nobody finds out by describing who the user may be to her.
        secret = frozenset(who for who in record.people if self._is_secret_party(who))
        others = [who for who in sorted(record.people - secret) if who != user.who]
        unknown = sorted(secret - {user.who}) if user.linked_on_file else ()
        on_file = s.ties_on_file
        names = Names(user.who, user.tokens, suspected_names(s.view, user.who, ties.selves(user.who)))
        return {
            "subject.kind": user.kind,
            "subject.identified": True,
            "subject.linked": user.linked,
            "subject.roles": _sorted(user.roles),
            "subject.teams": _sorted(user.teams),
            "subject.organisation": user.organisation,
            "subject.works_on_record": user.works_on_record,
            "subject.party_roles": _sorted(
                role
                for one in ties.selves(user.who)
                if one not in secret or user.linked_on_file
                for role in record.roles_of(one)
                if role.is_lay
            ),
            "subject.adverse_to_party": any(ties.is_first_adverse(user.who, who) for who in others)
            or any(on_file.is_first_adverse(user.who, who) for who in unknown),
            "subject.associate_of_adverse": any(ties.is_associate(user.who, who) for who in others)
            or any(on_file.is_associate(user.who, who) for who in unknown),
            "subject.excluded_by_party": any(
                s.protections.excludes(who, names, at_work=True) for who in (*others, *secret)
            ),
            "subject.restricted_out": s.protections.shuts_out((*others, *sorted(secret)), names),
            "subject.toward_self": user.kind is UserKind.SELF and user.who in record.people,
            "subject.assurance": s.call.assurance,
            "subject.below_assurance": s.call.assurance < record.assurance,
            "subject.override_kinds": _sorted(s.warrants.overrides),
            "resource.task_owner": self.task_owner,
            "resource.record_type": record.record_types[0],
            "resource.record_types": record.record_types,
            "action.verb": s.call.verb,
            "action.purpose": s.purpose,
            "action.channel": s.call.channel or "",
            "action.artefact_type": s.call.artefact_type,
        }

    def _reader(
        self, reader: Reader, about: Who, *, adverse: bool, associate: bool, excluded: bool
    ) -> dict[str, Value]:
        s, individual = self._s, reader.individual
        ties = s.ties.between(reader.who, about)
        on_file = reader.kind == "team" or (individual is not None and individual.on_file)
        organisation_roles = frozenset() if individual is None else individual.organisation_roles
        roles_on_file = frozenset() if individual is None else individual.roles_on_file
        categories = () if individual is None else _sorted(individual.categories)
        roles = s.record.roles_of(reader.who)
        counter = adverse and s.ties.is_counter_alleged(reader.who, about)
        return {
            "context.reader.kind": reader.why,
            "context.reader.implied": reader.implied,
            "context.reader.trusted": reader.trusted,
            "context.reader.point_kind": reader.point.kind,
            "context.recipient.kind": reader.kind,
            "context.recipient.is_data_subject": reader.who == about,
            "context.recipient.works_on_record": reader.works_on_record,
            "context.recipient.works_for_certain": reader.works_for_certain,
            "context.recipient.identified": on_file,
            "context.recipient.described_near_protected": not on_file
            and reader.kind in ("private", "professional")
            and self.is_protected(about),
            "context.recipient.possible_match": s.ties.may_be_another(reader.who),
            "context.recipient.roles": _sorted(reader.roles),
            "context.recipient.party_roles": _sorted(roles),
            "context.recipient.party_roles_on_file": _sorted(roles) if s.record.fact else (),
            "context.recipient.relations": _sorted({tie.kind for tie in ties}),
            "context.recipient.parental_responsibility": s.ties.has_responsibility(reader.who, about),
            "context.recipient.co_parent": self._co_parents(reader.who, about),
            "context.recipient.lives_with": s.ties.live_together(reader.who, about),
            "context.recipient.organisation_roles": _sorted(organisation_roles),
            "context.recipient.organisation_roles_on_file": _sorted(roles_on_file),
            "context.recipient.contract_categories": categories
            if OrganisationRole.CONTRACTOR in organisation_roles
            else (),
            "context.recipient.public_body_categories": categories
            if OrganisationRole.PUBLIC_BODY in organisation_roles
            else (),
            "context.recipient.provides_care": s.purpose in CARE_PURPOSES
            and OrganisationRole.CARE_PROVIDER in roles_on_file,
            "context.recipient.exempt": s.purpose in EXEMPT_PURPOSES and self._to_public_body(reader),
            "context.recipient.contact_role": any(role.is_contact for role in roles),
            "context.recipient.protection_team": self._may_know_secret_role(reader, about),
            "context.recipient.restricted_out": self._is_shut_out(reader),
            # A counter-allegation denies less to her who is named, and everything where she is merely
            # implied.
            "context.recipient.adverse": adverse and not (counter and not reader.implied),
            "context.recipient.counter_alleged": counter and not reader.implied,
            "context.recipient.associate": associate,
            "context.recipient.excluded": excluded,
        }

    def _is_joint(self, matter: Matter, reader: Reader) -> bool:
        """Tell whether the unit is the reader's own paper, too: it is about him, or about something that he
        holds together with those whom it is about.
        """
        s = self._s
        about = {each.who for each in matter.concerned if not each.implied}
        if reader.who in about:
            return True
        return (
            bool(s.record.fact)
            and Role.JOINT_CUSTOMER in s.record.roles_of(reader.who)
            and all(Role.JOINT_CUSTOMER in s.record.roles_of(who) for who in about)
        )

    def _interpreter_is_adverse(self, recipient: Recipient) -> bool:
        through = recipient.interpreter
        if through is None:
            return False
        ties = self._s.ties
        people, on_file = self._s.record.people, self._s.ties_on_file
        secret = frozenset(one for one in people if self._is_secret_party(one))
        return any(
            ties.is_adverse(through.who, one) or ties.is_associate(through.who, one)
            for one in (recipient.who, *sorted(people - secret))
        ) or any(
            on_file.is_adverse(through.who, one) or on_file.is_associate(through.who, one)
            for one in sorted(secret)
        )

    def _interpreter_is_excluded(self, recipient: Recipient) -> bool:
        """By an exclusion, or as one of those who must never interpret for her. His agency is not."""
        through = recipient.interpreter
        if through is None:
            return False
        s = self._s
        barred = {
            f"person:{never}"
            for request in s.protections.of_kind(recipient.who, RequestKind.COMMUNICATION_SUPPORT)
            if request.communication is not None
            for never in request.communication.not_these
        }
        return not barred.isdisjoint(s.ties.selves(through.who)) or any(
            one != through.who and s.protections.excludes(one, through.names)
            for one in (recipient.who, *sorted(s.record.people))
        )

    def _needed(self, recipient: Recipient) -> Needs:
        """What the recipient of a send needs; on a see, as advice, what the people of the record need."""
        s = self._s
        people = (recipient.who,) if s.call.verb is Verb.SEND else tuple(sorted(s.record.people))
        asked = {
            request.request_id: request
            for who in people
            for request in s.protections.of_kind(who, RequestKind.COMMUNICATION_SUPPORT)
        }
        return needs(asked.values(), s.cast.fingerprints)

    def _shows_role(self, concerned: Concerned, unit: Unit) -> bool:
        """Tell whether the unit may show a role of hers that is secret. That she lives where the field shows
        tells nothing of it, unless where the parents live is the secret (adoption).
        """
        shows = not concerned.implied or unit.undeclared or self._s.record.known_to_parents
        return shows and self._shows_secretly(concerned.who)

    def _shows_secretly(self, who: Who) -> bool:
        """Tell whether she, whoever she may be, holds a role on the record that law or scheme keeps
        secret.
        """
        return any(self._s.record.shows_secretly(one) for one in self._s.ties.selves(who))

    def _shows_separate_identity(self, who: Who, reader: Reader) -> bool:
        """Tell whether another identity of hers, never to be linked, is on the record or is the reader."""
        others = self._s.ties.separate_identities(who)
        return not others.isdisjoint(self._s.record.people | {reader.who})

    def _represents(self, one: Who, other: Who) -> bool:
        return any(tie.kind is RelationKind.REPRESENTS for tie in self._s.ties.between(one, other))

    def is_protected(self, who: Who) -> bool:
        """A request in force that restricts, a role that law or scheme keeps secret on this record, or
        somebody adverse to her; her own, or of those whose protection covers her.
        """
        if who not in self._protected:
            s = self._s
            self._protected[who] = (
                s.protections.protecting(who) or bool(s.ties.adversaries(who)) or self._shows_secretly(who)
            )
        return self._protected[who]

    def _is_openly_protected(self, who: Who) -> bool:
        """As `is_protected`, but for a role on the record that this user must not know of."""
        if not self.role_secret(who):
            return self.is_protected(who)
        return self._s.protections.protecting(who) or bool(self._s.ties.adversaries(who))

    def _open_to_staff(self, who: Who) -> bool:
        return self._s.protections.may_be_told_to_staff(who) and not self.role_secret(who)

    def _party_protected(self) -> bool:
        return any(self.is_protected(who) for who in self._s.record.people)

    def _anyone_protected(self, who: Who) -> bool:
        if who not in self._near_protected:
            s = self._s
            near = {who, *s.record.people, *s.ties.parents(who), *s.ties.residents(who)}
            self._near_protected[who] = any(self.is_protected(one) for one in near)
        return self._near_protected[who]

    def _is_shut_out(self, reader: Reader) -> bool:
        """Tell whether some party's allow list does not hold this team, or this user."""
        if reader.kind != "team" or reader.why is ReaderKind.USER:
            return False  # the user who sends is tested in the authority gate
        if reader.who not in self._shut_out:
            parties = sorted(self._s.record.people - {reader.who})
            self._shut_out[reader.who] = self._s.protections.shuts_out(parties, reader.names)
        return self._shut_out[reader.who]

    def _may_know_secret_role(self, reader: Reader, about: Who) -> bool:
        """The team of the scheme; in adoption the parents on file; and, of those who open what is sent to
        somebody else, whoever lives with her under the same secret (brothers and sisters).
        """
        s = self._s
        if reader.in_protection_team:
            return True
        if s.record.known_to_parents and s.ties.is_parent_by_order(reader.who, about):
            return True
        return reader.implied and self._shows_secretly(reader.who) and s.ties.live_together(reader.who, about)

    def _to_public_body(self, reader: Reader) -> bool:
        """Tell whether he is a public body on file; or the user who sends to one."""
        recipient = self._s.recipients[reader.index]
        if reader.why is ReaderKind.USER and recipient is not None:
            reader = recipient.reader
        return reader.individual is not None and (
            OrganisationRole.PUBLIC_BODY in reader.individual.roles_on_file
        )

    def _co_parents(self, one: Who, other: Who) -> bool:
        children = [party.who for party in self._s.record.parties if party.role in (Role.CHILD, Role.SUBJECT)]
        return one != other and any(
            self._s.ties.has_responsibility(one, child) and self._s.ties.has_responsibility(other, child)
            for child in children
        )


def _less_own_place(categories: Iterable[str], *, own: bool) -> tuple[str, ...]:
    """The categories, less those of a place of the reader's own: that place alone, now, and nothing else."""
    return _sorted(c for c in categories if not (own and c in OWN_PLACE))


def _families(categories: Iterable[str]) -> tuple[str, ...]:
    return _sorted({c.partition(".")[0] for c in categories})


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(str(value) for value in values))
