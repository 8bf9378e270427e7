"""`artefacts`, `users` and their attributes: what is sent, and what is shown of the answer."""

from __future__ import annotations

import re

import grpc
import pytest

from policy_service.api.v1 import access_pb2, attribute_pb2, policy_pb2, record_pb2
from policy_service.api.v1.attribute_pb2 import AttributeValue as Value
from tests.cli.conftest import Terminal
from tests.support.fake_service import FakeService, Refusal

NOTED = ("--controller", "c", "--reason", "why", "--idempotency-key", "k")


def test_artefacts_put_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["RecordService/PutArtefactType"] = lambda asked: record_pb2.PutArtefactTypeResponse(
        artefact_type=asked.artefact_type
    )
    typed = terminal(
        *("artefacts", "put", "letter"),
        *("--envelope", "copy_list,category=identity.name,category=contact.post,about=co_recipient"),
        *("--envelope", "head,category=location.work,about=author,about=carer"),
        *("--can", "redact:https://tests.example/7:2030-12-31", "--can", "mask:T-8:2030-01-31", *NOTED),
    )
    assert typed.code == 0
    assert fake.calls[0].metadata["x-controller"] == "c"
    copy_list = record_pb2.FieldType(
        name="copy_list", categories=["identity.name", "contact.post"], about=["co_recipient"]
    )
    head = record_pb2.FieldType(name="head", categories=["location.work"], about=["author", "carer"])
    assert fake.calls[0].request == record_pb2.PutArtefactTypeRequest(
        artefact_type=record_pb2.ArtefactType(
            name="letter",
            envelope=[copy_list, head],
            capabilities=[
                record_pb2.Capability(
                    obligation="redact", evidence="https://tests.example/7", until="2030-12-31"
                ),
                record_pb2.Capability(obligation="mask", evidence="T-8", until="2030-01-31"),
            ],
        ),
        reason="why",
        idempotency_key="k",
    )
    lines = [line.split() for line in typed.out.splitlines()]
    assert ["mask", "T-8", "2030-01-31"] in lines
    assert ["head", "location.work", "author,", "carer"] in lines


@pytest.mark.parametrize(
    "wrong",
    [
        *(("--can", text) for text in ("redact", "redact:T-7", "redact::2030-12-31", ":T-7:2030-12-31")),
        *(("--envelope", text) for text in ("f,category", "f,separable", "f,about=")),
    ],
)
def test_what_cannot_be_right_is_not_sent(
    terminal: Terminal, fake: FakeService, wrong: tuple[str, str]
) -> None:
    typed = terminal("artefacts", "put", "letter", *wrong)
    assert (typed.code, fake.calls) == (2, [])
    assert wrong[0] in typed.err


def test_users_put_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["AccessService/PutUser"] = lambda asked: access_pb2.PutUserResponse(user=asked.user)
    typed = terminal(
        *("users", "put", "n.nurse", "--role", "nurse", "--role", "lead", "--team", "ward-7"),
        *("--person", "s:1", "--organisation", "agency", "--suspended", *NOTED),
    )
    job = terminal("users", "put", "nightly", "--job-of", "n.nurse", "--record-type", "ward")
    assert {typed.code, job.code} == {0}
    assert fake.calls[0].request == access_pb2.PutUserRequest(
        user=access_pb2.User(
            reference="n.nurse",
            kind="staff",
            person="s:1",
            roles=["nurse", "lead"],
            teams=["ward-7"],
            organisation="agency",
            suspended=True,
            controller="c",
        ),
        reason="why",
        idempotency_key="k",
    )
    assert fake.calls[1].request.user == access_pb2.User(
        reference="nightly", kind="job", owner="n.nurse", record_types=["ward"]
    )
    assert "roles         nurse, lead" in typed.out
    assert "answers for it  n.nurse" in job.out


