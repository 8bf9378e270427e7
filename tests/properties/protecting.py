"""What protects somebody, and opens nothing: one more fact, or one more thing that the call says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from hypothesis import strategies as st

from policy_service.model.facts import (
    ContactPoint,
    Person,
    PrivacyRequest,
    RecordType,
    Relationship,
    System,
    User,
)
from policy_service.model.question import DescribedPerson, DescribedRelationship
from policy_service.model.vocabulary import (
    COUNTER_ALLEGED_KINDS,
    RelationKind,
    RequestKind,
    Role,
)
from tests.properties import cast
from tests.properties.able import able
from tests.properties.cast import TRUST, id_of
from tests.properties.choosing import choose, one_in
from tests.properties.scene import Scene
from tests.properties.scenes import scenes
from tests.properties.worlds import RESTRICTING, request


@dataclass(frozen=True, slots=True)
class Protected:
    """A scene with one protection more. `adverse` and `towards` are ends of the adversity that was added."""

    what: str
    scene: Scene
    adverse: str = ""
    towards: str = ""

    def __repr__(self) -> str:
        return self.what

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


_Adding = Callable[[st.DrawFn, Scene], Protected | None]


def _people(scene: Scene) -> list[str]:
    return sorted({str(f.person_id) for f in scene.facts if isinstance(f, Person)} - set(cast.ORGANISATIONS))


def _references(scene: Scene) -> list[str]:
    """Everybody whom the call can name: described people by key, and those on file by identifier."""
    described = [person.key for person in scene.call.description.people]
    on_file = [str(f.person_id) for f in scene.facts if isinstance(f, Person)]
    return sorted({*described, *(f"ref:{name}" for name in on_file)})


def _a_request(draw: st.DrawFn, scene: Scene) -> Protected | None:
    people = _people(scene)
    if not people:
        return None
    kinds = [kind for kind in RESTRICTING if kind is not RequestKind.SAFE_CONTACT]
    added = request(draw, "more", kinds=kinds, people=people, on_file=people, reached={}, in_force=True)
    return Protected(f"{added.kind} of {added.person_id}", scene.with_facts(added))


def _a_safe_contact(draw: st.DrawFn, scene: Scene) -> Protected | None:
    """A safe contact at a point that is verified also opens it towards the friend who holds it (domain part
    4, places and points); so here none of the points is.
    """
    people = _people(scene)
    if not people:
        return None
    reached = {
        name: [
            p.contact_point_id
            for p in scene.facts
            if isinstance(p, ContactPoint) and p.person_id == name and p.verified_at is None
        ]
        for name in people
    }
    kinds = [RequestKind.SAFE_CONTACT]
    added = request(draw, "more", kinds=kinds, people=people, on_file=people, reached=reached, in_force=True)
    return Protected(f"safe_contact of {added.person_id}", scene.with_facts(added))


def _an_adversity(draw: st.DrawFn, scene: Scene) -> Protected | None:
    people = _people(scene) + [f"{name}" for name in cast.ORGANISATIONS if _has(scene, name)]
    if len(people) < 2:
        return None
    source = choose(draw, people)
    target = choose(draw, [name for name in people if name != source])
    basis = choose(draw, ("order", "allegation", "conviction"))
    alleged = basis == "allegation"
    added = Relationship(
        "more-adverse",
        TRUST,
        id_of(source),
        id_of(target),
        RelationKind.ADVERSE_TO,
        basis=basis,
        recorded_at=choose(draw, (cast.LAST_MONTH, cast.LAST_YEAR, cast.YESTERDAY)),
        review_date=date(2026, 6, 1) if alleged else None,
        confirmed_at=cast.YESTERDAY if alleged and one_in(draw, 2) else None,
    )
    return Protected(f"{source} adverse to {target} ({basis})", scene.with_facts(added), source, target)


def _has(scene: Scene, name: str) -> bool:
    return any(isinstance(f, Person) and f.person_id == name for f in scene.facts)


def _a_described_adversity(draw: st.DrawFn, scene: Scene) -> Protected | None:
    references = _references(scene)
    if len(references) < 2:
        return None
    source = choose(draw, references)
    target = choose(draw, [name for name in references if name != source])
    said = DescribedRelationship(source, target, RelationKind.ADVERSE_TO)
    relations = (*scene.call.description.relationships, said)
    return Protected(
        f"described: {source} adverse to {target}",
        scene.describing(relationships=relations),
        source.removeprefix("ref:"),
        target.removeprefix("ref:"),
    )


def _a_described_adversary(draw: st.DrawFn, scene: Scene) -> Protected | None:
    """Somebody new, who is adverse to a person there, and may look like another."""
    references = _references(scene)
    if not references:
        return None
    target = choose(draw, references)
    like = choose(draw, ("", *cast.BORN))
    person = DescribedPerson(
        "stranger", name=cast.full_name(like) if like else "", birth_date=cast.BORN.get(like)
    )
    said = DescribedRelationship("stranger", target, RelationKind.ADVERSE_TO)
    described = scene.call.description
    added = scene.describing(
        people=(*described.people, person), relationships=(*described.relationships, said)
    )
    return Protected(
        f"described: a stranger adverse to {target}", added, "stranger", target.removeprefix("ref:")
    )


def _a_secret_role(draw: st.DrawFn, scene: Scene) -> Protected | None:
    types = [fact for fact in scene.facts if isinstance(fact, RecordType)]
    changed = choose(draw, types)
    role = choose(
        draw, (Role.SUBJECT, Role.CHILD, Role.APPLICANT, Role.VICTIM, Role.JOINT_CUSTOMER, Role.INFORMANT)
    )
    added = replace(changed, secret_roles=tuple(dict.fromkeys((*changed.secret_roles, role))))
    return Protected(f"{role} secret in {changed.name}", scene.with_facts(added))


def _a_suspension(draw: st.DrawFn, scene: Scene) -> Protected | None:
    of_call = [
        fact
        for fact in scene.facts
        if (isinstance(fact, User) and fact.reference == scene.call.user)
        or (isinstance(fact, System) and fact.name == scene.system)
    ]
    changed = choose(draw, of_call)
    return Protected("suspended", scene.with_facts(replace(changed, suspended=True)))


def _a_separate_identity(draw: st.DrawFn, scene: Scene) -> Protected | None:
    people = _people(scene)
    if len(people) < 2:
        return None
    source = choose(draw, people)
    target = choose(draw, [name for name in people if name != source])
    added = Relationship(
        "more-separate", TRUST, id_of(source), id_of(target), RelationKind.SEPARATE_IDENTITY_OF
    )
    return Protected(f"{source} separate identity of {target}", scene.with_facts(added))


def _a_shared_point(draw: st.DrawFn, scene: Scene) -> Protected | None:
    """Somebody says that others open a contact point."""
    points = [fact for fact in scene.facts if isinstance(fact, ContactPoint) and not fact.shared]
    if not points:
        return None
    changed = choose(draw, points)
    return Protected(f"{changed.contact_point_id} shared", scene.with_facts(replace(changed, shared=True)))


def _a_careful_record_type(draw: st.DrawFn, scene: Scene) -> Protected | None:
    types = [fact for fact in scene.facts if isinstance(fact, RecordType)]
    changed = choose(draw, types)
    stricter = replace(changed, people_on_file=True) if one_in(draw, 2) else replace(changed, assurance=3)
    return Protected(f"{changed.name} stricter", scene.with_facts(stricter))


WAYS_OF_EACH = 3

WAYS: tuple[_Adding, ...] = (
    _a_request,
    _an_adversity,
    _a_request,
    _a_described_adversity,
    _an_adversity,
    _a_described_adversary,
    _a_request,
    _a_secret_role,
    _a_safe_contact,
    _a_separate_identity,
    _a_shared_point,
    _a_careful_record_type,
    _a_suspension,
)


@st.composite
def protected_scenes(draw: st.DrawFn) -> tuple[Scene, list[Protected]]:
    """A scene, and the same with one protection more, in a few ways."""
    scene = able(draw(scenes()))
    added = (choose(draw, WAYS)(draw, scene) for _ in range(WAYS_OF_EACH))
    return scene, [one for one in added if one is not None]


def opens_by_the_rules(added: Protected) -> str:
    """What the domain says that the adversity which was added narrows, besides what it protects; empty:
    nothing.

    Each is a rule of domain part 4, and is set aside under its own name.
    """
    if not added.adverse:
        return ""
    if _is_answered(added):
        return "a counter-allegation denies less"
    if _is_of_a_partner(added):
        return "whom he endangers is no associate of his"
    if _is_of_a_child(added):
        return "an adverse person is never covered"
    return ""


def _is_answered(added: Protected) -> bool:
    """The one who is adverse now has alleged or recorded something in the other direction."""
    facts = added.scene.facts
    recorded = any(
        isinstance(fact, PrivacyRequest)
        and fact.kind in COUNTER_ALLEGED_KINDS
        and added.adverse in (fact.person_id, *fact.covers)
        for fact in facts
    )
    return recorded or any(
        kind is RelationKind.ADVERSE_TO and target == added.adverse for kind, _, target in _ties(added.scene)
    )


def _is_of_a_partner(added: Protected) -> bool:
    """The one to whom he is adverse is his partner, or lives with somebody who is."""
    ties = _ties(added.scene)
    partners = {
        name
        for kind, *ends in ties
        if kind is RelationKind.PARTNER and added.adverse in ends
        for name in ends
    }
    children = {target for kind, source, target in ties if kind in _PARENTHOOD and source == added.towards}
    return bool((partners - {added.adverse}) & {added.towards, *children})


def _is_of_a_child(added: Protected) -> bool:
    """The one who is adverse now is a child whom the other's protection covered."""
    return any(
        kind in _PARENTHOOD and (source, target) == (added.towards, added.adverse)
        for kind, source, target in _ties(added.scene)
    )


_PARENTHOOD = frozenset({RelationKind.PARENT_OF, RelationKind.GUARDIAN_OF, RelationKind.FOSTER_CARER_OF})


def _ties(scene: Scene) -> list[tuple[RelationKind, str, str]]:
    """Every relationship on file and in the call: kind, source, target."""
    on_file = [
        (fact.kind, str(fact.from_person), str(fact.to_person))
        for fact in scene.facts
        if isinstance(fact, Relationship)
    ]
    said = [
        (each.kind, each.from_person.removeprefix("ref:"), each.to_person.removeprefix("ref:"))
        for each in scene.call.description.relationships
    ]
    return on_file + said
