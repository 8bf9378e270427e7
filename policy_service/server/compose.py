"""The composition root: what control and a decision worker are made of, wired in one visible place.

Each opener yields what `serving` serves, and closes everything when it is left, in the opposite order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import policy_service
from policy_service.decision_log.entries import (
    Head,
    Versions,
    refused_callers_entry,
)
from policy_service.decision_log.entry import Entry
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.round import CommitRound
from policy_service.decision_log.stream import StreamWriter
from policy_service.engine.errors import PolicyDocumentError, PolicySetError
from policy_service.facts import keys, schema
from policy_service.facts.decision_clock import ClockAwayError, DecisionClock
from policy_service.facts.epochs import Epochs
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.base_types import BaseTypeError
from policy_service.facts.key_file import load_or_create_key
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.facts.revision_token import RevisionTokens
from policy_service.facts.store import FactStore
from policy_service.model.caller import NOBODY, Caller
from policy_service.model.errors import NotAvailableError, PolicyServiceError
from policy_service.model.facts import FiledPolicySet, Revision
from policy_service.model.ids import time_ordered_id
from policy_service.server import slots
from policy_service.server.authenticator import Authenticator
from policy_service.server.databases import look_at_both, prepare_both
from policy_service.server.errors import Refusal, StartError, cause
from policy_service.server.exporting import exporters
from policy_service.server.handlers import Call, Router, WriteRefusal
from policy_service.server.metrics import of_calls, of_decisions, of_memory, of_round
from policy_service.server.noting import noting
from policy_service.server.preparing import (
    SupervisorLine,
    nobody_else,
    prepare_when_told,
    preparing_in_workers,
)
from policy_service.server.refusals import RefusedCallers, WriteSummaries
from policy_service.server.servicers_access import access_methods
from policy_service.server.servicers_casework import casework_methods
from policy_service.server.servicers_decision import decision_methods
from policy_service.server.servicers_log import log_methods
from policy_service.server.servicers_people import people_methods
from policy_service.server.servicers_policies import policy_methods
from policy_service.server.servicers_records import record_methods
from policy_service.server.servicers_requests import request_methods
from policy_service.server.servicers_retention import retention_methods
from policy_service.server.settings import Settings
from policy_service.server.stream_entries import close_streams_without_a_worker, complete, say_opened
from policy_service.server.telemetry import Telemetry
from policy_service.service.access import Access
from policy_service.service.backends import Backends
from policy_service.service.caller import authenticate
from policy_service.service.casework import Casework
from policy_service.service.check import CheckService, DeciderParts
from policy_service.service.desk import ControlDesk
from policy_service.service.erasure import Erasure
from policy_service.service.first_start import FirstStart
from policy_service.service.log_questions import LogQuestions
from policy_service.service.log_search import LogSearches
from policy_service.service.people import People
from policy_service.service.policies import PolicySetUnreadableError, to_publish
from policy_service.service.publishing import Prepare
from policy_service.service.records import Records
from policy_service.service.replay import Replays
from policy_service.service.requests import Requests
from policy_service.service.retention import Retention
from policy_service.service.retention_clock import keep_to_the_schedule

ENGINE_SEMANTICS = 1
"""The version of what policies mean; a replay needs to know it."""

_log = logging.getLogger(__name__)


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
    taken_over: Callable[[], bool] = lambda: False
    """Whether another process writes this one's log stream now."""


