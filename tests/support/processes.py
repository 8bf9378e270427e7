"""The child processes of a service that runs, by the names that `ps` shows."""

from __future__ import annotations

from pathlib import Path

from policy_service.server.nursery import MODULE

ENDED = "Z"
"""The state of a process that has ended, and of which its parent has not been told."""


BORN_NURSERY = "born-nursery"
"""What `ps -o comm` calls one that is forked, see `tests.support.born`."""


def child_of(supervisor: int, name: str) -> int | None:
    """The process id of the child of this name (`control`, `worker-0`), if it runs."""
    return next((pid for each, pid in children_of(supervisor) if each == name), None)


def children_of(supervisor: int) -> list[tuple[str, int]]:
    """Every child that runs, by its name, with its process id: forks of the supervisor's only child."""
    found = []
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            prefix, _, name = comm.read_text().strip().partition("-")
            pid = int(comm.parent.name)
            if prefix == "pdp" and parent_of(parent_of(pid)) == supervisor and stat_of(pid)[0] != ENDED:
                found.append((name, pid))
        except OSError:
            continue  # it has ended meanwhile
    return found


def nursery_of(supervisor: int) -> int | None:
    """The process id of the nursery that a supervisor has begun, or was born with, if it runs."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            begun = MODULE.encode() in (process / "cmdline").read_bytes()
            born = (process / "comm").read_text().strip() == BORN_NURSERY
            if (begun or born) and parent_of(pid := int(process.name)) == supervisor:
                return pid
        except OSError:
            continue
    return None


def parent_of(pid: int) -> int:
    """OSError where it does not run."""
    return int(stat_of(pid)[1])


def stat_of(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on: 1 is the parent, 11 and 12 are ticks of CPU time.
    OSError where it does not run.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
