"""The composition root: what control and a decision worker are made of, wired in one visible place.

Each opener yields what `serving` serves, and closes everything when it is left, in the opposite order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import policy_service
from policy_service.decision_log import url as log_url
from policy_service.decision_log.entries import Head, Versions, refused_callers_entry, stream_entry
from policy_service.decision_log.entry import Entry
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.round import CommitRound
from policy_service.decision_log.stream import StreamWriter
from policy_service.engine.errors import PolicyDocumentError, PolicySetError
from policy_service.facts import schema
from policy_service.facts.decision_clock import DecisionClock
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.base_types import BaseTypeError
from policy_service.facts.key_file import load_or_create_key
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.facts.revision_token import RevisionTokens
from policy_service.facts.store import FactStore
from policy_service.model.caller import NOBODY, Caller
from policy_service.model.errors import PolicyServiceError
from policy_service.model.facts import Revision
from policy_service.model.ids import time_ordered_id
from policy_service.server.authenticator import Authenticator
from policy_service.server.errors import Refusal, StartError
from policy_service.server.exporting import exporters
from policy_service.server.handlers import Call, Router, WriteRefusal
from policy_service.server.metrics import Metric, of_calls, of_decisions, of_memory, of_round
from policy_service.server.refusals import RefusedCallers, WriteSummaries
from policy_service.server.servicers_access import access_methods
from policy_service.server.servicers_casework import casework_methods
from policy_service.server.servicers_decision import decision_methods
from policy_service.server.servicers_log import log_methods
from policy_service.server.servicers_people import people_methods
from policy_service.server.servicers_policies import policy_methods
from policy_service.server.servicers_records import record_methods
from policy_service.server.servicers_requests import request_methods
from policy_service.server.settings import Settings
from policy_service.server.telemetry import Telemetry
from policy_service.service.access import Access
from policy_service.service.caller import authenticate
from policy_service.service.casework import Casework
from policy_service.service.check import CheckService, DeciderParts
from policy_service.service.desk import Backends, ControlDesk
from policy_service.service.first_start import FirstStart
from policy_service.service.log_questions import LogQuestions
from policy_service.service.log_search import LogSearches
from policy_service.service.people import People
from policy_service.service.policies import PolicySetUnreadableError
from policy_service.service.policy_questions import PolicyQuestions
from policy_service.service.records import Records
from policy_service.service.requests import Requests

ENGINE_SEMANTICS = 1
"""The version of what policies mean; a replay needs to know it."""

CONTROL_SLOT = "control"
WORKER_SLOT = "worker-0"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process serves, whichever it is."""

    router: Router
    authenticator: Authenticator
    write_refusal: WriteRefusal
    write_summaries: WriteSummaries
    broken: asyncio.Event
    """Set when the process can no longer do its work, and must end."""
    telemetry: Telemetry = field(default_factory=Telemetry)
    prometheus: str = ""
    """Where the process's metrics can be read, `host:port`; or empty."""


