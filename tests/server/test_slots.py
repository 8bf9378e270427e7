"""Which slot of the decision log is whose."""

from __future__ import annotations

import pytest

from policy_service.server import slots


@pytest.mark.parametrize("service", ["", "north", "worker-1", "north-worker-1", "control"])
@pytest.mark.parametrize("number", [0, 1, 63])
def test_a_workers_slot_is_known_again_by_its_own_service_alone(service: str, number: int) -> None:
    slot = slots.slot(service, slots.worker(number))

    assert slots.worker_number(service, slot) == number
    assert slots.worker_number("south", slot) is None
    assert slots.worker_number(service, slots.slot(service, slots.CONTROL)) is None


def test_a_service_without_a_name_has_the_slots_that_it_always_had() -> None:
    assert slots.slot("", slots.CONTROL) == "control"
    assert slots.slot("", slots.worker(0)) == "worker-0"
