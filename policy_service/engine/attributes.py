"""The attributes that the service itself computes: what a policy may name, and what the facts layer promises.

The file is long because it is a list, and is read as one.

An attribute is *total* where the facts layer always gives it (false or none, never missing). What a policy
set declares of users and records (`declared`) may be missing, and a policy of the absolute tier may not name
it. Each row: path, type, gates, sentence, example.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from policy_service.model.vocabulary import (
    CATEGORIES,
    CATEGORY_FAMILIES,
    Channel,
    ContactKind,
    Gate,
    InterpreterGender,
    InterpreterMode,
    OrganisationRole,
    OverrideKind,
    Purpose,
    ReaderKind,
    RelationKind,
    RequestKind,
    Role,
    Shared,
    Tier,
    UserKind,
    Verb,
    WrittenFormat,
)


class AttributeType(StrEnum):
    """What a value may be: `str`, a tuple of `str`, `bool`, or a finite `int` or `float`."""

    STRING = "string"
    STRINGS = "strings"
    BOOLEAN = "boolean"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One path that a policy may name.

    `values` are the only texts that it can hold (empty: any text), `families` the prefixes that organisations
    extend, e.g. `health` for `health.diagnosis`. They exist so that a slip of the pen in a deny is refused,
    rather than never matching.
    """

    path: str
    type: AttributeType
    total: bool
    gates: frozenset[Gate]
    sentence: str
    example: str
    values: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()
    obligations_only: bool = False
    protected: bool = False
    """Its value is for the caller who acts on it, or may be any text that somebody wrote: an explanation
    shows a fingerprint of it.
    """
    declared: bool = False
    """The policy set declares it (`declared`); what it holds may be no more than a caller's word."""

    def can_hold(self, text: str) -> bool:
        """Tell whether a value of this attribute can be, or contain, `text`."""
        family, _, member = text.partition(".")
        return not self.values or text in self.values or (family in self.families and bool(member))


_GATE_LETTERS = {"A": Gate.AUTHORITY, "D": Gate.DISCLOSURE, "L": Gate.DELIVERY, "W": Gate.ANSWER}


_STRING, _STRINGS = AttributeType.STRING, AttributeType.STRINGS
_BOOLEAN, _NUMBER = AttributeType.BOOLEAN, AttributeType.NUMBER


def _attribute(
    path: str,
    type_: AttributeType,
    gates: str,
    sentence: str,
    example: str,
    *,
    total: bool = True,
    values: Iterable[str] = (),
    families: Iterable[str] = (),
    obligations_only: bool = False,
    protected: bool = False,
) -> Attribute:
    return Attribute(
        path=path,
        type=type_,
        total=total,
        gates=frozenset(_GATE_LETTERS[letter] for letter in gates),
        sentence=sentence,
        example=example,
        values=frozenset(str(value) for value in values),
        families=frozenset(families),
        obligations_only=obligations_only,
        protected=protected,
    )


def _flag(path: str, gates: str, sentence: str, *, obligations_only: bool = False) -> Attribute:
    return _attribute(path, _BOOLEAN, gates, sentence, "true", obligations_only=obligations_only)


def _families(path: str, sentence: str, example: str) -> Attribute:
    words = {category.partition(".")[0] for category in CATEGORIES} | CATEGORY_FAMILIES
    return _attribute(path, _STRINGS, "D", sentence, example, values=words)


def _categories(path: str, gates: str, sentence: str, example: str) -> Attribute:
    return _attribute(path, _STRINGS, gates, sentence, example, values=CATEGORIES, families=CATEGORY_FAMILIES)


