"""A control plane on real stores, and the people who manage with it.

The police and the trust are two organisations; the installation's administrator acts for both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.engine.url import make_url

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.entries import Versions
from policy_service.decision_log.entry import StoredEntry
from policy_service.decision_log.location import Timeouts
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from policy_service.decision_log.url import migrate as migrate_log
from policy_service.facts.epochs import Epochs
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.keys import Key
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.facts.revision_token import RevisionTokens
from policy_service.facts.schema import migrate as migrate_facts
from policy_service.facts.store import Change, FactStore
from policy_service.facts.tokens import make_token
from policy_service.facts.view import FactsView
from policy_service.model.caller import Caller
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import INSTALLATION, Controller, Fact, PolicySet, Revision, Token
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import StaffRole
from policy_service.service.access import Access
from policy_service.service.backends import Backends
from policy_service.service.casework import Casework
from policy_service.service.desk import ControlDesk
from policy_service.service.erasure import Erasure
from policy_service.service.log_questions import LogQuestions
from policy_service.service.log_search import LogSearches
from policy_service.service.outbox import Outbox
from policy_service.service.people import People
from policy_service.service.policies import shipped_policy_set
from policy_service.service.policy_questions import PolicyQuestions
from policy_service.service.policy_sets import PolicySets
from policy_service.service.publishing import Publishing
from policy_service.service.records import Records
from policy_service.service.requests import Requests
from policy_service.service.retention import Retention

POLICE = Controller("police")
TRUST = Controller("trust")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KEY = bytes(range(32))
SLOT = "control"
VERSIONS = Versions(engine=1, key_generation=1, time_zones="2026a", phone_data="9.0.0")
POLICIES = Path(__file__).parents[2] / "policies"
IMPATIENT = Timeouts(connect=1.0, statement=0.3, turn=0.3, again=0.2)
"""So that a test of a log that cannot be written does not wait for long."""

BESIDE = "Test/Put"
"""The method of entries that a test has left, and no use case."""


@dataclass(frozen=True)
class Call:
    """A call as the edge would hand it over."""

    caller: Caller
    authorization: str
    method: str = "TestService/Test"
    controller: Controller = INSTALLATION
    trace_id: bytes = b""


@dataclass(frozen=True)
class Manager:
    """Somebody with a token of his own."""

    token: Token
    secret: str

    def calling(self, method: str = "TestService/Test", *, acting_for: Controller | None = None) -> Call:
        """A call of his; `acting_for` is the metadata `x-controller`."""
        token = self.token
        roles = frozenset(token.roles)
        caller = Caller(token.token_id, token.controller, token.system, token.principal, roles)
        return Call(caller, self.secret, method, token.controller if acting_for is None else acting_for)


@dataclass
class Stores:
    """Where one installation keeps its facts and its log."""

    facts_url: str
    log_url: str

    def entries(self) -> list[LogEntry]:
        """What the control's stream holds, in its order."""
        return [LogEntry.FromString(stored.data) for stored in self.stored_entries()]

    def stored_entries(self) -> list[StoredEntry]:
        log = LogReader(self.log_url)
        return [entry for stream in log.streams() for entry in log.entries(stream.stream_id)]


@dataclass
class Control:
    """The use cases, and what a test looks behind them with."""

    stores: Stores
    desk: ControlDesk
    store: FactStore
    log: StreamWriter
    reader: FactsReader
    clock: Clock
    lost: list[str]
    """Not empty once the desk has said that its stream is another process's."""
    people: People
    records: Records
    requests: Requests
    access: Access
    casework: Casework
    log_questions: LogQuestions
    log_searches: LogSearches
    policy_questions: PolicyQuestions
    retention: Retention
    erasure: Erasure
    policy_sets: PolicySets
    publishing: Publishing
    prepared: list[str]
    """The sets that decision workers were told to prepare, in their order."""

    def put(self, *facts: Fact) -> Revision:
        """Put facts on file as a revision whose entry is in the log, beside the use cases."""
        change = Change("test", INSTALLATION, "", facts, random_id(), NOON)
        written = self.store.write(change, lambda _: LogEntry(method=BESIDE).SerializeToString())
        Outbox(self.store, self.log).deliver()
        return written.revision

    def publish(self, before: PolicySet, after: PolicySet) -> None:
        """Publish a set in place of another, beside the use cases."""
        change = Change("test", INSTALLATION, "", (after,), random_id(), NOON, removed=(before,))
        self.store.write(change, lambda _: LogEntry(method=BESIDE).SerializeToString())
        Outbox(self.store, self.log).deliver()

    def manager(self, principal: str, *roles: StaffRole, controller: Controller = POLICE) -> Manager:
        """Somebody new who manages."""
        manager = _manager(principal, *roles, controller=controller)
        self.put(manager.token)
        return manager

    def entries(self) -> list[LogEntry]:
        """What use cases have left in the log."""
        return [entry for entry in self.stores.entries() if entry.method != BESIDE]

    async def seen_elsewhere(self, *wanted: Key) -> FactsView:
        """What another process sees that reads the head now, as a check does."""
        memory = FactsMemory(self.reader)
        await memory.advance(self.reader.head())
        await memory.load(wanted)
        memory.close()
        return memory.view


