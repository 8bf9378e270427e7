"""Who may ask, who may manage, and on whose behalf: systems and their grants, users, and API tokens.

An administrator acts for his own organisation. The installation's acts for every one, and names which. What
is suspended, revoked or granted here holds from the next call on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from policy_service.engine.declared import Owner
from policy_service.facts import keys
from policy_service.facts.mapping import F
from policy_service.facts.tokens import make_token
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError, NotAvailableError
from policy_service.model.facts import INSTALLATION, Controller, PersonId, System, Token, User
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import StaffRole, UserKind
from policy_service.service.access_asked import (
    ALL_RECORD_TYPES,
    DEFAULT_DAYS,
    IssueToken,
    PutSystem,
    PutUser,
    check_issue,
    check_system,
    check_user,
)
from policy_service.service.asking import (
    NOTHING_NOTED,
    Asking,
    Done,
    Draft,
    Found,
    Listed,
    Note,
    any_organisation,
    organisation,
    organisation_or_named,
)
from policy_service.service.attribute_values import check_names, check_values, declared_of
from policy_service.service.desk import ControlDesk
from policy_service.service.drafting import Occasion
from policy_service.service.history import Histories, HistoryOf, Sought, Version
from policy_service.service.naming import fact_name
from policy_service.service.pages import PageAsked, Pages
from policy_service.service.past import AsOf
from policy_service.service.people import READERS
from policy_service.service.record_types import check_known
from policy_service.service.references import PersonReferences
from policy_service.service.words import controller_named

ADMINISTRATORS = frozenset({StaffRole.ADMINISTRATOR})

_TOKEN_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class GetUser:
    reference: str
    as_of: AsOf | None = None


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
        self._pages = Pages(desk.fingerprinter, seal=desk.past.seal)
        self._histories = Histories(desk)

    async def put_system(self, call: Asking, asked: PutSystem) -> Done[System]:
        """Put a system on file, or replace its whole grant."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[System]:
            check_system(asked)
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
            check_user(asked)
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

        return await self._desk.read(call, READERS, look, as_of=asked.as_of)

    async def issue_token(self, call: Asking, asked: IssueToken) -> Done[TokenIssued]:
        """Issue a token to a system, or to a person who manages.

        Only the installation's administrator can issue for the installation (by naming no organisation), and
        only to a person: no system asks for every organisation.
        """
        made = make_token()

        def draft(view: FactsView, occasion: Occasion) -> Draft[TokenIssued]:
            check_issue(asked)
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
            token = view.token(_checked_token_id(asked.token_id))
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

    async def history(self, call: Asking, asked: HistoryOf) -> Listed[Version[System | User | Token]]:
        """The versions of a user, for whom `get_user` is, or of a system or token, for administrators."""
        of_user, of_token = asked.kind is User, asked.kind is Token

        async def sought(_: Controller) -> Sought[Any, System | User | Token]:
            return _sought(asked)

        return await self._histories.read(
            call,
            asked,
            READERS if of_user else ADMINISTRATORS,
            sought,
            for_whom=any_organisation if of_token else organisation,
        )

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
            page = self._pages.read(asked, *listing, at=view.revision)
            of = None if controller == INSTALLATION else controller
            found = await self._desk.facts.page(kind, of, page.after, page.size + 1, view.revision)
            listed = self._pages.listed(found, page, [id_of(fact) for fact in found], *listing)
            return Found(listed, tuple(fact_name(fact) for fact in listed.items))

        return await self._desk.read(
            call, roles, look, for_whom=any_organisation, as_of=asked.as_of, page_token=asked.token
        )


def _sought(asked: HistoryOf) -> Sought[Any, System | User | Token]:
    what = asked.what
    if asked.kind is User:
        return Sought(User, {"reference": what}, lambda view, one: view.user(one.controller, what))
    if asked.kind is System:
        return Sought(System, {"name": what}, lambda view, one: view.system(one.controller, what))
    return Sought(Token, {"token_id": _checked_token_id(what)}, lambda view, one: view.token(one.token_id))


def _checked_token_id(token_id: str) -> str:
    if not _TOKEN_ID.fullmatch(token_id):
        raise InvalidArgumentError("token_id", "BAD_ID", "`token_id` is not the public prefix of a token")
    return token_id


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


def _check_owner(owner: User | None) -> None:
    if owner is None:
        raise InvalidArgumentError("user.owner", "UNKNOWN_USER", "`user.owner` names no user on file")
    if owner.kind is not UserKind.STAFF:
        raise InvalidArgumentError("user.owner", "OWNER_IS_A_JOB", "a job's owner is a member of staff")
