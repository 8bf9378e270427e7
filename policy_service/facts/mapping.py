"""Between a fact and its row: one function each way, driven by the dataclass's own fields.

What a field's type is decides how it is stored, on SQLite and PostgreSQL alike:

| in the model | in the row |
|---|---|
| str, NewType of str, bool, int | itself |
| StrEnum | its value |
| date | `YYYY-MM-DD` |
| datetime (aware) | whole microseconds since 1970, UTC |
| tuple, dataclass | JSON list of the above; a dataclass is the list of its fields, in their order |
| Value (of an attribute) | JSON: a text, a list of texts, true or false, a number |
| `X \\| None` | NULL, or X |

So a field that is added to a dataclass inside another is added at its end, with a default.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, NewType, TypeVar, cast, get_args, get_origin, get_type_hints

from sqlalchemy import Column, Table

from policy_service.facts import tables
from policy_service.model.attributes import Value
from policy_service.model.facts import (
    ArtefactType,
    ContactPoint,
    ContentDeclaration,
    CourtOrder,
    Fact,
    FiledPolicySet,
    LegalHold,
    Override,
    Person,
    PersonIdentifier,
    PersonName,
    PolicySet,
    PrivacyRequest,
    Record,
    RecordParty,
    RecordType,
    Relationship,
    RetentionRule,
    System,
    Token,
    User,
)

F = TypeVar("F", bound=Fact)

Encode = Callable[[Any], Any]

_ROWS: Mapping[type[Fact], type[tables.Base]] = {
    Person: tables.PersonRow,
    PersonIdentifier: tables.PersonIdentifierRow,
    PersonName: tables.PersonNameRow,
    Relationship: tables.RelationshipRow,
    ContactPoint: tables.ContactPointRow,
    RecordType: tables.RecordTypeRow,
    ArtefactType: tables.ArtefactTypeRow,
    Record: tables.RecordRow,
    RecordParty: tables.RecordPartyRow,
    ContentDeclaration: tables.ContentDeclarationRow,
    Override: tables.OverrideRow,
    CourtOrder: tables.CourtOrderRow,
    PrivacyRequest: tables.PrivacyRequestRow,
    User: tables.UserRow,
    System: tables.SystemRow,
    Token: tables.TokenRow,
    PolicySet: tables.PolicySetRow,
    LegalHold: tables.LegalHoldRow,
    RetentionRule: tables.RetentionRuleRow,
    FiledPolicySet: tables.FiledPolicySetRow,
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970, UTC. `moment` is aware (a naive one is a mistake of the program:
    TypeError).
    """
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of one type are stored. `plain` ones need no work."""

    encode: Encode
    decode: Encode
    plain: bool = False


def _same(value: Any) -> Any:
    return value


_PLAIN = Codec(_same, _same, plain=True)
_VALUE = Codec(
    lambda value: list(value) if isinstance(value, tuple) else value,
    lambda value: tuple(value) if isinstance(value, list) else value,
)
"""Inside JSON alone: no column is a value by itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of fact: its dataclass, its table, and the field that is its id."""

    fact: type[Fact]
    table: Table
    id_name: str
    names: tuple[str, ...]
    id_of: Callable[[Any], str]
    values: Callable[[Any], tuple[Any, ...]]
    """A fact's own values, in the order of the names."""
    encoders: tuple[tuple[int, Encode], ...]
    """For the values that are not stored as they are: their places."""
    decoders: tuple[tuple[int, Encode], ...]
    """The way back, of the same ones."""

    @property
    def id_column(self) -> Column[Any]:
        return self.table.c[self.id_name]

    @property
    def columns(self) -> list[Column[Any]]:
        """The columns that make a fact, in the order that `from_row` expects."""
        return [self.table.c[name] for name in self.names]

    @property
    def label(self) -> str:
        """The kind as a message names it, e.g. `contact point`."""
        return (
            self.table.name.removesuffix("s")
            .replace("_", " ")
            .replace("people", "person")
            .replace("partie", "party")
        )


def kind_of(fact: type[F]) -> Kind:
    return KINDS[fact]  # type: ignore[index]  # mypy does not see that F is one of the union's members


