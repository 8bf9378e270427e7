"""What one call is about, once joined with what is on file: the user, the record, its fields, the recipients.

`situate` resolves every reference of the call. What only the store could tell (an unknown user, record or
person, a grant that is not there) raises `NotTold`, whose cause is for the log entry alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.cast import Cast, Individual, NotTold, Who, person, person_id_of
from policy_service.facts.gather.clock import Moment
from policy_service.facts.gather.points import PointSeen, find_point
from policy_service.facts.gather.protections import Protections, Where
from policy_service.facts.gather.ties import Ties
from policy_service.facts.view import FactsView
from policy_service.model.caller import Caller
from policy_service.model.facts import ArtefactType, FieldType, RecordType, System, User
from policy_service.model.question import CheckCall, RecipientAsked
from policy_service.model.vocabulary import (
    UNDECLARED_CATEGORIES,
    Channel,
    PersonKind,
    Purpose,
    Role,
    UserKind,
    Verb,
)


@dataclass(frozen=True, slots=True)
class UserSeen:
    """The user as he acts in this call. `who` is the person behind the login, or `user:REF`."""

    reference: str
    kind: UserKind
    who: Who
    linked: bool
    roles: frozenset[str]
    teams: frozenset[str]
    organisation: str
    works_on_record: bool
    tokens: frozenset[str]


@dataclass(frozen=True, slots=True)
class PartySeen:
    """A person's role on the record."""

    party: str
    role: Role
    who: Who


@dataclass(frozen=True, slots=True)
class RecordSeen:
    """The record, with everything that its type and the bases it extends declare."""

    reference: str
    record_types: tuple[str, ...]
    fields: Mapping[str, FieldType]
    secret_roles: frozenset[Role]
    protection_team: str
    teams: frozenset[str]
    parties: tuple[PartySeen, ...]
    fact: str
    """`record:ID`, or empty for a described record."""

    @property
    def people(self) -> frozenset[Who]:
        return frozenset(party.who for party in self.parties)

    def roles_of(self, who: Who) -> frozenset[Role]:
        """The roles that `who` holds on this record."""
        return frozenset(party.role for party in self.parties if party.who == who)


