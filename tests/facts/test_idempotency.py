"""ONCE: the same request, asked again by its idempotency key, is written once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from policy_service.facts.store import FactStore
from policy_service.model.errors import ConflictError
from policy_service.model.facts import Revision
from tests.facts.world import NHS, adam, case, change, entry, put, vera, write

ASKED = change(case, entry_id="entry-1", idempotency_key="key-1", body_hash=b"body")


def test_a_repeated_request_gets_the_first_result(store: FactStore) -> None:
    first = write(store, ASKED)
    put(store, adam)

    def never(revision: Revision) -> bytes:
        raise AssertionError(f"an entry was made for revision {revision}")

    again = store.write(replace(ASKED, entry_id="entry-2"), never)
    assert again == replace(first, repeated=True)
    assert store.head() == 2
    assert put(store, vera) == 3


def test_another_body_under_the_same_key_is_refused(store: FactStore) -> None:
    write(store, ASKED)
    with pytest.raises(ConflictError) as refused:
        store.write(replace(ASKED, facts=(vera,), body_hash=b"other"), entry)
    assert (refused.value.field, refused.value.reason) == ("idempotency_key", "IDEMPOTENCY_KEY_REUSED")
    assert store.head() == 1


def test_a_key_is_the_actors_own(store: FactStore) -> None:
    write(store, ASKED)
    by_another = replace(ASKED, actor="principal:omar", body_hash=b"other")
    elsewhere = change(actor=ASKED.actor, controller=NHS, idempotency_key="key-1", body_hash=b"other")
    assert not write(store, by_another).repeated
    assert not write(store, elsewhere).repeated


def test_without_a_key_nothing_is_a_repetition(store: FactStore) -> None:
    assert not write(store, replace(ASKED, idempotency_key="")).repeated
    assert not write(store, replace(ASKED, idempotency_key="")).repeated


def test_a_request_that_is_asked_eight_times_at_once_is_written_once(store: FactStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: write(store, ASKED), range(8)))
    assert [result.repeated for result in results].count(False) == 1
    assert {result.revision for result in results} == {1}
    assert store.head() == 1
