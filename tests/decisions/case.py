"""A decision case: facts, a question, the answer, the log entry it leaves, and a twin in which one fact
differs.

A case is YAML, strictly parsed. `facts` are the API's own messages as in the example world, `ask` is a
CheckRequest. Whatever is written `<like this>` is a name of the case's own: each run gives it another value,
so that nothing can depend on a name.
"""

from __future__ import annotations

import copy
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

CASES = Path(__file__).parent / "cases"

_NAME = re.compile(r"<([A-Za-z0-9_.\- ]+)>")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExpectedCell(_Strict):
    field: str
    effect: str
    party: str = ""
    recipient: int = 0
    reason: str = ""
    envelope: bool = False


class ExpectedObligation(_Strict):
    kind: str
    fields: tuple[str, ...] = ()
    recipients: tuple[int, ...] = ()
    parameters: dict[str, str] = {}


class ExpectedEntry(_Strict):
    """What the auditor finds: the true reason of each cell, row by row, and more where the case says so."""

    reasons: tuple[str, ...]
    cause: str = ""
    alerts: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


class Expected(_Strict):
    effect: str
    cells: tuple[ExpectedCell, ...]
    reason: str = ""
    obligations: tuple[ExpectedObligation, ...] = ()
    log: ExpectedEntry


class Twin(_Strict):
    differs: str
    set: dict[str, Any]
    answer: Expected


class Facts(_Strict):
    controller: str
    record_types: tuple[dict[str, Any], ...] = ()
    artefact_types: tuple[dict[str, Any], ...] = ()
    people: tuple[dict[str, Any], ...] = ()
    contact_points: tuple[dict[str, Any], ...] = ()
    relationships: tuple[dict[str, Any], ...] = ()
    records: tuple[dict[str, Any], ...] = ()
    users: tuple[dict[str, Any], ...] = ()
    requests: tuple[dict[str, Any], ...] = ()
    systems: tuple[dict[str, Any], ...]


class Case(_Strict):
    title: str
    source: str
    facts: Facts
    system: str
    ask: dict[str, Any]
    answer: Expected
    twin: Twin


@dataclass(frozen=True, slots=True)
class Run:
    """One case or twin with its names given."""

    case: Case
    expected: Expected


def case_names() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.yaml"))


def read_run(name: str, *, twin: bool, tag: str, renamed: bool) -> Run:
    """Read a case with names of its own for this run. `renamed`: every name is another word, not only
    tagged.
    """
    text = (CASES / f"{name}.yaml").read_text("utf-8")

    def named(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.startswith("uprn-"):  # a number of at most twelve digits
            return str(int(hashlib.sha256(f"{name} {tag}".encode()).hexdigest(), 16) % 10**12)
        word = f"n{hashlib.sha256(name.encode()).hexdigest()[:10]}" if renamed else name
        return f"{word}_{tag}"

    document = yaml.safe_load(_NAME.sub(named, text))
    if twin:
        document = copy.deepcopy(document)
        for path, value in document["twin"]["set"].items():
            _put(document, _split(path), value)
    case = Case.model_validate(document)
    return Run(case, case.twin.answer if twin else case.answer)


def _split(path: str) -> list[str]:
    return path.split(".")


def _put(document: Any, path: list[str], value: Any) -> None:
    *way, last = path
    for step in way:
        document = document[int(step)] if isinstance(document, list) else document[step]
    if isinstance(document, list):
        document[int(last)] = value
    else:
        document[last] = value
