"""What somebody could assert to get what was refused him: each lie is well-formed, and of a kind that the
service listens to somewhere.

A question is a `CheckRequest` in its JSON form.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from policy_service.model.obligation import ObligationKind
from policy_service.model.vocabulary import OrganisationRole, RelationKind, Role
from tests.decisions.case import Facts
from tests.promises.world import FACTS

Question = dict[str, Any]

HER_STREET, HER_UPRN = "7 Nowhere Close, Nowhereton", "100023330007"
EVERY_CATEGORY = (
    *("identity.name", "location.current", "location.future", "contact.phone", "contact.post", "finance"),
    *("health.summary", "health.condition", "child.report", "report.body", "legal.orders", "household"),
    *("involvement", "notes.free_text", "abuse.risk_assessment", "service.venue"),
)


@dataclass(frozen=True, slots=True)
class Denied:
    """A question that is denied, and who would learn it, by his identifier on file."""

    ask: Question
    him: str

    @property
    def sends(self) -> bool:
        return "recipients" in self.ask


PROTECTIONS = ("do_not_share", "withhold_location", "excluded_person", "adverse")
HER, HIM, CHILD = "ref:Vera", "ref:Adam", "ref:Cleo"


def liars_world(protection: str) -> Facts:
    """Vera, with whom Cleo lives, and one protection of hers (none for any other word); from Adam, where it
    is from somebody.
    """
    requests: dict[str, Question] = {
        "do_not_share": {"person": HER, "kind": "do_not_share"},
        "withhold_location": {"person": HER, "kind": "withhold_location"},
        "excluded_person": {"person": HER, "kind": "excluded_person", "recipients": [HIM]},
        "restricted_access": {
            "person": HER,
            "kind": "restricted_access",
            "recipients": ["role:clinician", "role:consultant"],
        },
    }
    adverse = {"from_person": HIM, "to_person": HER, "kind": "adverse_to"}
    grant = FACTS.systems[0]["grant"] | {
        "purposes": ["care", "casework", "safeguarding", "service_of_documents", "subject_access", "crime"],
        "self_service": True,
    }
    return FACTS.model_copy(
        update={
            "people": (
                {"identifiers": [HER], "names": ["Vera Example"], "birth_date": "1990-01-01"},
                {"identifiers": [HIM], "names": ["Adam Example"], "birth_date": "1980-01-01"},
                {"identifiers": [CHILD], "birth_date": "2018-01-01"},
                {"identifiers": ["ref:gp"], "kind": "organisation", "organisation_roles": ["care_provider"]},
                {
                    "identifiers": ["ref:council"],
                    "kind": "organisation",
                    "organisation_roles": ["public_body"],
                    "categories": list(EVERY_CATEGORY),
                },
            ),
            "contact_points": (
                _on_file(HER, "post", HER_STREET, "her-home", uprn=HER_UPRN, home=True),
                _on_file(CHILD, "post", HER_STREET, "its-home", uprn=HER_UPRN, home=True),
                _on_file(HER, "phone", "07700 900001", "her-phone"),
                _on_file(HIM, "post", "8 Elsewhere Road, Nowhereton", "his-home", home=True),
                _on_file("ref:gp", "post", "3 Surgery Square, Nowhereton", "gp-post"),
                _on_file("ref:council", "email", "council@example.org", "council-mail"),
            ),
            "relationships": (
                {"from_person": CHILD, "to_person": HER, "kind": "lives_with"},
                _parent(HER),
                *((adverse,) if protection == "adverse" else ()),
            ),
            "requests": tuple(said for kind, said in requests.items() if kind == protection),
            "records": (
                {
                    "reference": "F-1",
                    "record_type": "clinic.file",
                    "teams": ["ward", "ward-9"],
                    "parties": [
                        {"party": "patient", "role": "subject", "person": HER},
                        {"party": "child", "role": "child", "person": CHILD},
                    ],
                },
            ),
            "users": (
                {"reference": "w.nurse", "teams": ["ward"]},
                {"reference": "o.clerk", "teams": ["records"]},
                {"reference": "a.nurse", "person": HIM, "teams": ["ward"]},
            ),
            "systems": ({**FACTS.systems[0], "grant": grant},),
        }
    )


def _parent(who: str) -> Question:
    return {"from_person": who, "to_person": CHILD, "kind": "parent_of", "parental_responsibility": True}


def _on_file(owner: str, kind: str, value: str, reference: str, **said: Any) -> Question:
    return {"owner": owner, "kind": kind, "value": value, "reference": reference, **said}


_PLACES = ("subject.address", "child.address")
_HIDDEN_FROM_ADVERSE = (*_PLACES, "history", "notes", "subject.phone")
_ALL = (*_PLACES, "summary", "history", "child.report", "notes", "subject.phone")


def denied(protection: str) -> dict[str, Denied]:
    """What is denied for the protection's sake, by what it is."""
    match protection:
        case "do_not_share":
            new = {
                "record_type": "clinic.file",
                "teams": ["records"],
                "parties": [{"party": "patient", "role": "subject", "person": HER}],
            }
            see = ask("o.clerk", ("summary", "subject.address"), record="F-2", description={"record": new})
            # Whoever sends it works there for certain; the team to which it goes, by the description alone.
            works_there = {"user": {"teams": ["ward-9"]}, "record": {"teams": ["ward-9"]}}
            to_team = told_with(see, {"description": works_there, "verb": "VERB_SEND"})
            to_team["recipients"] = [{"team": "records"}]
            return {
                "a send to him": Denied(send("his-home", HIM, _ALL), HIM),
                "a send to her doctor": Denied(send("gp-post", "ref:gp", ("summary",)), "ref:gp"),
                "a send to the council": Denied(
                    send("council-mail", "ref:council", ("summary",), purpose="safeguarding"), "ref:council"
                ),
                "a see on a record that is described": Denied(see, HIM),
                "a send to the team that the description names": Denied(to_team, HIM),
            }
        case "withhold_location":
            council = send("council-mail", "ref:council", _PLACES, purpose="safeguarding")
            return {
                "a send to him": Denied(send("his-home", HIM, _PLACES), HIM),
                "a send to the council": Denied(council, "ref:council"),
            }
        case _:
            # Who is adverse may have what law lets reach him; who is excluded has nothing.
            hidden = _HIDDEN_FROM_ADVERSE if protection == "adverse" else _ALL
            return {
                "a send to him": Denied(send("his-home", HIM, hidden), HIM),
                "a see by him, who works there": Denied(ask("a.nurse", _ALL), HIM),
            }


