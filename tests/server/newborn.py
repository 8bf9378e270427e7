"""A child of the nursery that does what the number says, with nothing of the service."""

from __future__ import annotations

import os
import sys
import time

from policy_service.server.role import Role

SLEEPS, TALKS, ENDS, BEATS = range(4)
HEAP = [{"number": number} for number in range(100_000)]
"""A fork copies its tables, and a birth takes a moment."""


def main(_: Role, number: int) -> int:
    match number:
        case n if n == TALKS:
            os.write(1, b'{"ready": true}\n' + b"x" * 140_000 + b'\n{"serving": true}\n')
            return TALKS
        case n if n == ENDS:
            return ENDS
        case n if n == BEATS:
            while True:
                os.write(1, b'{"ready": true, "serving": true}\n')
                time.sleep(0.1)
        case _:
            time.sleep(60)
            sys.exit("nobody ended it")
