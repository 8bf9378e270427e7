"""A call as its log entry keeps it: so that its decision can be computed again, and nothing else be read.

It has the call's shape. For each value stands its keyed fingerprint, for an identifier `fp:FINGERPRINT`; for
a reference that is nobody's, and for what nobody granted, `unknown:`. Keys of the call, ids, references on
file and words of vocabularies stand as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policy_service.model.question import CheckCall

UNKNOWN: Final = "unknown:"
"""No key has a colon, and no identifier an empty value, so that this resolves to nobody and to nothing."""
KEYED: Final = "fp:"
"""Begins a keyed fingerprint where an identifier or a text stood."""


class Age(StrEnum):
    """All that a decision needs of a birth date, and so all that is kept of it."""

    UNKNOWN = ""
    ADULT = "adult"
    MINOR = "minor"
    COMES_OF_AGE = "comes_of_age"
    """With the next day, and within the time for which a permit holds, which it ends."""


@dataclass(frozen=True, slots=True)
class KeptBirth:
    """Of a described person, for her birth date: her age, and the fingerprint of it with her name."""

    age: Age = Age.UNKNOWN
    with_name: str = ""


@dataclass(frozen=True, slots=True)
class KeptCall:
    """`call` as kept, its birth dates left out; `births` has one for each described person, in their order,
    or none at all where no birth date was described.
    """

    call: CheckCall
    births: tuple[KeptBirth, ...] = ()
