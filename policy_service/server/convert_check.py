"""CheckRequest bytes → `CheckCall`, and `Decision` → CheckResponse bytes.

Everything that the call alone shows to be impossible is refused here. What needs the store to tell (an
unknown user, record, field, recipient) passes, and is denied by the use case.
"""

from __future__ import annotations

from collections.abc import Iterable

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.decision import Decision
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.language import is_language_tag
from policy_service.model.obligation import ObligationKind
from policy_service.model.question import (
    MAX_QUESTIONS,
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
    CATEGORIES,
    Channel,
    ContactKind,
    Effect,
    OrganisationRole,
    PersonKind,
    Purpose,
    RelationKind,
    Role,
    Verb,
    is_category,
)
from policy_service.server.bounds import (
    MAX_TEXT,
    count,
    identifier,
    iso_date,
    name,
    read_message,
    reference,
    text,
    texts,
    unique,
    word,
    words,
)
from policy_service.server.convert_attributes import attribute_values
from policy_service.service.words import unknown_word

MAX_PEOPLE = 256
MAX_PARTIES = 256
MAX_CONTACT_POINTS = 256
MAX_RELATIONSHIPS = 1_024
MAX_OWNERS = 1_024
DIGEST_BYTES = 32
HIGHEST_ASSURANCE = 3
"""NIST SP 800-63B."""

_EFFECT = {Effect.PERMIT: pb.EFFECT_PERMIT, Effect.DENY: pb.EFFECT_DENY}
_SEE_ONLY = frozenset({Channel.SEE_SCREEN, Channel.SEE_PRINT})
# Whatever else carries something to somebody else, or leaves a copy of it there.
_OF_A_SEE = _SEE_ONLY | {Channel.PORTAL, Channel.API, Channel.IN_PERSON}


def parse_check(data: bytes) -> CheckCall:
    """Read a call and bound it. Raises `InvalidArgumentError`, which names the field and never its value."""
    request = read_message(pb.CheckRequest, data)
    # Counted first: everything after it costs in proportion.
    if not request.fields:
        raise InvalidArgumentError("fields", "NO_FIELD", "`fields` must name at least one field")
    if len(request.fields) * max(1, len(request.recipients)) > MAX_QUESTIONS:
        raise InvalidArgumentError(
            "fields",
            "TOO_MANY_QUESTIONS",
            f"`fields` times `recipients` is more than {MAX_QUESTIONS:,} questions",
        )
    verb = _verb(request)
    channel = _channel(request.channel, "channel", verb)
    call = CheckCall(
        user=reference(request.user, "user"),
        record=reference(request.record, "record"),
        fields=_fields(request.fields),
        verb=verb,
        purpose=word(Purpose, request.purpose, "purpose") if request.purpose else None,
        channel=channel,
        recipients=_recipients(request.recipients, verb),
        artefact_type=text(request.artefact_type, "artefact_type"),
        artefact_digest=_digest(request.artefact_digest),
        dispatch_reference=text(request.dispatch_reference, "dispatch_reference"),
        self_service=request.self_service,
        contact_point=text(request.contact_point, "contact_point"),
        description=_description(request.description)
        if request.HasField("description")
        else NOTHING_DESCRIBED,
        capabilities=_capabilities(request.capabilities) if request.HasField("capabilities") else None,
        assurance=_assurance(request.user_assurance),
        language=_language(request.language),
    )
    if not call.record and call.description.record is None:
        raise InvalidArgumentError("record", "REQUIRED", "`record` must be named or described")
    return call


def check_response(decision: Decision) -> bytes:
    """The answer as bytes; equal decisions have equal bytes."""
    response = pb.CheckResponse(
        decision_id=decision.decision_id,
        effect=_EFFECT[decision.effect],
        cells=[
            pb.Cell(
                field=cell.field,
                party=cell.party,
                recipient=cell.recipient,
                effect=_EFFECT[cell.effect],
                reason=cell.reason,
                envelope=cell.envelope,
            )
            for cell in decision.cells
        ],
        obligations=[
            pb.Obligation(
                kind=owed.kind,
                fields=owed.fields,
                recipients=owed.recipients,
                parameters=dict(owed.parameters),
            )
            for owed in decision.obligations
        ],
        facts_token=decision.facts_token,
        reason=decision.reason,
        bindings=[
            pb.Binding(recipient=bound.recipient, contact_point=bound.contact_point, channel=bound.channel)
            for bound in decision.bound
        ],
        artefact_digest=decision.artefact_digest,
        staff_texts=[
            pb.StaffText(reason=told.reason, text=told.text, next_step=told.next_step)
            for told in decision.staff_texts
        ],
        outsider_text=decision.outsider_text,
    )
    if decision.valid_until is not None:
        response.valid_until.FromDatetime(decision.valid_until)
    return response.SerializeToString(deterministic=True)


