"""NEVER MORE, OF ITS EPOCH: what is noted of the log's streams."""

from __future__ import annotations

from sqlalchemy import text

from policy_service.facts.connect import writing_engine
from policy_service.facts.epochs import begin_epoch
from policy_service.facts.noted_streams import NotedStream, note, noted


def test_no_more_is_noted_than_was_and_a_restore_makes_it_void(url: str) -> None:
    engine = writing_engine(url)
    with engine.begin() as connection:
        (epoch,) = connection.execute(text("SELECT epoch FROM head")).one()
        note(connection, [NotedStream("b", "worker-0", 5), NotedStream("a", "control", 7)])
        note(connection, [NotedStream("b", "worker-0", 4), NotedStream("a", "control", 9)])
        assert noted(connection, epoch) == (
            NotedStream("a", "control", 9),
            NotedStream("b", "worker-0", 5),
        )
        begin_epoch(connection)
        (later,) = connection.execute(text("SELECT epoch FROM head")).one()
        assert noted(connection, later) == ()
        note(connection, [NotedStream("b", "worker-0", 1)])
        assert noted(connection, later) == (NotedStream("b", "worker-0", 1),)
    engine.dispose()
