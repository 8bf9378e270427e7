"""What kinds of records and artefacts an organisation has, and the records that must be on file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policy_service.engine.declared import Owner
from policy_service.facts import keys
from policy_service.facts.history import Rows
from policy_service.facts.mapping import F
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError, NotAvailableError
from policy_service.model.facts import (
    ArtefactType,
    Capability,
    ContentDeclaration,
    Controller,
    FieldType,
    Record,
    RecordParty,
    RecordType,
)
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import Role
from policy_service.service.asking import NOTHING_NOTED, Asking, Done, Draft, Found, Listed, Note
from policy_service.service.attribute_values import check_names, declared_of
from policy_service.service.declarations import (
    DECLARERS,
    MAY_DECLARE,
    DeclareContents,
    ListDeclarations,
    checked_digest,
    drafted_declaration,
)
from policy_service.service.desk import ControlDesk
from policy_service.service.drafting import Occasion
from policy_service.service.history import Histories, HistoryOf, Sought, Version
from policy_service.service.importing import Import, Imported, Prepared, import_items
from policy_service.service.naming import fact_name
from policy_service.service.pages import PageAsked, Pages
from policy_service.service.past import AsOf
from policy_service.service.people import MANAGERS, READERS
from policy_service.service.record_put import PutRecord, RecordPut, record_read
from policy_service.service.record_types import (
    BASE_PREFIX,
    bases_of,
    check_capabilities,
    check_fields,
    check_replaced,
)
from policy_service.service.references import PersonReferences
from policy_service.service.words import checked_id, checked_name, checked_reference, no_repeats

HIGHEST_ASSURANCE = 3


@dataclass(frozen=True, slots=True)
class PutRecordType:
    name: str
    extends: str
    """A base type of the published policy set."""
    fields: tuple[FieldType, ...] = ()
    secret_roles: tuple[Role, ...] = ()
    protection_team: str = ""
    known_to_parents: bool = False
    people_on_file: bool = False
    assurance: int = 0
    attributes: tuple[str, ...] = ()
    """Names of declared attributes of records that its records may have, besides those of the base."""
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class PutArtefactType:
    name: str
    envelope: tuple[FieldType, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class GetRecord:
    reference: str
    as_of: AsOf | None = None


OnFile = RecordPut | RecordType | ArtefactType | ContentDeclaration


class Records:
    """The use cases of RecordService; privacy officers and administrators, where nothing else is said."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk
        self._references = PersonReferences(desk.fingerprinter)
        self._pages = Pages(desk.fingerprinter, seal=desk.past.seal)
        self._histories = Histories(desk)

    async def put_record_type(self, call: Asking, asked: PutRecordType) -> Done[RecordType]:
        """Declare a record type that extends a base type, or replace what is declared under its name."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[RecordType]:
            _check_record_type(asked)
            controller = occasion.controller
            view.prefetch(keys.policy_set(), keys.record_type(controller, asked.name))
            base = bases_of(view).get(asked.extends)
            if base is None:
                raise InvalidArgumentError(
                    "record_type.extends", "UNKNOWN_BASE_TYPE", "`record_type.extends` names no base type"
                )
            check_replaced(asked.fields, base, "record_type.fields")
            if asked.attributes:
                check_names(asked.attributes, declared_of(view, Owner.RECORD), "record_type.attributes")
            there = view.record_type(controller, asked.name)
            record_type = RecordType(
                record_type_id=random_id() if there is None else there.record_type_id,
                controller=controller,
                name=asked.name,
                extends=asked.extends,
                fields=asked.fields,
                secret_roles=asked.secret_roles,
                protection_team=asked.protection_team,
                known_to_parents=asked.known_to_parents,
                people_on_file=asked.people_on_file,
                assurance=asked.assurance,
                attributes=asked.attributes,
            )
            return Draft(record_type, (record_type,))

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def put_artefact_type(self, call: Asking, asked: PutArtefactType) -> Done[ArtefactType]:
        """Declare what a kind of letter, bundle or message always carries, and what its callers were shown to
        carry out; or replace what is declared.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[ArtefactType]:
            _check_own_name(asked.name, "artefact_type.name")
            check_fields(asked.envelope, "artefact_type.envelope")
            check_capabilities(asked.capabilities, "artefact_type.capabilities")
            controller = occasion.controller
            there = view.artefact_type(controller, asked.name)
            artefact_type = ArtefactType(
                artefact_type_id=random_id() if there is None else there.artefact_type_id,
                controller=controller,
                name=asked.name,
                envelope=asked.envelope,
                capabilities=asked.capabilities,
            )
            return Draft(artefact_type, (artefact_type,))

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def put_record(self, call: Asking, asked: PutRecord) -> Done[RecordPut]:
        """Put a record on file with all its parties, or replace what is there; who is not named is a party
        no more. The premises stay where none are named: they cannot be read again, and so not be repeated.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[RecordPut]:
            return self._prepared(asked, occasion.now).draft(view, occasion)

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def import_records(self, call: Asking, asked: Import) -> Done[Imported]:
        """Put records on file, many at once; each as `put_record` does."""
        return await import_items(self._desk, call, MANAGERS, asked, self._prepared)

    async def declare_contents(self, call: Asking, asked: DeclareContents) -> Done[ContentDeclaration]:
        """Say what one document holds, or replace what was said. Privacy officers, and systems granted to."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[ContentDeclaration]:
            return drafted_declaration(view, occasion, asked)

        return await self._desk.write(call, DECLARERS, asked.note, draft, granted=MAY_DECLARE)

    async def get_record(self, call: Asking, asked: GetRecord) -> RecordPut:
        """A record on file, its parties in the order of their keys; another organisation's is not available.
        Auditors too.
        """

        async def look(view: FactsView, controller: Controller) -> Found[RecordPut]:
            record = view.record(controller, asked.reference)
            if record is None:
                raise NotAvailableError
            return Found(_shown(view, record), (fact_name(record),))

        return await self._desk.read(call, READERS, look, as_of=asked.as_of)

    async def history(self, call: Asking, asked: HistoryOf) -> Listed[Version[OnFile]]:
        """The versions of a record with its parties, of a type or a declaration; for whom `get_record` is."""

        async def sought(_: Controller) -> Sought[Any, OnFile]:
            return _sought(asked)

        return await self._histories.read(call, asked, READERS, sought)

    async def list_record_types(self, call: Asking, asked: PageAsked) -> Listed[RecordType]:
        """A page of the organisation's own record types, in the order of their ids. Auditors too."""
        return await self._list(call, asked, RecordType, lambda each: each.record_type_id)

    async def list_artefact_types(self, call: Asking, asked: PageAsked) -> Listed[ArtefactType]:
        """A page of the organisation's artefact types, as `list_record_types`."""
        return await self._list(call, asked, ArtefactType, lambda each: each.artefact_type_id)

    async def list_declarations(self, call: Asking, asked: ListDeclarations) -> Listed[ContentDeclaration]:
        """A page of what was declared of documents, or of one document, as `list_record_types`."""

        def of_this(view: FactsView, controller: Controller) -> tuple[ContentDeclaration, ...]:
            return view.declarations(controller, checked_digest(asked.digest, "digest").hex())

        return await self._list(
            call,
            asked.page,
            ContentDeclaration,
            lambda each: each.declaration_id,
            of_this if asked.digest else None,
            asked.digest.hex(),
        )

    async def _list(
        self,
        call: Asking,
        asked: PageAsked,
        kind: type[F],
        id_of: Callable[[F], str],
        of_these: Callable[[FactsView, Controller], tuple[F, ...]] | None = None,
        filtered: str = "",
    ) -> Listed[F]:
        """A page of all of the organisation's facts of a kind, or `of_these`; `filtered` says which."""

        async def look(view: FactsView, controller: Controller) -> Found[Listed[F]]:
            listing = (call.method, controller, filtered)
            page = self._pages.read(asked, *listing, at=view.revision)
            if of_these is None:
                found = await self._desk.facts.page(
                    kind, controller, page.after, page.size + 1, view.revision
                )
            else:
                following = [each for each in of_these(view, controller) if id_of(each) > page.after]
                found = tuple(following[: page.size + 1])
            listed = self._pages.listed(found, page, [id_of(each) for each in found], *listing)
            return Found(listed, tuple(fact_name(each) for each in listed.items))

        return await self._desk.read(call, READERS, look, as_of=asked.as_of, page_token=asked.token)

    def _prepared(self, asked: PutRecord, _: datetime) -> Prepared:
        read = record_read(self._references, self._desk.fingerprinter, asked)
        return Prepared(read.wanted, read.draft, 1 + len(asked.parties))


