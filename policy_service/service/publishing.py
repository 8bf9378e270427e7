"""Putting policy sets on file, publishing them, and publishing again what was published before.

Two steps, two calls: `put_set` is a revision that decides nothing, `publish` one that the next check sees.
What happens in between harms nobody: a set that is on file and was never published can be published at any
time, by its id. In front of the second step the set is tried again on the cases that are kept with it, and
compiled here and in every decision worker of this service that serves (`Prepare`), so that no check waits for
it, and a set that only a worker refuses is never published.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from policy_service.engine.errors import PolicyDocumentError, PolicySetError
from policy_service.facts import keys
from policy_service.facts.gather.base_types import BaseTypeError
from policy_service.facts.view import FactsView
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    NotAvailableError,
    PermissionDeniedError,
    UnavailableError,
)
from policy_service.model.facts import (
    INSTALLATION,
    Controller,
    FiledPolicySet,
    PolicySet,
    RecordType,
    Revision,
)
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import NOTHING_NOTED, Asking, Done, Draft, Note
from policy_service.service.desk import ControlDesk
from policy_service.service.drafting import Occasion
from policy_service.service.policies import (
    PublishedPolicies,
    check_whole,
    published,
    set_of,
    to_file,
    to_publish,
)
from policy_service.service.policy_cases import CasesTried, try_policy_cases
from policy_service.service.policy_questions import PolicyQuestions
from policy_service.service.validate_policies import PolicyFile, Problem, problems_of, validate

PUBLISHERS: Final = frozenset({StaffRole.PRIVACY_OFFICER, StaffRole.ADMINISTRATOR})

RECORD_TYPES_A_PAGE: Final = 1_000

TURN_SECONDS: Final = 60.0
"""How long a publication waits for the one before it."""

Prepare = Callable[[str, Revision], Awaitable[None]]
"""Has every decision worker that serves compile a set that is on file as of a revision, and keep it ready.
UnavailableError `SET_NOT_PREPARED` where one could not, or did not answer.
"""


@dataclass(frozen=True, slots=True)
class PutSet:
    """All files of a set, by their paths from its folder, and cases to try it on."""

    files: tuple[PolicyFile, ...]
    cases: tuple[PolicyFile, ...] = ()
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class Publish:
    policy_set_id: str
    expected: str
    """The set that the caller knows to be published."""
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class Rollback:
    policy_set_id: str
    """Empty: the one that was published before `expected`."""
    expected: str
    note: Note = NOTHING_NOTED
    despite_cases: bool = False
    """Even where cases that are kept with the set fail by now."""


def installation(call: Asking) -> Controller:
    """The installation, whose the policies are; only its own tokens may change them."""
    if not call.caller.is_installation:
        raise PermissionDeniedError(
            "INSTALLATION_ONLY",
            "policies are the same for every organisation: only a token of the installation, which its "
            "administrator issues without naming an organisation, changes what is published",
        )
    return INSTALLATION


class Publishing:
    """The use cases of PolicyService that write. Event loop only."""

    def __init__(self, desk: ControlDesk, questions: PolicyQuestions, prepare: Prepare) -> None:
        self._desk = desk
        self._questions = questions
        self._prepare = prepare
        self._one_publication = asyncio.Lock()

    async def put_set(self, call: Asking, asked: PutSet) -> Done[str]:
        """Put a set on file, whole and right, with the cases that it was tried on, and answer its id.

        InvalidArgumentError `SET_NOT_VALID` where something is wrong with a file or the whole,
        `CASES_NOT_VALID` with a case, and `CASES_FAILED` where one comes out otherwise than expected.
        """
        await self._desk.judge(call, PUBLISHERS, for_whom=installation)
        policy_set = set_of((file.name, file.text) for file in asked.files)
        async with self._questions.turn():
            tried = await asyncio.to_thread(_check, asked, policy_set)
        filed = to_file(policy_set, ((file.name, file.text) for file in asked.cases), tried=tried)

        def draft(view: FactsView, _: Occasion) -> Draft[str]:
            there = view.filed_policy_set(policy_set.policy_set_id)
            # What it was tried on before stays until it is tried on others.
            return Draft(policy_set.policy_set_id, (filed if asked.cases or there is None else there,))

        return await self._desk.write(call, PUBLISHERS, asked.note, draft, for_whom=installation)

    async def publish(self, call: Asking, asked: Publish) -> Done[str]:
        """Publish a set that is on file; one that is published already stays so.

        NotAvailableError for an unknown set, ConflictError `PUBLISHED_MEANWHILE` where another than
        `expected` is published, `BASE_TYPE_IN_USE` where record types on file extend a base that the set
        lacks, UnavailableError where it cannot be compiled everywhere, InvalidArgumentError `SET_NOT_VALID`
        or `CASES_FAILED` where this version of the service understands the set, or a case that is kept with
        it, otherwise than the one that put it on file.
        """
        await self._desk.judge(call, PUBLISHERS, for_whom=installation)
        return await self._published(call, asked, keep_bases=True)

    async def rollback(self, call: Asking, asked: Rollback) -> Done[str]:
        """Publish again what was published before, as `publish` does. NotAvailableError where nothing was.

        A way back is open even where record types extend a base that is newer: nothing of their records is
        available then. And where cases fail by this version of the service, if the caller says so
        (`despite_cases`): the entry tells how many did.
        """
        await self._desk.judge(call, PUBLISHERS, for_whom=installation)
        target = await self._desk.facts.at_head(lambda view: self._once_published(view, asked))
        back = Publish(target, asked.expected, asked.note)
        return await self._published(call, back, keep_bases=False, despite_cases=asked.despite_cases)

    async def _once_published(self, view: FactsView, asked: Rollback) -> str:
        history = await self._desk.facts.policy_history(view.revision)
        if not asked.policy_set_id:
            before = history.before(asked.expected)
            if before is None:
                raise NotAvailableError("nothing was published before `expected`")
            return before
        if all(each.policy_set_id != asked.policy_set_id for each in history.published):
            raise NotAvailableError("no such set was ever published; `Publish` takes any that is on file")
        return asked.policy_set_id

    async def _published(
        self, call: Asking, asked: Publish, *, keep_bases: bool, despite_cases: bool = False
    ) -> Done[str]:
        async with self._turn():
            prepared = await self._prepared(asked, keep_bases=keep_bases, despite_cases=despite_cases)

            async def draft(view: FactsView, _: Occasion) -> Draft[str]:
                # A record type may have come to extend it while the workers compiled.
                if prepared is not None and keep_bases:
                    await self._refuse_lost_bases(prepared.policies.base_types, view.revision)
                return _publication(view, asked, prepared)

            return await self._desk.write(call, PUBLISHERS, asked.note, draft, for_whom=installation)

    async def _prepared(self, asked: Publish, *, keep_bases: bool, despite_cases: bool) -> _Prepared | None:
        """Have the set tried, and compiled everywhere, if it would be published now; None if it would not."""

        async def look(view: FactsView) -> tuple[FiledPolicySet | None, Revision]:
            view.prefetch(keys.policy_set(), keys.filed_policy_set(asked.policy_set_id))
            now = view.policy_set()
            due = now is not None and now.policy_set_id == asked.expected != asked.policy_set_id
            return (view.filed_policy_set(asked.policy_set_id) if due else None), view.revision

        filed, revision = await self._desk.facts.at_head(look)
        if filed is None:
            return None
        async with self._questions.turn():
            compiled = await asyncio.to_thread(_compiled, to_publish(filed))
            failed = await asyncio.to_thread(_failing, filed)
        if failed and not despite_cases:
            raise InvalidArgumentError(
                "policy_set",
                "CASES_FAILED",
                f"by this version of the service {failed}: `GetSet` gives the cases and `Test` tells which;"
                " put the set on file again with cases that fit, or in an emergency go back to one that was"
                " published by `Rollback` with `despite_cases`",
            )
        if keep_bases:
            await self._refuse_lost_bases(compiled.base_types, revision)
        await self._prepare(asked.policy_set_id, revision)
        return _Prepared(compiled, failed)

    async def _refuse_lost_bases(self, bases: Container[str], revision: Revision) -> None:
        """Without its base a record type says less than it did, so that nothing of its records is
        available.
        """
        after = ""
        while found := await self._desk.facts.page(RecordType, None, after, RECORD_TYPES_A_PAGE, revision):
            for each in found:
                if each.extends and each.extends not in bases:
                    raise ConflictError(
                        "BASE_TYPE_IN_USE",
                        f"record types on file extend `{each.extends}`, which the set lacks: keep it, "
                        "or have them extend another one first",
                    )
            after = found[-1].record_type_id

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._one_publication.acquire()
        except TimeoutError:
            raise UnavailableError("POLICIES_BUSY", "another set is being published; try again") from None
        try:
            yield
        finally:
            self._one_publication.release()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A set that every worker has compiled, and what its cases came to; empty where all is well."""

    policies: PublishedPolicies
    failed: str


