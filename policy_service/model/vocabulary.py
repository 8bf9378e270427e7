"""The words of the field, as closed sets.

Names follow XACML (gate results, obligations), HL7 v3 / FHIR consent codes (request kinds, purposes of use)
and the project's own three gates. The values are what stands in policies, in the protos, in the store and in
the log, so a value is never renamed; a new one is added.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Verb(StrEnum):
    """What is asked: may the user see it, or may it be sent to the recipients named."""

    SEE = "see"
    SEND = "send"


class Effect(StrEnum):
    """The effect of a policy and of a cell. The default is always `DENY`."""

    PERMIT = "permit"
    DENY = "deny"


class Gate(StrEnum):
    """Three policy sets; each must permit.

    `AUTHORITY` is asked once per user and record, `DISCLOSURE` per field, data subject and recipient,
    `DELIVERY` once per recipient. `ANSWER` takes obligations only and is asked once, when all cells are
    known.
    """

    AUTHORITY = "authority"
    DISCLOSURE = "disclosure"
    DELIVERY = "delivery"
    ANSWER = "answer"


class Tier(IntEnum):
    """Inside a gate the highest tier that has an outcome decides; a tier holds denies or permits, never
    both.
    """

    ABSOLUTE = 900
    COURT_ORDER = 800
    STATUTE = 700
    OVERRIDE = 600
    REQUEST = 500
    BASELINE = 300
    BASIS = 100

    @property
    def effect(self) -> Effect:
        """The one effect that policies of this tier have."""
        return _TIER_EFFECT[self]

    @property
    def label(self) -> str:
        """The tier's name as policies and log entries spell it, e.g. `court_order`."""
        return self.name.lower()


_TIER_EFFECT = {
    Tier.ABSOLUTE: Effect.DENY,
    Tier.COURT_ORDER: Effect.PERMIT,
    Tier.STATUTE: Effect.DENY,
    Tier.OVERRIDE: Effect.PERMIT,
    Tier.REQUEST: Effect.DENY,
    Tier.BASELINE: Effect.DENY,
    Tier.BASIS: Effect.PERMIT,
}


class Purpose(StrEnum):
    """Purpose of use (HL7 v3 ActReason / PurposeOfUse where a code exists)."""

    CARE = "care"
    EMERGENCY = "emergency"
    CASEWORK = "casework"
    SAFEGUARDING = "safeguarding"
    COURT = "court"
    SERVICE_OF_DOCUMENTS = "service_of_documents"
    STATUTORY_DUTY = "statutory_duty"
    CRIME = "crime"
    SUBJECT_ACCESS = "subject_access"
    SCHEME_DISCLOSURE = "scheme_disclosure"
    BILLING = "billing"
    AUDIT = "audit"
    RECORDS = "records"
    RESEARCH = "research"
    MARKETING = "marketing"


class Channel(StrEnum):
    """How it is shown or sent."""

    SEE_SCREEN = "see.screen"
    SEE_PRINT = "see.print"
    POST = "post"
    EMAIL = "email"
    PHONE_LIVE = "phone.live"
    PHONE_VOICEMAIL = "phone.voicemail"
    SMS = "sms"
    PORTAL = "portal"
    SHARED_JOURNAL = "shared_journal"
    IN_PERSON = "in_person"
    VIA_INTERPRETER = "via_interpreter"
    BUNDLE = "bundle"
    API = "api"

    @property
    def is_spoken(self) -> bool:
        """True where somebody speaks with the recipient, so that an interpreter can be needed."""
        return self in _SPOKEN

    @property
    def is_by_phone(self) -> bool:
        """True where a phone rings, and a voice may be recorded."""
        return self in _BY_PHONE


_SPOKEN = frozenset({Channel.PHONE_LIVE, Channel.IN_PERSON, Channel.VIA_INTERPRETER})
_BY_PHONE = frozenset({Channel.PHONE_LIVE, Channel.PHONE_VOICEMAIL})


