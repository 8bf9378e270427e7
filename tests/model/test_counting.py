"""A histogram counts each value once, in the range that its upper bound belongs to."""

from __future__ import annotations

from policy_service.model.counting import Histogram


def test_a_bound_belongs_to_the_range_below_it() -> None:
    counted = Histogram((1, 2, 5))
    for value in (0.0, 1.0, 1.5, 2.0, 5.0, 5.1, 100.0):
        counted.add(value)

    assert counted.counts == [2, 2, 1, 2]
    assert (counted.total, counted.least, counted.most) == (114.6, 0.0, 100.0)
