"""A decision case: facts, a question, the answer, the log entry it leaves, and a twin in which one fact
differs.

A case is YAML, strictly parsed. `facts` are the API's own messages as in the example world, `ask` is a
CheckRequest. `world` names a file of `worlds/` whose facts come before the case's own: the organisation as it
is on an ordinary day. What a twin sets is set in the case's own words, before its world is added.

Whatever is written `<like this>` is a name of the case's own: each run gives it another value, so that
nothing can depend on a name; `<phone-1>` to `<phone-4>` are telephone numbers, `<uprn-...>` property
references. `now-425d`, `today+1d`, `today-18y` are moments and days as of the run, `HOURS WITH NOW` and
`HOURS WITHOUT NOW` a window of every day that holds the run or does not; a `digest` is written as the words
of the document.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

CASES = Path(__file__).parent / "cases"
WORLDS = Path(__file__).parent / "worlds"

_NAME = re.compile(r"<([A-Za-z0-9_.\- ]+)>")
_MOMENT = re.compile(r"(now|today)(?:([+-]\d+)([ymdh]))?")
_PHONE = re.compile(r"phone-([1-4])")
PHONES_IN_A_RUN = 4
_DRAMA = (
    *("0113496", "0114496", "0115496", "0116496", "0117496", "0118496", "0121496", "0131496", "0141496"),
    *("0151496", "0161496", "0191498", "0207946", "0292018", "0289649", "0163296", "0770090", "0808157"),
)
"""Ranges, of a thousand numbers each, that Ofcom keeps free for drama: nobody has one of them."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times faster where libyaml is linked
_DIGESTS = frozenset({"digest", "artefact_digest"})


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


class ExpectedTask(_Strict):
    kind: str
    owner: str
    recipients: tuple[int, ...] = ()
    parameters: dict[str, str] = {}


class ExpectedEntry(_Strict):
    """What the auditor finds: the true reason of each cell, row by row, and more where the case says so.

    People on file stand there by their first identifier, a declaration by the words of its document.
    `readers` are those who would learn it besides each recipient and the user, and None where the case does
    not say; so with `shared`, `tasks`, `capabilities`, and `decided_by`: the reader and the part that decided
    each cell (`READER`, `part PART` or `READER part PART`).
    """

    reasons: tuple[str, ...]
    cause: str = ""
    alerts: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    possible_matches: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    readers: tuple[tuple[str, ...], ...] | None = None
    shared: tuple[str, ...] | None = None
    tasks: tuple[ExpectedTask, ...] | None = None
    capabilities: tuple[str, ...] | None = None
    decided_by: tuple[str, ...] | None = None


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
    overrides: tuple[dict[str, Any], ...] = ()
    orders: tuple[dict[str, Any], ...] = ()
    declarations: tuple[dict[str, Any], ...] = ()
    systems: tuple[dict[str, Any], ...]


class Case(_Strict):
    title: str
    source: str
    world: str = ""
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


def case_names(folder: Path = CASES) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def numbered_and(every: int | None) -> pytest.MarkDecorator:
    """The parameter `name`: the cases that have a number, and every so manieth of the others. The rest of
    them, all where `every` is None, is left to the torture runs.

    For roads that are made of the parts of others, on which `make test` has each case.
    """
    others = itertools.count(1)
    names = []
    for name in case_names():
        if name.startswith("case_") or (every is not None and next(others) % every == 0):
            names.append(pytest.param(name))
        else:
            names.append(pytest.param(name, marks=pytest.mark.torture))
    return pytest.mark.parametrize("name", names)


def read_run(name: str, *, twin: bool, tag: str, renamed: bool, folder: Path = CASES) -> Run:
    """Read a case with names of its own for this run. `renamed`: every name is another word, not only
    tagged.
    """
    text = (folder / f"{name}.yaml").read_text("utf-8")

    def named(match: re.Match[str]) -> str:
        name = match.group(1)
        if (phone := _PHONE.fullmatch(name)) is not None:
            return _drama_number(int(re.sub(r"\D", "", tag)) * PHONES_IN_A_RUN + int(phone.group(1)) - 1)
        if name.startswith("uprn-"):  # a number of at most twelve digits
            return str(int(hashlib.sha256(f"{name} {tag}".encode()).hexdigest(), 16) % 10**12)
        word = f"n{hashlib.sha256(name.encode()).hexdigest()[:10]}" if renamed else name
        return f"{word}_{tag}"

    document = _loaded(_NAME.sub(named, text))
    if twin:
        document = copy.deepcopy(document)
        for path, value in document["twin"]["set"].items():
            _put(document, _split(path), value)
    if "world" in document:
        world = (WORLDS / f"{document['world']}.yaml").read_text("utf-8")
        document["facts"] = _added(_loaded(_NAME.sub(named, world)), document.get("facts", {}))
    case = Case.model_validate(_as_of(document, datetime.now(UTC)))
    return Run(case, case.twin.answer if twin else case.answer)


def _loaded(text: str) -> Any:
    return yaml.load(text, Loader=_LOADER)


def _drama_number(index: int) -> str:
    """The `index`th of the numbers kept for drama; each run has its own."""
    first = _DRAMA[index // 1000]
    return f"{first}{'6' if first == '0289649' else '0'}{index % 1000:03}"


def _added(world: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """The world's facts, and behind them the case's own of the same kind."""
    return {
        kind: world.get(kind, []) + facts.get(kind, []) if isinstance(world.get(kind, []), list) else said
        for kind, said in (world | facts).items()
    }


def _as_of(value: Any, now: datetime) -> Any:
    """Give `value` with its moments, days and windows as of `now`, and its digests."""
    match value:
        case dict():
            return {
                key: _digest(inner) if key in _DIGESTS else _as_of(inner, now) for key, inner in value.items()
            }
        case list():
            return [_as_of(inner, now) for inner in value]
        case "HOURS WITH NOW" | "HOURS WITHOUT NOW":
            morning = now.astimezone(_LONDON).hour < _NOON
            return f"mon-sun {'00:00-12:00' if morning == (value == 'HOURS WITH NOW') else '12:00-24:00'}"
        case str() if (said := _MOMENT.fullmatch(value)) is not None:
            return _moment(said, now)
        case _:
            return value


_LONDON = ZoneInfo("Europe/London")
_NOON = 12


def _moment(said: re.Match[str], now: datetime) -> str:
    what, count, unit = said.group(1), int(said.group(2) or 0), said.group(3)
    day = now.astimezone(_LONDON).date()
    match unit:
        case "y":
            day = date(day.year + count, day.month, 1 if (day.month, day.day) == (2, 29) else day.day)
        case "m":
            now += timedelta(minutes=count)
        case "h":
            now += timedelta(hours=count)
        case _:
            day, now = day + timedelta(days=count), now + timedelta(days=count)
    return day.isoformat() if what == "today" else now.isoformat(timespec="seconds")


def _digest(words: str) -> str:
    """SHA-256 of a document's words, as JSON spells bytes."""
    return base64.b64encode(hashlib.sha256(words.encode()).digest()).decode() if words else ""


def _split(path: str) -> list[str]:
    return path.split(".")


def _put(document: Any, path: list[str], value: Any) -> None:
    *way, last = path
    for step in way:
        document = document[int(step)] if isinstance(document, list) else document[step]
    if isinstance(document, list) and int(last) == len(document):
        document.append(value)
    elif isinstance(document, list):
        document[int(last)] = value
    else:
        document[last] = value