def _publication(view: FactsView, asked: Publish, prepared: _Prepared | None) -> Draft[str]:
    """What is on file once the set is published, by the facts of one view."""
    view.prefetch(keys.policy_set(), keys.filed_policy_set(asked.policy_set_id))
    now = view.policy_set()
    if now is not None and now.policy_set_id == asked.policy_set_id:
        return Draft(asked.policy_set_id, (now,))
    filed = view.filed_policy_set(asked.policy_set_id)
    if filed is None:
        raise NotAvailableError("no such set is on file; `PutSet` puts one there")
    if now is None or now.policy_set_id != asked.expected:
        raise ConflictError(
            "PUBLISHED_MEANWHILE",
            "another set than `expected` is published: see with `Diff` what it says, and ask again",
        )
    if prepared is None:
        raise UnavailableError("POLICIES_BUSY", "what is published changed meanwhile; try again")
    # A version from before there were sets on file may have published it.
    replaced = () if view.filed_policy_set(now.policy_set_id) else (to_file(now),)
    return Draft(asked.policy_set_id, (to_publish(filed), *replaced), removed=(now,), despite=prepared.failed)


def _check(asked: PutSet, policy_set: PolicySet) -> int:
    """How many cases it was tried on. Blocking, for seconds. Raises InvalidArgumentError."""
    documents, base_types, messages, attributes = (
        _as_files(pairs)
        for pairs in (
            policy_set.documents,
            policy_set.base_types,
            policy_set.messages,
            policy_set.attributes,
        )
    )
    found = validate(documents, base_types, messages, attributes=attributes)
    _refuse(found.problems, asked.files, "files", "SET_NOT_VALID", "Validate")
    try:
        check_whole(policy_set)
    except PolicyDocumentError as error:
        _refuse(problems_of(error), asked.files, "files", "SET_NOT_VALID", "Validate")
    except (BaseTypeError, PolicySetError):
        raise InvalidArgumentError(
            "files", "SET_NOT_VALID", "these files do not make a set; `Validate` tells why"
        ) from None
    if not asked.cases:
        return 0
    tried = _tried(documents, tuple(sorted(asked.cases, key=lambda file: file.name)), attributes)
    _refuse(tried.problems, asked.cases, "cases", "CASES_NOT_VALID", "Test")
    if tried.failures:
        what = f"{len(tried.failures)} of {tried.tried} cases"
        raise InvalidArgumentError(
            "cases", "CASES_FAILED", f"{what} came out otherwise than expected; `Test` tells which"
        )
    return tried.tried


