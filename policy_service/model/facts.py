"""What is on file: one frozen dataclass for each kind of fact.

Every fact has an id of its own (random or UUIDv7 text), the controller that is answerable for it, and is
versioned as a whole: changing it closes the stored row and adds a new one (the store keeps `[revision_from,
revision_to)`, not these classes). Moments are aware datetimes in UTC; dates are civil dates in the fact's
zone, or Europe/London where it has none. Fingerprints are lower-case hex HMAC-SHA-256 values; no fact holds
a phone number, an address or an identifier in clear.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NewType

from policy_service.model.vocabulary import (
    ContactKind,
    OnLapse,
    OrganisationRole,
    PersonKind,
    Purpose,
    RelationKind,
    RequestKind,
    RequestState,
    Role,
    StaffRole,
    UserKind,
    Verb,
    Visibility,
)

Controller = NewType("Controller", str)
PersonId = NewType("PersonId", str)
RecordId = NewType("RecordId", str)
Fingerprint = NewType("Fingerprint", str)
Revision = NewType("Revision", int)

INSTALLATION = Controller("")
"""The controller of what ships with the product, and of the first administrator, who acts for every
organisation.
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody (or an organisation) on file: a protected person, or one that people are protected from."""

    person_id: PersonId
    controller: Controller
    kind: PersonKind = PersonKind.PRIVATE
    birth_date: date | None = None
    organisation_roles: tuple[OrganisationRole, ...] = ()
    categories: tuple[str, ...] = ()
    """For an organisation: the field categories that its contract or declaration names."""


@dataclass(frozen=True, slots=True)
class PersonIdentifier:
    """An identifier recognises a person: `scheme` in clear, scheme and value as a keyed fingerprint."""

    identifier_id: str
    controller: Controller
    person_id: PersonId
    scheme: str
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Relationship:
    """`from_person` is `kind` of `to_person`. `valid_until` is the last day it holds."""

    relationship_id: str
    controller: Controller
    from_person: PersonId
    to_person: PersonId
    kind: RelationKind
    basis: str = ""
    parental_responsibility: bool = False
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class ContactPoint:
    """A phone, e-mail address, postal address or account of one person, known by its fingerprint."""

    contact_point_id: str
    controller: Controller
    person_id: PersonId
    kind: ContactKind
    fingerprint: Fingerprint
    reference: str = ""
    uprn: Fingerprint = Fingerprint("")
    """Fingerprint of the canonical identity of a postal address; empty where it is not known."""
    home: bool = False
    voicemail_safe: bool = False
    verified_at: datetime | None = None
    institution: bool = False


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of a record type, or of an artefact type's envelope. `categories` is never empty."""

    name: str
    categories: tuple[str, ...]
    about: tuple[str, ...]
    """Names of roles, or `co_recipient`."""


@dataclass(frozen=True, slots=True)
class RecordType:
    """An organisation's record type, or (controller `INSTALLATION`, part of a policy set) a base type."""

    record_type_id: str
    controller: Controller
    name: str
    extends: str = ""
    fields: tuple[FieldType, ...] = ()
    secret_roles: tuple[Role, ...] = ()
    protection_team: str = ""


@dataclass(frozen=True, slots=True)
class ArtefactType:
    """A letter class, bundle or message, and the envelope fields that it always carries."""

    artefact_type_id: str
    controller: Controller
    name: str
    envelope: tuple[FieldType, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A record of an organisation, by the organisation's own reference."""

    record_id: RecordId
    controller: Controller
    reference: str
    record_type: str
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordParty:
    """A person's role on a record. `party` is the key by which fields and recipients name her there."""

    record_party_id: str
    controller: Controller
    record_id: RecordId
    party: str
    role: Role
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """What a person asked for, or what is asked for her. Empty scopes mean everything."""

    request_id: str
    controller: Controller
    person_id: PersonId
    kind: RequestKind
    state: RequestState
    received_at: datetime
    received_by: str
    covers: tuple[PersonId, ...] = ()
    categories: tuple[str, ...] = ()
    record_types: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    """Each `person:ID`, `user:REF`, `team:REF` or `role:NAME`."""
    everyone_except: bool = False
    purposes: tuple[Purpose, ...] = ()
    legal_basis: str = ""
    raised_by: str = "self"
    evidence: str = ""
    valid_from: str = ""
    """RFC 3339 time or date as recorded; a restriction protects from its recording all the same."""
    valid_until: str = ""
    """RFC 3339 time or date as recorded; `ends_at` is the moment that follows from it."""
    ends_at: datetime | None = None
    zone: str = "Europe/London"
    review_date: date | None = None
    on_lapse: OnLapse = OnLapse.HOLD
    visibility: Visibility = Visibility.STAFF


@dataclass(frozen=True, slots=True)
class User:
    """A member of staff, or a registered job with an accountable owner, by the organisation's own
    reference.
    """

    user_id: str
    controller: Controller
    reference: str
    kind: UserKind = UserKind.STAFF
    person_id: PersonId = PersonId("")
    """The person who the login belongs to; empty where nobody said."""
    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    organisation: str = ""
    owner: str = ""
    record_types: tuple[str, ...] = ()
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class System:
    """A consuming system and its grant."""

    system_id: str
    controller: Controller
    name: str
    record_types: tuple[str, ...] = ()
    """Names of record types or of base types, or `*`."""
    verbs: tuple[Verb, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    may_describe: bool = False
    assert_roles: tuple[str, ...] = ()
    assert_teams: tuple[str, ...] = ()
    self_service: bool = False
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """An API token of a system, or of a person who manages. Only the hash of its secret is kept."""

    token_id: str
    """The public prefix."""
    controller: Controller
    secret_hash: str
    """Lower-case hex SHA-256 of the secret's bytes (the secret has 256 random bits, so no salt is needed)."""
    created_at: datetime
    expires_at: datetime
    system: str = ""
    principal: str = ""
    roles: tuple[StaffRole, ...] = ()
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PolicySet:
    """A published set: documents and base types as the texts that were published. Immutable."""

    policy_set_id: str
    controller: Controller
    documents: tuple[tuple[str, str], ...]
    """(file name, text) of each policy document, sorted by name."""
    base_types: tuple[tuple[str, str], ...]


Fact = (
    Person
    | PersonIdentifier
    | Relationship
    | ContactPoint
    | RecordType
    | ArtefactType
    | Record
    | RecordParty
    | PrivacyRequest
    | User
    | System
    | Token
    | PolicySet
)
