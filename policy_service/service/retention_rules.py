"""How long what is over of each kind is kept: the rules of an organisation, and which there can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Controller, Fact, FiledPolicySet, LegalHold, PolicySet, RetentionRule
from policy_service.service.asking import NOTHING_NOTED, Note
from policy_service.service.naming import KIND_NAMES
from policy_service.service.words import unknown_word

NOT_RULED: frozenset[type[Fact]] = frozenset({PolicySet, FiledPolicySet, LegalHold, RetentionRule})
"""What every decision rests on, and what says why something was kept or not."""
RULED: Mapping[str, type[Fact]] = {name: kind for kind, name in KIND_NAMES.items() if kind not in NOT_RULED}
"""The kinds that a rule may be about, by the name that log entries have for them."""

LEAST_DAYS = 30
"""A decision can be computed again for so long at least, whatever a schedule says."""
MOST_DAYS = 36_525


@dataclass(frozen=True, slots=True)
class PutRule:
    kind: str
    days: int
    """0: keep what is over of this kind."""
    note: Note = NOTHING_NOTED


def rules_of(view: FactsView, controller: Controller) -> dict[str, RetentionRule]:
    view.prefetch(*(keys.retention_rule(controller, kind) for kind in RULED))
    found = {kind: view.retention_rule(controller, kind) for kind in sorted(RULED)}
    return {kind: rule for kind, rule in found.items() if rule is not None}


def check_rule(asked: PutRule) -> None:
    if asked.kind not in RULED:
        raise unknown_word("rule.kind", asked.kind, sorted(RULED))
    if asked.days and not LEAST_DAYS <= asked.days <= MOST_DAYS:
        raise InvalidArgumentError(
            "rule.days",
            "OUT_OF_RANGE",
            f"`rule.days` is {LEAST_DAYS} to {MOST_DAYS:,}, or 0 to keep what is over",
        )
