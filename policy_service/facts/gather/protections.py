"""Which privacy requests cover a question. What a request *means* is decided by policies; whether it covers
is decided here.

A request covers a question where its person (or somebody whom it covers) is the data subject, it is in
force, and scope, recipients and purposes meet the question. Unless it says whom it covers, it covers the
children who live with her, too. It never hides a person's data from herself or from those whom it covers; an
adverse, excluded or named person is never covered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policy_service.facts.gather.cast import Who, person, person_id_of
from policy_service.facts.gather.clock import Moment
from policy_service.facts.gather.ties import Ties
from policy_service.facts.view import FactsView
from policy_service.model.facts import PrivacyRequest
from policy_service.model.vocabulary import (
    COUNTER_ALLEGED_KINDS,
    PROTECTING_STATES,
    OnLapse,
    Purpose,
    RequestKind,
    RequestState,
    Role,
    Visibility,
)

NAMED = ":named"
"""Marks, behind a kind, that the request names this very recipient: `withhold_location:named`."""

_LOCATION = "location."
_WHERE_POST_ARRIVES = "contact.post"
_PLACE_OF_SERVICE = "service.venue"
_WITHHELD_ROLES = frozenset({Role.APPLICANT, Role.INFORMANT, Role.WITNESS})


@dataclass(frozen=True, slots=True)
class Where:
    """The record, as far as a request's scope looks at it."""

    reference: str
    record_types: tuple[str, ...]
    system: str
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Names:
    """All names under which a request may name a reader: for certain, and by what he may be besides."""

    who: Who
    certain: frozenset[str]
    suspected: frozenset[str] = frozenset()

    @property
    def against(self) -> frozenset[str]:
        """Names that tell against him; where a name would tell for him, only the certain ones count."""
        return self.certain | self.suspected


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a question a request looks at. `joint`: the field is about the reader, too."""

    categories: frozenset[str]
    undeclared: bool
    roles: frozenset[Role]
    joint: bool = False
    only_naming: bool = False
    """The reader opens a verified safe contact: only a request that names him is tested."""


class Protections:
    """The requests about the people of one decision, as of one view and one moment."""

    def __init__(self, view: FactsView, moment: Moment, where: Where, ties: Ties) -> None:
        self._view = view
        self._moment = moment
        self._where = where
        self._ties = ties
        self._in_force: dict[Who, tuple[PrivacyRequest, ...]] = {}
        self.looked_at: set[str] = set()
        """Requests that were considered, each `request:ID`."""

    def in_force(self, who: Who) -> tuple[PrivacyRequest, ...]:
        """The requests in force about `who`, whatever their scope: hers, those that cover her, and those of
        whom she may be.
        """
        if who not in self._in_force:
            found: dict[str, PrivacyRequest] = {}
            for one in sorted(self._ties.selves(who)):
                found |= {r.request_id: r for r in self._about(one)}
                for protector in sorted(self._ties.protectors(one)):
                    found |= {
                        r.request_id: r
                        for r in self._about(protector)
                        if r.kind.protects and not r.covers and person(r.person_id) == protector
                    }
            self._in_force[who] = tuple(found[key] for key in sorted(found) if self._protects(found[key]))
        return self._in_force[who]

    def protecting(self, who: Who) -> bool:
        """Tell whether a request in force restricts something about `who`."""
        return any(request.kind.protects for request in self.in_force(who))

    def of_kind(self, who: Who, kind: RequestKind) -> tuple[PrivacyRequest, ...]:
        """The requests of `kind` in force that `who` herself made or that cover her, within scope."""
        return tuple(
            request for request in self.in_force(who) if request.kind is kind and self._in_scope(request)
        )

    def covering(self, data_subject: Who, asked: Asked, reader: Names) -> frozenset[str]:
        """Kinds of the requests about `data_subject` that cover a question towards `reader`.

        Where one names him, the kind comes once more with `NAMED` behind it.
        """
        kinds: set[str] = set()
        for request in self.in_force(data_subject):
            named = not reader.against.isdisjoint(request.recipients)
            if not request.kind.protects or not self._in_scope(request):
                continue
            if request.recipients and request.everyone_except:
                if not reader.certain.isdisjoint(request.recipients):
                    continue
                named = True  # a list of those who alone may know names everybody else
            elif request.recipients and not named:
                continue
            if self._passes(request, asked, reader, data_subject, naming=named):
                continue
            kinds.add(request.kind)
            if named:
                kinds.add(f"{request.kind}{NAMED}")
        return frozenset(kinds)

    def excludes(
        self, data_subject: Who, reader: Names, *, at_work: bool = False, joint: bool = False
    ) -> bool:
        """Tell whether an exclusion in force about `data_subject` names the reader. `at_work`: asked of a
        user in the authority gate.
        """
        return any(
            request.kind is RequestKind.EXCLUDED_PERSON
            and not reader.against.isdisjoint(request.recipients)
            and self._in_scope(request)
            and not self._turns_on(request, reader, data_subject, at_work=at_work, joint=joint)
            for request in self.in_force(data_subject)
        )

    def excluded_by(self, who: Who) -> frozenset[Who]:
        """The people on file whom `who` excluded."""
        return frozenset(
            Who(name)
            for request in self.of_kind(who, RequestKind.EXCLUDED_PERSON)
            for name in request.recipients
            if person_id_of(Who(name)) is not None
        )

    def shuts_out(self, parties: Iterable[Who], reader: Names) -> bool:
        """Tell whether some party's allow list (restricted_access) covers the record and does not hold the
        user.
        """
        return any(
            request.kind is RequestKind.RESTRICTED_ACCESS
            and reader.certain.isdisjoint(request.recipients)
            and self._in_scope(request)
            and not self._turns_on(request, reader, party, at_work=True)
            for party in parties
            for request in self.in_force(party)
        )

    def represents(self, data_subject: Who, categories: frozenset[str], reader: Names) -> bool:
        """Tell whether `data_subject` authorised the reader to receive fields of `categories`."""
        return any(
            not request.categories or categories.issubset(request.categories)
            for request in self._authorisations(data_subject, reader)
        )

    def may_be_told_to_staff(self, who: Who) -> bool:
        """Tell whether staff who work on the record may know of every request that protects `who`."""
        return all(request.visibility is not Visibility.SECRET for request in self.in_force(who))

    def _about(self, who: Who) -> tuple[PrivacyRequest, ...]:
        person_id = person_id_of(who)
        return () if person_id is None else self._view.requests_about(person_id)

    def _protects(self, request: PrivacyRequest) -> bool:
        self.looked_at.add(f"request:{request.request_id}")
        if request.state not in PROTECTING_STATES:
            return False
        if request.on_lapse is not OnLapse.LAPSE or request.ends_at is None:
            return True
        if request.kind is RequestKind.SAFE_CONTACT:
            # A way to reach her that is hers is one no more when it ends.
            return not self._moment.past(request.ends_at)
        # When another ends, nothing that is permitted is permitted no more; and its end would tell of it.
        return request.ends_at > self._moment.now

    def _in_scope(self, request: PrivacyRequest) -> bool:
        where = self._where
        return (
            (not request.record_types or not set(request.record_types).isdisjoint(where.record_types))
            and (not request.records or where.reference in request.records)
            and (not request.systems or where.system in request.systems)
            and (not request.purposes or where.purpose in request.purposes)
        )

    def _passes(
        self, request: PrivacyRequest, asked: Asked, reader: Names, data_subject: Who, *, naming: bool
    ) -> bool:
        """Tell whether a request in scope leaves this question alone."""
        if asked.only_naming and not naming:
            return True
        if self._is_covered(request, reader):
            return True
        if not _meets(request, asked, naming=naming):
            return True
        if self._turns_on(request, reader, data_subject, at_work=False, joint=asked.joint):
            return True
        return (
            request.kind is RequestKind.WITHHOLD_LOCATION
            and not naming
            and any(
                authorised.received_at >= request.received_at
                for authorised in self._authorisations(data_subject, reader)
                if not authorised.categories or asked.categories.issubset(authorised.categories)
            )
        )

    def _is_covered(self, request: PrivacyRequest, reader: Names) -> bool:
        """Tell whether the request protects the reader himself, and so hides nothing from him."""
        herself = person(request.person_id)
        if reader.who == herself:
            return True
        covered = {person(covered) for covered in request.covers} or self._ties.children_with(herself)
        return (
            reader.who in covered
            and reader.against.isdisjoint(request.recipients)
            and not self._ties.is_adverse(reader.who, herself)
            and not any(
                other.kind is RequestKind.EXCLUDED_PERSON and not reader.against.isdisjoint(other.recipients)
                for other in self.in_force(herself)
            )
        )

    def _turns_on(
        self, request: PrivacyRequest, reader: Names, about: Who, *, at_work: bool, joint: bool = False
    ) -> bool:
        """Tell whether an adverse person's own request is turned on the one to whom he is adverse: then it is
        tested in the disclosure gate alone, on his own fields, and hides no joint paper from her.
        """
        if request.kind not in COUNTER_ALLEGED_KINDS:
            return False
        him = person(request.person_id)
        if not self._ties.is_first_adverse_on_file(him, reader.who):
            return False
        return at_work or joint or about not in self._ties.selves(him)

    def _authorisations(self, data_subject: Who, reader: Names) -> Iterator[PrivacyRequest]:
        """Authorisations of the reader by the data subject, or for her, that run. It is a permit: it
        begins and ends by its own dates, and only while it is active.
        """
        person_id = person_id_of(data_subject)
        if person_id is None:
            return
        for request in self._view.requests_about(person_id):
            if (
                request.kind is RequestKind.AUTHORISED_REPRESENTATIVE
                and request.state is RequestState.ACTIVE
                and not reader.certain.isdisjoint(request.recipients)
                and self._in_scope(request)
                and self._moment.begins(request.begins_at)
                and not self._moment.runs_out(request.ends_at)
            ):
                self.looked_at.add(f"request:{request.request_id}")
                yield request


def _meets(request: PrivacyRequest, asked: Asked, *, naming: bool) -> bool:
    """Undeclared content counts as every category."""
    if asked.undeclared:
        return True
    categories = asked.categories
    if request.categories and categories.isdisjoint(request.categories):
        return False
    match request.kind:
        case RequestKind.WITHHOLD_LOCATION:
            # Whoever interprets or drives her there has to know where; whom she named has not.
            hers = {_WHERE_POST_ARRIVES, _PLACE_OF_SERVICE} if naming else {_WHERE_POST_ARRIVES}
            return any(c.startswith(_LOCATION) or c in hers for c in categories)
        case RequestKind.WITHHOLD_IDENTITY:
            shown = any(c == "involvement" or c.startswith("identity.") for c in categories)
            return shown and not asked.roles.isdisjoint(_WITHHELD_ROLES)
        case _:
            return True
