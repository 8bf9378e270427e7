"""The shipped catalogue, and what a set declares beside it: the courses that a user has passed."""

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
EXTENDED: Final = CATALOGUE.extended([parse_attribute(TRAINING, name="attributes/training.yaml")])
