"""The key file: made once, whole, readable by nobody else."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from policy_service.facts.key_file import load_or_create_key
from policy_service.model.errors import UnavailableError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "fingerprints.key"


def test_a_key_is_made_once_and_closed_to_others(path: Path) -> None:
    previous = os.umask(0)
    try:
        key = load_or_create_key(path)
    finally:
        os.umask(previous)
    assert len(key) == 32
    assert load_or_create_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_two_keys_are_not_equal(tmp_path: Path) -> None:
    assert load_or_create_key(tmp_path / "one") != load_or_create_key(tmp_path / "other")


def test_processes_that_start_at_once_get_the_same_key(path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(load_or_create_key, [path] * 64))) == 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o666])
def test_a_key_that_others_can_reach_is_refused(path: Path, mode: int) -> None:
    load_or_create_key(path)
    path.chmod(mode)
    with pytest.raises(UnavailableError) as refused:
        load_or_create_key(path)
    assert refused.value.reason == "KEY_FILE_UNSAFE"


@pytest.mark.parametrize("content", [b"", b"k" * 31, b"k" * 33])
def test_what_is_no_key_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UnavailableError):
        load_or_create_key(path)
    assert path.read_bytes() == content


def test_what_is_no_file_of_ours_is_refused(path: Path, tmp_path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(UnavailableError):
        load_or_create_key(path)
    target = tmp_path / "target"
    target.write_bytes(b"k" * 32)
    target.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(UnavailableError):
        load_or_create_key(link)
    with pytest.raises(UnavailableError):
        load_or_create_key(target / "below-a-file")