def _verb(request: pb.CheckRequest) -> Verb:
    match request.verb:
        case pb.VERB_UNSPECIFIED:
            verb = Verb.SEND if request.recipients else Verb.SEE
        case pb.VERB_SEE:
            verb = Verb.SEE
        case pb.VERB_SEND:
            verb = Verb.SEND
        case _:
            raise unknown_word("verb", "", pb.Verb.keys())
    if verb is Verb.SEND and not request.recipients:
        raise InvalidArgumentError("recipients", "NO_RECIPIENT", "a send must name at least one recipient")
    if verb is Verb.SEE and request.recipients:
        raise InvalidArgumentError(
            "recipients", "RECIPIENTS_ON_SEE", "a see has no recipients: who sees is `user`"
        )
    return verb


def _channel(value: str, field: str, verb: Verb) -> Channel | None:
    if not value:
        return None
    channel = word(Channel, value, field)
    if verb is Verb.SEND and channel in _SEE_ONLY:
        raise InvalidArgumentError(field, "CHANNEL_OF_SEE", f"`{field}` is a way of seeing, not of sending")
    if verb is Verb.SEE and channel not in _OF_A_SEE:
        raise InvalidArgumentError(
            field, "CHANNEL_OF_SEND", f"`{field}` is a way of sending, not of seeing: name the recipients"
        )
    return channel


def _fields(fields: Iterable[pb.FieldInstance]) -> tuple[FieldAsked, ...]:
    asked: dict[FieldAsked, None] = {}
    for i, field in enumerate(fields):
        instance = FieldAsked(
            name=name(field.name, f"fields[{i}].name", required=True),
            party=name(field.party, f"fields[{i}].party"),
            place=text(field.place, f"fields[{i}].place"),
        )
        if instance in asked:
            raise InvalidArgumentError(
                f"fields[{i}]", "REPEATED_FIELD", f"`fields[{i}]` was asked about before"
            )
        asked[instance] = None
    return tuple(asked)


def _recipients(recipients: Iterable[pb.Recipient], verb: Verb) -> tuple[RecipientAsked, ...]:
    asked = []
    for i, recipient in enumerate(recipients):
        at = f"recipients[{i}]"
        named = RecipientAsked(
            party=name(recipient.party, f"{at}.party"),
            person=text(recipient.person, f"{at}.person"),
            team=text(recipient.team, f"{at}.team"),
            contact_point=text(recipient.contact_point, f"{at}.contact_point"),
            channel=_channel(recipient.channel, f"{at}.channel", verb),
            interpreter=text(recipient.interpreter, f"{at}.interpreter"),
        )
        if [named.party, named.person, named.team].count("") != 2:
            raise InvalidArgumentError(
                at, "ONE_OF", f"`{at}` must have exactly one of `party`, `person` and `team`"
            )
        if named in asked:
            raise InvalidArgumentError(at, "REPEATED_RECIPIENT", f"`{at}` was named before")
        asked.append(named)
    return tuple(asked)


def _digest(value: bytes) -> bytes:
    if len(value) not in (0, DIGEST_BYTES):
        raise InvalidArgumentError(
            "artefact_digest",
            "BAD_DIGEST",
            f"`artefact_digest` must be the {DIGEST_BYTES} bytes of a SHA-256",
        )
    return value


def _capabilities(claim: pb.CapabilityClaim) -> frozenset[ObligationKind]:
    """An empty claim is one, too: that the caller can do nothing this time."""
    at = "capabilities.obligations"
    claimed = words(ObligationKind, claim.obligations, at)
    for i, kind in enumerate(claimed):
        if kind.is_supportive:
            raise InvalidArgumentError(
                f"{at}[{i}]", "NOT_PROTECTIVE", f"`{at}[{i}]` is never the caller's to do: it becomes a task"
            )
        if kind in claimed[:i]:
            raise InvalidArgumentError(f"{at}[{i}]", "REPEATED", f"`{at}[{i}]` stands there twice")
    return frozenset(claimed)


def _assurance(level: int) -> int:
    if level > HIGHEST_ASSURANCE:
        raise InvalidArgumentError(
            "user_assurance",
            "OUT_OF_RANGE",
            f"`user_assurance` is 1 to {HIGHEST_ASSURANCE}, or 0 where nobody says",
        )
    return level


def _language(tag: str) -> str:
    if tag and not is_language_tag(text(tag, "language")):
        raise InvalidArgumentError("language", "BAD_LANGUAGE", "`language` is not a BCP 47 tag like cy")
    return tag


