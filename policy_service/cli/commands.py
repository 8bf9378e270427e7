"""The commands there are, each of a module that is imported when the command is typed: to import them all
takes longer than most commands do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer
from typer.main import get_group


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a command is: `function` of a module, with its `epilog`; or what the module's `app` holds."""

    module: str
    function: str = ""
    epilog: str = "EPILOG"

    def command(self, name: str) -> Any:
        """What Typer makes of it, by this name."""
        module = import_module(f"policy_service.cli.{self.module}")
        around = typer.Typer(rich_markup_mode=None, add_completion=False)
        around.callback()(lambda: None)  # or Typer would fold a group of one into its parent
        if self.function:
            epilog = getattr(module, self.epilog)
            around.command(name=name, epilog=epilog)(getattr(module, self.function))
        else:
            around.add_typer(module.app, name=name)
        return get_group(around).commands[name]


_PLACES: Final[Mapping[str, _Place]] = {
    "check": _Place("check", "check"),
    "explain": _Place("explain", "explain"),
    "demo": _Place("demo", "demo"),
    "requests": _Place("requests"),
    "people": _Place("people"),
    "records": _Place("records"),
    "artefacts": _Place("artefacts"),
    "overrides": _Place("overrides"),
    "orders": _Place("orders"),
    "retention": _Place("retention"),
    "log": _Place("log"),
    "policies": _Place("policies"),
    "systems": _Place("systems"),
    "users": _Place("users"),
    "tokens": _Place("tokens"),
    "example": _Place("example.command"),
    "import": _Place("importing", "import_file"),
    "serve": _Place("serve", "serve"),
    "migrate": _Place("migrate", "migrate"),
    "backup": _Place("backup", "backup"),
    "restore": _Place("backup", "restore", "RESTORE_EPILOG"),
    "version": _Place("version", "version"),
}
"""In the order in which `--help` lists them."""


class AllCommands(MutableMapping[str, Any]):
    """By name, in the order of `--help`; each is made when it is looked up first."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _PLACES[name].command(name)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        raise TypeError("a command has its place above")

    def __delitem__(self, name: str) -> None:
        raise TypeError("a command has its place above")

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)
