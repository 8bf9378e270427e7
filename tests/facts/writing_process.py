"""A process that writes revisions, one after the other, and says which were acknowledged.

Run as `python -m tests.facts.writing_process URL`, and killed.
"""

from __future__ import annotations

import itertools
import os
import sys

from policy_service.facts.store import FactStore
from policy_service.model.facts import Record, RecordId
from tests.facts.world import POLICE, change, entry


def main(url: str) -> None:
    with FactStore(url, stream_id="control-1") as store:
        for number in itertools.count(store.head() + 1):
            record = Record(RecordId(f"r{number}"), POLICE, f"CR/{number}", "case")
            written = store.write(change(record), lambda revision: entry(revision) * 200)
            os.write(1, f"{written.revision}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
