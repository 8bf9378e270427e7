"""`serve` where it cannot start, and what it says; where it can, `tests/system` watches it."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from pathlib import Path

import pytest

from policy_service.cli.first_steps import Running, commands_to_try, what_runs_where
from policy_service.server import supervisor
from policy_service.server.errors import FolderTakenError
from policy_service.server.only_one import LOCK, OnlyOne
from policy_service.server.settings import Settings
from tests.cli.conftest import Terminal
from tests.support.typing_here import type_here
from tests.system.service import PROGRAM, typed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--bind", "0.0.0.0"), "loopback"),
        (("--bind", "192.0.2.1"), "loopback"),
        (("--tls-certificate", "c.pem"), "tls_key"),
        (("--decision-port", "6001", "--control-port", "6001"), "differ"),
    ],
)
def test_settings_that_cannot_be_right(terminal: Terminal, arguments: tuple[str, ...], told: str) -> None:
    typed_ = terminal("serve", *arguments)
    assert typed_.code == 2
    assert told in typed_.err
    assert "POLICY_SERVICE_" in typed_.err
    assert not (terminal.var_dir / "facts.db").exists()


def test_a_setting_of_the_environment_that_cannot_be_right(terminal: Terminal) -> None:
    typed_ = terminal("serve", env={"POLICY_SERVICE_WORKERS": "none"})
    assert typed_.code == 2
    assert "`workers`" in typed_.err
    assert "none" not in typed_.err


@pytest.mark.parametrize(
    ("name", "told"),
    [("TLS_CERTIFCATE", "write `POLICY_SERVICE_TLS_CERTIFICATE`"), ("XYZ", "take it out")],
)
def test_a_variable_that_is_no_setting(terminal: Terminal, name: str, told: str) -> None:
    typed_ = terminal("serve", env={f"POLICY_SERVICE_{name}": "a-value"})
    assert typed_.code == 2
    assert f"`POLICY_SERVICE_{name}`" in typed_.err
    assert told in typed_.err
    assert "a-value" not in typed_.err
    assert not (terminal.var_dir / "facts.db").exists()


def test_what_kubernetes_says_of_a_service_of_this_name_is_passed_over(terminal: Terminal) -> None:
    of_kubernetes = ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT", "PORT_50051_TCP_ADDR")
    there = {f"POLICY_SERVICE_{name}": "tcp://192.0.2.1:50051" for name in of_kubernetes}
    typed_ = terminal("serve", "--bind", "0.0.0.0", env=there)
    assert typed_.code == 2
    assert "loopback" in typed_.err


def test_a_port_that_somebody_has(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = typed([str(PROGRAM), "serve", "--var-dir", str(tmp_path), "--control-port", port])
    assert result.returncode == 4
    assert port in result.stderr
    for how in ("--decision-port", "--control-port", "_DECISION_PORT", "_CONTROL_PORT"):
        assert how in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_folder_that_another_service_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said at once, and nothing is started; where the facts are elsewhere, the folder may be shared."""
    there = OnlyOne(Settings(var_dir=tmp_path))
    there.take()
    there.take()
    monkeypatch.setattr("policy_service.server.logs.set_up", lambda _: None)  # of this process, too
    monkeypatch.setattr(supervisor, "free_port", lambda *_: pytest.fail("it went on"))
    result = type_here(["serve", "--var-dir", str(tmp_path)], {"COLUMNS": ""})
    assert result[0] == 4
    told = result[2].splitlines()
    assert told[-2] == (
        f"error: cannot start: another service runs on the data in `{tmp_path}`: process {os.getpid()}"
    )
    assert f"`kill {os.getpid()}`" in told[-1]
    assert "--var-dir" in told[-1]
    for elsewhere in ("postgresql://127.0.0.1/facts", "no URL"):
        OnlyOne(Settings(var_dir=tmp_path, facts_url=elsewhere)).take()
    (tmp_path / LOCK).write_text(f"{os.getpid()} another-host")  # as in a container: that number is another's
    with pytest.raises(FolderTakenError) as taken:
        OnlyOne(Settings(var_dir=tmp_path)).take()
    assert taken.value.process_id is None
    there.leave()
    again = OnlyOne(Settings(var_dir=tmp_path))
    again.take()
    again.leave()


def test_a_folder_that_is_not_there_is_not_made_to_look_for_others(tmp_path: Path) -> None:
    OnlyOne(Settings(var_dir=tmp_path / "new")).take()
    assert not (tmp_path / "new").exists()


def test_a_log_of_another_program(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "minutes.db").write_text("the minutes of the last meeting\n" * 100)
    command = ["env", f"POLICY_SERVICE_LOG_URL=sqlite:///{other}", str(PROGRAM), "serve"]
    result = typed(
        [*command, "--var-dir", str(tmp_path / "var"), "--decision-port", "0", "--control-port", "0"]
    )
    assert result.returncode == 4
    assert "the decision log has tables that are not this service's" in result.stderr
    assert "POLICY_SERVICE_LOG_URL" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "var").exists()


def test_where_metrics_can_be_read_is_told() -> None:
    where = "127.0.0.1:1", "127.0.0.1:2", Path("var"), None
    told = what_runs_where(Running(*where, ("127.0.0.1:3",), "127.0.0.1:4", "http://127.0.0.1:4317"))
    assert told[-3:] == (
        "metrics     http://127.0.0.1:3/metrics  of the questions, for Prometheus",
        "metrics     http://127.0.0.1:4/metrics  of the management, for Prometheus",
        "telemetry   http://127.0.0.1:4317  gets traces and metrics",
    )
    assert [line.split()[0] for line in what_runs_where(Running(*where))][-1] == "your"


def test_several_workers_are_told() -> None:
    where = "127.0.0.1:1", "127.0.0.1:2", Path("var"), None
    told = what_runs_where(Running(*where, ("127.0.0.1:3", "127.0.0.1:4"), workers=2))
    assert told[0] == "questions   127.0.0.1:1  DecisionService, 2 workers"
    assert told[-2:] == (
        "metrics     http://127.0.0.1:3/metrics  of the questions, worker 0, for Prometheus",
        "metrics     http://127.0.0.1:4/metrics  of the questions, worker 1, for Prometheus",
    )


def test_the_defaults_need_no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(sys.executable).parents[2])
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    commands = commands_to_try(Running("127.0.0.1:50051", "127.0.0.1:50052", Path("var"), None))
    program = Path(sys.executable).parent.relative_to(Path.cwd()) / "policy-service"
    assert commands[0] == f"{program} demo"


def test_on_the_path_the_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    commands = commands_to_try(Running("127.0.0.1:50051", "127.0.0.1:50052", Path("var"), None))
    assert commands[0] == "policy-service demo"


def test_what_is_not_the_default_is_named_and_quoted() -> None:
    running = Running("[::1]:1", "[::1]:2", Path("/tmp/two words"), Path("ca.pem"))
    for command in commands_to_try(running):
        words = shlex.split(command)
        options = dict(zip(words[1::2], words[2::2], strict=False))
        assert options["--address"] == "[::1]:1"
        assert options["--control-address"] == "[::1]:2"
        assert options["--var-dir"] == "/tmp/two words"
        assert options["--tls-ca"] == "ca.pem"
    assert any("/tmp/two words" in line for line in what_runs_where(running))
