"""Privacy requests: what a person asked for, or what is asked for her.

A request protects from the moment `record` has returned: the next check in every worker knows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError, NotAvailableError
from policy_service.model.facts import INSTALLATION, Controller, Person, PrivacyRequest
from policy_service.model.vocabulary import (
    OnLapse,
    PersonKind,
    Purpose,
    RequestKind,
    RequestState,
    StaffRole,
    Visibility,
)
from policy_service.service import moments
from policy_service.service.asking import (
    NOTHING_NOTED,
    Asking,
    Done,
    Draft,
    Found,
    Listed,
    Note,
    any_organisation,
)
from policy_service.service.desk import ControlDesk
from policy_service.service.drafting import Occasion
from policy_service.service.history import Histories, HistoryOf, Sought, Version
from policy_service.service.known_words import check_categories_held, check_records, notes_of_words
from policy_service.service.moments import DEFAULT_ZONE
from policy_service.service.naming import fact_name
from policy_service.service.new_ids import new_id
from policy_service.service.pages import FIRST_PAGE, PageAsked, Pages
from policy_service.service.past import AsOf
from policy_service.service.record_types import check_known
from policy_service.service.references import PERSON, PersonReferences, as_kept, numbered
from policy_service.service.request_details import (
    COMMUNICATION,
    CommunicationAsked,
    SafeContactAsked,
    check_details,
    communication_of,
    safe_contact_of,
)
from policy_service.service.words import (
    checked_categories,
    checked_id,
    checked_reference,
    no_repeats,
    unknown_word,
)

RECORDERS = frozenset({StaffRole.PRIVACY_OFFICER})
READERS = frozenset({StaffRole.PRIVACY_OFFICER, StaffRole.AUDITOR})

RAISED_BY = frozenset({"self", "parent", "professional", "court", "scheme"})


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """A request as it is to be recorded. Empty lists mean everything; texts are as in `PrivacyRequest`."""

    person: str
    kind: RequestKind
    covers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    record_types: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    """Each `person:ID`, `scheme:value`, `user:REF`, `team:REF` or `role:NAME`."""
    everyone_except: bool = False
    purposes: tuple[Purpose, ...] = ()
    legal_basis: str = ""
    raised_by: str = "self"
    evidence: str = ""
    valid_from: str = ""
    valid_until: str = ""
    zone: str = DEFAULT_ZONE
    review_date: date | None = None
    on_lapse: OnLapse = OnLapse.HOLD
    visibility: Visibility = Visibility.STAFF
    safe_contact: SafeContactAsked | None = None
    communication: CommunicationAsked | None = None
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class RequestShown:
    """A request as on file, and what its reader needs besides."""

    request: PrivacyRequest
    safe_points: tuple[str, ...] = ()
    """The references of its safe contact points: the request has their ids."""


@dataclass(frozen=True, slots=True)
class GetRequest:
    request_id: str
    as_of: AsOf | None = None


@dataclass(frozen=True, slots=True)
class ListRequests:
    person: str = ""
    page: PageAsked = FIRST_PAGE


class Requests:
    """The use cases of PrivacyRequestService."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk
        self._references = PersonReferences(desk.fingerprinter)
        self._pages = Pages(desk.fingerprinter, seal=desk.past.seal)
        self._histories = Histories(desk)

    async def record(self, call: Asking, asked: RecordRequest) -> Done[RequestShown]:
        """Record a request. Privacy officers."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[RequestShown]:
            begins_at, ends_at = _checked_interval(asked)
            _check_words(asked)
            check_details(
                asked.kind, asked.recipients, asked.safe_contact, asked.communication, asked.visibility
            )
            controller = occasion.controller
            people = self._people(view, controller, asked)
            person = people["request.person"]
            if person.kind is not PersonKind.PRIVATE:
                raise InvalidArgumentError(
                    "request.person", "NOT_A_PRIVATE_PERSON", "an organisation makes no privacy request"
                )
            recipients = as_kept(numbered(asked.recipients, "request.recipients"), people)
            _check_representatives(asked, recipients, person)
            notes = _check_names(view, controller, asked)
            points = () if asked.safe_contact is None else view.contact_points_of(person.person_id)
            request_id = new_id(self._desk.fingerprinter, "request_id", occasion)
            for there in view.requests_about(person.person_id):
                if there.request_id == request_id:  # asked again by its idempotency key
                    return Draft(_shown(view, there), (there,), notes=notes)
            request = PrivacyRequest(
                request_id=request_id,
                controller=controller,
                person_id=person.person_id,
                kind=asked.kind,
                state=RequestState.ACTIVE,
                received_at=occasion.now,
                received_by=occasion.caller.principal,
                covers=tuple(people[field].person_id for field in numbered(asked.covers, "request.covers")),
                categories=asked.categories,
                record_types=asked.record_types,
                records=asked.records,
                systems=asked.systems,
                recipients=recipients,
                everyone_except=asked.everyone_except,
                purposes=asked.purposes,
                legal_basis=asked.legal_basis,
                raised_by=asked.raised_by,
                evidence=asked.evidence,
                valid_from=asked.valid_from,
                valid_until=asked.valid_until,
                ends_at=ends_at,
                zone=asked.zone,
                review_date=asked.review_date,
                on_lapse=asked.on_lapse,
                visibility=asked.visibility,
                begins_at=begins_at,
                safe_contact=safe_contact_of(asked.safe_contact, points, person),
                communication=communication_of(asked.communication, people, person),
            )
            return Draft(_shown(view, request), (request,), notes=notes)

        done = await self._desk.write(call, RECORDERS, asked.note, draft)
        named = numbered(asked.recipients, "request.recipients")
        more = await notes_of_words(self._desk.facts, done.answer.request.controller, named)
        return replace(done, notes=(*done.notes, *more))

    async def get(self, call: Asking, asked: GetRequest) -> RequestShown:
        """One request. Privacy officers and auditors; another organisation's is not available."""

        async def look(view: FactsView, controller: Controller) -> Found[RequestShown]:
            request = view.request(checked_id(asked.request_id, "request_id"))
            if request is None or controller not in {request.controller, INSTALLATION}:
                raise NotAvailableError
            return Found(_shown(view, request), (fact_name(request),), request.controller)

        return await self._desk.read(call, READERS, look, for_whom=any_organisation, as_of=asked.as_of)

    async def history(self, call: Asking, asked: HistoryOf) -> Listed[Version[RequestShown]]:
        """The versions of one request; for whom `get` is."""

        def shown(view: FactsView, newest: PrivacyRequest) -> RequestShown | None:
            request = view.request(newest.request_id)
            return None if request is None else _shown(view, request)

        async def sought(_: Controller) -> Sought[PrivacyRequest, RequestShown]:
            return Sought(PrivacyRequest, {"request_id": checked_id(asked.what, "request_id")}, shown)

        return await self._histories.read(call, asked, READERS, sought, for_whom=any_organisation)

    async def list(self, call: Asking, asked: ListRequests) -> Listed[RequestShown]:
        """A page of the organisation's requests, or of one person's, in the order of their ids."""

        async def look(view: FactsView, controller: Controller) -> Found[Listed[RequestShown]]:
            listing = (call.method, controller, asked.person)
            page = self._pages.read(asked.page, *listing, at=view.revision)
            looked_for: tuple[str, ...] = ()
            if asked.person:
                person = self._references.find_one(view, controller, asked.person, "person")
                looked_for = (fact_name(person),)
                following = sorted(
                    (
                        request
                        for request in view.requests_about(person.person_id)
                        if request.controller == controller and request.request_id > page.after
                    ),
                    key=lambda request: request.request_id,
                )
                found = tuple(following[: page.size + 1])
            else:
                found = await self._desk.facts.page(
                    PrivacyRequest, controller, page.after, page.size + 1, view.revision
                )
            listed = self._pages.listed(found, page, [request.request_id for request in found], *listing)
            _prefetch_points(view, listed.items)
            shown = tuple(_shown(view, request) for request in listed.items)
            names = (*looked_for, *(fact_name(request) for request in listed.items))
            return Found(Listed(shown, listed.next_page_token), names)

        return await self._desk.read(call, READERS, look, as_of=asked.page.as_of, page_token=asked.page.token)

    def _people(self, view: FactsView, controller: Controller, asked: RecordRequest) -> dict[str, Person]:
        """Everybody whom the request names, by field."""
        named = numbered(asked.recipients, "request.recipients")
        excluded = () if asked.communication is None else asked.communication.not_these
        return self._references.find(
            view,
            controller,
            {
                "request.person": asked.person,
                **numbered(asked.covers, "request.covers"),
                **{field: named[field] for field in named if _names_a_person(named[field])},
                **numbered(excluded, f"{COMMUNICATION}.not_these"),
            },
        )


