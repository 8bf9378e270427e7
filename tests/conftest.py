"""How hard the property tests try: in `make test` each for a moment, in `make fuzz` for long. And the end."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from tests.support.replaying import Replayed, replay_all
from tests.support.session_end import undone_at_session_end

_REPLAYED: Final = "replayed"
_replayed = Replayed()
"""What came of the decisions of this process's tests, and of those of its workers."""

# Machines are shared: how long one example takes says nothing. The same examples each time, so that a
# change is what a failure tells of; new ones are looked for by `make fuzz`.
settings.register_profile("test", deadline=None, derandomize=True, database=None)
settings.register_profile("fuzz", deadline=None, max_examples=20_000, suppress_health_check=list(HealthCheck))
settings.load_profile("test")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for processes most begins first, so that at the end nobody waits for one that is left."""
    first = ("system", "server", "promises")
    here = Path(__file__).parent
    items.sort(key=lambda item: _place(item.path.relative_to(here).parts[0], first))


def _place(folder: str, first: Sequence[str]) -> int:
    return first.index(folder) if folder in first else len(first)


def pytest_collection_finish() -> None:
    """The collector need not look through thousands of tests again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests found worth telling (a property `told`), those in workers of pytest-xdist, too; and
    what came of their decisions (promise 4).
    """
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        for name, text in getattr(report, "user_properties", ()):
            if name == "told":
                terminalreporter.write_line(f"\n{report.nodeid}\n{text}")
    if _replayed.installations or _replayed.otherwise:
        terminalreporter.write_line(f"\n{_replayed.told}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In each worker of pytest-xdist, too: before it tells the controller that it has finished."""
    if exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        replayed = replay_all()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_REPLAYED] = asdict(replayed)
        _replayed.add(replayed)
    undone_at_session_end.close()
    if _replayed.otherwise:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the controller of pytest-xdist: a worker has finished."""
    _replayed.add(Replayed(**getattr(node, "workeroutput", {}).get(_REPLAYED, {})))
