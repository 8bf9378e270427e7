"""What `serve` prints when it is ready: what runs where, and commands that can be copied as they stand."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULTS: Final = {"--address": "127.0.0.1:50051", "--control-address": "127.0.0.1:50052", "--var-dir": "var"}

_TRY: Final = (
    ("demo",),
    (
        *("check", "--as", "police-records", "--user", "o.manager", "--record", "OM-1001"),
        *("--field", "subject.name", "--field", "enquiry.made_by"),
    ),
    ("requests", "list", "--controller", "example-police"),
)


@dataclass(frozen=True, slots=True)
class Running:
    """Where a service runs."""

    address: str
    control_address: str
    var_dir: Path
    tls_ca: Path | None
    decision_prometheus: Sequence[str] = ()
    """Where each decision worker's metrics can be read, `host:port`; or nothing."""
    control_prometheus: str = ""
    """The same of the management."""
    otlp_endpoint: str = ""
    """Where traces and metrics are sent, or empty."""
    workers: int = 1
    """How many decision workers answer questions."""


def what_runs_where(running: Running) -> Sequence[str]:
    """Tell where to call and where things are, a line each."""
    workers = f", {running.workers} workers" if running.workers > 1 else ""
    each = running.decision_prometheus
    of_questions = [
        (at, f"questions, worker {n}" if len(each) > 1 else "questions") for n, at in enumerate(each)
    ]
    return (
        f"questions   {running.address}  DecisionService{workers}",
        f"management  {running.control_address}  requests, people, records, access, policies, log",
        f"data        {running.var_dir.absolute()}",
        f"your token  {_administrators(running.var_dir / 'admin.token')}",
        *(
            f"metrics     http://{address}/metrics  of the {whose}, for Prometheus"
            for address, whose in (*of_questions, (running.control_prometheus, "management"))
            if address
        ),
        *([f"telemetry   {running.otlp_endpoint}  gets traces and metrics"] if running.otlp_endpoint else []),
    )


def _administrators(token: Path) -> str:
    """Where the first administrator's token is; after a restore elsewhere there is no such file."""
    return str(token) if token.exists() else f"not in {token}: the one that you have from before"


def commands_to_try(running: Running) -> Sequence[str]:
    """Give command lines that work from this folder, against this service."""
    options = {
        "--address": running.address,
        "--control-address": running.control_address,
        "--var-dir": str(running.var_dir),
    }
    words = [_program()]
    for name, value in options.items():
        if value != DEFAULTS[name]:
            words += [name, value]
    if running.tls_ca is not None:
        words += ["--tls-ca", str(running.tls_ca)]
    return [shlex.join([*words, *command]) for command in _TRY]


def _program() -> str:
    """Name this program so that a shell finds it: by its name if that is on the PATH, else by where it is."""
    name = "policy-service"
    here = Path(sys.executable).parent / name
    found = shutil.which(name)
    if found and Path(found).resolve() == here.resolve():
        return name
    if not here.exists():
        return f"{sys.executable} -m policy_service"
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)
