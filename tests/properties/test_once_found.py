"""What generated worlds once found, as the smallest world that shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from policy_service.model.decision import NOT_AVAILABLE
from policy_service.model.facts import (
    ArtefactType,
    Capability,
    ContactPoint,
    Fact,
    PrivacyRequest,
    Record,
    RecordId,
    RecordParty,
    Relationship,
)
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
    Channel,
    ContactKind,
    RelationKind,
    RequestKind,
    RequestState,
    Role,
    Verb,
    Visibility,
)
from tests.properties import cast
from tests.properties.cast import FINGERPRINTS, TRUST, id_of
from tests.properties.kinds import ENVELOPE, KINDS
from tests.properties.scene import Scene, cells_of
from tests.properties.test_promise_8_the_denial_is_not_the_leak import renamed, unknown_field
from tests.properties.worlds import PROTECTIVE, SYSTEMS, USERS, Bond, person_on_file, relationship_in_force

ABLE = tuple(Capability(kind, "a test", date(2027, 1, 1)) for kind in PROTECTIVE)
STANDING: tuple[Fact, ...] = (
    *USERS,
    *SYSTEMS,
    *(kind.record_type for kind in KINDS),
    ArtefactType("artefact-letter", TRUST, "letter", ENVELOPE, ABLE),
    ArtefactType("artefact-bare", TRUST, "bare", (), ABLE),
)


def a_send(
    facts: tuple[Fact, ...], fields: tuple[str, ...], recipients: tuple[RecipientAsked, ...], **more: object
) -> Scene:
    call = CheckCall(
        user="u.ward",
        record="R-1",
        fields=tuple(map(FieldAsked, fields)),
        verb=Verb.SEND,
        recipients=recipients,
        **more,  # type: ignore[arg-type]
    )
    return Scene((*STANDING, *facts), "main", call, cast.MONDAY_NOON)


def home_of(name: str, which: int, **more: object) -> ContactPoint:
    return ContactPoint(
        f"point-{name}",
        TRUST,
        id_of(name),
        ContactKind.POST,
        FINGERPRINTS.contact(ContactKind.POST, cast.PLACES[which]),
        reference=f"CP/{name}",
        home=True,
        verified_at=cast.LAST_MONTH,
        from_herself=True,
        **more,  # type: ignore[arg-type]
    )


def asked(name: str, kind: RequestKind, **more: object) -> PrivacyRequest:
    return PrivacyRequest(
        f"{kind}-{name}",
        TRUST,
        id_of(name),
        kind,
        RequestState.ACTIVE,
        received_at=cast.YESTERDAY,
        received_by="desk",
        **more,  # type: ignore[arg-type]
    )


def record(kind: str, *parties: tuple[str, Role, str]) -> tuple[Fact, ...]:
    held = Record(RecordId("record-1"), TRUST, "R-1", kind, ("ward",))
    return (
        held,
        *(
            RecordParty(f"party-{key}", TRUST, held.record_id, key, role, id_of(who))
            for key, role, who in parties
        ),
    )


def post(party: str, point: str) -> RecipientAsked:
    return RecipientAsked(party=party, contact_point=point, channel=Channel.POST)


@pytest.mark.parametrize("with_whom", ["", "gran"])
def test_promise_7_a_sharer_who_is_named_hides_none_who_is_not(with_whom: str) -> None:
    """An address without canonical identity may be his whoever else is said to live there (domain part 2)."""
    adverse = Relationship(
        "adverse", TRUST, id_of("adam"), id_of("vera"), RelationKind.ADVERSE_TO, basis="order"
    )
    owners = ("ref:vera", *([with_whom] if with_whom else []))
    described = Description(
        record=DescribedRecord("letter", ("ward",), (DescribedParty("patient", Role.SUBJECT, "ref:vera"),)),
        people=(DescribedPerson("gran"),),
        contact_points=(
            DescribedContactPoint("her-home", ContactKind.POST, cast.PLACES[0], owners=owners, home=True),
        ),
    )
    people = (*person_on_file("vera"), *person_on_file("adam"), adverse)
    scene = a_send(people, ("body",), (post("patient", "her-home"),), description=described)
    (cell,) = cells_of(scene.decide())
    assert cell.outcome.reason == "ADVERSE_PERSON"
    assert cell.outcome.reader == "shares_point:person:adam"


@pytest.mark.parametrize("said_to_live_with_her", [False, True])
def test_promise_7_no_home_that_is_only_described_tells_where_he_does_not_live(
    said_to_live_with_her: bool,
) -> None:
    """Where adam lives is not on file, so towards gran, who is adverse to vera, it may be vera's home
    (domain part 4, places and points). That a caller says he lives at gran's makes it no other place.
    """
    ends = id_of("gran"), id_of("vera")
    adverse = Relationship("adverse", TRUST, *ends, RelationKind.ADVERSE_TO, basis="order")
    hers = replace(home_of("gran", 1), uprn=FINGERPRINTS.uprn(cast.UPRNS[1]))
    people = (*person_on_file("vera"), *person_on_file("gran"), *person_on_file("adam"))
    described = DescribedContactPoint(
        "said", ContactKind.POST, cast.PLACES[1], owners=("ref:adam",), uprn=cast.UPRNS[1], home=True
    )
    scene = a_send(
        (*people, adverse, hers, *record("everything", ("patient", Role.SUBJECT, "adam"))),
        ("household",),
        (RecipientAsked(person="ref:gran", channel=Channel.IN_PERSON),),
        artefact_type="bare",
        description=Description(contact_points=(described,) if said_to_live_with_her else ()),
    )
    (cell,) = cells_of(scene.decide())
    assert (cell.permitted, cell.outcome.reason) == (False, "ADVERSE_PERSON")


@pytest.mark.parametrize("said_to_be_adverse", [False, True])
def test_promise_7_a_child_who_is_said_to_be_adverse_is_covered(said_to_be_adverse: bool) -> None:
    """That a caller says so takes nothing away of what is on file: her mother's protection covers her."""
    bonds = (
        Bond("vera", RelationKind.PARENT_OF, "cara", responsibility=True),
        Bond("vera", RelationKind.LIVES_WITH, "cara"),
        Bond("adam", RelationKind.PARENT_OF, "cara", responsibility=True),
        Bond("adam", RelationKind.ADVERSE_TO, "vera"),
    )
    people = (*person_on_file("vera"), *person_on_file("adam"), *person_on_file("cara"))
    said = DescribedRelationship("ref:cara", "ref:vera", RelationKind.ADVERSE_TO)
    scene = a_send(
        (*people, *map(relationship_in_force, bonds), *record("letter", ("child", Role.CHILD, "cara"))),
        ("appointment",),
        (RecipientAsked(person="ref:adam", channel=Channel.IN_PERSON),),
        artefact_type="bare",
        description=Description(relationships=(said,) if said_to_be_adverse else ()),
    )
    (cell,) = cells_of(scene.decide())
    assert cell.outcome.reason == "ADVERSE_PERSON"


