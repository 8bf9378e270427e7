"""A world in which every value that a fact can hold is a canary, and a call that describes everything.

V is called Goldammer and is protected from A; both are on file, with all their values. In the call stands a
Bluthaenfling, with everything that a system may describe, and with references to people whom nobody knows.
"""

from __future__ import annotations

import copy
from typing import Any

from tests.decisions.case import Facts
from tests.promises.canaries import needles
from tests.promises.world import CLINIC, FACTS

CLERK = "clinic-records"

# --- on file ----------------------------------------------------------------------------------------------
_NHS, _REF, _HIS = "nhs-number:943 476 5919", "ref:Goldammer-77123946", "ref:Zeisig/8844 1193"
_NAME = "Cecilia Goldammer-Zeisig"
_STREET, _UPRN = "17 Goldammerweg, Nowhereton NW1 7XX", "100023336956"
_SERVICE = "Letters for Zaunkoenig, 1 Nowhereton Road"
_PREMISES, _PREMISES_UPRN = "19 Zeisighof, Nowhereton", "100023339999"
_PHONE, _HIS_PHONE = "07700 900123", "+44 (0)7700 900456"
_MAIL, _ACCOUNT = "c.goldammer+bills@nowhere.example", "goldammer_1971"
_BORN = "1971-03-17"

# --- described in a call ----------------------------------------------------------------------------------
_CALL_ID, _CALL_NAME, _CALL_BORN = "ref:Haenfling 55/66", "HÄNFLING, Bluta (Mrs)", "1968-11-23"
_CALL_STREET, _CALL_UPRN = "3 Haenflingsgasse\nNowhereton\nNW1 8YY", "000023331234"
_CALL_PHONE, _CALL_MAIL, _CALL_ACCOUNT = (
    "0044 7700 900 789",
    "Bluta.Haenfling@Nowhere.example",
    "haenfling#55",
)
_NOBODY, _NO_POINT = "nhs-number:401 023 2137", "0 7700 900 321"

PROTECTED: dict[str, tuple[bytes, ...]] = {
    "an identifier on file": (*needles(_NHS), *needles("9434765919")),
    "a reference that is an identifier on file": needles(_REF, "77123946"),
    "his identifier on file": needles(_HIS, "88441193", "8844 1193"),
    "a name on file": needles(_NAME, "goldammer", "zeisig", "cecilia"),
    "an address on file": needles(_STREET, "goldammerweg"),
    "a service address on file": needles(_SERVICE, "zaunkoenig"),
    "a UPRN on file": needles(_UPRN),
    "the premises on file": needles(_PREMISES, "zeisighof"),
    "the UPRN of the premises on file": needles(_PREMISES_UPRN),
    "a phone number on file": (*needles(_PHONE), *needles("+447700900123", "7700900123")),
    "his phone number on file": (*needles(_HIS_PHONE), *needles("+447700900456", "7700900456")),
    "an e-mail address on file": needles(_MAIL, "c.goldammer", "nowhere.example"),
    "an account on file": needles(_ACCOUNT),
    "a described identifier": needles(_CALL_ID, "55/66"),
    "a described name": needles(_CALL_NAME, "nfling", "bluta"),
    "a described birth date": needles(_CALL_BORN),
    "a described address": needles(_CALL_STREET, "haenflingsgasse"),
    "a described UPRN": needles(_CALL_UPRN, "23331234"),
    "a described phone number": (*needles(_CALL_PHONE), *needles("+447700900789", "7700900789", "900 789")),
    "a described e-mail address": needles(_CALL_MAIL),
    "a described account": needles(_CALL_ACCOUNT),
    "an identifier that nobody knows": (*needles(_NOBODY), *needles("4010232137")),
    "a contact point that nobody knows": (*needles(_NO_POINT), *needles("7700900321")),
}
"""What is nowhere but in its owner's head: in no row, no entry, no line and no status."""

