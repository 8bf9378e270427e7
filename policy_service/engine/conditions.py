"""What a policy says, as data: py-abac's conditions by name, what each of them may be applied to, and the
tree they make.

The tree (`Condition`) is frozen and hashable. Paths in it are catalogue paths, e.g.
`context.recipient.adverse`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import Final

from policy_service.engine.attributes import AttributeType


class Kind(StrEnum):
    """The conditions of py-abac 0.4.1 that are supported, by py-abac's own names."""

    EQ = "Eq"
    NEQ = "Neq"
    GT = "Gt"
    GTE = "Gte"
    LT = "Lt"
    LTE = "Lte"
    EQUALS = "Equals"
    NOT_EQUALS = "NotEquals"
    CONTAINS = "Contains"
    NOT_CONTAINS = "NotContains"
    STARTS_WITH = "StartsWith"
    ENDS_WITH = "EndsWith"
    REGEX_MATCH = "RegexMatch"
    IS_IN = "IsIn"
    IS_NOT_IN = "IsNotIn"
    ALL_IN = "AllIn"
    ANY_IN = "AnyIn"
    IS_EMPTY = "IsEmpty"
    IS_NOT_EMPTY = "IsNotEmpty"
    EQUALS_ATTRIBUTE = "EqualsAttribute"
    NOT_EQUALS_ATTRIBUTE = "NotEqualsAttribute"
    IS_IN_ATTRIBUTE = "IsInAttribute"
    IS_NOT_IN_ATTRIBUTE = "IsNotInAttribute"
    ALL_IN_ATTRIBUTE = "AllInAttribute"
    ANY_IN_ATTRIBUTE = "AnyInAttribute"
    EXISTS = "Exists"
    NOT_EXISTS = "NotExists"
    ANY = "Any"
    NOT = "Not"
    ALL_OF = "AllOf"
    ANY_OF = "AnyOf"


class Operand(Enum):
    """What stands beside `condition:`."""

    NOTHING = auto()
    VALUE = auto()  # `value`: a number, or true or false, as the attribute is
    TEXT = auto()  # `value`, and perhaps `case_insensitive`
    EXPRESSION = auto()  # `value`: a regular expression
    VALUES = auto()  # `values`: a list that is not empty
    ATTRIBUTE = auto()  # `ace` and `path` of another attribute
    CONDITION = auto()  # `value`: a condition on the same attribute
    CONDITIONS = auto()  # `values`: a list of these, not empty


@dataclass(frozen=True, slots=True)
class Shape:
    """How a kind is written: its operand, the types it is for, and those of an attribute it compares with."""

    operand: Operand
    types: frozenset[AttributeType]
    other_types: frozenset[AttributeType] = frozenset()


_STRING = frozenset({AttributeType.STRING})
_STRINGS = frozenset({AttributeType.STRINGS})
_NUMBER = frozenset({AttributeType.NUMBER})
_SINGLE = frozenset({AttributeType.STRING, AttributeType.NUMBER})
_COMPARABLE = frozenset({AttributeType.STRING, AttributeType.NUMBER, AttributeType.BOOLEAN})
_EVERY = frozenset(AttributeType)

