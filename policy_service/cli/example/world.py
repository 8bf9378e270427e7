"""What a file of the example world may say: the messages of the API, by the same names, and nothing else.

A file is one organisation. People are named by identifiers alone (`scheme:value`), everywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from policy_service.cli.example.models import read_model
from policy_service.cli.exits import Exit, Failure

DEMO: Final = "demo.yaml"


class Strict(BaseModel):
    """Refuses unknown keys and values of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Part(Strict):
    name: str
    categories: list[str] = Field(min_length=1)
    about: list[str] = Field(min_length=1)
    separable: bool = False


class FieldType(Strict):
    name: str
    categories: list[str] = Field(min_length=1)
    about: list[str] = Field(min_length=1)
    parts: list[Part] = []
    premises: bool = False
    mask: str = ""


class RecordType(Strict):
    name: str
    extends: str
    fields: list[FieldType] = []
    secret_roles: list[str] = []
    protection_team: str = ""
    known_to_parents: bool = False
    people_on_file: bool = False
    assurance: int = 0


class Capability(Strict):
    obligation: str
    evidence: str
    until: str


class ArtefactType(Strict):
    name: str
    envelope: list[FieldType] = []
    capabilities: list[Capability] = []


class Person(Strict):
    identifiers: list[str] = Field(min_length=1)
    kind: str = ""
    birth_date: str = ""
    organisation_roles: list[str] = []
    categories: list[str] = []
    names: list[str] = []


class ContactPoint(Strict):
    owner: str
    kind: str
    value: str
    reference: str
    uprn: str = ""
    home: bool = False
    voicemail_safe: bool = False
    verified_at: str = ""
    institution: bool = False
    from_herself: bool = False
    shared: bool = False
    service_address: bool = False


class Relationship(Strict):
    from_person: str
    to_person: str
    kind: str
    basis: str = ""
    parental_responsibility: bool = False
    valid_from: str = ""
    valid_until: str = ""
    review_date: str = ""
    confirmed: bool = False


class Party(Strict):
    party: str
    role: str
    person: str


class Record(Strict):
    reference: str
    record_type: str
    teams: list[str]
    parties: list[Party]
    premises: str = ""
    premises_uprn: str = ""


class Declaration(Strict):
    """What a document holds; `digest` is its SHA-256 in Base64, as JSON spells bytes."""

    digest: str
    record: str
    field: str
    parts: list[Part]


class User(Strict):
    reference: str
    kind: str = ""
    person: str = ""
    roles: list[str] = []
    teams: list[str] = []
    organisation: str = ""
    owner: str = ""
    record_types: list[str] = []
    suspended: bool = False


class Scope(Strict):
    categories: list[str] = []
    record_types: list[str] = []
    records: list[str] = []
    systems: list[str] = []


class SafeContact(Strict):
    contact_points: list[str] = []
    channels: list[str] = []
    hours: list[str] = []
    no_voicemail: bool = False
    neutral_sender: bool = False


class CommunicationSupport(Strict):
    language: str = ""
    modes: list[str] = []
    sign_language: str = ""
    interpreter_gender: list[str] = []
    not_these: list[str] = []
    written_formats: list[str] = []
    access_needs: list[str] = []


class Request(Strict):
    person: str
    kind: str
    covers: list[str] = []
    scope: Scope = Scope()
    recipients: list[str] = []
    everyone_except: bool = False
    purposes: list[str] = []
    legal_basis: str = ""
    raised_by: str = ""
    evidence: str = ""
    valid_from: str = ""
    valid_until: str = ""
    zone: str = ""
    review_date: str = ""
    on_lapse: str = ""
    visibility: str = ""
    safe_contact: SafeContact | None = None
    communication: CommunicationSupport | None = None


class Override(Strict):
    kind: str
    user: str
    record: str
    people: list[str] = []
    categories: list[str] = Field(min_length=1)
    recipients: list[str] = []
    justification: str
    valid_minutes: int = 0


class CourtOrder(Strict):
    reference: str = ""
    record: str
    people: list[str] = Field(min_length=1)
    categories: list[str] = Field(min_length=1)
    recipients: list[str] = Field(min_length=1)
    begins: str = ""
    ends: str


class RolePurpose(Strict):
    purpose: str
    roles: list[str] = Field(min_length=1)


class Grant(Strict):
    record_types: list[str]
    verbs: list[str]
    purposes: list[str]
    may_describe: bool = False
    assert_roles: list[str] = []
    assert_teams: list[str] = []
    self_service: bool = False
    role_purposes: list[RolePurpose] = []
    declare_contents: bool = False
    may_explain: bool = False


class System(Strict):
    name: str
    grant: Grant
    suspended: bool = False


class Organisation(Strict):
    """One file, in the order in which it is put on file: what is named comes before what names it."""

    controller: str
    record_types: list[RecordType] = []
    artefact_types: list[ArtefactType] = []
    people: list[Person] = []
    contact_points: list[ContactPoint] = []
    relationships: list[Relationship] = []
    records: list[Record] = []
    declarations: list[Declaration] = []
    users: list[User] = []
    requests: list[Request] = []
    overrides: list[Override] = []
    orders: list[CourtOrder] = []
    systems: list[System] = []


def read_world(directory: Path) -> list[Organisation]:
    """Read every organisation of a world, in the order of the files' names."""
    files = sorted(path for path in directory.glob("*.yaml") if path.name != DEMO)
    if not files:
        raise Failure(
            f"`{directory}` holds no world",
            do_next="name a folder with one YAML file for each organisation, with --world",
            code=Exit.USAGE,
        )
    return [read_model(path, Organisation) for path in files]
