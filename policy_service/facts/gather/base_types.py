"""Base types: what the shipped kinds of records have in common, as YAML beside the policies."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from yaml import YAMLError, safe_load

from policy_service.facts.gather.base_type_faults import (
    BaseTypeFault,
    faults_of_values,
    faults_of_yaml,
    unknown,
)
from policy_service.model.facts import INSTALLATION, FieldType, PartType, RecordType
from policy_service.model.vocabulary import CATEGORIES, CO_RECIPIENT, Role, is_category

PLACES_SHOWN = frozenset({"location.current", "contact.post"})
"""A field that shows a record's premises is of one of these at least."""


class BaseTypeError(Exception):
    """A base type's file is not one; the message names file, line and place of the first of its `faults`."""

    def __init__(self, file: str, faults: tuple[BaseTypeFault, ...]) -> None:
        super().__init__(f"{file}:{faults[0].line}: {faults[0].text}")
        self.file = file
        self.faults = faults


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _PartDocument(_Strict):
    """What fields and parts of documents have in common."""

    name: str = Field(min_length=1, max_length=100)
    categories: tuple[str, ...] = Field(min_length=1, strict=False)
    about: tuple[str, ...] = Field(min_length=1, strict=False)

    @field_validator("categories")
    @classmethod
    def _known_categories(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not is_category(value):
                raise ValueError(unknown(value, CATEGORIES, "a field category"))
        return values

    @field_validator("about")
    @classmethod
    def _known_roles(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if value != CO_RECIPIENT and value not in set(Role):
                raise ValueError(unknown(value, (*Role, CO_RECIPIENT), "a role on a record"))
        return values


class _SeparablePartDocument(_PartDocument):
    separable: bool = False


class _FieldDocument(_PartDocument):
    parts: tuple[_SeparablePartDocument, ...] = Field(default=(), strict=False)
    premises: bool = False
    mask: Literal["", "last4", "initials", "year"] = ""

    @model_validator(mode="after")
    def _premises_are_a_place(self) -> Self:
        if self.premises and PLACES_SHOWN.isdisjoint(self.categories):
            raise ValueError("a field that shows the premises is of `location.current` or `contact.post`")
        return self

    @field_validator("parts")
    @classmethod
    def _parts_named_apart(
        cls, parts: tuple[_SeparablePartDocument, ...]
    ) -> tuple[_SeparablePartDocument, ...]:
        _named_apart([part.name for part in parts], "part")
        return parts


class _BaseTypeDocument(_Strict):
    name: str = Field(pattern=r"^base\.[a-z_]{1,50}$")
    fields: tuple[_FieldDocument, ...] = Field(min_length=1, strict=False)
    secret_roles: tuple[Annotated[Role, Field(strict=False)], ...] = Field(default=(), strict=False)
    known_to_parents: bool = False
    people_on_file: bool = False
    assurance: int = Field(default=0, ge=0, le=3)
    attributes: tuple[str, ...] = Field(default=(), max_length=32, strict=False)

    @field_validator("attributes")
    @classmethod
    def _attributes_named_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        _named_apart(list(names), "attribute")
        return names

    @field_validator("fields")
    @classmethod
    def _fields_named_apart(cls, fields: tuple[_FieldDocument, ...]) -> tuple[_FieldDocument, ...]:
        _named_apart([field.name for field in fields], "field")
        return fields


def parse_base_type(text: str, *, name: str) -> RecordType:
    """Parse one file. `name` is the file's, for messages. Raises `BaseTypeError`."""
    try:
        document = _BaseTypeDocument.model_validate(safe_load(text))
    except YAMLError as error:
        raise BaseTypeError(name, faults_of_yaml(error)) from error
    except ValidationError as error:
        raise BaseTypeError(name, faults_of_values(text, error)) from error
    return RecordType(
        record_type_id=document.name,
        controller=INSTALLATION,
        name=document.name,
        fields=tuple(_field(each) for each in document.fields),
        secret_roles=document.secret_roles,
        known_to_parents=document.known_to_parents,
        people_on_file=document.people_on_file,
        assurance=document.assurance,
        attributes=document.attributes,
    )


def _field(document: _FieldDocument) -> FieldType:
    return FieldType(
        document.name,
        document.categories,
        document.about,
        parts=tuple(PartType(p.name, p.categories, p.about, p.separable) for p in document.parts),
        premises=document.premises,
        mask=document.mask,
    )


def _named_apart(names: list[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the {what} `{name}` stands there twice: give one of them another name")
