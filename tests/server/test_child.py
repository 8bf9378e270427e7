"""What each process of the service does before it serves."""

from __future__ import annotations

import subprocess
import sys

_PREPARED = """
import sys
from policy_service.server.child import prepare_process
prepare_process()
print(sys.getswitchinterval())
"""


def test_a_thread_that_works_keeps_no_other_waiting_for_long() -> None:
    """A large call beside a small one, in the worker; a search beside a write, in control."""
    said = subprocess.run([sys.executable, "-c", _PREPARED], capture_output=True, text=True, check=True)
    assert float(said.stdout) <= 0.001
