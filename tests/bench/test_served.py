"""What the rows of the whole service rest on: what `serve` prints, and what the kernel counts."""

from __future__ import annotations

import json
import os
import time

from tests.bench.served import _lines, _said_until_ready
from tests.support.processes import stat_of


def test_what_serve_prints_is_read_until_it_is_ready() -> None:
    said = _said_until_ready(
        iter(["\n", "questions  127.0.0.1:1 (gRPC)\n", "management 127.0.0.1:2\n", "ready; x\n"])
    )
    assert said is not None
    assert (said["questions"], said["management"]) == ("127.0.0.1:1", "127.0.0.1:2")
    assert _said_until_ready(iter(["it ends\n"])) is None


def test_the_kernel_tells_a_process_its_parent_and_its_time() -> None:
    def ticks() -> int:
        return sum(map(int, stat_of(os.getpid())[11:13]))

    assert int(stat_of(os.getpid())[1]) == os.getppid()
    before, began = ticks(), time.process_time()
    while time.process_time() - began < 0.1:
        pass
    assert 5 <= ticks() - before <= 60


def test_each_person_of_the_file_is_another_with_two_contact_points() -> None:
    people = [json.loads(line) for line in _lines(range(50))]
    assert len({person["person"]["identifiers"][0] for person in people}) == 50
    assert all(len(person["contact_points"]) == 2 for person in people)
