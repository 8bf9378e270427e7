"""What comes of computing a decision again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NotComputed(StrEnum):
    """Why a decision cannot be computed again here. Values are told."""

    ENTRY_TOO_LARGE = "ENTRY_TOO_LARGE"
    """The call was more than the log takes: it was denied for that, and is not in its entry."""
    CALL_NOT_KEPT = "CALL_NOT_KEPT"
    """The entry is of a version that did not keep the call."""
    WORDS_UNKNOWN = "WORDS_UNKNOWN"
    """The call as kept has words that this version does not know."""
    REVISION_UNDONE = "REVISION_UNDONE"
    """The facts were restored since, from a backup that was made before its revision."""
    REFUSED = "REFUSED"
    """The call would be refused: what it describes is not declared any more."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came out otherwise: `what` it is, of which cell where it is of one, as it was recorded
    and as it was computed, each as a text; empty where there is none.
    """

    what: str
    recorded: str
    computed: str
    field: str = ""
    """The field instance, `name` or `name@party`; of cells alone."""
    recipient: int | None = None
    """The index of the recipient, from 0; of cells and what else is of one recipient."""
