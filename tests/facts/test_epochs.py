"""A token of the facts names a revision and its epoch: what a restore has undone is recognised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.facts.connect import writing_engine
from policy_service.facts.epochs import Epochs, begin_epoch
from policy_service.facts.reader import FactsReader
from policy_service.facts.revision_token import RevisionTokens
from policy_service.facts.store import FactStore
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Revision
from tests.facts.world import adam, put, vera

KEY = bytes(range(32))
FIRST, SECOND, THIRD = 11, 22, 33


def tokens(*began: tuple[int, int], key: bytes = KEY) -> RevisionTokens:
    return RevisionTokens(key, Epochs(tuple((epoch, Revision(after)) for epoch, after in began)))


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**48 - 1))
def test_a_token_names_its_revision(revision: int, epoch: int) -> None:
    sealer = tokens((epoch, 0))
    token = sealer.seal(Revision(revision))
    assert sealer.open(token) == revision
    assert len(token) == 56
    assert sealer.seal(Revision(revision)) != token


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**48 - 1))
def test_a_version_has_one_token_and_an_answers_tells_nothing_of_it(revision: int, epoch: int) -> None:
    sealer = tokens((epoch, 0))
    token = sealer.seal_version(Revision(revision))
    assert tokens((epoch, 0)).seal_version(Revision(revision)) == token
    assert sealer.open(token) == revision
    # Neither the beginning, which is the nonce, nor what follows it.
    answers = sealer.seal(Revision(revision))
    other = sealer.seal_version(Revision(revision ^ 1))
    assert not {token[:16], token[16:]} & {answers[:16], answers[16:], other[:16], other[16:]}
    assert tokens((epoch ^ 1, 0)).seal_version(Revision(revision)) != token


def test_what_nobody_here_sealed_names_nothing() -> None:
    here = tokens((FIRST, 0))
    token = here.seal(Revision(7))
    others = tokens((FIRST, 0), key=bytes(32))
    for text in ("", "x", "é" * 9, token[:-1], token[:-4], "A" * 56, "A" * 500, others.seal(Revision(7))):
        assert here.open(text) is None


@pytest.mark.parametrize("around", ["%%%{}", "{}!!!!", " {}", "{}\n"])
def test_a_token_with_something_around_it_names_nothing(around: str) -> None:
    sealer = tokens((FIRST, 0))
    assert sealer.open(around.format(sealer.seal(Revision(1)))) is None


def test_a_token_from_before_a_restore_holds_as_far_as_the_backup_went() -> None:
    before, after = tokens((FIRST, 0)), tokens((FIRST, 0), (SECOND, 120))
    assert after.open(before.seal(Revision(120))) == 120
    with pytest.raises(InvalidArgumentError) as undone:
        after.open(before.seal(Revision(121)), "as_of.facts_token")
    assert (undone.value.reason, undone.value.field) == ("FACTS_TOKEN_UNDONE", "as_of.facts_token")
    assert after.open(after.seal(Revision(121))) == 121


def test_a_second_restore_from_the_same_backup_undoes_what_followed_the_first() -> None:
    first, again = tokens((FIRST, 0), (SECOND, 120)), tokens((FIRST, 0), (THIRD, 120))
    for revision in (120, 130):  # the number alone may be there again, as another
        with pytest.raises(InvalidArgumentError):
            again.open(first.seal(Revision(revision)))


def test_each_later_restore_bounds_what_is_left() -> None:
    twice = tokens((FIRST, 0), (SECOND, 120), (THIRD, 100))
    first, second = tokens((FIRST, 0)), tokens((FIRST, 0), (SECOND, 120))
    assert twice.open(first.seal(Revision(100))) == 100
    for older in (first.seal(Revision(110)), second.seal(Revision(130))):
        with pytest.raises(InvalidArgumentError):
            twice.open(older)


def test_a_store_has_an_epoch_from_its_first_day_and_begins_others(url: str) -> None:
    with FactStore(url, stream_id="control-1") as store:
        put(store, vera)
    before = read(url)
    assert [after for _, after in before.began] == [0]
    engine = writing_engine(url)
    with engine.begin() as connection:
        epoch = begin_epoch(connection)
    engine.dispose()
    after = read(url)
    assert after.began == (*before.began, (epoch, Revision(1)))
    assert after.current == epoch != before.current
    with FactStore(url, stream_id="control-1") as store:
        assert put(store, adam) == 2


def read(url: str) -> Epochs:
    reader = FactsReader(url)
    try:
        return Epochs.read(reader)
    finally:
        reader.close()