def fact_id(fact: Fact) -> str:
    return KINDS[type(fact)].id_of(fact)


def to_row(fact: Fact) -> dict[str, Any]:
    """The fact's columns by name; the revisions are the writer's to add."""
    kind = KINDS[type(fact)]
    return dict(zip(kind.names, to_values(kind, fact), strict=True))


def to_values(kind: Kind, fact: Fact) -> list[Any]:
    """As `to_row`, in the order of `Kind.names`."""
    values = list(kind.values(fact))
    for place, encode in kind.encoders:
        values[place] = encode(values[place])
    return values


def from_row(fact: type[F], row: Sequence[Any]) -> F:
    """The fact that `Kind.columns` of a row say."""
    values = list(row)
    for place, decode in kind_of(fact).decoders:
        values[place] = decode(values[place])
    return fact(*values)


def codec_of(hint: Any) -> Codec:
    """The codec of a type that the model uses; anything else is a mistake of the program, found at import."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if hint == Value:
        return _VALUE
    if isinstance(hint, UnionType):
        return _optional(hint)
    if get_origin(hint) is tuple:
        item = _sequence(hint)
        return Codec(
            lambda value: _json(item.encode(value)) if value else "[]",
            lambda text: () if text == "[]" else item.decode(json.loads(text)),
        )
    if hint in (str, bool, int):
        return _PLAIN
    if is_dataclass(hint) and isinstance(hint, type):
        item = _inner_dataclass(hint)
        return Codec(lambda value: _json(item.encode(value)), lambda text: item.decode(json.loads(text)))
    if hint is datetime:
        return Codec(to_microseconds, from_microseconds)
    if hint is date:
        return Codec(date.isoformat, date.fromisoformat)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Codec(attrgetter("_value_"), hint)  # as `value`, without the detour by a property
    raise TypeError(f"no way to store {hint!r}")


def _optional(hint: Any) -> Codec:
    present = codec_of(next(arg for arg in get_args(hint) if arg is not NoneType))
    return Codec(
        lambda value: None if value is None else present.encode(value),
        lambda value: None if value is None else present.decode(value),
    )


def _sequence(hint: Any) -> Codec:
    """A tuple inside JSON: `tuple[X, ...]`, or a pair as `tuple[X, Y]`."""
    arguments = get_args(hint)
    if arguments[-1] is Ellipsis:
        item = _inner(arguments[0])
        return Codec(
            lambda values: [item.encode(v) for v in values],
            lambda values: tuple(item.decode(v) for v in values),
        )
    items = [_inner(argument) for argument in arguments]
    return Codec(
        lambda values: [item.encode(v) for item, v in zip(items, values, strict=True)],
        lambda values: tuple(item.decode(v) for item, v in zip(items, values, strict=True)),
    )


def _inner(hint: Any) -> Codec:
    if get_origin(hint) is tuple:
        return _sequence(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return _inner_dataclass(hint)
    return codec_of(hint)


def _inner_dataclass(hint: type[Any]) -> Codec:
    hints = get_type_hints(hint)
    names = [field.name for field in fields(hint)]
    items = [_inner(hints[name]) for name in names]
    return Codec(
        lambda value: [item.encode(getattr(value, name)) for item, name in zip(items, names, strict=True)],
        # Not strict: rows from before a field was added have fewer.
        lambda values: hint(*[item.decode(v) for item, v in zip(items, values, strict=False)]),
    )


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _kind(fact: type[Fact], row: type[tables.Base]) -> Kind:
    hints = get_type_hints(fact)
    names = tuple(field.name for field in fields(fact))
    table = cast(Table, row.__table__)
    codecs = enumerate(codec_of(hints[name]) for name in names)
    coded = [(place, codec) for place, codec in codecs if not codec.plain]
    return Kind(
        fact,
        table,
        names[0],
        names,
        attrgetter(names[0]),
        attrgetter(*names),
        tuple((place, codec.encode) for place, codec in coded),
        tuple((place, codec.decode) for place, codec in coded),
    )


KINDS: Mapping[type[Fact], Kind] = {fact: _kind(fact, row) for fact, row in _ROWS.items()}
"""Every kind of fact there is; each has its id as its first field."""
