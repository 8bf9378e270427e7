"""Look-up keys: how a decision asks for facts, how memory holds them, and what `changes` lists.

A key is a plain tuple: the look-up's name, then the values looked up, e.g. `("record", "police", "CR/1")`.
One table, `LOOKUPS`, says which kind of fact each look-up finds and by which of its fields; `keys_of` reads
it the other way round, so a look-up that memory can hold is always one that a write announces.

A value that is empty finds nothing (an unknown UPRN is not shared with every other unknown one): such a key
is never loaded, stored or announced.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from policy_service.model.facts import (
    ArtefactType,
    ContactPoint,
    ContentDeclaration,
    Controller,
    CourtOrder,
    Fact,
    FiledPolicySet,
    Fingerprint,
    LegalHold,
    Override,
    Person,
    PersonId,
    PersonIdentifier,
    PersonName,
    PolicySet,
    PrivacyRequest,
    Record,
    RecordId,
    RecordParty,
    RecordType,
    Relationship,
    RetentionRule,
    System,
    Token,
    User,
)

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Finds facts of `kind` whose `fields` equal the key's values.

    `many` names a field that holds several values: the fact is found by each of them, as well as by
    `fields[0]`. `counts`: it is made for how many it finds, for a bound.
    """

    name: str
    kind: type[Fact]
    fields: tuple[str, ...]
    many: str = ""
    counts: bool = False


def _values_of(lookup: Lookup) -> Callable[[Any], Key]:
    """The look-up's name and what a fact has in its fields."""
    name = lookup.name
    match lookup.fields:
        case ():
            return lambda _: (name,)
        case (field,):
            value = attrgetter(field)
            return lambda fact: (name, value(fact))
        case _:
            values = attrgetter(*lookup.fields)
            return lambda fact: (name, *values(fact))


LOOKUPS = {
    lookup.name: lookup
    for lookup in (
        Lookup("person", Person, ("person_id",)),
        Lookup("person_by_identifier", PersonIdentifier, ("fingerprint",)),
        Lookup("identifiers_of", PersonIdentifier, ("person_id",)),
        Lookup("names_of", PersonName, ("person_id",)),
        Lookup("names_with_birth_date", PersonName, ("with_birth_date",)),
        Lookup("relationships_from", Relationship, ("from_person",)),
        Lookup("relationships_to", Relationship, ("to_person",)),
        Lookup("contact_points_of", ContactPoint, ("person_id",)),
        Lookup("contact_points_by_fingerprint", ContactPoint, ("fingerprint",)),
        Lookup("contact_points_by_uprn", ContactPoint, ("uprn",)),
        Lookup("own_points_by_fingerprint", ContactPoint, ("controller", "fingerprint"), counts=True),
        Lookup("own_points_by_uprn", ContactPoint, ("controller", "uprn"), counts=True),
        Lookup("contact_point_by_reference", ContactPoint, ("controller", "reference")),
        Lookup("record", Record, ("controller", "reference")),
        Lookup("record_by_id", Record, ("record_id",)),
        Lookup("parties_of", RecordParty, ("record_id",)),
        Lookup("parties_by_person", RecordParty, ("person_id",)),
        Lookup("declarations", ContentDeclaration, ("controller", "digest")),
        Lookup("overrides", Override, ("controller", "record")),
        Lookup("override", Override, ("override_id",)),
        Lookup("orders", CourtOrder, ("controller", "record")),
        Lookup("order", CourtOrder, ("order_id",)),
        Lookup("requests_about", PrivacyRequest, ("person_id",), many="covers"),
        Lookup("request", PrivacyRequest, ("request_id",)),
        Lookup("user", User, ("controller", "reference")),
        Lookup("users_of_person", User, ("person_id",)),
        Lookup("system", System, ("controller", "name")),
        Lookup("systems_of", System, ("controller",)),
        Lookup("token", Token, ("token_id",)),
        Lookup("record_type", RecordType, ("controller", "name")),
        Lookup("record_types_of", RecordType, ("controller",)),
        Lookup("artefact_type", ArtefactType, ("controller", "name")),
        Lookup("artefact_types_of", ArtefactType, ("controller",)),
        Lookup("policy_set", PolicySet, ()),
        Lookup("legal_hold", LegalHold, ("hold_id",)),
        Lookup("legal_holds_on", LegalHold, ("person_id",)),
        Lookup("retention_rule", RetentionRule, ("controller", "kind")),
        Lookup("filed_policy_set", FiledPolicySet, ("policy_set_id",)),
    )
}


_VALUES_OF = {lookup.name: _values_of(lookup) for lookup in LOOKUPS.values()}
_VALUES_OF_KIND: defaultdict[type[Fact], list[Callable[[Fact], Key]]] = defaultdict(list)
"""What makes the keys of a fact that are one each: some twenty times for each person who is imported."""
_MANY_OF_KIND: defaultdict[type[Fact], list[Lookup]] = defaultdict(list)
for _lookup in LOOKUPS.values():
    if _lookup.many:
        _MANY_OF_KIND[_lookup.kind].append(_lookup)
    else:
        _VALUES_OF_KIND[_lookup.kind].append(_VALUES_OF[_lookup.name])


