"""Generated worlds, each with one question that somebody might sensibly ask of it.

A question is asked by somebody of the record's team about parties that exist, and goes to people by their
own contact points: mostly. So about half of all cells permit, and a property over them shows something.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from policy_service.model.facts import ContactPoint, Fact, FieldType, Record, RecordId, RecordParty
from policy_service.model.obligation import ObligationKind
from policy_service.model.question import (
    CheckCall,
    DescribedContactPoint,
    DescribedParty,
    DescribedPerson,
    DescribedRecord,
    DescribedRelationship,
    DescribedUser,
    Description,
    FieldAsked,
    RecipientAsked,
)
from policy_service.model.vocabulary import (
    CO_RECIPIENT,
    Channel,
    ContactKind,
    Purpose,
    RelationKind,
    Role,
    Verb,
)
from tests.properties import cast
from tests.properties.cast import FINGERPRINTS, TRUST, Known, id_of, identifier_of
from tests.properties.choosing import choose, mostly, one_in, several
from tests.properties.kinds import DESK, KINDS, SCHEME, TEAMS, WARD, Kind, fields_of
from tests.properties.scene import Scene
from tests.properties.themes import THEMES, Theme
from tests.properties.worlds import (
    ADVERSITY,
    DIGEST,
    FAMILY,
    NOTHING,
    ORDINARY_PURPOSES,
    PROTECTIVE,
    RECORD,
    SYSTEMS,
    USERS,
    Bond,
    Reach,
    artefact_types,
    contact_point,
    declaration,
    order,
    override,
    people_on_file,
    reaches,
    relationship,
    relationship_in_force,
    request,
)

_BY_KIND = {
    ContactKind.POST: (Channel.POST, Channel.BUNDLE),
    ContactKind.PHONE: (Channel.PHONE_LIVE, Channel.SMS, Channel.PHONE_VOICEMAIL),
    ContactKind.EMAIL: (Channel.EMAIL,),
    ContactKind.ACCOUNT: (Channel.PORTAL,),
}


@dataclass
class Draft:
    """A scene while it is drawn."""

    draw: st.DrawFn
    ordinary: bool
    kind: Kind
    on_file: bool
    """Whether the record is on file."""
    parties: list[tuple[str, Role, str]] = field(default_factory=list)
    teams: tuple[str, ...] = (WARD,)
    known: dict[str, Known] = field(default_factory=dict)
    reach: dict[str, tuple[Reach, ...]] = field(default_factory=dict)
    said: dict[str, bool] = field(default_factory=dict)
    """For each contact point: whether the call describes it."""
    facts: list[Fact] = field(default_factory=list)
    relations: list[DescribedRelationship] = field(default_factory=list)
    premises: Reach | None = None
    theme: Theme | None = None

    def reference(self, name: str) -> str:
        """How the call names somebody."""
        return name if self.known[name].described else identifier_of(name)


@functools.cache
def scenes(*, ordinary: bool | None = None, theme: Theme | None = None) -> st.SearchStrategy[Scene]:
    """`ordinary`: nobody is protected; None: either. `theme`: what it is about; None: one of all, or none."""
    return _scenes(ordinary, theme)


@st.composite
def _scenes(draw: st.DrawFn, ordinary: bool | None, theme: Theme | None) -> Scene:
    plain = one_in(draw, 4) if ordinary is None else ordinary
    if theme is None and one_in(draw, 2):
        theme = choose(draw, _THEMES[plain])
    kind = choose(draw, KINDS) if theme is None else _KIND_OF[theme.kind]
    draft = Draft(
        draw,
        ordinary=plain and (theme is None or theme.ordinary),
        kind=kind,
        on_file=one_in(draw, 2) or kind.record_type.people_on_file,
        theme=theme,
    )
    _cast(draft)
    _points(draft)
    _bonds(draft)
    _wishes(draft)
    _record(draft)
    return _question(draft)


_THEMES = {plain: tuple(theme for theme in THEMES if theme.ordinary or not plain) for plain in (True, False)}
_KIND_OF = {kind.record_type.name: kind for kind in KINDS}

_WAYS = (Known.FILE, Known.BOTH, Known.DESCRIBED, Known.DESCRIBED, Known.MATCH)
_WAYS_OF_PARTIES_ON_FILE = (Known.FILE, Known.FILE, Known.BOTH, Known.MATCH)


def _cast(d: Draft) -> None:
    draw = d.draw
    theme = d.theme
    number = choose(draw, (1, 2, 2, 3, 4)) if theme is None else choose(draw, (0, 0, 1, 2))
    d.parties += () if theme is None else theme.parties
    taken = {key for key, _, _ in d.parties}
    for key, role, likely in several(draw, d.kind.parties, least=number, most=number):
        if key not in taken:
            d.parties.append((key, role, mostly(draw, likely[0], *likely)))
    holders = {who for _, _, who in d.parties}
    everybody = dict.fromkeys([who for _, _, who in d.parties])
    everybody |= dict.fromkeys(several(draw, cast.EVERYBODY, most=3))
    if theme is not None:
        bound = (name for bond in theme.bonds for name in (bond.source, bond.target))
        everybody |= dict.fromkeys(name for name in (*theme.others, theme.to, *bound) if name)
        d.known = dict.fromkeys(theme.on_file, Known.FILE)
    if not d.ordinary:
        everybody |= {"vera": None, "adam": None}
    for name in everybody:
        if name not in d.known:
            d.known[name] = choose(draw, _WAYS_OF_PARTIES_ON_FILE if d.on_file and name in holders else _WAYS)


def _points(d: Draft) -> None:
    for name, way in d.known.items():
        d.reach[name] = reaches(d.draw, name)
        for reach in d.reach[name]:
            on_file = way.on_file and (way is not Known.MATCH) and not one_in(d.draw, 3)
            d.said[reach.name] = not on_file or (way.described and one_in(d.draw, 2))
            if on_file:
                d.facts.append(contact_point(d.draw, reach))


def _bonds(d: Draft) -> None:
    there = d.known.keys()
    for bond in () if d.theme is None else d.theme.bonds:
        if all(d.known[name].on_file for name in (bond.source, bond.target)) and not one_in(d.draw, 3):
            d.facts.append(relationship_in_force(bond))
        else:
            d.relations.append(_described_bond(d, bond))
    family = [bond for bond in FAMILY if {bond.source, bond.target} <= there]
    _state(d, family, choose(d.draw, (0, 1, 2, 4, 6)))
    if d.ordinary:
        return
    for _ in range(choose(d.draw, (0, 1, 1, 2))):
        if one_in(d.draw, 2):
            _state(d, [bond for bond in ADVERSITY if {bond.source, bond.target} <= there], 1)
        else:
            target = choose(d.draw, [who for _, _, who in d.parties])
            source = choose(d.draw, [name for name in d.known if name != target])
            _state(d, [Bond(source, RelationKind.ADVERSE_TO, target)], 1)


def _state(d: Draft, possible: Sequence[Bond], number: int) -> None:
    """State so many of the bonds, on file or in the call."""
    for bond in several(d.draw, possible, least=number, most=number):
        ways = d.known[bond.source], d.known[bond.target]
        if all(way.on_file for way in ways) and not one_in(d.draw, 3):
            d.facts.append(relationship(d.draw, bond))
        else:
            d.relations.append(_described_bond(d, bond))


def _described_bond(d: Draft, bond: Bond) -> DescribedRelationship:
    ends = d.reference(bond.source), d.reference(bond.target)
    return DescribedRelationship(*ends, bond.kind, bond.responsibility)


def _wishes(d: Draft) -> None:
    """What people asked for, and what sets it aside."""
    points = [fact for fact in d.facts if isinstance(fact, ContactPoint)]
    reached = {name: [p.contact_point_id for p in points if p.person_id == name] for name in d.known}
    if d.theme is not None:
        d.facts += d.theme.facts(d.draw, reached)
    if d.ordinary:
        return
    asking = [who for _, _, who in d.parties if d.known[who].on_file] * 3
    on_file = [name for name, way in d.known.items() if way.on_file]
    asking += [name for name in on_file if name not in cast.ORGANISATIONS]
    if asking:
        for number in range(choose(d.draw, (0, 1, 1, 1, 2, 3))):
            asked = request(d.draw, str(number), people=asking, on_file=on_file, reached=reached)
            d.facts.append(asked)
    if one_in(d.draw, 4):
        d.facts.append(override(d.draw))
    if one_in(d.draw, 4):
        d.facts.append(order(d.draw))


def _record(d: Draft) -> None:
    d.teams = mostly(d.draw, (WARD,), (WARD, DESK), (SCHEME,), ())
    if one_in(d.draw, 3):
        d.facts.append(declaration(d.draw))
    holders = [who for _, role, who in d.parties if role is Role.JOINT_CUSTOMER]
    if holders:
        d.premises = next((r for r in d.reach[holders[0]] if r.kind is ContactKind.POST), None)
    if not d.on_file:
        return
    at = d.premises
    record = Record(
        RecordId("record-1"),
        TRUST,
        RECORD,
        d.kind.record_type.name,
        d.teams,
        premises=NOTHING if at is None else FINGERPRINTS.contact(ContactKind.POST, at.text),
        premises_uprn=NOTHING if at is None or not at.uprn_text else FINGERPRINTS.uprn(at.uprn_text),
    )
    d.facts.append(record)
    d.facts += [
        RecordParty(f"party-{key}-{role}", TRUST, record.record_id, key, role, id_of(who))
        for key, role, who in d.parties
    ]


# The question. ---------------------------------------------------------------------------------------------


def _question(d: Draft) -> Scene:
    draw = d.draw
    types = [kind.record_type for kind in KINDS]
    facts = (*people_on_file(d.known), *d.facts, *USERS, *SYSTEMS, *types, *artefact_types(draw))
    described = any(way.described for way in d.known.values()) or any(d.said.values())
    describes = bool(d.relations) or not d.on_file or described
    recipients: tuple[RecipientAsked, ...] = ()
    reading: Sequence[str] = ()
    user, described_user, account = "", None, ""
    way = choose(draw, ("send", "see", "send", "self", "send"))
    if d.theme is not None and not one_in(draw, 5):
        way = "send" if d.theme.to else "see"
    match way:
        case "see":
            user = _staff(d)
            if describes and one_in(draw, 6):
                described_user = DescribedUser(roles=("clinician",), teams=(DESK,))
        case "self":
            readers = [who for _, _, who in d.parties if who not in cast.ORGANISATIONS]
            reading = [choose(draw, readers)]
            user, described_user = "portal-user", DescribedUser(person=d.reference(reading[0]))
            account = _own_account(d, reading)
            describes = True
        case _:
            user = "job.letters" if one_in(draw, 3) else _staff(d)
            recipients, reading = _recipients(d)
    call = CheckCall(
        user=user,
        record=RECORD,
        fields=_fields(d, reading),
        verb=Verb.SEND if way == "send" else Verb.SEE,
        purpose=d.theme.purpose
        if d.theme is not None and d.theme.purpose is not None
        else mostly(draw, None, *ORDINARY_PURPOSES, Purpose.COURT, Purpose.EMERGENCY, Purpose.RESEARCH),
        recipients=recipients,
        artefact_type=choose(draw, ("letter", "message", "letter", "message", "")),
        artefact_digest=choose(draw, (b"", DIGEST)),
        self_service=way == "self",
        contact_point=account,
        description=_description(d, described_user),
        capabilities=mostly(draw, None, frozenset[ObligationKind](), frozenset(PROTECTIVE)),
        assurance=choose(draw, (0, 2, 3)),
    )
    system = ("narrow" if one_in(draw, 20) else "main") if describes else choose(draw, ("main", "plain"))
    return Scene(facts, system, call, cast.MONDAY_NIGHT if one_in(draw, 3) else cast.MONDAY_NOON)


_OTHER_STAFF = ("u.nora", "u.adam", "u.desk", "u.vera", "u.gone", "u.nobody", "u.scheme")


def _staff(d: Draft) -> str:
    """Mostly somebody of the record's team whose login is nobody's in particular."""
    if d.theme is not None and d.theme.user and not one_in(d.draw, 4):
        return d.theme.user
    if one_in(d.draw, 4):
        return choose(d.draw, _OTHER_STAFF)
    of_team = [
        u.reference for u in USERS if set(u.teams) & set(d.teams) and not u.person_id and not u.suspended
    ]
    return choose(d.draw, of_team or ["u.ward"])


def _own_account(d: Draft, reading: Sequence[str]) -> str:
    accounts = [reach for name in reading for reach in d.reach[name] if reach.kind is ContactKind.ACCOUNT]
    return _point_reference(d, accounts[0]) if accounts and one_in(d.draw, 2) else ""


def _point_reference(d: Draft, reach: Reach) -> str:
    return reach.name if d.said[reach.name] else f"CP/{reach.name}"


def _recipients(d: Draft) -> tuple[tuple[RecipientAsked, ...], list[str]]:
    """One to three recipients, mostly by their own contact points, and who they are."""
    draw = d.draw
    parties = [(key, who) for key, _, who in d.parties]
    others = [name for name in d.known if all(name != who for _, who in parties)]
    found: dict[RecipientAsked, str] = {}
    if d.theme is not None and d.theme.to:
        found[_reached(d, RecipientAsked(person=d.reference(d.theme.to)), d.theme.to)] = d.theme.to
    for _ in range(choose(draw, (0, 0, 1, 2)) + (not found)):
        match choose(draw, ["party"] * 5 + ["person"] * 2 * bool(others) + ["team"] * 2):
            case "party":
                key, who = choose(draw, parties)
                found[_reached(d, RecipientAsked(party=key), who)] = who
            case "person":
                who = choose(draw, others)
                found[_reached(d, RecipientAsked(person=d.reference(who)), who)] = who
            case _:
                team = choose(draw, d.teams or (WARD,)) if not one_in(draw, 5) else choose(draw, TEAMS)
                found[RecipientAsked(team=team)] = ""
    if one_in(draw, 12):
        found[RecipientAsked(person="ref:nobody", contact_point="nowhere")] = ""
    return tuple(found), [who for who in found.values() if who]


def _reached(d: Draft, asked: RecipientAsked, who: str) -> RecipientAsked:
    """Through one of his own contact points, or by hand; seldom through another's."""
    draw = d.draw
    whose = choose(draw, list(d.known)) if one_in(draw, 10) else who
    interpreter = d.reference("ines") if "ines" in d.known and one_in(draw, 2) else ""
    theme = d.theme
    if theme is not None and theme.channel is not None and theme.to == who and not one_in(draw, 4):
        through = d.reference(theme.interpreter) if theme.interpreter else ""
        return RecipientAsked(asked.party, asked.person, "", "", theme.channel, through)
    if one_in(draw, 8):
        channel = choose(draw, (Channel.IN_PERSON, Channel.VIA_INTERPRETER, Channel.API))
        return RecipientAsked(asked.party, asked.person, "", "", channel, interpreter)
    both = [f.reference for f in d.facts if isinstance(f, ContactPoint) and f.reference == f"CP/both-{who}"]
    if both and not one_in(draw, 3):
        return RecipientAsked(asked.party, asked.person, "", both[0], Channel.SMS, "")
    reach = choose(draw, d.reach[whose])
    channel = choose(draw, _BY_KIND[reach.kind])
    spoken = interpreter if channel.is_spoken else ""
    return RecipientAsked(asked.party, asked.person, "", _point_reference(d, reach), channel, spoken)


