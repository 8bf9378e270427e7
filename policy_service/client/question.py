"""The question in a caller's words."""

from __future__ import annotations

from collections.abc import Iterable

from policy_service.api.v1 import decision_pb2 as pb


def question(
    user: str,
    record: str,
    fields: Iterable[str],
    *,
    to: Iterable[pb.Recipient] = (),
    purpose: str = "",
    channel: str = "",
    artefact_type: str = "",
    self_service: bool = False,
    contact_point: str = "",
    description: pb.Description | None = None,
) -> pb.CheckRequest:
    """Ask whether `user` may see `fields` of `record`, or (with `to`) send them there.

    A field is `name`, or `name@party` where it means one of several parties. What is rarer (digest,
    dispatch reference) is set on the message that this returns.
    """
    recipients = list(to)
    return pb.CheckRequest(
        user=user,
        record=record,
        fields=[field_instance(text) for text in fields],
        verb=pb.VERB_SEND if recipients else pb.VERB_SEE,
        purpose=purpose,
        channel=channel,
        recipients=recipients,
        artefact_type=artefact_type,
        self_service=self_service,
        contact_point=contact_point,
        description=description,
    )


def field_instance(text: str) -> pb.FieldInstance:
    """Read `name` or `name@party`."""
    name, _, party = text.partition("@")
    return pb.FieldInstance(name=name, party=party)
