"""The commands of policies/README.md run as they stand, in their order, and print what it shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.service import CHECKOUT, Service, environment, serving

README = CHECKOUT / "policies" / "README.md"

pytestmark = pytest.mark.xdist_group("readme")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("readme") / "var") as started:
        yield started


def blocks() -> Iterator[tuple[str, str, str]]:
    """Each block that does something: its language, its text, and what is shown of its output."""
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for (language, text), (after, shown) in zip(fences, [*fences[1:], ("", "")], strict=True):
        if language != "text":
            yield language, text, shown if after == "text" else ""


def run(text: str, service: Service, folder: Path) -> subprocess.CompletedProcess[str]:
    there = {
        "POLICY_SERVICE_ADDRESS": service.address,
        "POLICY_SERVICE_CONTROL_ADDRESS": service.control_address,
        "POLICY_SERVICE_VAR_DIR": str(service.var_dir),
        "PATH": f"{Path(sys.executable).parent}:{environment()['PATH']}",
    }
    return subprocess.run(
        ["bash", "-e", "-c", text],
        cwd=folder,
        env=environment() | there,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_block_runs_and_prints_what_is_shown(service: Service, tmp_path: Path) -> None:
    """One test, since a block may rest on those before it. A document is saved where its first line says."""
    shutil.copytree(CHECKOUT / "policies", tmp_path / "policies")
    assert run_all(service, tmp_path) == 10


def run_all(service: Service, tmp_path: Path) -> int:
    """Run every block in its order, and count them."""
    ran = 0
    for language, text, shown in blocks():
        if language == "yaml":
            file = tmp_path / text.splitlines()[0].removeprefix("# ")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
            continue
        assert language == "sh"
        result = run(text, service, tmp_path)
        assert result.stderr == "", text
        assert shown in result.stdout, text
        wrong = "problem" in shown or "no case in which" in shown
        assert result.returncode == (1 if wrong else 0), text
        ran += 1
    return ran


def test_every_file_that_is_named_is_there() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README.read_text("utf-8")):
        assert (README.parent / link).is_file(), link
