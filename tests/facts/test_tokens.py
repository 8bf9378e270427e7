"""API tokens: random, one spelling, compared by hash, and never shown by accident."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.facts.tokens import NewToken, make_token, parse_token, secret_matches

TOKEN = make_token()


def test_a_token_proves_itself() -> None:
    presented = parse_token(TOKEN.text)
    assert presented is not None
    assert presented.token_id == TOKEN.token_id
    assert secret_matches(presented, TOKEN.secret_hash)


def test_only_the_hash_of_256_random_bits_is_kept() -> None:
    prefix, token_id, secret = TOKEN.text.split("_")
    assert (prefix, token_id) == ("psk", TOKEN.token_id)
    assert len(bytes.fromhex(secret)) == 32
    assert hashlib.sha256(bytes.fromhex(secret)).hexdigest() == TOKEN.secret_hash
    assert secret not in TOKEN.token_id + TOKEN.secret_hash


def test_tokens_differ() -> None:
    made = [make_token() for _ in range(100)]
    assert len({token.token_id for token in made}) == len({token.secret_hash for token in made}) == 100


def test_another_secret_under_the_same_prefix_proves_nothing() -> None:
    forged = parse_token(f"psk_{TOKEN.token_id}_{'0' * 64}")
    assert forged is not None
    assert not secret_matches(forged, TOKEN.secret_hash)
    assert not secret_matches(forged, "")
    assert not secret_matches(forged, "é")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "psk__",
        TOKEN.text.upper(),
        TOKEN.text[:-1],
        TOKEN.text + "0",
        TOKEN.text + "\n",
        TOKEN.text[:-1] + "g",
        TOKEN.text[:-1] + "١",
        " " + TOKEN.text[:-1],
        "Bearer " + TOKEN.text,
        TOKEN.text.replace("psk", "PSK"),
        "psk_" * 10_000_000,
    ],
    ids=range(12),
)
def test_what_cannot_be_a_token_is_none(text: str) -> None:
    assert parse_token(text) is None


@given(st.text())
def test_whatever_is_presented_is_a_token_or_none(text: str) -> None:
    assert parse_token(text) is None


def test_no_secret_is_shown_by_repr() -> None:
    secret = TOKEN.text.split("_")[2]
    presented = parse_token(TOKEN.text)
    assert presented is not None
    assert isinstance(TOKEN, NewToken)
    for shown in (repr(TOKEN), repr(presented), f"{presented}"):
        assert secret not in shown
        assert repr(bytes.fromhex(secret)) not in shown