_SUBJECT = (
    _attribute(
        "subject.kind",
        _STRING,
        "ADLW",
        "The user acts as staff, as a registered job, as a private person for himself, or is not named.",
        "staff",
        values=UserKind,
    ),
    _flag(
        "subject.identified",
        "ADLW",
        "The user is on file, or is described by a system that is granted to describe users.",
    ),
    _flag("subject.linked", "ADLW", "The user's login is linked to a person on file."),
    _attribute(
        "subject.roles",
        _STRINGS,
        "ADLW",
        "The staff roles that the user holds, as the organisation names them.",
        "[caseworker]",
    ),
    _attribute("subject.teams", _STRINGS, "ADLW", "The teams that the user belongs to.", "[ward-7]"),
    _attribute(
        "subject.organisation",
        _STRING,
        "ADLW",
        "The organisation that the user works for; empty where it is not known.",
        "northern-trust",
    ),
    _flag(
        "subject.works_on_record",
        "ADLW",
        "One of the user's teams works on the record; for a granted job, its grant names the record's type.",
    ),
    _attribute(
        "subject.party_roles",
        _STRINGS,
        "ADLW",
        "The lay roles that the person behind the user holds on the record.",
        "[victim]",
        values=Role,
    ),
    _flag(
        "subject.adverse_to_party", "ADLW", "The person behind the user is adverse to a party of the record."
    ),
    _flag(
        "subject.associate_of_adverse",
        "ADLW",
        "The person behind the user is an associate of somebody adverse to a party of the record.",
    ),
    _flag(
        "subject.excluded_by_party",
        "ADLW",
        "A party of the record excluded the person behind the user, under any identity or login.",
    ),
    _flag(
        "subject.restricted_out",
        "ADLW",
        "A restricted_access request covers the record, and its allow list does not hold the user.",
    ),
    _flag(
        "subject.toward_self",
        "ADLW",
        "The user is a private person who serves himself, and the record is his own.",
    ),
    _attribute(
        "subject.assurance",
        _NUMBER,
        "ADLW",
        "How the user was authenticated, an assurance level of NIST SP 800-63B; 0 where nobody says.",
        "2",
    ),
    _flag(
        "subject.below_assurance",
        "ADLW",
        "The user's assurance is below what the record's type asks for.",
    ),
    _attribute(
        "subject.override_kinds",
        _STRINGS,
        "ADLW",
        "The kinds of override in force for this user on this record.",
        "[break_glass]",
        values=OverrideKind,
    ),
)

