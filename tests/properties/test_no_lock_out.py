"""Where nobody is protected, ordinary days go on, whatever else is known (domain part 6, case 21)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from policy_service.model.facts import (
    ArtefactType,
    ContactPoint,
    Fact,
    Relationship,
)
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
    Channel,
    ContactKind,
    OrganisationRole,
    PersonKind,
    Purpose,
    RelationKind,
    RequestKind,
    Role,
    Verb,
)
from tests.engine.generators import times
from tests.properties import cast
from tests.properties.cast import FINGERPRINTS, TRUST, id_of
from tests.properties.choosing import choose, several
from tests.properties.kinds import ENVELOPE, KINDS
from tests.properties.scene import Scene, cells_of
from tests.properties.worlds import (
    FAMILY,
    SYSTEMS,
    USERS,
    person_on_file,
    relationship_in_force,
    request,
)

pytestmark = pytest.mark.timeout(900)


def person(key: str, **more: object) -> DescribedPerson:
    return DescribedPerson(key, birth_date=cast.BORN.get(key), **more)  # type: ignore[arg-type]


def home(owner: str, which: int, *, key: str = "") -> DescribedContactPoint:
    return DescribedContactPoint(
        key or f"{owner}-home", ContactKind.POST, cast.PLACES[which], owners=(owner,), home=True
    )


def phone(*owners: str) -> DescribedContactPoint:
    return DescribedContactPoint(f"{owners[0]}-phone", ContactKind.PHONE, cast.NUMBERS[0], owners=owners)


def to(party: str, point: str, channel: Channel = Channel.POST) -> RecipientAsked:
    return RecipientAsked(party=party, contact_point=point, channel=channel)


def a_send(
    kind: str,
    parties: Iterable[tuple[str, Role, str]],
    fields: Iterable[str],
    recipients: Iterable[RecipientAsked],
    description: Description,
    *,
    purpose: Purpose = Purpose.CARE,
    user: str = "u.ward",
    artefact_type: str = "",
) -> CheckCall:
    record = DescribedRecord(kind, ("ward",), tuple(DescribedParty(*party) for party in parties))
    return CheckCall(
        user=user,
        record="R-1",
        fields=tuple(map(FieldAsked, fields)),
        verb=Verb.SEND,
        purpose=purpose,
        recipients=tuple(recipients),
        artefact_type=artefact_type,
        description=replace(description, record=record),
    )


GP = DescribedPerson("gp", kind=PersonKind.ORGANISATION, organisation_roles=(OrganisationRole.CARE_PROVIDER,))
FIXIT = DescribedPerson(
    "fixit",
    kind=PersonKind.ORGANISATION,
    organisation_roles=(OrganisationRole.CONTRACTOR,),
    categories=("location.current", "contact.phone", "report.body", "service.venue"),
)
SURGERY = DescribedContactPoint("surgery", ContactKind.POST, "4 Surgery Square, Nowhereton", owners=("gp",))
WORKSHOP = DescribedContactPoint("workshop", ContactKind.EMAIL, "jobs@example.com", owners=("fixit",))
TOGETHER = DescribedRelationship("vera", "dan", RelationKind.LIVES_WITH)
THEIR_CHILD = tuple(
    DescribedRelationship(parent, "bo", RelationKind.PARENT_OF, parental_responsibility=True)
    for parent in ("vera", "dan")
)

ORDINARY: dict[str, CheckCall] = {
    "clinic letter to a patient who lives with a partner, copy to the GP, address included": a_send(
        "letter",
        [("patient", Role.SUBJECT, "vera")],
        ["body", "subject.name", "subject.address"],
        [
            to("patient", "vera-home"),
            RecipientAsked(person="gp", contact_point="surgery", channel=Channel.POST),
        ],
        Description(
            people=(person("vera"), person("dan"), GP),
            relationships=(TOGETHER,),
            contact_points=(home("vera", 0), home("dan", 0), SURGERY),
        ),
        artefact_type="copies",
    ),
    "rent statement to joint tenants": a_send(
        "tenancy",
        [("one", Role.JOINT_CUSTOMER, "vera"), ("other", Role.JOINT_CUSTOMER, "dan")],
        ["rent_statement", "tenant.name"],
        [to("one", "vera-home"), to("other", "dan-home")],
        Description(people=(person("vera"), person("dan")), contact_points=(home("vera", 0), home("dan", 0))),
        purpose=Purpose.BILLING,
        user="job.letters",
    ),
    "text reminder to a mobile that a couple shares": a_send(
        "letter",
        [("patient", Role.SUBJECT, "vera")],
        ["appointment"],
        [to("patient", "vera-phone", Channel.SMS)],
        Description(people=(person("vera"), person("dan")), contact_points=(phone("vera", "dan"),)),
    ),
    "repair job with address and phone to a contractor under contract": a_send(
        "tenancy",
        [("one", Role.JOINT_CUSTOMER, "vera")],
        ["repair.description", "tenant.phone", "premises.address"],
        [RecipientAsked(person="fixit", contact_point="workshop", channel=Channel.EMAIL)],
        Description(
            people=(person("vera"), FIXIT), contact_points=(home("vera", 0), phone("vera"), WORKSHOP)
        ),
        purpose=Purpose.CASEWORK,
    ),
    "child's letter to two parents at one address": a_send(
        "letter",
        [("child", Role.CHILD, "bo"), ("mother", Role.PARENT, "vera"), ("father", Role.PARENT, "dan")],
        ["body", "subject.name", "subject.address"],
        [to("mother", "vera-home"), to("father", "dan-home")],
        Description(
            people=(person("bo"), person("vera"), person("dan")),
            relationships=THEIR_CHILD,
            contact_points=(home("vera", 0), home("dan", 0), home("bo", 0)),
        ),
    ),
    "foster carer's letter about the child": a_send(
        "letter",
        [("child", Role.CHILD, "bo")],
        ["body", "appointment"],
        [RecipientAsked(person="gran", contact_point="gran-home", channel=Channel.POST)],
        Description(
            people=(person("bo"), person("gran")),
            relationships=(
                DescribedRelationship("gran", "bo", RelationKind.FOSTER_CARER_OF),
                DescribedRelationship("bo", "gran", RelationKind.LIVES_WITH),
            ),
            contact_points=(home("gran", 0),),
        ),
    ),
    "a patient's own portal": CheckCall(
        user="portal-user",
        record="R-1",
        fields=(FieldAsked("body"), FieldAsked("subject.address"), FieldAsked("appointment")),
        verb=Verb.SEE,
        purpose=Purpose.CARE,
        self_service=True,
        description=Description(
            user=DescribedUser(person="vera"),
            record=DescribedRecord("letter", ("ward",), (DescribedParty("patient", Role.SUBJECT, "vera"),)),
            people=(person("vera"), person("dan")),
            relationships=(TOGETHER,),
            contact_points=(home("vera", 0), home("dan", 0)),
        ),
    ),
    "a nurse's own letter at home": a_send(
        "letter",
        [("patient", Role.SUBJECT, "ref:nora")],
        ["body", "subject.name"],
        [to("patient", "nora-home")],
        Description(contact_points=(replace(home("nora", 1), owners=("ref:nora",)),)),
    ),
}

NEVER: dict[str, CheckCall] = {
    "a nurse's own record on the ward": CheckCall(
        user="u.nora",
        record="R-1",
        fields=(FieldAsked("body"),),
        verb=Verb.SEE,
        purpose=Purpose.CARE,
        description=Description(
            record=DescribedRecord(
                "letter", ("ward",), (DescribedParty("patient", Role.SUBJECT, "ref:nora"),)
            )
        ),
    ),
    "a letter to a stranger by mistake": a_send(
        "letter",
        [("patient", Role.SUBJECT, "vera")],
        ["body"],
        [RecipientAsked(person="fay", contact_point="fay-home", channel=Channel.POST)],
        Description(people=(person("vera"), person("fay")), contact_points=(home("vera", 0), home("fay", 2))),
    ),
}

STANDING: tuple[Fact, ...] = (
    *USERS,
    *SYSTEMS,
    *(kind.record_type for kind in KINDS),
    *person_on_file("nora"),
    ArtefactType("artefact-copies", TRUST, "copies", ENVELOPE[:0]),
)


# What may happen besides, and protects nobody. --------------------------------------------------------------

Happens = Callable[[st.DrawFn, Scene], Scene]


def _somebody_is_on_file(draw: st.DrawFn, scene: Scene) -> Scene:
    return scene.with_facts(*person_on_file(choose(draw, ("vera", "dan", "bo", "gran", "fay"))))


def _everybody_is_recognised(_: st.DrawFn, scene: Scene) -> Scene:
    """The people described are on file, and the call names their identifiers."""
    people = scene.call.description.people
    known = [each.key for each in people if each.key in cast.PEOPLE]
    said = tuple(
        replace(each, identifiers=(cast.identifier_of(each.key),)) if each.key in known else each
        for each in people
    )
    return scene.with_facts(*(fact for name in known for fact in person_on_file(name))).describing(
        people=said
    )


def _a_need_is_on_file(draw: st.DrawFn, scene: Scene) -> Scene:
    """An interpreter's need, or an authorisation: neither restricts anything."""
    name = choose(draw, ("vera", "dan", "gran"))
    kinds = (RequestKind.COMMUNICATION_SUPPORT, RequestKind.AUTHORISED_REPRESENTATIVE)
    asked = request(
        draw, "need", kinds=kinds, people=(name,), on_file=(name, "gran"), reached={}, in_force=True
    )
    return scene.with_facts(*person_on_file(name), asked)