def utc_now() -> datetime:
    """The process's clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_control(settings: Settings) -> AsyncIterator[Parts]:
    """Migrate, prepare a first start, and open the control plane.

    Raises `StartError` and `PolicyServiceError`.
    """
    async with AsyncExitStack() as stack:
        control = await asyncio.to_thread(_open_control_stores, settings, stack)
        memory = FactsMemory(control.reader)
        stack.callback(memory.close)
        sent = await stack.enter_async_context(exporters(settings, CONTROL_SLOT))
        telemetry = Telemetry(sent.tracing)
        sent.show((*of_calls(telemetry), *_of_memory(control.reader, memory)), settings.control_prometheus)
        broken = asyncio.Event()
        desk = ControlDesk(
            Backends(
                control.reader,
                memory,
                control.store,
                control.log,
                control.fingerprinter,
                control.versions,
                control.tokens.seal,
            ),
            clock=utc_now,
            on_lost=broken.set,
        )
        await desk.start()
        log = LogReader(settings.log)
        searches = LogSearches(desk, log)
        router = Router.of(
            (
                *request_methods(Requests(desk)),
                *people_methods(People(desk)),
                *record_methods(Records(desk)),
                *access_methods(Access(desk)),
                *policy_methods(PolicyQuestions(desk)),
                *casework_methods(Casework(desk)),
                *log_methods(LogQuestions(desk, log.get), searches),
            )
        )

        async def write_refusal(call: Call, error: PolicyServiceError, refusal: Refusal) -> None:
            await desk.refused(call, status=refusal.code.name, reason=error.reason, field=refusal.field_path)

        try:
            yield Parts(
                router,
                _authenticator(control.reader, memory),
                write_refusal,
                _summaries(control, memory),
                broken,
                telemetry,
                sent.prometheus,
            )
        finally:
            await searches.close()
            await desk.close()


@asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[Parts]:
    """Open a decision worker; control has migrated. Raises `PolicyServiceError`."""
    async with AsyncExitStack() as stack:
        worker = await asyncio.to_thread(_open_stores, settings, WORKER_SLOT, stack)
        memory = FactsMemory(worker.reader)
        stack.callback(memory.close)
        sent = await stack.enter_async_context(exporters(settings, WORKER_SLOT))
        telemetry = Telemetry(sent.tracing)
        broken = asyncio.Event()

        async def advance(revision: int) -> None:
            await memory.advance(Revision(revision))

        await advance(await asyncio.to_thread(worker.reader.head))
        clock = DecisionClock(utc_now)

        def head() -> int:
            seen = worker.reader.head_and_time()
            clock.saw(seen)
            return seen.revision

        async with CommitRound(
            head=head,
            advance=advance,
            writer=worker.log,
            on_death=lambda _: broken.set(),
        ) as commit_round:
            checks = CheckService(
                DeciderParts(
                    memory, commit_round, worker.fingerprinter, worker.tokens, worker.versions, clock
                )
            )
            await checks.warm()
            sent.show(
                (
                    *of_calls(telemetry),
                    *of_decisions(checks.counters),
                    *of_round(commit_round.counters),
                    *_of_memory(worker.reader, memory),
                ),
                settings.decision_prometheus,
            )

            async def write_refusal(call: Call, error: PolicyServiceError, refusal: Refusal) -> None:
                await checks.refused(
                    call.caller,
                    call.method,
                    status=refusal.code.name,
                    reason=error.reason,
                    field=refusal.field_path,
                    trace_id=call.trace_id,
                )

            yield Parts(
                Router.of(decision_methods(checks, LogReader(settings.log).get)),
                _authenticator(worker.reader, memory),
                write_refusal,
                _summaries(worker, memory),
                broken,
                telemetry,
                sent.prometheus,
            )


def _of_memory(reader: FactsReader, memory: FactsMemory) -> Iterator[Metric]:
    return of_memory(reader.head, lambda: memory.view.revision)


@dataclass(frozen=True, slots=True)
class _Stores:
    """What both kinds of processes open."""

    reader: FactsReader
    log: StreamWriter
    fingerprinter: Fingerprinter
    tokens: RevisionTokens
    versions: Versions


@dataclass(frozen=True, slots=True)
class _ControlStores(_Stores):
    store: FactStore


def _open_control_stores(settings: Settings, stack: AsyncExitStack) -> _ControlStores:
    settings.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    schema.migrate(settings.facts)
    if not settings.log.startswith("sqlite:"):
        # On SQLite each writer brings its own file up to date, and a worker may be writing its own now.
        log_url.migrate(settings.log)
    stores = _open_stores(settings, CONTROL_SLOT, stack)
    store = stack.enter_context(FactStore(settings.facts, stream_id=stores.log.stream_id))
    first = FirstStart(store, stores.reader, stores.versions, utc_now)
    try:
        first.publish_policies(settings.policies_dir or _shipped_policies())
    except (PolicySetUnreadableError, PolicyDocumentError, BaseTypeError, PolicySetError) as error:
        raise StartError(f"the policies cannot be published: {error}") from error
    first.make_administrator(settings.admin_token)
    return _ControlStores(
        stores.reader, stores.log, stores.fingerprinter, stores.tokens, stores.versions, store
    )


def _open_stores(settings: Settings, slot: str, stack: AsyncExitStack) -> _Stores:
    key = load_or_create_key(settings.fingerprint_key)
    fingerprinter = Fingerprinter(key)
    versions = Versions(
        engine=ENGINE_SEMANTICS,
        key_generation=fingerprinter.generation,
        time_zones=metadata.version("tzdata"),
        phone_data=metadata.version("phonenumbers"),
    )
    log = stack.enter_context(StreamWriter.open(settings.log, slot))
    reader = FactsReader(settings.facts)
    stack.callback(reader.close)
    _say_opened(log, settings.log, reader.head(), versions)
    return _Stores(reader, log, fingerprinter, RevisionTokens(key), versions)


def _authenticator(reader: FactsReader, memory: FactsMemory) -> Authenticator:
    def judge(authorization: str) -> Caller:
        return authenticate(memory.view, authorization, utc_now())

    async def to_head() -> None:
        await memory.advance(await asyncio.to_thread(reader.head))

    return Authenticator(judge, to_head=to_head, load=memory.load)


def _summaries(stores: _Stores, memory: FactsMemory) -> WriteSummaries:
    """Writes the summaries of refused callers, all in one append."""

    def entry(refused: RefusedCallers) -> Entry:
        entry_id = time_ordered_id(refused.time)
        head = Head(entry_id, refused.time, NOBODY, "door", memory.view.revision, stores.versions)
        data = refused_callers_entry(head, peer=refused.peer, cause=refused.cause, count=refused.count)
        return Entry(entry_id, to_microseconds(refused.time), data)

    async def write(summaries: Sequence[RefusedCallers]) -> None:
        outcomes = await asyncio.to_thread(stores.log.append, [entry(refused) for refused in summaries])
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    return write


def _say_opened(log: StreamWriter, url: str, revision: Revision, versions: Versions) -> None:
    """Leave the entry by which a stream begins, or goes on in a new process."""
    now = utc_now()
    stream_id = log.stream_id
    known = any(stream.size for stream in LogReader(url).streams() if stream.stream_id == stream_id)
    head = Head(time_ordered_id(now), now, NOBODY, "serve", revision, versions)
    data = stream_entry(head, kind="continued" if known else "opened", stream_id=stream_id)
    log.append_now(Entry(head.entry_id, to_microseconds(now), data))


def _shipped_policies() -> Path:
    package = Path(policy_service.__file__).parent
    installed = package / "shipped" / "policies"
    return installed if installed.is_dir() else package.parent / "policies"
