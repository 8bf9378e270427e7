"""The example world: what the files say is what is put on file, all of it, and nobody in them is real."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.message import Message

from policy_service.api.v1 import access_pb2, casework_pb2
from policy_service.cli.documents import read_all, read_mapping
from policy_service.cli.example.command import load_world
from policy_service.cli.example.load import steps
from policy_service.cli.example.world import Organisation, read_world
from policy_service.cli.run import Run, first_administrator
from policy_service.cli.shipped import shipped
from policy_service.client import open_channel
from tests.cli.conftest import ADMIN, Terminal, Typed
from tests.support.fake_service import FakeService

WORLD = shipped("examples", "world")
ORGANISATIONS = sorted(path for path in WORLD.glob("*.yaml") if path.name != "demo.yaml")
SYSTEMS = [(world.controller, system.name) for world in read_world(WORLD) for system in world.systems]
REQUESTS = [request for world in read_world(WORLD) for request in world.requests]
Place = tuple[str | int, ...]


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every place in a document that holds a value and no further structure."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*place, index))
    else:
        yield place


def changed(document: dict[str, Any], place: Place) -> dict[str, Any]:
    """The document with another value at one place."""
    result = copy.deepcopy(document)
    inner: Any = result
    for step in place[:-1]:
        inner = inner[step]
    value = inner[place[-1]]
    inner[place[-1]] = (not value) if isinstance(value, bool) else f"{value}x"
    return result


def load(terminal: Terminal, fake: FakeService, directory: Path) -> list[Message]:
    """Load a world, and give every message that arrived."""
    fake.calls.clear()
    typed = terminal("example", "load", "--world", str(directory))
    assert typed.code == 0, typed.err
    return [call.request for call in fake.calls]


@pytest.mark.parametrize("file", ORGANISATIONS, ids=lambda path: path.stem)
def test_no_field_of_any_file_is_ignored(file: Path) -> None:
    document = read_mapping(file)

    def said(content: dict[str, Any]) -> list[Message]:
        with open_channel("127.0.0.1:1") as nobody_there:
            world = Organisation.model_validate(content)
            return [request for _, _, requests in steps(nobody_there, world) for request in requests]

    as_it_is = said(document)
    places = [place for place in leaves(document) if place != ("controller",)]
    assert len(places) > 40
    for place in places:
        assert said(changed(document, place)) != as_it_is, place


WHOLE: dict[str, Any] = {
    "controller": "example-everything",
    "people": [{"identifiers": ["x:1"], "names": ["Vera Example"]}],
    "overrides": [
        {
            "kind": "break_glass",
            "user": "d.doctor",
            "record": "W-1",
            "people": ["x:1"],
            "categories": ["health.letter"],
            "recipients": ["team:ward"],
            "justification": "unconscious",
            "valid_minutes": 30,
        }
    ],
    "orders": [
        {
            "reference": "FC/12",
            "record": "W-1",
            "people": ["x:1"],
            "categories": ["legal.orders"],
            "recipients": ["team:court"],
            "begins": "2026-01-01",
            "ends": "2030-01-31",
        }
    ],
    "systems": [
        {
            "name": "s",
            "grant": {
                "record_types": ["*"],
                "verbs": ["see"],
                "purposes": ["crime"],
                "role_purposes": [{"purpose": "crime", "roles": ["detective"]}],
            },
        }
    ],
}
"""What no shipped file says."""


def said_by(document: dict[str, Any]) -> list[Message]:
    with open_channel("127.0.0.1:1") as nobody_there:
        world = Organisation.model_validate(document)
        return [request for _, _, requests in steps(nobody_there, world) for request in requests]


def test_what_no_shipped_file_says_is_not_ignored_either() -> None:
    as_it_is = said_by(WHOLE)
    assert [type(message).__name__ for message in as_it_is] == [
        "PutPersonRequest",
        "GrantOverrideRequest",
        "RecordOrderRequest",
        "PutSystemRequest",
    ]
    places = [place for place in leaves(WHOLE) if place[-1] not in ("controller", "valid_minutes")]
    for place in places:
        assert said_by(changed(WHOLE, place)) != as_it_is, place
    shorter = copy.deepcopy(WHOLE)
    shorter["overrides"][0]["valid_minutes"] = 29
    assert said_by(shorter) != as_it_is


def test_an_override_that_has_ended_is_granted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends by itself, after four hours at most; everything else stays as it was loaded first."""
    keys = []
    for hour in (10, 10, 11):
        moment = datetime(2026, 3, 2, hour, 59, tzinfo=UTC)
        monkeypatch.setattr("policy_service.cli.example.load.now", lambda at=moment: at)
        _, override, order, _ = said_by(WHOLE)
        assert isinstance(override, casework_pb2.GrantOverrideRequest)
        assert isinstance(order, casework_pb2.RecordOrderRequest)
        keys.append((override.idempotency_key, order.idempotency_key))
    assert keys[0] == keys[1]
    assert keys[0][0] != keys[2][0]
    assert keys[0][1] == keys[2][1]


