"""A clinic, put on file over the API: patients, a ward that works on their records, and its nurses.

Every nurse of the ward may see a patient's summary, until that patient excludes her.
"""

from __future__ import annotations

from google.protobuf.message import Message

from policy_service.api.v1 import (
    access_pb2,
    decision_log_pb2,
    decision_pb2,
    people_pb2,
    privacy_request_pb2,
    record_pb2,
)
from tests.server.calling import Client, Refused

CLINIC = "clinic"
SYSTEM = "ward-screens"
PERMIT, DENY = decision_pb2.EFFECT_PERMIT, decision_pb2.EFFECT_DENY


class Manager:
    """Manages the clinic with a token; the first administrator's, unless another is given."""

    def __init__(self, port: int, token: str) -> None:
        self.client = Client(port)
        self.token = token

    def call(self, method: str, message: Message, *, token: str = "", seconds: float = 10.0) -> bytes:
        """Call control for the clinic."""
        return self.client.call(
            method,
            message.SerializeToString(),
            token=token or self.token,
            metadata=(("x-controller", CLINIC),),
            seconds=seconds,
        )

    def put_clinic(self) -> str:
        """Put the clinic, one patient and one nurse on file; returns a token of its system."""
        summary = record_pb2.FieldType(name="summary", categories=["health.summary"], about=["subject"])
        record_type = record_pb2.RecordType(name="file", extends="base.case", fields=[summary])
        self.call("RecordService/PutRecordType", record_pb2.PutRecordTypeRequest(record_type=record_type))
        self.put_patient("F-1")
        self.put_nurse("nurse")
        self.put_system()
        return self.issue(system=SYSTEM)[1]

    def put_patient(self, record: str) -> None:
        """A patient, and the ward's record of him by this reference."""
        person = people_pb2.Person(identifiers=[f"ref:{record}"], birth_date="1980-01-02")
        self.call("PeopleService/PutPerson", people_pb2.PutPersonRequest(person=person))
        party = record_pb2.Party(party="patient", role="subject", person=f"ref:{record}")
        put = record_pb2.Record(reference=record, record_type="file", teams=["ward"], parties=[party])
        self.call("RecordService/PutRecord", record_pb2.PutRecordRequest(record=put))

    def put_nurse(self, reference: str) -> None:
        """A nurse of the ward."""
        user = access_pb2.User(reference=reference, roles=["nurse"], teams=["ward"])
        self.call("AccessService/PutUser", access_pb2.PutUserRequest(user=user))

    def put_system(self, name: str = SYSTEM, *, suspended: bool = False) -> None:
        """A system that may ask about everything."""
        grant = access_pb2.Grant(record_types=["*"], verbs=["see", "send"], purposes=["care"])
        system = access_pb2.System(name=name, controller=CLINIC, grant=grant, suspended=suspended)
        self.call("AccessService/PutSystem", access_pb2.PutSystemRequest(system=system))

    def issue(self, *, system: str = "", principal: str = "", roles: tuple[str, ...] = ()) -> tuple[str, str]:
        """A new token of the clinic: its id and its text."""
        request = access_pb2.IssueTokenRequest(
            system=system, principal=principal, roles=roles, controller=CLINIC, valid_days=1
        )
        issued = access_pb2.IssueTokenResponse.FromString(self.call("AccessService/IssueToken", request))
        return issued.token.token_id, issued.secret

    def revoke(self, token_id: str) -> None:
        """Revoke a token."""
        self.call("AccessService/RevokeToken", access_pb2.RevokeTokenRequest(token_id=token_id))

    def exclude(self, nurse: str, record: str = "F-1", *, seconds: float = 10.0) -> str:
        """Record that a record's patient excludes a nurse; returns the request's id."""
        request = privacy_request_pb2.PrivacyRequest(
            person=f"ref:{record}", kind="excluded_person", recipients=[f"user:{nurse}"]
        )
        recorded = privacy_request_pb2.PrivacyRequestServiceRecordRequest(request=request)
        answer = self.call("PrivacyRequestService/Record", recorded, seconds=seconds)
        return privacy_request_pb2.PrivacyRequestServiceRecordResponse.FromString(answer).request.request_id

    def entry(self, entry_id: str) -> decision_log_pb2.LogEntry:
        """A log entry, as an auditor reads it."""
        request = decision_log_pb2.DecisionLogServiceGetRequest(entry_id=entry_id)
        answer = self.call("DecisionLogService/Get", request)
        return decision_log_pb2.DecisionLogServiceGetResponse.FromString(answer).entry

    def replay(self, decision_id: str) -> decision_log_pb2.DecisionLogServiceReplayResponse:
        """A decision computed again by the running service, from facts as of its revision."""
        request = decision_log_pb2.DecisionLogServiceReplayRequest(decision_id=decision_id)
        answer = self.call("DecisionLogService/Replay", request, seconds=30.0)
        return decision_log_pb2.DecisionLogServiceReplayResponse.FromString(answer)

    def close(self) -> None:
        self.client.close()


def question(nurse: str = "nurse", record: str = "F-1") -> bytes:
    """May this nurse of the ward see the patient's summary?"""
    fields = [decision_pb2.FieldInstance(name="summary")]
    return decision_pb2.CheckRequest(user=nurse, record=record, fields=fields).SerializeToString()


def check(
    worker: Client, token: str, nurse: str = "nurse", record: str = "F-1", *, seconds: float = 10.0
) -> decision_pb2.CheckResponse:
    """Ask it."""
    answer = worker.call("DecisionService/Check", question(nurse, record), token=token, seconds=seconds)
    return decision_pb2.CheckResponse.FromString(answer)


def check_at_last(
    worker: Client, token: str, nurse: str = "nurse", record: str = "F-1"
) -> decision_pb2.CheckResponse:
    """Ask it, again and again while a busy service says that it cannot answer now."""
    for _ in range(20):
        try:
            return check(worker, token, nurse, record, seconds=30.0)
        except Refused as refused:
            if refused.code.name != "UNAVAILABLE":
                raise
    return check(worker, token, nurse, record, seconds=30.0)
