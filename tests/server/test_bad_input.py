"""What a Check alone shows to be impossible is refused with field and reason, never the value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from policy_service.api.v1 import (
    access_pb2,
    casework_pb2,
    decision_log_pb2,
    decision_pb2,
    people_pb2,
    policy_pb2,
    privacy_request_pb2,
    record_pb2,
)
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.decision import Bound, Cell, Decision, Obligation, StaffText
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.obligation import ObligationKind
from policy_service.model.question import CheckCall, FieldAsked, RecipientAsked
from policy_service.model.vocabulary import Channel, Effect, Purpose, Verb
from policy_service.server.convert_check import check_response, parse_check
from tests.server.calling import Client, Refused

CANARY = "canary 17 Acacia Avenue"
LONG = CANARY + "x" * 256
NUL = CANARY + "\x00"


def simplest() -> pb.CheckRequest:
    return pb.CheckRequest(user="ada", record="CR/1", fields=[pb.FieldInstance(name="case.notes")])


def send() -> pb.CheckRequest:
    request = simplest()
    request.recipients.add(party="mother", contact_point="home")
    return request


def described() -> pb.CheckRequest:
    request = send()
    description = request.description
    description.user.roles.append("nurse")
    description.record.record_type = "letter"
    description.record.parties.add(party="mother", role="parent", person="m")
    description.record.premises = "home"
    description.people.add(
        key="m", identifiers=["nhs:9434765919"], birth_date="1990-02-28", name="Mary Example"
    )
    description.people.add(key="c", birth_date="2016-05-04")
    description.relationships.add(from_person="m", to_person="c", kind="parent_of")
    description.contact_points.add(key="home", kind="post", value="1 High Street\nLeeds", owners=["m"])
    request.fields[0].place = request.recipients[0].interpreter = "m"
    request.capabilities.obligations.append("redact")
    request.user_assurance, request.language = 2, "cy"
    return request


def set_to(request: pb.CheckRequest, path: str, value: object) -> None:
    """Set `a.b[0].c` of a request."""
    target: object = request
    *steps, last = path.replace("]", "").replace("[", ".").split(".")
    for step in steps:
        target = target[int(step)] if step.isdigit() else getattr(target, step)  # type: ignore[index]
    if last.isdigit():
        target[int(last)] = value  # type: ignore[index]
    elif isinstance(value, list):
        del getattr(target, last)[:]
        getattr(target, last).extend(value)
    else:
        setattr(target, last, value)


def _fields(number: int) -> list[pb.FieldInstance]:
    return [pb.FieldInstance(name=f"f{i}") for i in range(number)]


def _recipients(number: int) -> list[pb.Recipient]:
    return [pb.Recipient(person=f"crm:{i}") for i in range(number)]


def _point() -> pb.DescribedContactPoint:
    return pb.DescribedContactPoint(key="mobile", kind="phone", value="+44 7700 900123")


def _organisation(*, roles: Sequence[str] = (), categories: Sequence[str] = ()) -> pb.DescribedPerson:
    return pb.DescribedPerson(key="m", kind="organisation", organisation_roles=roles, categories=categories)


def _owned(key: str, owners: int) -> pb.DescribedContactPoint:
    return pb.DescribedContactPoint(key=key, kind="email", value="a@example.org", owners=["m"] * owners)


def _party() -> pb.DescribedParty:
    return pb.DescribedParty(party="child", role="child", person="c")


D = "description"
PEOPLE, POINTS, PARTIES, TIES = (
    f"{D}.{name}[0]" for name in ("people", "contact_points", "record.parties", "relationships")
)

TEXTS = (
    *("user", "record", "artefact_type", "dispatch_reference", "contact_point", "fields[0].name"),
    *("fields[0].party", "fields[0].place", "recipients[0].party", "recipients[0].contact_point"),
    *("recipients[0].interpreter", "language", f"{D}.record.premises", f"{PEOPLE}.name"),
    *(f"{D}.user.roles[0]", f"{D}.user.person", f"{D}.record.record_type"),
    *(f"{PARTIES}.party", f"{PARTIES}.person", f"{PEOPLE}.key", f"{PEOPLE}.identifiers[0]"),
    *(f"{TIES}.from_person", f"{TIES}.to_person"),
    *(f"{POINTS}.key", f"{POINTS}.owners[0]", f"{POINTS}.uprn"),
)

NAMES = (
    *("fields[0].name", "fields[0].party", "recipients[0].party"),
    *(f"{PARTIES}.party", f"{PEOPLE}.key", f"{POINTS}.key"),
)
NO_NAMES = (CANARY, "+44", "7", "-a", ".a", "a*", "a/b", "é", "a" * 129)
UNSEEN = "\N{ZERO WIDTH JOINER}\N{RIGHT-TO-LEFT OVERRIDE}\N{SOFT HYPHEN}\ufeff\U000e0041"
BLANKS = (" a", "a ", "\N{NO-BREAK SPACE}a", "a\N{IDEOGRAPHIC SPACE}")

# What is set in `described()`, to what, and the reason; the field at fault is the one that was set.
WRONG_VALUES: list[tuple[str, object, str]] = [
    *((at, LONG, "TOO_LONG") for at in TEXTS),
    *((at, NUL, "CONTROL_CHARACTER") for at in TEXTS),
    *((at, f"a{unseen}b", "CONTROL_CHARACTER") for at in TEXTS for unseen in UNSEEN),
    *((at, value, "BAD_NAME") for at in NAMES for value in NO_NAMES),
    *((at, value, "BAD_REFERENCE") for at in ("user", "record") for value in BLANKS),
    ("user", "a\u2028b", "CONTROL_CHARACTER"),
    ("user", "a\nb", "CONTROL_CHARACTER"),
    (f"{POINTS}.value", "x" * 1_025, "TOO_LONG"),
    (f"{POINTS}.value", NUL, "CONTROL_CHARACTER"),
    ("fields[0].name", "", "REQUIRED"),
    (f"{D}.record.record_type", "", "REQUIRED"),
    (f"{PARTIES}.party", "", "REQUIRED"),
    (f"{PARTIES}.person", "", "REQUIRED"),
    (f"{PEOPLE}.key", "", "REQUIRED"),
    (f"{TIES}.from_person", "", "REQUIRED"),
    (f"{TIES}.to_person", "", "REQUIRED"),
    (f"{POINTS}.key", "", "REQUIRED"),
    (f"{POINTS}.value", "", "REQUIRED"),
    ("verb", 7, "UNKNOWN_WORD"),
    ("purpose", CANARY, "UNKNOWN_WORD"),
    ("channel", CANARY, "UNKNOWN_WORD"),
    ("recipients[0].channel", CANARY, "UNKNOWN_WORD"),
    (f"{PARTIES}.role", CANARY, "UNKNOWN_WORD"),
    (f"{PARTIES}.role", "", "UNKNOWN_WORD"),
    (f"{TIES}.kind", CANARY, "UNKNOWN_WORD"),
    (f"{PEOPLE}.kind", CANARY, "UNKNOWN_WORD"),
    (f"{POINTS}.kind", CANARY, "UNKNOWN_WORD"),
    ("channel", "see.screen", "CHANNEL_OF_SEE"),
    ("recipients[0].channel", "see.print", "CHANNEL_OF_SEE"),
    ("capabilities.obligations[0]", CANARY, "UNKNOWN_WORD"),
    ("capabilities.obligations[0]", "book_interpreter", "NOT_PROTECTIVE"),
    ("user_assurance", 4, "OUT_OF_RANGE"),
    ("language", CANARY, "BAD_LANGUAGE"),
    ("language", "c", "BAD_LANGUAGE"),
    ("language", "welsh", "BAD_LANGUAGE"),
    (f"{D}.record.premises", CANARY, "UNKNOWN_KEY"),
    (f"{D}.record.premises", "m", "UNKNOWN_KEY"),
    (f"{PEOPLE}.name", "17 - 4", "NAME_UNREADABLE"),
    (f"{PEOPLE}.organisation_roles", ["contractor"], "ONLY_FOR_ORGANISATIONS"),
    (f"{PEOPLE}.categories", ["finance"], "ONLY_FOR_ORGANISATIONS"),
    (f"{POINTS}.owners", ["m"] * 65, "TOO_MANY"),
    ("artefact_digest", b"1" * 31, "BAD_DIGEST"),
    ("artefact_digest", b"1" * 33, "BAD_DIGEST"),
    (f"{PEOPLE}.birth_date", "1990-02-30", "BAD_DATE"),
    (f"{PEOPLE}.birth_date", "19900228", "BAD_DATE"),
    (f"{PEOPLE}.birth_date", "1990-W09-3", "BAD_DATE"),
    (f"{PEOPLE}.birth_date", CANARY, "BAD_DATE"),
    (f"{PEOPLE}.key", "nhs:" + CANARY, "KEY_WITH_COLON"),
    (f"{POINTS}.key", "home:" + CANARY, "KEY_WITH_COLON"),
    (f"{PARTIES}.party", "party:" + CANARY, "KEY_WITH_COLON"),
    (f"{PEOPLE}.identifiers[0]", CANARY, "BAD_IDENTIFIER"),
    (f"{PEOPLE}.identifiers[0]", "nhs:", "BAD_IDENTIFIER"),
    (f"{PEOPLE}.identifiers[0]", ":" + CANARY, "BAD_IDENTIFIER"),
    (f"{D}.people[1].key", "m", "REPEATED_KEY"),
    (f"{D}.user.roles", ["r"] * 65, "TOO_MANY"),
    (f"{D}.people", [pb.DescribedPerson(key=f"p{i}") for i in range(257)], "TOO_MANY"),
    (f"{D}.record.parties", [pb.DescribedParty()] * 257, "TOO_MANY"),
    (f"{D}.contact_points", [pb.DescribedContactPoint()] * 257, "TOO_MANY"),
    ("capabilities.obligations", ["redact"] * 30, "TOO_MANY"),
    (f"{D}.relationships", [pb.DescribedRelationship()] * 1_025, "TOO_MANY"),
    ("fields", [], "NO_FIELD"),
    ("fields", [pb.FieldInstance(name=f"f{i}") for i in range(4_097)], "TOO_MANY_QUESTIONS"),
]

# The same, where another field is at fault than the one that was set.
WRONG_TOGETHER: list[tuple[str, object, str, str]] = [
    ("fields", [*_fields(3), *_fields(1)], "fields[3]", "REPEATED_FIELD"),
    ("recipients", [*_recipients(3), *_recipients(1)], "recipients[3]", "REPEATED_RECIPIENT"),
    ("verb", pb.VERB_SEE, "recipients", "RECIPIENTS_ON_SEE"),
    ("recipients", _recipients(4_097), "fields", "TOO_MANY_QUESTIONS"),
    ("recipients", _recipients(2) + _recipients(1), "recipients[2]", "REPEATED_RECIPIENT"),
    ("recipients[0].team", "t", "recipients[0]", "ONE_OF"),
    ("recipients[0].person", "nhs:1", "recipients[0]", "ONE_OF"),
    ("recipients[0].party", "", "recipients[0]", "ONE_OF"),
    (
        *(f"{D}.people", [_organisation(roles=["contractor", CANARY])]),
        *(f"{PEOPLE}.organisation_roles[1]", "UNKNOWN_WORD"),
    ),
    (
        *(f"{D}.people", [_organisation(categories=["finance", CANARY])]),
        *(f"{PEOPLE}.categories[1]", "UNKNOWN_WORD"),
    ),
    (
        *(f"{D}.contact_points", [_owned(f"p{i}", 64) for i in range(16)] + [_owned("p16", 1)]),
        *(f"{D}.contact_points", "TOO_MANY"),
    ),
    ("capabilities.obligations", ["redact", "redact"], "capabilities.obligations[1]", "REPEATED"),
    (f"{POINTS}.kind", "account", f"{D}.record.premises", "NOT_A_POSTAL_ADDRESS"),
    (f"{D}.user.teams", ["a", ""], f"{D}.user.teams[1]", "REQUIRED"),
    (f"{D}.contact_points", [_point(), _point()], f"{D}.contact_points[1].key", "REPEATED_KEY"),
    (f"{D}.record.parties", [_party(), _party()], f"{D}.record.parties[1].party", "REPEATED_KEY"),
]


@pytest.mark.parametrize(
    ("at", "value", "field", "reason"),
    [*((at, value, at, reason) for at, value, reason in WRONG_VALUES), *WRONG_TOGETHER],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "",
)
def test_the_impossible_is_refused_with_field_and_reason(
    client: Client, at: str, value: object, field: str, reason: str
) -> None:
    request = described()
    assert client.call("DecisionService/Check", request.SerializeToString(), token="friend") == b"parsed"
    set_to(request, at, value)
    with pytest.raises(Refused) as refused:
        client.call("DecisionService/Check", request.SerializeToString(), token="friend")

    told = refused.value
    assert (told.code.name, told.field, told.reason) == ("INVALID_ARGUMENT", field, reason)
    assert CANARY not in told.text
    assert not told.text.endswith(".")
    assert "\n" not in told.text


def test_a_record_must_be_named_or_described(client: Client) -> None:
    request = described()
    request.record = ""
    assert client.call("DecisionService/Check", request.SerializeToString(), token="friend") == b"parsed"
    request.ClearField("description")
    with pytest.raises(Refused) as refused:
        client.call("DecisionService/Check", request.SerializeToString(), token="friend")

    assert (refused.value.field, refused.value.reason) == ("record", "REQUIRED")


def test_a_send_names_a_recipient_and_without_one_a_verb_unsaid_is_a_see(client: Client) -> None:
    request = simplest()
    assert parse_check(request.SerializeToString()).verb is Verb.SEE
    request.verb = pb.VERB_SEND
    with pytest.raises(Refused) as refused:
        client.call("DecisionService/Check", request.SerializeToString(), token="friend")

    assert (refused.value.field, refused.value.reason) == ("recipients", "NO_RECIPIENT")


_OF_A_SEE = {"see.screen", "see.print", "portal", "api", "in_person"}


@pytest.mark.parametrize("channel", sorted({*Channel} - _OF_A_SEE))
def test_what_carries_it_to_somebody_else_is_no_channel_of_a_see(client: Client, channel: str) -> None:
    request = simplest()
    request.channel = channel
    with pytest.raises(Refused) as refused:
        client.call("DecisionService/Check", request.SerializeToString(), token="friend")

    told = refused.value
    assert (told.code.name, told.field, told.reason) == ("INVALID_ARGUMENT", "channel", "CHANNEL_OF_SEND")


@pytest.mark.parametrize("channel", sorted(_OF_A_SEE))
def test_where_somebody_looks_is_a_channel_of_a_see(client: Client, channel: str) -> None:
    request = simplest()
    request.channel = channel
    assert client.call("DecisionService/Check", request.SerializeToString(), token="friend") == b"parsed"


def test_one_recipient_may_be_sent_it_at_two_points(client: Client) -> None:
    request = send()
    request.recipients.add(party="mother", contact_point="work")

    assert client.call("DecisionService/Check", request.SerializeToString(), token="friend") == b"parsed"


def test_one_party_may_have_two_roles(client: Client) -> None:
    request = described()
    request.description.record.parties.add(party="mother", role="applicant", person="m")

    assert client.call("DecisionService/Check", request.SerializeToString(), token="friend") == b"parsed"


_OF_A_NEWER_VERSION = b"\xba\x3e\x01a"
"""Field 999, with the text `a`."""

UNREADABLE = {
    "nothing that ends": b"\x0a\xff",
    "a group that never ends": b"\x0b",
    "invalid UTF-8": b"\x0a\x02\xc3\x28",
    "invalid UTF-8 in a message inside": b"\x1a\x04\x0a\x02\xc3\x28",
    "of another type": b"\x08\x01" + b"\x0f",
    "nested for ever": b"\x9b\x06" * 5_000,
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_bytes_that_are_no_message_are_unreadable(client: Client, data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        client.call("DecisionService/Check", data, token="friend")

    assert (refused.value.code.name, refused.value.reason) == ("INVALID_ARGUMENT", "UNREADABLE_MESSAGE")


def test_what_is_said_in_two_pieces_is_bounded_as_one(client: Client) -> None:
    """Pieces of a message that stands there twice are one message (the encoding of protobuf, "last one
    wins"), so that two halves bring no more than a whole.
    """
    half = pb.CheckRequest()
    half.description.people.extend(pb.DescribedPerson(key=f"p{i}") for i in range(129))
    again = pb.CheckRequest(user="eve")
    again.description.people.extend(pb.DescribedPerson(key=f"q{i}") for i in range(128))
    data = simplest().SerializeToString() + half.SerializeToString() + again.SerializeToString()
    with pytest.raises(Refused) as refused:
        client.call("DecisionService/Check", data, token="friend")

    assert (refused.value.field, refused.value.reason) == (f"{D}.people", "TOO_MANY")
    del half.description.people[0]
    call = parse_check(simplest().SerializeToString() + half.SerializeToString() + again.SerializeToString())
    assert (call.user, len(call.description.people)) == ("eve", 256)


@pytest.mark.parametrize("at", ["", "fields[0]", "description", PEOPLE], ids=lambda at: at or "the call")
def test_a_field_of_a_newer_version_is_refused_wherever_it_stands(client: Client, at: str) -> None:
    """What a newer caller restricts by it would be passed over."""
    request = described()
    part: Message = request
    for step in at.replace("]", "").replace("[", ".").split("."):
        if step:
            part = part[int(step)] if step.isdigit() else getattr(part, step)  # type: ignore[index]
    part.MergeFromString(_OF_A_NEWER_VERSION)
    with pytest.raises(Refused) as refused:
        client.call("DecisionService/Check", request.SerializeToString(), token="friend")

    told = refused.value
    assert (told.code.name, told.field, told.reason) == ("INVALID_ARGUMENT", "", "UNKNOWN_FIELDS")


def test_no_message_has_a_number_that_could_be_no_number() -> None:
    """NaN and infinity cannot be said: every number is a whole one, and there is no `Struct`."""
    stubs = (
        *(access_pb2, casework_pb2, decision_log_pb2, decision_pb2, people_pb2, policy_pb2),
        *(privacy_request_pb2, record_pb2),
    )
    fields = [
        field
        for stub in stubs
        for message in stub.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
    ]
    assert len(fields) > 300
    for field in fields:
        assert field.type not in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE), field.full_name
        elsewhere = field.message_type and field.message_type.full_name.startswith("google.")
        assert not elsewhere or field.message_type.full_name == "google.protobuf.Timestamp", field.full_name


def test_more_than_a_mebibyte_is_not_read(client: Client) -> None:
    with pytest.raises(Refused) as refused:
        client.call("DecisionService/Check", b"\x0a" * (1 << 20) + b"\x0a", token="friend")

    assert refused.value.code.name == "RESOURCE_EXHAUSTED"


def test_the_bounds_themselves_are_allowed(client: Client) -> None:
    most = send()
    set_to(most, "fields", _fields(64))
    set_to(most, "recipients", _recipients(64))
    set_to(most, "user", "ü" * 256)
    most.fields[0].name = "N" + "-" * 127
    most.description.contact_points.extend(_owned(f"p{i}", 64) for i in range(16))

    assert client.call("DecisionService/Check", most.SerializeToString(), token="friend") == b"parsed"


def test_what_needs_the_store_to_tell_passes() -> None:
    request = pb.CheckRequest(
        fields=[pb.FieldInstance(name="never_heard_of", party="nobody")], record="none such"
    )
    request.recipients.add(person="unknown")

    call = parse_check(request.SerializeToString())

    assert call == CheckCall(
        user="",
        record="none such",
        fields=(FieldAsked("never_heard_of", "nobody"),),
        verb=Verb.SEND,
        recipients=(RecipientAsked(person="unknown"),),
    )


def test_every_field_of_a_call_arrives() -> None:
    request = described()
    request.purpose, request.channel, request.self_service = "care", "post", True
    request.artefact_type, request.artefact_digest, request.dispatch_reference = "letter", b"d" * 32, "D1"
    request.contact_point = "home"

    call = parse_check(request.SerializeToString())

    assert (call.verb, call.purpose, call.channel, call.self_service) == (
        Verb.SEND,
        Purpose.CARE,
        Channel.POST,
        True,
    )
    assert (call.artefact_type, call.artefact_digest, call.dispatch_reference) == ("letter", b"d" * 32, "D1")
    assert (call.contact_point, call.recipients[0].contact_point) == ("home", "home")
    assert (call.fields[0].place, call.recipients[0].interpreter) == ("m", "m")
    assert (call.assurance, call.language) == (2, "cy")
    assert call.capabilities == frozenset({ObligationKind.REDACT})
    description = call.description
    assert description.user is not None
    assert description.record is not None
    assert description.user.roles == ("nurse",)
    assert [(p.party, p.role, p.person) for p in description.record.parties] == [("mother", "parent", "m")]
    assert description.record.premises == "home"
    assert [(p.key, p.identifiers, str(p.birth_date), p.name) for p in description.people] == [
        ("m", ("nhs:9434765919",), "1990-02-28", "Mary Example"),
        ("c", (), "2016-05-04", ""),
    ]
    assert [(r.from_person, r.to_person, r.kind) for r in description.relationships] == [
        ("m", "c", "parent_of")
    ]
    assert [(p.key, p.kind, p.value, p.owners) for p in description.contact_points] == [
        ("home", "post", "1 High Street\nLeeds", ("m",))
    ]


def test_to_claim_nothing_is_not_to_be_silent() -> None:
    request = simplest()
    assert parse_check(request.SerializeToString()).capabilities is None
    request.capabilities.SetInParent()
    assert parse_check(request.SerializeToString()).capabilities == frozenset()


def test_a_message_of_a_callers_word_alone_names_no_value() -> None:
    with pytest.raises(InvalidArgumentError) as error:
        parse_check(pb.CheckRequest(user=LONG, fields=_fields(1), record="r").SerializeToString())

    assert CANARY not in str(error.value)
    assert error.value.__cause__ is None


def test_an_answer_is_written_whole_and_alike() -> None:
    decision = Decision(
        decision_id="d1",
        effect=Effect.DENY,
        cells=(
            Cell("a", "m", 0, Effect.PERMIT),
            Cell("b", "", 1, Effect.DENY, "REQUEST", envelope=True),
        ),
        obligations=(Obligation("show_warning", ("a",), (1,), (("b", "2"), ("a", "1"))),),
        valid_until=datetime(2026, 3, 29, 1, 2, 3, tzinfo=UTC),
        facts_token="opaque",
        reason="NOT_AVAILABLE",
        bound=(Bound(1, "home", "post"),),
        artefact_digest=b"d" * 32,
        staff_texts=(StaffText("REQUEST", "She asked for it", "Ask her"),),
        outsider_text="We cannot say",
    )

    response = pb.CheckResponse.FromString(check_response(decision))

    assert (response.decision_id, response.effect, response.facts_token) == ("d1", pb.EFFECT_DENY, "opaque")
    assert [(c.field, c.party, c.recipient, c.effect, c.reason, c.envelope) for c in response.cells] == [
        ("a", "m", 0, pb.EFFECT_PERMIT, "", False),
        ("b", "", 1, pb.EFFECT_DENY, "REQUEST", True),
    ]
    (owed,) = response.obligations
    assert (owed.kind, list(owed.fields), list(owed.recipients)) == ("show_warning", ["a"], [1])
    assert dict(owed.parameters) == {"a": "1", "b": "2"}
    assert response.valid_until.ToJsonString() == "2026-03-29T01:02:03Z"
    assert response.reason == "NOT_AVAILABLE"
    assert list(response.bindings) == [pb.Binding(recipient=1, contact_point="home", channel="post")]
    assert response.artefact_digest == b"d" * 32
    assert list(response.staff_texts) == [
        pb.StaffText(reason="REQUEST", text="She asked for it", next_step="Ask her")
    ]
    assert response.outsider_text == "We cannot say"
    assert {field.name for field, _ in response.ListFields()} == set(response.DESCRIPTOR.fields_by_name)


def test_equal_answers_are_equal_byte_for_byte() -> None:
    parameters = tuple((f"parameter-{number}", str(number)) for number in range(50))

    def answer(owed: tuple[tuple[str, str], ...]) -> bytes:
        obligation = Obligation("show_warning", parameters=owed)
        return check_response(Decision("d1", Effect.DENY, (), obligations=(obligation,)))

    assert answer(parameters) == answer(parameters[::-1])
