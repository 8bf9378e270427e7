"""The fingerprints of one store are made with one key."""

from __future__ import annotations

import pytest

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.store import FactStore
from policy_service.model.errors import UnavailableError
from tests.facts.world import put, vera

OURS, OTHER = Fingerprinter(b"k" * 32), Fingerprinter(b"o" * 32)


def test_the_first_key_is_the_stores_and_another_is_refused(store: FactStore) -> None:
    store.hold_to_key(OURS.check())
    put(store, vera)
    store.hold_to_key(OURS.check())

    with pytest.raises(UnavailableError) as refused:
        store.hold_to_key(OTHER.check())
    assert refused.value.reason == "KEY_FILE_OTHER"
    store.hold_to_key(OURS.check())


def test_holding_to_a_key_is_no_revision(store: FactStore) -> None:
    store.hold_to_key(OURS.check())

    assert store.head() == 0