def _fields(d: Draft, reading: Sequence[str]) -> tuple[FieldAsked, ...]:
    """One to four fields: mostly about parties that there are, and often about the recipients themselves."""
    draw = d.draw
    held = {role for _, role, _ in d.parties}
    theirs = {role for _, role, who in d.parties if who in reading}
    fields = fields_of(d.kind.record_type)
    possible = [f for f in fields if not held.isdisjoint(f.about) or CO_RECIPIENT in f.about] or fields
    own = [f for f in possible if not theirs.isdisjoint(f.about)] or possible
    asked: dict[FieldAsked, None] = {}
    if d.theme is not None:
        asked |= {FieldAsked(*each): None for each in several(draw, d.theme.fields, least=1, most=3)}
    for _ in range(choose(draw, (0, 1, 1, 3)) + (not asked)):
        seen: FieldType = choose(draw, possible if one_in(draw, 3) else own)
        holders = [(key, who) for key, role, who in d.parties if role in seen.about]
        keys = [key for key, _ in holders]
        themselves = [key for key, who in holders if who in reading]
        asked[FieldAsked(seen.name, choose(draw, ("", *themselves, *themselves, *keys)))] = None
    if one_in(draw, 16):
        asked[FieldAsked("no.such.field")] = None
    return tuple(asked)


