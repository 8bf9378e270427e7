"""Questions to the decision log. Each reading is an entry itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policy_service.decision_log.entries import controller_of
from policy_service.decision_log.entry import StoredEntry
from policy_service.facts.view import FactsView
from policy_service.model.errors import NotAvailableError
from policy_service.model.facts import INSTALLATION, Controller
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import Asking, Found, any_organisation
from policy_service.service.desk import ControlDesk
from policy_service.service.words import checked_id

AUDITORS = frozenset({StaffRole.AUDITOR})


@dataclass(frozen=True, slots=True)
class GetEntry:
    entry_id: str


class LogQuestions:
    """The use cases of DecisionLogService; auditors, each within his organisation."""

    def __init__(self, desk: ControlDesk, get: Callable[[str], StoredEntry | None]) -> None:
        """`get` finds an entry by its id, in whichever stream it is; blocking (`LogReader.get`)."""
        self._desk = desk
        self._get = get

    async def get(self, call: Asking, asked: GetEntry) -> StoredEntry:
        """One entry, as the bytes that were hashed. Another organisation's is not available, like one that
        is not.
        """

        async def look(_: FactsView, controller: Controller) -> Found[StoredEntry]:
            entry_id = checked_id(asked.entry_id, "entry_id")
            entry = await self._desk.facts.in_thread(lambda: self._get(entry_id))
            if entry is None:
                raise NotAvailableError
            owner = controller_of(entry.data)
            if controller not in {owner, INSTALLATION}:
                raise NotAvailableError
            return Found(entry, (f"entry:{entry.id}",), owner)

        return await self._desk.read(call, AUDITORS, look, for_whom=any_organisation)
