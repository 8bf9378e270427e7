"""A message that a person wrote: what is wrong is told by its place, and never by what stands there."""

from __future__ import annotations

from typing import Any

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.cli.messages import NoMessageError, message_of

HERS = "31 Secret Street"
POINT = "description.contact_points[0]"


def with_point(**point: Any) -> dict[str, Any]:
    return {"description": {"contact_points": [point]}}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no list": (with_point(owners=HERS), f"`{POINT}.owners` must be a list, even of one"),
    "a mapping for a list": (
        {"description": {"people": {HERS: 1}}},
        "`description.people` must be a list, even of one",
    ),
    "a text for a mapping": ({"description": HERS}, "`description` must be a mapping"),
    "a text in a list": ({"description": {"contact_points": [HERS]}}, f"`{POINT}` must be a mapping"),
    "nothing in a list": ({"recipients": [None]}, "`recipients[0]` must be a mapping"),
    "no boolean": (with_point(home=HERS), f"`{POINT}.home` must be true or false, without quotes"),
    "a number for a text": (with_point(value=31), f"`{POINT}.value` must be a text; a number needs quotes"),
    "a list for a text": (with_point(value=[HERS]), f"`{POINT}.value` must be a text; a number needs quotes"),
    "no word": ({"verb": HERS}, "`verb` must be one of VERB_SEE, VERB_SEND"),
    "a list for a word": ({"verb": [HERS]}, "`verb` must be one of VERB_SEE, VERB_SEND"),
    "no number": ({"user_assurance": HERS}, "`user_assurance` must be a whole number"),
    "half a number": ({"user_assurance": 1.5}, "`user_assurance` must be a whole number"),
    "too large": ({"user_assurance": 2**40}, "`user_assurance` must be a whole number"),
    "no base64": ({"artefact_digest": HERS}, "`artefact_digest` must be bytes in base64"),
    "half of base64": ({"artefact_digest": "a"}, "`artefact_digest` must be bytes in base64"),
    "half a character": (with_point(value="\ud800"), f"`{POINT}.value` cannot be read"),
    "twice": (
        {"contactPoint": HERS, "contact_point": HERS},
        "`contact_point` stands twice, once by its other name",
    ),
    "a key": (with_point(owner=[HERS]), f"`{POINT}` has no key `owner`"),
    "a value for a key": (with_point(**{HERS: True}), f"`{POINT}` has a key that is none"),
    "a key at the top": ({"recrd": HERS}, "the top has no key `recrd`"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_by_its_place(name: str) -> None:
    found, told = WRONG[name]
    with pytest.raises(NoMessageError) as error:
        message_of(found, pb.CheckRequest())
    assert error.value.why == told
    assert HERS not in str(error.value) + error.value.keys


def test_an_unknown_key_is_told_with_those_that_are_known() -> None:
    with pytest.raises(NoMessageError) as error:
        message_of(with_point(owner=[]), pb.CheckRequest())
    assert error.value.keys.startswith(f"the keys of `{POINT}` are key, kind, value, owners, ")


def test_either_name_of_a_field_is_read_and_null_is_nothing() -> None:
    found = {"contactPoint": "CP", "verb": "VERB_SEND", "user_assurance": "2", "user": None}
    expected = pb.CheckRequest(contact_point="CP", verb=pb.VERB_SEND, user_assurance=2)
    assert message_of(found, pb.CheckRequest()) == expected
