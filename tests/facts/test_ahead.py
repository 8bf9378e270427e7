"""A view of what drafts would put on file: each fact once, as it would be in the end."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from policy_service.facts import keys
from policy_service.facts.ahead import FactsAhead
from policy_service.facts.keys import Key
from policy_service.facts.mapping import fact_id
from policy_service.facts.view import ColdFacts, FactsView
from policy_service.model.facts import Fact, PersonId, RecordId, RecordParty, Relationship, Revision
from policy_service.model.vocabulary import RelationKind, Role
from tests.facts.world import POLICE, case, vera_phone

KEY = keys.record(POLICE, case.reference)
CHANGED = replace(case, teams=("another",))


def ahead() -> FactsAhead:
    found = {KEY: (case,), keys.contact_points_of(vera_phone.person_id): (vera_phone,)}
    return FactsAhead(FactsView(Revision(7), found))


def test_what_is_drafted_stands_in_place_of_what_is_on_file() -> None:
    view = ahead()
    assert view.record(POLICE, case.reference) == case
    assert view.add([CHANGED]) == 1
    assert view.record(POLICE, case.reference) == CHANGED
    assert (view.drafted, view.removed, view.new) == ((CHANGED,), (), frozenset())
    assert view.add([CHANGED]) == 0
    view.add([case])
    assert view.record(POLICE, case.reference) == case
    assert view.drafted == ()


def test_a_fact_that_is_found_by_another_value_now_is_not_found_by_the_old_one() -> None:
    view = ahead()
    other = PersonId("somebody-else")
    assert view.contact_points_of(vera_phone.person_id) == (vera_phone,)
    view.add([replace(vera_phone, person_id=other)])
    assert view.contact_points_of(vera_phone.person_id) == ()
    view.add([vera_phone])
    assert view.contact_points_of(vera_phone.person_id) == (vera_phone,)


def test_what_is_removed_is_not_there_and_may_come_again() -> None:
    view = ahead()
    view.record(POLICE, case.reference)
    view.add([], removed=[case])
    assert view.record(POLICE, case.reference) is None
    assert (view.drafted, view.removed) == ((), (case,))
    view.add([CHANGED])
    assert view.record(POLICE, case.reference) == CHANGED
    assert (view.drafted, view.removed) == ((CHANGED,), ())


def test_about_what_is_new_nothing_is_on_file_and_nothing_is_asked_for() -> None:
    view = ahead()
    new = replace(case, record_id=RecordId(view.fresh_id()), reference="CR/new")
    assert view.new == frozenset()
    view.add([new])
    assert view.parties_of(new.record_id) == ()
    view.prefetch(keys.parties_of(new.record_id))
    party = RecordParty(view.fresh_id(), POLICE, new.record_id, "vera", Role.VICTIM, vera_phone.person_id)
    view.add([party])
    assert view.parties_of(new.record_id) == (party,)
    view.add([], removed=[party])
    assert (view.parties_of(new.record_id), view.removed) == ((), ())
    assert view.new >= {new.record_id}
    with pytest.raises(ColdFacts):
        view.prefetch(keys.parties_of(case.record_id))


def test_what_was_neither_looked_up_nor_given_an_id_here_is_a_mistake() -> None:
    """GIVEN OR SEEN: else a fact on file would be taken for a new one, since nobody had looked."""
    view = ahead()
    for facts, removed in (([CHANGED], []), ([], [case])):
        with pytest.raises(ValueError, match="not looked up"):
            view.add(facts, removed)
    given_elsewhere = ahead().fresh_id()
    with pytest.raises(ValueError, match="not looked up"):
        view.add([replace(case, record_id=RecordId(given_elsewhere))])
    view.record(POLICE, case.reference)
    view.add([CHANGED], [])


def tie(of: str, source: PersonId, target: PersonId) -> Relationship:
    return Relationship(of, POLICE, source, target, RelationKind.PARTNER)


PEOPLE = tuple(PersonId(f"person-{n}") for n in range(4))


@pytest.mark.parametrize("seed", range(20))
def test_it_shows_what_would_be_on_file_whatever_is_drafted_in_whichever_order(seed: int) -> None:
    dice = random.Random(seed)
    ids = [f"tie-{n}" for n in range(dice.randrange(8))]
    on_file = {each: tie(each, dice.choice(PEOPLE), dice.choice(PEOPLE)) for each in ids}
    found: dict[Key, tuple[Relationship, ...]] = {}
    for person in PEOPLE:
        for key in (keys.relationships_from(person), keys.relationships_to(person)):
            found[key] = by_key(on_file, key)
    view = FactsAhead(FactsView(Revision(7), found))
    naive = dict(on_file)
    for _ in range(60):
        key = dice.choice(list(found))
        shown = view._all(key)
        assert shown == by_key(naive, key)
        match dice.randrange(4):
            case 0:
                new = tie(view.fresh_id(), dice.choice(PEOPLE), dice.choice(PEOPLE))
                assert view.add([new]) == 1
                naive[new.relationship_id] = new
            case 1 if shown:
                changed = replace(dice.choice(shown), to_person=dice.choice(PEOPLE))
                view.add([changed])
                naive[changed.relationship_id] = changed
            case 2 if shown:
                gone = dice.choice(shown)
                view.add([], [gone])
                del naive[gone.relationship_id]
            case _:
                pass
    assert {fact_id(fact): fact for fact in view.drafted} == {
        each: fact for each, fact in naive.items() if on_file.get(each) != fact
    }
    assert {fact_id(fact) for fact in view.removed} == on_file.keys() - naive.keys()


def by_key(there: dict[str, Relationship], key: Key) -> tuple[Relationship, ...]:
    return tuple(fact for _, fact in sorted(there.items()) if key in {*keys.keys_of(fact)})


def test_a_look_up_is_put_in_order_once_however_many_drafts_change_what_it_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SORTED ONCE: a put of one more relationship looks at few of the thousands that its person has."""
    adam = PersonId("adam")
    many = tuple(tie(f"tie-{n:05}", adam, PersonId(f"other-{n}")) for n in range(4_000))
    view = FactsAhead(FactsView(Revision(7), {keys.relationships_from(adam): many}))
    view.relationships_from(adam)
    looked_at: list[str] = []

    def counted(fact: Fact) -> str:
        looked_at.append(fact_id(fact))
        return looked_at[-1]

    monkeypatch.setattr("policy_service.facts.ahead.fact_id", counted)
    for n in range(100):
        view.add([tie(view.fresh_id(), adam, PersonId(f"more-{n}"))])
        assert len(view.relationships_from(adam)) == len(many) + n + 1
    assert len(looked_at) < 100 * 20  # log2 of 4,000 is 12


def test_what_only_counts_does_not_tell_what_a_fact_is_on_file() -> None:
    """An earlier version that writes beside this one announces no key of such a look-up: it may be old."""
    own = keys.own_points_by_fingerprint(vera_phone.controller, vera_phone.fingerprint)
    older = replace(vera_phone, voicemail_safe=not vera_phone.voicemail_safe)
    found = {keys.contact_points_of(vera_phone.person_id): (vera_phone,), own: (older,)}
    view = FactsAhead(FactsView(Revision(7), found))
    assert view.contact_points_of(vera_phone.person_id) == (vera_phone,)
    assert len(view.own_points_by_fingerprint(vera_phone.controller, vera_phone.fingerprint)) == 1
    assert view.add([older]) == 1
    assert view.drafted == (older,)
