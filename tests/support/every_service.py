"""Every service of the API, found by walking the generated package: a new one is missed by nobody."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Final

from google.protobuf.descriptor import ServiceDescriptor

from policy_service.api import v1


def _found() -> tuple[ServiceDescriptor, ...]:
    modules = [
        importlib.import_module(f"{v1.__name__}.{module.name}")
        for module in pkgutil.iter_modules(v1.__path__)
        if module.name.endswith("_pb2")
    ]
    return tuple(service for module in modules for service in module.DESCRIPTOR.services_by_name.values())


SERVICES: Final = _found()
OF_CONTROL: Final = tuple(service for service in SERVICES if service.name != "DecisionService")
