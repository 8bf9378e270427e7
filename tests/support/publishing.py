"""An officer who publishes over the wire, with the first administrator's token."""

from __future__ import annotations

from google.protobuf.message import Message

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.service.policies import files_of
from tests.support.asking import Manager
from tests.support.shipped import POLICY_SET as SHIPPED

SECONDS = 60.0


def withholding(category: str) -> dict[str, str]:
    """Files that stand beside what ships, and deny this category to everybody."""
    policy = f"""\
uid: own.nobody
title: Nobody is told what is in a category
gate: disclosure
tier: baseline
reason: OWN_NOBODY
owner: privacy-office
policy:
  rules:
    resource:
      $.categories: {{condition: AnyIn, values: [{category}]}}
"""
    text = "reasons:\n  OWN_NOBODY: {staff: It is not shown., next_step: Ask the ward.}\n"
    return {"own/nobody.yaml": policy, "messages/own/en.yaml": text}


def put_set(manager: Manager, more: dict[str, str]) -> str:
    """Put the shipped set on file with more files, or with others in their place; returns its id."""
    texts = {**dict(files_of(SHIPPED)), **more}
    files = [pb.PolicyFile(name=name, text=text) for name, text in texts.items()]
    answer = _call(manager, "PutSet", pb.PolicyServicePutSetRequest(files=files))
    return pb.PolicyServicePutSetResponse.FromString(answer).policy_set


def publish(manager: Manager, policy_set: str, expected: str = "") -> None:
    """Publish a set that is on file in place of `expected`, or of whatever is published."""
    request = pb.PolicyServicePublishRequest(policy_set=policy_set, expected=expected or published(manager))
    _call(manager, "Publish", request)


def rollback(manager: Manager, expected: str) -> str:
    """Publish again what was published before; returns its id."""
    answer = _call(manager, "Rollback", pb.PolicyServiceRollbackRequest(expected=expected))
    return pb.PolicyServiceRollbackResponse.FromString(answer).policy_set


def published(manager: Manager) -> str:
    """The id of the set that is published."""
    answer = _call(manager, "List", pb.PolicyServiceListRequest(page_size=1))
    return pb.PolicyServiceListResponse.FromString(answer).policy_set


def _call(manager: Manager, method: str, message: Message) -> bytes:
    return manager.call(f"PolicyService/{method}", message, seconds=SECONDS)
