"""What consuming systems import; needs grpcio and protobuf alone.

    from policy_service.client import PolicyClient, open_channel, question

    with open_channel("127.0.0.1:50051") as channel:
        client = PolicyClient(channel, token)
        decision = client.check(question("o.manager", "OM-1001", ["subject.name"]))
        page = decision.only({"subject.name": name})  # what may not be shown is not there

`AsyncPolicyClient` and `open_async_channel` are the same for asyncio. Whatever goes wrong raises a
`ServiceError`; there is no way in which an error becomes a permit.
"""

from policy_service.client.channel import is_loopback, open_async_channel, open_channel
from policy_service.client.clients import AsyncPolicyClient, PolicyClient
from policy_service.client.decision import Cell, Decision, Obligation
from policy_service.client.errors import InvalidQuestion, NotAllowed, NotFound, ServiceError, Unavailable
from policy_service.client.question import question
from policy_service.client.several import Outcome

__all__ = [
    "AsyncPolicyClient",
    "Cell",
    "Decision",
    "InvalidQuestion",
    "NotAllowed",
    "NotFound",
    "Obligation",
    "Outcome",
    "PolicyClient",
    "ServiceError",
    "Unavailable",
    "is_loopback",
    "open_async_channel",
    "open_channel",
    "question",
]
