"""Base types: what the shipped kinds of records have in common, as YAML beside the policies."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from yaml import YAMLError, safe_load

from policy_service.model.facts import INSTALLATION, FieldType, RecordType
from policy_service.model.vocabulary import CO_RECIPIENT, Role, is_category


class BaseTypeError(Exception):
    """A base type's file is not one; the message names the file and the place."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _FieldDocument(_Strict):
    name: str = Field(min_length=1, max_length=100)
    categories: tuple[str, ...] = Field(min_length=1, strict=False)
    about: tuple[str, ...] = Field(min_length=1, strict=False)

    @field_validator("categories")
    @classmethod
    def _known_categories(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if not all(is_category(value) for value in values):
            raise ValueError("an unknown field category")
        return values

    @field_validator("about")
    @classmethod
    def _known_roles(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if not all(value == CO_RECIPIENT or value in set(Role) for value in values):
            raise ValueError("an unknown role")
        return values


class _BaseTypeDocument(_Strict):
    name: str = Field(pattern=r"^base\.[a-z_]{1,50}$")
    fields: tuple[_FieldDocument, ...] = Field(min_length=1, strict=False)


def parse_base_type(text: str, *, name: str) -> RecordType:
    """Parse one file. `name` is the file's, for messages. Raises `BaseTypeError`."""
    try:
        document = _BaseTypeDocument.model_validate(safe_load(text))
    except YAMLError as error:
        raise BaseTypeError(f"{name}: not readable as YAML") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BaseTypeError(f"{name}: `{place}`: {first['msg'].lower()}") from error
    return RecordType(
        record_type_id=document.name,
        controller=INSTALLATION,
        name=document.name,
        fields=tuple(FieldType(f.name, f.categories, f.about) for f in document.fields),
    )
