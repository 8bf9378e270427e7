"""How often the store is asked for one call: never for what is in memory, and for what is not as often as the
facts are deep, whatever the number of people, recipients, places and calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.json_format import ParseDict

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.pending import Pending
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.reader import MOST_FACTS
from policy_service.model.facts import (
    ContactPoint,
    Controller,
    Fact,
    Fingerprint,
    Person,
    PersonId,
    PersonIdentifier,
    Record,
    RecordId,
    RecordParty,
    Relationship,
)
from policy_service.model.vocabulary import ContactKind, Effect, RelationKind, Role
from policy_service.server.convert_check import parse_check
from policy_service.service.together import Together
from tests.facts.world import put, vera
from tests.promises.world import CLINIC, open_world
from tests.support.installation import KEY, Installation, installation
from tests.support.statements import statements

Question = dict[str, Any]

HERE: Final = Controller(CLINIC)
FEW: Final = 1
MOST_WARM: Final = 100
"""Of more, the answer from memory is not compared: it costs what the first did."""
MOST_DESCRIBED: Final = 250
"""A call describes 256 people at most."""
FIELD: Final = "subject.address"
DEEPEST: Final = 8
"""The token, its system, the policies; what the call names; whom that names; who is around them."""


@dataclass(frozen=True, slots=True)
class Circle:
    """People of whom each has a phone, a home that his partner shares, and a record of his own. All of them
    are on one record, too.
    """

    size: int

    @property
    def record(self) -> str:
        return f"WHOLE-{self.size}"

    def facts(self) -> Iterator[Fact]:
        mac = Fingerprinter(KEY)
        whole = Record(RecordId(self._id(0, 0)), HERE, self.record, "clinic.file", ("ward",))
        yield whole
        for number in range(self.size):
            one, partner = PersonId(self._id(1, number)), PersonId(self._id(2, number))
            yield Person(one, HERE)
            yield Person(partner, HERE)
            yield Relationship(self._id(3, number), HERE, one, partner, RelationKind.PARTNER)
            scheme, _, value = self.called("ref", number).partition(":")
            yield PersonIdentifier(self._id(4, number), HERE, one, scheme, mac.identifier(scheme, value))
            phone = mac.contact(ContactKind.PHONE, f"07700 9{len(str(self.size))}{number:04}")
            home = mac.contact(ContactKind.POST, f"{number} Madeup Street, Nowhereton {self.size}")
            by_phone = self.called("phone", number)
            yield ContactPoint(self._id(5, number), HERE, one, ContactKind.PHONE, phone, by_phone)
            yield ContactPoint(
                self._id(6, number), HERE, one, ContactKind.POST, home, self.called("home", number), home=True
            )
            yield ContactPoint(self._id(7, number), HERE, partner, ContactKind.POST, home, home=True)
            own = replace(whole, record_id=RecordId(self._id(8, number)), reference=by_phone)
            yield own
            yield RecordParty(self._id(9, number), HERE, own.record_id, "p", Role.SUBJECT, one)
            yield RecordParty(self._id(10, number), HERE, whole.record_id, f"p{number}", Role.SUBJECT, one)

    def called(self, kind: str, number: int) -> str:
        """What systems call one of the people, or a contact point of his."""
        return f"{kind}:{self.size}-{number}"

    def _id(self, kind: int, number: int) -> str:
        return f"{self.size:08}-0000-7000-8000-{kind:04}{number:08}"


def records_of_a_batch(circle: Circle) -> list[Question]:
    return [see(circle) | {"record": circle.called("phone", n)} for n in range(circle.size)]


def people_of_a_record(circle: Circle) -> list[Question]:
    return [see(circle)]


def recipients_by_point(circle: Circle) -> list[Question]:
    return [
        send(
            circle,
            [{"party": f"p{n}", "contactPoint": circle.called("phone", n)} for n in range(circle.size)],
        )
    ]


def recipients_by_identifier(circle: Circle) -> list[Question]:
    return [
        send(
            circle,
            [
                {"person": circle.called("ref", n), "contactPoint": circle.called("home", n)}
                for n in range(circle.size)
            ],
        )
    ]


def interpreters(circle: Circle) -> list[Question]:
    return [
        send(circle, [{"party": "p0", "interpreter": circle.called("ref", n)} for n in range(circle.size)])
    ]


def places_of_fields(circle: Circle) -> list[Question]:
    numbers = range(circle.size)
    fields = [{"name": FIELD, "party": f"p{n}", "place": circle.called("home", n)} for n in numbers]
    return [see(circle) | {"fields": fields}]


def described_people(circle: Circle) -> list[Question]:
    """Each of them may be somebody on file, and is said to be adverse to somebody who is."""
    numbers = range(min(circle.size, MOST_DESCRIBED))
    return [
        see(circle)
        | {
            "fields": [{"name": "summary", "party": "p0"}],
            "description": {
                "people": [
                    {"key": f"k{n}", "name": f"Some Body {n}", "birthDate": "1990-01-01"} for n in numbers
                ],
                "contactPoints": [
                    {"key": f"c{n}", "owners": [f"k{n}"], "kind": "phone", "value": f"07700 98{n:04}"}
                    for n in numbers
                ],
                "relationships": [
                    {"fromPerson": f"k{n}", "toPerson": circle.called("ref", n), "kind": "adverse_to"}
                    for n in numbers
                ],
            },
        }
    ]


def send(circle: Circle, recipients: list[dict[str, str]]) -> Question:
    about = [{"name": "summary", "party": "p0"}]
    return see(circle) | {"verb": "VERB_SEND", "recipients": recipients, "fields": about}


def see(circle: Circle) -> Question:
    return {"user": "w.nurse", "record": circle.record, "fields": [{"name": "summary"}]}


KINDS: Final[dict[str, Callable[[Circle], list[Question]]]] = {
    asked.__name__: asked
    for asked in (
        people_of_a_record,
        recipients_by_point,
        recipients_by_identifier,
        interpreters,
        places_of_fields,
        described_people,
        records_of_a_batch,
    )
}


Cold = tuple[int, int]
"""How many loads and how many statements."""


async def ask(
    road: Installation, token: str, *questions: dict[str, Any]
) -> tuple[Sequence[pb.CheckOutcome], Cold]:
    """What came of each question, asked in one batch, or one alone as a Check, and what it took."""
    checks = [ParseDict(question, pb.CheckRequest()) for question in questions]
    before = road.memory.counters.loads
    with statements() as seen:
        if len(checks) == 1:
            data = await road.call("DecisionService/Check", checks[0].SerializeToString(), token=token)
            outcomes: Sequence[pb.CheckOutcome] = [pb.CheckOutcome(answer=pb.CheckResponse.FromString(data))]
        else:
            batch = pb.BatchCheckRequest(checks=checks)
            data = await road.call("DecisionService/BatchCheck", batch.SerializeToString(), token=token)
            outcomes = pb.BatchCheckResponse.FromString(data).outcomes
    return outcomes, (road.memory.counters.loads - before, len(seen))


def told(outcomes: Sequence[pb.CheckOutcome]) -> list[Any]:
    return [
        (o.answer.effect, [(c.field, c.party, c.recipient, c.effect, c.reason) for c in o.answer.cells])
        for o in outcomes
    ]


@pytest.mark.parametrize("many", [50, pytest.param(500, marks=pytest.mark.torture)])
async def test_the_store_is_asked_as_often_for_one_as_for_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    # So that each revision has memory forget everything, what tells who asks and by which policies, too.
    monkeypatch.setattr("policy_service.facts.reader.MAX_CHANGES", 0)
    async with installation(f"sqlite:///{tmp_path}/facts.db", f"sqlite:///{tmp_path}/log") as road:
        token = await open_world(road)
        circles = [Circle(FEW), Circle(many)]
        put(road.store, *(fact for circle in circles for fact in circle.facts()))
        for kind, questions in KINDS.items():
            counted = {}
            for circle in circles:
                put(road.store, replace(vera, person_id=PersonId(f"{kind}-{circle.size}")))
                asked = questions(circle)
                cold, counted[circle.size] = await ask(road, token, *asked)
                if circle.size <= MOST_WARM:
                    warm, nothing = await ask(road, token, *asked)
                    assert nothing == (0, 0)
                    assert told(cold) == told(warm)
            assert len(set(counted.values())) == 1, f"{kind}: loads and statements: {counted}"
            assert counted[FEW][0] <= DEEPEST
        assert road.memory.counters.restarts >= len(KINDS) * len(circles)


async def test_what_a_revision_changed_is_loaded_at_once(tmp_path: Path) -> None:
    circle = Circle(50)
    async with installation(f"sqlite:///{tmp_path}/facts.db", f"sqlite:///{tmp_path}/log") as road:
        token = await open_world(road)
        put(road.store, *circle.facts())
        await ask(road, token, *records_of_a_batch(circle))
        relations = [fact for fact in circle.facts() if isinstance(fact, Relationship)]
        put(road.store, *(replace(relation, basis="order") for relation in relations))
        with statements() as moved:
            await ask(road, token, *records_of_a_batch(circle))
    changes, *again = moved
    assert "FROM changes" in changes
    assert len(again) == len(("relationships_from", "relationships_to")), "what changed, and not all"
    assert all("relationships" in statement for statement in again)


async def test_in_a_round_a_question_does_not_wait_for_what_its_batch_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody in its group waits for it, and the group has a second or two."""
    monkeypatch.setattr("policy_service.facts.reader.MAX_CHANGES", 0)  # memory forgets everything
    warmed: list[str] = []
    when = "asked"

    class Counted(Together):
        async def warm(self, *cold: Any) -> bool:
            warmed.append(when)
            return await super().warm(*cold)

    async with installation(f"sqlite:///{tmp_path}/facts.db", f"sqlite:///{tmp_path}/log") as road:
        token = await open_world(road)
        circle = Circle(FEW)
        put(road.store, *circle.facts())
        await road.memory.advance(road.reader.head())
        call = parse_check(ParseDict(see(circle), pb.CheckRequest()).SerializeToString())
        commit = road.checks.commit

        async def moving(pending: Pending) -> None:
            nonlocal when
            when = "in the round"
            put(road.store, replace(vera, person_id=PersonId("somebody-else")))
            await commit(pending)

        monkeypatch.setattr(road.checks, "commit", moving)
        loads = road.memory.counters.loads
        answer = await road.checks.check(token, call, together=Counted(lambda: [call]))
    assert answer.effect is Effect.PERMIT
    assert set(warmed) == {"asked"}
    assert road.memory.counters.loads > loads + DEEPEST, "it was not decided again from nothing"


