"""`example`: the example world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from policy_service.cli.connect import control
from policy_service.cli.epilogs import example_of
from policy_service.cli.example.load import Say, is_loaded, keep_tokens, load_organisation
from policy_service.cli.example.world import read_world
from policy_service.cli.render import progress
from policy_service.cli.run import Bearer, Run, current, manager
from policy_service.cli.shipped import shipped

app = typer.Typer(no_args_is_help=True, help="The example world: seven organisations, made up.")


@app.callback()
def _example() -> None:
    """Keep `load` a command of its own: Typer would fold a group of one into its parent."""


@app.command(epilog=example_of("example load"))
def load(
    context: typer.Context,
    world: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="YAML files, one for each organisation. Default: the shipped ones."),
    ] = None,
) -> None:
    """Put the example world on file, and a token for each of its systems into VAR_DIR/tokens.

    It may be done again: what is as the files say stays, what was changed is put back, nothing is taken away.
    """
    run = current(context)
    load_world(run, manager(run), world_directory(world), only_if_new=False, say=progress)


def world_directory(given: Path | None) -> Path:
    """Give the folder to read: the one named, or the one that ships with the product."""
    return given or shipped("examples", "world")


def load_world(run: Run, token: Bearer, directory: Path, *, only_if_new: bool, say: Say) -> bool:
    """Load every organisation in `directory`; tells whether anything was put on file.

    With `only_if_new` a world that is there already stays as it was left; tokens that are missing are made.
    """
    worlds = read_world(directory)
    with control(run, token) as connection:
        new = not only_if_new or not is_loaded(connection, worlds)
        for world in worlds:
            if new:
                load_organisation(connection, world, say)
            keep_tokens(connection, run, world, say)
    return new
