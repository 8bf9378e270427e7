"""A world in which much is not to be told, and every way of asking in which that could show.

For each kind of request there is a file of its own: about a patient and a victim who made it, in secret, with
a joint customer adverse to the victim, an applicant whom law keeps secret, and an informant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policy_service.model.obligation import ANY_CALLER, ObligationKind
from tests.decisions.case import Facts
from tests.promises.world import FACTS

KINDS = (
    *("do_not_share", "withhold_location", "withhold_identity", "object", "emergency_only"),
    *("excluded_person", "safe_contact", "nothing"),
)
"""Those that hide something of the person who asked, or hold something back from her; and `nothing`: nobody
asked, so that the patient is not protected, and the applicant is.
"""

Way = dict[str, Any]
"""What of a question is the same whatever is asked about."""

PERMITTED = ("conditions", "summary")
"""Fields that some may have whatever else is withheld."""

DOCUMENT = "dossier"
_PROVEN = [
    {"obligation": kind, "evidence": "EV-1", "until": "2099-01-01"}
    for kind in ObligationKind
    if not (kind.is_supportive or kind in ANY_CALLER)
]


def _file_of(kind: str) -> dict[str, Any]:
    return {
        "reference": f"F-{kind}",
        "record_type": "clinic.file",
        "teams": ["ward"],
        "parties": [
            {"party": "patient", "role": "subject", "person": f"ref:P-{kind}"},
            {"party": "spouse", "role": "joint_customer", "person": f"ref:A-{kind}"},
            {"party": "victim", "role": "victim", "person": f"ref:V-{kind}"},
            {"party": "asked", "role": "applicant", "person": f"ref:V-{kind}"},
            {"party": "who-told", "role": "informant", "person": f"ref:P-{kind}"},
        ],
    }


def _request_of(kind: str, person: str) -> dict[str, Any]:
    request: dict[str, Any] = {"person": person, "kind": kind, "visibility": "secret"}
    if kind == "excluded_person":
        request["recipients"] = ["ref:gp", "team:records"]
    if kind == "safe_contact":
        request["safe_contact"] = {"channels": ["phone.live"], "no_voicemail": True}
    return request


def _type(name: str) -> dict[str, Any]:
    said = FACTS.record_types[0]
    parts = [
        {"name": "front", "categories": ["health.summary"], "about": ["subject"], "separable": True},
        {"name": "address", "categories": ["location.current"], "about": ["victim"], "separable": True},
    ]
    document = {
        "name": DOCUMENT,
        "categories": ["document.attachment"],
        "about": ["subject", "victim"],
        "parts": parts,
    }
    return {**said, "name": name, "fields": [*said["fields"], document]}


_PEOPLE = [f"ref:{letter}-{kind}" for kind in KINDS for letter in "PAV"]

WORLD: Facts = FACTS.model_copy(
    update={
        "record_types": (_type("clinic.file"), _type("clinic.sealed")),
        "artefact_types": (*FACTS.artefact_types, {"name": "clinic.bundle", "capabilities": _PROVEN}),
        "people": (*FACTS.people, *({"identifiers": [person]} for person in _PEOPLE)),
        "contact_points": (
            *FACTS.contact_points,
            *(
                {
                    "owner": person,
                    "kind": "post",
                    "value": f"{number} Madeup Road, Nowhereton",
                    "reference": f"home-{person.removeprefix('ref:')}",
                    "home": True,
                }
                for number, person in enumerate(_PEOPLE)
            ),
        ),
        "relationships": (
            *FACTS.relationships,
            *(
                {"from_person": f"ref:A-{kind}", "to_person": f"ref:V-{kind}", "kind": "adverse_to"}
                for kind in KINDS
            ),
        ),
        "records": (
            *FACTS.records,
            *(_file_of(kind) for kind in KINDS),
            {
                "reference": "F-elsewhere",
                "record_type": "clinic.file",
                "teams": ["other-ward"],
                "parties": [{"party": "patient", "role": "subject", "person": "ref:P"}],
            },
            {
                "reference": "F-sealed",
                "record_type": "clinic.sealed",
                "teams": ["ward"],
                "parties": [{"party": "patient", "role": "subject", "person": "ref:V"}],
            },
        ),
        "users": (
            *FACTS.users,
            {"reference": "nightly", "kind": "job", "owner": "w.nurse", "record_types": ["clinic.file"]},
        ),
        "requests": (
            *(_request_of(kind, f"ref:{letter}-{kind}") for kind in KINDS[:-1] for letter in "PV"),
            {
                "person": "ref:V",
                "kind": "restricted_access",
                "recipients": ["team:scheme"],
                "scope": {"records": ["F-sealed"]},
            },
        ),
        "systems": tuple(
            system | {"grant": system["grant"] | {"self_service": True}} for system in FACTS.systems
        ),
    }
)


def records_withheld(way: Way) -> tuple[str, ...]:
    """A file with an allow list that holds nobody who asks (and of a type that no job is granted), and one of
    another ward, which is nothing to a job.
    """
    return ("F-sealed",) if way["user"] == "nightly" else ("F-sealed", "F-elsewhere")


DESCRIBED = {
    "people": [
        {"key": "ex", "name": "Adam Example", "birth_date": "1980-01-02"},
        {"key": "helper", "identifiers": ["ref:gp"]},
    ],
    "relationships": [{"from_person": "ex", "to_person": "helper", "kind": "ex_partner"}],
    "contact_points": [{"key": "phone", "kind": "phone", "value": "07700 900456", "owners": ["ex"]}],
}

ARTEFACTS: tuple[Way, ...] = ({}, {"artefact_type": "clinic.letter"}, {"artefact_type": "clinic.bundle"})
EXTRAS: dict[str, Way] = {
    "as it is": {},
    "nothing claimed": {"capabilities": {}},
    "all claimed but silence": {
        "artefact_type": "clinic.letter",
        "capabilities": {
            "obligations": [k for k in ObligationKind if not k.is_supportive and k != "omit_silently"]
        },
    },
    "silence alone claimed": {
        "artefact_type": "clinic.bundle",
        "capabilities": {"obligations": ["omit_silently"]},
    },
    "in another language": {"language": "cy-GB", "artefact_type": "clinic.letter"},
    "people described": {"description": DESCRIBED, "artefact_type": "clinic.letter"},
    "of a strong login": {"user_assurance": 3, "artefact_digest": "A" * 43 + "="},
}

_GP = {"person": "ref:gp", "contact_point": "gp-post"}


def recipients(kind: str) -> dict[str, list[dict[str, str]]]:
    return {
        "a care provider": [_GP],
        "the patient": [{"party": "patient", "contact_point": f"home-P-{kind}"}],
        "the patient by telephone": [{"party": "patient", "channel": "phone.voicemail"}],
        "him whom she fears": [{"person": f"ref:A-{kind}", "contact_point": f"home-A-{kind}"}],
        "her": [{"party": "victim", "contact_point": f"home-V-{kind}"}],
        "the ward": [{"team": "ward"}],
        "another team": [{"team": "records"}],
        "nobody whom one knows": [{"person": "ref:nobody"}],
        "several": [
            *(_GP, {"party": "spouse"}, {"team": "records"}, {"team": "ward"}),
            {"party": "patient", "contact_point": f"home-P-{kind}"},
        ],
        "several, of whom one is unknown": [{"person": "ref:nobody"}, {"team": "ward"}, _GP],
        "several, of whom one is a secret party": [{"party": "asked"}, {"team": "ward"}],
        "one through an interpreter": [_GP | {"interpreter": f"ref:A-{kind}", "channel": "via_interpreter"}],
    }


def ways_to_see(kind: str) -> Iterator[tuple[str, Way]]:
    """By staff of the ward and of none, and by the patient herself. The kinds take turns at artefacts and
    extras, so that each is met by several.
    """
    turn = KINDS.index(kind)
    herself = {
        "user": "portal-7",
        "self_service": True,
        "description": {"user": {"person": f"ref:P-{kind}"}},
    }
    artefact = ARTEFACTS[turn % len(ARTEFACTS)]
    yield "herself", herself | artefact
    for number, (extra, way) in enumerate(EXTRAS.items()):
        if (number + turn) % 2 == 0:
            yield f"staff, {extra}", {"user": "w.nurse", **(way or artefact)}
        if (number + turn) % 3 == 0:
            yield f"staff of no ward, {extra}", {"user": "o.clerk", **way}
            if "description" not in way:
                yield f"herself, {extra}", herself | way


def ways_to_send(kind: str) -> Iterator[tuple[str, Way]]:
    """To everybody, and by the nightly job. The kinds take turns as above."""
    turn = KINDS.index(kind)
    named, send = recipients(kind), {"verb": "VERB_SEND"}
    for number, (name, to) in enumerate(named.items()):
        artefact = ARTEFACTS[(number + turn) % len(ARTEFACTS)]
        yield f"to {name} {artefact}", {"user": "w.nurse", "recipients": to, **send, **artefact}
    for number, (extra, way) in enumerate(EXTRAS.items()):
        name = ("a care provider", "several, of whom one is unknown")[(number + turn) % 2]
        yield f"to {name}, {extra}", {"user": "w.nurse", "recipients": named[name], **send, **way}
    to_the_described = [{"person": "ex", "contact_point": "phone", "channel": "phone.live"}, {"person": "ex"}]
    described = {"description": DESCRIBED, "recipients": to_the_described}
    artefact = ARTEFACTS[turn % len(ARTEFACTS)]
    yield f"to one described {artefact}", {"user": "w.nurse", **described, **send, **artefact}
    job = {"user": "nightly", "recipients": named["several"], "artefact_type": "clinic.letter"}
    yield "by a job to several", job | send


ON_FILE_OF_SEVERAL = {"key": "both", "identifiers": ["ref:P", "ref:V"]}
"""A description that the store contradicts."""

UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "a telephone number": ({"kind": "phone", "value": "ring twice"}, "value"),
    "an e-mail address": ({"kind": "email", "value": "not an address"}, "value"),
    "an address": ({"kind": "post", "value": "- - -"}, "value"),
    "a UPRN": ({"kind": "post", "value": "1 Road", "uprn": "x7"}, "uprn"),
}
"""A described contact point that no library can read, and the part of it at fault."""

ANYBODY_ASKS: dict[str, Way] = {
    "the ward": {"user": "w.nurse"},
    "somebody else": {"user": "o.clerk"},
    "him whom she fears": {"user": "a.nurse"},
    "nobody whom one knows": {"user": "nobody"},
    "the job": {"user": "nightly", "verb": "VERB_SEND", "recipients": [{"team": "records"}]},
    "for a purpose that is not granted": {"user": "w.nurse", "purpose": "research"},
    "as an artefact that is none": {"user": "w.nurse", "artefact_type": "no.such"},
    "about people whom the store knows apart": {"user": "w.nurse", "people": [ON_FILE_OF_SEVERAL]},
}


def with_unreadable(way: Way, point: dict[str, Any]) -> Way:
    """The way, with a description whose second contact point is `point`; the first is on file."""
    known = {"key": "known", "kind": "post", "value": "3 Surgery Square, Nowhereton"}
    points = [known, {"key": "unreadable", **point}]
    asked = {key: said for key, said in way.items() if key != "people"}
    return asked | {"description": {"people": way.get("people", []), "contact_points": points}}
