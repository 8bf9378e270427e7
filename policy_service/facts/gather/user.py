"""The user of one call as he acts: staff, a registered job, or a private person who serves himself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policy_service.facts.gather.cast import Cast, NotTold, Who, person, person_id_of
from policy_service.facts.gather.record import RecordSeen
from policy_service.facts.view import FactsView
from policy_service.model.attributes import Value
from policy_service.model.facts import System, User
from policy_service.model.question import CheckCall, DescribedUser
from policy_service.model.vocabulary import Purpose, UserKind, Verb


@dataclass(frozen=True, slots=True)
class UserSeen:
    """`who` is the person behind the login, or `user:REF`."""

    reference: str
    kind: UserKind
    who: Who
    linked: bool
    roles: frozenset[str]
    teams: frozenset[str]
    organisation: str
    works_on_record: bool
    linked_on_file: bool
    """It is on file who the person behind the login is."""
    tokens: frozenset[str]
    """Every name under which a request, an override or an order may name him for certain."""
    attributes: Mapping[str, Value]
    """Of declared attributes: those on file, and those described that the grant lets the system assert."""


def user_seen(view: FactsView, system: System, cast: Cast, record: RecordSeen, call: CheckCall) -> UserSeen:
    """The user on file, the user described, or both: the grant says which roles, teams and declared
    attributes count by the system's word. Raises `NotTold`.
    """
    stored = view.user(cast.controller, call.user)
    described = call.description.user
    if stored is None and described is None and not call.self_service:
        raise NotTold("unknown_user")
    if stored is not None:
        _refuse_suspended(view, stored)
    if call.self_service and (
        not system.self_service or (stored is not None and stored.kind is UserKind.JOB)
    ):
        raise NotTold("not_granted")
    if call.self_service and stored is not None and stored.kind is UserKind.STAFF and not stored.person_id:
        raise NotTold("not_granted")  # staff's login is nobody's own, whoever the portal says that it is
    behind = _person_behind(cast, stored, call)
    roles, teams = set(stored.roles if stored else ()), set(stored.teams if stored else ())
    if described is not None:
        roles |= set(described.roles) & set(system.assert_roles)
        teams |= set(described.teams) & set(system.assert_teams)
    attributes = _attributes(system, stored, described)
    kind = UserKind.SELF if call.self_service else stored.kind if stored else UserKind.STAFF
    match kind:
        case UserKind.SELF:
            if behind is None:
                raise NotTold("unknown_user")
            roles, teams, works = set(), set(), False
            attributes = {}  # they were given to him as staff, too
        case UserKind.JOB:
            granted = set(stored.record_types if stored else ())
            works = call.verb is Verb.SEND and not granted.isdisjoint(record.record_types)
        case _:
            works = not teams.isdisjoint(record.teams)
    tokens = {f"user:{call.user}", *(f"team:{team}" for team in teams), *(f"role:{role}" for role in roles)}
    if behind is not None:
        tokens |= {behind, *logins(view, behind)}
    return UserSeen(
        reference=call.user,
        kind=kind,
        who=behind or Who(f"user:{call.user}"),
        linked=behind is not None,
        linked_on_file=stored is not None and bool(stored.person_id),
        roles=frozenset(roles),
        teams=frozenset(teams),
        organisation=stored.organisation if stored else "",
        works_on_record=works,
        tokens=frozenset(tokens),
        attributes=attributes,
    )


def _attributes(system: System, stored: User | None, described: DescribedUser | None) -> dict[str, Value]:
    """What is on file stands before what is described."""
    said = () if described is None else described.attributes
    values = {each.name: each.value for each in said if each.name in system.assert_attributes}
    return values | {each.name: each.value for each in (stored.attributes if stored else ())}


def purpose_granted(system: System, call: CheckCall, user: UserSeen) -> Purpose:
    """The purpose asserted, or the grant's first. Raises `NotTold` where it is not granted to this system, or
    not for users of these roles.
    """
    purpose = call.purpose or next(iter(system.purposes), None)
    if purpose is None or purpose not in system.purposes:
        raise NotTold("not_granted")
    for limited in system.role_purposes:
        if limited.purpose is purpose and user.roles.isdisjoint(limited.roles):
            raise NotTold("purpose_not_granted_to_role")
    return purpose


def suspected_names(view: FactsView, who: Who, selves: frozenset[Who]) -> frozenset[str]:
    """Names of everybody else who `who` is or may be, and of their logins."""
    return frozenset(name for one in selves if one != who for name in (one, *logins(view, one)))


def logins(view: FactsView, who: Who) -> frozenset[str]:
    """Every login of a person, so that an exclusion of one login excludes the person."""
    person_id = person_id_of(who)
    return (
        frozenset()
        if person_id is None
        else frozenset(f"user:{u.reference}" for u in view.users_of_person(person_id))
    )


def _refuse_suspended(view: FactsView, stored: User) -> None:
    if stored.suspended:
        raise NotTold("suspended_user")
    if stored.kind is UserKind.JOB and stored.owner:
        owner = view.user(stored.controller, stored.owner)
        if owner is None or owner.suspended:
            raise NotTold("suspended_owner")


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
