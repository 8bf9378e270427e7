"""How hard the property tests try: in `make test` each for a moment, in `make fuzz` for long. And the end."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.support.session_end import undone_at_session_end

# Machines are shared: how long one example takes says nothing. The same examples each time, so that a
# change is what a failure tells of; new ones are looked for by `make fuzz`.
settings.register_profile("test", deadline=None, derandomize=True, database=None)
settings.register_profile("fuzz", deadline=None, max_examples=20_000, suppress_health_check=list(HealthCheck))
settings.load_profile("test")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests found worth telling (a property `told`), those in workers of pytest-xdist, too."""
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        for name, text in getattr(report, "user_properties", ()):
            if name == "told":
                terminalreporter.write_line(f"\n{report.nodeid}\n{text}")


def pytest_sessionfinish() -> None:
    """In each worker of pytest-xdist, too: before it tells the controller that it has finished."""
    undone_at_session_end.close()