def _family_is_on_file(draw: st.DrawFn, scene: Scene) -> Scene:
    bond = choose(draw, [bond for bond in FAMILY if "adam" not in (bond.source, bond.target)])
    return scene.with_facts(
        *person_on_file(bond.source), *person_on_file(bond.target), relationship_in_force(bond)
    )


def _somebody_else_is_protected(draw: st.DrawFn, scene: Scene) -> Scene:
    """Of another record, at another place: pia from adam."""
    adverse = Relationship("else", TRUST, id_of("adam"), id_of("pia"), RelationKind.ADVERSE_TO, basis="order")
    asked = request(draw, "else", people=("pia",), on_file=("adam", "pia"), reached={}, in_force=True)
    asked = replace(asked, covers=())
    return scene.with_facts(*person_on_file("pia"), *person_on_file("adam"), adverse, asked)


def _a_point_is_on_file(draw: st.DrawFn, scene: Scene) -> Scene:
    """A number or an address more, of somebody in the call, which nobody shares."""
    name = choose(draw, ("vera", "dan", "gran"))
    kind, which = choose(draw, ((ContactKind.PHONE, 2), (ContactKind.EMAIL, 2)))
    point = ContactPoint(
        f"more-{name}-{kind}",
        TRUST,
        id_of(name),
        kind,
        FINGERPRINTS.contact(kind, cast.VALUES[kind][which]),
        verified_at=cast.LAST_YEAR,
    )
    return scene.with_facts(*person_on_file(name), point)