@dataclass
class Clock:
    """The time that the desk is told."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


def _manager(principal: str, *roles: StaffRole, controller: Controller = POLICE) -> Manager:
    made = make_token()
    token = Token(
        made.token_id,
        controller,
        made.secret_hash,
        NOON - timedelta(days=1),
        NOON + timedelta(days=89),
        principal=principal,
        roles=roles,
    )
    return Manager(token, made.text)


ADMIN = _manager("police-admin", StaffRole.ADMINISTRATOR)
OFFICER = _manager("police-officer", StaffRole.PRIVACY_OFFICER)
APPROVER = _manager("police-approver", StaffRole.APPROVER)
AUDITOR = _manager("police-auditor", StaffRole.AUDITOR)
TRUST_ADMIN = _manager("trust-admin", StaffRole.ADMINISTRATOR, controller=TRUST)
TRUST_OFFICER = _manager("trust-officer", StaffRole.PRIVACY_OFFICER, controller=TRUST)
TRUST_AUDITOR = _manager("trust-auditor", StaffRole.AUDITOR, controller=TRUST)
FIRST = _manager("first", *StaffRole, controller=INSTALLATION)
"""The installation's administrator, with all four roles."""
EVERYBODY = (ADMIN, OFFICER, APPROVER, AUDITOR, TRUST_ADMIN, TRUST_OFFICER, TRUST_AUDITOR, FIRST)


def _policies() -> PolicySet:
    return shipped_policy_set(POLICIES)


async def prepare(stores: Stores) -> None:
    """Make the stores, and put the policies and everybody who manages on file."""
    migrate_facts(stores.facts_url)
    migrate_log(stores.log_url)
    async with running(stores) as control:
        control.put(_policies(), *(manager.token for manager in EVERYBODY))
        control.store.witness(NOON + timedelta(days=400))  # so that tests may set the clock ahead


_open: Final[list[FactStore]] = []
"""The stores of the control planes that run, whose heads `refusals` looks at."""


@asynccontextmanager
async def running(
    stores: Stores, slot: str = SLOT, timeouts: Timeouts | None = None
) -> AsyncIterator[Control]:
    """A control plane on these stores; it goes on where an earlier one of its slot ended. `timeouts`: of its
    log.
    """
    with ExitStack() as stack:
        log = stack.enter_context(StreamWriter.open(stores.log_url, slot, timeouts=timeouts))
        store = stack.enter_context(FactStore(stores.facts_url, stream_id=log.stream_id))
        reader = FactsReader(stores.facts_url)
        stack.callback(reader.close)
        memory = FactsMemory(reader, most=None)
        stack.callback(memory.close)
        clock = Clock()
        tokens = RevisionTokens(KEY, Epochs.read(reader))
        backends = Backends(reader, memory, store, log, Fingerprinter(KEY), VERSIONS, tokens)
        lost: list[str] = []
        desk = ControlDesk(backends, clock=clock, on_lost=lambda: lost.append("lost"))
        questions = PolicyQuestions(desk)
        prepared: list[str] = []

        async def workers(policy_set_id: str, _: Revision) -> None:
            prepared.append(policy_set_id)

        control = Control(
            stores,
            desk,
            store,
            log,
            reader,
            clock,
            lost,
            People(desk),
            Records(desk),
            Requests(desk),
            Access(desk),
            Casework(desk),
            LogQuestions(desk, LogReader(stores.log_url).get),
            LogSearches(desk, LogReader(stores.log_url)),
            questions,
            Retention(desk, reader),
            Erasure(desk, reader),
            PolicySets(desk, questions),
            Publishing(desk, questions, workers),
            prepared,
        )
        await desk.start()
        _open.append(store)
        try:
            yield control
        finally:
            _open.remove(store)
            await control.log_searches.close()
            await desk.close()


def values_at_rest(stores: Stores) -> Iterator[bytes]:
    """Every value of every table of facts and log, as bytes: what somebody with the databases could read."""
    for engine in _engines(stores):
        with engine.connect() as connection:
            for table in inspect(connection).get_table_names():
                for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"'):
                    for value in row:
                        yield value if isinstance(value, bytes) else str(value).encode()
        engine.dispose()


def _engines(stores: Stores) -> Iterator[Engine]:
    yield create_engine(stores.facts_url)
    if stores.log_url.startswith("sqlite"):
        for file in Path(str(make_url(stores.log_url).database)).glob("*.db"):
            yield create_engine(f"sqlite:///{file}")
    else:
        yield create_engine(stores.log_url)


Refusals = list[tuple[str, str]]


async def refusals(asks: Iterable[Awaitable[object]]) -> Refusals:
    """The field and the reason for which each of these is refused; nothing of it is on file."""
    refused: Refusals = []
    for ask in asks:
        heads = [store.head() for store in _open]
        try:
            await ask
        except InvalidArgumentError as error:
            refused.append((error.field, error.reason))
            assert [store.head() for store in _open] == heads, refused[-1]
        else:
            refused.append(("", "accepted"))
    return refused
