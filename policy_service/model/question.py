"""A call to Check as it was asked: parsed, bounded and well-formed, but not yet compared with anything on
file.

References are strings as the calling system wrote them. A *person reference* is the key of a described
person (no colon), or an identifier `scheme:value`. Nothing here is trusted: `service.check` joins it with
the facts and with what the grant allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from policy_service.model.attributes import AttributeValue
from policy_service.model.obligation import ObligationKind
from policy_service.model.vocabulary import (
    Channel,
    ContactKind,
    OrganisationRole,
    PersonKind,
    Purpose,
    RelationKind,
    Role,
    Verb,
)

MAX_QUESTIONS = 4_096
"""Field instances (envelope fields aside) times recipients, counted from the call alone."""


@dataclass(frozen=True, slots=True)
class FieldAsked:
    """A field instance: the field's name and the party that it is about (`""`: all holders of its roles)."""

    name: str
    party: str = ""
    place: str = ""
    """Which place of its data subject a location field shows: the key of a described point or a reference on
    file. `""`: every such place.
    """


@dataclass(frozen=True, slots=True)
class RecipientAsked:
    """Exactly one of `party`, `person` and `team` is set."""

    party: str = ""
    person: str = ""
    team: str = ""
    contact_point: str = ""
    channel: Channel | None = None
    interpreter: str = ""
    """A person reference: through whom it is said to the recipient."""


@dataclass(frozen=True, slots=True)
class DescribedUser:
    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    person: str = ""
    attributes: tuple[AttributeValue, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribedParty:
    party: str
    role: Role
    person: str


@dataclass(frozen=True, slots=True)
class DescribedRecord:
    record_type: str
    teams: tuple[str, ...] = ()
    parties: tuple[DescribedParty, ...] = ()
    premises: str = ""
    """The key of a described postal address that the record is about."""
    attributes: tuple[AttributeValue, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribedPerson:
    key: str
    identifiers: tuple[str, ...] = ()
    kind: PersonKind = PersonKind.PRIVATE
    birth_date: date | None = None
    organisation_roles: tuple[OrganisationRole, ...] = ()
    categories: tuple[str, ...] = ()
    name: str = ""
    """Only its keyed fingerprint is used."""


@dataclass(frozen=True, slots=True)
class DescribedRelationship:
    from_person: str
    to_person: str
    kind: RelationKind
    parental_responsibility: bool = False


@dataclass(frozen=True, slots=True)
class DescribedContactPoint:
    key: str
    kind: ContactKind
    value: str
    owners: tuple[str, ...] = ()
    """Person references, or `party:KEY`."""
    uprn: str = ""
    home: bool = False
    voicemail_safe: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    user: DescribedUser | None = None
    record: DescribedRecord | None = None
    people: tuple[DescribedPerson, ...] = ()
    relationships: tuple[DescribedRelationship, ...] = ()
    contact_points: tuple[DescribedContactPoint, ...] = ()

    @property
    def empty(self) -> bool:
        return self == NOTHING_DESCRIBED


NOTHING_DESCRIBED = Description()


@dataclass(frozen=True, slots=True)
class CheckCall:
    """One call. `verb`, `purpose` and `channel` may be unset; the use case fills in what follows from the
    grant and the verb.
    """

    user: str
    record: str
    fields: tuple[FieldAsked, ...]
    verb: Verb
    purpose: Purpose | None = None
    channel: Channel | None = None
    recipients: tuple[RecipientAsked, ...] = ()
    artefact_type: str = ""
    artefact_digest: bytes = b""
    dispatch_reference: str = ""
    self_service: bool = False
    contact_point: str = ""
    description: Description = NOTHING_DESCRIBED
    capabilities: frozenset[ObligationKind] | None = None
    """Protective obligations that the caller says it can carry out this time; None: all that are on file."""
    assurance: int = 0
    """How the user was authenticated (NIST SP 800-63B, 1 to 3); 0: not said."""
    language: str = ""
    """BCP 47: the language of the texts in the answer."""
    trace_id: bytes = b""