def keys_of(fact: Fact) -> Sequence[Key]:
    """Every key that finds this fact."""
    kind = type(fact)
    found = [key for values_of in _VALUES_OF_KIND[kind] if (key := values_of(fact))[-1]]  # else it is empty
    for lookup in _MANY_OF_KIND.get(kind, ()):
        # Covering herself is said twice by no look-up: dict.fromkeys drops the second.
        values = (_VALUES_OF[lookup.name](fact)[-1], *getattr(fact, lookup.many))
        found += [(lookup.name, value) for value in dict.fromkeys(values) if value]
    return found


def keys_by(lookup: Lookup, fact: Fact) -> Iterable[Key]:
    """The keys of one look-up that find this fact, which is of its kind."""
    if lookup.many:
        return [key for key in keys_of(fact) if key[0] == lookup.name]
    key = _VALUES_OF[lookup.name](fact)
    return (key,) if key[-1] else ()


def is_empty(key: Key) -> bool:
    """True for a key that finds nothing, whatever is on file."""
    return not key[-1]


def key_to_text(key: Key) -> str:
    """The key as `changes` holds it: a JSON list, since references may hold any character."""
    return "[" + ",".join(map(_quoted, key)) + "]"


_quoted = json.encoder.encode_basestring  # as json.dumps(ensure_ascii=False) makes of a text


def keys_from_texts(texts: Iterable[str]) -> Iterator[Key]:
    """The keys that `key_to_text` made these of; many together, since a worker waits for them."""
    return map(tuple, json.loads(f"[{','.join(texts)}]"))


def about_person(person_id: PersonId) -> tuple[Key, ...]:
    """Every look-up that a decision about somebody makes."""
    return (
        person(person_id),
        relationships_from(person_id),
        relationships_to(person_id),
        contact_points_of(person_id),
        requests_about(person_id),
        users_of_person(person_id),
    )


def person(person_id: PersonId) -> Key:
    return ("person", person_id)


def person_by_identifier(fingerprint: Fingerprint) -> Key:
    return ("person_by_identifier", fingerprint)


def identifiers_of(person_id: PersonId) -> Key:
    return ("identifiers_of", person_id)


def names_of(person_id: PersonId) -> Key:
    return ("names_of", person_id)


def names_with_birth_date(fingerprint: Fingerprint) -> Key:
    return ("names_with_birth_date", fingerprint)


def relationships_from(person_id: PersonId) -> Key:
    return ("relationships_from", person_id)


def relationships_to(person_id: PersonId) -> Key:
    return ("relationships_to", person_id)


def contact_points_of(person_id: PersonId) -> Key:
    return ("contact_points_of", person_id)


def contact_points_by_fingerprint(fingerprint: Fingerprint) -> Key:
    return ("contact_points_by_fingerprint", fingerprint)


def contact_points_by_uprn(uprn: Fingerprint) -> Key:
    return ("contact_points_by_uprn", uprn)


def own_points_by_fingerprint(controller: Controller, fingerprint: Fingerprint) -> Key:
    return ("own_points_by_fingerprint", controller, fingerprint)


def own_points_by_uprn(controller: Controller, uprn: Fingerprint) -> Key:
    return ("own_points_by_uprn", controller, uprn)


def contact_point_by_reference(controller: Controller, reference: str) -> Key:
    return ("contact_point_by_reference", controller, reference)


def record(controller: Controller, reference: str) -> Key:
    return ("record", controller, reference)


def record_by_id(record_id: RecordId) -> Key:
    return ("record_by_id", record_id)


def parties_of(record_id: RecordId) -> Key:
    return ("parties_of", record_id)


def parties_by_person(person_id: PersonId) -> Key:
    return ("parties_by_person", person_id)


def declarations(controller: Controller, digest: str) -> Key:
    return ("declarations", controller, digest)


def overrides(controller: Controller, record: str) -> Key:
    return ("overrides", controller, record)


def override(override_id: str) -> Key:
    return ("override", override_id)


def orders(controller: Controller, record: str) -> Key:
    return ("orders", controller, record)


def order(order_id: str) -> Key:
    return ("order", order_id)


def requests_about(person_id: PersonId) -> Key:
    return ("requests_about", person_id)


def request(request_id: str) -> Key:
    return ("request", request_id)


def user(controller: Controller, reference: str) -> Key:
    return ("user", controller, reference)


def users_of_person(person_id: PersonId) -> Key:
    return ("users_of_person", person_id)


def system(controller: Controller, name: str) -> Key:
    return ("system", controller, name)


def systems_of(controller: Controller) -> Key:
    return ("systems_of", controller)


def token(token_id: str) -> Key:
    return ("token", token_id)


def record_type(controller: Controller, name: str) -> Key:
    return ("record_type", controller, name)


def record_types_of(controller: Controller) -> Key:
    return ("record_types_of", controller)


def artefact_type(controller: Controller, name: str) -> Key:
    return ("artefact_type", controller, name)


def artefact_types_of(controller: Controller) -> Key:
    return ("artefact_types_of", controller)


def policy_set() -> Key:
    return ("policy_set",)


def legal_hold(hold_id: str) -> Key:
    return ("legal_hold", hold_id)


def legal_holds_on(person_id: PersonId) -> Key:
    return ("legal_holds_on", person_id)


def retention_rule(controller: Controller, kind: str) -> Key:
    return ("retention_rule", controller, kind)


def filed_policy_set(policy_set_id: str) -> Key:
    return ("filed_policy_set", policy_set_id)