def _failing(filed: FiledPolicySet) -> str:
    """What came of the cases that are kept with it; empty where it is what was expected. So it was when they
    were put on file, by a version that may have been another. Blocking, for seconds.
    """
    if not filed.cases:
        return ""
    tried = _tried(_as_files(filed.documents), _as_files(filed.cases), _as_files(filed.attributes))
    if tried.problems:
        return f"the {len(filed.cases)} files of cases that are kept with the set cannot be read"
    if tried.failures:
        what = f"{len(tried.failures)} of {tried.tried} cases that are kept with the set"
        return f"{what} came out otherwise than expected"
    return ""


def _as_files(pairs: tuple[tuple[str, str], ...]) -> tuple[PolicyFile, ...]:
    return tuple(PolicyFile(*pair) for pair in pairs)


@lru_cache(2)
def _tried(
    documents: tuple[PolicyFile, ...], cases: tuple[PolicyFile, ...], attributes: tuple[PolicyFile, ...]
) -> CasesTried:
    """What is published was most likely put on file a moment before, by this very process."""
    return try_policy_cases(documents, cases, attributes)


def _refuse(
    problems: tuple[Problem, ...] | list[Problem],
    files: tuple[PolicyFile, ...],
    field: str,
    reason: str,
    method: str,
) -> None:
    """Refuse what has a problem, by the place of the first. What stands there is not repeated."""
    if not problems:
        return
    first, count = problems[0], len(problems)
    at = next((f"{field}[{i}].text" for i, file in enumerate(files) if file.name == first.file), field)
    what = "one problem" if count == 1 else f"{count} problems"
    line = f", the first in line {first.line} of `{at}`" if first.line and at != field else ""
    raise InvalidArgumentError(at, reason, f"`{field}` have {what}{line}; `{method}` tells all of them")


def _compiled(policy_set: PolicySet) -> PublishedPolicies:
    try:
        return published(policy_set)
    except (PolicyDocumentError, BaseTypeError, PolicySetError):
        raise InvalidArgumentError(
            "policy_set",
            "SET_NOT_VALID",
            "this version of the service cannot compile the set any more; `Validate` of its files tells why",
        ) from None
