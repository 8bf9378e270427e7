"""What must be undone when the pytest session ends, in the order in which it was done, backwards.

`atexit` is too late for that: of a worker process of pytest-xdist the controller waits for the session alone,
and kills what goes on after it.
"""

from __future__ import annotations

from contextlib import ExitStack

undone_at_session_end = ExitStack()
"""Closed by `tests/conftest.py`."""
