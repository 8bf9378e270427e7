"""What judging a field comes to: each question with its outcome, and the cell that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from policy_service.engine.combine import Outcome
from policy_service.facts.gather.cast import Who
from policy_service.facts.gather.matters import Concerned, Matter
from policy_service.facts.gather.readers import Reader
from policy_service.model.attributes import Attributes
from policy_service.model.trace import TracedOutcome
from policy_service.model.vocabulary import Effect, Gate


class Notes(Protocol):
    """Hears each question and how it was answered, for an explanation."""

    def asked(
        self,
        gate: Gate,
        attributes: Attributes,
        outcome: Outcome,
        *,
        matter: Matter | None = None,
        concerned: Concerned | None = None,
        reader: Reader | None = None,
        denies_only: bool = False,
    ) -> None: ...


class NoNotes:
    """Nobody asked for an explanation."""

    def asked(self, *_: object, **__: object) -> None:
        """Hear nothing."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One question of the disclosure gate, answered. `attributes` are what obligations look at, too."""

    matter: Matter
    concerned: Concerned
    reader: Reader
    outcome: Outcome
    attributes: Attributes
    warrant: tuple[Outcome, Attributes] | None = None
    """An order or override that permits it as well, where it needs none."""

    @property
    def denied(self) -> bool:
        return self.outcome.effect is Effect.DENY


@dataclass(slots=True)
class CellJudged:
    """What came out for a cell. `witnesses` are the questions that obligations are owed for."""

    outcome: TracedOutcome
    witnesses: tuple[Judged, ...] = ()
    redacted: tuple[str, ...] = ()
    service_address: str = ""
    permitted_for_some: bool = False
    owed_on: Effect = Effect.DENY
    tier: str = ""
    subjects: frozenset[Who] = frozenset()
