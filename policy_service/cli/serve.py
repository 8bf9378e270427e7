"""`serve`: runs the service in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from policy_service.cli.databases import how_to_end
from policy_service.cli.example.command import load_world, world_directory
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.first_steps import Running, commands_to_try, what_runs_where
from policy_service.cli.render import progress, say, say_whole, tell_failure
from policy_service.cli.run import Run, current, first_administrator
from policy_service.cli.settings import read_settings

if TYPE_CHECKING:
    from policy_service.server.errors import FolderTakenError

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
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            metavar="NUMBER",
            help="Processes that answer questions, on one port. Default: 1; no more than there are cores.",
        ),
    ] = None,
    service_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Needed by each of several services on one PostgreSQL."),
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
            help="Where Prometheus may read metrics, on this machine; of each further worker at the next"
            " port. Default: nowhere.",
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
        "workers": workers,
        "service_name": service_name,
        "tls_certificate": tls_certificate,
        "tls_key": tls_key,
        "otlp_endpoint": otlp_endpoint,
        "decision_prometheus": decision_prometheus,
        "control_prometheus": control_prometheus,
    }
    raise typer.Exit(_serve(run, given, example))


def _serve(run: Run, given: dict[str, Any], example: bool) -> Exit:
    # Imported here, since no other command needs what a server needs, and each would wait for it.
    from policy_service.server import supervisor
    from policy_service.server.errors import FolderTakenError, PortTakenError, StartError

    settings = read_settings(given)

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
            there.workers,
        )
        threading.Thread(target=_welcome, args=(here, example, running), name="welcome", daemon=True).start()

    progress(f"starting, with data in {settings.var_dir}")
    try:
        return Exit.OK if supervisor.run(settings, on_ready) == 0 else Exit.UNAVAILABLE
    except PortTakenError as error:
        raise Failure(f"cannot start: {error}", do_next=_OTHER_PORTS, code=Exit.UNAVAILABLE) from None
    except FolderTakenError as error:
        raise Failure(
            f"cannot start: {error}", do_next=_another_folder(error), code=Exit.UNAVAILABLE
        ) from None
    except StartError as error:
        raise Failure(
            f"cannot start: {error}", do_next="change that and start again", code=Exit.UNAVAILABLE
        ) from None


def _another_folder(error: FolderTakenError) -> str:
    other = "another folder with --var-dir, and ports with --decision-port and --control-port"
    return f"{how_to_end(error)}, or name {other}"


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
            say_whole(f"  {command}")
    say("\nready; Ctrl-C ends it")


def _load_example(run: Run) -> None:
    new = load_world(run, first_administrator(run), world_directory(None), only_if_new=True, say=progress)
    progress("the example world is loaded" if new else "the example world is there, and stays as it is")


def _address(bind: str, port: int) -> str:
    """Give the address by which this machine reaches what is bound to `bind`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - compared, not bound
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
