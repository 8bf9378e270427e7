"""Databases on PostgreSQL that one test after another may have as if each were new.

A new one costs the server some three hundred files, made now and removed at the end. What a test put into a
database is taken out of it instead, and it is used again, unless the test changed anything but rows: then it
is left, and the next test gets a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy.engine.url import make_url

from tests.support.postgres import postgres_url
from tests.support.replaying import is_replayed

_SHAPE: Final = """
    SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
      SELECT format('%s %s %s %s', c.relname, c.relkind, c.reloptions, c.relacl) FROM pg_class c
        WHERE relnamespace = 'public'::regnamespace
      UNION ALL
      SELECT format('%s %s %s %s %s', attrelid::regclass, attname, atttypid, attnotnull, attisdropped)
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0
      UNION ALL SELECT format('%s %s %s', tgrelid::regclass, pg_get_triggerdef(oid), tgenabled)
        FROM pg_trigger WHERE NOT tgisinternal
      UNION ALL SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
      UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      UNION ALL SELECT format('%s', setconfig) FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
      UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'
    ) AS lines (line)
"""
"""Of a database: all that is not rows."""
_TABLES: Final = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""
_SEQUENCES: Final = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
_CUT_OFF: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass
class Recycled:
    """Copies of one database, which nobody else may change."""

    template: str
    """Its URL."""
    _free: list[str] = field(default_factory=list)
    _as_it_was: _Content | None = None

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The URL of a database that is what the template is."""
        if self._as_it_was is None:
            self._as_it_was = _Content.of(self.template)
        url = self._free.pop() if self._free else postgres_url(copy_of=self.template)
        yield url
        if not is_replayed(url) and self._as_it_was.put_back(url):
            self._free.append(url)


@dataclass(frozen=True)
class _Content:
    shape: str
    tables: tuple[str, ...]
    rows: dict[str, bytes]
    """By table, as COPY gives them; of those that have any."""
    sequences: dict[str, int | None]

    @classmethod
    def of(cls, url: str) -> _Content:
        with _connected(url) as connection:
            tables = tuple(str(name) for (name,) in connection.execute(_TABLES))
            rows = {}
            for table in tables:
                with connection.cursor().copy(_named("COPY {} TO STDOUT", table)) as copy:
                    if content := b"".join(bytes(block) for block in copy):
                        rows[table] = content
            sequences = {str(name): _whole(last) for name, last in connection.execute(_SEQUENCES)}
            return cls(_shape(connection), tables, rows, sequences)

    def put_back(self, url: str) -> bool:
        """Whether the database holds these rows now, and nothing else of it was changed."""
        with _connected(url) as connection:
            connection.execute(_CUT_OFF)
            if _shape(connection) != self.shape:
                return False
            # No trigger and no foreign key is asked: the log's own refuse what is done here.
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(sql.SQL("; ").join(_named("DELETE FROM {}", table) for table in self.tables))
            for table, content in self.rows.items():
                with connection.cursor().copy(_named("COPY {} FROM STDIN", table)) as copy:
                    copy.write(content)
            for sequence, last in self.sequences.items():
                connection.execute(
                    "SELECT setval(%s::regclass, %s, %s)",
                    (f'public."{sequence}"', 1 if last is None else last, last is not None),
                )
        return True


def _connected(url: str) -> psycopg.Connection[tuple[object, ...]]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, connect_timeout=10)


def _shape(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    found = connection.execute(_SHAPE).fetchone()
    assert found is not None
    return str(found[0])


def _whole(value: object) -> int | None:
    assert value is None or isinstance(value, int)
    return value


def _named(text: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(text).format(sql.Identifier(table))
