"""Faults about attributes that an organisation declares, each small and by name, as those of `faults`.

The decision cases that ship know no declared attribute, and neither do the generated worlds. So each of these
is seeded in a run of the tests that do: `-p tests.properties.mutations.declared` with `FAULT` in its
environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

import pytest

from policy_service.engine import declared, evaluate, policy_part
from policy_service.facts.gather import record, user
from policy_service.facts.gather.record import RecordKind
from policy_service.model.attributes import Value
from policy_service.model.vocabulary import Tier
from policy_service.service import attribute_values, records, tracing
from tests.properties.mutations.faults import Fault, always, changed

VARIABLE: Final = "POLICY_SERVICE_TESTS_FAULT"


def pytest_configure(config: pytest.Config) -> None:
    """Seed the fault that the environment names, for the whole run."""
    seeded = ExitStack()
    seeded.enter_context(DECLARED_FAULTS[int(os.environ[VARIABLE])].seeded())
    config.add_cleanup(seeded.close)


def _values_of(said: Any) -> dict[str, Value]:
    return {} if said is None else {each.name: each.value for each in said.attributes}


def _described_counts(_: Any) -> Any:
    return lambda _system, stored, described: _values_of(described) | _values_of(stored)


def _described_stands(original: Any) -> Any:
    return lambda system, stored, described: _values_of(stored) | original(system, None, described)


def _whatever_its_kind(_: Any) -> Any:
    return lambda _kind, stored, described: _values_of(described if stored is None else stored)


def _described_beside_the_file(original: Any) -> Any:
    def attributes(kind: RecordKind, stored: Any, described: Any) -> Mapping[str, Value]:
        found: Mapping[str, Value] = original(kind, stored, described) | original(kind, None, described)
        return found

    return attributes


def _bases_alone(original: Any) -> Any:
    def kind(view: Any, base_types: Any, controller: Any, type_name: str) -> RecordKind:
        found: RecordKind = original(view, base_types, controller, type_name)
        bases = (base_types[name].attributes for name in found.record_types[1:])
        return replace(found, attributes=frozenset(name for names in bases for name in names))

    return kind


def _as_written(_: Any) -> Any:
    return lambda _self, _path, given: tuple(text for text, _ in tracing._texts(given))


_NOTHING: Final = always(None)

DECLARED_FAULTS: Final[tuple[Fault, ...]] = (
    # --- what is put on file, or described
    Fault(
        "a value is of the type that its declaration says",
        "one of another type is passed through",
        attribute_values,
        "is_typed",
        always(True),
    ),
    Fault("a closed vocabulary is closed", "any text is taken", attribute_values, "_check_text", _NOTHING),
    Fault(
        "what is described is declared",
        "whatever it is, it is taken",
        attribute_values,
        "check_values",
        _NOTHING,
    ),
    Fault(
        "a record type names what is declared of records",
        "it names anything",
        records,
        "check_names",
        _NOTHING,
    ),
    Fault(
        "a record has what its type or a base of it names",
        "it is put on file with anything that is declared",
        records,
        "attributes_of",
        lambda _: lambda view, _type: attribute_values.declared_of(view, declared.Owner.RECORD),
    ),
    # --- what policies may name
    Fault(
        "no tier that nobody talks his way round rests on a declared attribute",
        "the statute tier may name one",
        policy_part,
        "MAY_REST_ON_WHAT_IS_SAID",
        lambda original: original | {Tier.STATUTE},
    ),
    Fault(
        "a declared attribute may be missing",
        "it is taken for one that never is",
        declared,
        "_declared",
        changed(lambda attribute: replace(attribute, total=True)),
    ),
    # --- what questions carry
    Fault(
        "an ill-typed value is an error",
        "every value is of its type",
        evaluate,
        "_TYPED",
        lambda types: dict.fromkeys(types, lambda _: True),
    ),
    Fault(
        "of a record counts what its type or a base of it names",
        "everything that is said of it counts",
        record,
        "_attributes",
        _whatever_its_kind,
    ),
    Fault(
        "a record has the attributes that its own type names",
        "only those that the bases name",
        record,
        "_kind",
        _bases_alone,
    ),
    Fault(
        "what is on file about a record stands",
        "what is described stands before it",
        record,
        "_attributes",
        _described_beside_the_file,
    ),
    Fault(
        "what is described of a user counts where the grant says so",
        "it always counts",
        user,
        "_attributes",
        _described_counts,
    ),
    Fault(
        "what is on file about a user stands",
        "what is described stands before it",
        user,
        "_attributes",
        _described_stands,
    ),
    # --- what is kept, and what is shown
    Fault(
        "of a text that somebody wrote the log keeps a fingerprint",
        "it keeps the text",
        tracing._AsItIs,
        "value",
        _as_written,
    ),
    Fault(
        "of a text that somebody wrote an explanation shows a fingerprint",
        "it shows the text",
        declared,
        "_declared",
        changed(lambda attribute: replace(attribute, protected=False)),
    ),
)