class Role(StrEnum):
    """What a person is on a record. The last four are professional roles, the others lay ones."""

    SUBJECT = "subject"
    APPLICANT = "applicant"
    INFORMANT = "informant"
    VICTIM = "victim"
    WITNESS = "witness"
    ALLEGED_PERPETRATOR = "alleged_perpetrator"
    PERSON_ASKED_ABOUT = "person_asked_about"
    CHILD = "child"
    PARENT = "parent"
    CARER = "carer"
    HOUSEHOLD_MEMBER = "household_member"
    JOINT_CUSTOMER = "joint_customer"
    OPPOSING_PARTY = "opposing_party"
    NEXT_OF_KIN = "next_of_kin"
    LEGAL_REPRESENTATIVE = "legal_representative"
    INTERPRETER = "interpreter"
    SUPERVISING_OFFICER = "supervising_officer"
    AUTHOR = "author"

    @property
    def is_lay(self) -> bool:
        """True for a person whose own life the record is about, false for somebody at work."""
        return self not in _PROFESSIONAL_ROLES

    @property
    def is_contact(self) -> bool:
        """True for somebody who is told how the subject is: a carer, the next of kin."""
        return self in _CONTACT_ROLES


_PROFESSIONAL_ROLES = frozenset(
    {Role.LEGAL_REPRESENTATIVE, Role.INTERPRETER, Role.SUPERVISING_OFFICER, Role.AUTHOR}
)
_CONTACT_ROLES = frozenset({Role.CARER, Role.NEXT_OF_KIN})

CO_RECIPIENT = "co_recipient"
"""What a field may be about besides a role: each other recipient of the same send."""


class RelationKind(StrEnum):
    """A directed, dated relationship: `A parent_of C`, `A adverse_to V`."""

    PARTNER = "partner"
    EX_PARTNER = "ex_partner"
    PARENT_OF = "parent_of"
    GUARDIAN_OF = "guardian_of"
    FOSTER_CARER_OF = "foster_carer_of"
    SIBLING = "sibling"
    CARER_OF = "carer_of"
    LIVES_WITH = "lives_with"
    REPRESENTS = "represents"
    INTERPRETS_FOR = "interprets_for"
    MANAGES = "manages"
    ADVERSE_TO = "adverse_to"
    SAME_PERSON_AS = "same_person_as"
    NOT_SAME_PERSON_AS = "not_same_person_as"
    SEPARATE_IDENTITY_OF = "separate_identity_of"


class RequestKind(StrEnum):
    """A privacy request's kind. What it means stands in the policies; see `protects`."""

    DO_NOT_SHARE = "do_not_share"
    WITHHOLD_LOCATION = "withhold_location"
    WITHHOLD_IDENTITY = "withhold_identity"
    RESTRICTED_ACCESS = "restricted_access"
    EXCLUDED_PERSON = "excluded_person"
    OBJECT = "object"
    EMERGENCY_ONLY = "emergency_only"
    SAFE_CONTACT = "safe_contact"
    COMMUNICATION_SUPPORT = "communication_support"
    NO_ONWARD = "no_onward"
    AUTHORISED_REPRESENTATIVE = "authorised_representative"

    @property
    def protects(self) -> bool:
        """True for a kind that restricts, so that whoever made it is protected.

        A need for an interpreter is no secret, and an authorisation opens rather than closes: neither makes
        everybody who lives with her a risk.
        """
        return self not in _KINDS_THAT_RESTRICT_NOTHING


_KINDS_THAT_RESTRICT_NOTHING = frozenset(
    {RequestKind.COMMUNICATION_SUPPORT, RequestKind.AUTHORISED_REPRESENTATIVE}
)

COUNTER_ALLEGED_KINDS = frozenset(
    {
        RequestKind.EXCLUDED_PERSON,
        RequestKind.RESTRICTED_ACCESS,
        RequestKind.DO_NOT_SHARE,
        RequestKind.OBJECT,
    }
)
"""What somebody adverse records against the one he is adverse to is tested in the disclosure gate alone, on
his own fields.
"""

EXEMPT_PURPOSES = frozenset({Purpose.CRIME, Purpose.STATUTORY_DUTY, Purpose.COURT, Purpose.EMERGENCY})
"""Where granted, these lift do_not_share, withhold_location, withhold_identity and object towards public
bodies (Data Protection Act 2018, schedule 2, parts 1 and 2).
"""


class RequestState(StrEnum):
    """The life of a privacy request; see `PROTECTING_STATES`."""

    DRAFT = "draft"
    ACTIVE = "active"
    UNDER_REVIEW = "under_review"
    HELD = "held"
    WITHDRAWAL_PENDING = "withdrawal_pending"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    ENDED = "ended"
    RECORDED_IN_ERROR = "recorded_in_error"


