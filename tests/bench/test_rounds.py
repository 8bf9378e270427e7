"""That the loads of a benchmark are measured in turn, and compared within a round."""

from __future__ import annotations

from tests.bench.rounds import interleaved, median_ratio


def test_each_load_has_its_turn_in_every_round() -> None:
    order: list[str] = []

    def load(name: str, number: int) -> int:
        order.append(f"{name}{number}")
        return number

    found = interleaved(3, {name: lambda number, name=name: load(name, number) for name in "abc"})  # type: ignore[misc]

    assert order == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]
    assert found == {name: [0, 1, 2] for name in "abc"}


def test_a_machine_that_slows_down_changes_no_ratio() -> None:
    assert median_ratio([50.0, 25.0, 5.0], [100.0, 50.0, 10.0]) == 0.5
    assert median_ratio([50.0, 90.0, 5.0], [100.0, 90.0, 10.0]) == 0.5
