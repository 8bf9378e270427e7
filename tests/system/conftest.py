"""A running installation with the clinic on file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.server.calling import Client
from tests.support.asking import Manager
from tests.support.running import Service, running


@dataclass
class Clinic:
    """A service, who manages it, a client of the worker, and the token of the clinic's system."""

    service: Service
    manager: Manager
    worker: Client
    token: str


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with running(tmp_path_factory.mktemp("clinic") / "var") as service:
        yield opened(service)


def opened(service: Service) -> Clinic:
    """Put the clinic on file in a service that has just started for the first time."""
    manager = Manager(service.control_port, service.administrator)
    return Clinic(service, manager, Client(service.decision_port), manager.put_clinic())
