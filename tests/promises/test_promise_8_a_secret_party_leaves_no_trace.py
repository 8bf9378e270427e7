"""Promise 8: one answer about a record that holds a secret party and about one that does not.

Not the withheld cell alone could tell: what is owed for it, a row of its own, an address that stands in its
stead, and a field that is not withheld but has a holder.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from policy_service.api.v1 import decision_pb2 as pb
from tests.decisions.case import Facts
from tests.decisions.roads import NOBODY, put_on_file
from tests.promises.world import check
from tests.support.installation import Installation, installation

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROVEN = [
    {"obligation": kind, "evidence": "EV-1", "until": "2099-01-01"}
    for kind in ("redact", "mask", "second_approver", "human_review", "verify_contact", "substitute_address")
]


def envelope(name: str, about: str) -> dict[str, Any]:
    return {
        "name": f"force.{name}",
        "capabilities": PROVEN,
        "envelope": [{"name": name, "categories": ["location.current"], "about": [about]}],
    }


def organisation(reference: str, *categories: str) -> dict[str, Any]:
    return {
        "identifiers": [f"ref:{reference}"],
        "kind": "organisation",
        "organisation_roles": ["contractor"],
        "categories": categories,
    }


def post(owner: str, **more: Any) -> dict[str, Any]:
    address = f"{owner} Street, Nowhereton"
    return {"owner": f"ref:{owner}", "kind": "post", "value": address, "reference": f"{owner}-post", **more}


def record(reference: str, *secret: dict[str, str]) -> dict[str, Any]:
    managed = {"party": "managed", "role": "subject", "person": "ref:O"}
    return {
        "reference": reference,
        "record_type": "force.file",
        "teams": ["managers"],
        "parties": [managed, *secret],
    }


FACTS = Facts.model_validate(
    {
        "controller": "example-force",
        "record_types": [
            {
                "name": "force.file",
                "extends": "base.case",
                "secret_roles": ["applicant"],
                "protection_team": "scheme",
                "fields": [
                    {"name": "mixed", "categories": ["legal.orders"], "about": ["subject", "applicant"]},
                    {"name": "applicant.notes", "categories": ["notes.free_text"], "about": ["applicant"]},
                    {"name": "applicant.orders", "categories": ["legal.orders"], "about": ["applicant"]},
                ],
            }
        ],
        "artefact_types": [
            {"name": "force.letter"},
            {"name": "force.proven", "capabilities": PROVEN},
            envelope("letterhead", "subject"),
            envelope("made_from", "applicant"),
        ],
        "people": [
            {"identifiers": ["ref:O"]},
            {"identifiers": ["ref:V"]},
            {"identifiers": ["ref:V2"]},
            organisation("agency", "identity.name", "legal.orders", "location.current"),
            organisation("printer", "legal.orders"),
        ],
        "contact_points": [
            post("agency"),
            post("printer"),
            post("V", uprn="1001", home=True),
            {**post("V", service_address=True), "value": "PO Box 1, Nowhereton", "reference": "V-box"},
        ],
        "records": [
            record("WITH", {"party": "asked", "role": "applicant", "person": "ref:V"}),
            record("WITHOUT"),
        ],
        "users": [{"reference": "manager", "teams": ["managers"]}],
        "systems": [
            {
                "name": "force-records",
                "grant": {"record_types": ["*"], "verbs": ["see", "send"], "purposes": ["casework"]},
            }
        ],
    }
)

MERGED = FACTS.model_copy(
    update={
        "controller": "example-other-force",
        "relationships": ({"from_person": "ref:V", "to_person": "ref:V2", "kind": "same_person_as"},),
    }
)
"""Somebody else on file may be she: a possible match, which a human looks at before anything is told."""

IN_THE_SCHEME = FACTS.model_copy(
    update={
        "controller": "example-scheme-force",
        "users": ({"reference": "manager", "teams": ["managers", "scheme"]},),
    }
)
"""The user may know, so that the two records do differ to him."""

AGENCY = {"person": "ref:agency", "contact_point": "agency-post"}
PRINTER = {"person": "ref:printer", "contact_point": "printer-post"}
ASKED = {"party": "asked", "contact_point": "V-post"}


def fields(*names: str) -> list[dict[str, str]]:
    return [dict(zip(("name", "party"), name.split("@"), strict=False)) for name in names]


def send(artefact: str, *names: str, to: tuple[dict[str, str], ...] = (AGENCY,)) -> dict[str, Any]:
    return {"artefact_type": f"force.{artefact}", "fields": fields(*names), "recipients": list(to)}


QUESTIONS: dict[str, dict[str, Any]] = {
    "no second approver for who is not told": send(
        "proven", "subject.name", "conditions", "enquiry.made_by", to=(AGENCY, PRINTER)
    ),
    "nor is one missed": send(
        "letter", "subject.name", "conditions", "enquiry.made_by", to=(AGENCY, PRINTER)
    ),
    "no review of a possible match that is not told": {
        "artefact_type": "force.proven",
        "fields": fields("subject.name", "enquiry.made_by", "applicant.notes"),
    },
    "no review of undeclared content that is not told": send("proven", "subject.name", "applicant.notes"),
    "an outcome tells that somebody asked": {"fields": fields("subject.name", "enquiry.outcome")},
    "and so do orders about nobody else": {"fields": fields("subject.name", "applicant.orders")},
    "to the team that may know, from one who may not": send(
        "letter", "enquiry.made_by", "enquiry.outcome", to=({"team": "scheme"},)
    ),
    "a row for the secret party": send("proven", "subject.name", "enquiry.made_by", to=(AGENCY, ASKED)),
    "a row with an envelope for the secret party": send("letterhead", "subject.name", to=(AGENCY, ASKED)),
    "a row for the secret party alone": send("letter", "enquiry.made_by", to=(ASKED,)),
    "an address in the stead of the secret party's": send("made_from", "subject.name"),
    "a caller who can leave nothing out": {
        "capabilities": {"obligations": []},
        "fields": fields("subject.name", "enquiry.made_by"),
    },
    "a caller who cannot ask again": {
        **send("proven", "subject.name", "enquiry.made_by"),
        "capabilities": {"obligations": ["omit_silently"]},
    },
}


def without_its_moment(answer: pb.CheckResponse) -> str:
    answer.decision_id = answer.facts_token = ""
    answer.ClearField("valid_until")
    for obligation in answer.obligations:
        if obligation.kind == "recheck_before":
            obligation.parameters.clear()
    return str(answer)


Answers = tuple[str, str]


class Forces:
    """The three organisations, each with an installation of its own."""

    def __init__(self) -> None:
        self.opened: dict[str, tuple[Installation, str]] = {}

    async def open(self, facts: Facts, road: Installation) -> None:
        token = (await put_on_file(road, facts, "force-records", named=NOBODY)).token
        self.opened[facts.controller] = road, token

    async def answers(self, facts: Facts, question: dict[str, Any]) -> Answers:
        """What is answered about the record with her, and about the one without."""
        road, token = self.opened[facts.controller]
        with_her = await check(road, token, user="manager", record="WITH", **question)
        without = await check(road, token, user="manager", record="WITHOUT", **question)
        return without_its_moment(with_her), without_its_moment(without)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def forces(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Forces]:
    found = Forces()
    async with AsyncExitStack() as stack:
        for facts in (FACTS, MERGED, IN_THE_SCHEME):
            at = tmp_path_factory.mktemp(facts.controller)
            opening = installation(f"sqlite:///{at / 'facts.db'}", f"sqlite:///{at / 'log'}")
            await found.open(facts, await stack.enter_async_context(opening))
        yield found


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("facts", [FACTS, MERGED], ids=["she is one", "she was merged"])
async def test_with_and_without_her_the_answer_is_one(name: str, facts: Facts, forces: Forces) -> None:
    with_her, without = await forces.answers(facts, QUESTIONS[name])
    assert with_her == without


@pytest.mark.parametrize("name", ["an outcome tells that somebody asked", "a row for the secret party alone"])
async def test_the_team_that_may_know_is_answered_otherwise(name: str, forces: Forces) -> None:
    with_her, without = await forces.answers(IN_THE_SCHEME, QUESTIONS[name])
    assert with_her != without


@pytest.mark.parametrize("facts", [FACTS, MERGED], ids=["she is one", "she was merged"])
async def test_a_field_about_both_that_names_the_secret_party(facts: Facts, forces: Forces) -> None:
    with_her, without = await forces.answers(facts, {"fields": fields("subject.name", "mixed@asked")})
    assert with_her == without


@pytest.mark.parametrize(
    "question", [{"fields": fields("mixed")}, send("proven", "mixed")], ids=["see", "send"]
)
async def test_a_field_about_both_when_the_secret_party_was_merged(
    question: dict[str, Any], forces: Forces
) -> None:
    with_her, without = await forces.answers(MERGED, question)
    assert with_her == without


async def test_whether_somebody_named_is_the_secret_party(forces: Forces) -> None:
    """Who sends something of the record to a person whom he suspects is owed nothing more if it was she."""
    suspected = {"person": "ref:V", "contact_point": "V-post"}
    with_her, without = await forces.answers(FACTS, send("proven", "conditions", to=(suspected,)))
    assert with_her == without