PROTECTING_STATES = frozenset(
    {
        RequestState.DRAFT,
        RequestState.ACTIVE,
        RequestState.UNDER_REVIEW,
        RequestState.HELD,
        RequestState.WITHDRAWAL_PENDING,
    }
)


class OnLapse(StrEnum):
    """What happens when `until` has passed: protect until reviewed (the default), or end."""

    HOLD = "hold"
    LAPSE = "lapse"


class Visibility(StrEnum):
    """Who may know that a request exists."""

    OPEN = "open"
    STAFF = "staff"
    SECRET = "secret"  # noqa: S105 - a visibility, not a password


class ContactKind(StrEnum):
    """What kind of contact point a value is."""

    PHONE = "phone"
    EMAIL = "email"
    POST = "post"
    ACCOUNT = "account"


class PersonKind(StrEnum):
    """A private person is a data subject; an organisation is not."""

    PRIVATE = "private"
    ORGANISATION = "organisation"


class OrganisationRole(StrEnum):
    """What an organisation is towards the people of a record; each is the ground of a basis."""

    CARE_PROVIDER = "care_provider"
    CONTRACTOR = "contractor"
    PUBLIC_BODY = "public_body"


class UserKind(StrEnum):
    """Who starts the call: somebody at work, a registered job, or a private person who serves himself."""

    STAFF = "staff"
    JOB = "job"
    SELF = "self"
    NONE = "none"


class StaffRole(StrEnum):
    """Roles of people who manage this service, bound to their token."""

    ADMINISTRATOR = "administrator"
    PRIVACY_OFFICER = "privacy_officer"
    APPROVER = "approver"
    AUDITOR = "auditor"


class InterpreterMode(StrEnum):
    """How an interpreter takes part."""

    ON_SITE = "on_site"
    PHONE = "phone"
    VIDEO = "video"


class InterpreterGender(StrEnum):
    """Whom the person asks for; her reason is her own."""

    WOMAN = "woman"
    MAN = "man"


class WrittenFormat(StrEnum):
    """A format of the NHS Accessible Information Standard (DCB1605) in which somebody can read."""

    LARGE_PRINT = "large_print"
    BRAILLE = "braille"
    EASY_READ = "easy_read"
    AUDIO = "audio"
    ELECTRONIC = "electronic"


class OverrideKind(StrEnum):
    """Why what people asked for is set aside for a time."""

    BREAK_GLASS = "break_glass"
    SAFEGUARDING = "safeguarding"


class ReaderKind(StrEnum):
    """Why somebody would learn a field: he is the recipient, or he is implied."""

    RECIPIENT = "recipient"
    SHARES_POINT = "shares_point"
    CLIENT = "client"
    INTERPRETER = "interpreter"
    AGENCY = "agency"
    USER = "user"


class Shared(StrEnum):
    """Whether a contact point is shared. `UNKNOWN` counts against disclosure."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


CATEGORY_FAMILIES = frozenset({"health", "child"})
"""Families whose members organisations name themselves: `health.diagnosis`, `child.report`."""

CATEGORIES = frozenset(
    {
        *(f"identity.{part}" for part in ("name", "alias", "photo", "dob", "identifier", "link")),
        "involvement",
        *(
            f"location.{part}"
            for part in ("current", "future", "previous", "work", "school", "travel", "derived")
        ),
        *(f"contact.{part}" for part in ("phone", "email", "post", "next_of_kin")),
        "communication.need",
        "service.venue",
        "household",
        "abuse.account",
        "abuse.risk_assessment",
        "immigration",
        "finance",
        "legal.orders",
        "report.body",
        "document.attachment",
        "notes.free_text",
        "metadata",
        "protection.flag",
        "decision.log",
    }
)

UNDECLARED_CATEGORIES = frozenset({"report.body", "notes.free_text", "document.attachment"})
"""A field that has only these is undeclared content until somebody declares what is in it."""

SECRET_EXISTENCE_CATEGORIES = frozenset({"involvement", "protection.flag", "identity.link"})
"""That a field of these exists is itself the secret."""


def is_category(name: str) -> bool:
    """Tell whether `name` is a field category: one of `CATEGORIES`, or a member of a family that is open."""
    family, dot, rest = name.partition(".")
    return name in CATEGORIES or (
        family in CATEGORY_FAMILIES and bool(dot) and rest.replace("_", "").isalnum()
    )
