"""Promise 8: withheld or unknown, field or record: one answer, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.decision import NOT_AVAILABLE
from policy_service.model.errors import InvalidArgumentError
from tests.decisions.case import Facts
from tests.decisions.roads import NOBODY, Road, put_on_file
from tests.promises.untold_world import (
    ANYBODY_ASKS,
    DOCUMENT,
    KINDS,
    PERMITTED,
    UNREADABLE,
    WORLD,
    Way,
    records_withheld,
    ways_to_see,
    ways_to_send,
    with_unreadable,
)
from tests.promises.world import FACTS, check, open_world, record_request
from tests.support.installation import POLICIES, Installation, installation

ASKED = "enquiry.made_by"

NOT_TO_BE_TOLD: dict[str, dict[str, Any]] = {
    "a field that law withholds": {"user": "w.nurse", "record": "F-P", "fields": [{"name": ASKED}]},
    "a field that nobody declared": {"user": "w.nurse", "record": "F-P", "fields": [{"name": "no.such"}]},
    "a role that nobody holds": {"user": "w.nurse", "record": "F-P", "fields": [{"name": "victim.name"}]},
    "a record that is withheld": {"user": "a.nurse", "record": "F-V", "fields": [{"name": "summary"}]},
    "a record of another team": {"user": "o.clerk", "record": "F-P", "fields": [{"name": "summary"}]},
    "a record that is not there": {"user": "w.nurse", "record": "F-none", "fields": [{"name": "summary"}]},
    "a user whom nobody knows": {"user": "nobody", "record": "F-P", "fields": [{"name": "summary"}]},
}

AS_A_SEE: dict[str, Any] = {}
AS_A_SEND: dict[str, Any] = {
    "verb": "VERB_SEND",
    "artefact_type": "clinic.letter",
    "recipients": [{"team": "scribes"}],
}


def blanked(answer: pb.CheckResponse) -> bytes:
    """The answer without its id and token, and without the caller's own words."""
    answer.decision_id = answer.facts_token = ""
    for cell in answer.cells:
        cell.field = cell.party = ""
    for obligation in answer.obligations:
        obligation.fields[:] = [""] * len(obligation.fields)
    return answer.SerializeToString(deterministic=True)