def _description(d: Draft, user: DescribedUser | None) -> Description:
    people = tuple(_described(d, name) for name, way in d.known.items() if way.described)
    points = tuple(
        DescribedContactPoint(
            reach.name,
            reach.kind,
            reach.text,
            owners=(d.reference(reach.owner),),
            uprn=reach.uprn_text,
            home=reach.home,
            voicemail_safe=reach.safe,
        )
        for each in d.reach.values()
        for reach in each
        if d.said[reach.name]
    )
    record = None
    if not d.on_file:
        parties = tuple(DescribedParty(key, role, d.reference(who)) for key, role, who in d.parties)
        premises = d.premises.name if d.premises and d.said[d.premises.name] else ""
        record = DescribedRecord(d.kind.record_type.name, d.teams, parties, premises)
    return Description(user, record, people, tuple(d.relations), points)


def _described(d: Draft, name: str) -> DescribedPerson:
    way = d.known[name]
    matched = way is Known.MATCH
    return DescribedPerson(
        name,
        identifiers=(identifier_of(name),) if way is Known.BOTH else (),
        kind=cast.kind_of(name),
        birth_date=cast.BORN.get(name),
        organisation_roles=cast.ORGANISATION_ROLES.get(name, ()),
        categories=cast.ORGANISATION_CATEGORIES.get(name, ()),
        name=cast.full_name(name) if matched or name not in cast.BORN else "",
    )