SHAPES: Final[Mapping[Kind, Shape]] = MappingProxyType(
    {
        Kind.EQ: Shape(Operand.VALUE, frozenset({AttributeType.NUMBER, AttributeType.BOOLEAN})),
        Kind.NEQ: Shape(Operand.VALUE, frozenset({AttributeType.NUMBER, AttributeType.BOOLEAN})),
        Kind.GT: Shape(Operand.VALUE, _NUMBER),
        Kind.GTE: Shape(Operand.VALUE, _NUMBER),
        Kind.LT: Shape(Operand.VALUE, _NUMBER),
        Kind.LTE: Shape(Operand.VALUE, _NUMBER),
        Kind.EQUALS: Shape(Operand.TEXT, _STRING),
        Kind.NOT_EQUALS: Shape(Operand.TEXT, _STRING),
        Kind.CONTAINS: Shape(Operand.TEXT, _STRING),
        Kind.NOT_CONTAINS: Shape(Operand.TEXT, _STRING),
        Kind.STARTS_WITH: Shape(Operand.TEXT, _STRING),
        Kind.ENDS_WITH: Shape(Operand.TEXT, _STRING),
        Kind.REGEX_MATCH: Shape(Operand.EXPRESSION, _STRING),
        Kind.IS_IN: Shape(Operand.VALUES, _SINGLE),
        Kind.IS_NOT_IN: Shape(Operand.VALUES, _SINGLE),
        Kind.ALL_IN: Shape(Operand.VALUES, _STRINGS),
        Kind.ANY_IN: Shape(Operand.VALUES, _STRINGS),
        Kind.IS_EMPTY: Shape(Operand.NOTHING, _STRINGS),
        Kind.IS_NOT_EMPTY: Shape(Operand.NOTHING, _STRINGS),
        Kind.EQUALS_ATTRIBUTE: Shape(Operand.ATTRIBUTE, _COMPARABLE, _COMPARABLE),
        Kind.NOT_EQUALS_ATTRIBUTE: Shape(Operand.ATTRIBUTE, _COMPARABLE, _COMPARABLE),
        Kind.IS_IN_ATTRIBUTE: Shape(Operand.ATTRIBUTE, _STRING, _STRINGS),
        Kind.IS_NOT_IN_ATTRIBUTE: Shape(Operand.ATTRIBUTE, _STRING, _STRINGS),
        Kind.ALL_IN_ATTRIBUTE: Shape(Operand.ATTRIBUTE, _STRINGS, _STRINGS),
        Kind.ANY_IN_ATTRIBUTE: Shape(Operand.ATTRIBUTE, _STRINGS, _STRINGS),
        Kind.EXISTS: Shape(Operand.NOTHING, _EVERY),
        Kind.NOT_EXISTS: Shape(Operand.NOTHING, _EVERY),
        Kind.ANY: Shape(Operand.NOTHING, _EVERY),
        Kind.NOT: Shape(Operand.CONDITION, _EVERY),
        Kind.ALL_OF: Shape(Operand.CONDITIONS, _EVERY),
        Kind.ANY_OF: Shape(Operand.CONDITIONS, _EVERY),
    }
)

SAME_TYPE: Final = frozenset({Kind.EQUALS_ATTRIBUTE, Kind.NOT_EQUALS_ATTRIBUTE})
"""Attributes of two types are never equal; who compares them means something else."""

REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AllNotIn": "py-abac says `no value is among them` and computes `some value is not among them`: "
        "write `Not` of `AnyIn` for the first, `Not` of `AllIn` for the second",
        "AnyNotIn": "py-abac says `some value is not among them` and computes `no value is among them`: "
        "write `Not` of `AllIn` for the first, `Not` of `AnyIn` for the second",
        "AllNotInAttribute": "py-abac says one thing and computes another: write `Not` of `AnyInAttribute` "
        "for `no value is among them`, `Not` of `AllInAttribute` for `some value is not among them`",
        "AnyNotInAttribute": "py-abac says one thing and computes another: write `Not` of `AllInAttribute` "
        "for `some value is not among them`, `Not` of `AnyInAttribute` for `no value is among them`",
        "CIDR": "no attribute of the catalogue is a network address: write a condition on what it is for, "
        "as in `subject.organisation`",
        "EqualsObject": "no attribute of the catalogue is an object: write one for each of its members",
    }
)
"""Kinds of py-abac that are not supported, with the words to write instead."""


@dataclass(frozen=True, slots=True)
class Test:
    """One look at one attribute, compared with `operand`, with the attribute at `other`, or with nothing."""

    __test__ = False  # pytest would collect it by its name

    kind: Kind
    path: str
    operand: str | float | tuple[str | float, ...] | None = None
    ignore_case: bool = False
    other: str | None = None


@dataclass(frozen=True, slots=True)
class AllOf:
    """True where every part is; with no part, true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True where some part is; with no part, false."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where the part is false."""

    part: Condition


Condition = Test | AllOf | AnyOf | Not
