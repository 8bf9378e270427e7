"""The opaque token by which answers name the facts that they rest on.

A revision number would tell anyone who polls when somebody recorded something; the token is the number
sealed with AES-GCM (NIST SP 800-38D) under a key that is derived from the installation's key, with a random
nonce, so equal revisions look unlike.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from policy_service.model.facts import Revision
from policy_service.model.random_bytes import random_bytes

_NONCE = 12
_MOST = 128


class RevisionTokens:
    """Seals and opens tokens. `key` is the installation's key, 32 bytes."""

    def __init__(self, key: bytes) -> None:
        derived = HKDF(hashes.SHA256(), 32, None, b"policy_service facts token v1").derive(key)
        self._cipher = AESGCM(derived)

    def seal(self, revision: Revision) -> str:
        """The token of a revision: URL-safe text of 48 characters, another one each time."""
        nonce = random_bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, revision.to_bytes(8, "big"), None)
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, token: str) -> Revision | None:
        """The revision that `token` names, or None for anything that this installation did not seal."""
        if len(token) > _MOST:
            return None
        try:
            raw = base64.urlsafe_b64decode(token)
            opened = self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], None)
        except (binascii.Error, ValueError, InvalidTag):
            return None
        return Revision(int.from_bytes(opened, "big"))
