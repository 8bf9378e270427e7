"""Which facts a reading looks at: those on file now, or those of an earlier revision, as a call names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from policy_service.facts.history import Change, Erasure, Rows, changes_of, erased_of, ever, revision_at
from policy_service.facts.mapping import F, to_microseconds
from policy_service.facts.policy_history import published_at
from policy_service.facts.reader import FactsReader
from policy_service.facts.revision_token import RevisionTokens
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Revision


@dataclass(frozen=True, slots=True)
class AsOf:
    """The facts as they were: by a token that an answer gave, or at a moment (aware, UTC). One of the two."""

    facts_token: str = ""
    moment: datetime | None = None

    @property
    def words(self) -> str:
        """What it says, for comparing it with what a page token was made for; most tokens name their
        revision another way each time, so of one it says nothing.
        """
        return "token" if self.moment is None else f"moment {to_microseconds(self.moment)}"


class Past:
    """Finds revisions, and names them by opaque tokens. What reads is blocking."""

    def __init__(self, reader: FactsReader, tokens: RevisionTokens) -> None:
        self._reader = reader
        self._tokens = tokens

    def seal(self, revision: Revision) -> str:
        return self._tokens.seal(revision)

    def seal_version(self, revision: Revision) -> str:
        return self._tokens.seal_version(revision)

    def changes(
        self, sources: Sequence[Rows], up_to: Revision, limit: int, ids: Sequence[str]
    ) -> tuple[Change, ...]:
        return changes_of(self._reader, sources, up_to, limit, ids)

    def published_at(self, revisions: Sequence[Revision]) -> Mapping[Revision, str]:
        return published_at(self._reader, revisions)

    def erased(self, kind: type[F], ids: Sequence[str]) -> tuple[Erasure, ...]:
        return erased_of(self._reader, kind, ids)

    def ever(
        self, kind: type[F], where: Mapping[str, tuple[str, ...]], up_to: Revision, limit: int
    ) -> tuple[F, ...]:
        return ever(self._reader, kind, where, up_to, limit)

    def opened(self, token: str, head: Revision, field: str) -> Revision:
        """The revision that a token names; `head` is the newest that the caller may look at."""
        revision = self._tokens.open(token, field)
        if revision is None:
            raise InvalidArgumentError(
                field, "BAD_FACTS_TOKEN", f"`{field}` was not given by this service: use one as it was given"
            )
        if revision > head:
            raise InvalidArgumentError(
                field,
                "FACTS_TOKEN_AHEAD",
                f"`{field}` names facts that are not on file here: they may have been lost with a restore",
            )
        return revision

    def looked_at(self, as_of: AsOf, kept: str, now: datetime) -> Revision:
        """The revision that a reading looks at: the one that its first page has `kept`, if it named a moment.

        Of a moment that has only just passed a later look could find a newer revision.
        """
        if as_of.moment is not None and kept:
            revision = self._tokens.open(kept, "page_token")
            if revision is not None and revision <= self._reader.head():
                return revision  # that the page token is none of somebody else's making is seen by its reader
        return self.resolved(as_of, now)

    def resolved(self, as_of: AsOf, now: datetime) -> Revision:
        """The revision that `as_of` names. Each that it cannot be is refused with its field and a reason."""
        head = self._reader.head_and_time()
        if as_of.moment is None:
            return self.opened(as_of.facts_token, head.revision, "as_of.facts_token")
        # A clock that was set back stays behind the facts for a while. Of a second that is not over its end
        # may be asked for, by a clock that is ahead, too: that is what has been by now.
        if as_of.moment - max(now, head.committed_at) >= timedelta(seconds=1):
            raise InvalidArgumentError(
                "as_of.moment",
                "IN_THE_FUTURE",
                "`as_of.moment` is yet to come (a day is its end): leave out `as_of` for what is on file now",
            )
        revision = revision_at(self._reader, as_of.moment, head.revision)
        if revision is None:
            raise InvalidArgumentError(
                "as_of.moment",
                "BEFORE_THE_FIRST_FACTS",
                "`as_of.moment` is before anything was on file",
            )
        return revision
