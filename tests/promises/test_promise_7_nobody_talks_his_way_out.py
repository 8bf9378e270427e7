"""Promise 7: nothing that a caller asserts lifts a request's deny, or takes away what is on file."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.vocabulary import RelationKind
from tests.decisions.own import own_set
from tests.decisions.roads import NOBODY, entry_of, put_on_file
from tests.promises.lies import HER, PROTECTIONS, Question, ask, denied, liars_world, lies, send, told_with
from tests.promises.world import check, open_world
from tests.support.installation import Installation, installation

SUMMARY = [{"name": "summary"}]
DESCRIBED_RECORD = {
    "record": {
        "record_type": "clinic.file",
        "teams": ["ward-9"],
        "parties": [{"party": "patient", "role": "subject", "person": "somebody"}],
    },
    "people": [{"key": "somebody"}],
}

CLAIMS: dict[str, dict[str, Any]] = {
    "a team that the grant does not let the system assert": {
        "user": "o.clerk",
        "record": "F-P",
        "description": {"user": {"teams": ["ward"]}},
    },
    "another description of a record that is on file": {
        "user": "o.clerk",
        "record": "F-P",
        "description": {**DESCRIBED_RECORD, "user": {"teams": ["ward-9"]}},
    },
    "that an adverse member of staff is somebody else": {
        "user": "a.nurse",
        "record": "F-V",
        "description": {"user": {"person": "somebody", "teams": ["ward-9"]}, "people": [{"key": "somebody"}]},
    },
    "that a member of staff serves himself": {"user": "a.nurse", "record": "F-V", "self_service": True},
    "a purpose that is not granted": {"user": "w.nurse", "record": "F-P", "purpose": "emergency"},
}


@pytest.mark.parametrize("claim", CLAIMS)
async def test_a_claim_permits_nothing(claim: str, urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        answer = await check(road, token, fields=SUMMARY, **CLAIMS[claim])
        assert answer.effect == pb.EFFECT_DENY
        assert all(cell.effect == pb.EFFECT_DENY for cell in answer.cells)


async def test_the_same_without_a_claim_is_permitted(urls: tuple[str, str]) -> None:
    """The claims above fail for what they claim, not for something that this world never permits."""
    async with installation(*urls) as road:
        token = await open_world(road)
        for question in (
            {"user": "w.nurse", "record": "F-P"},
            {
                "user": "o.clerk",
                "record": "F-new",
                "description": {**DESCRIBED_RECORD, "user": {"teams": ["ward-9"]}},
            },
        ):
            assert (await check(road, token, fields=SUMMARY, **question)).effect == pb.EFFECT_PERMIT


async def test_a_system_without_the_grant_describes_nothing(urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road, "clinic-plain")
        assert (
            await check(road, token, user="w.nurse", record="F-P", fields=SUMMARY)
        ).effect == pb.EFFECT_PERMIT
        answer = await check(
            road, token, user="w.nurse", record="F-P", fields=SUMMARY, description={"people": [{"key": "x"}]}
        )
        assert answer.effect == pb.EFFECT_DENY


# --- every lie, to everything that is denied for her protection --------------------------------------------

FROM_REQUESTS_UP = {"absolute", "statute", "request"}


def _permitted(answer: pb.CheckResponse) -> list[str]:
    return [cell.field for cell in answer.cells if cell.effect == pb.EFFECT_PERMIT and not cell.envelope]


async def _check_all(
    road: Installation, token: str, questions: Sequence[Mapping[str, Any]]
) -> list[pb.CheckResponse]:
    """Ask many at a time, so that one commit holds many."""
    return list(await asyncio.gather(*(check(road, token, **question) for question in questions)))


async def _tiers(road: Installation, answer: pb.CheckResponse) -> set[str]:
    """Of the parts that decided its cells."""
    event = (await entry_of(road, answer.decision_id)).decision
    return {event.outcomes[cell].tier for cell in event.cells}


@pytest.mark.parametrize("protection", PROTECTIONS)
async def test_no_lie_and_no_pile_of_lies_lifts_a_deny(protection: str, tmp_path: Path) -> None:
    """Each lie alone, and piles of them: of what tells for him, a few at random, and everything."""
    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    chance = random.Random(protection)
    believed: list[str] = []
    async with installation(*urls) as road:
        token = (await put_on_file(road, liars_world(protection), "clinic-records", named=NOBODY)).token
        for name, question in denied(protection).items():
            answer = await check(road, token, **question.ask)
            assert not _permitted(answer), name
            assert await _tiers(road, answer) <= FROM_REQUESTS_UP, name
            stories = dict(lies(question))
            for_him = [said for said in stories if RelationKind.ADVERSE_TO not in said]
            piles = [[said] for said in stories]
            piles += [chance.sample(for_him, chance.randint(2, 9)) for _ in range(50)]
            piles += [for_him, for_him[::-1]]
            asked = [told_with(question.ask, *(stories[said] for said in pile)) for pile in piles]
            for pile, answer in zip(piles, await _check_all(road, token, asked), strict=True):
                if _permitted(answer):
                    believed.append(f"{name}: {pile[:9]}: {_permitted(answer)}")
    assert not believed, (len(believed), believed[:20])


async def test_the_lies_are_believed_where_nothing_of_hers_speaks_against_them(tmp_path: Path) -> None:
    """So that what is shown above is her protection, and not that nobody listens."""
    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    believed: set[str] = set()
    async with installation(*urls) as road:
        token = (await put_on_file(road, liars_world("nothing"), "clinic-records", named=NOBODY)).token
        for protection in PROTECTIONS:
            for question in denied(protection).values():
                if question.sends and not _permitted(await check(road, token, **question.ask)):
                    stories = dict(lies(question))
                    asked = [told_with(question.ask, lie) for lie in stories.values()]
                    answers = await _check_all(road, token, asked)
                    told = zip(stories, answers, strict=True)
                    believed |= {said for said, answer in told if _permitted(answer)}
    assert believed >= {
        "ref:Adam parent_of ref:Cleo",
        "ref:Adam guardian_of ref:Cleo",
        "ref:Adam represents ref:Vera",
        "he lives there, by its UPRN",
    }


# --- what counts as far as the grant goes -------------------------------------------------------------------


def _acting(question: Question, **user: list[Any]) -> Question:
    return told_with(question, {"description": {"user": user}})


SEEN = ("summary", "subject.address")
BY_CLERK, BY_NURSE = ask("o.clerk", SEEN), ask("w.nurse", SEEN)
TO_COUNCIL = send("council-mail", "ref:council", SEEN, purpose="crime")
IMPOSTOR = {
    "people": [
        {
            "key": "council",
            "kind": "organisation",
            "organisation_roles": ["public_body"],
            "categories": ["health.summary", "location.current"],
        }
    ],
    "contact_points": [{"key": "mail", "kind": "email", "value": "them@example.org", "owners": ["council"]}],
}

ASSERTED: dict[str, tuple[str, Question, Question]] = {
    f"{what}, against {protection}": (protection, allowed, not_allowed)
    for protection in ("do_not_share", "withhold_location")
    for what, allowed, not_allowed in (
        ("a team of the grant", _acting(BY_CLERK, teams=["ward-9"]), _acting(BY_CLERK, teams=["ward"])),
        ("an exempt purpose", TO_COUNCIL, TO_COUNCIL | {"purpose": "safeguarding"}),
        (
            "a public body on file",
            TO_COUNCIL,
            send("mail", "council", SEEN, purpose="crime", description=IMPOSTOR),
        ),
    )
}
ASSERTED["a role of the grant, against restricted_access"] = (
    "restricted_access",
    _acting(BY_NURSE, roles=["clinician"]),
    _acting(BY_NURSE, roles=["consultant"]),
)


@pytest.mark.parametrize("assertion", ASSERTED)
async def test_what_the_grant_lets_a_system_assert_lifts_what_it_may(assertion: str, tmp_path: Path) -> None:
    """And an assertion that is not granted, or that rests on the call alone, lifts nothing."""
    protection, allowed, not_allowed = ASSERTED[assertion]
    hidden = {"subject.address"} if protection == "withhold_location" else set(SEEN)
    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    async with installation(*urls) as road:
        token = (await put_on_file(road, liars_world(protection), "clinic-records", named=NOBODY)).token
        answer = await check(road, token, **allowed)
        assert set(_permitted(answer)) == set(SEEN)
        kinds = {owed.kind for owed in answer.obligations}
        assert ("record_justification" in kinds) == (allowed is TO_COUNCIL)
        assert hidden.isdisjoint(_permitted(await check(road, token, **not_allowed)))


@pytest.mark.parametrize("protection", ["excluded_person", "adverse"])
async def test_nothing_that_may_be_asserted_lifts_what_is_absolute(protection: str, tmp_path: Path) -> None:
    """Neither a team nor a role of the grant, nor an exempt purpose."""
    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    async with installation(*urls) as road:
        token = (await put_on_file(road, liars_world(protection), "clinic-records", named=NOBODY)).token
        for name, question in denied(protection).items():
            asserted = _acting(question.ask, teams=["ward-9"], roles=["clinician"]) | {"purpose": "crime"}
            answer = await check(road, token, **asserted)
            assert not _permitted(answer), name
            assert await _tiers(road, answer) == {"absolute"}, name


BELIEVER = """
uid: own.GATE.basis.opener
title: Whoever passed the course that opens everything
gate: GATE
tier: basis
reason: OPENER
owner: privacy-office
policy: {rules: {subject: {$.attributes.training: {condition: AnyIn, values: [opener]}}}}
"""
"""A policy of an organisation that believes what is declared; none may stand any higher."""


@pytest.mark.parametrize(
    "protection",
    [
        "nothing",
        "do_not_share",
        "adverse",
        *(pytest.param(each, marks=pytest.mark.torture) for each in ("withhold_location", "excluded_person")),
    ],
)
async def test_no_described_attribute_lifts_a_deny(protection: str, tmp_path: Path) -> None:
    """Though the grant lets the system assert it, and policies permit everything for it."""
    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    policies = own_set(tmp_path / "policies")
    for gate in ("authority", "disclosure", "delivery"):
        (policies / gate / "opener.yaml").write_text(BELIEVER.replace("GATE", gate), "utf-8")
    opener = {"name": "training", "texts": {"values": ["opener"]}}
    world = liars_world(protection)
    grant = world.systems[0]["grant"] | {"assert_attributes": ["training"]}
    world = world.model_copy(update={"systems": ({**world.systems[0], "grant": grant},)})
    async with installation(*urls, policies=policies) as road:
        token = (await put_on_file(road, world, "clinic-records", named=NOBODY)).token
        if protection == "nothing":  # then it is believed
            assert not _permitted(await check(road, token, **BY_CLERK))
            answer = await check(road, token, **_acting(BY_CLERK, attributes=[opener]))
            assert set(_permitted(answer)) == set(SEEN)
            return
        for name, question in denied(protection).items():
            answer = await check(road, token, **_acting(question.ask, attributes=[opener]))
            assert not _permitted(answer), name
            assert await _tiers(road, answer) <= FROM_REQUESTS_UP, name


async def test_a_member_of_staff_does_not_serve_himself_as_somebody_else(tmp_path: Path) -> None:
    """That a portal vouches for whoever uses it says nothing about a login that is on file as staff's."""
    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    async with installation(*urls) as road:
        token = (await put_on_file(road, liars_world("do_not_share"), "clinic-records", named=NOBODY)).token
        assert not _permitted(await check(road, token, **BY_CLERK))
        herself = {"self_service": True, "description": {"user": {"person": HER}}}
        assert not _permitted(await check(road, token, **told_with(BY_CLERK, herself)))
