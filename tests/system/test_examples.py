"""The examples run as examples/README.md says, against a real service, and print what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.service import CHECKOUT, Service, serving
from tests.system.test_readme import Block, blocks, prints, run

EXAMPLES = CHECKOUT / "examples"
PYTHON, JAVASCRIPT = EXAMPLES / "python" / "ask.py", EXAMPLES / "javascript" / "ask.js"

pytestmark = pytest.mark.xdist_group("examples")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("examples") / "var") as started:
        yield started


def block_of(example: Path) -> Block:
    """The block of README that runs it."""
    (found,) = [b for b in blocks(EXAMPLES / "README.md") if str(example.relative_to(CHECKOUT)) in b.text]
    return found


def assert_prints_what_is_shown(example: Path, service: Service) -> None:
    block = block_of(example)
    result = run(block, service)
    assert (result.returncode, result.stderr) == (0, "")
    assert block.shown
    assert prints(result.stdout, block.shown), result.stdout


def test_from_python(service: Service) -> None:
    assert_prints_what_is_shown(PYTHON, service)


def test_from_javascript(service: Service) -> None:
    if not (JAVASCRIPT.parent / "node_modules" / ".package-lock.json").exists():
        pytest.skip("examples/javascript has no packages: `make javascript` gets them from an npm registry")
    assert_prints_what_is_shown(JAVASCRIPT, service)


def test_both_show_the_same_three_questions() -> None:
    """See, send and several: a permit, denials, an error, and what is owed."""
    assert block_of(PYTHON).shown == block_of(JAVASCRIPT).shown
    for seen in ("\nsend\n", ": permit\n", "deny NOT_LIVING_TOGETHER\n", "one of several\n  NO_FIELD: "):
        assert seen in block_of(PYTHON).shown


@pytest.mark.parametrize("example", [PYTHON, JAVASCRIPT], ids=lambda example: example.suffix)
def test_each_is_one_short_file(example: Path) -> None:
    assert len(example.read_text().splitlines()) < 60
