"""The attributes that the service itself computes: what a policy may name, and what the facts layer promises.

An attribute is *total* where the facts layer always gives it (false or none, never missing). What a user or a record type
declares may be missing, and a policy of the absolute tier may not name it. Each row: path, type, gates, sentence, example.
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
    OrganisationRole,
    Purpose,
    RelationKind,
    RequestKind,
    Role,
    Shared,
    UserKind,
    Verb,
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

    `values` are the only texts that it can hold (empty: any text), `families` the prefixes that organisations extend, e.g.
    `health` for `health.diagnosis`. They exist so that a slip of the pen in a deny is refused, rather than never matching.
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

    def can_hold(self, text: str) -> bool:
        """Tell whether a value of this attribute can be, or contain, `text`."""
        family, _, member = text.partition(".")
        return not self.values or text in self.values or (family in self.families and bool(member))


_GATE_LETTERS = {"A": Gate.AUTHORITY, "D": Gate.DISCLOSURE, "L": Gate.DELIVERY, "W": Gate.ANSWER}


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
    )


_STRING, _STRINGS = AttributeType.STRING, AttributeType.STRINGS
_BOOLEAN, _NUMBER = AttributeType.BOOLEAN, AttributeType.NUMBER

_SUBJECT = (
    _attribute(
        "subject.kind",
        _STRING,
        "ADLW",
        "How the user acts: as staff, as a registered job, as a private person who serves himself, or no user at all.",
        "staff",
        values=UserKind,
    ),
    _attribute(
        "subject.identified",
        _BOOLEAN,
        "ADLW",
        "The user is on file, or is described by a system that is granted to describe users.",
        "true",
    ),
    _attribute("subject.linked", _BOOLEAN, "ADLW", "The user's login is linked to a person on file.", "true"),
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
    _attribute(
        "subject.works_on_record",
        _BOOLEAN,
        "ADLW",
        "One of the user's teams works on the record; for a granted job, its grant names the record's type.",
        "true",
    ),
    _attribute(
        "subject.party_roles",
        _STRINGS,
        "ADLW",
        "The lay roles that the person behind the user holds on the record.",
        "[victim]",
        values=Role,
    ),
    _attribute(
        "subject.adverse_to_party",
        _BOOLEAN,
        "ADLW",
        "The person behind the user is adverse to a party of the record.",
        "false",
    ),
    _attribute(
        "subject.associate_of_adverse",
        _BOOLEAN,
        "ADLW",
        "The person behind the user is an associate of somebody adverse to a party of the record.",
        "false",
    ),
    _attribute(
        "subject.excluded_by_party",
        _BOOLEAN,
        "ADLW",
        "A party of the record excluded the person behind the user, under any identity or login.",
        "false",
    ),
    _attribute(
        "subject.restricted_out",
        _BOOLEAN,
        "ADLW",
        "A restricted_access request covers the record, and its allow list does not hold the user.",
        "false",
    ),
    _attribute(
        "subject.toward_self",
        _BOOLEAN,
        "ADLW",
        "The user is a private person who serves himself, and the record is his own.",
        "false",
    ),
    _attribute(
        "subject.training",
        _STRINGS,
        "ADLW",
        "The training that the user declares; missing where nothing is declared.",
        "[domestic_abuse_basics]",
        total=False,
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
        "resource.party_protected",
        _BOOLEAN,
        "ADLW",
        "Some party of the record is protected.",
        "true",
    ),
    _attribute("resource.field", _STRING, "D", "The field's name in its record type.", "enquiry_made_by"),
    _attribute(
        "resource.categories",
        _STRINGS,
        "D",
        "The categories of the field; undeclared content counts as every category.",
        "[location.current, contact.post]",
        values=CATEGORIES,
        families=CATEGORY_FAMILIES,
    ),
    _attribute(
        "resource.undeclared",
        _BOOLEAN,
        "D",
        "Nobody declared yet what is in the field: a report body, free text or an attachment.",
        "false",
    ),
    _attribute(
        "resource.envelope",
        _BOOLEAN,
        "D",
        "The field is one that the artefact type always carries, asked about or not.",
        "false",
    ),
    _attribute(
        "resource.implied",
        _BOOLEAN,
        "D",
        "The data subject is implied by the field (somebody who lives there), not declared by it.",
        "false",
    ),
    _attribute(
        "resource.data_subject_roles",
        _STRINGS,
        "D",
        "The roles that the data subject holds on the record.",
        "[applicant]",
        values=Role,
    ),
    _attribute(
        "resource.role_secret",
        _BOOLEAN,
        "D",
        "The field shows a role that law or scheme keeps secret on this record.",
        "true",
    ),
    _attribute(
        "resource.requests",
        _STRINGS,
        "D",
        "The kinds of the data subject's privacy requests in force that cover this question.",
        "[withhold_location]",
        values=RequestKind,
    ),
    _attribute("resource.protected", _BOOLEAN, "D", "The data subject is protected.", "true"),
    _attribute(
        "resource.anyone_protected",
        _BOOLEAN,
        "D",
        "The data subject, a party, her parent, or somebody who lives with her is protected.",
        "true",
    ),
    _attribute("resource.minor", _BOOLEAN, "D", "The data subject is under 18 today.", "false"),
    _attribute(
        "resource.own_place",
        _BOOLEAN,
        "D",
        "Every place that the field shows is the recipient's own.",
        "false",
    ),
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
        "action.channel", _STRING, "ADLW", "How it is shown or sent.", "phone.voicemail", values=Channel
    ),
    _attribute(
        "action.artefact_type",
        _STRING,
        "ADLW",
        "The letter class, bundle or message that is sent; empty where none is named.",
        "trust.clinic_letter",
    ),
)

_RECIPIENT = (
    _attribute(
        "context.recipient.kind",
        _STRING,
        "DL",
        "What the recipient is: a private person, a team (staff who see, or a team of the record), an organisation.",
        "private",
        values=("private", "team", "organisation"),
    ),
    _attribute(
        "context.recipient.is_data_subject",
        _BOOLEAN,
        "DL",
        "The recipient is the data subject, or is covered as if he were (Self).",
        "false",
    ),
    _attribute(
        "context.recipient.works_on_record",
        _BOOLEAN,
        "DL",
        "The recipient belongs to a team that works on the record.",
        "false",
    ),
    _attribute("context.recipient.identified", _BOOLEAN, "DL", "The recipient is on file.", "true"),
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
        "context.recipient.relations",
        _STRINGS,
        "DL",
        "The kinds of relation in force from the recipient to the data subject.",
        "[parent_of]",
        values=RelationKind,
    ),
    _attribute(
        "context.recipient.parental_responsibility",
        _BOOLEAN,
        "DL",
        "The recipient holds parental responsibility for the data subject.",
        "false",
    ),
    _attribute(
        "context.recipient.co_parent",
        _BOOLEAN,
        "DL",
        "The recipient and the data subject both hold responsibility for one child on the record.",
        "false",
    ),
    _attribute(
        "context.recipient.lives_with",
        _BOOLEAN,
        "DL",
        "The recipient and the data subject live together, as far as is known for certain.",
        "false",
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
        "context.recipient.contract_categories",
        _STRINGS,
        "DL",
        "The categories that the recipient's contract names.",
        "[contact.phone]",
        values=CATEGORIES,
        families=CATEGORY_FAMILIES,
    ),
    _attribute(
        "context.recipient.public_body_categories",
        _STRINGS,
        "DL",
        "The categories that are declared for the recipient, a public body, for the purpose asked.",
        "[identity.name]",
        values=CATEGORIES,
        families=CATEGORY_FAMILIES,
    ),
    _attribute(
        "context.recipient.protection_team",
        _BOOLEAN,
        "DL",
        "The recipient belongs to the team for which the record type keeps its secret roles.",
        "false",
    ),
    _attribute(
        "context.recipient.adverse", _BOOLEAN, "DL", "The recipient is adverse to the data subject.", "true"
    ),
    _attribute(
        "context.recipient.associate",
        _BOOLEAN,
        "DL",
        "The recipient is an associate of somebody adverse to the data subject.",
        "false",
    ),
    _attribute(
        "context.recipient.excluded", _BOOLEAN, "DL", "The data subject excluded the recipient.", "false"
    ),
)

_CONTACT_POINT = (
    _attribute(
        "context.contact_point.given",
        _BOOLEAN,
        "L",
        "A contact point is named, by which it is to go.",
        "true",
    ),
    _attribute(
        "context.contact_point.kind",
        _STRING,
        "L",
        "What kind of contact point it is; empty where none is named.",
        "phone",
        values=("", *ContactKind),
    ),
    _attribute(
        "context.contact_point.belongs",
        _BOOLEAN,
        "L",
        "The contact point is on file for the recipient, or is described as his and not on file only for others.",
        "true",
    ),
    _attribute(
        "context.contact_point.shared",
        _STRING,
        "L",
        "Whether somebody else opens what arrives there; unknown counts against disclosure.",
        "unknown",
        values=Shared,
    ),
    _attribute(
        "context.contact_point.shared_with_adverse",
        _BOOLEAN,
        "L",
        "Somebody who opens what arrives there is adverse to the recipient or to a data subject.",
        "false",
    ),
    _attribute(
        "context.contact_point.voicemail_safe",
        _BOOLEAN,
        "L",
        "A message left on its voicemail is known to be safe.",
        "false",
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
    _attribute(
        "context.cell.told",
        _BOOLEAN,
        "D",
        "The reason of the cell, which is decided by now, may be told to staff.",
        "true",
        obligations_only=True,
    ),
    _attribute("context.answer.rows_differ", _BOOLEAN, "W", "The rows of the answer differ.", "true"),
    _attribute(
        "context.answer.permits", _BOOLEAN, "W", "At least one cell of the answer is permitted.", "true"
    ),
    _attribute("context.answer.recipients", _NUMBER, "W", "How many recipients the answer has.", "3"),
    _attribute(
        "context.answer.protected", _BOOLEAN, "W", "A protected person is among the data subjects.", "true"
    ),
)

SHIPPED: tuple[Attribute, ...] = (
    *_SUBJECT,
    *_RESOURCE,
    *_ACTION,
    *_RECIPIENT,
    *_CONTACT_POINT,
    *_OUTCOME,
)
"""In the order in which the catalogue is printed."""
