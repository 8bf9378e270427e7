"""The package's README names every error of the log, and the numbers that the code has."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import policy_service.decision_log
from policy_service.decision_log import errors
from policy_service.decision_log.entry import MAX_ENTRY_BYTES
from policy_service.decision_log.pending import RoundLimits

README = Path(policy_service.decision_log.__file__).with_name("README.md").read_text("utf-8")

NAMES = [
    name
    for name, one in inspect.getmembers(errors, inspect.isclass)
    if one.__module__ == errors.__name__ and name != "EntryTooLarge"  # a use case never gets that far
]


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_names_every_error(name: str) -> None:
    assert f"`{name}`" in README


def test_the_readme_has_the_numbers_of_the_code() -> None:
    limits = RoundLimits()
    assert f"{MAX_ENTRY_BYTES:,}" in README
    assert (
        f"{limits.gather_per_entry * 1000:g} ms for each entry, {limits.gather_most * 1000:g} ms at most"
        in README
    )
    assert limits.head_age == 1.0
