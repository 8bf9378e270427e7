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

from policy_service.model.attributes import AttributeValue
from policy_service.model.obligation import ObligationKind
from policy_service.model.vocabulary import (
    PROTECTING_STATES,
    Channel,
    ContactKind,
    InterpreterGender,
    InterpreterMode,
    OnLapse,
    OrganisationRole,
    OverrideKind,
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
    WrittenFormat,
)

Controller = NewType("Controller", str)
PersonId = NewType("PersonId", str)
RecordId = NewType("RecordId", str)
Fingerprint = NewType("Fingerprint", str)
Revision = NewType("Revision", int)

INSTALLATION = Controller("")
KEPT = Controller("-kept")
"""Has what one organisation has erased and another's protections rest on: nobody acts for it, so nobody reads
it, and decisions go by it as by anybody's facts.
"""
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
class PersonName:
    """A name of a person as a keyed fingerprint, in one spelling. With a birth date, or with a contact point,
    it makes a described person a *possible match*, and never more.
    """

    name_id: str
    controller: Controller
    person_id: PersonId
    fingerprint: Fingerprint
    with_birth_date: Fingerprint = Fingerprint("")
    """Of the name and the person's birth date together; empty where the date is not known."""


@dataclass(frozen=True, slots=True)
class Relationship:
    """`from_person` is `kind` of `to_person`. `valid_until` is the last day it holds.

    An `adverse_to` whose basis is an allegation has a `review_date`, and `confirmed_at` once an officer has
    confirmed it; `recorded_at` says which of two that contradict each other was first.
    """

    relationship_id: str
    controller: Controller
    from_person: PersonId
    to_person: PersonId
    kind: RelationKind
    basis: str = ""
    parental_responsibility: bool = False
    valid_from: date | None = None
    valid_until: date | None = None
    recorded_at: datetime | None = None
    review_date: date | None = None
    confirmed_at: datetime | None = None
    confirmed_by: str = ""


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
    from_herself: bool = False
    """The person herself said that it is hers."""
    shared: bool = False
    """Somebody said that others open it, without saying who."""
    service_address: bool = False
    """A postal address that may stand where her home would show: an office, a solicitor's, a post box."""


@dataclass(frozen=True, slots=True)
class PartType:
    """A part of a document. One that is `separable` can be taken out where it is denied."""

    name: str
    categories: tuple[str, ...]
    about: tuple[str, ...]
    """Names of roles; in a declaration for one digest also keys of parties, `party:KEY`."""
    separable: bool = False


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of a record type, or of an artefact type's envelope. `categories` is never empty."""

    name: str
    categories: tuple[str, ...]
    about: tuple[str, ...]
    """Names of roles, or `co_recipient`."""
    parts: tuple[PartType, ...] = ()
    """For a document: what is in it besides what `categories` say of the whole."""
    premises: bool = False
    """A location field that shows the record's premises, and not the homes of those whom it is about."""
    mask: str = ""
    """Which part of the value does for those who need no more, e.g. `last4`; empty: no part of it."""


@dataclass(frozen=True, slots=True)
class Capability:
    """A protective obligation that the callers of an artefact type were shown to carry out."""

    obligation: ObligationKind
    evidence: str
    until: date
    """The last day on which it counts."""


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
    known_to_parents: bool = False
    """Adoption: the secret roles are known to parents by order on file, too, and that they are there is no
    secret.
    """
    people_on_file: bool = False
    """A party who is on nobody's file is no ordinary person here: the record is denied."""
    assurance: int = 0
    """The authentication assurance level (NIST SP 800-63B, 1 to 3) that a user needs; 0: none."""
    attributes: tuple[str, ...] = ()
    """Names of declared attributes that its records may have; those of its base are added."""