_RESOURCE = (
    _attribute(
        "resource.record_type", _STRING, "ADLW", "The record type's own name.", "police.disclosure_enquiry"
    ),
    _attribute(
        "resource.record_types",
        _STRINGS,
        "ADLW",
        "The record type and every base that it extends.",
        "[police.disclosure_enquiry, base.case]",
    ),
    _attribute(
        "resource.task_owner",
        _STRING,
        "ADLW",
        "Whose a task about the record is: the team's that works on it, or the user's.",
        "team:ward-7",
    ),
    _flag("resource.party_protected", "ADLW", "Some party of the record is protected."),
    _attribute("resource.field", _STRING, "D", "The field's name in its record type.", "enquiry_made_by"),
    _attribute(
        "resource.part",
        _STRING,
        "D",
        "The part of a document that is asked about; empty for the field as a whole.",
        "statement",
    ),
    _categories(
        "resource.categories",
        "D",
        "The categories of the field or part; what is undeclared may hold any other, too.",
        "[location.current, contact.post]",
    ),
    _categories(
        "resource.categories_not_his",
        "D",
        "The categories, less those of a place that is the recipient's own: it needs no basis.",
        "[identity.name]",
    ),
    _categories(
        "resource.categories_not_his_on_file",
        "D",
        "The same, where only what is on file makes a place his own; for denies of request and above.",
        "[identity.name, location.current]",
    ),
    _families(
        "resource.category_families",
        "The first word of each of the field's categories.",
        "[health, identity]",
    ),
    _families(
        "resource.families_not_his_on_file",
        "The first word of each of `resource.categories_not_his_on_file`.",
        "[identity, location]",
    ),
    _flag(
        "resource.undeclared",
        "D",
        "Nobody declared yet what is in the field: a report body, free text or an attachment.",
    ),
    _flag(
        "resource.envelope",
        "D",
        "The field is one that the artefact type always carries, asked about or not.",
    ),
    _flag(
        "resource.implied",
        "D",
        "The data subject is implied by the field (somebody who lives there), not declared by it.",
    ),
    _attribute(
        "resource.mask",
        _STRING,
        "D",
        "Which part of the value does for those who need no more; empty: no part.",
        "last4",
    ),
    _flag(
        "resource.data_subject_private",
        "D",
        "The data subject is a private person, not an organisation.",
    ),
    _attribute(
        "resource.data_subject_roles",
        _STRINGS,
        "D",
        "The roles that the data subject holds on the record.",
        "[applicant]",
        values=Role,
    ),
    _flag(
        "resource.role_secret", "D", "The field shows a role that law or scheme keeps secret on this record."
    ),
    _flag(
        "resource.only_secret_roles",
        "D",
        "The field is about secret roles alone: that it has a holder tells that somebody came forward.",
    ),
    _flag(
        "resource.separate_identity_shown",
        "D",
        "Another identity of hers, never to be linked, is on the record or is the recipient.",
    ),
    _attribute(
        "resource.requests",
        _STRINGS,
        "D",
        "The kinds of the data subject's privacy requests in force that cover this question.",
        "[withhold_location]",
        values=RequestKind,
    ),
    _attribute(
        "resource.requests_naming_recipient",
        _STRINGS,
        "D",
        "Of these, the kinds of those that name this very recipient.",
        "[do_not_share]",
        values=RequestKind,
    ),
    _flag("resource.protected", "D", "The data subject is protected."),
    _flag(
        "resource.subjects_protected", "D", "One of those whom the field is about, implied too, is protected."
    ),
    _flag(
        "resource.defaults_apply",
        "D",
        "Data subject and reader are both named; or one is implied, and somebody it is about is protected.",
    ),
    _flag("resource.about_reader", "D", "The field names the reader among those whom it is about."),
    _flag(
        "resource.possible_match",
        "D",
        "The data subject is only described, and may be somebody on file; or was merged with somebody.",
    ),
    _flag(
        "resource.contact_holder_adverse",
        "D",
        "The field shows a next of kin who is adverse to a party of the record.",
    ),
    _flag(
        "resource.protection_open_to_staff",
        "D",
        "The user, as one of the staff who work on the record, may know what protects the data subject.",
    ),
    _flag(
        "resource.anyone_protected",
        "D",
        "The data subject, a party, her parent, or somebody who lives with her is protected.",
    ),
    _flag("resource.minor", "D", "The data subject is under 18 today."),
    _flag("resource.own_place", "D", "Every place that the field shows is the recipient's own."),
)

_ACTION = (
    _attribute("action.verb", _STRING, "ADLW", "What is asked: see or send.", "send", values=Verb),
    _attribute(
        "action.purpose",
        _STRING,
        "ADLW",
        "The purpose of use that the caller asserts and is granted.",
        "care",
        values=Purpose,
    ),
    _attribute(
        "action.channel",
        _STRING,
        "ADLW",
        "How it is shown or sent; empty where nobody says.",
        "phone.voicemail",
        values=("", *Channel),
    ),
    _flag("action.channel_spoken", "L", "Somebody speaks with the recipient."),
    _flag("action.channel_by_phone", "L", "A phone rings, and a voice may be recorded."),
    _attribute(
        "action.artefact_type",
        _STRING,
        "ADLW",
        "The letter class, bundle or message that is sent; empty where none is named.",
        "trust.clinic_letter",
    ),
)

