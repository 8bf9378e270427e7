"""Questions about policies: what is published, what a policy may name, whether files would make a set, and
whether they decide cases as expected.

Everybody who manages may ask. Nothing is stored but the entry that each reading leaves.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from policy_service.engine.catalogue import Attribute, Catalogue
from policy_service.engine.documents import PolicyDocument, parse_document
from policy_service.engine.errors import PolicyDocumentError, PolicySetError
from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.errors import FailedPreconditionError, NotAvailableError, UnavailableError
from policy_service.model.facts import INSTALLATION, Controller, PolicySet, RecordType
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import Asking, Found, Listed, any_organisation
from policy_service.service.desk import ControlDesk
from policy_service.service.naming import fact_name
from policy_service.service.pages import FIRST_PAGE, PageAsked, Pages
from policy_service.service.past import AsOf
from policy_service.service.policies import catalogue_of, policy_set_id, published
from policy_service.service.policy_cases import CasesTried, try_policy_cases
from policy_service.service.validate_policies import OnFile, PolicyFile, Validation, validate

READERS = frozenset(StaffRole)

TURN_SECONDS = 30.0
"""How long a call waits for the parsing of those before it."""

SETS_READ: Final = 2
"""Sets that are kept parsed: the one that is published, and one of the past."""


@dataclass(frozen=True, slots=True)
class ValidateFiles:
    documents: tuple[PolicyFile, ...]
    base_types: tuple[PolicyFile, ...] = ()
    messages: tuple[PolicyFile, ...] = ()
    attributes: tuple[PolicyFile, ...] = ()

    @property
    def files(self) -> tuple[PolicyFile, ...]:
        return (*self.documents, *self.base_types, *self.messages, *self.attributes)


@dataclass(frozen=True, slots=True)
class TestFiles:
    """Policies, and cases to be tried on them."""

    __test__ = False  # pytest would collect it by its name

    documents: tuple[PolicyFile, ...]
    cases: tuple[PolicyFile, ...]
    attributes: tuple[PolicyFile, ...] = ()

    @property
    def files(self) -> tuple[PolicyFile, ...]:
        return (*self.documents, *self.cases, *self.attributes)


@dataclass(frozen=True, slots=True)
class ListPolicies:
    page: PageAsked = FIRST_PAGE


@dataclass(frozen=True, slots=True)
class GetPolicy:
    uid: str
    as_of: AsOf | None = None


@dataclass(frozen=True, slots=True)
class ListAttributes:
    as_of: AsOf | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """One document of the published set: as it is understood, and the file that was published."""

    document: PolicyDocument
    file: PolicyFile
    policy_set_id: str


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """A page of the published set's documents, in the order of their uids."""

    policy_set_id: str
    listed: Listed[PolicyDocument]


@dataclass(frozen=True, slots=True)
class _ReadSet:
    policy_set_id: str
    by_uid: dict[str, Published]


