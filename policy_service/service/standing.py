"""Who a caller is on the facts that an answer rests on, and whether he may ask (see `desk`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from policy_service.facts.view import FactsView
from policy_service.model.caller import NOBODY, Caller
from policy_service.model.errors import PermissionDeniedError
from policy_service.model.facts import Controller
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import Asking, Granted
from policy_service.service.caller import authenticate

Judge = Callable[[FactsView, datetime], tuple[Caller, Controller]]
"""Who writes, as of a view, and for whom; raises where he may not."""


def judged(
    view: FactsView,
    call: Asking,
    roles: frozenset[StaffRole],
    for_whom: Callable[[Asking], Controller],
    now: datetime,
    granted: Granted | None = None,
) -> tuple[Caller, Controller]:
    """JUDGED AFRESH: the caller as the facts of `view` have him, and for whom he may do this."""
    caller = authenticate(view, call.authorization, now)
    if not caller.roles & roles and not _holds(view, caller, granted):
        needed = " or ".join(f"`{role}`" for role in sorted(roles))
        or_granted = "" if granted is None else f", or of a system the grant `{granted.name}`"
        raise PermissionDeniedError("ROLE_REQUIRED", f"this needs the role {needed}{or_granted}")
    controller = for_whom(call)
    if not caller.is_installation and controller != caller.controller:
        raise PermissionDeniedError("CONTROLLER_NOT_YOURS", "this token acts for its own organisation alone")
    return caller, controller


def _holds(view: FactsView, caller: Caller, granted: Granted | None) -> bool:
    if granted is None or not caller.system:
        return False
    system = view.system(caller.controller, caller.system)
    return system is not None and granted.holds(system)


def actor(call: Asking, caller: Caller) -> str:
    """Who wrote, in the revision: people who manage, and systems; their tokens may change, they do not."""
    if caller == NOBODY:
        return call.method
    if caller.system:
        return f"system:{caller.system}"
    return f"installation:{caller.principal}" if caller.is_installation else f"principal:{caller.principal}"
