"""What is asked for systems, users and tokens, and what the call alone shows to be impossible of it."""

from __future__ import annotations

from dataclasses import dataclass

from policy_service.model.attributes import AttributeValue
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import RolePurpose
from policy_service.model.vocabulary import Purpose, StaffRole, UserKind, Verb
from policy_service.service.asking import NOTHING_NOTED, Note
from policy_service.service.words import checked_name, checked_reference, no_repeats, required

ALL_RECORD_TYPES = "*"
"""In a grant: all record types of the organisation."""
DEFAULT_DAYS = 90
MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class PutSystem:
    """A system and its whole grant; what is not said is not granted."""

    name: str
    controller: str = ""
    record_types: tuple[str, ...] = ()
    verbs: tuple[Verb, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    may_describe: bool = False
    assert_roles: tuple[str, ...] = ()
    assert_teams: tuple[str, ...] = ()
    self_service: bool = False
    suspended: bool = False
    role_purposes: tuple[RolePurpose, ...] = ()
    declare_contents: bool = False
    may_explain: bool = False
    assert_attributes: tuple[str, ...] = ()
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class PutUser:
    reference: str
    controller: str = ""
    kind: UserKind = UserKind.STAFF
    person: str = ""
    """`scheme:value` or `person:ID`; empty where nobody said whose login it is."""
    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    organisation: str = ""
    owner: str = ""
    record_types: tuple[str, ...] = ()
    suspended: bool = False
    attributes: tuple[AttributeValue, ...] = ()
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class IssueToken:
    """Exactly one of `system` and `principal`; roles go with a principal alone."""

    system: str = ""
    principal: str = ""
    roles: tuple[StaffRole, ...] = ()
    controller: str = ""
    valid_days: int = 0
    """1 to 366; 0 is 90."""
    note: Note = NOTHING_NOTED


def check_system(asked: PutSystem) -> None:
    checked_name(asked.name, "system.name")
    for field, values in (
        ("record_types", asked.record_types),
        ("verbs", asked.verbs),
        ("purposes", asked.purposes),
        ("assert_roles", asked.assert_roles),
        ("assert_teams", asked.assert_teams),
    ):
        no_repeats(values, f"system.grant.{field}")
    _check_references(asked.assert_roles, "system.grant.assert_roles")
    _check_references(asked.assert_teams, "system.grant.assert_teams")
    _check_role_purposes(asked)
    if ALL_RECORD_TYPES in asked.record_types and len(asked.record_types) > 1:
        raise InvalidArgumentError(
            "system.grant.record_types",
            "ALL_AND_MORE",
            f"`{ALL_RECORD_TYPES}` stands alone: it means all of them",
        )


def _check_role_purposes(asked: PutSystem) -> None:
    seen: set[Purpose] = set()
    for i, one in enumerate(asked.role_purposes):
        field = f"system.grant.role_purposes[{i}]"
        if one.purpose not in asked.purposes:
            raise InvalidArgumentError(
                f"{field}.purpose", "NOT_GRANTED", f"`{field}.purpose` is none of `system.grant.purposes`"
            )
        if one.purpose in seen:
            raise InvalidArgumentError(
                f"{field}.purpose", "REPEATED", f"`{field}.purpose` stands there twice"
            )
        seen.add(one.purpose)
        required(one.roles, f"{field}.roles")
        _check_references(one.roles, f"{field}.roles")
        no_repeats(one.roles, f"{field}.roles")


def check_user(asked: PutUser) -> None:
    checked_reference(asked.reference, "user.reference")
    for field, values in (
        ("roles", asked.roles),
        ("teams", asked.teams),
        ("record_types", asked.record_types),
    ):
        _check_references(values, f"user.{field}")
        no_repeats(values, f"user.{field}")
    match asked.kind:
        case UserKind.STAFF:
            for field, given in (("owner", asked.owner), ("record_types", asked.record_types)):
                if given:
                    raise InvalidArgumentError(
                        f"user.{field}", "ONLY_FOR_JOBS", f"a member of staff has no `user.{field}`"
                    )
        case UserKind.JOB:
            if not asked.owner:
                raise InvalidArgumentError(
                    "user.owner", "REQUIRED", "a job has an accountable owner, a user's reference"
                )
            if asked.owner == asked.reference:
                raise InvalidArgumentError("user.owner", "OWNS_ITSELF", "a job is not its own owner")
            if asked.person:
                raise InvalidArgumentError("user.person", "ONLY_FOR_STAFF", "a job is no person's login")
        case _:
            raise InvalidArgumentError("user.kind", "UNKNOWN_WORD", "`user.kind` is `staff` or `job`")


def check_issue(asked: IssueToken) -> None:
    if bool(asked.system) == bool(asked.principal):
        raise InvalidArgumentError(
            "principal", "EXACTLY_ONE", "a token belongs to a `system` or to a `principal`, and never to both"
        )
    if asked.principal:
        checked_reference(asked.principal, "principal")
        if not asked.roles:
            raise InvalidArgumentError("roles", "REQUIRED", "a person who manages has at least one role")
        no_repeats(asked.roles, "roles")
    elif asked.roles:
        raise InvalidArgumentError("roles", "ONLY_FOR_PEOPLE", "a system has a grant, and no `roles`")
    if not 0 <= asked.valid_days <= MAX_DAYS:
        raise InvalidArgumentError(
            "valid_days", "OUT_OF_RANGE", f"`valid_days` is 1 to {MAX_DAYS}, or 0 for {DEFAULT_DAYS}"
        )


def _check_references(values: tuple[str, ...], field: str) -> None:
    for i, value in enumerate(values):
        checked_reference(value, f"{field}[{i}]")
