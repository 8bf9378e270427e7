"""When each policy set was put on file and was published, by whom and why: read from the rows and their
revisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import aliased

from policy_service.facts.mapping import from_microseconds
from policy_service.facts.reader import FactsReader
from policy_service.facts.tables import FiledPolicySetRow, PolicySetRow, RevisionRow
from policy_service.model.facts import Revision

MOST_READ: Final = 10_000
"""Publications, and sets on file; older ones are not told of."""


@dataclass(frozen=True, slots=True)
class Stood:
    """A set, and since when it stood on file or was published."""

    policy_set_id: str
    since: Revision
    at: datetime
    """As the writer's clock had it."""
    actor: str
    reason: str
    ended_at: datetime | None
    """None while it stands."""


@dataclass(frozen=True, slots=True)
class PolicyHistory:
    """As of one revision, the newest first."""

    filed: tuple[Stood, ...]
    published: tuple[Stood, ...]
    """Of each set as often as it was published; the first is published now."""
    tried: Mapping[str, int]
    """How many cases each set on file was tried on."""

    def before(self, policy_set_id: str) -> str | None:
        """The set that was published before this one was, when it was published last."""
        older = iter(self.published)
        for each in older:
            if each.policy_set_id == policy_set_id:
                break
        return next((each.policy_set_id for each in older if each.policy_set_id != policy_set_id), None)


def read_policy_history(reader: FactsReader, revision: Revision) -> PolicyHistory:
    """Blocking; three statements, which read no texts. Raises as the reader does."""
    row = FiledPolicySetRow
    tried = (
        select(row.policy_set_id, row.tried)
        .where(row.revision_from <= revision, row.revision_to > revision, row.tried > 0)
        .limit(MOST_READ)
    )
    return PolicyHistory(
        _stood(reader, FiledPolicySetRow, revision),
        _stood(reader, PolicySetRow, revision),
        {name: int(count) for name, count in reader.rows(tried)},
    )


def published_at(reader: FactsReader, revisions: Sequence[Revision]) -> Mapping[Revision, str]:
    """Which set was published as of each of these revisions, for those as of which one was. Blocking; it
    reads no texts. Raises as the reader does.
    """
    if not revisions:
        return {}
    row = PolicySetRow
    statement = select(row.revision_from, row.revision_to, row.policy_set_id).where(
        row.revision_from <= max(revisions), row.revision_to > min(revisions)
    )
    stood = reader.rows(statement)
    return {
        revision: name for revision in revisions for since, until, name in stood if since <= revision < until
    }


def _stood(
    reader: FactsReader, row: type[FiledPolicySetRow] | type[PolicySetRow], revision: Revision
) -> tuple[Stood, ...]:
    began, ended = aliased(RevisionRow), aliased(RevisionRow)
    statement = (
        select(
            row.policy_set_id,
            row.revision_from,
            began.time,
            began.actor,
            began.reason,
            ended.revision,
            ended.time,
        )
        .join(began, began.revision == row.revision_from)
        .outerjoin(ended, ended.revision == row.revision_to)
        .where(row.revision_from <= revision)
        .order_by(row.revision_from.desc(), row.policy_set_id)
        .limit(MOST_READ)
    )
    return tuple(
        Stood(
            name,
            Revision(since),
            from_microseconds(at),
            actor,
            reason,
            None if until is None or until > revision else from_microseconds(ended_at),
        )
        for name, since, at, actor, reason, until, ended_at in reader.rows(statement)
    )
