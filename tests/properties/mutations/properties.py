"""The property tests of this package, run for a moment each in whatever state the code is in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.properties import (
    test_each_cell_alone,
    test_no_lock_out,
    test_order,
    test_promise_7_nobody_talks_his_way_out,
    test_promise_8_the_denial_is_not_the_leak,
    test_protecting_more_permits_no_more,
    test_states_that_protect,
)
from tests.properties.able import able
from tests.properties.asserting import asserting_scenes
from tests.properties.protecting import protected_scenes
from tests.properties.scenes import scenes

EXAMPLES = 400

_promise_7 = test_promise_7_nobody_talks_his_way_out
_promise_8 = test_promise_8_the_denial_is_not_the_leak

_PROPERTIES: tuple[tuple[st.SearchStrategy[Any], Callable[..., None]], ...] = (
    (test_states_that_protect.scenes_and_states(), test_states_that_protect.holds),
    (test_no_lock_out.ordinary_days(), test_no_lock_out.test_no_lock_out),
    (asserting_scenes(), _promise_7.holds),
    (protected_scenes(), test_protecting_more_permits_no_more.holds),
    (scenes(), _promise_8.test_promise_8_one_answer_for_whatever_is_not_to_be_told),
    (scenes(), _promise_8.test_promise_8_a_withheld_field_among_others_looks_like_an_unknown_one),
    (scenes().map(able), test_each_cell_alone.test_each_cell_alone),
    (test_order.shuffled_scenes(), test_order.test_order),
)


def first_property_that_fails() -> str:
    """The name of the first property that finds a counterexample; empty where none does."""
    for drawn, test in _PROPERTIES:
        try:
            _run(drawn, test)
        except Exception:
            return f"{test.__module__.rpartition('.')[2]}"
    return ""


def _run(drawn: st.SearchStrategy[Any], test: Callable[..., None]) -> None:
    inner = test.hypothesis.inner_test if hasattr(test, "hypothesis") else test

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(drawn)
    def once(value: Any) -> None:
        inner(value)

    once()