def ask(user: str, fields: tuple[str, ...], *, record: str = "F-1", **said: Any) -> Question:
    return {"user": user, "record": record, "fields": [{"name": field} for field in fields], **said}


def send(point: str, to: str, fields: tuple[str, ...], **said: Any) -> Question:
    recipients = [{"person": to, "contact_point": point}]
    return {**ask("w.nurse", fields), "verb": "VERB_SEND", "recipients": recipients, **said}


def told_with(question: Question, *lies: Question) -> Question:
    """The question with what each lie adds: descriptions are joined, a person's by her key; other words are
    set, the last one's if several say them.
    """
    told = copy.deepcopy(question)
    for lie in lies:
        for word, said in lie.items():
            if word == "description":
                _describe(told.setdefault("description", {}), copy.deepcopy(said))
            elif word in ("fields", "recipients"):  # something more about each of them
                for each in told.get(word, []):
                    each |= said
            else:
                told[word] = copy.deepcopy(said)
    return told


def _describe(told: Question, lie: Question) -> None:
    for part, said in lie.items():
        if isinstance(said, list):
            joined = {each.get("key", str(each)): each for each in told.get(part, [])}
            for each in said:
                key = each.get("key", str(each))
                joined[key] = _joined(joined.get(key, {}), each)
            told[part] = list(joined.values())
        else:
            told[part] = _joined(told.get(part, {}), said)


def _joined(one: Question, other: Question) -> Question:
    both = one | other
    for word in one.keys() & other.keys():
        if isinstance(one[word], list):
            both[word] = one[word] + [each for each in other[word] if each not in one[word]]
    return both


def _him(denied: Denied, **said: Any) -> Question:
    return {"description": {"people": [{"key": "him", "identifiers": [denied.him], **said}]}}


def _her(**said: Any) -> Question:
    return {"description": {"people": [{"key": "her", "identifiers": [HER], **said}]}}


def _point(key: str, kind: str, value: str, owners: list[str], **said: Any) -> Question:
    return {"key": key, "kind": kind, "value": value, "owners": owners, **said}


def _home(owners: list[str], *, street: str = HER_STREET, **said: Any) -> Question:
    return {"description": {"contact_points": [_point("home", "post", street, owners, home=True, **said)]}}


def lies(denied: Denied) -> Iterator[tuple[str, Question]]:
    """Every lie that can be told with this question."""
    yield from _ties(denied)
    yield from _people_and_organisations(denied)
    yield from _homes_and_points(denied)
    yield from _users_and_records(denied)
    yield from _the_callers_own(denied)


def _ties(d: Denied) -> Iterator[tuple[str, Question]]:
    for kind in RelationKind:
        for one, other in ((d.him, HER), (HER, d.him), (d.him, CHILD), (CHILD, d.him)):
            tie: Question = {"from_person": one, "to_person": other, "kind": kind}
            if kind is RelationKind.PARENT_OF:
                tie["parental_responsibility"] = True
            yield f"{one} {kind} {other}", {"description": {"relationships": [tie]}}


