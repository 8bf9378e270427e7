"""2,000 policies, the measure of the design, with cases: pushed, decided by, and pulled again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.server.calling import Client
from tests.support.asking import DENY, PERMIT, check
from tests.support.installation import POLICIES
from tests.support.publishing import withholding
from tests.support.running import running
from tests.support.shipped import POLICY_SET as SHIPPED
from tests.system.conftest import opened
from tests.system.service import PROGRAM, typed

MANY = 2_000
SECONDS = 400.0
"""For all of a push together, on a machine that others share."""
ROLE = """\
uid: own.basis.role_{number}
title: What those in role {number} may be told, as the organisation's scheme of delegation has it
gate: disclosure
tier: basis
reason: CONTRACT
tell: staff
owner: privacy-office
policy:
  rules:
    subject:
      $.roles: {{condition: AnyIn, values: [role_{number}]}}
    resource:
      $.categories: {{condition: AllIn, values: [finance]}}
"""


def many(folder: Path) -> dict[str, bytes]:
    """What ships with its cases, one policy that denies, and as many more as make 2,000; by their paths."""
    texts = {
        file.relative_to(POLICIES).as_posix(): file.read_bytes() for file in sorted(POLICIES.rglob("*.yaml"))
    }
    texts |= {name: text.encode() for name, text in withholding("health.summary").items()}
    for number in range(MANY - len(SHIPPED.documents) - 1):
        texts[f"own/roles/{number}.yaml"] = ROLE.format(number=number).encode()
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    return texts


@pytest.mark.torture  # a minute: each policy is parsed by control several times, and by the worker
def test_two_thousand_policies_are_pushed_with_their_cases_and_pulled(tmp_path: Path) -> None:
    texts = many(tmp_path / "set")
    with running(tmp_path / "var") as service:
        clinic = opened(service)
        command = [str(PROGRAM), "--control-address", f"127.0.0.1:{service.control_port}"]
        command += ["--token-file", str(tmp_path / "var/admin.token"), "--timeout", str(SECONDS), "policies"]
        assert check(clinic.worker, clinic.token).effect == PERMIT

        pushed = typed([*command, "push", str(tmp_path / "set"), "--yes", "--json"], seconds=SECONDS)

        assert pushed.returncode == 0, (pushed.stdout[-2_000:], pushed.stderr)
        assert json.loads(pushed.stdout)["published"] is True
        with Client(service.decision_port) as worker:
            assert check(worker, clinic.token, seconds=60.0).effect == DENY
        pulled = typed([*command, "pull", str(tmp_path / "pulled"), "--cases"])
        assert pulled.returncode == 0, pulled.stderr
        there = sorted((tmp_path / "pulled").rglob("*.yaml"))
        assert {
            file.relative_to(tmp_path / "pulled").as_posix(): file.read_bytes() for file in there
        } == texts
        listed = json.loads(typed([*command, "sets", "--json"]).stdout)["policySets"]
        (tried,) = [each["tried"] for each in listed if each["isPublished"]]
        assert tried > 400