def _shown(view: FactsView, record: Record) -> RecordPut:
    """The record, its parties in the order of their keys."""
    parties = sorted(view.parties_of(record.record_id), key=lambda each: (each.party, each.role))
    return RecordPut(record, tuple(parties))


def _sought(asked: HistoryOf) -> Sought[Any, OnFile]:
    """What a history is of, by the name that Put gives it, or a declaration by its id."""
    what = asked.what
    if asked.kind is Record:

        def shown(view: FactsView, newest: Record) -> RecordPut | None:
            record = view.record(newest.controller, newest.reference)
            return None if record is None else _shown(view, record)

        return Sought(
            Record, {"reference": what}, shown, lambda ids: (Rows(RecordParty, {"record_id": ids}),)
        )
    if asked.kind is ContentDeclaration:

        def declared(view: FactsView, newest: ContentDeclaration) -> ContentDeclaration | None:
            of_document = view.declarations(newest.controller, newest.digest)
            return next((each for each in of_document if each.declaration_id == newest.declaration_id), None)

        return Sought(ContentDeclaration, {"declaration_id": checked_id(what, "declaration_id")}, declared)
    if asked.kind is RecordType:
        return Sought(RecordType, {"name": what}, lambda view, one: view.record_type(one.controller, what))
    return Sought(ArtefactType, {"name": what}, lambda view, one: view.artefact_type(one.controller, what))


def _check_own_name(name: str, field: str) -> None:
    checked_name(name, field)
    if name.startswith(BASE_PREFIX):
        raise InvalidArgumentError(
            field, "RESERVED_NAME", f"`{field}` begins with `{BASE_PREFIX}`, as base types alone do"
        )


def _check_record_type(asked: PutRecordType) -> None:
    _check_own_name(asked.name, "record_type.name")
    check_fields(asked.fields, "record_type.fields")
    no_repeats(asked.secret_roles, "record_type.secret_roles")
    if asked.protection_team:
        checked_reference(asked.protection_team, "record_type.protection_team")
    if not 0 <= asked.assurance <= HIGHEST_ASSURANCE:
        raise InvalidArgumentError(
            "record_type.assurance",
            "OUT_OF_RANGE",
            f"`record_type.assurance` is 1 to {HIGHEST_ASSURANCE}, or 0 for none",
        )
