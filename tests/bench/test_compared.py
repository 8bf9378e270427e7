"""That a comparison says whether its target is met, or that there was nothing to compare with."""

from __future__ import annotations

from tests.bench.compared import (
    BATCH,
    CERBOS,
    CERBOS_BATCH,
    CERBOS_TWENTY,
    COMPARISONS,
    DECISIONS,
    say_comparisons,
)
from tests.bench.rows import Report, Row

THEIRS = {CERBOS, CERBOS_TWENTY, CERBOS_BATCH}


def said(rates: dict[str, list[float]]) -> dict[str, Row]:
    report = Report()
    say_comparisons(report, rates)
    return {row.name: row for row in report.rows}


def test_ratios_are_those_of_the_rounds() -> None:
    ours = {each.ours: [70.0, 700.0, 7.0] for each in COMPARISONS}
    rows = said(ours | {name: [10.0, 100.0, 1.0] for name in THEIRS})
    batches = rows[f"{BATCH} / {CERBOS_BATCH}"]
    assert (batches.value, batches.target, batches.met) == (7.0, 7.0, True)
    assert rows[f"{BATCH}: decisions"].value == 250 * 70.0


def test_a_target_that_is_missed_says_so() -> None:
    rows = said({each.ours: [1.0] for each in COMPARISONS} | {name: [2.0] for name in THEIRS})
    assert [rows[f"{each.ours} / {each.theirs}"].met for each in COMPARISONS] == [False] * len(COMPARISONS)


def test_without_cerbos_each_row_is_there_and_says_so() -> None:
    rows = said({each.ours: [1.0] for each in COMPARISONS})
    for each in COMPARISONS:
        row = rows[f"{each.ours} / {each.theirs}"]
        assert (row.value, row.target, row.met) == ("no Cerbos here", each.target, None)


def test_both_sides_decide_as_much_in_one_answer() -> None:
    for each in COMPARISONS:
        assert DECISIONS.get(each.ours, 1) == DECISIONS.get(each.theirs, 1), each
