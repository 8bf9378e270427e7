"""Base types: what the shipped kinds of records have in common, as YAML beside the policies."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from yaml import YAMLError, safe_load

from policy_service.facts.gather.base_type_faults import (
    BaseTypeFault,
    faults_of_values,
    faults_of_yaml,
    unknown,
)
from policy_service.model.facts import INSTALLATION, FieldType, RecordType
from policy_service.model.vocabulary import CATEGORIES, CO_RECIPIENT, Role, is_category


class BaseTypeError(Exception):
    """A base type's file is not one; the message names file, line and place of the first of its `faults`."""

    def __init__(self, file: str, faults: tuple[BaseTypeFault, ...]) -> None:
        super().__init__(f"{file}:{faults[0].line}: {faults[0].text}")
        self.file = file
        self.faults = faults


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _FieldDocument(_Strict):
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


class _BaseTypeDocument(_Strict):
    name: str = Field(pattern=r"^base\.[a-z_]{1,50}$")
    fields: tuple[_FieldDocument, ...] = Field(min_length=1, strict=False)

    @field_validator("fields")
    @classmethod
    def _named_apart(cls, fields: tuple[_FieldDocument, ...]) -> tuple[_FieldDocument, ...]:
        names = [field.name for field in fields]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the field `{name}` stands there twice: give one of them another name")
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
        fields=tuple(FieldType(f.name, f.categories, f.about) for f in document.fields),
    )