def _people_and_organisations(d: Denied) -> Iterator[tuple[str, Question]]:
    for role in OrganisationRole:
        said = {"kind": "organisation", "organisation_roles": [role], "categories": list(EVERY_CATEGORY)}
        yield f"he is a {role}", _him(d, **said)
        yield f"she is a {role}", _her(**said)
    yield "he is an organisation", _him(d, kind="organisation")
    yield "he has her name and birth date", _him(d, name="Vera Example", birth_date="1990-01-01")
    yield "she is a child", _her(birth_date="2020-01-01")
    yield "she has his name and birth date", _her(name="Adam Example", birth_date="1980-01-01")
    yield (
        "the child is of age",
        {"description": {"people": [{"key": "it", "identifiers": [CHILD], "birth_date": "1970-01-01"}]}},
    )
    yield "he has another name", _him(d, name="Somebody Else", birth_date="1955-05-05")


def _homes_and_points(d: Denied) -> Iterator[tuple[str, Question]]:
    yield "he lives with her", _home([d.him, HER])
    yield "he lives there, and not she", _home([d.him])
    yield "he lives there, by its UPRN", _home([d.him, HER], uprn=HER_UPRN)
    yield "she lives with him", _home([d.him, HER], street="8 Elsewhere Road, Nowhereton")
    yield "her home is another's", _home(["ref:gp"], uprn="100023339999")
    yield (
        "they share a telephone",
        {"description": {"contact_points": [_point("phone", "phone", "07700 900007", [d.him, HER])]}},
    )
    yield "the place is his", _home([d.him]) | {"fields": {"place": "home"}}
    yield "the place is hers", _home([HER]) | {"fields": {"place": "home"}}
    yield "the place is on file", {"fields": {"place": "her-home"}}
    if d.sends:
        owners = [d.him]
        phone = _point("his", "phone", "07700 900008", owners, voicemail_safe=True)
        described = {"description": {"contact_points": [phone]}}
        for channel in ("phone.live", "phone.voicemail", "sms"):
            to = {"contact_point": "his", "channel": channel}
            yield f"it is his telephone, {channel}", described | {"recipients": to}
        for reference in ("her-home", "her-phone", "gp-post"):
            yield f"it goes to {reference}", {"recipients": {"contact_point": reference}}
        yield "it is told to him by her", {"recipients": {"interpreter": HER}}
        yield "it is told to him by a doctor", {"recipients": {"interpreter": "ref:gp"}}
    else:
        yield "he looks through her account", {"contact_point": "her-phone"}


def _users_and_records(d: Denied) -> Iterator[tuple[str, Question]]:
    for word, said in (
        ("roles", ["clinician"]),
        ("roles", ["administrator", "privacy_officer", "caldicott_guardian"]),
        ("teams", ["ward", "scheme", "records"]),
        ("person", HER),
        ("person", "ref:gp"),
    ):
        yield f"the user's {word} are {said}", {"description": {"user": {word: said}}}
    record: Question = {"record_type": "clinic.file", "teams": ["records", "ward", "ward-9"]}
    yield "his team works on the record", {"description": {"record": record}}
    for role in Role:
        parties = [{"party": "new", "role": role, "person": d.him}]
        yield f"he is {role} on the record", {"description": {"record": record | {"parties": parties}}}
    yield (
        "she is not on the record",
        {
            "description": {
                "record": record | {"parties": [{"party": "another", "role": "subject", "person": d.him}]}
            }
        },
    )
    yield (
        "the premises are his",
        {
            "description": {
                "contact_points": [_point("premises", "post", HER_STREET, [d.him], uprn=HER_UPRN)],
                "record": record | {"premises": "premises"},
            }
        },
    )


def _the_callers_own(d: Denied) -> Iterator[tuple[str, Question]]:
    protective = [kind for kind in ObligationKind if not kind.is_supportive]
    yield "everything can be carried out", {"capabilities": {"obligations": protective}}
    yield "nothing can be carried out", {"capabilities": {}}
    yield "the login is strong", {"user_assurance": 3}
    yield "the artefact is known", {"artefact_type": "clinic.letter", "artefact_digest": "A" * 43 + "="}
    yield "it was sent before", {"dispatch_reference": "D-1", "language": "cy"}
    for purpose in ("casework", "safeguarding", "service_of_documents", "subject_access"):
        yield f"it is for {purpose}", {"purpose": purpose}
    if not d.sends:
        yield "he serves himself", {"self_service": True}
        if d.ask["user"] == "a.nurse":  # for a login of nobody's the portal's word is all that there is
            yield "she serves herself", {"self_service": True, "description": {"user": {"person": HER}}}
        for channel in ("portal", "in_person", "see.print", "api"):
            yield f"he looks by {channel}", {"channel": channel}
