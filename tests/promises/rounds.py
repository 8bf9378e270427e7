"""Rounds of "record here, check there at once": by many writers, at every control, for every worker.

Each round puts something on file by one control, and the moment that this was acknowledged asks a worker that
is chosen at random, whichever service it belongs to. An answer that what was just acknowledged forbids, or
that lacks what it permits, is stale. No answer at all is not: a process may say that it cannot answer.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from policy_service.api.v1 import access_pb2, people_pb2, record_pb2
from tests.server.calling import Client, Refused
from tests.support.asking import PERMIT, Manager, check
from tests.support.publishing import publish, put_set, withholding
from tests.support.shipped import POLICY_SET as SHIPPED

WRITERS = 8
SECONDS = 30.0
TRIES = 50
"""Of a check until it is answered."""
LETTERS = "communication.need"
"""The category that the stricter of two sets denies."""
PERMITTED, DENIED, SHUT_OUT = "permitted", "denied", "shut out"
LET_IN = (PERMITTED, DENIED)

Answer = TypeVar("Answer")

_NO_ANSWER = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"}


class _Broken(Exception):
    """A write was not acknowledged, so the round shows nothing."""


@dataclass
class Rounds:
    """`controls`: the port of each; `workers`: connections, at least one to each worker."""

    controls: Sequence[int]
    workers: Sequence[Client]
    administrator: str
    token: str
    stale: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    """Rounds by their kind, and checks that were answered."""
    why: Counter[str] = field(default_factory=Counter)
    """Why checks got no answer."""
    failed: list[BaseException] = field(default_factory=list)
    _left: itertools.count[int] = field(default_factory=itertools.count)
    _ready: threading.Barrier = field(default_factory=lambda: threading.Barrier(WRITERS))
    """No writer begins his rounds before the last one can: each has his share of them."""
    _enough: threading.Event = field(default_factory=threading.Event)

    def run(self, count: int, *, until_stale: bool = False) -> None:
        """Go `count` rounds, or until the first stale answer: of the same rounds, so that what is known to be
        broken shows what they see.
        """
        if until_stale:
            self.stale = _Until(self._enough)
        threads = [threading.Thread(target=self._write, args=(n, count)) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failed:
            raise self.failed[0]

    def _write(self, writer: int, count: int) -> None:
        chance = random.Random(writer)
        with ExitStack() as stack:
            managers = [Manager(port, self.administrator) for port in self.controls]
            for manager in managers:
                stack.callback(manager.close)
            try:
                desk = _Desk(self, writer, managers, chance)
                self._ready.wait()
                for kind in itertools.cycle(desk.kinds):
                    if self._enough.is_set() or (number := next(self._left)) >= count:
                        break
                    try:
                        kind(number)
                        self.done[kind.__name__] += 1
                    except _Broken:
                        self.done["broken"] += 1
            except BaseException as error:
                self.failed.append(error)
                self._enough.set()
                self._ready.abort()


class _Until(list[str]):
    def __init__(self, enough: threading.Event) -> None:
        super().__init__()
        self._enough = enough

    def append(self, stale: str) -> None:
        super().append(stale)
        self._enough.set()


class _Desk:
    """One writer."""

    def __init__(
        self, rounds: Rounds, writer: int, managers: Sequence[Manager], chance: random.Random
    ) -> None:
        self._rounds = rounds
        self._managers = managers
        self._chance = chance
        self._record = f"W-{writer}"
        self._nurse, self._partner, self._system = f"n-{writer}", f"ref:partner-{writer}", f"screens-{writer}"
        self._put(lambda manager: manager.put_patient(self._record))
        for person in (f"ref:{self._nurse}", self._partner):
            self._put(lambda manager, person=person: _put_person(manager, person))  # type: ignore[misc]
        self._put(lambda manager: _put_user(manager, self._nurse))
        self._put(lambda manager: _relate(manager, f"ref:{self._nurse}", self._partner, "partner"))
        self._put(lambda manager: manager.put_system(self._system))
        self._token = self._put(lambda manager: manager.issue(system=self._system))[1]
        self.kinds: tuple[Callable[[int], None], ...] = (
            self.a_request,
            self.a_token,
            self.a_relation_two_hops_away,
            self.a_suspended_system,
        )
        if writer == 0:  # one set is published for everybody, so that one writer publishes
            self._put(_put_letters)
            self._stricter = self._put(lambda manager: put_set(manager, withholding(LETTERS)))
            self.kinds = (self.a_policy_set, *self.kinds)

    def a_request(self, number: int) -> None:
        nurse = f"nurse-{number}"
        self._put(lambda manager: manager.put_nurse(nurse))
        self._expect((PERMITTED,), "a nurse who is on file", nurse=nurse)
        self._put(lambda manager: manager.exclude(nurse, self._record, seconds=SECONDS))
        self._expect((DENIED,), "a request that is recorded", nurse=nurse)

    def a_token(self, _: int) -> None:
        token_id, token = self._put(lambda manager: manager.issue(system="ward-screens"))
        self._expect(LET_IN, "a token that is issued", token=token)
        self._put(lambda manager: manager.revoke(token_id))
        self._expect((SHUT_OUT,), "a token that is revoked", token=token)

    def a_relation_two_hops_away(self, number: int) -> None:
        """The nurse's partner becomes adverse to the patient: nothing of the nurse herself has changed."""
        record = f"R-{number}"
        self._put(lambda manager: manager.put_patient(record))
        self._expect((PERMITTED,), "a patient who is on file", nurse=self._nurse, record=record)
        self._put(lambda manager: _relate(manager, self._partner, f"ref:{record}", "adverse_to"))
        self._expect((DENIED,), "a partner who is adverse", nurse=self._nurse, record=record)

    def a_suspended_system(self, _: int) -> None:
        self._put(lambda manager: manager.put_system(self._system, suspended=True))
        self._expect((SHUT_OUT,), "a system that is suspended", token=self._token)
        self._put(lambda manager: manager.put_system(self._system))
        self._expect(LET_IN, "a system that is let in again", token=self._token)

    def a_policy_set(self, _: int) -> None:
        """What is published decides; nothing else on file has changed."""
        self._put(lambda manager: publish(manager, self._stricter))
        self._expect((DENIED,), "a stricter set that is published", record="L-1")
        self._put(lambda manager: publish(manager, SHIPPED.policy_set_id))
        self._expect((PERMITTED,), "the set before, published again", record="L-1")

    def _put(self, write: Callable[[Manager], Answer]) -> Answer:
        try:
            return write(self._chance.choice(self._managers))
        except Refused as refused:
            if refused.code.name in _NO_ANSWER:
                raise _Broken from refused
            raise

    def _expect(
        self,
        wanted: tuple[str, ...],
        what: str,
        *,
        nurse: str = "nurse",
        record: str = "F-1",
        token: str = "",
    ) -> None:
        """Ask any worker, at once; and another, while one says that it cannot answer."""
        if nurse != "nurse" and record == "F-1":
            record = self._record
        token = token or self._rounds.token
        told = self._until_told(token, nurse, record)
        self._rounds.done["answered"] += 1
        if told not in wanted:
            self._rounds.stale.append(what)

    def _until_told(self, token: str, nurse: str, record: str) -> str:
        for _ in range(TRIES):
            told = self._told(self._chance.choice(self._rounds.workers), token, nurse, record)
            if told is not None:
                return told
        raise AssertionError(f"no worker answers: {self._rounds.why}")

    def _told(self, worker: Client, token: str, nurse: str, record: str) -> str | None:
        try:
            permitted = check(worker, token, nurse, record, seconds=SECONDS).effect == PERMIT
            return PERMITTED if permitted else DENIED
        except Refused as refused:
            if refused.code.name == "UNAUTHENTICATED":
                return SHUT_OUT
            if refused.code.name not in _NO_ANSWER:
                raise
            self._rounds.why[refused.reason] += 1
            return None


