"""Every kind of fact comes back from its row as it went in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_service.facts.keys import Key, key_to_text, keys_from_texts, keys_of
from policy_service.facts.mapping import KINDS, codec_of, from_microseconds, from_row, to_microseconds, to_row
from policy_service.model.facts import Fact
from tests.facts.strategies import TEXTS, facts
from tests.facts.world import Kept, put

EVERY_KIND = pytest.mark.parametrize("kind", get_args(Fact), ids=lambda kind: kind.__name__)


@EVERY_KIND
@given(data=st.data())
def test_a_fact_comes_back_from_its_row(kind: type[Fact], data: st.DataObject) -> None:
    fact = data.draw(facts(kind))
    row = to_row(fact)
    assert from_row(kind, [row[name] for name in KINDS[kind].names]) == fact


@EVERY_KIND
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_fact_comes_back_from_the_store(kept: Kept, kind: type[Fact], data: st.DataObject) -> None:
    fact = data.draw(facts(kind))
    revision = put(kept.store, fact)
    loaded = kept.reader.load(list(keys_of(fact)), revision)
    assert all(answer == (fact,) for answer in loaded.values())
    assert kept.reader.list_facts(kind, None, "", 10, revision) in (
        (fact,),
        (),
    )  # `()`: an empty id follows nothing
    put(kept.store, removed=(fact,))


@given(st.lists(TEXTS, min_size=1).map(tuple))
def test_a_key_comes_back_from_its_text(key: Key) -> None:
    assert list(keys_from_texts([key_to_text(key)] * 2)) == [key] * 2


def test_a_moment_is_kept_to_the_microsecond_whatever_its_zone() -> None:
    moment = datetime(2026, 7, 1, 12, 0, 0, 999_999, tzinfo=ZoneInfo("Europe/London"))
    assert from_microseconds(to_microseconds(moment)) == moment
    assert from_microseconds(to_microseconds(moment)).tzinfo is UTC


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        to_microseconds(datetime(2026, 7, 1, 12, 0))  # noqa: DTZ001


def test_a_row_from_before_a_field_was_added_is_read() -> None:
    """A dataclass in a tuple is a list; a field that was added at its end takes its default."""
    codec = codec_of(tuple[Grown, ...])
    assert codec.decode('[["old"],["new",["x"]]]') == (Grown("old"), Grown("new", ("x",)))
    assert codec.encode((Grown("new", ("x",)),)) == '[["new",["x"]]]'


@dataclass(frozen=True)
class Grown:
    name: str
    added: tuple[str, ...] = ()


def test_a_type_that_nobody_has_thought_of_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match="no way to store"):
        codec_of(tuple[float, ...])