KEPT_AS_FACTS: dict[str, tuple[bytes, ...]] = {
    "a birth date on file": (_BORN.encode(),),  # as of when a child is of age
    "a request's evidence": (b"pending: buchfink letter",),  # whoever reviews it reads these three
    "a request's legal basis": (b"article 18, stieglitz v girlitz",),
    "an override's justification": (b"she is found unconscious, gimpel",),
    "a capability's evidence": (b"proof kernbeisser",),  # the text of the proof that the officer saw
    "an order's reference": (b"fam/2026/kreuzschnabel",),  # the court's own
}
"""Texts that are meant to be read again, and so are kept as facts: not in the log, and in no status."""

KEPT_IN_THE_LOG: dict[str, tuple[bytes, ...]] = {"a write's reason": (b"asked at the desk, dompfaff",)}
"""Why somebody wrote: of the revision, and of the entry that the revision leaves, as he gave it."""


def _texts() -> dict[str, str]:
    return {name: wanted[0].decode() for name, wanted in (KEPT_AS_FACTS | KEPT_IN_THE_LOG).items()}


_TEXT = _texts()
REASON = _TEXT["a write's reason"]


def _grant(**more: Any) -> dict[str, Any]:
    system = copy.deepcopy(next(each for each in FACTS.systems if each["name"] == CLERK))
    return system | {"grant": system["grant"] | {"self_service": True, "may_explain": True} | more}


WORLD: Facts = FACTS.model_copy(
    update={
        "artefact_types": (
            *FACTS.artefact_types,
            {
                "name": "clinic.message",
                "capabilities": [
                    {
                        "obligation": "redact",
                        "evidence": _TEXT["a capability's evidence"],
                        "until": "2099-01-01",
                    }
                ],
            },
        ),
        "people": (
            *FACTS.people,
            {"identifiers": [_NHS, _REF], "names": [_NAME], "birth_date": _BORN},
            {"identifiers": [_HIS], "names": [_NAME.upper()]},
        ),
        "contact_points": (
            *FACTS.contact_points,
            {"owner": _NHS, "kind": "phone", "value": _PHONE, "reference": "V-phone"},
            {"owner": _HIS, "kind": "phone", "value": _HIS_PHONE, "reference": "A-phone"},
            {"owner": _NHS, "kind": "email", "value": _MAIL, "reference": "V-mail"},
            {"owner": _REF, "kind": "account", "value": _ACCOUNT, "reference": "V-account", "shared": True},
            {
                "owner": _REF,
                "kind": "post",
                "value": _STREET,
                "uprn": _UPRN,
                "reference": "V-home",
                "home": True,
            },
            {
                "owner": _REF,
                "kind": "post",
                "value": _SERVICE,
                "reference": "V-letters",
                "service_address": True,
            },
        ),
        "relationships": (
            *FACTS.relationships,
            {"from_person": _HIS, "to_person": _NHS, "kind": "adverse_to", "basis": "allegation"},
        ),
        "records": (
            *FACTS.records,
            {
                "reference": "F-G",
                "record_type": "clinic.file",
                "teams": ["ward"],
                "parties": [
                    {"party": "patient", "role": "subject", "person": _NHS},
                    {"party": "spouse", "role": "joint_customer", "person": _HIS},
                ],
                "premises": _PREMISES,
                "premises_uprn": _PREMISES_UPRN,
            },
        ),
        "users": (*FACTS.users, {"reference": "g.nurse", "teams": ["ward"], "person": _REF}),
        "requests": (
            {
                "person": _NHS,
                "kind": "withhold_location",
                "recipients": [_HIS],
                "covers": ["ref:P"],
                "evidence": _TEXT["a request's evidence"],
                "legal_basis": _TEXT["a request's legal basis"],
            },
            {
                "person": _REF,
                "kind": "safe_contact",
                "safe_contact": {"contact_points": ["V-phone"], "channels": ["sms"]},
            },
            {
                "person": _REF,
                "kind": "communication_support",
                "communication": {"language": "pl", "modes": ["phone"], "not_these": [_HIS]},
            },
            {"person": _NHS, "kind": "authorised_representative", "recipients": ["ref:P"]},
        ),
        "overrides": (
            {
                "kind": "safeguarding",
                "user": "o.clerk",
                "record": "F-G",
                "people": [_NHS],
                "categories": ["health.summary"],
                "recipients": [_HIS],
                "justification": _TEXT["an override's justification"],
            },
        ),
        "orders": (
            {
                "reference": _TEXT["an order's reference"],
                "record": "F-G",
                "people": [_REF],
                "categories": ["legal.orders"],
                "recipients": [_HIS],
                "ends": "2099-01-01",
            },
        ),
        "systems": (
            _grant(),
            *(each for each in FACTS.systems if each["name"] != CLERK),
        ),
    }
)
assert WORLD.controller == CLINIC

