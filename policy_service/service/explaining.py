"""What is kept of a decision on its way so that it can be explained: each question put to a gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policy_service.engine.combine import Outcome
from policy_service.engine.compile import Plan
from policy_service.engine.declared import holds
from policy_service.engine.explain import Explanation, as_text
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.matters import Concerned, Matter
from policy_service.facts.gather.readers import Reader
from policy_service.model.attributes import Attributes, Value
from policy_service.model.vocabulary import Gate

MAX_EXPLAINED: Final = 1_000
"""Questions of one call that are explained; more are decided, and said to be more."""
FINGERPRINT_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class ExplainedQuestion:
    """One question to a gate, and how it came to its outcome.

    `reader` is `KIND:NAME`, `data_subject` is `person:ID` or `described:KEY`, as log entries name them; empty
    where the gate does not ask about them. `recipient` is an index into the call's recipients.
    """

    gate: Gate
    explanation: Explanation
    recipient: int = 0
    reader: str = ""
    field: str = ""
    party: str = ""
    part: str = ""
    data_subject: str = ""
    implied: bool = False
    """The data subject is implied by the field."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """A question as it was asked, and its outcome."""

    gate: Gate
    attributes: Attributes
    outcome: Outcome
    denies_only: bool
    matter: Matter | None
    concerned: Concerned | None
    reader: Reader | None


class Notebook:
    """Notes the questions of one decision, in the order in which they are asked (`judged.Notes`), and
    explains them once it is made.

    Not before: an explanation looks at more than a decision, and what is looked at goes into the entry.
    """

    def __init__(self, plan: Plan, fingerprints: Fingerprinter) -> None:
        self._plan = plan
        self._fingerprints = fingerprints
        self._noted: list[_Noted] = []
        self._questions: list[ExplainedQuestion] = []
        self.truncated = False
        """More was asked than is explained."""

    @property
    def questions(self) -> tuple[ExplainedQuestion, ...]:
        """Those that are explained so far."""
        return tuple(self._questions)

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
    ) -> None:
        """Note a question that was put to the plan, and came out as `outcome`."""
        if len(self._noted) == MAX_EXPLAINED:
            self.truncated = True
            return
        self._noted.append(_Noted(gate, attributes, outcome, denies_only, matter, concerned, reader))

    def explain(self) -> Iterator[None]:
        """Explain what was noted, a question at each step. Raises `ColdFacts`."""
        for noted in self._noted:
            self._questions.append(self._explained(noted))
            yield

    def _explained(self, noted: _Noted) -> ExplainedQuestion:
        explanation = self._plan.explain(
            noted.gate, noted.attributes, denies_only=noted.denies_only, mask=self._shown
        )
        if explanation.outcome != noted.outcome:
            raise AssertionError("an explanation that differs from what was decided")
        matter, concerned, reader = noted.matter, noted.concerned, noted.reader
        return ExplainedQuestion(
            gate=noted.gate,
            explanation=explanation,
            recipient=0 if reader is None else reader.index,
            reader="" if reader is None else reader.label,
            field="" if matter is None else matter.field.asked.name,
            party="" if matter is None else matter.field.asked.party,
            part="" if matter is None else matter.unit.part,
            data_subject="" if concerned is None else str(concerned.who),
            implied=concerned is not None and concerned.implied,
        )

    def _shown(self, path: str, value: Value) -> str:
        """A value as an explanation shows it: of what is protected a keyed fingerprint, which tells no more
        than that two are one.
        """
        text = as_text(path, value)
        known = self._plan.catalogue.get(path)
        # A declaration may have another vocabulary now than when the value was put on file.
        shown = known is not None and not known.protected and (not known.declared or holds(known, value))
        if not value or shown:
            return text
        return f"fingerprint:{self._fingerprints.asserted(path, text)[:FINGERPRINT_DIGITS]}"
