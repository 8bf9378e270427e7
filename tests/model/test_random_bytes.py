"""No random byte is given twice."""

from __future__ import annotations

import os
import threading

import pytest

from policy_service.model.random_bytes import random_bytes


def test_each_is_of_its_length_and_another_one() -> None:
    given = [random_bytes(12) for _ in range(5_000)]
    assert {len(each) for each in given} == {12}
    assert len(set(given)) == len(given)


def test_threads_are_given_other_bytes() -> None:
    given: list[bytes] = []

    def take() -> None:
        mine = [random_bytes(12) for _ in range(2_000)]
        given.extend(mine)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == len(given) == 8_000


def test_a_forked_process_is_given_other_bytes() -> None:
    random_bytes(1)
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writable, random_bytes(32))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(readable, 32) != random_bytes(32)
    os.close(readable)
    os.close(writable)


def test_more_than_there_is_at_a_time_is_refused() -> None:
    assert len(random_bytes(4_096)) == 4_096
    with pytest.raises(ValueError, match="at most"):
        random_bytes(4_097)
