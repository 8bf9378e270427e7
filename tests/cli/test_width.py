"""Whatever a service answers, no command prints a line of more than 80 columns, but for what is copied."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass

from policy_service.api.v1 import decision_pb2
from policy_service.cli.shipped import shipped
from tests.cli.conftest import Terminal, give_every_token
from tests.cli.test_help import OF_NO_SERVICE, examples
from tests.cli.test_past import READINGS
from tests.support.fake_service import SERVICES, FakeService, Refusal
from tests.support.filled import WORDS, fill

WIDTH = 80
COPIED = re.compile(
    r" *policy-service "  # a command
    rf"|[ +-]?{WORDS}"  # a line of a file, or of what differs in it
    r"|  in rules: |  e\.g\. "  # of an attribute
    r"| */\S+$"  # the name of a file
)
"""What may be longer, since it is there to be copied."""
OF_ITS_OWN = re.compile(rf"{OF_NO_SERVICE.pattern}| (demo|example load)\b")
"""They ask no service, or answer for a whole world."""
LINES = sorted(
    {line.removeprefix("policy-service ") for line in examples() if not OF_ITS_OWN.search(line)}
    | {shlex.join((*line, *(() if line[0] == "policies" else ("--controller", "c")))) for line in READINGS}
    | {"people history s:1 --controller c", "log show ID --controller c"}
)
KNOWN: dict[str, dict[str, Any]] = {
    "PolicyService/ListSets": {"policy_sets.is_published": False},
    "AccessService/ListSystems": {"systems.name": "police-records"},
    "PolicyService/ListAttributes": {"attributes.path": "recipient.adverse", "attributes.gates": "delivery"},
    "PolicyService/GetSet": {"files.name": "a.yaml", "cases.name": "b.yaml"},
    "PeopleService/Import": {"imported.refused.index": 0},
    "RecordService/Import": {"imported.refused.index": 0},
}
"""What a command looks for in an answer, or it would print nothing else of it."""


def filled(method: Any) -> Callable[[Any], Any]:
    """An answer of a method with something in every field."""
    name = f"{method.containing_service.name}/{method.name}"
    answer = fill(GetMessageClass(method.output_type)(), KNOWN.get(name, {}))
    if method.name == "Follow":
        return lambda _: ended_after(answer)
    return lambda _: [answer] if method.server_streaming else answer


def ended_after(answer: Any) -> Iterator[Any]:
    """A stream that is followed for ever, if nobody refuses to go on with it."""
    yield answer
    raise Refusal(grpc.StatusCode.PERMISSION_DENIED)


def too_wide(text: str) -> list[str]:
    return [line for line in text.splitlines() if len(line) > WIDTH and not COPIED.match(line)]


def test_no_line_is_wider_than_the_terminal(
    terminal: Terminal, fake: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One test, since it takes longer to start a service than to type a line."""
    for module in (decision_pb2, *SERVICES):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                fake.answers[f"{service.name}/{method.name}"] = filled(method)
    for name in ("examples", "policies"):
        (tmp_path / name).symlink_to(shipped(name))
    give_every_token(terminal)
    (tmp_path / "auditor.token").write_text("psk_any_t\n")
    monkeypatch.chdir(tmp_path)
    wrong = {}
    for line in LINES:
        words = [{"crm": "police-records"}.get(word, word) for word in shlex.split(line)]
        if "--out" in words:
            Path(words[words.index("--out") + 1]).unlink(missing_ok=True)
        typed = terminal(*words)
        if not typed.out or "a fault in this program" in typed.err:
            wrong[line] = [typed.err]
        elif "--json" not in words and (wide := too_wide(typed.out)):
            wrong[line] = wide
    assert wrong == {}
