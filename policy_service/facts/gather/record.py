"""The record of one call, with everything that its type and the bases it extends declare."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from policy_service.facts.gather.cast import Cast, NotTold, Who, person
from policy_service.facts.gather.places import Premises
from policy_service.facts.view import FactsView
from policy_service.model.attributes import Value
from policy_service.model.facts import Controller, FieldType, Record, RecordType
from policy_service.model.question import CheckCall, DescribedRecord
from policy_service.model.vocabulary import Role


@dataclass(frozen=True, slots=True)
class PartySeen:
    """A person's role on the record."""

    party: str
    role: Role
    who: Who


@dataclass(frozen=True, slots=True)
class RecordKind:
    """What a record type declares, with the bases that it extends; the nearest first where one speaks."""

    record_types: tuple[str, ...]
    fields: Mapping[str, FieldType]
    secret_roles: frozenset[Role]
    protection_team: str
    known_to_parents: bool
    assurance: int
    people_on_file: bool
    attributes: frozenset[str]
    """Names of the declared attributes that its records may have."""


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
    teams_certain: frozenset[str]
    """Of the teams, those on file, or that the grant lets this system assert: these alone lift a request."""
    parties: tuple[PartySeen, ...]
    people: frozenset[Who]
    roles: Mapping[Who, frozenset[Role]]
    premises: Premises
    fact: str
    attributes: Mapping[str, Value]
    """Values of the declared attributes that its kind has."""

    def roles_of(self, who: Who) -> frozenset[Role]:
        """The roles that `who` holds on this record."""
        return self.roles.get(who, _NO_ROLES)

    def shows_secretly(self, who: Who) -> bool:
        """Tell whether `who` holds a role here that law or scheme keeps secret."""
        return not self.roles_of(who).isdisjoint(self.secret_roles)


_NO_ROLES: frozenset[Role] = frozenset()


def record_seen(
    view: FactsView,
    base_types: Mapping[str, RecordType],
    cast: Cast,
    call: CheckCall,
    asserted_teams: Collection[str],
) -> RecordSeen:
    """What is on file about the record stands; a description counts only where nothing is on file, and of its
    teams for certain only those that the system may assert. Raises `NotTold`.
    """
    stored = view.record(cast.controller, call.record)
    described = call.description.record
    if stored is not None:
        parties = tuple(
            PartySeen(party.party, party.role, person(party.person_id))
            for party in view.parties_of(stored.record_id)
        )
        type_name, teams = stored.record_type, frozenset(stored.teams)
    elif described is not None:
        parties = _described_parties(cast, described)
        type_name, teams = described.record_type, frozenset(described.teams)
    else:
        raise NotTold("unknown_record")
    kind = _kind(view, base_types, cast.controller, type_name)
    if kind.people_on_file and not all(party.who.startswith("person:") for party in parties):
        raise NotTold("person_not_on_file")
    people = frozenset(party.who for party in parties)
    return RecordSeen(
        reference=call.record,
        record_types=kind.record_types,
        fields=kind.fields,
        secret_roles=kind.secret_roles,
        protection_team=kind.protection_team,
        known_to_parents=kind.known_to_parents,
        assurance=kind.assurance,
        teams=teams,
        teams_certain=teams if stored is not None else teams.intersection(asserted_teams),
        parties=parties,
        people=people,
        roles={who: frozenset(party.role for party in parties if party.who == who) for who in people},
        premises=_premises(cast, stored, described, parties),
        fact="" if stored is None else f"record:{stored.record_id}",
        attributes=_attributes(kind, stored, described),
    )


def _attributes(
    kind: RecordKind, stored: Record | None, described: DescribedRecord | None
) -> dict[str, Value]:
    """Of a described record, what its kind has not is passed over: a refusal would tell that nothing is on
    file.
    """
    said = () if described is None else described.attributes
    values = said if stored is None else stored.attributes
    return {each.name: each.value for each in values if each.name in kind.attributes}


def _described_parties(cast: Cast, described: DescribedRecord) -> tuple[PartySeen, ...]:
    found = [(p.party, p.role, cast.resolve(p.person)) for p in described.parties]
    if any(who is None for _, _, who in found):
        raise NotTold("unknown_party")
    return tuple(PartySeen(key, role, who) for key, role, who in found if who is not None)


def _kind(
    view: FactsView, base_types: Mapping[str, RecordType], controller: Controller, type_name: str
) -> RecordKind:
    """The kind of a name; it follows from the types on file and the published set alone."""
    own = view.record_type(controller, type_name)
    if own is None:
        raise NotTold("unknown_record_type")
    key = ("kind of record", controller, type_name)
    known: tuple[Mapping[str, RecordType], RecordKind] | None = view.derived.get(key)
    if known is None or known[0] is not base_types:
        chain = _chain(base_types, own)
        kind = RecordKind(
            record_types=tuple(record_type.name for record_type in chain),
            fields={field.name: field for record_type in reversed(chain) for field in record_type.fields},
            secret_roles=frozenset(role for record_type in chain for role in record_type.secret_roles),
            protection_team=next((t.protection_team for t in chain if t.protection_team), ""),
            known_to_parents=any(record_type.known_to_parents for record_type in chain),
            assurance=max(record_type.assurance for record_type in chain),
            people_on_file=any(record_type.people_on_file for record_type in chain),
            attributes=frozenset(name for record_type in chain for name in record_type.attributes),
        )
        known = view.derived[key] = base_types, kind
    return known[1]


def _chain(base_types: Mapping[str, RecordType], own: RecordType) -> list[RecordType]:
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
