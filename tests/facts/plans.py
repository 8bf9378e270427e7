"""How a store would answer: the plans of statements."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select

from policy_service.facts.connect import loading_engine, sqlite_path

_ANY_TABLE_MAY_BE_LARGE = (
    "SET TRANSACTION READ WRITE",  # which nobody commits
    "UPDATE pg_class SET relpages = 0, reltuples = -1 WHERE relnamespace = 'public'::regnamespace",
    """
    DELETE FROM pg_statistic USING pg_class
        WHERE starelid = pg_class.oid AND relnamespace = 'public'::regnamespace
    """,
    "SET LOCAL enable_seqscan = off",
)
"""In a table that autovacuum has found to be of one page, every index is as good as any other."""


def plans(url: str, *statements: Select[*tuple[Any, ...]]) -> list[str]:
    """The plan of each, a line for a step, as if tables were not as small as they are in tests."""
    engine = loading_engine(url, connections=1)
    with engine.connect() as connection:
        if sqlite_path(url) is None:
            for setting in _ANY_TABLE_MAY_BE_LARGE:
                connection.exec_driver_sql(setting)
        found = [_plan(connection, statement) for statement in statements]
    engine.dispose()
    return found


def _plan(connection: Connection, statement: Select[*tuple[Any, ...]]) -> str:
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    words = str(statement.compile(connection.engine, compile_kwargs={"literal_binds": True}))
    rows = connection.exec_driver_sql(explain + words.replace("%", "%%"))
    return "\n".join(str(row[-1]) for row in rows)