def _shown(view: FactsView, request: PrivacyRequest) -> RequestShown:
    if request.safe_contact is None or not request.safe_contact.contact_points:
        return RequestShown(request)
    points = {point.contact_point_id: point.reference for point in view.contact_points_of(request.person_id)}
    # One that is not hers any more has no name here, and its place says so.
    return RequestShown(
        request, tuple(points.get(point_id, "") for point_id in request.safe_contact.contact_points)
    )


def _prefetch_points(view: FactsView, requests: Sequence[PrivacyRequest]) -> None:
    view.prefetch(
        *(keys.contact_points_of(each.person_id) for each in requests if each.safe_contact is not None)
    )


def _checked_interval(asked: RecordRequest) -> tuple[datetime | None, datetime | None]:
    """The moments at which the request begins and ends, if it says when. Neither has to be in the future."""
    zone = moments.zone_of(asked.zone, "request.zone")
    begins = moments.beginning(asked.valid_from, zone, "request.valid_from") if asked.valid_from else None
    ends = moments.end(asked.valid_until, zone, "request.valid_until") if asked.valid_until else None
    if begins is not None and ends is not None and ends <= begins:
        raise InvalidArgumentError(
            "request.valid_until",
            "ENDS_BEFORE_IT_BEGINS",
            "`request.valid_until` is not after `request.valid_from`",
        )
    return begins, ends


