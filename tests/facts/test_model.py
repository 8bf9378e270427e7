"""The store against a naive model: every look-up at every revision answers as a plain dict would."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_service.facts.keys import keys_of
from policy_service.facts.mapping import fact_id
from policy_service.model.errors import ConflictError
from policy_service.model.facts import Fact, Fingerprint, PersonId, RecordId, Revision
from tests.facts.world import Kept, adverse, case, put, vera_phone, withhold

PEOPLE = st.sampled_from([PersonId(name) for name in ("vera", "adam", "child")])
FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        lambda n, reference: replace(case, record_id=RecordId(f"record-{n}"), reference=reference),
        st.integers(0, 2),
        st.sampled_from(["CR/1", "CR/2"]),
    ),
    st.builds(
        lambda n, a, b: replace(adverse, relationship_id=f"relationship-{n}", from_person=a, to_person=b),
        st.integers(0, 2),
        PEOPLE,
        PEOPLE,
    ),
    st.builds(
        lambda n, who, uprn: replace(
            vera_phone, contact_point_id=f"p{n}", person_id=who, reference="", uprn=uprn
        ),
        st.integers(0, 2),
        PEOPLE,
        st.sampled_from([Fingerprint(""), Fingerprint("u")]),
    ),
    st.builds(
        lambda n, who, covers: replace(
            withhold, request_id=f"request-{n}", person_id=who, covers=tuple(covers)
        ),
        st.integers(0, 2),
        PEOPLE,
        st.lists(PEOPLE, unique=True, max_size=2),
    ),
)
CHANGES = st.tuples(
    st.lists(FACTS, max_size=3, unique_by=fact_id), st.lists(FACTS, max_size=2, unique_by=fact_id)
)


class Model:
    """What is on file after each revision, as a dict by id. A record's reference is one record's."""

    def __init__(self) -> None:
        self.revisions: list[dict[str, Fact]] = [{}]

    def write(self, facts: list[Fact], removed: list[Fact]) -> bool:
        """Tell whether it can be written, and write it if so."""
        if {fact_id(fact) for fact in facts} & {fact_id(fact) for fact in removed}:
            return False
        gone = {fact_id(fact) for fact in removed}
        after = {key: fact for key, fact in self.revisions[-1].items() if key not in gone}
        after |= {fact_id(fact): fact for fact in facts}
        references = [fact.reference for fact in after.values() if isinstance(fact, type(case))]
        if len(set(references)) < len(references):
            return False
        self.revisions.append(after)
        return True


@settings(max_examples=12, deadline=None)
@given(changes=st.lists(CHANGES, min_size=5, max_size=20))
def test_every_look_up_at_every_revision_answers_as_the_model(
    kept: Kept, changes: list[tuple[list[Fact], list[Fact]]]
) -> None:
    model = Model()
    start = kept.store.head()
    for facts, removed in changes:
        if model.write(facts, removed):
            put(kept.store, *facts, removed=tuple(removed))
        else:
            with pytest.raises(ConflictError):
                put(kept.store, *facts, removed=tuple(removed))
    assert kept.store.head() == start + len(model.revisions) - 1
    put(kept.store, removed=tuple(model.revisions[-1].values()))
    model.revisions.append({})

    wanted = {key for facts, _ in changes for fact in facts for key in keys_of(fact)}
    for revision, on_file in enumerate(model.revisions, start=start):
        expected = {
            key: tuple(sorted((fact for fact in on_file.values() if key in keys_of(fact)), key=fact_id))
            for key in wanted
        }
        assert kept.reader.load(wanted, Revision(revision)) == expected
