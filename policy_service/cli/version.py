"""`version`: what is installed."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Final

from policy_service.cli import flags
from policy_service.cli.epilogs import example_of
from policy_service.cli.render import print_json, print_pairs

EPILOG: Final = example_of("version")


def version(json: flags.AsJson = False) -> None:
    """Print the versions that matter when something is reported."""
    versions = {
        "policyService": metadata.version("policy-service"),
        "python": platform.python_version(),
        "grpcio": metadata.version("grpcio"),
        "protobuf": metadata.version("protobuf"),
    }
    if json:
        print_json(versions)
        return
    print_pairs([("policy-service", versions["policyService"]), *list(versions.items())[1:]])