@dataclass(frozen=True, slots=True)
class RecipientSeen:
    """Somebody who would learn the fields. `kind` is private, professional, organisation or team."""

    index: int
    who: Who
    kind: str
    individual: Individual | None
    roles: frozenset[str]
    works_on_record: bool
    in_protection_team: bool
    tokens: frozenset[str]
    point: PointSeen
    channel: Channel


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that the questions of one call are made from. `recipients` holds None where the call names
    nobody known.
    """

    call: CheckCall
    system: System
    purpose: Purpose
    user: UserSeen
    record: RecordSeen
    recipients: tuple[RecipientSeen | None, ...]
    artefact: ArtefactType | None
    cast: Cast
    ties: Ties
    protections: Protections
    moment: Moment


def situate(
    view: FactsView,
    base_types: Mapping[str, RecordType],
    fingerprints: Fingerprinter,
    caller: Caller,
    call: CheckCall,
    moment: Moment,
) -> Situation:
    """Join `call` with the facts as of `view`. Raises `NotTold` and `ColdFacts`."""
    controller = caller.controller
    view.prefetch(
        keys.system(controller, caller.system),
        keys.user(controller, call.user),
        keys.record(controller, call.record),
        keys.artefact_type(controller, call.artefact_type),
    )
    system = view.system(controller, caller.system)
    if system is None or system.suspended:
        raise NotTold("not_a_system")
    if not call.description.empty and not system.may_describe:
        raise NotTold("may_not_describe")
    purpose = call.purpose or next(iter(system.purposes), None)
    if purpose is None or purpose not in system.purposes or call.verb not in system.verbs:
        raise NotTold("not_granted")
    cast = Cast(view, fingerprints, controller, call.description)
    record = _record(view, base_types, cast, call)
    if "*" not in system.record_types and set(system.record_types).isdisjoint(record.record_types):
        raise NotTold("not_granted")
    artefact = None
    if call.artefact_type and (artefact := view.artefact_type(controller, call.artefact_type)) is None:
        raise NotTold("unknown_artefact_type")
    user = _user(view, system, cast, record, call)
    ties = Ties(view, cast, moment)
    where = Where(record.reference, record.record_types, system.name, purpose)
    protections = Protections(view, moment, where)
    recipients = _recipients(view, cast, record, user, call)
    ties.prefetch(record.people | {user.who} | {r.who for r in recipients if r is not None})
    return Situation(
        call, system, purpose, user, record, recipients, artefact, cast, ties, protections, moment
    )


def _record(view: FactsView, base_types: Mapping[str, RecordType], cast: Cast, call: CheckCall) -> RecordSeen:
    """What is on file about the record stands; a description counts only where nothing is on file."""
    stored = view.record(cast.controller, call.record)
    if stored is not None:
        parties = tuple(
            PartySeen(party.party, party.role, person(party.person_id))
            for party in view.parties_of(stored.record_id)
        )
        type_name, teams, fact = stored.record_type, stored.teams, f"record:{stored.record_id}"
    elif (described := call.description.record) is not None:
        found = [(p.party, p.role, cast.resolve(p.person)) for p in described.parties]
        if any(who is None for _, _, who in found):
            raise NotTold("unknown_party")
        parties = tuple(PartySeen(key, role, who) for key, role, who in found if who is not None)
        type_name, teams, fact = described.record_type, described.teams, ""
    else:
        raise NotTold("unknown_record")
    own = view.record_type(cast.controller, type_name)
    if own is None:
        raise NotTold("unknown_record_type")
    chain = [own]
    while chain[-1].extends:
        base = base_types.get(chain[-1].extends)
        if base is None or base in chain:
            raise NotTold("unknown_base_type")
        chain.append(base)
    by_party: dict[str, tuple[Who, ...]] = {}
    for party in parties:
        by_party[party.party] = tuple(dict.fromkeys((*by_party.get(party.party, ()), party.who)))
    cast.name_parties(by_party)
    return RecordSeen(
        reference=call.record,
        record_types=tuple(record_type.name for record_type in chain),
        fields={field.name: field for record_type in reversed(chain) for field in record_type.fields},
        secret_roles=frozenset(role for record_type in chain for role in record_type.secret_roles),
        protection_team=next((t.protection_team for t in chain if t.protection_team), ""),
        teams=frozenset(teams),
        parties=parties,
        fact=fact,
    )


def _user(view: FactsView, system: System, cast: Cast, record: RecordSeen, call: CheckCall) -> UserSeen:
    """The user on file, the user described, or both: the grant says which roles and teams count by the
    system's word.
    """
    stored = view.user(cast.controller, call.user)
    described = call.description.user
    if stored is None and described is None and not call.self_service:
        raise NotTold("unknown_user")
    if stored is not None and stored.suspended:
        raise NotTold("suspended_user")
    if call.self_service and not system.self_service:
        raise NotTold("not_granted")
    behind = _person_behind(cast, stored, call)
    roles, teams = set(stored.roles if stored else ()), set(stored.teams if stored else ())
    if described is not None:
        roles |= set(described.roles) & set(system.assert_roles)
        teams |= set(described.teams) & set(system.assert_teams)
    kind = UserKind.SELF if call.self_service else stored.kind if stored else UserKind.STAFF
    match kind:
        case UserKind.SELF:
            if behind is None:
                raise NotTold("unknown_user")
            roles, teams, works = set(), set(), False
        case UserKind.JOB:
            granted = set(stored.record_types if stored else ())
            works = call.verb is Verb.SEND and not granted.isdisjoint(record.record_types)
        case _:
            works = not teams.isdisjoint(record.teams)
    tokens = {f"user:{call.user}", *(f"team:{team}" for team in teams), *(f"role:{role}" for role in roles)}
    if behind is not None:
        tokens |= {behind, *_logins(view, behind)}
    return UserSeen(
        reference=call.user,
        kind=kind,
        who=behind or Who(f"user:{call.user}"),
        linked=behind is not None,
        roles=frozenset(roles),
        teams=frozenset(teams),
        organisation=stored.organisation if stored else "",
        works_on_record=works,
        tokens=frozenset(tokens),
    )


def _person_behind(cast: Cast, stored: User | None, call: CheckCall) -> Who | None:
    """The person who the login belongs to: what is on file stands, else what the call describes."""
    if stored is not None and stored.person_id:
        return person(stored.person_id)
    described = call.description.user
    if described is None or not described.person:
        return None
    who = cast.resolve(described.person)
    if who is None:
        raise NotTold("unknown_user")
    return who


def _recipients(
    view: FactsView, cast: Cast, record: RecordSeen, user: UserSeen, call: CheckCall
) -> tuple[RecipientSeen | None, ...]:
    if call.verb is Verb.SEE:
        return (_reader(view, cast, record, user, call),)
    return tuple(_recipient(view, cast, record, call, i, asked) for i, asked in enumerate(call.recipients))


def _reader(
    view: FactsView, cast: Cast, record: RecordSeen, user: UserSeen, call: CheckCall
) -> RecipientSeen:
    individual = cast.individual(user.who) if user.linked else None
    return RecipientSeen(
        index=0,
        who=user.who,
        kind="private" if user.kind is UserKind.SELF else "team",
        individual=individual,
        roles=user.roles,
        works_on_record=user.works_on_record,
        in_protection_team=bool(record.protection_team) and record.protection_team in user.teams,
        tokens=user.tokens,
        point=find_point(view, cast, user.who, call.contact_point),
        channel=call.channel or (Channel.PORTAL if user.kind is UserKind.SELF else Channel.SEE_SCREEN),
    )


def _recipient(
    view: FactsView, cast: Cast, record: RecordSeen, call: CheckCall, index: int, asked: RecipientAsked
) -> RecipientSeen | None:
    channel = asked.channel or call.channel or Channel.POST
    if asked.team:
        return RecipientSeen(
            index=index,
            who=Who(f"team:{asked.team}"),
            kind="team",
            individual=None,
            roles=frozenset(),
            works_on_record=asked.team in record.teams,
            in_protection_team=bool(record.protection_team) and record.protection_team == asked.team,
            tokens=frozenset({f"team:{asked.team}"}),
            point=find_point(view, cast, Who(f"team:{asked.team}"), asked.contact_point),
            channel=channel,
        )
    if asked.party:
        holders = tuple(dict.fromkeys(party.who for party in record.parties if party.party == asked.party))
        who = holders[0] if len(holders) == 1 else None
    else:
        who = cast.resolve(asked.person)
    if who is None:
        return None
    individual = cast.individual(who)
    return RecipientSeen(
        index=index,
        who=who,
        kind=_kind(individual, record),
        individual=individual,
        roles=frozenset(),
        works_on_record=False,
        in_protection_team=False,
        tokens=frozenset({who, *_logins(view, who)}),
        point=find_point(view, cast, who, asked.contact_point),
        channel=channel,
    )


def _logins(view: FactsView, who: Who) -> frozenset[str]:
    """Every login of a person, so that an exclusion of one login excludes the person."""
    person_id = person_id_of(who)
    return (
        frozenset()
        if person_id is None
        else frozenset(f"user:{u.reference}" for u in view.users_of_person(person_id))
    )


def _kind(individual: Individual, record: RecordSeen) -> str:
    if individual.kind is PersonKind.ORGANISATION:
        return "organisation"
    roles = record.roles_of(individual.who)
    return "professional" if roles and not any(role.is_lay for role in roles) else "private"


def is_undeclared(categories: tuple[str, ...]) -> bool:
    """Tell whether a field of these categories is undeclared content."""
    return UNDECLARED_CATEGORIES.issuperset(categories)
