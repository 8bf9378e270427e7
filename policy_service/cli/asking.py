"""One set of options for every command that asks a question: `check`, and `explain`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from policy_service.api.v1 import decision_pb2 as pb


def question_command(
    question: Callable[..., pb.CheckRequest],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function that takes the context, a call, and options of its own.

    The command has the options of `question`, which makes the call of them, and then its own ones.
    """
    asked = inspect.signature(question, eval_str=True).parameters

    def decorate(answer: Callable[..., None]) -> Callable[..., None]:
        context, _, *own = inspect.signature(answer, eval_str=True).parameters.values()

        @functools.wraps(answer)
        def command(**options: Any) -> None:
            request = question(**{name: options.pop(name) for name in asked})
            answer(options.pop(context.name), request, **options)

        parameters = (context, *asked.values(), *own)
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what inspect looks for
            [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
        )
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate
