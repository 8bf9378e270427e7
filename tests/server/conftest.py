"""A running edge for each file of tests, and a client to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.calling import Client, Edge, running_edge


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with running_edge() as running:
        yield running


@pytest.fixture
def client(edge: Edge) -> Iterator[Client]:
    with Client(edge.port) as connected:
        yield connected
