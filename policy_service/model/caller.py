"""Who calls: a consuming system, or a person who manages, as its token says."""

from __future__ import annotations

from dataclasses import dataclass

from policy_service.model.facts import INSTALLATION, Controller
from policy_service.model.vocabulary import StaffRole


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. Exactly one of `system` and `principal` is set."""

    token_id: str
    controller: Controller
    system: str = ""
    principal: str = ""
    roles: frozenset[StaffRole] = frozenset()

    @property
    def is_installation(self) -> bool:
        """Tell whether the caller acts for every organisation (the first administrator)."""
        return self.controller == INSTALLATION


NOBODY = Caller(token_id="", controller=INSTALLATION)
"""The service itself, in entries that no caller caused."""