@pytest.mark.parametrize("way", [AS_A_SEE, AS_A_SEND], ids=["see", "send"])
async def test_one_answer_for_whatever_is_not_to_be_told(way: dict[str, Any], urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        answers = {
            name: blanked(await check(road, token, **question, **way))
            for name, question in NOT_TO_BE_TOLD.items()
        }
        for one, other in pairwise(answers):
            assert answers[one] == answers[other], f"{one}, and {other}"


async def test_a_secret_request_changes_nothing_but_the_effect(urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        send = {
            "user": "w.nurse",
            "record": "F-P",
            "verb": "VERB_SEND",
            "recipients": [{"person": "ref:gp", "contact_point": "gp-post"}],
        }
        await record_request(road, person="ref:P", kind="do_not_share", visibility="secret")
        withheld = blanked(await check(road, token, fields=[{"name": "summary"}], **send))
        unknown = blanked(await check(road, token, fields=[{"name": "no.such"}], **send))
        assert withheld == unknown


# --- every field, every kind of request, every way of asking ------------------------------------------------

BASE = yaml.safe_load((POLICIES / "base_types" / "base.case.yaml").read_text("utf-8"))
FIELDS = [*(field["name"] for field in BASE["fields"]), "summary", DOCUMENT]
UNKNOWN = "no.such"


class Asker:
    """Asks about one record in one way, and gives answers without what may differ. Questions that are
    compared are asked at once, so that one commit holds many.
    """

    def __init__(self, road: Road, token: str, way: Way) -> None:
        self._road = road
        self._token = token
        self._way = way

    async def ask(self, record: str, *fields: str, **changed: Any) -> pb.CheckResponse:
        names = [{"name": field} for field in fields]
        return await check(self._road, self._token, **{**self._way, **changed}, record=record, fields=names)

    async def bare(self, record: str, *fields: str, secret: str) -> bytes:
        """The answer without its id and token, and without the word `secret`, by which the caller asked."""
        answer = await self.ask(record, *fields)
        answer.decision_id = answer.facts_token = ""
        for cell in answer.cells:
            cell.field = "" if cell.field == secret else cell.field
        for owed in answer.obligations:
            owed.fields[:] = ["" if field == secret else field for field in owed.fields]
        return answer.SerializeToString(deterministic=True)

    async def told(self, record: str) -> tuple[list[str], list[str]]:
        """Which fields are withheld from every recipient and not told why, and which are permitted to
        one, as far as a caller is told who can leave out what he should.
        """
        answer = await self.ask(record, *FIELDS, capabilities=None)
        by_field: dict[str, set[str]] = {field: set() for field in FIELDS}
        for cell in answer.cells:
            if not cell.envelope:
                by_field[cell.field].add(cell.reason)
        withheld = [field for field, reasons in by_field.items() if reasons == {NOT_AVAILABLE}]
        return withheld, [field for field in PERMITTED if "" in by_field[field]]

    async def unlike_unknown_field(self, record: str, withheld: list[str], *beside: str) -> list[str]:
        """Which withheld fields, alone or behind others, are answered otherwise than an unknown one of the
        same record.
        """
        # One at a time: each is large, and the service, whose event loop it shares, must not be late.
        unknown, *answers = [
            await self.bare(record, *beside, field, secret=field) for field in (UNKNOWN, *withheld)
        ]
        return [
            " beside ".join((field, *beside))
            for field, answer in zip(withheld, answers, strict=True)
            if answer != unknown
        ]

    async def unlike_unknown_record(self, *records: str) -> list[str]:
        """Records of which an unknown field, or a field of every record, is answered otherwise than of one
        that is not there.
        """
        fields = {(record, UNKNOWN) for record in records} | {(record, "summary") for record in records[1:]}
        asked = sorted(fields)
        none, *answers = [
            await self.bare(record, field, secret=field) for record, field in (("F-none", UNKNOWN), *asked)
        ]
        return [
            f"{field} of {record}"
            for (record, field), answer in zip(asked, answers, strict=True)
            if answer != none
        ]


@asynccontextmanager
async def stopped_installation(tmp_path: Path, facts: Facts) -> AsyncIterator[tuple[Installation, str]]:
    """An installation with `facts` on file whose worker's clock then stands still: what an answer says of
    time is the same in all. With a token of the clinic's system.
    """
    stopped: list[datetime] = []
    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    async with installation(*urls, now=lambda: stopped[0] if stopped else datetime.now(UTC)) as road:
        token = (await put_on_file(road, facts, "clinic-records", named=NOBODY)).token
        stopped.append(datetime.now(UTC))
        yield road, token


@pytest.mark.parametrize(
    ("ways", "at_least"), [(ways_to_see, (800, 400)), (ways_to_send, (2_500, 350))], ids=["see", "send"]
)
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.torture)], ids=["some", "all"])
async def test_every_withheld_field_and_record_is_answered_like_an_unknown_one(
    ways: Callable[[str], Iterator[tuple[str, Way]]], at_least: tuple[int, int], every: int, tmp_path: Path
) -> None:
    """Alone, and beside a field that is permitted. All of one way are compared with one, so that every pair
    of them is equal. Of `every` so many ways one, another with each kind: so no way and no kind is left out.
    """
    alone = together = 0
    differ: list[str] = []
    async with stopped_installation(tmp_path, WORLD) as (road, token):
        for offset, kind in enumerate(KINDS):
            record = f"F-{kind}"
            for name, way in islice(ways(kind), offset % every, None, every):
                asker = Asker(road, token, way)
                withheld, permitted = await asker.told(record)
                assert withheld, f"{kind}, {name}: nothing to compare"
                unlike = await asker.unlike_unknown_record(record, *records_withheld(way))
                unlike += await asker.unlike_unknown_field(record, withheld)
                alone += len(withheld)
                if permitted:
                    unlike += await asker.unlike_unknown_field(record, withheld, permitted[0])
                    together += len(withheld)
                differ += [f"{kind}, {name}: {what}" for what in unlike]
    assert not differ, (len(differ), differ[:20])
    assert alone >= at_least[0] // every
    assert together >= at_least[1] // every


async def test_a_secret_party_is_answered_like_one_that_is_not_there(tmp_path: Path) -> None:
    """As a recipient, and as the party that a field is about."""
    send: Way = {"user": "w.nurse", "verb": "VERB_SEND"}

    def questions(party: str) -> Iterator[Way]:
        for artefact in ({}, {"artefact_type": "clinic.letter"}, {"artefact_type": "clinic.bundle"}):
            for others in ([], [{"team": "ward"}], [{"team": "ward"}, {"person": "ref:gp"}]):
                to = [{"party": party}, *others]
                yield send | artefact | {"recipients": to, "fields": [{"name": "summary"}]}
            about = [{"name": name, "party": party} for name in ("enquiry.made_by", "summary")]
            fields = [*about, {"name": "conditions"}]
            yield {"user": "w.nurse", "fields": fields, **artefact}

    async with stopped_installation(tmp_path, WORLD) as (road, token):
        for secret, nobody in zip(questions("asked"), questions("no-such"), strict=True):
            answers = [
                _without_party(await check(road, token, record="F-nothing", **asked))
                for asked in (secret, nobody)
            ]
            assert answers[0] == answers[1], secret
        known = await check(road, token, record="F-nothing", **next(questions("spouse")))
        assert {cell.reason for cell in known.cells} != {NOT_AVAILABLE}


def _without_party(answer: pb.CheckResponse) -> bytes:
    for cell in answer.cells:
        cell.party = ""
    for owed in answer.obligations:
        owed.fields[:] = [field.partition("@")[0] for field in owed.fields]
    answer.decision_id = answer.facts_token = ""
    return answer.SerializeToString(deterministic=True)


