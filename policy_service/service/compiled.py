"""The published policies as a worker has them compiled: each set once, for everybody who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from policy_service.facts.view import FactsView
from policy_service.model.errors import UnavailableError
from policy_service.model.facts import PolicySet
from policy_service.service.policies import PublishedPolicies, published

MOST_READY: Final = 3
"""Sets that are kept compiled besides the one that decides: prepared, and published next or never."""


class CompiledPolicies:
    """Lives on one event loop; compiles in threads."""

    def __init__(self, on_broken: Callable[[Exception], None]) -> None:
        """`on_broken` is called when the published policies cannot be compiled: the process must then end."""
        self._on_broken = on_broken
        self._current: PublishedPolicies | None = None
        self._ready: dict[str, PublishedPolicies] = {}
        self._compiling: tuple[str, asyncio.Task[PublishedPolicies]] | None = None

    async def prepare(self, policy_set: PolicySet) -> None:
        """Compile a set before it is published. Raises what compiling does."""
        ready = await asyncio.to_thread(published, policy_set)
        self._ready.pop(policy_set.policy_set_id, None)
        self._ready[policy_set.policy_set_id] = ready
        while len(self._ready) > MOST_READY:
            del self._ready[next(iter(self._ready))]

    async def published(self, view: FactsView) -> PublishedPolicies:
        """Those that are published as of the view. Raises `UnavailableError` where none are, or none that can
        be compiled.
        """
        policy_set = view.policy_set()
        if policy_set is None:
            raise UnavailableError("NO_POLICY_SET", "no policy set is published")
        policies = self._current
        if policies is None or policies.policy_set_id != policy_set.policy_set_id:
            policies = self._current = await self._compiled(policy_set)
        return policies

    async def _compiled(self, policy_set: PolicySet) -> PublishedPolicies:
        """Compile a set once for everybody who waits for it: when one is published that was not prepared, all
        calls do. One that cannot be compiled permits nothing, and breaks the worker.
        """
        if (ready := self._ready.get(policy_set.policy_set_id)) is not None:
            return ready
        compiling = self._compiling
        if compiling is None or compiling[0] != policy_set.policy_set_id or _has_failed(compiling[1]):
            work = asyncio.create_task(asyncio.to_thread(published, policy_set))
            compiling = self._compiling = policy_set.policy_set_id, work
        try:
            return await asyncio.shield(compiling[1])
        except Exception as error:
            self._on_broken(error)
            raise UnavailableError(
                "POLICIES_NOT_COMPILED", "the published policies cannot be compiled; nothing is permitted"
            ) from error


def _has_failed(compiling: asyncio.Task[PublishedPolicies]) -> bool:
    """One that went well is everybody's, also of those who come before anybody has looked at it."""
    return compiling.done() and (compiling.cancelled() or compiling.exception() is not None)
