"""What a caller may say more in one call: about people, ties, contact points, the record, the user, and
himself.

None of it may lift a deny of the request tier or above (promise 7 of the README): a role, a team or an
exempt purpose that the grant lets the system assert is not among these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from hypothesis import strategies as st

from policy_service.model.facts import ContactPoint, Person, Relationship, System
from policy_service.model.obligation import ObligationKind
from policy_service.model.question import (
    DescribedContactPoint,
    DescribedParty,
    DescribedPerson,
    DescribedRecord,
    DescribedRelationship,
    DescribedUser,
)
from policy_service.model.vocabulary import (
    EXEMPT_PURPOSES,
    ContactKind,
    OrganisationRole,
    PersonKind,
    Purpose,
    RelationKind,
    Role,
)
from tests.properties import cast
from tests.properties.choosing import choose, one_in, several
from tests.properties.kinds import SCHEME, WARD
from tests.properties.scene import Scene
from tests.properties.scenes import scenes
from tests.properties.worlds import PROTECTIVE


@dataclass(frozen=True, slots=True)
class Asserted:
    """A scene in whose call one thing more is said."""

    what: str
    scene: Scene

    def __repr__(self) -> str:
        return self.what

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


_Saying = Callable[[st.DrawFn, Scene], Asserted | None]

_BEFRIENDING = tuple(kind for kind in RelationKind if kind is not RelationKind.ADVERSE_TO)


def references(scene: Scene) -> list[str]:
    """Everybody whom the call can name: described people by key, those on file by identifier."""
    described = [person.key for person in scene.call.description.people]
    on_file = [f"ref:{f.person_id}" for f in scene.facts if isinstance(f, Person)]
    return sorted([*described, *on_file])


def _a_tie(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    names = references(scene)
    if len(names) < 2:
        return None
    source = choose(draw, names)
    target = choose(draw, [name for name in names if name != source])
    kind = RelationKind.ADVERSE_TO if one_in(draw, 4) else choose(draw, _BEFRIENDING)
    said = DescribedRelationship(source, target, kind, one_in(draw, 2) and kind is RelationKind.PARENT_OF)
    relations = (*scene.call.description.relationships, said)
    return Asserted(f"{kind}: {source} of {target}", scene.describing(relationships=relations))


def _an_adversity_among_the_tied(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """That two who have to do with each other by what is on file are adverse: either of them to the other."""
    tied = [fact for fact in scene.facts if isinstance(fact, Relationship)]
    if not tied:
        return None
    tie = choose(draw, tied)
    ends = [f"ref:{tie.from_person}", f"ref:{tie.to_person}"]
    source, target = ends if one_in(draw, 2) else reversed(ends)
    said = DescribedRelationship(source, target, RelationKind.ADVERSE_TO)
    relations = (*scene.call.description.relationships, said)
    return Asserted(f"adversity: {source} to {target}", scene.describing(relationships=relations))


def _somebody_on_file(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """More about a person whom the service knows: born on another day, an organisation, with other roles."""
    described = {
        key.removeprefix("ref:") for person in scene.call.description.people for key in person.identifiers
    }
    keys = {person.key for person in scene.call.description.people}
    on_file = [
        str(f.person_id)
        for f in scene.facts
        if isinstance(f, Person) and str(f.person_id) not in described | keys
    ]
    if not on_file:
        return None
    name = choose(draw, on_file)
    person = _claims(draw, DescribedPerson(name, identifiers=(f"ref:{name}",)))
    return Asserted(
        f"about {name} on file", scene.describing(people=(*scene.call.description.people, person))
    )


def _claims(draw: st.DrawFn, person: DescribedPerson) -> DescribedPerson:
    roles = several(draw, tuple(OrganisationRole), most=2)
    return replace(
        person,
        kind=choose(draw, (PersonKind.PRIVATE, PersonKind.ORGANISATION)),
        birth_date=choose(draw, (None, date(2018, 1, 1), date(1980, 1, 1), *cast.BORN.values())),
        organisation_roles=roles,
        categories=("location.current", "identity.name", "health.summary", "contact.post") if roles else (),
        name=choose(draw, ("", *map(cast.full_name, cast.BORN))),
    )


def _somebody_described(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """More about somebody whom the call describes already, or about somebody new."""
    people = scene.call.description.people
    if not people or one_in(draw, 4):
        added = _claims(draw, DescribedPerson("newcomer"))
        return Asserted("a newcomer", scene.describing(people=(*people, added)))
    chosen = choose(draw, range(len(people)))
    said = people[chosen]
    claimed = _claims(draw, said)
    more = replace(
        said,
        birth_date=said.birth_date or claimed.birth_date,
        organisation_roles=tuple(dict.fromkeys((*said.organisation_roles, *claimed.organisation_roles))),
        categories=tuple(dict.fromkeys((*said.categories, *claimed.categories))),
        name=said.name or claimed.name,
    )
    return Asserted(
        f"more about {said.key}", scene.describing(people=(*people[:chosen], more, *people[chosen + 1 :]))
    )


def _a_point(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """A contact point of somebody: one that is on file for others, or a new one; a home, too."""
    names = references(scene)
    if not names:
        return None
    kind = choose(draw, (ContactKind.POST, ContactKind.PHONE, ContactKind.EMAIL))
    which = choose(draw, (0, 1, 2))
    said = DescribedContactPoint(
        "one-more",
        kind,
        cast.VALUES[kind][which],
        owners=several(draw, names, least=1, most=2),
        uprn=cast.UPRNS[which] if kind is ContactKind.POST and one_in(draw, 2) else "",
        home=kind is ContactKind.POST and not one_in(draw, 3),
        voicemail_safe=one_in(draw, 2),
    )
    return Asserted(
        f"{kind} of {said.owners}",
        scene.describing(contact_points=(*scene.call.description.contact_points, said)),
    )


def _more_of_a_point(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """An owner more, a home, safe voicemail, a canonical identity of a point that is described already."""
    points = scene.call.description.contact_points
    names = references(scene)
    if not points or not names:
        return None
    chosen = choose(draw, range(len(points)))
    said = points[chosen]
    is_post = said.kind is ContactKind.POST
    more = replace(
        said,
        owners=tuple(dict.fromkeys((*said.owners, choose(draw, names)))),
        home=said.home or (is_post and one_in(draw, 2)),
        uprn=said.uprn or (choose(draw, ("", *cast.UPRNS)) if is_post else ""),
        voicemail_safe=said.voicemail_safe or one_in(draw, 2),
    )
    return Asserted(
        f"more of {said.key}",
        scene.describing(contact_points=(*points[:chosen], more, *points[chosen + 1 :])),
    )


def _a_record_that_is_on_file(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    described = scene.call.description
    if described.record is not None:
        return None
    names = references(scene) or ["ref:vera"]
    parties = tuple(
        DescribedParty(f"p{i}", choose(draw, (Role.SUBJECT, Role.CHILD, Role.PARENT)), name)
        for i, name in enumerate(several(draw, names, least=1, most=2))
    )
    record = DescribedRecord(
        choose(draw, ("everything", "letter")), (choose(draw, (WARD, SCHEME, "desk")),), parties
    )
    return Asserted("another record", scene.describing(record=record))


def _a_party_more(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """A party more of a record that is nowhere but in the call."""
    record = scene.call.description.record
    names = references(scene)
    if record is None or not names:
        return None
    party = DescribedParty("one-more", choose(draw, tuple(Role)), choose(draw, names))
    return Asserted(
        f"{party.role}: {party.person}",
        scene.describing(record=replace(record, parties=(*record.parties, party))),
    )


def _a_user_beyond_the_grant(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """Roles and teams that the grant does not let the system assert, and somebody behind the login."""
    described = scene.call.description
    said = described.user or DescribedUser()
    names = references(scene)
    more = replace(
        said,
        roles=tuple(dict.fromkeys((*said.roles, "see_linked_identity", "detective", "safeguarding_lead"))),
        teams=tuple(dict.fromkeys((*said.teams, WARD, SCHEME))),
        person=said.person or (choose(draw, ("", *names)) if names and not scene.call.self_service else ""),
    )
    return Asserted(f"user {more.person}", scene.describing(user=more))


def _less_ability(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """Whatever the caller claims to be able to do: it may be less than what is on file, and is never more."""
    claimed = (
        frozenset[ObligationKind](PROTECTIVE)
        if one_in(draw, 2)
        else frozenset(several(draw, PROTECTIVE, most=3))
    )
    if scene.call.capabilities is not None and not claimed >= scene.call.capabilities:
        return None
    return Asserted("capabilities", scene.asking(capabilities=claimed))


def _assurance(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    return Asserted("assurance", scene.asking(assurance=3, language=choose(draw, ("", "cy"))))


def _another_purpose(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """A purpose that lifts nothing; an exempt one only where the system may not assert it."""
    (system,) = (f for f in scene.facts if isinstance(f, System) and f.name == scene.system)
    allowed = [p for p in Purpose if p not in EXEMPT_PURPOSES or p not in system.purposes]
    return Asserted("purpose", scene.asking(purpose=choose(draw, allowed)))


def _self_service(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """That a member of staff serves himself, by a system that is not granted to say so."""
    (system,) = (f for f in scene.facts if isinstance(f, System) and f.name == scene.system)
    ungranted = scene.with_facts(replace(system, self_service=False))
    return None if scene.call.self_service else Asserted("self_service", ungranted.asking(self_service=True))


def _a_shadowed_reference(draw: st.DrawFn, scene: Scene) -> Asserted | None:
    """A described contact point under the reference that a point on file has."""
    on_file = [fact for fact in scene.facts if isinstance(fact, ContactPoint)]
    used = [p for p in on_file if any(r.contact_point == p.reference for r in scene.call.recipients)]
    names = references(scene)
    if not used or not names:
        return None
    point = choose(draw, used)
    said = DescribedContactPoint(
        point.reference,
        point.kind,
        cast.VALUES[point.kind][choose(draw, (0, 1, 2))],
        owners=(choose(draw, names),),
    )
    return Asserted("shadow", scene.describing(contact_points=(*scene.call.description.contact_points, said)))


WAYS_OF_EACH = 4

WAYS: tuple[_Saying, ...] = (
    _a_tie,
    _an_adversity_among_the_tied,
    _a_point,
    _a_tie,
    _somebody_on_file,
    _a_tie,
    _somebody_described,
    _more_of_a_point,
    _more_of_a_point,
    _a_record_that_is_on_file,
    _a_party_more,
    _a_user_beyond_the_grant,
    _less_ability,
    _assurance,
    _another_purpose,
    _self_service,
    _a_shadowed_reference,
)


@st.composite
def asserting_scenes(draw: st.DrawFn) -> tuple[Scene, list[Asserted]]:
    """A scene where somebody is protected, and the same with one assertion more, in a few ways."""
    scene = draw(scenes(ordinary=False))
    said = (choose(draw, WAYS)(draw, scene) for _ in range(WAYS_OF_EACH))
    return scene, [one for one in said if one is not None]