_READER = (
    _attribute(
        "context.reader.kind",
        _STRING,
        "DL",
        "Why he would learn it: he is the recipient, or somebody whom the send implies.",
        "shares_point",
        values=ReaderKind,
    ),
    _flag(
        "context.reader.implied",
        "DL",
        "He is not the recipient: he is tested against denies alone. `context.recipient` is about him.",
    ),
    _flag(
        "context.reader.trusted",
        "DL",
        "He opens a verified safe contact of hers: for the absolute tier and requests that name him alone.",
    ),
    _attribute(
        "context.reader.point_kind",
        _STRING,
        "DL",
        "What kind of contact point reaches him; empty where none is named.",
        "phone",
        values=("", *ContactKind),
    ),
)

_RECIPIENT = (
    _attribute(
        "context.recipient.kind",
        _STRING,
        "DL",
        "A private person, a professional, a team (staff who see, or a team named), or an organisation.",
        "private",
        values=("private", "professional", "team", "organisation"),
    ),
    _flag(
        "context.recipient.is_data_subject",
        "DL",
        "The recipient is the data subject, or is covered as if he were (Self).",
    ),
    _flag(
        "context.recipient.works_on_record", "DL", "The recipient belongs to a team that works on the record."
    ),
    _flag(
        "context.recipient.works_for_certain",
        "DL",
        "The same, by what is on file, or by a team that the grant lets this system assert.",
    ),
    _flag("context.recipient.identified", "DL", "The recipient is on file."),
    _flag(
        "context.recipient.described_near_protected",
        "DL",
        "A person who is only described in the call, while the data subject is protected.",
    ),
    _flag(
        "context.recipient.possible_match",
        "DL",
        "The recipient is only described, and may be somebody on file; or was merged with somebody.",
    ),
    _flag("context.recipient.protected", "L", "The recipient is protected."),
    _attribute(
        "context.recipient.roles",
        _STRINGS,
        "DL",
        "The staff roles of the recipient, where he is a user.",
        "[]",
    ),
    _attribute(
        "context.recipient.party_roles",
        _STRINGS,
        "DL",
        "The roles that the recipient holds on the record.",
        "[person_asked_about]",
        values=Role,
    ),
    _attribute(
        "context.recipient.party_roles_on_file",
        _STRINGS,
        "DL",
        "The same, where the record is on file; empty where it is only described.",
        "[joint_customer]",
        values=Role,
    ),
    _attribute(
        "context.recipient.relations",
        _STRINGS,
        "DL",
        "The kinds of relation in force from the recipient to the data subject.",
        "[parent_of]",
        values=RelationKind,
    ),
    _flag(
        "context.recipient.parental_responsibility",
        "DL",
        "The recipient holds parental responsibility for the data subject.",
    ),
    _flag(
        "context.recipient.co_parent",
        "DL",
        "The recipient and the data subject both hold responsibility for one child on the record.",
    ),
    _flag(
        "context.recipient.lives_with",
        "DL",
        "The recipient and the data subject live together, as far as is known for certain.",
    ),
    _attribute(
        "context.recipient.organisation_roles",
        _STRINGS,
        "DL",
        "What the recipient, an organisation, is towards the people of the record.",
        "[care_provider]",
        values=OrganisationRole,
    ),
    _attribute(
        "context.recipient.organisation_roles_on_file",
        _STRINGS,
        "DL",
        "Of these, what is on file for it; what a caller says lifts no request.",
        "[care_provider]",
        values=OrganisationRole,
    ),
    _flag(
        "context.recipient.provides_care",
        "DL",
        "A care provider on file, for a purpose of care.",
    ),
    _flag(
        "context.recipient.exempt",
        "DL",
        "A public body on file, for a purpose that is exempt: crime, statutory_duty, court, emergency.",
    ),
    _flag(
        "context.recipient.authorised_representative",
        "D",
        "The data subject authorised him to receive the field, and that runs.",
    ),
    _flag(
        "context.recipient.representative_adverse",
        "DL",
        "He represents the data subject, and is adverse to her.",
    ),
    _flag(
        "context.recipient.client_permitted",
        "D",
        "A client whom he represents may have the field.",
    ),
    _flag(
        "context.recipient.contact_role",
        "DL",
        "He is told on this record how the subject is: a carer, the next of kin.",
    ),
    _categories(
        "context.recipient.contract_categories",
        "DL",
        "The categories that the recipient's contract names.",
        "[contact.phone]",
    ),
    _categories(
        "context.recipient.public_body_categories",
        "DL",
        "The categories that are declared for the recipient, a public body, for the purpose asked.",
        "[identity.name]",
    ),
    _flag(
        "context.recipient.protection_team",
        "DL",
        "He belongs to the team that the secret roles are known to; in adoption, is a parent on file.",
    ),
    _flag(
        "context.recipient.restricted_out",
        "DL",
        "A team or user whom the allow list of a restricted_access request on the record does not hold.",
    ),
    _flag("context.recipient.adverse", "DL", "The recipient is adverse to the data subject."),
    _flag(
        "context.recipient.counter_alleged",
        "DL",
        "Somebody who is adverse to him alleges that he is adverse, and no officer has confirmed it.",
    ),
    _flag(
        "context.recipient.associate",
        "DL",
        "The recipient is an associate of somebody adverse to the data subject.",
    ),
    _flag("context.recipient.excluded", "DL", "The data subject excluded the recipient."),
)

