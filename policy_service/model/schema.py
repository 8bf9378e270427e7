"""How far a database's schema is, seen from one version of the service.

Two neighbouring versions run side by side on one database while it is upgraded. So a database says itself
who may still run on it: `oldest_reader`, the schema that the oldest version which may was made for. A
migration that expands (adds) leaves it as it is; one that contracts (takes away) raises it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

RESTORING = "restoring"
"""Stands for the version of a database that a restore has not finished, which every version refuses."""


class SchemaState(StrEnum):
    """What somebody who starts finds."""

    CURRENT = "current"
    EXPANDED = "expanded"
    """A later version has migrated it, and says that this one may go on."""
    EMPTY = "empty"
    """No tables at all, or no such file."""
    TOO_OLD = "too_old"
    """`migrate` brings it here."""
    TOO_NEW = "too_new"
    """A later version has migrated it, and this one may run on it no more."""
    FOREIGN = "foreign"
    """There are tables, and they are not these."""
    HALF_RESTORED = "half_restored"
    """A restore was broken off, or is still going on."""

    @property
    def serves(self) -> bool:
        """Whether this version may run on it as it is."""
        return self in (SchemaState.CURRENT, SchemaState.EXPANDED)


@dataclass(frozen=True, slots=True)
class SchemaFound:
    """A database's state, with the names of its schema and of this version's; the first is empty where there
    is none.
    """

    state: SchemaState
    version: str
    newest: str


def state_of(
    version: str | None, *, newest: str, known: Collection[str], oldest_reader: str | None
) -> SchemaState:
    """The state of a database that has a version table. `known`: each schema up to `newest`, which this
    version was made for.
    """
    if version == RESTORING:
        return SchemaState.HALF_RESTORED
    if version == newest:
        return SchemaState.CURRENT
    if version is None or version in known:  # None: before the first migration
        return SchemaState.TOO_OLD
    # It is a later version's, and who may run on it is a schema that this version knows if this one may.
    return SchemaState.EXPANDED if oldest_reader in known else SchemaState.TOO_NEW


def what_to_do(state: SchemaState, database: str) -> str:
    """Why this version does not run on a database in this state, and what to do about it."""
    match state:
        case SchemaState.EMPTY:
            return f"{database} has no tables yet: run `policy-service migrate`"
        case SchemaState.TOO_OLD:
            return f"{database} has an older schema than this version needs: run `policy-service migrate`"
        case SchemaState.TOO_NEW:
            return (
                f"{database} has a newer schema, on which this version may run no more: install the version"
                " that migrated it"
            )
        case SchemaState.FOREIGN:
            return f"{database} has tables that are not this service's: check its URL"
        case SchemaState.HALF_RESTORED:
            return (
                f"{database} holds a restore that did not finish: empty both databases and run"
                " `policy-service restore` again"
            )
        case SchemaState.CURRENT | SchemaState.EXPANDED:
            return f"{database} is as this version needs it"
