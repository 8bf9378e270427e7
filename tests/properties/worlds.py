"""Generated worlds: what is on file about a small cast.

Everything is drawn from short lists of what is plausible, the most ordinary first, so that a failing world
shrinks to the few facts that matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from hypothesis import strategies as st

from policy_service.model.facts import (
    ArtefactType,
    Capability,
    CommunicationSupport,
    ContactPoint,
    ContentDeclaration,
    CourtOrder,
    Fact,
    Fingerprint,
    Override,
    PartType,
    Person,
    PersonIdentifier,
    PersonName,
    PrivacyRequest,
    Relationship,
    RolePurpose,
    SafeContact,
    System,
    User,
)
from policy_service.model.obligation import SUPPORTIVE, ObligationKind
from policy_service.model.vocabulary import (
    CATEGORIES,
    Channel,
    ContactKind,
    InterpreterGender,
    InterpreterMode,
    OnLapse,
    OverrideKind,
    Purpose,
    RelationKind,
    RequestKind,
    RequestState,
    UserKind,
    Verb,
    Visibility,
    WrittenFormat,
)
from tests.properties import cast
from tests.properties.cast import FINGERPRINTS, TRUST, Known, id_of
from tests.properties.choosing import choose, mostly, one_in, several
from tests.properties.kinds import CC, DESK, ENVELOPE, KINDS, SCHEME, WARD

NOTHING = Fingerprint("")
DIGEST = bytes(range(32))
RECORD = "R-1"

PROTECTIVE = tuple(sorted(set(ObligationKind) - SUPPORTIVE))


# Who is what to whom. --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bond:
    """A relationship, as both a fact and a call may state it."""

    source: str
    kind: RelationKind
    target: str
    responsibility: bool = False


_R = RelationKind
FAMILY: tuple[Bond, ...] = (
    Bond("vera", _R.PARENT_OF, "cara", responsibility=True),
    Bond("vera", _R.LIVES_WITH, "cara"),
    Bond("adam", _R.PARENT_OF, "cara", responsibility=True),
    Bond("vera", _R.PARENT_OF, "bo", responsibility=True),
    Bond("vera", _R.LIVES_WITH, "bo"),
    Bond("dan", _R.PARENT_OF, "bo", responsibility=True),
    Bond("dan", _R.PARENT_OF, "bo"),
    Bond("adam", _R.PARENT_OF, "cara"),
    Bond("adam", _R.EX_PARTNER, "vera"),
    Bond("adam", _R.PARTNER, "vera"),
    Bond("adam", _R.LIVES_WITH, "vera"),
    Bond("adam", _R.LIVES_WITH, "cara"),
    Bond("pia", _R.PARTNER, "adam"),
    Bond("adam", _R.LIVES_WITH, "pia"),
    Bond("gran", _R.FOSTER_CARER_OF, "cara"),
    Bond("gran", _R.GUARDIAN_OF, "cara"),
    Bond("gran", _R.LIVES_WITH, "cara"),
    Bond("gran", _R.LIVES_WITH, "vera"),
    Bond("gran", _R.CARER_OF, "vera"),
    Bond("cara", _R.SIBLING, "bo"),
    Bond("sol", _R.REPRESENTS, "adam"),
    Bond("sol", _R.REPRESENTS, "vera"),
    Bond("ines", _R.INTERPRETS_FOR, "vera"),
    Bond("agency", _R.MANAGES, "ines"),
    Bond("olga", _R.MANAGES, "adam"),
    Bond("fay", _R.LIVES_WITH, "vera"),
    Bond("pia", _R.NOT_SAME_PERSON_AS, "vera"),
)
ADVERSITY: tuple[Bond, ...] = (
    Bond("adam", _R.ADVERSE_TO, "vera"),
    Bond("adam", _R.ADVERSE_TO, "cara"),
    Bond("vera", _R.ADVERSE_TO, "adam"),
    Bond("dan", _R.ADVERSE_TO, "vera"),
    Bond("nora", _R.ADVERSE_TO, "vera"),
    Bond("ines", _R.ADVERSE_TO, "vera"),
    Bond("agency", _R.ADVERSE_TO, "vera"),
    Bond("pia", _R.ADVERSE_TO, "vera"),
    Bond("cara", _R.ADVERSE_TO, "vera"),
    Bond("adam", _R.ADVERSE_TO, "pia"),
    Bond("gran", _R.ADVERSE_TO, "vera"),
    Bond("fay", _R.ADVERSE_TO, "adam"),
    Bond("olga", _R.ADVERSE_TO, "vera"),
    Bond("pia", _R.SEPARATE_IDENTITY_OF, "vera"),
    Bond("gran", _R.SAME_PERSON_AS, "vera"),
)


def relationship(draw: st.DrawFn, bond: Bond) -> Relationship:
    """The fact that states `bond`."""
    more: dict[str, Any] = {}
    if bond.kind is _R.ADVERSE_TO:
        more["basis"] = mostly(draw, "allegation", "order", "conviction", "staff_assessment")
        more["recorded_at"] = choose(draw, (cast.LAST_MONTH, cast.LAST_YEAR, cast.YESTERDAY))
        if more["basis"] == "allegation":
            more["review_date"] = date(2026, 6, 1)
            if one_in(draw, 4):
                more |= {"confirmed_at": cast.YESTERDAY, "confirmed_by": "officer"}
    return Relationship(
        f"{bond.source}-{bond.kind}-{bond.target}" + ("-pr" if bond.responsibility else ""),
        TRUST,
        id_of(bond.source),
        id_of(bond.target),
        bond.kind,
        parental_responsibility=bond.responsibility,
        valid_from=mostly(draw, None, date(2026, 3, 3)),
        valid_until=mostly(draw, None, date(2026, 3, 2), date(2026, 3, 1)),
        **more,
    )


def relationship_in_force(bond: Bond) -> Relationship:
    """The fact that states `bond`, now and without an end."""
    ends = id_of(bond.source), id_of(bond.target)
    basis = "order" if bond.kind is _R.ADVERSE_TO else ""
    return Relationship(
        f"theme-{bond.source}-{bond.kind}-{bond.target}",
        TRUST,
        *ends,
        bond.kind,
        basis=basis,
        parental_responsibility=bond.responsibility,
        recorded_at=cast.LAST_YEAR,
    )


# By what they are reached. ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reach:
    """A contact point of somebody, as both a fact and a call may state it."""

    name: str
    owner: str
    kind: ContactKind
    value: int
    """Which of `cast.VALUES`."""
    uprn: bool = False
    home: bool = False
    safe: bool = False

    @property
    def text(self) -> str:
        return cast.VALUES[self.kind][self.value]

    @property
    def uprn_text(self) -> str:
        return cast.UPRNS[self.value] if self.uprn and self.kind is ContactKind.POST else ""


_HOUSE = {
    "vera": 0,
    "cara": 0,
    "bo": 0,
    "adam": 1,
    "pia": 1,
    "dan": 2,
    "gran": 0,
    "fay": 2,
    "nora": 1,
    "olga": 2,
}
_AT_A_DISTANCE = (ContactKind.PHONE, ContactKind.EMAIL, ContactKind.ACCOUNT)


def reaches(draw: st.DrawFn, owner: str) -> tuple[Reach, ...]:
    """The contact points of one person: a home or an office, and often a phone."""
    usual = _HOUSE.get(owner, 2)
    home = owner not in cast.ORGANISATIONS and mostly(draw, True, False)
    at = mostly(draw, usual, 0, 1, 2)
    found = [Reach(f"{owner}-post", owner, ContactKind.POST, at, uprn=one_in(draw, 2), home=home)]
    for kind in several(draw, _AT_A_DISTANCE, most=2):
        safe = kind is ContactKind.PHONE and one_in(draw, 2)
        found.append(Reach(f"{owner}-{kind}", owner, kind, mostly(draw, usual, 0, 1, 2), safe=safe))
    return tuple(found)


def contact_point(draw: st.DrawFn, reach: Reach) -> ContactPoint:
    """The fact that states `reach`."""
    return ContactPoint(
        f"point-{reach.name}",
        TRUST,
        id_of(reach.owner),
        reach.kind,
        FINGERPRINTS.contact(reach.kind, reach.text),
        reference=f"CP/{reach.name}",
        uprn=FINGERPRINTS.uprn(reach.uprn_text) if reach.uprn_text else NOTHING,
        home=reach.home,
        voicemail_safe=reach.safe,
        verified_at=choose(draw, (cast.LAST_MONTH, None, cast.LAST_YEAR)),
        institution=reach.owner in cast.ORGANISATIONS or one_in(draw, 8),
        from_herself=not one_in(draw, 3),
        shared=one_in(draw, 8),
        service_address=reach.kind is ContactKind.POST and one_in(draw, 5),
    )


# What they asked for. --------------------------------------------------------------------------------------

RESTRICTING = tuple(kind for kind in RequestKind if kind.protects)

_NOT_PEOPLE = (f"team:{WARD}", f"team:{DESK}", "user:u.ward", "user:u.nora", "role:clinician")
_SCOPES = (
    ("health.summary", "health.letter"),
    ("location.current", "contact.post"),
    ("identity.name",),
    ("finance", "report.body"),
)
_NOT_IN_FORCE = (
    RequestState.DRAFT,
    RequestState.HELD,
    RequestState.WITHDRAWAL_PENDING,
    RequestState.WITHDRAWN,
    RequestState.ENDED,
)


def request(
    draw: st.DrawFn,
    number: str,
    *,
    kinds: Sequence[RequestKind] = tuple(RequestKind),
    people: Sequence[str],
    on_file: Sequence[str],
    reached: Mapping[str, Sequence[str]],
    in_force: bool = False,
) -> PrivacyRequest:
    """A request of one of `people`, which may name anybody `on_file`.

    `reached`: ids of the contact points on file for each person; `in_force`: it protects now.
    """
    kind = choose(draw, kinds)
    person = choose(draw, people)
    past = one_in(draw, 8)
    valid_until, ends_at = ("2026-02-01", cast.LAST_MONTH) if past else ("", None)
    return PrivacyRequest(
        f"request-{number}",
        TRUST,
        id_of(person),
        kind,
        RequestState.ACTIVE if in_force else mostly(draw, RequestState.ACTIVE, *_NOT_IN_FORCE),
        received_at=choose(draw, (cast.LAST_MONTH, cast.LAST_YEAR, cast.YESTERDAY)),
        received_by="desk",
        covers=mostly(draw, (), (id_of("cara"),), (id_of("bo"), id_of("gran"))),
        categories=() if kind in _KINDS_WITHOUT_CATEGORIES else mostly(draw, (), *_SCOPES),
        record_types=mostly(draw, (), ("everything",), ("base.letter",)),
        records=mostly(draw, (), (RECORD,), ("R-9",)),
        systems=mostly(draw, (), ("main",), ("elsewhere",)),
        recipients=_named_by(draw, kind, on_file),
        everyone_except=kind in _KINDS_WITH_EXCEPTIONS and one_in(draw, 5),
        purposes=mostly(draw, (), (Purpose.CARE, Purpose.CASEWORK), (Purpose.RESEARCH, Purpose.MARKETING)),
        raised_by=mostly(draw, "self", "parent", "professional", "court"),
        valid_until=valid_until,
        ends_at=ends_at,
        begins_at=mostly(draw, None, cast.TOMORROW, cast.YESTERDAY),
        on_lapse=OnLapse.LAPSE if past and not in_force and one_in(draw, 2) else OnLapse.HOLD,
        visibility=choose(draw, (Visibility.STAFF, Visibility.OPEN, Visibility.SECRET)),
        safe_contact=_safe_contact(draw, reached.get(person, ()))
        if kind is RequestKind.SAFE_CONTACT
        else None,
        communication=_need(draw) if kind is RequestKind.COMMUNICATION_SUPPORT else None,
    )


_KINDS_WITHOUT_CATEGORIES = frozenset(
    {
        RequestKind.RESTRICTED_ACCESS,
        RequestKind.EXCLUDED_PERSON,
        RequestKind.SAFE_CONTACT,
        RequestKind.COMMUNICATION_SUPPORT,
    }
)
_KINDS_WITH_EXCEPTIONS = frozenset(
    {
        RequestKind.DO_NOT_SHARE,
        RequestKind.WITHHOLD_LOCATION,
        RequestKind.WITHHOLD_IDENTITY,
        RequestKind.OBJECT,
    }
)


def _named_by(draw: st.DrawFn, kind: RequestKind, people: Sequence[str]) -> tuple[str, ...]:
    """The recipients whom a request names. `people` are those on file."""
    persons = [f"person:{name}" for name in people] or ["person:adam"]
    match kind:
        case RequestKind.EXCLUDED_PERSON:
            return several(draw, (*persons, "user:u.ward", "user:u.nora"), least=1, most=2)
        case RequestKind.AUTHORISED_REPRESENTATIVE:
            return several(draw, persons, least=1, most=2)
        case RequestKind.RESTRICTED_ACCESS:
            return several(draw, _NOT_PEOPLE, least=1, most=2)
        case RequestKind.SAFE_CONTACT | RequestKind.COMMUNICATION_SUPPORT:
            return ()
        case _:
            number = choose(draw, (0, 0, 1, 2))
            return several(draw, (*persons, *_NOT_PEOPLE), least=number, most=number)


def _safe_contact(draw: st.DrawFn, points: Sequence[str]) -> SafeContact:
    return SafeContact(
        contact_points=several(draw, points, most=1),
        channels=mostly(draw, (), (Channel.POST,), (Channel.PHONE_LIVE, Channel.SMS), (Channel.IN_PERSON,)),
        hours=mostly(draw, (), ("mon-fri 09:30-14:00",), ("sat-sun 10:00-12:00",)),
        no_voicemail=one_in(draw, 2),
        neutral_sender=one_in(draw, 2),
    )


def _need(draw: st.DrawFn) -> CommunicationSupport:
    return CommunicationSupport(
        language=choose(draw, ("", "pl")),
        modes=choose(draw, ((), (InterpreterMode.ON_SITE,))),
        sign_language=choose(draw, ("", "bfi")),
        interpreter_gender=choose(draw, ((), (InterpreterGender.WOMAN,))),
        not_these=choose(draw, ((), (id_of("ines"),))),
        written_formats=choose(draw, ((), (WrittenFormat.LARGE_PRINT,))),
        access_needs=choose(draw, ((), ("hearing-loop",))),
    )


# What sets requests aside. ---------------------------------------------------------------------------------

_EVERYTHING = tuple(
    sorted({*CATEGORIES, "health.summary", "health.letter", "health.findings", "child.report"})
)
_CHOSEN_CATEGORIES = (
    "health.summary",
    "health.letter",
    "report.body",
    "location.current",
    "identity.name",
    "abuse.risk_assessment",
    "legal.orders",
    "contact.post",
    "finance",
)
_COMPELLED = ("person:adam", "person:sol", "person:council", "person:gp", "person:dan", f"team:{WARD}")


def _categories(draw: st.DrawFn) -> tuple[str, ...]:
    return _EVERYTHING if one_in(draw, 2) else several(draw, _CHOSEN_CATEGORIES, least=1, most=3)


def _subjects(draw: st.DrawFn) -> tuple[Any, ...]:
    return mostly(draw, (id_of("vera"),), (), (id_of("cara"), id_of("vera")), (id_of("adam"),))


def override(draw: st.DrawFn) -> Override:
    return Override(
        "override-1",
        TRUST,
        choose(draw, tuple(OverrideKind)),
        mostly(draw, "u.ward", "u.desk", "u.nora"),
        RECORD,
        _subjects(draw),
        _categories(draw),
        several(draw, _COMPELLED, most=2),
        "a reason",
        "approver",
        cast.YESTERDAY,
        mostly(draw, cast.TOMORROW, cast.YESTERDAY),
    )


def order(draw: st.DrawFn) -> CourtOrder:
    return CourtOrder(
        "order-1",
        TRUST,
        "ORDER/1",
        RECORD,
        _subjects(draw),
        _categories(draw),
        several(draw, _COMPELLED, least=1, most=2),
        "desk",
        mostly(draw, cast.LAST_MONTH, cast.TOMORROW),
        mostly(draw, cast.TOMORROW, cast.YESTERDAY),
    )


def declaration(draw: st.DrawFn) -> ContentDeclaration:
    parts = (
        PartType("letter", ("health.letter",), ("subject",), separable=True),
        PartType("home", ("location.current",), ("subject", "victim"), separable=one_in(draw, 2)),
    )
    return ContentDeclaration(
        "declaration-1",
        TRUST,
        DIGEST.hex(),
        RECORD,
        choose(draw, ("attachment", "document.attachment", "body", "notes")),
        "main",
        "u.ward",
        cast.YESTERDAY,
        parts[: choose(draw, (1, 2))],
    )


# Who asks. -------------------------------------------------------------------------------------------------

USERS: tuple[User, ...] = (
    User("user-ward", TRUST, "u.ward", roles=("clinician", "social_worker"), teams=(WARD,)),
    User("user-scheme", TRUST, "u.scheme", roles=("see_linked_identity",), teams=(SCHEME,)),
    User("user-desk", TRUST, "u.desk", teams=(DESK,)),
    User("user-nora", TRUST, "u.nora", person_id=id_of("nora"), roles=("clinician",), teams=(WARD,)),
    User("user-adam", TRUST, "u.adam", person_id=id_of("adam"), teams=(WARD,)),
    User("user-vera", TRUST, "u.vera", person_id=id_of("vera"), teams=(WARD,)),
    User(
        "user-job",
        TRUST,
        "job.letters",
        kind=UserKind.JOB,
        owner="u.ward",
        record_types=tuple(kind.record_type.name for kind in KINDS),
    ),
    User("user-gone", TRUST, "u.gone", teams=(WARD,), suspended=True),
)

ORDINARY_PURPOSES = (
    Purpose.CARE,
    Purpose.CASEWORK,
    Purpose.BILLING,
    Purpose.SERVICE_OF_DOCUMENTS,
    Purpose.SAFEGUARDING,
    Purpose.SCHEME_DISCLOSURE,
)
SYSTEMS: tuple[System, ...] = (
    System(
        "system-main",
        TRUST,
        "main",
        record_types=("*",),
        verbs=tuple(Verb),
        purposes=(*ORDINARY_PURPOSES, Purpose.COURT, Purpose.EMERGENCY),
        may_describe=True,
        assert_roles=("clinician",),
        assert_teams=(DESK,),
        role_purposes=(RolePurpose(Purpose.CRIME, ("detective",)),),
        self_service=True,
    ),
    System(
        "system-plain",
        TRUST,
        "plain",
        record_types=("*",),
        verbs=tuple(Verb),
        purposes=ORDINARY_PURPOSES,
    ),
    System(
        "system-narrow",
        TRUST,
        "narrow",
        record_types=("base.letter",),
        verbs=(Verb.SEND,),
        purposes=(Purpose.CARE,),
        may_describe=True,
    ),
)


def artefact_types(draw: st.DrawFn) -> tuple[ArtefactType, ...]:
    """A letter with an envelope, whose callers were shown to do some of what may be owed, and a plain
    message.
    """
    proven = several(draw, PROTECTIVE, most=len(PROTECTIVE)) if one_in(draw, 4) else PROTECTIVE
    until = mostly(draw, date(2027, 1, 1), date(2026, 3, 1))
    capabilities = tuple(Capability(kind, "a test that was passed", until) for kind in proven)
    return (
        ArtefactType("artefact-letter", TRUST, "letter", ENVELOPE, capabilities),
        ArtefactType("artefact-message", TRUST, "message", CC, capabilities),
    )


def people_on_file(known: Mapping[str, Known]) -> list[Fact]:
    """The people whom the service knows, with an identifier and a name each."""
    found: list[Fact] = []
    for name, way in known.items():
        if way.on_file:
            found += person_on_file(name)
    return found


def person_on_file(name: str) -> list[Fact]:
    """Somebody, with an identifier and a name."""
    person_id = id_of(name)
    person = Person(
        person_id,
        TRUST,
        cast.kind_of(name),
        birth_date=cast.BORN.get(name),
        organisation_roles=cast.ORGANISATION_ROLES.get(name, ()),
        categories=cast.ORGANISATION_CATEGORIES.get(name, ()),
    )
    identifier = PersonIdentifier(
        f"identifier-{name}", TRUST, person_id, "ref", FINGERPRINTS.identifier("ref", name)
    )
    return [person, identifier, _name(name)]


def _name(name: str) -> PersonName:
    """Her name, alone and with her birth date."""
    fingerprint = FINGERPRINTS.name(cast.full_name(name))
    born = cast.BORN.get(name)
    together = NOTHING if born is None else FINGERPRINTS.name_with_birth_date(fingerprint, born)
    return PersonName(f"name-{name}", TRUST, id_of(name), fingerprint, together)
