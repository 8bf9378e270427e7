"""The endpoint that Prometheus reads: HTTP on this machine alone, a few connections at a time.

It runs in threads of its own, which nothing waits for. Whoever stalls there is cut off, and where there is no
room for one more, whoever has been there longest: so nobody can fill it, however slowly he sends.
"""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from policy_service.server.errors import StartError, cause

MOST_CONNECTIONS: Final = 8
STALLED_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


class Endpoint:
    """Serves what is in `registry` at `host`, until it is closed."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        """Begin to listen; port 0: any. Raises `StartError`."""
        try:
            self._server = _Server(host, port, registry)
        except OSError as error:
            raise StartError(f"cannot listen on {host}:{port} for Prometheus") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{shown}:{self._server.server_address[1]}"

    def close(self) -> None:
        """Answer nobody any more. Takes a moment."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(WSGIRequestHandler):
    timeout = STALLED_SECONDS  # of each read and write

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is http.server's
        """A scrape is no event."""

    def get_stderr(self) -> io.StringIO:
        """What wsgiref would print of an exception, its text among it."""
        return io.StringIO()


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._there: dict[socket.socket, None] = {}  # the longest first
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)
        self.set_app(_one_at_a_time(make_wsgi_app(registry)))

    def server_bind(self) -> None:
        """As http.server does, but without asking who else this machine is."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._there[request] = None
            if len(self._there) > MOST_CONNECTIONS:
                longest = next(iter(self._there))
                del self._there[longest]
                with contextlib.suppress(OSError):  # he has left by himself
                    longest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._there.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that stalled or broke; socketserver would print its traceback."""


def _one_at_a_time(app: Callable[..., Any]) -> Callable[..., Iterable[bytes]]:
    """The reader behind it gives what two scrapes at once collected to one of them."""
    lock = threading.Lock()

    def scrape(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            with lock:
                return list(app(environ, start_response))
        except Exception as error:  # noqa: BLE001 - wsgiref would print its text
            _log.error("the metrics could not be shown", extra=cause(error))
            start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b"the metrics could not be shown; the service's log says more\n"]

    return scrape
