"""The hospital of tests/bench/world.py in Cerbos' terms: its policies, and the same questions.

A field is an action on a resource. What the service has on file, a caller of Cerbos sends with each question,
as attributes; so both know the same when they decide.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import grpc
import yaml

from tests.bench.world import PATIENTS, WARDS, nurse_and_patient, ward_list

ACTIONS: Final = tuple(f"field_{number}" for number in range(20))
OF_A_BATCH: Final = ACTIONS[:5]
KIND: Final = "record_0"
"""Of the resources that are asked about."""
GROUP: Final = 4
"""Actions that a denying rule is about, as a policy of the service is about a few categories of fields."""

api: Any = grpc.protos(str(Path(__file__).with_name("check_resources.proto").relative_to(Path.cwd())))


def write_policies(directory: Path, rules: int) -> int:
    """Write about so many rules, a policy for each kind of resource; returns how many there are.

    Each kind has a rule for each action, which allows it to the record's team, and one for each group of
    actions, which denies them by what the record's people asked for. So two conditions decide an action,
    however many rules there are: Cerbos finds rules by kind and action, and its users write them so.
    """
    directory.mkdir(parents=True)
    each = [*_allowing(), *_denying()]
    kinds = max(1, round(rules / len(each)))
    for kind in range(kinds):
        policy = {"version": "default", "resource": f"record_{kind}", "rules": each}
        document = {"apiVersion": "api.cerbos.dev/v1", "resourcePolicy": policy}
        (directory / f"record_{kind}.yaml").write_text(yaml.safe_dump(document))
    return kinds * len(each)


def _allowing() -> Iterator[dict[str, object]]:
    for action in ACTIONS:
        condition = 'hasIntersection(R.attr.teams, P.attr.teams) && R.attr.purpose == "care"'
        yield _rule([action], "EFFECT_ALLOW", condition)


def _denying() -> Iterator[dict[str, object]]:
    conditions = (
        "P.id in R.attr.adverse",
        '"withheld" in R.attr.requests && !(P.attr.level >= 3)',
        'R.attr.protected && !("protection" in P.attr.teams)',
    )
    for number, begin in enumerate(range(0, len(ACTIONS), GROUP)):
        group = list(ACTIONS[begin : begin + GROUP])
        yield _rule(group, "EFFECT_DENY", conditions[number % len(conditions)])


def _rule(actions: list[str], effect: str, condition: str) -> dict[str, object]:
    return {
        "actions": actions,
        "effect": effect,
        "roles": ["nurse"],
        "condition": {"match": {"expr": condition}},
    }


def questions(number: int, actions: Sequence[str]) -> list[str]:
    """The first so many of the service's questions about one record, as the generator takes them."""
    asked = (nurse_and_patient(each) for each in range(number))
    return [_as_text(ward, nurse, [patient], actions) for ward, nurse, patient in asked]


def batches(number: int) -> list[str]:
    """The service's batches: the same users and records, five actions on each."""
    return [_as_text(*ward_list(each), OF_A_BATCH) for each in range(number)]


def _as_text(ward: int, nurse: int, patients: Sequence[int], actions: Sequence[str]) -> str:
    request = api.CheckResourcesRequest()
    request.principal.id = f"nurse-{ward}-{nurse}"
    request.principal.roles.append("nurse")
    request.principal.attr["level"].number_value = 1
    _add(request.principal.attr["teams"], f"ward-{ward}")
    for patient in patients:
        entry = request.resources.add(actions=actions)
        entry.resource.kind, entry.resource.id = KIND, f"R-{patient}"
        attributes = entry.resource.attr
        _add(attributes["teams"], f"ward-{patient % WARDS}")
        _add(attributes["adverse"], f"user-{patient % PATIENTS}", "user-of-nobody")
        _add(attributes["requests"], "safe-contact", "interpreter")
        attributes["protected"].bool_value = False
        attributes["purpose"].string_value = "care"
    return base64.b64encode(request.SerializeToString()).decode()


def _add(value: Any, *texts: str) -> None:
    for text in texts:
        value.list_value.values.add(string_value=text)
