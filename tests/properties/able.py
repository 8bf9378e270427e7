"""Callers who can do what an answer owes as a whole.

What an answer owes as a whole depends on everything in it: a cell that is denied only because the caller
cannot split, or has no second approver, may be permitted where another cell is denied, since what is left
needs neither. A property that looks at cells one by one therefore looks at callers who can.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from policy_service.model.facts import ArtefactType, Capability
from policy_service.model.obligation import ObligationKind
from tests.properties.cast import TRUST
from tests.properties.scene import Scene

OF_THE_WHOLE = frozenset(
    {ObligationKind.SPLIT_PER_RECIPIENT, ObligationKind.SECOND_APPROVER, ObligationKind.RECHECK_BEFORE}
)
"""Owed because of what else is in the answer, or with the answer as a whole."""


def able(scene: Scene) -> Scene:
    """With a caller who can do what is owed because of the whole answer, so that it denies no cell of it."""
    proven = tuple(Capability(kind, "a test", date(2027, 1, 1)) for kind in sorted(OF_THE_WHOLE))
    artefacts = [fact for fact in scene.facts if isinstance(fact, ArtefactType)]
    artefacts.append(ArtefactType("artefact-bare", TRUST, "bare"))
    facts = (replace(each, capabilities=(*each.capabilities, *proven)) for each in artefacts)
    claimed = scene.call.capabilities
    return scene.with_facts(*facts).asking(
        artefact_type=scene.call.artefact_type or "bare",
        capabilities=None if claimed is None else claimed | OF_THE_WHOLE | {ObligationKind.OMIT_SILENTLY},
    )