_WARRANTS = (
    _flag(
        "context.order.covers",
        "D",
        "An order of a court in force names all categories, the data subject and the recipient.",
    ),
    _attribute(
        "context.override.kinds",
        _STRINGS,
        "D",
        "The kinds of override in force that name all categories, the data subject and the recipient.",
        "[safeguarding]",
        values=OverrideKind,
    ),
)

_SAFE_CONTACT = (
    _flag("context.safe_contact.on_file", "L", "The recipient said how alone to reach her."),
    _flag("context.safe_contact.point_allowed", "L", "This contact point and channel are among them."),
    _flag("context.safe_contact.within_hours", "L", "It is one of her hours."),
    _flag(
        "context.safe_contact.hours_lifted",
        "L",
        "An override in force lifts her hours; never her contact points.",
    ),
    _flag("context.safe_contact.no_voicemail", "L", "She asked that no message be left."),
    _flag("context.safe_contact.neutral_sender", "L", "She asked that nothing show who calls or writes."),
    _attribute(
        "context.safe_contact.references",
        _STRINGS,
        "L",
        "By which the systems know her safe contact points.",
        "[CP-4711]",
        protected=True,
    ),
    _attribute(
        "context.safe_contact.hours", _STRINGS, "L", "Her hours.", "[mon-fri 09:30-14:00]", protected=True
    ),
)

_INTERPRETER = (
    _flag("context.interpreter.named", "L", "An interpreter is named for the recipient."),
    _flag(
        "context.interpreter.adverse",
        "L",
        "The interpreter is adverse to the recipient or to a party, or an associate of somebody who is.",
    ),
    _flag(
        "context.interpreter.excluded",
        "L",
        "The recipient or a party will not have this interpreter. His agency is not meant.",
    ),
    _flag(
        "context.need.interpreter",
        "L",
        "The recipient needs an interpreter; on a see, somebody on the record does.",
    ),
    _attribute("context.need.languages", _STRINGS, "L", "Languages that she needs, BCP 47.", "[pl]"),
    _attribute(
        "context.need.interpreter_languages",
        _STRINGS,
        "L",
        "These and the sign languages that she needs, BCP 47.",
        "[bfi]",
    ),
    _attribute(
        "context.need.modes",
        _STRINGS,
        "L",
        "How the interpreter should take part.",
        "[on_site]",
        values=InterpreterMode,
    ),
    _attribute(
        "context.need.genders",
        _STRINGS,
        "L",
        "The interpreter that she asks for, a woman or a man.",
        "[woman]",
        values=InterpreterGender,
    ),
    _attribute(
        "context.need.exclusions",
        _STRINGS,
        "L",
        "Tokens of those who must not interpret, which an agency's roster alone resolves.",
        "[]",
        protected=True,
    ),
    _attribute(
        "context.need.formats",
        _STRINGS,
        "L",
        "Written formats that she needs.",
        "[large_print]",
        values=WrittenFormat,
    ),
    _attribute(
        "context.need.access",
        _STRINGS,
        "L",
        "Her other access needs, as the organisation names them.",
        "[hearing-loop]",
    ),
)

