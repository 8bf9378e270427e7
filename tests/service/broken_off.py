"""A backup or a restore that stops at a named step and waits there to be killed.

`tests.support.forking` starts it, or `python -m` with `backup|restore FACTS LOG DIRECTORY STEP`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.restore import FactsRestore
from policy_service.service import backup, restore
from policy_service.service.backup import back_up
from tests.service.backing_up import KEY, Pair, quiet

RESTORE_STEPS: dict[str, tuple[Any, str]] = {
    "before the facts": (FactsRestore, "load"),
    "before the log": (restore, "_add_streams"),
    "within the log": (StreamWriter, "finish"),
    "before the last step": (FactsRestore, "finish"),
}


def stopping(*_: object, **__: object) -> None:
    print("here", flush=True)
    time.sleep(600)


def within(call: Callable[[], object], owner: Any, name: str) -> None:
    with mock.patch.object(owner, name, stopping):
        call()


def start(what: str, facts: str, log: str, directory: str, step: str) -> None:
    """`what` is `backup` or `restore`."""
    pair = Pair(facts, log)
    if what == "backup":
        within(lambda: back_up(facts, log, KEY, Path(directory), quiet), backup, "write_manifest")
    else:
        within(lambda: pair.restore(Path(directory)), *RESTORE_STEPS[step])


if __name__ == "__main__":
    start(*sys.argv[1:])