@dataclass(frozen=True, slots=True)
class ArtefactType:
    """A letter class, bundle or message, and the envelope fields that it always carries."""

    artefact_type_id: str
    controller: Controller
    name: str
    envelope: tuple[FieldType, ...] = ()
    capabilities: tuple[Capability, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A record of an organisation, by the organisation's own reference."""

    record_id: RecordId
    controller: Controller
    reference: str
    record_type: str
    teams: tuple[str, ...] = ()
    premises: Fingerprint = Fingerprint("")
    """Fingerprint of the postal address that the record is about (a tenancy's); empty where there is none."""
    premises_uprn: Fingerprint = Fingerprint("")
    attributes: tuple[AttributeValue, ...] = ()


@dataclass(frozen=True, slots=True)
class ContentDeclaration:
    """What one document holds, said by somebody who is granted `declare_contents`, for one digest alone."""

    declaration_id: str
    controller: Controller
    digest: str
    """SHA-256 of the document, lower-case hex."""
    record: str
    field: str
    declared_by: str
    """The system or the person who manages."""
    user: str
    """The user on whose behalf, as the system names him; empty where a manager declared it."""
    declared_at: datetime
    parts: tuple[PartType, ...] = ()


@dataclass(frozen=True, slots=True)
class Override:
    """What people asked for is set aside for one user, on one record, for what it names, until it ends."""

    override_id: str
    controller: Controller
    kind: OverrideKind
    user: str
    record: str
    people: tuple[PersonId, ...]
    """The data subjects; empty: every party of the record."""
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    """Besides the user himself: `person:ID`, `user:REF` or `team:REF`."""
    reason: str
    granted_by: str
    granted_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class CourtOrder:
    """A court compels the disclosure of what it names to whom it names, while it runs."""

    order_id: str
    controller: Controller
    reference: str
    record: str
    people: tuple[PersonId, ...]
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    """`person:ID` or `team:REF`; one that names a representative names his client."""
    recorded_by: str
    begins_at: datetime
    ends_at: datetime


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
class SafeContact:
    """How alone a person may be reached; what is empty is not restricted."""

    contact_points: tuple[str, ...] = ()
    """Ids of contact points on file for her."""
    channels: tuple[Channel, ...] = ()
    hours: tuple[str, ...] = ()
    """Each `DAYS HH:MM-HH:MM` in the request's zone, e.g. `mon-fri 09:30-14:00`."""
    no_voicemail: bool = False
    neutral_sender: bool = False


@dataclass(frozen=True, slots=True)
class CommunicationSupport:
    """What a person needs in order to understand and to be understood."""

    language: str = ""
    """BCP 47, e.g. `pl`; empty where the organisation's own does."""
    modes: tuple[InterpreterMode, ...] = ()
    sign_language: str = ""
    """BCP 47, e.g. `bfi` for British Sign Language."""
    interpreter_gender: tuple[InterpreterGender, ...] = ()
    not_these: tuple[PersonId, ...] = ()
    """Never these people as interpreters."""
    written_formats: tuple[WrittenFormat, ...] = ()
    access_needs: tuple[str, ...] = ()
    """Names that the organisation gives, e.g. `hearing-loop`."""


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
    begins_at: datetime | None = None
    """The moment that follows from `valid_from`; an authorisation waits for it."""
    safe_contact: SafeContact | None = None
    communication: CommunicationSupport | None = None

    def is_in_force(self, now: datetime) -> bool:
        """Whether it protects at a moment: one that was to lapse protects until then, whatever its state."""
        lapsed = self.on_lapse is OnLapse.LAPSE and self.ends_at is not None and self.ends_at <= now
        return self.state in PROTECTING_STATES and not lapsed


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
    attributes: tuple[AttributeValue, ...] = ()


@dataclass(frozen=True, slots=True)
class RolePurpose:
    """A purpose that a system may assert for users of these roles alone."""

    purpose: Purpose
    roles: tuple[str, ...]


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
    role_purposes: tuple[RolePurpose, ...] = ()
    declare_contents: bool = False
    may_explain: bool = False
    assert_attributes: tuple[str, ...] = ()
    """Names of declared attributes of users that count by this system's word."""


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
    """The published set: documents, base types and so on as the texts that were published. One at most."""

    policy_set_id: str
    controller: Controller
    documents: tuple[tuple[str, str], ...]
    """(file name, text) of each policy document, sorted by name."""
    base_types: tuple[tuple[str, str], ...]
    messages: tuple[tuple[str, str], ...] = ()
    """(file name, text) of each file of messages, named by its language."""
    attributes: tuple[tuple[str, str], ...] = ()
    """(file name, text) of each attribute that the set declares."""


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Nothing about this person is erased while it stands. Lifting it closes the row."""

    hold_id: str
    controller: Controller
    person_id: PersonId
    matter: str
    """The reference of what it is held for: a claim, an inquiry."""
    placed_by: str
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """How long an organisation keeps what is over, of one kind of fact."""

    rule_id: str
    controller: Controller
    kind: str
    """The kind as log entries name it, e.g. `contact_point`."""
    days: int
    """Whole days after a version was replaced or removed, or after the fact ended."""


@dataclass(frozen=True, slots=True)
class FiledPolicySet:
    """A set that is on file: it may be published, may have been, or never was. Its id is the hash of its
    texts, so that they never change; those fields are `PolicySet`'s. Its cases are no part of it, and may.
    """

    policy_set_id: str
    controller: Controller
    documents: tuple[tuple[str, str], ...]
    base_types: tuple[tuple[str, str], ...]
    messages: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    cases: tuple[tuple[str, str], ...] = ()
    """(file name, text) of each file of cases that the set was tried on last, sorted by name."""
    tried: int = 0
    """How many cases these are, their variants counted; all of them came out as expected."""


Fact = (
    Person
    | PersonIdentifier
    | PersonName
    | Relationship
    | ContactPoint
    | RecordType
    | ArtefactType
    | Record
    | RecordParty
    | ContentDeclaration
    | Override
    | CourtOrder
    | PrivacyRequest
    | User
    | System
    | Token
    | PolicySet
    | LegalHold
    | RetentionRule
    | FiledPolicySet
)
