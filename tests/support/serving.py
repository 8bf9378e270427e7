"""A service as tests start one: what it says is one line of JSON, where it is."""

from __future__ import annotations

import json
import os
import sys

from policy_service.server import supervisor
from policy_service.server.errors import StartError
from policy_service.server.settings import Settings


def main() -> int:
    """Serve as the environment says, until SIGTERM; its exit code."""
    supervisor.CHILD_MODULE = os.environ.get("CHILD_MODULE", supervisor.CHILD_MODULE)
    try:
        return supervisor.run(Settings(), _ready)
    except StartError as error:
        sys.exit(str(error))


def _ready(there: supervisor.Running) -> None:
    metrics = [*there.decision_prometheus, there.control_prometheus]
    ports = {"decision_port": there.decision_port, "control_port": there.control_port}
    print(json.dumps(ports | {"metrics": [each for each in metrics if each]}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
