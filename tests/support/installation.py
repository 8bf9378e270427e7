"""A whole installation in this process, without sockets: the real stores, the real log, the real round."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from policy_service.decision_log import url as log_urls
from policy_service.decision_log.entries import Versions
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.round import CommitRound
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts import schema
from policy_service.facts.decision_clock import DecisionClock
from policy_service.facts.epochs import Epochs
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.facts.revision_token import RevisionTokens
from policy_service.facts.store import Change, FactStore
from policy_service.facts.tokens import make_token
from policy_service.facts.view import ColdFacts
from policy_service.model.caller import Caller
from policy_service.model.facts import INSTALLATION, Controller, Revision, Token
from policy_service.model.ids import time_ordered_id
from policy_service.model.vocabulary import StaffRole
from policy_service.server.handlers import Call, Method, Router
from policy_service.server.preparing import nobody_else
from policy_service.server.servicers_access import access_methods
from policy_service.server.servicers_casework import casework_methods
from policy_service.server.servicers_decision import decision_methods
from policy_service.server.servicers_log import log_methods
from policy_service.server.servicers_people import people_methods
from policy_service.server.servicers_policies import policy_methods
from policy_service.server.servicers_records import record_methods
from policy_service.server.servicers_requests import request_methods
from policy_service.server.servicers_retention import retention_methods
from policy_service.service.access import Access
from policy_service.service.backends import Backends
from policy_service.service.caller import authenticate
from policy_service.service.casework import Casework
from policy_service.service.check import CheckService, DeciderParts
from policy_service.service.desk import ControlDesk
from policy_service.service.erasure import Erasure
from policy_service.service.log_questions import LogQuestions
from policy_service.service.log_search import LogSearches
from policy_service.service.people import People
from policy_service.service.policies import shipped_policy_set
from policy_service.service.records import Records
from policy_service.service.replay import Replays
from policy_service.service.requests import Requests
from policy_service.service.retention import Retention
from tests.decision_log.deciding import PATIENT
from tests.support.migrated import place
from tests.support.replaying import replay_at_session_end

POLICIES = Path(__file__).parents[2] / "policies"
KEY = bytes(range(32))
VERSIONS = Versions(engine=1, key_generation=1, time_zones="test", phone_data="test")


@dataclass(frozen=True, slots=True)
class Installation:
    """Calls methods as the door's wrapper does, with a caller judged from the newest facts."""

    checks: CheckService
    router: Router
    reader: FactsReader
    memory: FactsMemory
    round: CommitRound
    administrator: str
    log: LogReader
    worker_log: StreamWriter
    store: FactStore

    async def call(self, method: str, message: bytes, *, token: str, controller: str = "") -> bytes:
        caller = await self._caller(token)
        found = self.router.methods[f"/policy_service.api.v1.{method}"]
        call = Call(caller, method, Controller(controller) or caller.controller, token)
        if found.several is not None:
            questions = found.several.open(message)
            gather = found.several.together
            together = replace(call, together=None if gather is None else gather(questions))
            answers = [await self._answer(found, together, each) for each in questions]
            several: bytes = found.several.close(answers)
            return several
        return await self._answer(found, call, message)

    @staticmethod
    async def _answer(found: Method[Any, Any], call: Call, message: bytes) -> bytes:
        return found.serialise(await found.call(call, found.parse(message)))

    async def _caller(self, token: str) -> Caller:
        """As the door does for a token that memory does not know."""
        while True:
            await self.memory.advance(self.reader.head())
            try:
                return authenticate(self.memory.view, token, datetime.now(UTC))
            except ColdFacts as cold:
                await self.memory.load(cold.keys)


@asynccontextmanager
async def installation(
    facts_url: str,
    log_url: str,
    *,
    before_head: Callable[[], None] = lambda: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    policies: Path = POLICIES,
    replayed: bool = True,
    whole: bool = False,
) -> AsyncIterator[Installation]:
    """Open an installation on two empty databases.

    `before_head` is called in the committer's thread before it reads the head: a test that moves the head
    between a decision and its commit waits there. `now` is the worker's clock. `policies` are published.
    Its decisions are replayed when the session ends, all of them if it is to be the `whole`; none where the
    test makes them by another `decide` than there is, or writes such entries itself (`replayed`).
    """
    if replayed:
        replay_at_session_end(facts_url, log_url, KEY, whole=whole)
    place(facts_url)
    schema.migrate(facts_url)
    log_urls.migrate(log_url)
    fingerprints = Fingerprinter(KEY)
    with ExitStack() as stack:
        control_log = stack.enter_context(StreamWriter.open(log_url, "control"))
        worker_log = stack.enter_context(StreamWriter.open(log_url, "worker-0"))
        store = FactStore(facts_url, stream_id=control_log.stream_id)
        stack.callback(store.close)
        reader = FactsReader(facts_url)
        stack.callback(reader.close)
        tokens = RevisionTokens(KEY, Epochs.read(reader))
        memory, control_memory = FactsMemory(reader), FactsMemory(reader, most=None)
        stack.callback(memory.close)
        stack.callback(control_memory.close)
        administrator = _first_start(store, policies)
        desk = ControlDesk(
            Backends(reader, control_memory, store, control_log, fingerprints, VERSIONS, tokens)
        )
        await desk.start()
        log = LogReader(log_url)
        searches = LogSearches(desk, log)
        managing = (
            *access_methods(Access(desk)),
            *policy_methods(desk, nobody_else),
            *casework_methods(Casework(desk)),
            *people_methods(People(desk)),
            *record_methods(Records(desk)),
            *request_methods(Requests(desk)),
            *retention_methods(Retention(desk, reader), Erasure(desk, reader)),
            *log_methods(
                LogQuestions(desk, log.get),
                searches,
                Replays(desk, reader, log.get, VERSIONS, lambda: datetime.now(UTC)),
            ),
        )
        await memory.advance(reader.head())

        async def advance(revision: int) -> None:
            await memory.advance(Revision(revision))

        clock = DecisionClock(now)

        def head() -> int:
            before_head()
            seen = reader.head_and_time()
            clock.saw(seen)
            return seen.revision

        # Whoever asks shares the event loop, which is late when many ask: time is not the matter here.
        async with CommitRound(head=head, advance=advance, writer=worker_log, limits=PATIENT) as commit_round:
            parts = DeciderParts(memory, commit_round, fingerprints, tokens, VERSIONS, clock)
            checks = CheckService(parts)
            router = Router.of((*managing, *decision_methods(checks, log.get)))
            yield Installation(
                checks, router, reader, memory, commit_round, administrator, log, worker_log, store
            )
        await searches.close()
        await desk.close()


def _first_start(store: FactStore, policies: Path) -> str:
    now, new = datetime.now(UTC), make_token()
    token = Token(
        token_id=new.token_id,
        controller=INSTALLATION,
        secret_hash=new.secret_hash,
        created_at=now,
        expires_at=now + timedelta(days=1),
        principal="first-administrator",
        roles=tuple(StaffRole),
    )
    facts = (shipped_policy_set(policies), token)
    change = Change("test", INSTALLATION, "first start", facts, time_ordered_id(now), now)
    store.write(change, lambda _: b"first start")
    return new.text