async def test_who_has_more_facts_than_a_decision_may_look_at_is_not_available(tmp_path: Path) -> None:
    """Of what is on file the answer tells nothing: it is that of an unknown record. The entry says why."""
    async with installation(f"sqlite:///{tmp_path}/facts.db", f"sqlite:///{tmp_path}/log") as road:
        token = await open_world(road)
        circle = Circle(FEW)
        put(road.store, *circle.facts())
        (one,) = (fact for fact in circle.facts() if isinstance(fact, RecordParty) and fact.party == "p0")
        known, _ = await ask(road, token, see(circle))
        assert known[0].answer.effect == pb.EFFECT_PERMIT

        points = [
            ContactPoint(f"{n}", HERE, one.person_id, ContactKind.EMAIL, Fingerprint(f"{n}"))
            for n in range(MOST_FACTS - 1)  # he has a phone and a home besides
        ]
        put(road.store, *points)
        too_much, _ = await ask(road, token, see(circle))
        unknown, _ = await ask(road, token, see(circle) | {"record": "NOBODY-KNOWS"})
        assert told(too_much) == told(unknown)
        decision_id = too_much[0].answer.decision_id
        stored = road.log.get(decision_id)
        assert stored is not None
        assert log_pb.LogEntry.FromString(stored.data).decision.cause == "too_many_facts"
        assert any(kind.reason == "TOO_MANY_FACTS" for kind in road.checks.counters.outcomes)
        again = log_pb.DecisionLogServiceReplayRequest(decision_id=decision_id).SerializeToString()
        data = await road.call("DecisionLogService/Replay", again, token=road.administrator)
        assert log_pb.DecisionLogServiceReplayResponse.FromString(data).same

        put(road.store, removed=(points[0],))
        mended, _ = await ask(road, token, see(circle))
        assert told(mended) == told(known)