def test_everything_said_arrives_in_its_order_under_its_controller(
    terminal: Terminal, fake: FakeService
) -> None:
    load(terminal, fake, WORLD)

    for world in read_world(WORLD):
        with open_channel("127.0.0.1:1") as nobody_there:
            said = [request for _, _, requests in steps(nobody_there, world) for request in requests]
        mine = [call for call in fake.calls if call.metadata.get("x-controller") == world.controller]
        assert [call.request for call in mine if "IssueToken" not in call.method] == said


@pytest.mark.parametrize("file", ORGANISATIONS, ids=lambda path: path.stem)
def test_a_misspelt_key_is_refused(terminal: Terminal, fake: FakeService, tmp_path: Path, file: Path) -> None:
    document = read_mapping(file)
    # One that may be left out: without the refusal nobody would notice.
    document["systems"][0]["grant"]["may_descibe"] = True
    copied = tmp_path / "world" / "organisation.yaml"
    copied.parent.mkdir()
    copied.write_text(yaml.safe_dump(document))

    typed = terminal("example", "load", "--world", str(copied.parent))

    assert typed.code == 2
    assert "systems.0.grant.may_descibe" in typed.err
    assert not fake.calls


@pytest.mark.parametrize("number", [".nan", ".inf", "NaN", "1.0", "1e0", "true"])
def test_only_a_whole_number_is_a_number(
    terminal: Terminal, fake: FakeService, tmp_path: Path, number: str
) -> None:
    world = "controller: c\nrecord_types: [{name: t, extends: base.case, assurance: 1}]\n"
    (tmp_path / "c.yaml").write_text(world)
    assert read_world(tmp_path)[0].record_types[0].assurance == 1
    (tmp_path / "c.yaml").write_text(world.replace("1}", f"{number}}}"))

    typed = terminal("example", "load", "--world", str(tmp_path))

    assert typed.code == 2
    assert "`record_types.0.assurance`: input should be a valid integer" in typed.err
    assert not fake.calls


def test_what_is_named_comes_before_what_names_it(terminal: Terminal, fake: FakeService) -> None:
    load(terminal, fake, WORLD)

    first: dict[str, int] = {}
    for number, call in enumerate(fake.calls):
        if call.metadata.get("x-controller") == "example-police":
            first.setdefault(call.method.partition("/")[2], number)
    assert list(first) == [
        "PutRecordType",
        "PutArtefactType",
        "PutPerson",
        "PutContactPoint",
        "PutRelationship",
        "PutRecord",
        "PutUser",
        "Record",
        "PutSystem",
        "IssueToken",
    ]


def test_everything_is_put_for_its_own_organisation(terminal: Terminal, fake: FakeService) -> None:
    load(terminal, fake, WORLD)

    names = {world.controller for world in read_world(WORLD)}
    assert len(names) == len(ORGANISATIONS) == 7
    written = [call for call in fake.calls if "List" not in call.method]
    assert {call.metadata.get("x-controller") for call in written} == names
    assert {call.metadata["authorization"] for call in written} == {f"Bearer {ADMIN}"}
    for call in written:
        inner = getattr(call.request, "user", getattr(call.request, "system", call.request))
        if hasattr(inner, "controller"):
            assert inner.controller == call.metadata["x-controller"]


def issues_tokens(fake: FakeService) -> list[access_pb2.Token]:
    """Let the fake issue and list tokens as the service does; gives the list that it keeps."""
    tokens: list[access_pb2.Token] = []

    def issue(asked: access_pb2.IssueTokenRequest) -> access_pb2.IssueTokenResponse:
        token = access_pb2.Token(token_id=f"{len(tokens):016x}", system=asked.system)
        tokens.append(token)
        return access_pb2.IssueTokenResponse(token=token, secret=f"psk_{token.token_id}_secret")

    fake.answers["AccessService/IssueToken"] = issue
    fake.answers["AccessService/ListTokens"] = lambda _: access_pb2.ListTokensResponse(tokens=tokens)
    return tokens


