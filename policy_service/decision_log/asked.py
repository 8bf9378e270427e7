"""A call as its entry keeps it → its message, and back: what is read is what was written.

Most of what is kept are fingerprints, and most of these stand in the event already, as what was asserted:
`person.KEY.identifiers`, `person.KEY.name`, `contact_point.KEY.fingerprint`, `contact_point.KEY.uprn`. What
stands there is left out here, so that large calls still have room in an entry.

Enumerations of the vocabulary stand as their words. A word that this version does not know raises
`UnreadableCall`: another version wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from policy_service.api.v1 import attribute_pb2
from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.attributes import AttributeValue, Value
from policy_service.model.kept_call import KEYED, Age, KeptBirth, KeptCall
from policy_service.model.obligation import ObligationKind
from policy_service.model.question import (
    NOTHING_DESCRIBED,
    CheckCall,
    DescribedContactPoint,
    DescribedParty,
    DescribedPerson,
    DescribedRecord,
    DescribedRelationship,
    DescribedUser,
    Description,
    FieldAsked,
    RecipientAsked,
)
from policy_service.model.vocabulary import (
    Channel,
    ContactKind,
    OrganisationRole,
    PersonKind,
    Purpose,
    RelationKind,
    Role,
    Verb,
)

_VERBS = {pb.VERB_SEE: Verb.SEE, pb.VERB_SEND: Verb.SEND}


class UnreadableCall(Exception):  # an outcome: the decision cannot be computed again here
    """The kept call has words that this version does not know."""


Asserted = Mapping[str, Sequence[str]]
"""What an event has as asserted, by path."""


def write_asked(message: log_pb.AskedCall, kept: KeptCall, asserted: Asserted) -> None:
    """Write what an entry holds of the call besides what the event says already; it is there even where that
    is nothing.
    """
    call = kept.call
    message.SetInParent()
    if call.purpose:
        message.purpose = call.purpose
    if call.self_service:
        message.self_service = True
    if call.contact_point:
        message.contact_point = call.contact_point
    if call.assurance:
        message.user_assurance = call.assurance
    for asked in call.recipients:
        message.recipients.add(
            party=asked.party,
            person=asked.person,
            team=asked.team,
            contact_point=asked.contact_point,
            channel=asked.channel or "",
            interpreter=asked.interpreter,
        )
    for birth in kept.births:
        message.births.add(age=birth.age, with_name=birth.with_name)
    if call.capabilities is not None:
        message.capabilities.SetInParent()
        message.capabilities.obligations.extend(sorted(call.capabilities))
    if not call.description.empty:
        _write_description(message.description, call.description, asserted)


def asked_call(event: log_pb.DecisionEvent) -> KeptCall:
    """The call of a decision that has it. Raises `UnreadableCall`."""
    try:
        return KeptCall(
            _call(event), tuple(KeptBirth(Age(each.age), each.with_name) for each in event.asked.births)
        )
    except (KeyError, ValueError) as error:
        raise UnreadableCall from error


def _call(event: log_pb.DecisionEvent) -> CheckCall:
    asked = event.asked
    asserted = {each.path: tuple(each.values) for each in event.asserted}
    claimed = asked.capabilities.obligations if asked.HasField("capabilities") else None
    return CheckCall(
        user=event.user,
        record=event.record,
        fields=tuple(FieldAsked(f.name, f.party, f.place) for f in event.fields[: event.asked_fields]),
        verb=_VERBS[event.verb],
        purpose=Purpose(asked.purpose) if asked.purpose else None,
        channel=_channel(event.channel),
        recipients=tuple(
            RecipientAsked(r.party, r.person, r.team, r.contact_point, _channel(r.channel), r.interpreter)
            for r in asked.recipients
        ),
        artefact_type=event.artefact_type,
        artefact_digest=event.artefact_digest,
        dispatch_reference=event.dispatch_reference,
        self_service=asked.self_service,
        contact_point=asked.contact_point,
        description=_description(asked.description, asserted)
        if asked.HasField("description")
        else NOTHING_DESCRIBED,
        capabilities=None if claimed is None else frozenset(map(ObligationKind, claimed)),
        assurance=asked.user_assurance,
    )


def _channel(word: str) -> Channel | None:
    return Channel(word) if word else None


def _write_description(message: pb.Description, described: Description, asserted: Asserted) -> None:
    for person in described.people:
        message.people.add(
            key=person.key,
            identifiers=() if _identifiers(person.key) in asserted else person.identifiers,
            kind="" if person.kind is PersonKind.PRIVATE else person.kind,
            organisation_roles=person.organisation_roles,
            categories=person.categories,
            name="" if _name(person.key) in asserted else person.name,
        )
    for tie in described.relationships:
        message.relationships.add(
            from_person=tie.from_person,
            to_person=tie.to_person,
            kind=tie.kind,
            parental_responsibility=tie.parental_responsibility,
        )
    for point in described.contact_points:
        message.contact_points.add(
            key=point.key,
            kind=point.kind,
            value="" if _value_of(point.key) in asserted else point.value,
            owners=point.owners,
            uprn="" if _uprn(point.key) in asserted else point.uprn,
            home=point.home,
            voicemail_safe=point.voicemail_safe,
        )
    if (user := described.user) is not None:
        message.user.SetInParent()
        message.user.roles.extend(user.roles)
        message.user.teams.extend(user.teams)
        message.user.person = user.person
        message.user.attributes.extend(map(_attribute_message, user.attributes))
    if (record := described.record) is not None:
        message.record.record_type = record.record_type
        message.record.teams.extend(record.teams)
        message.record.premises = record.premises
        message.record.attributes.extend(map(_attribute_message, record.attributes))
        message.record.SetInParent()
        for party in record.parties:
            message.record.parties.add(party=party.party, role=party.role, person=party.person)


def _description(message: pb.Description, asserted: Asserted) -> Description:
    user = record = None
    if message.HasField("user"):
        user = DescribedUser(
            tuple(message.user.roles),
            tuple(message.user.teams),
            message.user.person,
            _attributes(message.user.attributes),
        )
    if message.HasField("record"):
        record = DescribedRecord(
            record_type=message.record.record_type,
            teams=tuple(message.record.teams),
            parties=tuple(
                DescribedParty(party.party, Role(party.role), party.person)
                for party in message.record.parties
            ),
            premises=message.record.premises,
            attributes=_attributes(message.record.attributes),
        )
    return Description(
        user,
        record,
        people=tuple(_person(person, asserted) for person in message.people),
        relationships=tuple(
            DescribedRelationship(
                tie.from_person, tie.to_person, RelationKind(tie.kind), tie.parental_responsibility
            )
            for tie in message.relationships
        ),
        contact_points=tuple(_point(point, asserted) for point in message.contact_points),
    )


def _person(person: pb.DescribedPerson, asserted: Asserted) -> DescribedPerson:
    elsewhere = tuple(f"{KEYED}{each}" for each in asserted.get(_identifiers(person.key), ()))
    return DescribedPerson(
        key=person.key,
        identifiers=elsewhere or tuple(person.identifiers),
        kind=PersonKind(person.kind or PersonKind.PRIVATE),
        organisation_roles=tuple(map(OrganisationRole, person.organisation_roles)),
        categories=tuple(person.categories),
        name=person.name or _only(asserted, _name(person.key)),
    )


def _point(point: pb.DescribedContactPoint, asserted: Asserted) -> DescribedContactPoint:
    return DescribedContactPoint(
        key=point.key,
        kind=ContactKind(point.kind),
        value=point.value or _only(asserted, _value_of(point.key)),
        owners=tuple(point.owners),
        uprn=point.uprn or _only(asserted, _uprn(point.key)),
        home=point.home,
        voicemail_safe=point.voicemail_safe,
    )


def _identifiers(key: str) -> str:
    return f"person.{key}.identifiers"


def _name(key: str) -> str:
    return f"person.{key}.name"


def _value_of(key: str) -> str:
    return f"contact_point.{key}.fingerprint"


def _uprn(key: str) -> str:
    return f"contact_point.{key}.uprn"


def _only(asserted: Asserted, path: str) -> str:
    return "".join(asserted.get(path, ()))


def _attribute_message(given: AttributeValue) -> attribute_pb2.AttributeValue:
    match given.value:
        case bool() as boolean:
            return attribute_pb2.AttributeValue(name=given.name, boolean=boolean)
        case str() as text:
            return attribute_pb2.AttributeValue(name=given.name, text=text)
        case tuple() as several:
            texts = attribute_pb2.AttributeTexts(values=several)
            return attribute_pb2.AttributeValue(name=given.name, texts=texts)
        case number:
            return attribute_pb2.AttributeValue(name=given.name, number=number)


def _attributes(messages: Iterable[attribute_pb2.AttributeValue]) -> tuple[AttributeValue, ...]:
    return tuple(AttributeValue(message.name, _value(message)) for message in messages)


def _value(message: attribute_pb2.AttributeValue) -> Value:
    match message.WhichOneof("value"):
        case "text":
            return message.text
        case "texts":
            return tuple(message.texts.values)
        case "boolean":
            return message.boolean
        case "number":
            number = message.number
            return int(number) if number.is_integer() else number
        case _:
            raise ValueError("an attribute without a value")
