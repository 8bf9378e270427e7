"""A child of the supervisor that is bent on purpose, as `BENT` in its environment says: a JSON object.

`clock`: by process (`control`, `worker-0`), the seconds by which its clock is off, once the file `when` is
  there.
`delays`: seconds, at most, that a write waits at random in its transaction.
`compiles_not`: a text; a policy set of whose documents one has it cannot be compiled, by workers.
`without`: what is taken away, so that a test can be shown to see that it is missing:
  `validation`: the commit round does not read the head;
  `order`: revisions come from a sequence, and a write holds nobody up;
  `other_end`: a relationship is announced to those who look it up by where it begins, and to no one else.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, func, text, update

from policy_service.decision_log.round import CommitRound
from policy_service.engine.errors import PolicySetError
from policy_service.facts import rows, store
from policy_service.facts.keys import Key, keys_of
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.same_store import SameStore
from policy_service.facts.store import FactStore
from policy_service.facts.tables import HeadRow
from policy_service.model.facts import Fact, PolicySet, Relationship, Revision
from policy_service.server import child, compose
from policy_service.server.role import Role, name_of
from policy_service.service import compiled
from policy_service.service.policies import PublishedPolicies, published


def main(role: Role, number: int) -> int:
    bent: dict[str, Any] = json.loads(os.environ["BENT"])
    off = bent.get("clock", {}).get(name_of(role, number), 0)
    if off:
        _bend_clock(timedelta(seconds=off), Path(bent["when"]))
    if role is Role.WORKER and "compiles_not" in bent:
        _compile_not(bent["compiles_not"])
    match bent.get("without", ""):
        case "" if "delays" in bent:
            _delay_writes(bent["delays"])
        case "validation":
            _without_validation()
        case "order":
            _without_order(bent["delays"])
        case "other_end":
            _without_other_end()
        case _:
            pass
    return child.main(role, number)


def _bend_clock(off: timedelta, when: Path) -> None:
    def utc_now() -> datetime:
        return datetime.now(UTC) + (off if when.exists() else timedelta())

    compose.utc_now = utc_now


def _compile_not(part: str) -> None:
    def refusing(policy_set: PolicySet) -> PublishedPolicies:
        if any(part in text for _, text in policy_set.documents):
            raise PolicySetError("this version does not know it")
        return published(policy_set)

    setattr(compiled, "published", refusing)  # noqa: B010 - it is imported there, and exported by another


def _delay_writes(most: float) -> None:
    revision_row = FactStore._revision_row

    def slowly(*arguments: Any) -> dict[str, Any]:  # the last that is asked for before the commit
        _wait(most)
        return revision_row(*arguments)

    setattr(FactStore, "_revision_row", slowly)  # noqa: B010 - mypy lets no method be replaced


def _wait(most: float) -> None:
    """Most do not, so that others overtake who does."""
    if random.random() < 0.3:
        sleep(random.uniform(0, most))


def _without_validation() -> None:
    def validate(self: CommitRound, group: list[Any]) -> tuple[list[Any], list[Any], int, float]:
        return group, [], max(waiting.pending.revision for waiting in group), monotonic()

    setattr(CommitRound, "_validate", validate)  # noqa: B010 - mypy lets no method be replaced


class _Any(int):
    """A revision that follows whichever was seen."""

    def __ne__(self, _: object) -> bool:
        return False

    def __eq__(self, _: object) -> bool:
        return True

    __hash__ = int.__hash__


def _without_order(most: float) -> None:
    """As many would number revisions: a sequence, and the greatest that is committed is the head."""
    announce = rows.announce

    def take_head(connection: Connection, time: datetime, same: SameStore) -> tuple[Revision, int]:
        number = connection.execute(text("SELECT nextval('bent_revisions')")).scalar_one()
        _wait(most)
        return Revision(_Any(number)), to_microseconds(time)

    def then_show(connection: Connection, changed: Mapping[Key, str], revision: Revision) -> None:
        announce(connection, changed, revision)
        connection.execute(update(HeadRow).values(revision=func.greatest(HeadRow.revision, int(revision))))

    store._take_head = take_head
    rows.announce = then_show


def _without_other_end() -> None:
    def keys(fact: Fact) -> Sequence[Key]:
        found = keys_of(fact)
        return found[:1] if isinstance(fact, Relationship) else found

    rows.keys_of = keys  # type: ignore[attr-defined]  # as it was imported there
