"""A word that is not known is refused with the one that is likely meant, or with all that are known."""

from __future__ import annotations

import pytest

from policy_service.model.errors import InvalidArgumentError
from policy_service.model.vocabulary import OrganisationRole, Purpose, RequestKind
from policy_service.server.bounds import word

KINDS = ", ".join(f"`{kind}`" for kind in sorted(RequestKind))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("do_not_shar", ", perhaps `do_not_share` is meant"),
        ("Do-Not-Share", ", perhaps `do_not_share` is meant"),
        ("xyzzy", f"; known are {KINDS}"),
        ("", f"; known are {KINDS}"),
        ("do_not_share" * 10, f"; known are {KINDS}"),
    ],
)
def test_a_word_that_is_not_known(given: str, told: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        word(RequestKind, given, "request.kind")
    assert caught.value.reason == "UNKNOWN_WORD"
    assert caught.value.message == f"`request.kind` is not a word that is known here{told}"


@pytest.mark.parametrize("vocabulary", [OrganisationRole, Purpose, RequestKind])
def test_every_word_is_told_where_none_is_near(vocabulary: type[Purpose]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        word(vocabulary, "17 Acacia Avenue", "field")
    assert all(f"`{known}`" in caught.value.message for known in vocabulary)
    assert "Acacia" not in caught.value.message