_CONTACT_POINT = (
    _flag("context.contact_point.given", "L", "A contact point is named, by which it is to go."),
    _attribute(
        "context.contact_point.kind",
        _STRING,
        "L",
        "What kind of contact point it is; empty where none is named.",
        "phone",
        values=("", *ContactKind),
    ),
    _flag(
        "context.contact_point.belongs",
        "L",
        "It is on file for the recipient, or is described as his and is not on file only for others.",
    ),
    _flag(
        "context.contact_point.fits_channel", "L", "The channel is a way in which such a point is reached."
    ),
    _flag("context.contact_point.from_herself", "L", "The owner herself said that it is hers."),
    _attribute(
        "context.contact_point.shared",
        _STRING,
        "L",
        "Whether somebody else opens what arrives there; unknown counts against disclosure.",
        "unknown",
        values=Shared,
    ),
    _flag(
        "context.contact_point.shared_with_adverse",
        "L",
        "Somebody who opens what arrives there is adverse to the recipient or to a data subject.",
    ),
    _flag(
        "context.contact_point.voicemail_safe", "L", "A message left on its voicemail is known to be safe."
    ),
    _attribute(
        "context.contact_point.verified_days",
        _NUMBER,
        "L",
        "Days since the contact point was last verified; missing where it never was.",
        "425",
        total=False,
    ),
)

_OUTCOME = (
    _flag(
        "context.cell.told",
        "D",
        "The reason of the cell, which is decided by now, may be told to staff.",
        obligations_only=True,
    ),
    _attribute(
        "context.cell.tier",
        _STRING,
        "D",
        "The tier that decided the cell; empty for the default deny.",
        "court_order",
        values=("", *(tier.label for tier in Tier)),
        obligations_only=True,
    ),
    _flag(
        "context.cell.permitted_for_some",
        "D",
        "The cell is denied, and would be permitted for some of those whom it is about.",
        obligations_only=True,
    ),
    _attribute(
        "context.cell.parts",
        _STRINGS,
        "D",
        "The parts that are denied and can be taken out, while the rest is permitted.",
        "[statement]",
        obligations_only=True,
    ),
    _attribute(
        "context.cell.service_address",
        _STRING,
        "D",
        "The address to put where a protected person's place would show; empty: none is needed.",
        "CP-4711",
        obligations_only=True,
        protected=True,
    ),
    _flag(
        "context.row.held",
        "L",
        "Nothing of what was asked may go to this recipient.",
        obligations_only=True,
    ),
    _flag("context.answer.rows_differ", "W", "The rows of the answer differ."),
    _flag("context.answer.permits", "W", "At least one cell of the answer is permitted."),
    _flag("context.answer.several_recipients", "W", "The answer has more than one recipient."),
    _attribute("context.answer.recipients", _NUMBER, "W", "How many recipients the answer has.", "3"),
    _flag("context.answer.protected", "W", "A protected person is among the data subjects."),
    _attribute(
        "context.answer.valid_until",
        _STRING,
        "W",
        "Until when a permitted send may be acted on, RFC 3339 in UTC; empty where nothing is permitted.",
        "2026-03-29T22:45:00Z",
    ),
)

SHIPPED: tuple[Attribute, ...] = (
    *_SUBJECT,
    *_RESOURCE,
    *_ACTION,
    *_READER,
    *_RECIPIENT,
    *_WARRANTS,
    *_CONTACT_POINT,
    *_SAFE_CONTACT,
    *_INTERPRETER,
    *_OUTCOME,
)
"""In the order in which the catalogue is printed."""