DESCRIPTION: dict[str, Any] = {
    "user": {"roles": ["clinician", "not-granted"], "teams": ["ward-9", "not-granted"], "person": "nurse"},
    "record": {
        "record_type": "clinic.file",
        "teams": ["ward"],
        "parties": [
            {"party": "patient", "role": "subject", "person": "her"},
            {"party": "spouse", "role": "joint_customer", "person": _HIS},
            {"party": "witness", "role": "witness", "person": "her"},
        ],
        "premises": "home",
    },
    "people": [
        {
            "key": "her",
            "identifiers": [_CALL_ID, "nhs-number:401 023 2137"],
            "birth_date": _CALL_BORN,
            "name": _CALL_NAME,
        },
        # somebody who may be V, under another spelling of her name, and by her telephone
        {"key": "match", "name": "zeisig GOLDAMMER, Cecilia", "birth_date": _BORN},
        {"key": "nurse", "name": "Nurse Bluta Hänfling"},
        {
            "key": "firm",
            "kind": "organisation",
            "organisation_roles": ["contractor"],
            "categories": ["finance"],
        },
    ],
    "relationships": [
        {"from_person": _HIS, "to_person": "her", "kind": "adverse_to"},
        {"from_person": "her", "to_person": _NHS, "kind": "parent_of", "parental_responsibility": True},
        {"from_person": "nurse", "to_person": "her", "kind": "carer_of"},
    ],
    "contact_points": [
        {
            "key": "home",
            "kind": "post",
            "value": _CALL_STREET,
            "uprn": _CALL_UPRN,
            "owners": ["her", _NOBODY],
            "home": True,
        },
        {"key": "mobile", "kind": "phone", "value": _CALL_PHONE, "owners": ["her", "party:patient"]},
        {"key": "his", "kind": "phone", "value": "7700 900456", "owners": [_HIS], "voicemail_safe": True},
        {"key": "hers", "kind": "phone", "value": "+44 7700-900-123", "owners": ["match"]},
        {"key": "mail", "kind": "email", "value": _CALL_MAIL, "owners": ["her"]},
        {"key": "login", "kind": "account", "value": _CALL_ACCOUNT, "owners": ["her"]},
    ],
}

SEE: dict[str, Any] = {
    "user": "w.nurse",
    "record": "F-new",
    "fields": [{"name": "summary"}, {"name": "subject.address", "party": "patient", "place": "home"}],
    "description": DESCRIPTION,
}
SEND: dict[str, Any] = SEE | {
    "verb": "VERB_SEND",
    "artefact_type": "clinic.letter",
    "dispatch_reference": "D-1",
    "recipients": [
        {"person": "her", "contact_point": "home", "interpreter": "match"},
        {"person": "match", "contact_point": "hers", "channel": "sms"},
        {"party": "spouse", "contact_point": "his", "channel": "phone.voicemail"},
        {"person": _NOBODY, "contact_point": "mail"},
        {"person": "firm", "contact_point": _NO_POINT},
        {"person": _NHS, "contact_point": "V-home", "interpreter": _HIS},
        {"team": "ward"},
    ],
}
_PORTAL = {"user": "her", "self_service": True, "channel": "portal", "contact_point": "login"}


_NO_PREMISES = {key: value for key, value in DESCRIPTION["record"].items() if key != "premises"}


