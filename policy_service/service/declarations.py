"""What one document holds, said for its digest alone. Nothing is assumed to be in it besides.

A system may say it where it is granted to, for the records that it may ask about and on behalf of a user;
what a privacy officer said no system says differently.
"""

from __future__ import annotations

from dataclasses import dataclass

from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    NotAvailableError,
    UnauthenticatedError,
)
from policy_service.model.facts import ContentDeclaration, Controller, PartType, System
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import NOTHING_NOTED, Draft, Granted, Note
from policy_service.service.drafting import Occasion
from policy_service.service.pages import FIRST_PAGE, PageAsked
from policy_service.service.record_types import check_parts
from policy_service.service.words import checked_key, checked_reference, required

DECLARERS = frozenset({StaffRole.PRIVACY_OFFICER})
MAY_DECLARE = Granted("declare_contents", lambda system: system.declare_contents)
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class DeclareContents:
    digest: bytes
    """SHA-256 of the document."""
    record: str
    field: str
    parts: tuple[PartType, ...]
    user: str = ""
    """On whose behalf a system declares it."""
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class ListDeclarations:
    digest: bytes = b""
    """Of one document, SHA-256; empty: of all of them."""
    page: PageAsked = FIRST_PAGE


def drafted_declaration(
    view: FactsView, occasion: Occasion, asked: DeclareContents
) -> Draft[ContentDeclaration]:
    """The declaration as it is kept, in the place of an earlier one for the same digest, record and field."""
    _check(asked, by_system=bool(occasion.caller.system))
    controller, digest = occasion.controller, asked.digest.hex()
    view.prefetch(keys.declarations(controller, digest))
    if occasion.caller.system:
        _check_system(view, controller, occasion.caller.system, asked)
    there = next(
        (
            each
            for each in view.declarations(controller, digest)
            if (each.record, each.field) == (asked.record, asked.field)
        ),
        None,
    )
    if there is not None and occasion.caller.system and not there.user:
        raise ConflictError("DECLARED_BY_AN_OFFICER", "a privacy officer has said what this document holds")
    declaration = ContentDeclaration(
        declaration_id=random_id() if there is None else there.declaration_id,
        controller=controller,
        digest=digest,
        record=asked.record,
        field=asked.field,
        declared_by=occasion.caller.system or occasion.caller.principal,
        user=asked.user,
        declared_at=occasion.now,
        parts=asked.parts,
    )
    return Draft(declaration, (declaration,))


def checked_digest(digest: bytes, field: str) -> bytes:
    if len(digest) != DIGEST_BYTES:
        raise InvalidArgumentError(
            field, "BAD_DIGEST", f"`{field}` must be the {DIGEST_BYTES} bytes of a SHA-256"
        )
    return digest


def _check(asked: DeclareContents, *, by_system: bool) -> None:
    checked_digest(asked.digest, "declaration.digest")
    checked_reference(asked.record, "declaration.record")
    checked_key(asked.field, "declaration.field")
    required(asked.parts, "declaration.parts")
    check_parts(asked.parts, "declaration.parts", of_one_document=True)
    if by_system and not asked.user:
        raise InvalidArgumentError(
            "declaration.user", "REQUIRED", "a system names in `declaration.user` on whose behalf it declares"
        )
    if asked.user and not by_system:
        raise InvalidArgumentError(
            "declaration.user", "ONLY_FOR_SYSTEMS", "whoever manages declares in his own name"
        )
    if asked.user:
        checked_reference(asked.user, "declaration.user")


def _check_system(view: FactsView, controller: Controller, name: str, asked: DeclareContents) -> None:
    """Whatever it may not ask about is not available to it: an unknown user or record, another's type."""
    view.prefetch(
        keys.system(controller, name),
        keys.user(controller, asked.user),
        keys.record(controller, asked.record),
    )
    system = view.system(controller, name)
    if system is None:
        raise UnauthenticatedError("SYSTEM_SUSPENDED", "the system is not on file any more")
    user, record = view.user(controller, asked.user), view.record(controller, asked.record)
    if (user is None or record is None) and not system.may_describe:
        raise NotAvailableError
    if user is not None and user.suspended:
        raise NotAvailableError
    if record is not None and not _granted(view, system, record.record_type):
        raise NotAvailableError


def _granted(view: FactsView, system: System, record_type: str) -> bool:
    """By the type's own name, or by that of its base."""
    if "*" in system.record_types or record_type in system.record_types:
        return True
    declared = view.record_type(system.controller, record_type)
    return declared is not None and declared.extends in system.record_types