_NURSE = access_pb2.User(
    reference="n.nurse",
    controller="c",
    kind="staff",
    person="person:0f3c",
    roles=["nurse"],
    teams=["ward-7", "night-ward-with-a-name-that-is-longer-than-most"],
    attributes=[Value(name="training", texts=attribute_pb2.AttributeTexts(values=["first_aid", "fire"]))],
)


def test_users_show_prints_all_that_put_replaces(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["AccessService/GetUser"] = lambda _: access_pb2.GetUserResponse(user=_NURSE)
    typed = terminal("users", "show", "n.nurse", "--controller", "c")
    assert typed.code == 0
    assert fake.calls[-1].metadata["x-controller"] == "c"
    assert fake.calls[-1].request == access_pb2.GetUserRequest(reference="n.nurse")
    shown = dict(re.split(r"  +", line, maxsplit=1) for line in typed.out.splitlines())
    assert shown["person"] == "person:0f3c"
    assert shown["attributes"] == "training=first_aid, fire"
    assert shown["state"] == "active"
    as_json = terminal("users", "show", "n.nurse", "--controller", "c", "--json").json
    assert as_json["user"]["attributes"] == [{"name": "training", "texts": {"values": ["first_aid", "fire"]}}]
    assert as_json["user"]["suspended"] is False


def listing(fake: FakeService) -> None:
    """Let the fake have two organisations' users, a page each, out of order."""
    job = access_pb2.User(reference="a.nightly", controller="c", kind="job", owner="n.nurse", suspended=True)
    other = access_pb2.User(reference="z", controller="b")

    def page(asked: access_pb2.ListUsersRequest) -> access_pb2.ListUsersResponse:
        if asked.page_token:
            return access_pb2.ListUsersResponse(users=[job, other])
        return access_pb2.ListUsersResponse(users=[_NURSE], next_page_token="1")

    fake.answers["AccessService/ListUsers"] = page


def test_users_list_reads_on_and_fits_80_columns(terminal: Terminal, fake: FakeService) -> None:
    listing(fake)
    typed = terminal("users", "list")
    assert typed.code == 0
    assert max(map(len, typed.out.splitlines())) <= 80
    first = [line.split(" ")[0] for line in typed.out.splitlines() if line and line[0] not in " ─"]
    assert first == ["b", "user", "z", "c", "user", "a.nightly", "n.nurse"]
    assert "job of n.nurse" in typed.out
    assert "suspended" in typed.out
    read = terminal("users", "list", "--json").json
    assert [each["reference"] for each in read["users"]] == ["z", "a.nightly", "n.nurse"]
    assert read["more"] is False
    assert "the first 1; there are more" in terminal("users", "list", "--limit", "1").out
    fake.answers["AccessService/ListUsers"] = lambda _: access_pb2.ListUsersResponse()
    assert terminal("users", "list").out == "none\n"


def test_a_user_that_is_nearly_named_is_told(terminal: Terminal, fake: FakeService) -> None:
    listing(fake)

    def refusing(status: grpc.StatusCode, reason: str) -> None:
        def refuse(_: object) -> None:
            raise Refusal(status, "not available", reason)

        fake.answers["AccessService/GetUser"] = refuse

    refusing(grpc.StatusCode.NOT_FOUND, "NOT_AVAILABLE")
    typed = terminal("users", "show", "n.nurs", "--controller", "c")
    assert (typed.code, typed.out) == (1, "")
    assert "no user of this reference is on file, perhaps `n.nurse` is meant" in typed.err
    assert "`policy-service users list` shows those that are" in typed.err
    refusing(grpc.StatusCode.UNAVAILABLE, "STORE_BUSY")
    asked = len(fake.requests("AccessService/ListUsers"))
    assert terminal("users", "show", "n.nurs", "--controller", "c").code == 4
    assert len(fake.requests("AccessService/ListUsers")) == asked


# --- declared attributes ----------------------------------------------------------------------------------

_DECLARED = (
    ("subject.attributes.training", "strings"),
    ("subject.attributes.contract", "string"),
    ("subject.attributes.on_call", "boolean"),
    ("subject.attributes.shifts", "number"),
    ("resource.attributes.shifts", "string"),
)


def declaring(fake: FakeService) -> None:
    """Let the fake have attributes, and give back what is put."""
    attributes = [
        policy_pb2.PolicyAttribute(path=path, type=type_, declared=True) for path, type_ in _DECLARED
    ]
    fake.answers["PolicyService/ListAttributes"] = lambda _: policy_pb2.PolicyServiceListAttributesResponse(
        attributes=attributes
    )
    fake.answers["AccessService/PutUser"] = lambda asked: access_pb2.PutUserResponse(user=asked.user)
    fake.answers["RecordService/PutRecord"] = lambda asked: record_pb2.PutRecordResponse(record=asked.record)


def test_an_attribute_is_sent_as_its_declaration_says_and_shown(
    terminal: Terminal, fake: FakeService
) -> None:
    declaring(fake)
    typed = terminal(
        *("users", "put", "n.nurse", "--attribute", "training=first_aid", "--attribute", "contract=agency"),
        *("--attribute", "training=a=b", "--attribute", "on_call=true", "--attribute", "shifts=2.5", *NOTED),
    )
    assert typed.code == 0
    asked, put = fake.calls
    assert asked.metadata["x-controller"] == "c"
    assert list(put.request.user.attributes) == [
        Value(name="training", texts=attribute_pb2.AttributeTexts(values=["first_aid", "a=b"])),
        Value(name="contract", text="agency"),
        Value(name="on_call", boolean=True),
        Value(name="shifts", number=2.5),
    ]
    assert "training=first_aid, a=b; contract=agency; on_call=true; shifts=2.5" in typed.out


def test_a_records_attribute_is_another_than_a_users(terminal: Terminal, fake: FakeService) -> None:
    declaring(fake)
    typed = terminal("records", "put", "R-1", "--type", "t", "--attribute", "shifts=2", *NOTED)
    assert typed.code == 0
    assert list(fake.calls[1].request.record.attributes) == [Value(name="shifts", text="2")]
    record = record_pb2.Record(reference="R-1", attributes=[Value(name="shifts", text="2")])
    fake.answers["RecordService/GetRecord"] = lambda _: record_pb2.GetRecordResponse(record=record)
    assert "shifts=2" in terminal("records", "show", "R-1").out


def test_none_of_a_list_is_said_by_nothing_after_the_sign(terminal: Terminal, fake: FakeService) -> None:
    declaring(fake)
    assert terminal("users", "put", "n.nurse", "--attribute", "training=").code == 0
    (value,) = fake.calls[1].request.user.attributes
    assert value == Value(name="training", texts=attribute_pb2.AttributeTexts())


def test_what_is_not_declared_is_left_to_the_service_to_refuse(terminal: Terminal, fake: FakeService) -> None:
    declaring(fake)
    assert terminal("users", "put", "n.nurse", "--attribute", "trainin=x").code == 0
    assert list(fake.calls[1].request.user.attributes) == [Value(name="trainin", text="x")]


@pytest.mark.parametrize(
    "texts", [("training",), ("=x",), ("on_call=yes",), ("shifts=many",), ("contract=a", "contract=b")]
)
def test_an_attribute_that_cannot_be_read(
    terminal: Terminal, fake: FakeService, texts: tuple[str, ...]
) -> None:
    declaring(fake)
    typed = terminal("users", "put", "n.nurse", *(word for text in texts for word in ("--attribute", text)))
    assert typed.code == 2
    assert f"--attribute `{texts[-1]}` cannot be read" in typed.err
    assert not fake.requests("AccessService/PutUser")


def test_a_grant_names_the_attributes_that_a_system_may_assert(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["AccessService/PutSystem"] = lambda asked: access_pb2.PutSystemResponse(system=asked.system)
    typed = terminal("systems", "put", "rota", "--assert-attribute", "training", *NOTED)
    assert list(fake.calls[0].request.system.grant.assert_attributes) == ["training"]
    assert "asserts attributes  training" in typed.out
