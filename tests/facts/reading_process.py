"""A process that reads, as a worker does: for each reference that it is given, the head and how many have it.

Run as `python -m tests.facts.reading_process URL`.
"""

from __future__ import annotations

import sys

from policy_service.facts import keys
from policy_service.facts.reader import FactsReader
from tests.facts.world import POLICE


def main(url: str) -> None:
    reader = FactsReader(url)
    for line in sys.stdin:
        head = reader.head()
        key = keys.record(POLICE, line.strip())
        print(head, len(reader.load([key], head)[key]), flush=True)
    reader.close()


if __name__ == "__main__":
    main(sys.argv[1])
