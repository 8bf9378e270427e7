"""How long nothing may come on a stream whose end nobody knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import grpc

from policy_service.client.errors import ServiceError, Unavailable, service_error


class Alarm:
    """Calls `ring` once nobody has put it off for so many seconds."""

    def __init__(self, seconds: float, ring: Callable[[], object]) -> None:
        self._seconds = seconds
        self._ring = ring
        self._until = time.monotonic() + seconds
        self._over = threading.Event()
        self.rang = False
        threading.Thread(target=self._watch, name="alarm", daemon=True).start()

    def put_off(self) -> None:
        self._until = time.monotonic() + self._seconds

    def end(self) -> None:
        self._over.set()

    def told(self, error: grpc.RpcError) -> ServiceError:
        """What a call ended with: where this alarm cancelled it, that it was late."""
        failed = service_error(error)
        if self.rang and failed.status is grpc.StatusCode.CANCELLED:
            return Unavailable(grpc.StatusCode.DEADLINE_EXCEEDED, failed.message)
        return failed

    def _watch(self) -> None:
        while not self._over.wait(max(0.0, self._until - time.monotonic())):
            if time.monotonic() >= self._until:
                self.rang = True
                self._ring()
                return