def _put_letters(manager: Manager) -> None:
    """A record whose summary is of a category that no other record's is."""
    field = record_pb2.FieldType(name="summary", categories=[LETTERS], about=["subject"])
    record_type = record_pb2.RecordType(name="letters", extends="base.case", fields=[field])
    manager.call(
        "RecordService/PutRecordType",
        record_pb2.PutRecordTypeRequest(record_type=record_type),
        seconds=SECONDS,
    )
    _put_person(manager, "ref:L-1")
    party = record_pb2.Party(party="patient", role="subject", person="ref:L-1")
    record = record_pb2.Record(reference="L-1", record_type="letters", teams=["ward"], parties=[party])
    manager.call("RecordService/PutRecord", record_pb2.PutRecordRequest(record=record), seconds=SECONDS)


def _put_person(manager: Manager, identifier: str) -> None:
    person = people_pb2.Person(identifiers=[identifier])
    manager.call("PeopleService/PutPerson", people_pb2.PutPersonRequest(person=person), seconds=SECONDS)


def _put_user(manager: Manager, nurse: str) -> None:
    user = access_pb2.User(reference=nurse, person=f"ref:{nurse}", roles=["nurse"], teams=["ward"])
    manager.call("AccessService/PutUser", access_pb2.PutUserRequest(user=user), seconds=SECONDS)


def _relate(manager: Manager, from_person: str, to_person: str, kind: str) -> None:
    relationship = people_pb2.Relationship(from_person=from_person, to_person=to_person, kind=kind)
    put = people_pb2.PutRelationshipRequest(relationship=relationship)
    manager.call("PeopleService/PutRelationship", put, seconds=SECONDS)
