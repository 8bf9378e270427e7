"""What an empty installation needs before anybody can call it: policies, and somebody who may manage.

Both are revisions like any other, and leave their log entries through the outbox. Several services may start
at once on one database: one of them writes, and the others see it.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from policy_service.decision_log.entries import Head, Versions, write_entry
from policy_service.facts import keys
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import Change, FactStore
from policy_service.facts.tokens import make_token
from policy_service.model.caller import NOBODY
from policy_service.model.facts import INSTALLATION, Fact, Revision, Token
from policy_service.model.ids import time_ordered_id
from policy_service.model.vocabulary import StaffRole
from policy_service.service.naming import fact_name
from policy_service.service.policies import shipped_policy_set, to_file

_log = logging.getLogger(__name__)

METHOD = "serve"
PRINCIPAL = "first-administrator"
VALID_FOR = timedelta(days=366)


class _HeadMoved(Exception):
    """Another service wrote between the look and the write; nothing was written."""


@dataclass(frozen=True, slots=True)
class _First:
    facts: tuple[Fact, ...]
    reason: str
    before_commit: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class FirstStart:
    """Blocking; before the process serves."""

    store: FactStore
    reader: FactsReader
    versions: Versions
    clock: Callable[[], datetime]

    def publish_policies(self, directory: Path) -> bool:
        """Publish what is in `directory`, if nothing is published. Tells whether it did.

        Raises what `shipped_policy_set` raises.
        """

        def published(head: Revision) -> bool:
            return bool(self.reader.load([keys.policy_set()], head)[keys.policy_set()])

        def policies() -> _First:
            policy_set = shipped_policy_set(directory)
            return _First((policy_set, to_file(policy_set)), "the policies of the first start")

        return self._unless(published, policies)

    def make_administrator(self, file: Path) -> bool:
        """Put a first administrator's token into `file`, if there is no token at all. Tells whether it did.

        The file is durable before the token holds, so that it is never lost; only its owner can read it.
        """

        def issued(head: Revision) -> bool:
            return bool(self.reader.list_facts(Token, None, "", 1, head))

        def token() -> _First:
            now, made = self.clock(), make_token()
            token = Token(
                token_id=made.token_id,
                controller=INSTALLATION,
                secret_hash=made.secret_hash,
                created_at=now,
                expires_at=now + VALID_FOR,
                principal=PRINCIPAL,
                roles=tuple(StaffRole),
            )
            return _First((token,), "the first administrator", lambda: _write_secret(file, made.text))

        return self._unless(issued, token)

    def _unless(self, there: Callable[[Revision], bool], make: Callable[[], _First]) -> bool:
        """Write what `make` gives unless something like it is there; tells whether it did.

        What was looked at is the revision just before the one that is written, or it is looked at again.
        """
        while True:
            head = self.reader.head()
            if there(head):
                return False
            with suppress(_HeadMoved):
                self._write(make(), head)
                return True

    def _write(self, first: _First, seen: Revision) -> None:
        now = self.clock()
        entry_id = time_ordered_id(now)

        def entry(revision: Revision) -> bytes:  # what it raises undoes the write
            if revision != seen + 1:
                raise _HeadMoved
            first.before_commit()  # nobody else can write now
            head = Head(entry_id, now, NOBODY, METHOD, revision, self.versions)
            return write_entry(head, facts=[fact_name(fact) for fact in first.facts], reason=first.reason)

        self.store.write(Change(METHOD, INSTALLATION, first.reason, first.facts, entry_id, now), entry)


def _write_secret(file: Path, text: str) -> None:
    """Write a file that only its owner can read; it is there whole or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file.exists():
        # Of a start that was broken off, or of another installation, whose only copy it may be.
        file.rename(file.with_name(f"{file.name}.before-{secrets.token_hex(4)}"))
        _log.warning("the file of the administrator's token was there: it is kept beside the new one")
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(text + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    draft.replace(file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
