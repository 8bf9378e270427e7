"""Many threads at once, with as many changes of thread as there can be."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence


def in_threads(works: Sequence[Callable[[], None]]) -> None:
    """Run `works` at once, with as many changes of thread as there can be."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
