"""A command line that cannot be read: Typer's words for it, made into what happened and what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import typer

from policy_service.cli.exits import Exit, Failure
from policy_service.model.spelling import perhaps

_QUOTED: Final = re.compile(r"'([^'\n]*)'")
_BARE_OPTION: Final = re.compile(r"(?<![\w`-])(--[a-z][a-z-]*)(?!`)")
_SENTENCE: Final = re.compile(r"(?:^|[;:] |\()[A-Z](?=[a-z])")
_NO_CHOICE: Final = re.compile(r"'([^'\n]*)' is not one of ((?:'[^'\n]*'(?:, )?)+)")
_NO_OPTION: Final = re.compile(r"No such option: (--?[A-Za-z0-9-]+)")


def mistyped(error: typer.TyperException, global_options: Iterable[Any]) -> Failure | None:
    """Give the failure that Typer's error is; None for the help that a command without arguments shows.

    `global_options` are the parameters of the program itself, which stand before the command.
    """
    text = error.format_message()
    if "\n" in text:
        return None  # a mistake is told in one line; this is the help
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "policy-service"
    program = context.find_root().command_path if context is not None else command
    misplaced = _NO_OPTION.match(text)
    option = misplaced.group(1) if misplaced else ""
    for known in global_options:
        if command != program and option in known.opts:
            value = f" {known.metavar}" if known.metavar else ""
            return Failure(
                f"`{option}` stands before the command",
                do_next=f"write `{program} {option}{value}{command.removeprefix(program)} ...`",
                code=Exit.USAGE,
            )
    hint = f"`{command} --help` shows what can be said"
    if option and command == program:
        hint += "; options of a command stand behind it"
    return Failure(_as_we_write(text), do_next=hint, code=Exit.USAGE)


def _as_we_write(text: str) -> str:
    """Lower case, one sentence, backticks round names: `No such command 'chek'. Did you mean 'check'?`"""
    text = text.replace(": Value error, ", ": ")
    if choice := _NO_CHOICE.search(text):
        text = text.removesuffix(".") + perhaps(choice.group(1), _QUOTED.findall(choice.group(2)))
    text = _QUOTED.sub(r"`\1`", text).removesuffix(".").replace(". ", "; ")
    text = _BARE_OPTION.sub(r"`\1`", text)
    return _SENTENCE.sub(lambda found: found.group().lower(), text)
