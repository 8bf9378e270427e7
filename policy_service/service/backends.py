"""What is behind the desk of the control plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policy_service.decision_log.entries import Versions
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.facts.reader import Head as FactsHead
from policy_service.facts.revision_token import RevisionTokens
from policy_service.facts.store import FactStore


@dataclass(frozen=True, slots=True)
class Backends:
    """What the desk works with; the composition root makes them, and closes them after the desk."""

    reader: FactsReader
    memory: FactsMemory
    store: FactStore
    log: StreamWriter
    fingerprinter: Fingerprinter
    versions: Versions
    tokens: RevisionTokens
    saw: Callable[[FactsHead], None] = lambda _: None
    """Looks at each head that is read; raises where nothing may be answered, as by a clock that is wrong."""
