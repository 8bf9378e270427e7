"""Puts the shipped policies and the example world into the wheel, beside the package.

A checkout, and an editable install of one, reads its own `policies/` and `examples/`, since copies go stale.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = ("policies", "examples/world", "examples/questions")


class ShippedDocuments(BuildHookInterface[Any]):
    """Maps each directory of `SHIPPED` to `policy_service/shipped/`; refuses a wheel that lacks one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        for name in SHIPPED:
            directory = Path(self.root, name)
            if not directory.is_dir():
                raise FileNotFoundError(
                    f"a wheel without `{name}/` would start without them: {directory} is missing"
                )
            build_data["force_include"][str(directory)] = f"policy_service/shipped/{name}"
