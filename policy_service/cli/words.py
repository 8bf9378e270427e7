"""An answer's reasons and obligations in words: what was told to staff, and what is to be done.

The reasons' texts come with the answer, from the set that decided. Obligations come as codes; their sentences
are those that ship with this program.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.cli.render import say
from policy_service.cli.shipped import shipped

if TYPE_CHECKING:
    from policy_service.service.messages import Messages

_PROMPT = "prompt"


def print_reasons(answer: pb.CheckResponse) -> None:
    """Print each reason that was told with its sentence and the next step; nothing where none was told."""
    print_texts(answer.staff_texts)


def print_texts(texts: Iterable[pb.StaffText]) -> None:
    """Print reasons, each with its sentence and the next step."""
    for told in texts:
        say(told.reason)
        say(told.text, indent="  ")
        if told.next_step:
            say(f"Next: {told.next_step}", indent="  ")


def print_obligations(request: pb.CheckRequest, answer: pb.CheckResponse) -> None:
    """Print each kind that is owed with what to do; a kind without a sentence is left to its name."""
    kinds = dict.fromkeys((owed.kind, owed.parameters.get(_PROMPT, "")) for owed in answer.obligations)
    for kind, prompt in kinds:
        if sentence := _messages().obligation(kind, request.language, prompt=prompt):
            say(f"{kind}: {sentence}", indent="  ")


@functools.cache
def _messages() -> Messages:
    # Here, since the engine takes a quarter of the time that a command needs to start.
    from policy_service.service.message_files import parse_messages

    directory = shipped("policies", "messages")
    files = sorted(directory.glob("*.yaml"))
    return parse_messages((f"messages/{file.name}", file.read_text("utf-8")) for file in files)
