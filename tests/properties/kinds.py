"""The record types and artefact types of generated worlds.

There is one of each base type that ships, and a few whose fields and parts those do not have: every category
once, a document with parts, a role that law keeps secret.
"""

from __future__ import annotations

from dataclasses import dataclass

from policy_service.model.facts import FieldType, PartType, RecordType
from policy_service.model.vocabulary import CATEGORIES, Role
from tests.properties.cast import TRUST
from tests.support.shipped import POLICIES

WARD, SCHEME, DESK = "ward", "scheme", "desk"
TEAMS = (WARD, SCHEME, DESK)

_DOCUMENT = FieldType(
    "document",
    ("document.attachment", "legal.orders"),
    ("subject",),
    parts=(
        PartType("statement", ("abuse.account",), ("victim",), separable=True),
        PartType("address", ("location.current", "contact.post"), ("victim",), separable=True),
        PartType("findings", ("health.findings",), ("subject",)),
        PartType("annex", ("finance",), ("joint_customer", "subject"), separable=True),
    ),
)

_EVERY_CATEGORY = (
    *(FieldType(category, (category,), ("subject",)) for category in sorted(CATEGORIES)),
    FieldType("health.summary", ("health.summary",), ("subject",)),
    FieldType("child.report", ("child.report",), ("child",)),
    FieldType("child.home", ("location.current",), ("child",)),
    FieldType("child.school", ("location.school",), ("child",)),
    FieldType("account", ("finance",), ("joint_customer",), mask="last4"),
    FieldType("joint.home", ("location.current",), ("joint_customer",)),
    FieldType("premises", ("location.current",), ("joint_customer",), premises=True),
    FieldType("parent.name", ("identity.name",), ("parent",)),
    FieldType("both", ("identity.name", "health.summary"), ("subject", "child")),
    FieldType("copies", ("identity.name",), ("co_recipient",)),
    _DOCUMENT,
)

_LETTER_BODY = FieldType("body", ("report.body", "health.letter"), ("subject", "child"))


@dataclass(frozen=True, slots=True)
class Kind:
    """A record type, and who is likely to be a party of such a record: key of the party, role, people."""

    record_type: RecordType
    parties: tuple[tuple[str, Role, tuple[str, ...]], ...]


_ABOUT_HER: tuple[tuple[str, Role, tuple[str, ...]], ...] = (
    ("patient", Role.SUBJECT, ("vera", "cara", "adam", "gran", "nora")),
    ("child", Role.CHILD, ("cara", "bo")),
    ("other-child", Role.CHILD, ("bo",)),
    ("mother", Role.PARENT, ("vera",)),
    ("father", Role.PARENT, ("adam", "dan")),
    ("kin", Role.NEXT_OF_KIN, ("gran", "adam", "fay")),
    ("carer", Role.CARER, ("gran", "pia")),
    ("victim", Role.VICTIM, ("vera", "fay")),
    ("second-victim", Role.VICTIM, ("fay", "gran")),
    ("who-asked", Role.APPLICANT, ("vera", "gran", "pia")),
    ("asked-about", Role.PERSON_ASKED_ABOUT, ("adam",)),
    ("informant", Role.INFORMANT, ("fay", "nora", "vera")),
    ("witness", Role.WITNESS, ("fay",)),
    ("one-tenant", Role.JOINT_CUSTOMER, ("vera",)),
    ("other-tenant", Role.JOINT_CUSTOMER, ("adam", "gran")),
    ("opposing", Role.OPPOSING_PARTY, ("adam", "vera")),
    ("solicitor", Role.LEGAL_REPRESENTATIVE, ("sol",)),
    ("interpreter", Role.INTERPRETER, ("ines",)),
    ("supervisor", Role.SUPERVISING_OFFICER, ("olga",)),
)


def _of(*names: str) -> tuple[tuple[str, Role, tuple[str, ...]], ...]:
    return tuple(party for party in _ABOUT_HER if party[0] in names)


_OF_BASE = {
    "letter": _of("patient", "child", "other-child", "mother", "father", "kin", "carer"),
    "case": _of("patient", "who-asked", "informant", "victim", "second-victim", "supervisor", "child"),
    "tenancy": _of("patient", "one-tenant", "other-tenant", "child"),
    "bundle": _of("patient", "child", "victim", "opposing", "solicitor", "father", "mother"),
}


def _type(name: str, base: str = "", *fields: FieldType, **more: object) -> RecordType:
    return RecordType(f"type-{name}", TRUST, name, base, fields, **more)  # type: ignore[arg-type]


def _own_types(base: str) -> RecordType:
    name = base.removeprefix("base.")
    match name:
        case "letter":
            return _type(name, base, _LETTER_BODY)
        case "case":
            return _type(name, base, secret_roles=(Role.APPLICANT,), protection_team=SCHEME)
        case "bundle":
            return _type(name, base, _DOCUMENT)
        case _:
            return _type(name, base)


KINDS: tuple[Kind, ...] = (
    *(
        Kind(_own_types(base), _OF_BASE.get(base.removeprefix("base."), _ABOUT_HER))
        for base in sorted(POLICIES.base_types, key=lambda name: (name != "base.letter", name))
    ),
    Kind(_type("everything", "", *_EVERY_CATEGORY), _ABOUT_HER),
    Kind(
        _type(
            "adoption",
            "",
            FieldType("child.name", ("identity.name",), ("child",)),
            FieldType("child.address", ("location.current",), ("child",)),
            FieldType("child.school", ("location.school",), ("child",)),
            FieldType("child.photo", ("identity.photo",), ("child",)),
            FieldType("child.report", ("child.report",), ("child",)),
            secret_roles=(Role.CHILD,),
            protection_team=SCHEME,
            known_to_parents=True,
        ),
        _of("child", "mother", "father", "solicitor", "opposing"),
    ),
    Kind(
        _type(
            "careful",
            "",
            FieldType("summary", ("health.summary",), ("subject",)),
            FieldType("name", ("identity.name",), ("subject",)),
            people_on_file=True,
            assurance=2,
        ),
        _of("patient", "kin", "carer", "mother"),
    ),
)

ENVELOPE = (
    FieldType("copy_list", ("identity.name", "location.current", "contact.post"), ("co_recipient",)),
    FieldType(
        "letterhead", ("location.derived",), ("subject", "child", "joint_customer", "victim", "parent")
    ),
)
CC = (FieldType("cc", ("identity.name",), ("co_recipient",)),)


def fields_of(record_type: RecordType) -> tuple[FieldType, ...]:
    """The fields of a type and of the base that it extends."""
    base = POLICIES.base_types.get(record_type.extends)
    own = {field.name: field for field in record_type.fields}
    inherited = () if base is None else tuple(field for field in base.fields if field.name not in own)
    return (*own.values(), *inherited)
