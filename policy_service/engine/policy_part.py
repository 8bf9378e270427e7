"""Checks the `policy:` part of a document against the catalogue, before py-abac sees any of it.

What is refused here is what py-abac would accept and then understand in a way that nobody meant; each refusal names the line,
the path, and the words to write instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import re2

from policy_service.engine.abac import ACES, TARGETS, catalogue_path
from policy_service.engine.catalogue import Attribute, AttributeType, Catalogue
from policy_service.engine.conditions import REFUSED, SAME_TYPE, SHAPES, Kind, Operand, Shape
from policy_service.engine.strict_yaml import Path, Plain, Source
from policy_service.model.vocabulary import Effect, Gate, Tier

ROOT: Final[Path] = ("policy",)

_PLAIN_PATH = re.compile(r"\$(\.[a-z][a-z0-9_]*)+")
_TARGET = re.compile(r"\*|[A-Za-z0-9_.:/-]+\*?")
_NESTED_SET = re.compile(r"\[\^?\]?[^\]]*(\[|--|&&|\|\||~~)")
_COMPARED_WHOLE = frozenset(
    {Kind.EQUALS, Kind.NOT_EQUALS, Kind.IS_IN, Kind.IS_NOT_IN, Kind.ALL_IN, Kind.ANY_IN}
)
_BELONGS_TO_THE_DOCUMENT = {
    "uid": "it stands at the top of the document",
    "description": "the document has a `title`",
    "effect": "the tier gives it",
    "priority": "the tier gives it",
}
_WORDS_FOR_TYPE = {
    AttributeType.STRING: "a text",
    AttributeType.STRINGS: "a list of texts",
    AttributeType.BOOLEAN: "true or false",
    AttributeType.NUMBER: "a number",
}


@dataclass(frozen=True, slots=True)
class PolicyPart:
    """The check of one document's `policy:` part. `tier` is None for an obligation."""

    source: Source
    catalogue: Catalogue
    gate: Gate
    tier: Tier | None

    def check(self) -> Mapping[str, Plain]:
        """Give the part if it is right; raises PolicyDocumentError."""
        part = self._mapping(self.source.data.get("policy"), ROOT)
        for key in part:
            if key in _BELONGS_TO_THE_DOCUMENT:
                raise self.source.fault((*ROOT, key), f"leave it out: {_BELONGS_TO_THE_DOCUMENT[key]}")
        self._keys(part, ROOT, required=("rules",), optional=("targets",))
        self._targets(part.get("targets", {}), (*ROOT, "targets"))
        rules = self._mapping(part["rules"], (*ROOT, "rules"))
        self._keys(rules, (*ROOT, "rules"), optional=ACES)
        for ace, conditions in rules.items():
            self._ace(ace, conditions, (*ROOT, "rules", ace))
        if (
            self.tier is not None
            and self.tier.effect is Effect.PERMIT
            and not rules
            and not part.get("targets")
        ):
            raise self.source.fault(
                (*ROOT, "rules"),
                "a permit without a condition permits everything: say when, or write a condition `Any`",
            )
        return part

    def check_parameter(self, path: str, where: Path) -> None:
        """Check a catalogue path that an obligation takes a parameter from."""
        ace, _, rest = path.partition(".")
        if ace not in ACES or not rest:
            raise self.source.fault(where, "write a path of the catalogue, as in `resource.categories`")
        self._attribute(ace, f"$.{rest}", where)

    # --- targets --------------------------------------------------------------------------------------------------

    def _targets(self, value: Plain, path: Path) -> None:
        targets = self._mapping(value, path)
        self._keys(targets, path, optional=tuple(TARGETS))
        for name, patterns in targets.items():
            inner = (*path, name)
            if isinstance(patterns, list):
                self._not_empty(patterns, inner)
                for index, pattern in enumerate(patterns):
                    self._target(TARGETS[name], pattern, (*inner, index))
            else:
                self._target(TARGETS[name], patterns, inner)

    def _target(self, attribute_path: str, pattern: Plain, path: Path) -> None:
        if not isinstance(pattern, str) or not _TARGET.fullmatch(pattern):
            raise self.source.fault(
                path,
                "a target is a name, or the beginning of names followed by one `*`; other shell patterns are refused",
            )
        if not pattern.endswith("*"):
            self._member(self.catalogue[attribute_path], pattern, path)

    # --- rules ----------------------------------------------------------------------------------------------------

    def _ace(self, ace: str, value: Plain, path: Path) -> None:
        if isinstance(value, list):
            self._not_empty(value, path)
            for index, alternative in enumerate(value):
                self._conditions(ace, alternative, (*path, index))
        else:
            self._conditions(ace, value, path)

    def _conditions(self, ace: str, value: Plain, path: Path) -> None:
        conditions = self._mapping(value, path)
        if not conditions:
            raise self.source.fault(path, "holds no condition: leave it out")
        for attribute_path, condition in conditions.items():
            inner = (*path, attribute_path)
            self._condition(self._attribute(ace, attribute_path, inner), condition, inner, negated=False)

    def _attribute(self, ace: str, path: str, where: Path) -> Attribute:
        if not _PLAIN_PATH.fullmatch(path):
            raise self.source.fault(
                where, "a path is `$` and plain names, as in `$.recipient.adverse`; expressions are refused"
            )
        full = catalogue_path(ace, path)
        attribute = self.catalogue.get(full)
        if attribute is None:
            raise self.source.fault(where, f"no attribute `{full}` in the catalogue{self._perhaps(full)}")
        if self.gate not in attribute.gates:
            gates = ", ".join(f"`{gate}`" for gate in Gate if gate in attribute.gates)
            raise self.source.fault(
                where, f"`{full}` is not known in the gate `{self.gate}`, only in {gates}"
            )
        if attribute.obligations_only and self.tier is not None:
            raise self.source.fault(
                where, f"`{full}` is known when the cell is decided: only obligations may name it"
            )
        if self.tier is Tier.ABSOLUTE and not attribute.total:
            raise self.source.fault(
                where,
                f"`{full}` may be missing, and a policy of the absolute tier may name only what never is: "
                "a gap in the data would stop those whom break-glass is for",
            )
        return attribute

    def _perhaps(self, path: str) -> str:
        nearest = self.catalogue.nearest(path)
        if nearest is None:
            return ""
        ace, _, rest = nearest.partition(".")
        return f"; the nearest is `{nearest}`, written `$.{rest}` under `{ace}`"

    def _condition(self, attribute: Attribute, value: Plain, path: Path, *, negated: bool) -> None:
        condition = self._mapping(value, path)
        kind = self._kind(condition, path)
        shape = SHAPES[kind]
        if attribute.type not in shape.types:
            fitting = ", ".join(f"`{other}`" for other in _fitting(attribute.type))
            raise self.source.fault(
                (*path, "condition"),
                f"`{kind}` is not for `{attribute.path}`, which is {_WORDS_FOR_TYPE[attribute.type]}: one of {fitting}",
            )
        self._absence(attribute, kind, path, negated=negated)
        self._operand(attribute, kind, shape, condition, path, negated=negated)

    def _kind(self, condition: Mapping[str, Plain], path: Path) -> Kind:
        if "condition" not in condition:
            raise self.source.fault(path, "`condition` is missing")
        name = condition["condition"]
        where = (*path, "condition")
        if not isinstance(name, str):
            raise self.source.fault(where, "the name of a condition is a text")
        if name in REFUSED:
            raise self.source.fault(where, f"`{name}` is refused: {REFUSED[name]}")
        try:
            return Kind(name)
        except ValueError:
            raise self.source.fault(where, f"no condition `{name}`{perhaps(name, Kind)}") from None

    def _absence(self, attribute: Attribute, kind: Kind, path: Path, *, negated: bool) -> None:
        """Uphold that a missing attribute never widens access: `Exists` and `NotExists` turn absence into an answer."""
        if kind not in (Kind.EXISTS, Kind.NOT_EXISTS) or self.tier is None or attribute.total:
            return
        true_when_missing = (kind is Kind.NOT_EXISTS) is not negated
        if self.tier.effect is Effect.PERMIT and true_when_missing:
            raise self.source.fault(path, f"a permit may not rest on `{attribute.path}` being missing")
        if self.tier.effect is Effect.DENY and not true_when_missing:
            raise self.source.fault(
                path, f"leave it out: where `{attribute.path}` is missing, a deny that compares it denies"
            )

    # --- operands -------------------------------------------------------------------------------------------------

    def _operand(
        self,
        attribute: Attribute,
        kind: Kind,
        shape: Shape,
        condition: Mapping[str, Plain],
        path: Path,
        *,
        negated: bool,
    ) -> None:
        value, inner = condition.get("value"), (*path, "value")
        match shape.operand:
            case Operand.NOTHING:
                self._keys(condition, path, required=("condition",))
            case Operand.VALUE:
                self._keys(condition, path, required=("condition", "value"))
                self._value(attribute, value, inner)
            case Operand.TEXT:
                self._keys(condition, path, required=("condition", "value"), optional=("case_insensitive",))
                self._text(attribute, kind, condition, path)
            case Operand.EXPRESSION:
                self._keys(condition, path, required=("condition", "value"))
                self._expression(value, inner)
            case Operand.VALUES:
                self._keys(condition, path, required=("condition", "values"))
                self._values(attribute, condition["values"], (*path, "values"))
            case Operand.ATTRIBUTE:
                self._keys(condition, path, required=("condition", "ace", "path"))
                self._other(attribute, kind, shape, condition, path)
            case Operand.CONDITION:
                self._keys(condition, path, required=("condition", "value"))
                self._condition(attribute, value, inner, negated=not negated)
            case Operand.CONDITIONS:
                self._keys(condition, path, required=("condition", "values"))
                for index, part in enumerate(self._list(condition["values"], (*path, "values"))):
                    self._condition(attribute, part, (*path, "values", index), negated=negated)

    def _value(self, attribute: Attribute, value: Plain, path: Path) -> None:
        """Check one value against the attribute's type; a member's, where the attribute is a list."""
        match attribute.type:
            case AttributeType.BOOLEAN:
                if not isinstance(value, bool):
                    raise self.source.fault(
                        path, f"`{attribute.path}` is true or false: write `true` or `false`"
                    )
            case AttributeType.NUMBER:
                self._number(attribute, value, path)
            case AttributeType.STRING | AttributeType.STRINGS:
                if not isinstance(value, str):
                    raise self.source.fault(
                        path, f"`{attribute.path}` holds texts: write a text, perhaps in quotes"
                    )

    def _number(self, attribute: Attribute, value: Plain, path: Path) -> None:
        if isinstance(value, str) and re.fullmatch(r"\s*[-+]?[0-9.]+\s*", value):
            raise self.source.fault(
                path, f"`{attribute.path}` is a number: write {value.strip()} without quotes"
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.source.fault(path, f"`{attribute.path}` is a number: write a number")
        # py-abac compares as a double: what a double cannot hold would be another number.
        if not math.isfinite(value) or int(float(value)) != int(value):
            raise self.source.fault(path, "the number is too large to be compared exactly")

    def _text(self, attribute: Attribute, kind: Kind, condition: Mapping[str, Plain], path: Path) -> None:
        inner = (*path, "value")
        value, ignore_case = condition["value"], condition.get("case_insensitive", False)
        self._value(attribute, value, inner)
        if not isinstance(ignore_case, bool):
            raise self.source.fault((*path, "case_insensitive"), "write `true` or `false`")
        if kind in _COMPARED_WHOLE:
            if not ignore_case:
                self._member(attribute, str(value), inner)
        elif not value:
            raise self.source.fault(inner, "the empty text is in every text: leave the condition out")

    def _member(self, attribute: Attribute, value: str, path: Path) -> None:
        if not attribute.can_hold(value):
            raise self.source.fault(
                path, f"`{attribute.path}` is never `{value}`{perhaps(value, sorted(attribute.values))}"
            )

    def _expression(self, value: Plain, path: Path) -> None:
        if not isinstance(value, str) or not value:
            raise self.source.fault(path, "write a regular expression")
        options = re2.Options()
        options.log_errors = False  # RE2 would write to standard error
        try:
            re2.compile(value, options)
        except re2.error as error:
            cause = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
            raise self.source.fault(path, f"RE2 does not accept the regular expression: {cause}") from None
        if _NESTED_SET.search(re.sub(r"\\.", "", value)):
            raise self.source.fault(
                path,
                "sets inside a set are not read alike by all readers: write the members out, e.g. `[0-9_]`",
            )
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError):
            raise self.source.fault(
                path, "RE2 accepts the regular expression, but py-abac (Python) does not"
            ) from None

    def _values(self, attribute: Attribute, value: Plain, path: Path) -> None:
        for index, member in enumerate(self._list(value, path)):
            self._value(attribute, member, (*path, index))
            if isinstance(member, str):
                self._member(attribute, member, (*path, index))

    def _other(
        self, attribute: Attribute, kind: Kind, shape: Shape, condition: Mapping[str, Plain], path: Path
    ) -> None:
        ace, other_path = condition["ace"], condition["path"]
        if not isinstance(ace, str) or ace not in ACES:
            raise self.source.fault((*path, "ace"), f"one of {spelt(ACES)}")
        if not isinstance(other_path, str):
            raise self.source.fault((*path, "path"), "a path is a text, as in `$.recipient.adverse`")
        other = self._attribute(ace, other_path, (*path, "path"))
        if other.type not in shape.other_types or (kind in SAME_TYPE and other.type is not attribute.type):
            raise self.source.fault(
                (*path, "path"),
                f"`{kind}` cannot compare `{attribute.path}`, {_WORDS_FOR_TYPE[attribute.type]}, with `{other.path}`, "
                f"{_WORDS_FOR_TYPE[other.type]}",
            )

    # --- shapes ---------------------------------------------------------------------------------------------------

    def _mapping(self, value: Plain, path: Path) -> dict[str, Plain]:
        if not isinstance(value, dict):
            raise self.source.fault(path, "write a mapping")
        return value

    def _list(self, value: Plain, path: Path) -> list[Plain]:
        if not isinstance(value, list):
            raise self.source.fault(path, "write a list")
        return self._not_empty(value, path)

    def _not_empty(self, value: list[Plain], path: Path) -> list[Plain]:
        if not value:
            raise self.source.fault(path, "the list is empty")
        return value

    def _keys(
        self,
        value: Mapping[str, Plain],
        path: Path,
        *,
        required: tuple[str, ...] = (),
        optional: tuple[str, ...] = (),
    ) -> None:
        known = (*required, *optional)
        for key in value:
            if key not in known:
                raise self.source.fault(
                    (*path, key), f"no such key{perhaps(key, known)}; known are {spelt(known)}"
                )
        for key in required:
            if key not in value:
                raise self.source.fault(path, f"`{key}` is missing")


def _fitting(type_: AttributeType) -> Iterator[Kind]:
    return (kind for kind, shape in SHAPES.items() if type_ in shape.types)


def spelt(names: Iterable[str]) -> str:
    """Spell names for a message: `a`, `b`."""
    return ", ".join(f"`{name}`" for name in names)


def perhaps(name: str, known: Iterable[str]) -> str:
    """Give `, perhaps `x` is meant` for the nearest of `known`, or nothing where none comes close."""
    close = get_close_matches(name, [str(one) for one in known], n=1, cutoff=0.6)
    return f", perhaps `{close[0]}` is meant" if close else ""
