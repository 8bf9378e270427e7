"""`artefacts` and `users`: what is sent, and what is shown of the answer."""

from __future__ import annotations

import pytest

from policy_service.api.v1 import access_pb2, record_pb2
from tests.cli.conftest import Terminal
from tests.support.fake_service import FakeService

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
