"""`serve`: runs the service in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import difflib
import os
import re
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import pydantic
import typer

from policy_service.cli.example.command import load_world, world_directory
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.first_steps import Running, commands_to_try, what_runs_where
from policy_service.cli.render import progress, say, tell_failure
from policy_service.cli.run import Run, current, first_administrator

EPILOG = """\b
Every setting may stand in the environment, as POLICY_SERVICE_ and its name.
The databases' URLs stand there alone, since they may hold a password:
POLICY_SERVICE_FACTS_URL and POLICY_SERVICE_LOG_URL, for PostgreSQL
postgresql+psycopg://USER:PASSWORD@HOST/DATABASE.

\b
With --otlp-endpoint, POLICY_SERVICE_TRACE_RATIO is the share of calls that
begin a trace (0.01; whoever sends a `traceparent` decides for himself), and
POLICY_SERVICE_TELEMETRY_SECONDS how often metrics are sent (5).

\b
Examples
  policy-service serve --example
  policy-service serve --var-dir /srv/policy-service --decision-port 6001 \\
      --control-port 6002
"""

PREFIX: Final = "POLICY_SERVICE_"
OF_COMMANDS: Final = frozenset(
    ("ADDRESS", "CONTROL_ADDRESS", "CONTROLLER", "TLS_CA", "TOKEN", "TRACEBACK", "VAR_DIR")
)
"""What commands read of the environment, so that it may be there, too."""

_OF_KUBERNETES: Final = re.compile(
    r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?"
)
"""What Kubernetes puts into the environment of every container where a Service is called `policy-service`."""

_OTHER_PORTS: Final = (
    "end the process that has it, or choose others with --decision-port and --control-port, or with"
    " POLICY_SERVICE_DECISION_PORT and POLICY_SERVICE_CONTROL_PORT in the environment"
)


def serve(
    context: typer.Context,
    example: Annotated[
        bool,
        typer.Option("--example", help="On the first start, load the example world; then say what to try."),
    ] = False,
    var_dir: Annotated[
        Path | None,
        typer.Option("--var-dir", metavar="DIR", help="Where data and tokens are kept. Default: ./var."),
    ] = None,
    bind: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Without TLS only this machine's own: 127.0.0.1, the default."),
    ] = None,
    decision_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="For questions. Default: 50051; 0: any."),
    ] = None,
    control_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="For all else. Default: 50052; 0: any."),
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="PEM of the server's certificate chain.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="PEM of the certificate's key.")
    ] = None,
    otlp_endpoint: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Send traces and metrics there, by OTLP over gRPC."),
    ] = None,
    decision_prometheus: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS:PORT",
            help="Where Prometheus may read metrics, on this machine. Default: nowhere.",
        ),
    ] = None,
    control_prometheus: Annotated[
        str | None, typer.Option(metavar="ADDRESS:PORT", help="The same for all but questions.")
    ] = None,
) -> None:
    """Run the service here, until Ctrl-C or SIGTERM.

    Logs go to standard error. An empty VAR_DIR is filled: databases, a key, and the first administrator's
    token, in VAR_DIR/admin.token. What is there is kept.
    """
    run = current(context)
    given: dict[str, Any] = {
        "var_dir": var_dir or run.var_dir,
        "bind": bind,
        "decision_port": decision_port,
        "control_port": control_port,
        "tls_certificate": tls_certificate,
        "tls_key": tls_key,
        "otlp_endpoint": otlp_endpoint,
        "decision_prometheus": decision_prometheus,
        "control_prometheus": control_prometheus,
    }
    raise typer.Exit(
        _serve(run, {name: value for name, value in given.items() if value is not None}, example)
    )


def _serve(run: Run, given: dict[str, Any], example: bool) -> Exit:
    # Imported here, since no other command needs what a server needs, and each would wait for it.
    from policy_service.server import supervisor
    from policy_service.server.errors import PortTakenError, StartError
    from policy_service.server.settings import Settings

    _refuse_unknown_variables(Settings.model_fields)
    try:
        settings = Settings(**given)
    except pydantic.ValidationError as error:
        raise _wrong_settings(error) from None

    def on_ready(there: supervisor.Running) -> None:
        here = replace(
            run,
            address=_address(there.bind, there.decision_port),
            control_address=_address(there.bind, there.control_port),
            token_file=None,
            tls_ca=run.tls_ca or settings.tls_certificate,
            var_dir=settings.var_dir,
        )
        # A thread, since the supervisor must go on to look after its children.
        running = Running(
            here.address,
            here.control_address,
            here.var_dir,
            here.tls_ca,
            there.decision_prometheus,
            there.control_prometheus,
            settings.otlp_endpoint,
        )
        threading.Thread(target=_welcome, args=(here, example, running), name="welcome", daemon=True).start()

    progress(f"starting, with data in {settings.var_dir}")
    try:
        return Exit.OK if supervisor.run(settings, on_ready) == 0 else Exit.UNAVAILABLE
    except PortTakenError as error:
        raise Failure(f"cannot start: {error}", do_next=_OTHER_PORTS, code=Exit.UNAVAILABLE) from None
    except StartError as error:
        raise Failure(
            f"cannot start: {error}", do_next="change that and start again", code=Exit.UNAVAILABLE
        ) from None


def _welcome(run: Run, example: bool, running: Running) -> None:
    """Load the example world if it is not there, then say what runs where. The service runs on regardless."""
    try:
        if example:
            _load_example(run)
    except Failure as failure:
        tell_failure(f"the example world was not loaded: {failure.message}", failure.do_next)
        example = False
    say()
    for line in what_runs_where(running):
        say(line)
    if example:
        say("\ntry next, in another terminal, in this folder")
        for command in commands_to_try(running):
            say(f"  {command}")
    say("\nready; Ctrl-C ends it")


def _load_example(run: Run) -> None:
    new = load_world(run, first_administrator(run), world_directory(None), only_if_new=True, say=progress)
    progress("the example world is loaded" if new else "the example world is there, and stays as it is")


def _address(bind: str, port: int) -> str:
    """Give the address by which this machine reaches what is bound to `bind`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - compared, not bound
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refuse_unknown_variables(settings: Iterable[str]) -> None:
    """A setting that nobody reads is one that somebody relies on: TLS, say, or where the facts are."""
    known = OF_COMMANDS.union(name.upper() for name in settings)
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX)
        if name != variable and name not in known and not _OF_KUBERNETES.fullmatch(name):
            near = difflib.get_close_matches(name, sorted(known), n=1)
            raise Failure(
                f"`{variable}` is in the environment, and is no setting",
                do_next=f"write `{PREFIX}{near[0]}`" if near else "take it out",
                code=Exit.USAGE,
            )


def _wrong_settings(error: pydantic.ValidationError) -> Failure:
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return Failure(
        f"`{name}`: {what[:1].lower()}{what[1:]}" if name else what,
        do_next="correct the option, or the environment's POLICY_SERVICE_ variable of that name",
        code=Exit.USAGE,
    )