@pytest.mark.parametrize("unreadable", UNREADABLE)
async def test_what_cannot_be_read_is_refused_alike_whatever_is_on_file(
    unreadable: str, tmp_path: Path
) -> None:
    point, part = UNREADABLE[unreadable]
    refusals: dict[str, tuple[str, str, str]] = {}
    async with stopped_installation(tmp_path, WORLD) as (road, token):
        for name, way in ANYBODY_ASKS.items():
            for record in ("F-nothing", "F-sealed", "F-V", "F-none"):
                for field in ("summary", "enquiry.made_by", UNKNOWN):
                    asked = with_unreadable(way, point) | {"record": record, "fields": [{"name": field}]}
                    with pytest.raises(InvalidArgumentError) as refused:
                        await check(road, token, **asked)
                    error = refused.value
                    refusals[f"{name}, {field} of {record}"] = (error.field, error.reason, error.message)
        readable = with_unreadable({"user": "w.nurse"}, {"kind": "email", "value": "a@b.example"})
        answer = await check(road, token, record="F-nothing", fields=[{"name": "summary"}], **readable)
        assert answer.effect == pb.EFFECT_PERMIT
    assert len(refusals) == 96
    assert len(set(refusals.values())) == 1
    assert refusals.popitem()[1][0] == f"description.contact_points[1].{part}"


async def test_a_secret_protection_that_ends_soon_does_not_shorten_what_is_permitted(tmp_path: Path) -> None:
    """Edith lives with the patient and asked in secret; it ends within the quarter of an hour."""
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat(timespec="seconds")
    hers = {"person": "ref:Edith", "kind": "withhold_location", "visibility": "secret"}
    request = hers | {"recipients": ["ref:gp"], "valid_until": soon, "on_lapse": "lapse"}
    parties = [
        {"party": "patient", "role": "subject", "person": "ref:P"},
        {"party": "other", "role": "subject", "person": "ref:Quentin"},
    ]
    facts = FACTS.model_copy(
        update={
            "people": (*FACTS.people, *({"identifiers": [who]} for who in ("ref:Edith", "ref:Quentin"))),
            "contact_points": (*FACTS.contact_points, {**FACTS.contact_points[1], "home": True}),
            "relationships": ({"from_person": "ref:Edith", "to_person": "ref:P", "kind": "lives_with"},),
            "requests": (request,),
            "records": (
                {"reference": "F", "record_type": "clinic.file", "teams": ["ward"], "parties": parties},
            ),
        }
    )
    send: Way = {
        "user": "w.nurse",
        "verb": "VERB_SEND",
        "recipients": [{"person": "ref:gp", "contact_point": "gp-post"}],
    }
    async with stopped_installation(tmp_path, facts) as (road, token):
        answers = []
        for field in ("subject.address", UNKNOWN):
            fields = [{"name": "condition", "party": "other"}, {"name": field, "party": "patient"}]
            answer = await check(road, token, record="F", fields=fields, **send)
            assert [cell.reason for cell in answer.cells] == ["", NOT_AVAILABLE]
            answers.append(answer.valid_until.ToDatetime())
        assert answers[0] == answers[1]


async def test_a_secret_party_as_an_owner_is_like_one_that_is_not_there(tmp_path: Path) -> None:
    async with stopped_installation(tmp_path, WORLD) as (road, token):
        answers = []
        for party in ("asked", "no-such"):
            owners = ["party:patient", f"party:{party}"]
            point = {"key": "at", "kind": "email", "value": "a@b.example", "owners": owners}
            answer = await check(
                road,
                token,
                user="w.nurse",
                record="F-nothing",
                verb="VERB_SEND",
                artefact_type="clinic.letter",
                fields=[{"name": "conditions"}],
                recipients=[{"party": "patient", "contact_point": "at"}],
                description={"contact_points": [point]},
            )
            answers.append(_without_party(answer))
        assert answers[0] == answers[1]


async def test_the_bound_on_questions_does_not_count_who_is_secret(tmp_path: Path) -> None:
    asked = [{"party": f"a{i}", "role": "applicant", "person": "ref:V"} for i in range(65)]
    parties = [{"party": "patient", "role": "subject", "person": "ref:P"}, *asked]
    record = {"reference": "F", "record_type": "clinic.file", "teams": ["ward"], "parties": parties}
    send: Way = {
        "user": "w.nurse",
        "verb": "VERB_SEND",
        "recipients": [{"team": "ward"}, *({"team": f"t{i}"} for i in range(127))],
    }
    async with stopped_installation(tmp_path, FACTS.model_copy(update={"records": (record,)})) as (
        road,
        token,
    ):
        asker = Asker(road, token, send)
        withheld = await asker.bare("F", "conditions", "enquiry.made_by", secret="enquiry.made_by")
        assert withheld == await asker.bare("F", "conditions", UNKNOWN, secret=UNKNOWN)
