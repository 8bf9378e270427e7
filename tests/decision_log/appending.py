"""`python -m tests.decision_log.appending URL`: appends until it is killed, and prints what it was told."""

from __future__ import annotations

import itertools
import sys

from policy_service.decision_log.entry import Appended
from policy_service.decision_log.stream import StreamWriter
from tests.decision_log.making import entries


def main(url: str) -> None:
    with StreamWriter.open(url, "worker-0") as writer:
        for number in itertools.count():
            group = entries(1 + number % 5)
            for entry, outcome in zip(group, writer.append(group), strict=True):
                assert isinstance(outcome, Appended)
                print(entry.id, outcome.index, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
