"""Whether a store is still the one that a process opened, and this version still one that may run on it.

Looked at with each head that is read or taken, so that a process which should have been ended answers nothing
more, and writes nothing more.
"""

from __future__ import annotations

from policy_service.facts import schema
from policy_service.model.errors import UnavailableError
from policy_service.model.schema import SchemaState, what_to_do


class SameStore:
    """One connection's view of the head row. One thread at a time."""

    def __init__(self) -> None:
        self._epoch: int | None = None
        self._revision = 0  # the newest that was seen
        self._went_back = False
        self._oldest_reader = ""  # the last one that let this version go on

    def check(self, revision: int, epoch: int, oldest_reader: str) -> None:
        """UnavailableError `STORE_REPLACED` once the epoch is another than at first, `STORE_WENT_BACK` once
        the head was a lower revision than before, and `SCHEMA_TOO_NEW` as long as the store asks for a later
        version.
        """
        if self._epoch is None:
            self._epoch = epoch
        if epoch != self._epoch:
            raise UnavailableError(
                "STORE_REPLACED", "the facts' store was restored while this process had it: start it again"
            )
        # For good: once others have written on, the numbers are as high as before and mean something else.
        self._went_back = self._went_back or revision < self._revision
        if self._went_back:
            raise UnavailableError(
                "STORE_WENT_BACK",
                "the facts' store is an older copy of what this process had: put the newest one back, or"
                " restore facts and log by `policy-service restore`, and start it again",
            )
        self._revision = revision
        if oldest_reader != self._oldest_reader:
            if not schema.may_read(oldest_reader):
                state = SchemaState.TOO_NEW
                raise UnavailableError(f"SCHEMA_{state.name}", what_to_do(state, schema.THE_STORE))
            self._oldest_reader = oldest_reader
