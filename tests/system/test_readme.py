"""README's commands run as they stand, in their order, and print what README shows."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.service import CHECKOUT, Service, environment, serving

README = CHECKOUT / "README.md"

pytestmark = pytest.mark.xdist_group("readme")


@dataclass(frozen=True)
class Block:
    """A fenced block that is run, and what README shows of its output."""

    language: str
    text: str
    shown: str


def blocks(readme: Path = README) -> list[Block]:
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", readme.read_text(), re.MULTILINE | re.DOTALL)
    found: list[Block] = []
    for (language, text), (after, shown) in zip(fences, [*fences[1:], ("", "")], strict=True):
        if language != "text":
            found.append(Block(language, text, shown if after == "text" else ""))
    return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("readme") / "var") as started:
        yield started


def run(block: Block, service: Service) -> subprocess.CompletedProcess[str]:
    """Run a block in the checkout, as it is written but for where the service is and keeps its data."""
    text = (
        block.text.replace("127.0.0.1:50051", service.address)
        .replace("127.0.0.1:50052", service.control_address)
        .replace("var/", f"{service.var_dir}/")
        .replace("source .venv/bin/activate\n", "")  # the PATH below says the same
    )
    there = {
        "POLICY_SERVICE_ADDRESS": service.address,
        "POLICY_SERVICE_CONTROL_ADDRESS": service.control_address,
        "POLICY_SERVICE_VAR_DIR": str(service.var_dir),
        "PATH": f"{Path(sys.executable).parent}:{environment()['PATH']}",
    }
    command = [sys.executable, "-c", text] if block.language == "python" else ["bash", "-c", text]
    return subprocess.run(
        command,
        cwd=CHECKOUT,
        env=environment() | there,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def without_ids(text: str) -> str:
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "ID", text)


def prints(printed: str, shown: str) -> bool:
    """Tell whether what is shown is all that was printed, but for what a line `…` stands for."""
    pieces = without_ids(shown).split("…\n")
    rest = without_ids(printed)
    for number, piece in enumerate(pieces):
        at = rest.find(piece)
        if at < 0 or (number == 0 and at > 0):
            return False
        rest = rest[at + len(piece) :]
    return not shown or pieces[-1] == "" or not rest


def test_a_block_that_is_cut_says_so() -> None:
    assert prints("a\nb\nc\n", "a\nb\nc\n")
    assert prints("a\nb\nc\n", "…\nb\n…\n")
    assert prints("a\nb\nc\n", "a\n…\nc\n")
    assert prints("anything\n", "")
    for cut in ("a\n", "b\n…\n", "…\nb\n", "a\nc\n", "…\nc\n…\na\n…\n"):
        assert not prints("a\nb\nc\n", cut), cut


def test_every_make_target_exists() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z]+)\b", README.read_text()):
        assert re.search(rf"^{target}:.*##", makefile, re.MULTILINE), target


def test_every_block_runs_and_prints_what_is_shown(service: Service) -> None:
    """One test, since a block may rest on those before it."""
    found = [block for block in blocks() if not block.text.startswith("make ")]
    assert len(found) >= 6
    for block in found:
        result = run(block, service)
        assert result.stderr == "", block.text
        assert prints(result.stdout, block.shown), block.text
        assert result.returncode == 0 or "deny" in block.shown, block.text


def test_the_client_librarys_block_prints_what_is_shown(service: Service) -> None:
    (block,) = blocks(CHECKOUT / "policy_service" / "client" / "README.md")
    result = run(block, service)
    assert (result.stderr, result.stdout) == ("", block.shown)


def test_every_file_that_is_named_is_there() -> None:
    text = README.read_text()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (CHECKOUT / link).is_file(), link


def test_every_promise_has_tests_of_its_name() -> None:
    """Each promise that README says holds; what is not there yet has nothing to test."""
    names = {path.name for path in (CHECKOUT / "tests").rglob("test_promise_*.py")}
    for number, today in re.findall(r"^\| (\d) \|.*\| ([^|]+) \|$", README.read_text(), re.MULTILINE):
        if today.startswith("holds"):
            assert any(name.startswith(f"test_promise_{number}_") for name in names), number