def test_each_system_gets_a_token_that_its_owner_alone_can_read(
    terminal: Terminal, fake: FakeService
) -> None:
    issues_tokens(fake)
    load(terminal, fake, WORLD)

    for _, system in SYSTEMS:
        path = terminal.var_dir / "tokens" / f"{system}.token"
        assert re.fullmatch(r"psk_[0-9a-f]{16}_secret\n", path.read_text())
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_token_that_holds_is_kept_and_one_that_does_not_is_replaced(
    terminal: Terminal, fake: FakeService
) -> None:
    tokens = issues_tokens(fake)
    police = terminal.var_dir / "tokens" / "police-records.token"
    load(terminal, fake, WORLD)
    first = police.read_text()

    load(terminal, fake, WORLD)
    assert police.read_text() == first
    assert len(tokens) == len(SYSTEMS)

    next(token for token in tokens if token.system == "police-records").revoked_at.GetCurrentTime()
    load(terminal, fake, WORLD)
    assert police.read_text() != first
    assert len(tokens) == len(SYSTEMS) + 1


def test_requests_are_recorded_under_keys_that_stay(terminal: Terminal, fake: FakeService) -> None:
    def keys() -> list[str]:
        load(terminal, fake, WORLD)
        return [each.idempotency_key for each in fake.requests("PrivacyRequestService/Record")]

    once, again = keys(), keys()
    assert once == again
    assert len(set(once)) == len(once) == len(REQUESTS)


@pytest.mark.parametrize(
    ("on_file", "put"),
    [
        ((), True),
        ((("example-police", "police-records"),), True),
        ((*SYSTEMS[:-1], ("another", SYSTEMS[-1][1])), True),
        (tuple(SYSTEMS), False),
    ],
    ids=["nothing", "half of it", "another's system of that name", "all of it"],
)
def test_a_world_that_is_there_stays_as_it_was_left(
    terminal: Terminal, fake: FakeService, on_file: tuple[tuple[str, str], ...], put: bool
) -> None:
    tokens = issues_tokens(fake)
    systems = [access_pb2.System(controller=controller, name=name) for controller, name in on_file]
    fake.answers["AccessService/ListSystems"] = lambda _: access_pb2.ListSystemsResponse(systems=systems)
    run = Run(terminal.address, terminal.address, None, None, 5.0, terminal.var_dir)

    loaded = load_world(run, first_administrator(run), WORLD, only_if_new=True, say=lambda _: None)

    assert loaded is put
    assert any("Put" in call.method for call in fake.calls) is put
    assert len(tokens) == len(SYSTEMS)  # those in the folder do not hold here


def test_loading_tells_what_goes_on_on_standard_error(terminal: Terminal, fake: FakeService) -> None:
    typed: Typed = terminal("example", "load")
    assert typed.out == ""
    assert "example-police" in typed.err
    assert "records" in typed.err


def test_a_folder_without_a_world(terminal: Terminal, fake: FakeService, tmp_path: Path) -> None:
    typed = terminal("example", "load", "--world", str(tmp_path))
    assert typed.code == 2
    assert "--world" in typed.err


@pytest.mark.parametrize("file", sorted(WORLD.parent.rglob("*.yaml")), ids=lambda path: path.stem)
def test_nobody_in_the_files_is_real(file: Path) -> None:
    text = file.read_text()
    assert "made up" in text.partition("\n\n")[0]
    documents = read_all(text, file)
    for place in leaves(documents):
        value: Any = documents
        for step in place:
            value = value[step]
        assert not re.search(r"name$", str(place[-1])) or re.fullmatch(r"[a-z_.-]+", value), place
        if re.search(r"\b0\d{9,10}\b|\+\d{9}", str(value).replace(" ", "")):
            assert re.fullmatch(r"07700 ?900\d{3}", value), place  # Ofcom's range for drama
        if "@" in str(value) and "expect" not in place:  # a demo's cell is `field@party`
            assert str(value).endswith("@example.org"), place
        if re.search(r"\b[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}\b", str(value)):
            assert "ZZ99 " in value, place  # no such postcode area
