"""Characters that nobody sees, or that only some readers take for the end of a line."""

from __future__ import annotations

import pytest

from policy_service.engine import PolicyDocumentError, parse_document
from tests.engine.test_documents import POLICY


@pytest.mark.parametrize("code", [0x85, 0x200B, 0x2028, 0x2029, 0x202E, 0x2060, 0x2066, 0xFEFF])
def test_what_is_not_seen_is_refused_wherever_it_stands(code: int) -> None:
    """libyaml reads a separator as the end of a line, so that what looks like a comment is a condition."""
    hidden = chr(code)
    comment, title = f"# who may{hidden}      $.purpose: x\n", f"title: {hidden}"
    for text in (comment + POLICY, POLICY.replace("title: ", title)):
        with pytest.raises(PolicyDocumentError) as refused:
            parse_document(text, name="own.yaml")
        assert f"U+{code:04X}" in refused.value.message


def test_what_languages_are_written_with_is_not() -> None:
    """Joiners, as Urdu and Persian need them, marks of direction, and a byte order mark at the beginning."""
    parse_document("\ufeff" + POLICY.replace("title: ", "title: \u200c\u200d\u200e\u200f"), name="own.yaml")
