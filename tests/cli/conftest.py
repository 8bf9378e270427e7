"""A fake service, a folder with tokens, and a way to type commands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.cli.example.world import read_world
from policy_service.cli.shipped import shipped
from tests.cli.policy_library import CASE, TEXTS, Library
from tests.support.fake_service import FakeService, running
from tests.support.typing_here import type_here

ADMIN, POLICE, TRUST = "psk_admin_a", "psk_police_b", "psk_trust_c"

TO_A_PROGRAM = {"COLUMNS": ""}
"""The environment of a command whose output no person reads."""


@dataclass(frozen=True)
class Typed:
    """What a command did: its exit code, and what it wrote where; `err` without breaks in a sentence."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Terminal:
    """Types `policy-service` in this process, with the addresses of a service and a folder of its own."""

    address: str
    var_dir: Path
    control_address: str = ""
    """Where it is another, as it is of all but the fake."""

    def __call__(
        self,
        *args: str,
        before: tuple[str, ...] = (),
        env: Mapping[str, str | None] | None = None,
        stdin: str | None = None,
    ) -> Typed:
        """Run a command; `before` are global options, which stand before it."""
        addresses = ("--address", self.address, "--control-address", self.control_address or self.address)
        words = [*addresses, "--var-dir", str(self.var_dir), *before, *args]
        code, out, err = type_here(words, {"COLUMNS": "80", **(env or {})}, stdin)
        return Typed(code, out, re.sub(r"\n {7}(?=\S)", " ", err))


@pytest.fixture
def fake() -> Iterator[FakeService]:
    with running() as service:
        yield service


@pytest.fixture
def terminal(fake: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("POLICY_SERVICE_TOKEN", "POLICY_SERVICE_CONTROLLER", "POLICY_SERVICE_VAR_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tokens").mkdir()
    (tmp_path / "admin.token").write_text(f"{ADMIN}\n")
    (tmp_path / "tokens" / "police-records.token").write_text(f"{POLICE}\n")
    (tmp_path / "tokens" / "nhs-letters.token").write_text(f"{TRUST}\n")
    return Terminal(fake.address, tmp_path)


def give_every_token(terminal: Terminal) -> None:
    """Let the folder hold a token of each of the example world's systems, as after `example load`."""
    for world in read_world(shipped("examples", "world")):
        for system in world.systems:
            path = terminal.var_dir / "tokens" / f"{system.name}.token"
            if not path.exists():
                path.write_text(f"psk_{system.name}_d\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "set"
    for name, text in {**TEXTS, **CASE, "README.md": "no policy"}.items():
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_bytes(text.encode())
    return found


@pytest.fixture
def library(fake: FakeService) -> Library:
    found = Library([{"b.yaml": "uid: b\n"}])
    found.published.append(next(iter(found.by_id)))
    fake.answers |= {
        "PolicyService/Diff": found.diff,
        "PolicyService/PutSet": found.put,
        "PolicyService/Publish": found.publish,
        "PolicyService/Rollback": found.rollback,
        "PolicyService/GetSet": found.get,
        "PolicyService/ListSets": found.list,
        "PolicyService/Validate": lambda request: pb.PolicyServiceValidateResponse(
            checked=len(request.documents) + len(request.base_types) + len(request.messages)
        ),
        "PolicyService/Test": lambda request: pb.PolicyServiceTestResponse(
            checked=len(request.documents) + len(request.cases), tried=3, uncovered=2
        ),
    }
    return found
