"""A control process that is killed around its third write: before or after the log has its entry.

    python -m tests.service.dying_control FACTS_URL LOG_URL "before the append"

Reads the token of a privacy officer from stdin.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from policy_service.decision_log.entry import Appended, Entry
from policy_service.decision_log.stream import StreamWriter
from policy_service.model.caller import Caller
from policy_service.model.vocabulary import StaffRole
from policy_service.service.people_asked import PutPerson
from tests.service.control import POLICE, Call, Stores, running


async def main(stores: Stores, moment: str, authorization: str) -> None:
    append_now = StreamWriter.append_now

    def dying(self: StreamWriter, entry: Entry, outbox_revision: int | None = None) -> Appended:
        if moment == "before the append":
            os.kill(os.getpid(), signal.SIGKILL)
        append_now(self, entry, outbox_revision)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("this process is dead")

    caller = Caller("", POLICE, principal="police-officer", roles=frozenset(StaffRole))
    call = Call(caller, authorization, controller=POLICE)
    async with running(stores) as control:
        await control.people.put_person(call, PutPerson(("x:1",)))
        await control.people.put_person(call, PutPerson(("x:2",)))
        StreamWriter.append_now = dying  # type: ignore[method-assign]
        await control.people.put_person(call, PutPerson(("x:3",)))


if __name__ == "__main__":
    asyncio.run(main(Stores(sys.argv[1], sys.argv[2]), sys.argv[3], sys.stdin.readline().strip()))