def _with_point(**point: Any) -> dict[str, Any]:
    return _changed(SEE, record=_NO_PREMISES, contact_points=[{"key": "home", "owners": ["her"], **point}])


def _changed(question: dict[str, Any], **description: Any) -> dict[str, Any]:
    return question | {"description": DESCRIPTION | description}


CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "described, seen": (SEE, "permit"),
    "described, sent": (SEND, "deny"),
    "described, in her own portal": (
        _changed(SEE | _PORTAL, user={"person": "her"}) | {"fields": [{"name": "summary"}]},
        "permit",
    ),
    "on file, seen": ({"user": "w.nurse", "record": "F-G", "fields": [{"name": "summary"}]}, "permit"),
    "on file, sent": (
        {
            "user": "w.nurse",
            "record": "F-G",
            "fields": [{"name": "summary"}, {"name": "subject.address"}, {"name": "conditions"}],
            "recipients": [
                {"person": _REF, "contact_point": "V-phone", "channel": "sms"},
                {"person": _HIS, "contact_point": "A-phone"},
                {"person": "ref:gp", "contact_point": "gp-post"},
            ],
        },
        "deny",
    ),
    "through her own point": (
        SEE | _PORTAL | {"contact_point": _NO_POINT, "record": "F-none"},
        "deny",
    ),
    "a record that nobody knows": (SEE | {"record": "F-none", "description": {}}, "deny"),
    "a user who is nobody known": (_changed(SEE, user={"person": _NOBODY}), "deny"),
    "a tie to somebody whom nobody knows": (
        _changed(SEE, relationships=[{"from_person": _NOBODY, "to_person": "her", "kind": "carer_of"}]),
        "deny",
    ),
    "a party whom nobody knows": (
        _changed(
            SEE,
            record=DESCRIPTION["record"]
            | {"parties": [{"party": "x", "role": "subject", "person": _NOBODY}]},
        ),
        "deny",
    ),
    "identifiers of two people": (
        _changed(
            SEE,
            people=[
                {"key": "her", "identifiers": [_NHS, _HIS], "name": _CALL_NAME},
                *DESCRIPTION["people"][1:],
            ],
        ),
        "deny",
    ),
    "a purpose that is not granted": (SEND | {"purpose": "crime"}, "deny"),
    "a claim to be able to do nothing": (SEND | {"capabilities": {"obligations": ["redact"]}}, "deny"),
    "an unreadable phone number": (_with_point(kind="phone", value=_CALL_STREET), "CONTACT_UNREADABLE"),
    "an unreadable e-mail address": (_with_point(kind="email", value=_CALL_PHONE), "CONTACT_UNREADABLE"),
    "an unreadable UPRN": (_with_point(kind="post", value="x", uprn=_CALL_PHONE), "UPRN_UNREADABLE"),
    "an unreadable birth date": (
        _changed(SEE, people=[{"key": "her", "birth_date": f"{_CALL_BORN}T00:00"}]),
        "BAD_DATE",
    ),
    "a name for a key": (_changed(SEE, people=[{"key": _CALL_NAME}]), "BAD_NAME"),
    "an address for a field": (SEE | {"fields": [{"name": _CALL_STREET}]}, "CONTROL_CHARACTER"),
    "a number for a field": (SEE | {"fields": [{"name": _CALL_PHONE}]}, "BAD_NAME"),
    "a number for a party": (SEE | {"fields": [{"name": "summary", "party": _CALL_PHONE}]}, "BAD_NAME"),
    "a name for a word": (SEE | {"purpose": _CALL_NAME}, "UNKNOWN_WORD"),
    "a name for a language": (SEE | {"language": _CALL_NAME}, "BAD_LANGUAGE"),
    "an identifier without a scheme": (
        _changed(SEE, people=[{"key": "her", "identifiers": [_CALL_NAME]}]),
        "BAD_IDENTIFIER",
    ),
}
"""Calls by what they are about, and how each ends: permit, deny, or the reason of a refusal."""
