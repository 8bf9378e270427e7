"""What belongs to one fact at a time: identifiers, references and names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy_service.facts.mapping import KINDS
from policy_service.facts.store import FactStore
from policy_service.model.errors import ConflictError
from policy_service.model.facts import Fact, Fingerprint, RecordId
from tests.facts.world import (
    ADAM,
    HOME,
    NHS,
    Kept,
    case,
    case_type,
    change,
    crm,
    entry,
    letter,
    officer,
    policies,
    put,
    vera_nhs_number,
    vera_phone,
)

OTHER = RecordId("other")

TAKEN: tuple[tuple[Fact, Fact], ...] = (
    (vera_nhs_number, replace(vera_nhs_number, identifier_id="other", person_id=ADAM, controller=NHS)),
    (case, replace(case, record_id=OTHER)),
    (officer, replace(officer, user_id="other")),
    (crm, replace(crm, system_id="other")),
    (case_type, replace(case_type, record_type_id="other")),
    (letter, replace(letter, artefact_type_id="other")),
    (vera_phone, replace(vera_phone, contact_point_id="other", fingerprint=Fingerprint("2" * 64))),
    (policies, replace(policies, policy_set_id="other")),
)


@pytest.mark.parametrize(("first", "second"), TAKEN, ids=[type(first).__name__ for first, _ in TAKEN])
def test_what_another_open_fact_has_is_refused_until_it_is_free(
    kept: Kept, first: Fact, second: Fact
) -> None:
    revision = put(kept.store, first)
    with pytest.raises(ConflictError) as refused:
        kept.store.write(change(second), entry)
    assert refused.value.reason == "ALREADY_EXISTS"
    assert f"`{KINDS[type(first)].label}`" in refused.value.message
    assert kept.store.head() == revision
    put(kept.store, second, removed=(first,))
    put(kept.store, removed=(second,))


def test_what_is_said_to_be_new_and_is_on_file_is_refused(store: FactStore) -> None:
    """Of what is new no row is looked for; a fact that is one of them all the same is not there twice."""
    revision = put(store, case)
    claimed = replace(change(replace(case, teams=("other",)), officer), new=frozenset({case.record_id}))
    with pytest.raises(ConflictError) as refused:
        store.write(claimed, entry)
    assert refused.value.reason == "ALREADY_EXISTS"
    assert store.head() == revision
    store.write(replace(change(officer), new=frozenset({officer.user_id})), entry)


def test_what_was_taken_is_not_in_the_message(store: FactStore) -> None:
    put(store, case)
    with pytest.raises(ConflictError) as refused:
        store.write(change(replace(case, record_id=OTHER)), entry)
    for value in ("CR/1", "record-1", "police", "UNIQUE", "INSERT"):
        assert value not in str(refused.value)
    assert refused.value.__cause__ is None


def test_references_and_names_are_a_controllers_own(store: FactStore) -> None:
    put(store, case, officer, crm)
    put(
        store,
        replace(case, record_id=OTHER, controller=NHS),
        replace(officer, user_id="other", controller=NHS),
        replace(crm, system_id="other", controller=NHS),
    )


def test_a_shared_phone_has_one_reference_and_a_contact_point_for_each_owner(store: FactStore) -> None:
    put(store, vera_phone)
    put(store, replace(vera_phone, contact_point_id="other", person_id=ADAM))


def test_contact_points_without_a_reference_do_not_meet(store: FactStore) -> None:
    put(
        store,
        replace(vera_phone, reference=""),
        replace(vera_phone, contact_point_id="other", reference="", uprn=HOME),
    )


def test_two_facts_may_exchange_what_they_have(store: FactStore) -> None:
    other = replace(case, record_id=OTHER, reference="CR/2")
    put(store, case, other)
    assert put(store, replace(case, reference="CR/2"), replace(other, reference="CR/1")) == 2
