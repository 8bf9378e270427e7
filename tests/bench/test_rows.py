"""The table of what was measured is read on a terminal of 80 columns, and by scripts."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.bench.rows import WIDTH, Report


def test_everything_is_shown_in_80_columns(tmp_path: Path) -> None:
    report = Report(Console(width=WIDTH, file=io.StringIO()))
    report.say("load", "closed loop, 4 connections, 64 in flight (8 batches), one system, and [so] on")
    report.say("Check, 20 fields, described send: slowest and fastest round", "1,138, 1,146", "messages/s")
    report.at_least("BatchCheck, 50 records × 5 fields / Cerbos, 50 resources × 5 actions", 0.17, 7, "ratio")
    report.unmeasured("Check / Cerbos, 1 action", "not measured", 0.9, "ratio")
    report.show()

    assert isinstance(report.console.file, io.StringIO)
    lines = report.console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith("load: closed loop, 4 connections")
    text = " ".join(" ".join(lines).split())
    for told in ("and [so] on", "1,138, 1,146 messages/s", "0.17 ratio 7 no", "not measured"):
        assert told in text

    report.write(tmp_path / "bench.json")
    assert [row["met"] for row in json.loads((tmp_path / "bench.json").read_text())] == [
        None,
        None,
        False,
        None,
    ]


def test_who_waits_is_told_what_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with Report(Console(file=io.StringIO())).doing("round 1 of 3"):
        pass
    assert capsys.readouterr().err == "round 1 of 3\n"
