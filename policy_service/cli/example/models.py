"""Reading the example world's files, strictly."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pydantic

from policy_service.cli.documents import read_mapping, refused

Model = TypeVar("Model", bound=pydantic.BaseModel)


def read_model(path: Path, model: type[Model]) -> Model:
    """Read a file into `model`; what the model does not know is refused."""
    data = read_mapping(path)
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise refused(path, f"`{place}`: {first['msg'][:1].lower()}{first['msg'][1:]}") from None
