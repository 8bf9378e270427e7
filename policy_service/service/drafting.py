"""From what a write would put on file to what the store is given to write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from policy_service.facts.store import Change
from policy_service.facts.view import FactsView
from policy_service.model.caller import Caller
from policy_service.model.errors import PolicyServiceError
from policy_service.model.facts import Controller, Revision
from policy_service.service.asking import Draft, Note

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a draft may know besides the facts: when, and who asks."""

    now: datetime
    caller: Caller
    controller: Controller
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Looked(Generic[T]):
    """What a write would put on file after the revision `seen`, or why it would be refused.

    A refusal waits for the store where the call has an idempotency key: what was written when it was first
    asked for is answered again, whatever has become impossible since.
    """

    seen: Revision
    occasion: Occasion
    draft: Draft[T] | PolicyServiceError

    @property
    def drafted(self) -> Draft[T]:
        if isinstance(self.draft, PolicyServiceError):
            raise self.draft
        return self.draft

    @property
    def owner(self) -> Controller:
        """Whose the revision and its entry are."""
        draft, occasion = self.draft, self.occasion
        if isinstance(draft, PolicyServiceError) or draft.controller is None:
            return occasion.controller
        return draft.controller


Drafting = Callable[[FactsView, Occasion], Draft[T] | Awaitable[Draft[T]]]
"""Makes of one view what a write would put on file. What it awaits reads as of the view's revision."""


def change_of(looked: Looked[T], note: Note, *, actor: str, entry_id: str, body_hash: bytes) -> Change:
    """What the store is to write; of a refusal its key alone, by which it finds what was written before."""
    draft = looked.draft if isinstance(looked.draft, Draft) else None
    return Change(
        actor=actor,
        controller=looked.owner,
        reason=note.reason,
        facts=() if draft is None else (*draft.facts, *draft.left_behind),
        entry_id=entry_id,
        time=looked.occasion.now,
        idempotency_key=note.idempotency_key,
        body_hash=body_hash,
        removed=() if draft is None else draft.removed,
        erased=() if draft is None else draft.erased,
        new=frozenset() if draft is None else draft.new,
        handed_over=() if draft is None else draft.handed_over,
    )


async def draft_of(draft: Drafting[T], view: FactsView, occasion: Occasion) -> Draft[T]:
    made = draft(view, occasion)
    return made if isinstance(made, Draft) else await made
