"""The methods of the API, as the log names them."""

from __future__ import annotations

from policy_service.model.spelling import perhaps


def note_of(method: str) -> str:
    """What to tell whoever looks for entries of a method that this version does not have; empty if it has.

    It is no refusal, since the log may hold entries of an earlier version.
    """
    if not method or method in (known := _known()):
        return ""
    near = perhaps(method, sorted(known)) if method.count("/") == 1 else ""
    return f"note: this version has no method `{method}`{near}"


def _known() -> frozenset[str]:
    # Here, since no other command needs the messages of every service.
    from policy_service.api.v1 import (
        access_pb2,
        casework_pb2,
        decision_log_pb2,
        decision_pb2,
        people_pb2,
        policy_pb2,
        privacy_request_pb2,
        record_pb2,
        retention_pb2,
    )

    modules = (
        *(access_pb2, casework_pb2, decision_log_pb2, decision_pb2),
        *(people_pb2, policy_pb2, privacy_request_pb2, record_pb2, retention_pb2),
    )
    return frozenset(
        f"{service.name}/{method.name}"
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    )
