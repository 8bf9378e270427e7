"""What one call is about, once joined with what is on file: the user, the record, its fields, the recipients.

`situate` resolves every reference of the call. What only the store could tell (an unknown user, record or
person, a grant that is not there) raises `NotTold`, whose cause is for the log entry alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.cast import Cast, NotTold, Who
from policy_service.facts.gather.clock import Moment
from policy_service.facts.gather.contents import Contents
from policy_service.facts.gather.places import Places
from policy_service.facts.gather.protections import Protections, Where
from policy_service.facts.gather.reaching import reaching
from policy_service.facts.gather.readers import Readers, Recipient, is_secret_party
from policy_service.facts.gather.record import RecordSeen, record_seen
from policy_service.facts.gather.ties import Ties
from policy_service.facts.gather.user import UserSeen, purpose_granted, user_seen
from policy_service.facts.gather.warrants import Warrants
from policy_service.facts.view import FactsView
from policy_service.model.caller import Caller
from policy_service.model.facts import ArtefactType, RecordType, System
from policy_service.model.obligation import ANY_CALLER, ObligationKind
from policy_service.model.question import CheckCall
from policy_service.model.vocabulary import Purpose, RequestKind


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that the questions of one call are made from. `recipients` holds None where the call names
    nobody known.
    """

    view: FactsView
    call: CheckCall
    system: System
    purpose: Purpose
    user: UserSeen
    record: RecordSeen
    recipients: tuple[Recipient | None, ...]
    artefact: ArtefactType | None
    capabilities: frozenset[ObligationKind]
    """Protective obligations that the caller can carry out in this call."""
    contents: Contents
    places: Places
    cast: Cast
    ties: Ties
    ties_on_file: Ties
    """For what a call must not find out by describing it."""
    protections: Protections
    warrants: Warrants
    moment: Moment


def situate(
    view: FactsView,
    base_types: Mapping[str, RecordType],
    fingerprints: Fingerprinter,
    caller: Caller,
    call: CheckCall,
    moment: Moment,
) -> Situation:
    """Join `call` with the facts as of `view`. Raises `NotTold` and `ColdFacts`."""
    controller = caller.controller
    # First of all, since a value that cannot be read is refused whatever is on file.
    cast = Cast(view, fingerprints, controller, call.description)
    view.prefetch(
        keys.system(controller, caller.system),
        keys.user(controller, call.user),
        keys.record(controller, call.record),
        keys.artefact_type(controller, call.artefact_type),
        keys.overrides(controller, call.record),
        keys.orders(controller, call.record),
        keys.declarations(controller, call.artefact_digest.hex()),
    )
    system = view.system(controller, caller.system)
    if system is None or system.suspended:
        raise NotTold("not_a_system")
    if not call.description.empty and not system.may_describe:
        raise NotTold("may_not_describe")
    if call.verb not in system.verbs:
        raise NotTold("not_granted")
    cast.recognise()
    record = record_seen(view, base_types, cast, call, system.assert_teams)
    if "*" not in system.record_types and set(system.record_types).isdisjoint(record.record_types):
        raise NotTold("not_granted")
    artefact = None
    if call.artefact_type and (artefact := view.artefact_type(controller, call.artefact_type)) is None:
        raise NotTold("unknown_artefact_type")
    user = user_seen(view, system, cast, record, call)
    cast.name_parties(_parties_by_key(record, user))
    purpose = purpose_granted(system, call, user)
    ties = Ties(view, cast, moment)
    people = record.people | {user.who} | cast.everybody
    ties.prefetch(people)
    ties.prefetch_around(people)
    where = Where(record.reference, record.record_types, system.name, purpose)
    protections = Protections(view, moment, where, ties)
    readers = Readers(view, cast, record, user, call, ties)
    named = readers.named()
    ties.prefetch(frozenset(r.who for r in named if r is not None))

    def whole(recipient: Recipient | None) -> Recipient | None:
        if recipient is None:
            return None
        safe = protections.of_kind(recipient.who, RequestKind.SAFE_CONTACT)
        way = reaching(view, moment, recipient.who, safe, recipient.point, recipient.channel)
        return readers.with_implied(recipient, way, protections.excluded_by(recipient.who))

    recipients = tuple(whole(recipient) for recipient in named)
    ties.prefetch(frozenset(one.who for r in recipients if r is not None for one in r.implied))
    return Situation(
        view=view,
        call=call,
        system=system,
        purpose=purpose,
        user=user,
        record=record,
        recipients=recipients,
        artefact=artefact,
        capabilities=_capabilities(artefact, call, moment),
        contents=Contents(view, controller, call),
        places=Places(view, cast, ties, record.premises),
        cast=cast,
        ties=ties,
        ties_on_file=Ties(view, cast, moment, on_file_alone=True),
        protections=protections,
        warrants=Warrants(view, moment, controller, call.record, call.user, user.kind),
        moment=moment,
    )


def _parties_by_key(record: RecordSeen, user: UserSeen) -> dict[str, tuple[Who, ...]]:
    """Who holds each party of the record that this user may know of."""
    keys_told = {party.party for party in record.parties if not is_secret_party(record, user, party.party)}
    return {
        key: tuple(dict.fromkeys(party.who for party in record.parties if party.party == key))
        for key in sorted(keys_told)
    }


def _capabilities(
    artefact: ArtefactType | None, call: CheckCall, moment: Moment
) -> frozenset[ObligationKind]:
    """What any caller can do and what is on file for the artefact type; the call may claim less, never
    more.
    """
    on_file = frozenset(
        capability.obligation
        for capability in (() if artefact is None else artefact.capabilities)
        if not moment.ended(capability.until, permits=True)
    )
    able = ANY_CALLER | on_file
    return able if call.capabilities is None else able & call.capabilities