def _check_words(asked: RecordRequest) -> None:
    """What the call alone shows."""
    if asked.raised_by not in RAISED_BY:
        raise unknown_word("request.raised_by", asked.raised_by, RAISED_BY)
    checked_categories(asked.categories, "request.scope.categories")
    for i, reference in enumerate(asked.records):
        checked_reference(reference, f"request.scope.records[{i}]")
    for field, values in (
        ("covers", asked.covers),
        ("scope.record_types", asked.record_types),
        ("scope.records", asked.records),
        ("scope.systems", asked.systems),
        ("recipients", asked.recipients),
        ("purposes", asked.purposes),
    ):
        no_repeats(values, f"request.{field}")
    if asked.everyone_except and asked.kind is not RequestKind.DO_NOT_SHARE:
        raise InvalidArgumentError(
            "request.everyone_except",
            "ONLY_FOR_DO_NOT_SHARE",
            "`request.everyone_except` goes with the kind `do_not_share` alone",
        )


def _check_representatives(asked: RecordRequest, recipients: Sequence[str], person: Person) -> None:
    if asked.kind is RequestKind.AUTHORISED_REPRESENTATIVE and f"{PERSON}:{person.person_id}" in recipients:
        raise InvalidArgumentError(
            "request.recipients", "SAME_PERSON", "nobody is her own representative: `request.recipients`"
        )


def _check_names(view: FactsView, controller: Controller, asked: RecordRequest) -> tuple[str, ...]:
    """What has to be on file for the organisation besides people; notes of what need not be, and is not."""
    users = {
        f"request.recipients[{i}]": recipient.partition(":")[2]
        for i, recipient in enumerate(asked.recipients)
        if recipient.startswith("user:")
    }
    check_known(view, controller, asked.record_types, "request.scope.record_types")
    view.prefetch(
        *(keys.system(controller, name) for name in asked.systems),
        *(keys.user(controller, reference) for reference in users.values()),
    )
    for i, name in enumerate(asked.systems):
        if view.system(controller, name) is None:
            field = f"request.scope.systems[{i}]"
            raise InvalidArgumentError(field, "UNKNOWN_SYSTEM", f"`{field}` names no system on file")
    for field, reference in users.items():
        if view.user(controller, reference) is None:
            raise InvalidArgumentError(field, "UNKNOWN_USER", f"`{field}` names no user on file")
    check_categories_held(view, controller, asked.categories, "request.scope.categories")
    return check_records(view, controller, numbered(asked.records, "request.scope.records"))


def _names_a_person(recipient: str) -> bool:
    return recipient.partition(":")[0] not in {"user", "team", "role"}