def test_promise_8_nothing_but_silence_is_owed_for_a_field_that_is_withheld() -> None:
    """Not even that somebody has to look at a field about several people, one of whom asks for it."""
    parties = (("child", Role.CHILD, "cara"), ("other-child", Role.CHILD, "bo"))
    call = CheckCall(
        user="portal-user",
        record="R-1",
        fields=(FieldAsked("subject.dob"), FieldAsked("subject.name", "other-child")),
        verb=Verb.SEE,
        self_service=True,
        description=Description(user=DescribedUser(person="ref:bo")),
    )
    facts = (*STANDING, *person_on_file("cara"), *person_on_file("bo"), *record("letter", *parties))
    it_looks_unknown(Scene(facts, "main", call, cast.MONDAY_NOON), 0)


def test_promise_8_no_second_approver_tells_of_a_field_that_is_withheld() -> None:
    """Whom a withheld field is about is no reason for anything that the caller is told."""
    parties = (("carer", Role.CARER, "gran"), ("child", Role.CHILD, "cara"))
    scene = a_send(
        (
            *person_on_file("gran"),
            *person_on_file("cara"),
            *record("letter", *parties),
            Relationship("foster", TRUST, id_of("gran"), id_of("cara"), RelationKind.FOSTER_CARER_OF),
            asked("gran", RequestKind.OBJECT, recipients=("user:u.nora",), visibility=Visibility.SECRET),
        ),
        ("enclosure", "appointment"),
        (RecipientAsked(party="carer", channel=Channel.API), RecipientAsked(team="desk")),
        artefact_type="bare",
    )
    it_looks_unknown(scene, 0)


def test_promise_8_no_end_of_validity_tells_of_a_field_that_is_withheld() -> None:
    """The applicant turns 18 in ten minutes; whoever may not know of her cannot read it there."""
    parties = (("patient", Role.SUBJECT, "vera"), ("who-asked", Role.APPLICANT, "bo"))
    scene = a_send(
        (*person_on_file("vera"), *person_on_file("bo"), *record("case", *parties), home_of("vera", 0)),
        ("enquiry.made_by", "subject.name"),
        (post("patient", "CP/vera"),),
        artefact_type="bare",
    )
    it_looks_unknown(replace(scene, now=cast.MONDAY_NIGHT), 0)


def it_looks_unknown(scene: Scene, index: int) -> None:
    """The field of this index, if nothing is told of it, looks like one that nobody declared."""
    fields = scene.call.fields
    other = scene.asking(fields=(*fields[:index], unknown_field(fields[index]), *fields[index + 1 :]))
    whole = scene.decide()
    assert {c.reason for c in whole.decision.cells if c.field == fields[index].name} == {NOT_AVAILABLE}
    assert any(cell.permitted for cell in cells_of(whole))
    assert renamed(whole) == renamed(other.decide())


def test_an_address_that_stands_for_hers_is_owed_as_an_obligation() -> None:
    """Where nothing of an envelope field was permitted in the first place, too."""
    parties = (("victim", Role.VICTIM, "fay"), ("informant", Role.INFORMANT, "nora"))
    office = replace(home_of("fay", 2), service_address=True, uprn=FINGERPRINTS.uprn(cast.UPRNS[2]))
    facts = (
        *person_on_file("fay"),
        *person_on_file("nora"),
        *record("everything", *parties),
        office,
        home_of("nora", 1),
    )
    scene = a_send(
        (*facts, asked("fay", RequestKind.DO_NOT_SHARE)),
        ("copies",),
        (post("informant", "CP/nora"),),
        artefact_type="letter",
    )
    decided = scene.decide()
    letterhead = next(cell for cell in cells_of(decided) if cell.field == "letterhead")
    assert letterhead.permitted
    (owed,) = (o for o in decided.decision.obligations if o.kind == ObligationKind.SUBSTITUTE_ADDRESS)
    assert (owed.fields, owed.parameters) == (("letterhead",), (("contact_point", "CP/fay"),))
