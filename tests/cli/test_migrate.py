"""`migrate`: brings both databases here, tells how far they are, and leaves alone what is not its own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.connect import WriterLock
from policy_service.facts.schema import newest
from tests.cli.conftest import Terminal
from tests.support.postgres import postgres_url


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, terminal: Terminal) -> dict[str, str]:
    """The environment in which the databases are empty."""
    if request.param == "sqlite":
        return {}
    return {"POLICY_SERVICE_FACTS_URL": postgres_url(), "POLICY_SERVICE_LOG_URL": postgres_url()}


def meddle(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
        connection.commit()


def test_empty_databases_are_made(terminal: Terminal, where: dict[str, str]) -> None:
    checked = terminal("migrate", "--check", "--json", env=where)
    assert checked.code == 1
    assert {each["state"] for each in checked.json.values()} == {"empty"}
    assert not (terminal.var_dir / "facts.db").exists()
    told = " ".join(terminal("migrate", "--check", env=where).out.split())
    assert f"if something should be there, check --var-dir (`{terminal.var_dir}`)" in told

    typed = terminal("migrate", env=where)
    assert typed.code == 0
    assert f"none → {newest()}" in typed.out
    again = terminal("migrate", "--json", env=where)
    assert again.code == 0
    assert {each["state"] for each in again.json.values()} == {"current"}
    assert again.json["facts"]["before"] == again.json["facts"]["after"] == newest()
    checked = terminal("migrate", "--check", env=where)
    assert checked.code == 0
    assert "should be there" not in checked.out


def test_facts_and_log_may_share_a_database(terminal: Terminal) -> None:
    url = postgres_url()
    where = {"POLICY_SERVICE_FACTS_URL": url, "POLICY_SERVICE_LOG_URL": url}
    assert terminal("migrate", env=where).code == 0
    assert terminal("migrate", "--check", env=where).code == 0


def test_a_store_of_a_later_version_is_named_and_left_alone(terminal: Terminal) -> None:
    assert terminal("migrate").code == 0
    facts = terminal.var_dir / "facts.db"
    meddle(facts, "UPDATE facts_schema SET version_num = 'r9999'")
    expanded = terminal("migrate")
    assert expanded.code == 0, "it says that this version may go on"
    assert "expanded" in expanded.out
    meddle(facts, "UPDATE head SET oldest_reader = 'r9999'")
    assert terminal("migrate", "--check").code == 1
    refused = terminal("migrate")
    assert refused.code == 2
    assert "nothing was migrated" in refused.err
    assert "install the version that migrated it" in refused.err


def test_a_database_of_another_project_is_named_and_left_alone(terminal: Terminal) -> None:
    url = f"sqlite:///{terminal.var_dir / 'customers.db'}"
    meddle(terminal.var_dir / "customers.db", "CREATE TABLE customers (name TEXT)")
    before = (terminal.var_dir / "customers.db").read_bytes()
    refused = terminal("migrate", env={"POLICY_SERVICE_FACTS_URL": url})
    assert refused.code == 2
    assert "check its URL" in refused.err
    assert (terminal.var_dir / "customers.db").read_bytes() == before
    assert not (terminal.var_dir / "log").exists(), "the other database was left alone, too"


def test_a_directory_with_another_database_is_no_log(terminal: Terminal) -> None:
    assert terminal("migrate").code == 0
    refused = terminal("migrate", env={"POLICY_SERVICE_LOG_URL": f"sqlite:///{terminal.var_dir}"})
    assert refused.code == 2
    assert "the decision log has tables that are not this service's" in refused.err


@pytest.mark.parametrize(
    "url", ["mysql://root@127.0.0.1/facts", "nonsense", "postgresql://u:secret@127.0.0.1:1/facts"]
)
def test_a_url_that_leads_nowhere(terminal: Terminal, url: str) -> None:
    typed = terminal("migrate", env={"POLICY_SERVICE_FACTS_URL": url})
    assert typed.code == 4
    assert "POLICY_SERVICE_FACTS_URL" in typed.err
    assert "secret" not in typed.err


def test_a_store_that_a_service_writes_is_waited_for_and_then_left(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_service.facts.connect.WAIT_SECONDS", 0.1)
    assert terminal("migrate").code == 0
    meddle(terminal.var_dir / "facts.db", "UPDATE facts_schema SET version_num = 'r0003'")
    lock = WriterLock(terminal.var_dir / "facts.db")
    try:
        typed = terminal("migrate")
        assert typed.code == 4
        assert "another process writes" in typed.err
    finally:
        lock.release()


def test_an_old_stream_of_the_log_is_brought_here(terminal: Terminal) -> None:
    with StreamWriter.open(f"sqlite:///{terminal.var_dir / 'log'}", "worker-3"):
        pass
    file = terminal.var_dir / "log" / "worker-3.db"
    meddle(file, "DROP TABLE log_schema")
    meddle(file, "UPDATE log_version SET version_num = '0001'")
    assert terminal("migrate", "--check", "--json").json["log"]["state"] == "too old"
    assert "0001 → 0002" in terminal("migrate").out