class PolicyQuestions:
    """The use cases of PolicyService, as far as they only read."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk
        self._pages = Pages(desk.fingerprinter, seal=desk.past.seal)
        # py-abac parses under one lock, so a second thread that parses would only wait in it.
        self._one_parser = asyncio.Semaphore(1)
        self._read: OrderedDict[str, _ReadSet] = OrderedDict()

    async def validate(self, call: Asking, asked: ValidateFiles) -> Validation:
        """Tell everything that is wrong with these files. Nothing is stored; the entry holds their hash."""

        async def look(view: FactsView, controller: Controller) -> Found[Validation]:
            known = _known(view, controller)
            async with self.turn():
                validation = await asyncio.to_thread(_validated, asked, *known)
            return Found(validation, (f"policy_files:{_hash_of(asked)}",))

        return await self._desk.read(call, READERS, look, for_whom=any_organisation)

    async def test(self, call: Asking, asked: TestFiles) -> CasesTried:
        """Try cases on policies that are not published. Stored and logged is what `validate` does."""

        async def look(_: FactsView, __: Controller) -> Found[CasesTried]:
            async with self.turn():
                tried = await asyncio.to_thread(
                    try_policy_cases, asked.documents, asked.cases, asked.attributes
                )
            return Found(tried, (f"policy_files:{_hash_of(asked)}",))

        return await self._desk.read(call, READERS, look, for_whom=any_organisation)

    async def list(self, call: Asking, asked: ListPolicies) -> PublishedPage:
        """A page of the published set."""

        async def look(view: FactsView, controller: Controller) -> Found[PublishedPage]:
            policy_set = published_set(view, asked.page.as_of)
            listing = (call.method, controller, policy_set.policy_set_id)
            page = self._pages.read(asked.page, *listing, at=view.revision)
            whole = tuple((await self._as_read(policy_set)).by_uid.values())
            start = int(page.after or 0)  # a set never changes, and a uid may be longer than a token
            documents = [each.document for each in whole[start : start + page.size + 1]]
            ends = [str(start + number) for number in range(1, len(documents) + 1)]
            listed = self._pages.listed(documents, page, ends, *listing)
            return Found(PublishedPage(policy_set.policy_set_id, listed), (fact_name(policy_set),))

        return await self._desk.read(
            call,
            READERS,
            look,
            for_whom=any_organisation,
            as_of=asked.page.as_of,
            page_token=asked.page.token,
        )

    async def get(self, call: Asking, asked: GetPolicy) -> Published:
        """One document of the published set, with its text."""

        async def look(view: FactsView, _: Controller) -> Found[Published]:
            policy_set = published_set(view, asked.as_of)
            published = (await self._as_read(policy_set)).by_uid.get(asked.uid)
            if published is None:
                raise NotAvailableError
            return Found(published, (fact_name(policy_set), f"policy:{published.document.uid}"))

        return await self._desk.read(call, READERS, look, for_whom=any_organisation, as_of=asked.as_of)

    async def list_attributes(self, call: Asking, asked: ListAttributes) -> tuple[Attribute, ...]:
        """What a policy may name: the catalogue of the program that runs, and what the published set
        declares.
        """

        async def look(view: FactsView, _: Controller) -> Found[tuple[Attribute, ...]]:
            policy_set = published_set(view, asked.as_of)
            return Found(tuple(_catalogue(policy_set)), ("catalogue:shipped", fact_name(policy_set)))

        return await self._desk.read(call, READERS, look, for_whom=any_organisation, as_of=asked.as_of)

    async def _as_read(self, policy_set: PolicySet) -> _ReadSet:
        """A set that is or was published, parsed once: it never changes."""
        async with self.turn():
            name = policy_set.policy_set_id
            if name not in self._read:
                read = await asyncio.to_thread(_parsed, policy_set)
                while len(self._read) >= SETS_READ:
                    self._read.popitem(last=False)
                self._read[name] = read
            self._read.move_to_end(name)
            return self._read[name]

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One parses at a time, waited for within bounds, so that the threads of others stay free."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._one_parser.acquire()
        except TimeoutError:
            raise UnavailableError("POLICIES_BUSY", "other policies are being validated; try again") from None
        try:
            yield
        finally:
            self._one_parser.release()


def _known(view: FactsView, controller: Controller) -> tuple[PolicySet | None, tuple[RecordType, ...] | None]:
    """The published set, and the record types of the organisation, if the call is for one."""
    if controller == INSTALLATION:
        return view.policy_set(), None
    view.prefetch(keys.policy_set(), keys.record_types_of(controller))
    return view.policy_set(), view.record_types_of(controller)


def _validated(
    asked: ValidateFiles, policy_set: PolicySet | None, record_types: tuple[RecordType, ...] | None
) -> Validation:
    names = None if record_types is None else frozenset(each.name for each in record_types)
    had = frozenset(name for each in record_types or () for name in each.attributes)
    on_file = OnFile(names, attributes=had)
    if policy_set is not None:
        known = published(policy_set)
        had = had.union(*(base.attributes for base in known.base_types.values()))
        on_file = OnFile(names, frozenset(known.base_types), known.messages, had)
    return validate(asked.documents, asked.base_types, asked.messages, on_file, attributes=asked.attributes)


def published_set(view: FactsView, as_of: AsOf | None) -> PolicySet:
    """What is published, or was; none is now an outage, and was then nothing to be read."""
    policy_set = view.policy_set()
    if policy_set is None:
        if as_of is not None:
            raise NotAvailableError("no policy set was published then")
        raise UnavailableError("NO_POLICIES", "no policy set is published yet")
    return policy_set


def _catalogue(policy_set: PolicySet) -> Catalogue:
    try:
        return catalogue_of(policy_set)
    except (PolicyDocumentError, PolicySetError):
        raise _unreadable() from None


def _unreadable() -> FailedPreconditionError:
    return FailedPreconditionError(
        "SET_NOT_VALID",
        "this version of the service cannot read the set any more: `GetSet` gives its files as they are",
    )


def _parsed(policy_set: PolicySet) -> _ReadSet:
    catalogue = _catalogue(policy_set)
    try:
        found = [
            Published(
                parse_document(text, name=name, catalogue=catalogue),
                PolicyFile(name, text),
                policy_set.policy_set_id,
            )
            for name, text in policy_set.documents
        ]
    except PolicyDocumentError:
        raise _unreadable() from None
    in_order = sorted(found, key=lambda published: published.document.uid)
    return _ReadSet(policy_set.policy_set_id, {published.document.uid: published for published in in_order})


def _hash_of(asked: ValidateFiles | TestFiles) -> str:
    return policy_set_id(sorted((file.name, file.text) for file in asked.files))