def _somebody_more_is_described(draw: st.DrawFn, scene: Scene) -> Scene:
    said = scene.call.description
    name = choose(draw, ("sol", "olga", "ines"))
    if any(each.key == name for each in said.people):
        return scene
    ties = (DescribedRelationship(name, said.people[0].key, RelationKind.SIBLING),) if said.people else ()
    return scene.describing(people=(*said.people, person(name)), relationships=(*said.relationships, *ties))


def _it_is_night(_: st.DrawFn, scene: Scene) -> Scene:
    return replace(scene, now=cast.MONDAY_NIGHT)


HAPPENS: tuple[Happens, ...] = (
    _everybody_is_recognised,
    _somebody_is_on_file,
    _a_need_is_on_file,
    _family_is_on_file,
    _somebody_else_is_protected,
    _a_point_is_on_file,
    _somebody_more_is_described,
    _it_is_night,
)


@st.composite
def ordinary_days(draw: st.DrawFn) -> tuple[str, Scene]:
    """An ordinary question, and up to four things that happened besides and protect nobody in it."""
    name = choose(draw, tuple(ORDINARY | NEVER))
    scene = Scene(STANDING, "main", (ORDINARY | NEVER)[name], cast.MONDAY_NOON)
    for happens in several(draw, HAPPENS, most=4):
        scene = happens(draw, scene)
    return name, scene


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_day(name: str) -> None:
    scene = Scene(STANDING, "main", ORDINARY[name], cast.MONDAY_NOON)
    assert not [
        f"{cell.field}: {cell.outcome.reason}" for cell in cells_of(scene.decide()) if not cell.permitted
    ]


@times(3)
@given(ordinary_days())
def test_no_lock_out(drawn: tuple[str, Scene]) -> None:
    name, scene = drawn
    stopped = [cell for cell in cells_of(scene.decide()) if not cell.permitted]
    note(f"{name}: {[(cell.field, cell.recipient, cell.outcome.reason) for cell in stopped]}")
    assert bool(stopped) is (name in NEVER)
