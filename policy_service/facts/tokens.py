"""API tokens: `psk_<public prefix>_<secret>`, e.g. `psk_0f3c…(16 hex digits)_9b41…(64 hex digits)`.

The prefix is the id under which the token is on file, and may be shown; of the secret only a hash is kept.
The form is one exact length of one alphabet, so a token has one spelling, secret scanners can find it, and a
stranger's bytes are refused before anything is computed or looked up.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

PREFIX_BYTES = 8
SECRET_BYTES = 32
"""256 random bits: no guessing and no dictionary, so the hash needs neither salt nor slowness."""

_FORM = re.compile(rf"psk_([0-9a-f]{{{2 * PREFIX_BYTES}}})_([0-9a-f]{{{2 * SECRET_BYTES}}})", re.ASCII)
_LENGTH = len("psk__") + 2 * PREFIX_BYTES + 2 * SECRET_BYTES


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """A token as somebody presents it: well-formed, and proved by nothing yet."""

    token_id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made. `text` is shown once, to the one who will hold it."""

    token_id: str
    secret_hash: str
    text: str = field(repr=False)


def make_token() -> NewToken:
    """A new token of 256 random bits."""
    token_id = secrets.token_hex(PREFIX_BYTES)
    secret = secrets.token_bytes(SECRET_BYTES)
    return NewToken(token_id, _hash(secret), f"psk_{token_id}_{secret.hex()}")


def parse_token(text: str) -> PresentedToken | None:
    """What is presented as a token; None for whatever cannot be one, however long it is."""
    if len(text) != _LENGTH or not (form := _FORM.fullmatch(text)):
        return None
    return PresentedToken(form[1], bytes.fromhex(form[2]))


def secret_matches(presented: PresentedToken, secret_hash: str) -> bool:
    """Tell whether the secret is the one whose hash is on file (`Token.secret_hash`), in constant time."""
    return hmac.compare_digest(_hash(presented.secret).encode(), secret_hash.encode())


def _hash(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()
