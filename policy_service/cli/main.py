"""The command line's root: its commands, its global options, and the one place where a failure ends a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from policy_service.cli import flags
from policy_service.cli.commands import AllCommands
from policy_service.cli.exits import CODES_IN_WORDS, Exit, Failure
from policy_service.cli.mistyped import mistyped
from policy_service.cli.render import print_nowhere, tell_failure
from policy_service.cli.run import TOKEN_VARIABLE, Run
from policy_service.client.errors import ServiceError

_EPILOG = f"""\b
Start with
  policy-service serve --example
  policy-service demo
  policy-service check --as police-records --user o.manager \\
      --record OM-1001 --field subject.name

\b
Tokens are never arguments. A command takes, in this order
  --as SYSTEM, where it has that option: VAR_DIR/tokens/SYSTEM.token
  --token-file FILE
  the environment's {TOKEN_VARIABLE}
  what is there by itself: VAR_DIR/admin.token to manage, the only token
  in VAR_DIR/tokens to ask

{CODES_IN_WORDS}"""


class Commands(TyperGroup):
    """Ends a run that failed with words and a code; nobody who types a command is shown a stack trace."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = AllCommands()

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        try:
            return super().make_context(info_name, args, *rest, **extra)
        except typer.TyperException as error:
            raise self._mistyped(error) from None
        except BrokenPipeError:
            raise _unread() from None

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise  # Typer's own ways to end
        except BrokenPipeError:
            raise _unread() from None
        except typer.TyperException as error:
            raise self._mistyped(error) from None
        except Failure as failure:
            tell_failure(failure.message, failure.do_next)
            raise typer.Exit(failure.code) from None
        except ServiceError as error:
            tell_failure(f"{error.message}; nothing is permitted", "try again; if it stays so, report it")
            raise typer.Exit(Exit.UNAVAILABLE) from None
        except Exception as error:
            if os.environ.get("POLICY_SERVICE_TRACEBACK"):
                raise
            tell_failure(
                f"a fault in this program ({type(error).__name__}); nothing is permitted",
                "set POLICY_SERVICE_TRACEBACK=1, do it again, and report what it shows",
            )
            raise typer.Exit(Exit.UNAVAILABLE) from None

    def _mistyped(self, error: typer.TyperException) -> Exception:
        """Tell of a command line that cannot be read as everything else is told of."""
        failure = mistyped(error, self.params)
        if failure is None:
            return error
        tell_failure(failure.message, failure.do_next)
        return typer.Exit(failure.code)


def _unread() -> typer.Exit:
    """How it ends when nobody reads what it prints, as behind `| head`."""
    print_nowhere()  # or the interpreter would fail at its end
    return typer.Exit(Exit.UNREAD)


app = typer.Typer(
    name="policy-service",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help, in which examples keep their lines
    pretty_exceptions_enable=False,
    epilog=_EPILOG,
)


@app.callback()
def _options(
    context: typer.Context,
    address: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT", envvar="POLICY_SERVICE_ADDRESS", help="Where the service answers questions."
        ),
    ] = "127.0.0.1:50051",
    control_address: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            envvar="POLICY_SERVICE_CONTROL_ADDRESS",
            help="Where it is managed, and its log read.",
        ),
    ] = "127.0.0.1:50052",
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"A file that holds the token. Or set {TOKEN_VARIABLE}."),
    ] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="POLICY_SERVICE_TLS_CA",
            help="PEM of who may vouch for the server; without it only this machine is called.",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.001, max=3600, help="The deadline of each call.")
    ] = 10.0,
    var_dir: flags.VarDir = Path("var"),
) -> None:
    """May this user see, or send to that recipient, this field of that record?

    The options below stand before the command.
    """
    context.obj = Run(address, control_address, token_file, tls_ca, timeout, var_dir)


def main() -> None:
    """The console script `policy-service`."""
    app(prog_name="policy-service")
