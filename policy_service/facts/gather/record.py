"""The record of one call, with everything that its type and the bases it extends declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policy_service.facts.gather.cast import Cast, NotTold, Who, person
from policy_service.facts.gather.places import Premises
from policy_service.facts.view import FactsView
from policy_service.model.facts import FieldType, Record, RecordType
from policy_service.model.question import CheckCall, DescribedRecord
from policy_service.model.vocabulary import Role


@dataclass(frozen=True, slots=True)
class PartySeen:
    """A person's role on the record."""

    party: str
    role: Role
    who: Who


@dataclass(frozen=True, slots=True)
class RecordSeen:
    """`fact` is `record:ID`, or empty for a described record."""

    reference: str
    record_types: tuple[str, ...]
    fields: Mapping[str, FieldType]
    secret_roles: frozenset[Role]
    protection_team: str
    known_to_parents: bool
    assurance: int
    teams: frozenset[str]
    """Those that work on it; a description names them, too."""
    parties: tuple[PartySeen, ...]
    premises: Premises
    fact: str
    teams_certain: frozenset[str] = frozenset()
    """Of the teams, those on file, or that the grant lets this system assert: these alone lift a request."""

    @property
    def people(self) -> frozenset[Who]:
        return frozenset(party.who for party in self.parties)

    def roles_of(self, who: Who) -> frozenset[Role]:
        """The roles that `who` holds on this record."""
        return frozenset(party.role for party in self.parties if party.who == who)

    def shows_secretly(self, who: Who) -> bool:
        """Tell whether `who` holds a role here that law or scheme keeps secret."""
        return not self.roles_of(who).isdisjoint(self.secret_roles)


def record_seen(
    view: FactsView, base_types: Mapping[str, RecordType], cast: Cast, call: CheckCall
) -> RecordSeen:
    """What is on file about the record stands; a description counts only where nothing is on file. Raises
    `NotTold`.
    """
    stored = view.record(cast.controller, call.record)
    described = call.description.record
    if stored is not None:
        parties = tuple(
            PartySeen(party.party, party.role, person(party.person_id))
            for party in view.parties_of(stored.record_id)
        )
        type_name, teams = stored.record_type, stored.teams
    elif described is not None:
        parties = _described_parties(cast, described)
        type_name, teams = described.record_type, described.teams
    else:
        raise NotTold("unknown_record")
    chain = _chain(view, base_types, cast, type_name)
    if any(each.people_on_file for each in chain) and not all(p.who.startswith("person:") for p in parties):
        raise NotTold("person_not_on_file")
    return RecordSeen(
        reference=call.record,
        record_types=tuple(record_type.name for record_type in chain),
        fields={field.name: field for record_type in reversed(chain) for field in record_type.fields},
        secret_roles=frozenset(role for record_type in chain for role in record_type.secret_roles),
        protection_team=next((t.protection_team for t in chain if t.protection_team), ""),
        known_to_parents=any(record_type.known_to_parents for record_type in chain),
        assurance=max(record_type.assurance for record_type in chain),
        teams=frozenset(teams),
        parties=parties,
        premises=_premises(cast, stored, described, parties),
        fact="" if stored is None else f"record:{stored.record_id}",
    )


def _described_parties(cast: Cast, described: DescribedRecord) -> tuple[PartySeen, ...]:
    found = [(p.party, p.role, cast.resolve(p.person)) for p in described.parties]
    if any(who is None for _, _, who in found):
        raise NotTold("unknown_party")
    return tuple(PartySeen(key, role, who) for key, role, who in found if who is not None)


def _chain(
    view: FactsView, base_types: Mapping[str, RecordType], cast: Cast, type_name: str
) -> list[RecordType]:
    own = view.record_type(cast.controller, type_name)
    if own is None:
        raise NotTold("unknown_record_type")
    chain = [own]
    while chain[-1].extends:
        base = base_types.get(chain[-1].extends)
        if base is None or base in chain:
            raise NotTold("unknown_base_type")
        chain.append(base)
    return chain


def _premises(
    cast: Cast, stored: Record | None, described: DescribedRecord | None, parties: tuple[PartySeen, ...]
) -> Premises:
    joint = frozenset(party.who for party in parties if party.role is Role.JOINT_CUSTOMER)
    if stored is not None:
        place = f"uprn:{stored.premises_uprn}" if stored.premises_uprn else ""
        if not place and stored.premises:
            place = f"text:{stored.premises}"
        return Premises(place, on_file=True, joint=joint)
    point = None if described is None else cast.described_point(described.premises)
    return Premises("" if point is None else cast.place_of(point), on_file=False, joint=joint)
