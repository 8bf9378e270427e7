"""The shipped catalogue, and what a set declares beside it: the courses that a user has passed, and by what
right people live where a record says.
"""

from __future__ import annotations

from typing import Final

from policy_service.engine import CATALOGUE
from policy_service.engine.declared import parse_attribute

TRAINING: Final = """\
name: training
of: user
type: strings
sentence: The courses that a member of staff has passed.
example: [domestic_abuse_basics]
"""
TENURE: Final = """\
name: tenure
of: record
type: string
sentence: By what right the residents live there.
example: licence
values: [licence, tenancy]
"""
EXTENDED: Final = CATALOGUE.extended(parse_attribute(text, name="a.yaml") for text in (TRAINING, TENURE))