def utc_now() -> datetime:
    """The process's clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_control(settings: Settings, line: SupervisorLine | None = None) -> AsyncIterator[Parts]:
    """Migrate, prepare a first start, and open the control plane. `line` leads to the workers, if there are
    any in processes beside it.

    Raises `StartError` and `PolicyServiceError`.
    """
    async with AsyncExitStack() as stack:
        control = await asyncio.to_thread(_open_control_stores, settings, stack)
        # Who has too many facts for a decision is mended here, so that all of them are shown here.
        memory = FactsMemory(control.reader, settings.cache_bytes, most=None)
        stack.callback(memory.close)
        sent = await stack.enter_async_context(exporters(settings, control.log.slot))
        telemetry = Telemetry(sent.tracing)
        sent.show(
            (*of_calls(telemetry), *of_memory(control.reader.head, memory)), settings.control_prometheus
        )
        broken = asyncio.Event()
        desk = ControlDesk(
            Backends(
                control.reader,
                memory,
                control.store,
                control.log,
                control.fingerprinter,
                control.versions,
                control.tokens,
                DecisionClock(utc_now).saw,
            ),
            clock=utc_now,
            on_lost=broken.set,
        )
        await desk.start()
        log = LogReader(settings.log)
        await stack.enter_async_context(noting(control.store, log))
        searches = LogSearches(desk, log)
        replays = Replays(desk, control.reader, log.get, control.versions, utc_now)
        retention, erasure = Retention(desk, control.reader), Erasure(desk, control.reader)
        router = Router.of(
            (
                *request_methods(Requests(desk)),
                *people_methods(People(desk)),
                *record_methods(Records(desk)),
                *access_methods(Access(desk)),
                *policy_methods(desk, nobody_else if line is None else preparing_in_workers(line)),
                *casework_methods(Casework(desk)),
                *log_methods(LogQuestions(desk, log.get), searches, replays),
                *retention_methods(retention, erasure),
            )
        )

        async def write_refusal(call: Call, error: PolicyServiceError, refusal: Refusal) -> None:
            await desk.refused(
                call,
                status=refusal.code.name,
                reason=error.reason,
                field=refusal.field_path,
                people=error.people,
            )

        schedule = asyncio.create_task(keep_to_the_schedule(retention, erasure))
        try:
            yield Parts(
                router,
                _authenticator(control.reader, memory),
                write_refusal,
                _summaries(control, memory),
                broken,
                telemetry,
                sent.prometheus,
                lambda: control.log.lost,
            )
        finally:
            schedule.cancel()
            await asyncio.wait((schedule,))
            await searches.close()
            await desk.close()


@asynccontextmanager
async def open_worker(
    settings: Settings, line: SupervisorLine | None = None, number: int = 0
) -> AsyncIterator[Parts]:
    """Open the decision worker of this number; control has migrated. Raises `PolicyServiceError`."""
    async with AsyncExitStack() as stack:
        worker = await asyncio.to_thread(_open_worker_stores, settings, number, stack)
        memory = FactsMemory(worker.reader, settings.cache_bytes)
        stack.callback(memory.close)
        sent = await stack.enter_async_context(exporters(settings, worker.log.slot))
        telemetry = Telemetry(sent.tracing)
        broken = asyncio.Event()

        async def advance(revision: int) -> None:
            await memory.advance(Revision(revision))

        await advance(await asyncio.to_thread(worker.reader.head))
        clock = DecisionClock(utc_now)

        def not_compiled(error: Exception) -> None:
            _log.error("the published policies cannot be compiled; nothing is permitted", extra=cause(error))
            broken.set()

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
                ),
                on_broken=not_compiled,
            )
            await checks.warm()
            if line is not None:
                prepare_when_told(line, _preparing(worker.reader, checks))
            sent.show(
                (
                    *of_calls(telemetry),
                    *of_decisions(checks.counters),
                    *of_round(commit_round.counters),
                    *of_memory(worker.reader.head, memory),
                ),
                settings.prometheus_of_worker(number),
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
                lambda: worker.log.lost,
            )


def _preparing(reader: FactsReader, checks: CheckService) -> Prepare:
    """Loads a set that is on file, whatever the memory holds, and has it kept ready."""

    async def prepare(policy_set_id: str, revision: Revision) -> None:
        key = keys.filed_policy_set(policy_set_id)
        found = await asyncio.to_thread(reader.load, [key], revision)
        for filed in found[key]:
            if isinstance(filed, FiledPolicySet):
                await checks.prepare(to_publish(filed))
                return
        raise NotAvailableError

    return prepare


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
    prepare_both(settings)
    stores = _open_stores(settings, slots.CONTROL, stack)
    close_streams_without_a_worker(settings, stores.reader.head(), stores.versions)
    store = stack.enter_context(FactStore(settings.facts, stream_id=stores.log.stream_id))
    store.hold_to_key(stores.fingerprinter.check())
    complete(store, stores.log, stores.versions)
    store.list_named_people()
    first = FirstStart(store, stores.reader, stores.versions, utc_now)
    try:
        first.publish_policies(settings.policies_dir or _shipped_policies())
    except (PolicySetUnreadableError, PolicyDocumentError, BaseTypeError, PolicySetError) as error:
        raise StartError(f"the policies cannot be published: {error}") from error
    first.make_administrator(settings.admin_token)
    return _ControlStores(
        stores.reader, stores.log, stores.fingerprinter, stores.tokens, stores.versions, store
    )


def _open_worker_stores(settings: Settings, number: int, stack: AsyncExitStack) -> _Stores:
    look_at_both(settings)  # they may be others than control has opened
    return _open_stores(settings, slots.worker(number), stack)


def _open_stores(settings: Settings, part: str, stack: AsyncExitStack) -> _Stores:
    schema.require(settings.facts)
    key = load_or_create_key(settings.fingerprint_key)
    fingerprinter = Fingerprinter(key)
    versions = versions_of(fingerprinter)
    log = stack.enter_context(StreamWriter.open(settings.log, slots.slot(settings.service_name, part)))
    reader = FactsReader(settings.facts)
    stack.callback(reader.close)
    _refuse_wrong_clock(reader)
    epochs = Epochs.read(reader)
    say_opened(log, settings.log, reader.head(), epochs.current, versions)
    tokens = RevisionTokens(key, epochs)
    return _Stores(reader, log, fingerprinter, tokens, versions)


def versions_of(fingerprinter: Fingerprinter) -> Versions:
    """What stands in each log entry about the program that wrote it."""
    return Versions(
        engine=ENGINE_SEMANTICS,
        key_generation=fingerprinter.generation,
        time_zones=metadata.version("tzdata"),
        phone_data=metadata.version("phonenumbers"),
    )


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


def _refuse_wrong_clock(reader: FactsReader) -> None:
    try:
        DecisionClock(utc_now).saw(reader.head_and_time())
    except ClockAwayError as error:
        raise StartError(
            "this machine's clock is over two seconds away from the database server's; set it right"
        ) from error


def _shipped_policies() -> Path:
    package = Path(policy_service.__file__).parent
    installed = package / "shipped" / "policies"
    return installed if installed.is_dir() else package.parent / "policies"