def _description(described: pb.Description) -> Description:
    at = "description"
    user = record = None
    if described.HasField("user"):
        user = DescribedUser(
            roles=texts(described.user.roles, f"{at}.user.roles"),
            teams=texts(described.user.teams, f"{at}.user.teams"),
            person=text(described.user.person, f"{at}.user.person"),
            attributes=attribute_values(described.user.attributes, f"{at}.user.attributes"),
        )
    if described.HasField("record"):
        record = _record(described.record, f"{at}.record")
    count(described.people, f"{at}.people", MAX_PEOPLE)
    count(described.relationships, f"{at}.relationships", MAX_RELATIONSHIPS)
    count(described.contact_points, f"{at}.contact_points", MAX_CONTACT_POINTS)
    people = tuple(_person(p, f"{at}.people[{i}]") for i, p in enumerate(described.people))
    unique((p.key for p in people), f"{at}.people", "key")
    points = tuple(_point(p, f"{at}.contact_points[{i}]") for i, p in enumerate(described.contact_points))
    unique((p.key for p in points), f"{at}.contact_points", "key")
    if sum(len(point.owners) for point in points) > MAX_OWNERS:
        raise InvalidArgumentError(
            f"{at}.contact_points",
            "TOO_MANY",
            f"the points of `{at}.contact_points` have more than {MAX_OWNERS} owners together",
        )
    relationships = tuple(
        _relationship(r, f"{at}.relationships[{i}]") for i, r in enumerate(described.relationships)
    )
    if record is not None and record.premises:
        _check_premises(record.premises, points, f"{at}.record.premises")
    return Description(user, record, people, relationships, points)


def _record(record: pb.DescribedRecord, at: str) -> DescribedRecord:
    count(record.parties, f"{at}.parties", MAX_PARTIES)
    parties = tuple(
        DescribedParty(
            party=_key(party.party, f"{at}.parties[{i}].party"),
            role=word(Role, party.role, f"{at}.parties[{i}].role"),
            person=text(party.person, f"{at}.parties[{i}].person", required=True),
        )
        for i, party in enumerate(record.parties)
    )
    unique(((p.party, p.role) for p in parties), f"{at}.parties", "party")
    return DescribedRecord(
        record_type=text(record.record_type, f"{at}.record_type", required=True),
        teams=texts(record.teams, f"{at}.teams"),
        parties=parties,
        premises=text(record.premises, f"{at}.premises"),
        attributes=attribute_values(record.attributes, f"{at}.attributes"),
    )


def _check_premises(key: str, points: Iterable[DescribedContactPoint], field: str) -> None:
    described = next((point for point in points if point.key == key), None)
    if described is None:
        raise InvalidArgumentError(
            field, "UNKNOWN_KEY", f"`{field}` is no key of `description.contact_points`"
        )
    if described.kind is not ContactKind.POST:
        raise InvalidArgumentError(field, "NOT_A_POSTAL_ADDRESS", f"`{field}` is no postal address")


def _person(person: pb.DescribedPerson, at: str) -> DescribedPerson:
    identifiers = texts(person.identifiers, f"{at}.identifiers")
    for i, value in enumerate(identifiers):
        identifier(value, f"{at}.identifiers[{i}]")
    categories = texts(person.categories, f"{at}.categories")
    for i, category in enumerate(categories):
        if not is_category(category):
            raise unknown_word(f"{at}.categories[{i}]", category, CATEGORIES)
    kind = word(PersonKind, person.kind, f"{at}.kind") if person.kind else PersonKind.PRIVATE
    roles = words(OrganisationRole, person.organisation_roles, f"{at}.organisation_roles")
    for part, given in (("organisation_roles", roles), ("categories", categories)):
        if given and kind is not PersonKind.ORGANISATION:
            raise InvalidArgumentError(
                f"{at}.{part}", "ONLY_FOR_ORGANISATIONS", f"a private person has no `{at}.{part}`"
            )
    return DescribedPerson(
        key=_key(person.key, f"{at}.key"),
        identifiers=identifiers,
        kind=kind,
        birth_date=iso_date(person.birth_date, f"{at}.birth_date") if person.birth_date else None,
        organisation_roles=roles,
        categories=categories,
        name=_name(person.name, f"{at}.name"),
    )


def _name(value: str, field: str) -> str:
    if value and not any(character.isalpha() for character in text(value, field)):
        raise InvalidArgumentError(field, "NAME_UNREADABLE", f"`{field}` has no letter in it")
    return value


def _relationship(relationship: pb.DescribedRelationship, at: str) -> DescribedRelationship:
    return DescribedRelationship(
        from_person=text(relationship.from_person, f"{at}.from_person", required=True),
        to_person=text(relationship.to_person, f"{at}.to_person", required=True),
        kind=word(RelationKind, relationship.kind, f"{at}.kind"),
        parental_responsibility=relationship.parental_responsibility,
    )


def _point(point: pb.DescribedContactPoint, at: str) -> DescribedContactPoint:
    return DescribedContactPoint(
        key=_key(point.key, f"{at}.key"),
        kind=word(ContactKind, point.kind, f"{at}.kind"),
        value=text(point.value, f"{at}.value", limit=MAX_TEXT, required=True, lines=True),
        owners=texts(point.owners, f"{at}.owners"),
        uprn=text(point.uprn, f"{at}.uprn"),
        home=point.home,
        voicemail_safe=point.voicemail_safe,
    )


def _key(value: str, field: str) -> str:
    """A key that is local to the call; its form keeps it apart from an identifier."""
    if ":" in value:
        raise InvalidArgumentError(field, "KEY_WITH_COLON", f"`{field}` must not hold a colon")
    return name(value, field, required=True)
