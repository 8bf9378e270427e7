"""People and records for the tests of the store, and the changes that put them on file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from policy_service.facts.reader import FactsReader
from policy_service.facts.store import Change, FactStore, Written
from policy_service.model.facts import (
    ArtefactType,
    ContactPoint,
    ContentDeclaration,
    Controller,
    CourtOrder,
    Fact,
    FieldType,
    FiledPolicySet,
    Fingerprint,
    LegalHold,
    Override,
    PartType,
    Person,
    PersonId,
    PersonIdentifier,
    PersonName,
    PolicySet,
    PrivacyRequest,
    Record,
    RecordId,
    RecordParty,
    RecordType,
    Relationship,
    RetentionRule,
    Revision,
    System,
    Token,
    User,
)
from policy_service.model.vocabulary import (
    ContactKind,
    OverrideKind,
    RelationKind,
    RequestKind,
    RequestState,
    Role,
    Verb,
)

POLICE = Controller("police")
NHS = Controller("nhs")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

VERA, ADAM, CHILD = PersonId("vera"), PersonId("adam"), PersonId("child")
PHONE = Fingerprint("f" * 64)
HOME = Fingerprint("a" * 64)

vera = Person(VERA, POLICE)
adam = Person(ADAM, POLICE)
vera_nhs_number = PersonIdentifier("identifier-1", POLICE, VERA, "nhs_number", Fingerprint("1" * 64))
adverse = Relationship("relationship-1", POLICE, ADAM, VERA, RelationKind.ADVERSE_TO)
vera_phone = ContactPoint("point-1", POLICE, VERA, ContactKind.PHONE, PHONE, reference="CRM/7", uprn=HOME)
case_type = RecordType(
    "type-1", POLICE, "case", "base.case", (FieldType("address", ("location.current",), ("victim",)),)
)
letter = ArtefactType("artefact-1", POLICE, "letter", (FieldType("to", ("contact.post",), ("subject",)),))
case = Record(RecordId("record-1"), POLICE, "CR/1", "case", ("dv-unit",))
vera_in_case = RecordParty("party-1", POLICE, case.record_id, "vera", Role.VICTIM, VERA)
vera_name = PersonName("name-1", POLICE, VERA, Fingerprint("2" * 64), Fingerprint("3" * 64))
declared = ContentDeclaration(
    "declaration-1",
    POLICE,
    "d" * 64,
    "CR/1",
    "report",
    "crm",
    "PC-1",
    NOON,
    (PartType("statement", ("abuse.account",), ("victim",), separable=True),),
)
glass_broken = Override(
    "override-1",
    POLICE,
    OverrideKind.BREAK_GLASS,
    "PC-1",
    "CR/1",
    (VERA,),
    ("health.allergies",),
    ("team:dv-unit",),
    "she is unconscious",
    "desk",
    NOON,
    NOON.replace(hour=16),
)
order = CourtOrder(
    "order-1", POLICE, "ORDER/1", "CR/1", (VERA,), ("finance",), ("person:adam",), "desk", NOON, NOON
)
withhold = PrivacyRequest(
    "request-1",
    POLICE,
    VERA,
    RequestKind.WITHHOLD_LOCATION,
    RequestState.ACTIVE,
    received_at=NOON,
    received_by="desk",
    covers=(CHILD,),
)
officer = User("user-1", POLICE, "PC-1", person_id=PersonId("officer"), roles=("investigator",))
crm = System("system-1", POLICE, "crm", ("base.case",), (Verb.SEE,))
token = Token("0123456789abcdef", POLICE, "0" * 64, NOON, NOON.replace(year=2027), system="crm")
policies = PolicySet("set-1", POLICE, (("a.yaml", "uid: a"),), (("base.case", "fields: []"),))
hold = LegalHold("hold-1", POLICE, VERA, "INQ/1", "desk", NOON)
rule = RetentionRule("rule-1", POLICE, "contact_point", 365)
filed = FiledPolicySet("set-1", POLICE, (("a.yaml", "uid: a"),), (("base.case", "fields: []"),))

ONE_OF_EACH: tuple[Fact, ...] = (
    vera,
    vera_nhs_number,
    vera_name,
    adverse,
    vera_phone,
    case_type,
    letter,
    case,
    vera_in_case,
    declared,
    glass_broken,
    order,
    withhold,
    officer,
    crm,
    token,
    policies,
    hold,
    rule,
    filed,
)


@dataclass(frozen=True)
class Kept:
    """A store that several tests write to, and a reader of it."""

    url: str
    store: FactStore
    reader: FactsReader


def change(
    *facts: Fact,
    removed: tuple[Fact, ...] = (),
    actor: str = "principal:priya",
    controller: Controller = POLICE,
    entry_id: str = "entry",
    time: datetime = NOON,
    idempotency_key: str = "",
    body_hash: bytes = b"",
) -> Change:
    return Change(
        actor, controller, "asked by phone", facts, entry_id, time, idempotency_key, body_hash, removed
    )


def entry(revision: Revision) -> bytes:
    """A log entry's bytes: what they are is the log's affair."""
    return f"entry of {revision}".encode()


def put(store: FactStore, *facts: Fact, removed: tuple[Fact, ...] = ()) -> Revision:
    return write(store, change(*facts, removed=removed)).revision


def write(store: FactStore, wanted: Change) -> Written:
    return store.write(wanted, entry)
