"""Who may ask, who may manage, and on whose behalf: systems and their grants, users, and API tokens.

An administrator acts for his own organisation. The installation's acts for every one, and names which. What
is suspended, revoked or granted here holds from the next call on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from policy_service.engine.declared import Owner
from policy_service.facts import keys
from policy_service.facts.mapping import F
from policy_service.facts.tokens import make_token
from policy_service.facts.view import FactsView
from policy_service.model.attributes import AttributeValue
from policy_service.model.errors import InvalidArgumentError, NotAvailableError
from policy_service.model.facts import INSTALLATION, Controller, PersonId, RolePurpose, System, Token, User
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import Purpose, StaffRole, UserKind, Verb
from policy_service.service.asking import (
    NOTHING_NOTED,
    Asking,
    Done,
    Draft,
    Found,
    Listed,
    Note,
    any_organisation,
    organisation_or_named,
)
from policy_service.service.attribute_values import check_names, check_values, declared_of
from policy_service.service.desk import ControlDesk, Occasion
from policy_service.service.naming import fact_name
from policy_service.service.pages import PageAsked, Pages
from policy_service.service.people import READERS
from policy_service.service.record_types import check_known
from policy_service.service.references import PersonReferences
from policy_service.service.words import (
    checked_name,
    checked_reference,
    controller_named,
    no_repeats,
    required,
)

ADMINISTRATORS = frozenset({StaffRole.ADMINISTRATOR})

ALL_RECORD_TYPES = "*"
"""In a grant: all record types of the organisation."""
DEFAULT_DAYS = 90
MAX_DAYS = 366

_TOKEN_ID = re.compile(r"[0-9a-f]{16}")


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
class GetUser:
    reference: str


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


@dataclass(frozen=True, slots=True)
class TokenIssued:
    """`secret` is shown to whoever asked, once; only its hash is on file."""

    token: Token
    secret: str

    def __repr__(self) -> str:
        return f"TokenIssued(token={self.token.token_id!r})"


@dataclass(frozen=True, slots=True)
class RevokeToken:
    token_id: str
    note: Note = NOTHING_NOTED


class Access:
    """The use cases of AccessService; administrators, where nothing else is said."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk
        self._references = PersonReferences(desk.fingerprinter)
        self._pages = Pages(desk.fingerprinter)

    async def put_system(self, call: Asking, asked: PutSystem) -> Done[System]:
        """Put a system on file, or replace its whole grant."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[System]:
            _check_system(asked)
            controller = occasion.controller
            named = tuple(name for name in asked.record_types if name != ALL_RECORD_TYPES)
            check_known(view, controller, named, "system.grant.record_types")
            if asked.assert_attributes:
                known = declared_of(view, Owner.USER)
                check_names(asked.assert_attributes, known, "system.grant.assert_attributes")
            there = view.system(controller, asked.name)
            system = System(
                system_id=random_id() if there is None else there.system_id,
                controller=controller,
                name=asked.name,
                record_types=asked.record_types,
                verbs=asked.verbs,
                purposes=asked.purposes,
                may_describe=asked.may_describe,
                assert_roles=asked.assert_roles,
                assert_teams=asked.assert_teams,
                self_service=asked.self_service,
                suspended=asked.suspended,
                role_purposes=asked.role_purposes,
                declare_contents=asked.declare_contents,
                may_explain=asked.may_explain,
                assert_attributes=asked.assert_attributes,
            )
            return Draft(system, (system,))

        for_whom = _named(asked.controller, "system.controller")
        return await self._desk.write(call, ADMINISTRATORS, asked.note, draft, for_whom=for_whom)

    async def put_user(self, call: Asking, asked: PutUser) -> Done[User]:
        """Put a member of staff or a job on file, or replace what is there under its reference."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[User]:
            _check_user(asked)
            controller = occasion.controller
            view.prefetch(
                *(
                    keys.user(controller, reference)
                    for reference in (asked.reference, asked.owner)
                    if reference
                )
            )
            check_known(view, controller, asked.record_types, "user.record_types")
            if asked.attributes:
                check_values(asked.attributes, declared_of(view, Owner.USER), "user.attributes")
            if asked.kind is UserKind.JOB:
                _check_owner(view.user(controller, asked.owner))
            person_id = PersonId("")
            if asked.person:
                person_id = self._references.find_one(view, controller, asked.person, "user.person").person_id
            there = view.user(controller, asked.reference)
            user = User(
                user_id=random_id() if there is None else there.user_id,
                controller=controller,
                reference=asked.reference,
                kind=asked.kind,
                person_id=person_id,
                roles=asked.roles,
                teams=asked.teams,
                organisation=asked.organisation,
                owner=asked.owner,
                record_types=asked.record_types,
                suspended=asked.suspended,
                attributes=asked.attributes,
            )
            return Draft(user, (user,))

        for_whom = _named(asked.controller, "user.controller")
        return await self._desk.write(call, ADMINISTRATORS, asked.note, draft, for_whom=for_whom)

    async def get_user(self, call: Asking, asked: GetUser) -> User:
        """A user on file; another organisation's is not available. Privacy officers and auditors, too, who
        answer for what policies make of roles, teams and attributes.
        """

        async def look(view: FactsView, controller: Controller) -> Found[User]:
            user = view.user(controller, asked.reference)
            if user is None:
                raise NotAvailableError
            return Found(user, (fact_name(user),))

        return await self._desk.read(call, READERS, look)

    async def issue_token(self, call: Asking, asked: IssueToken) -> Done[TokenIssued]:
        """Issue a token to a system, or to a person who manages.

        Only the installation's administrator can issue for the installation (by naming no organisation), and
        only to a person: no system asks for every organisation.
        """
        made = make_token()

        def draft(view: FactsView, occasion: Occasion) -> Draft[TokenIssued]:
            _check_issue(asked)
            controller = occasion.controller
            if asked.system and view.system(controller, asked.system) is None:
                raise InvalidArgumentError("system", "UNKNOWN_SYSTEM", "`system` names no system on file")
            token = Token(
                token_id=made.token_id,
                controller=controller,
                secret_hash=made.secret_hash,
                created_at=occasion.now,
                expires_at=occasion.now + timedelta(days=asked.valid_days or DEFAULT_DAYS),
                system=asked.system,
                principal=asked.principal,
                roles=asked.roles,
            )
            return Draft(TokenIssued(token, made.text), (token,))

        for_whom = _named(asked.controller, "controller", installation=bool(asked.principal))
        return await self._desk.write(call, ADMINISTRATORS, asked.note, draft, for_whom=for_whom)

    async def revoke_token(self, call: Asking, asked: RevokeToken) -> Done[Token]:
        """Revoke a token, from the next call on. One that is revoked already stays so from when it was first.

        Another organisation's token is not available, like one that was never issued.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[Token]:
            if not _TOKEN_ID.fullmatch(asked.token_id):
                raise InvalidArgumentError(
                    "token_id", "BAD_ID", "`token_id` is not the public prefix of a token"
                )
            token = view.token(asked.token_id)
            if token is None or occasion.controller not in {token.controller, INSTALLATION}:
                raise NotAvailableError
            revoked = token if token.revoked_at else replace(token, revoked_at=occasion.now)
            return Draft(revoked, (revoked,), controller=revoked.controller)

        return await self._desk.write(call, ADMINISTRATORS, asked.note, draft, for_whom=any_organisation)

    async def list_systems(self, call: Asking, asked: PageAsked) -> Listed[System]:
        """A page of the systems of the organisation; of all where an installation's token names none."""
        return await self._list(call, asked, System, lambda system: system.system_id)

    async def list_tokens(self, call: Asking, asked: PageAsked) -> Listed[Token]:
        """A page of the tokens of the organisation, as `list_systems`. No answer shows a secret or its
        hash.
        """
        return await self._list(call, asked, Token, lambda token: token.token_id)

    async def list_users(self, call: Asking, asked: PageAsked) -> Listed[User]:
        """A page of the users of the organisation, as `list_systems`; for whom `get_user` is."""
        return await self._list(call, asked, User, lambda user: user.user_id, roles=READERS)

    async def _list(
        self,
        call: Asking,
        asked: PageAsked,
        kind: type[F],
        id_of: Callable[[F], str],
        *,
        roles: frozenset[StaffRole] = ADMINISTRATORS,
    ) -> Listed[F]:
        async def look(view: FactsView, controller: Controller) -> Found[Listed[F]]:
            listing = (call.method, controller)
            page = self._pages.read(asked, *listing)
            of = None if controller == INSTALLATION else controller
            found = await self._desk.facts.page(kind, of, page.after, page.size + 1, view.revision)
            listed = self._pages.listed(found, page, [id_of(fact) for fact in found], *listing)
            return Found(listed, tuple(fact_name(fact) for fact in listed.items))

        return await self._desk.read(call, roles, look, for_whom=any_organisation)


def _named(named: str, field: str, *, installation: bool = False) -> Callable[[Asking], Controller]:
    """Whose it is to be: the caller's own organisation, or for the installation's administrator the one that
    is named; with `installation` none need be.
    """

    def for_whom(call: Asking) -> Controller:
        controller = organisation_or_named(call, named, field)
        if controller != INSTALLATION:
            return controller_named(controller, field)
        if not installation:
            raise InvalidArgumentError(
                field, "CONTROLLER_REQUIRED", f"an installation's token names the organisation in `{field}`"
            )
        return controller

    return for_whom


def _check_system(asked: PutSystem) -> None:
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


def _check_user(asked: PutUser) -> None:
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


def _check_owner(owner: User | None) -> None:
    if owner is None:
        raise InvalidArgumentError("user.owner", "UNKNOWN_USER", "`user.owner` names no user on file")
    if owner.kind is not UserKind.STAFF:
        raise InvalidArgumentError("user.owner", "OWNER_IS_A_JOB", "a job's owner is a member of staff")


def _check_issue(asked: IssueToken) -> None:
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
