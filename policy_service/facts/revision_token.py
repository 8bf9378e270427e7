"""The opaque token by which answers name the facts that they rest on.

A revision number would tell anyone who polls when somebody recorded something; the token is the number and
its epoch, sealed with AES-GCM (NIST SP 800-38D) under a key that is derived from the installation's key.

The nonce of what an answer carries is random, so that equal revisions look unlike: whoever polls learns
nothing from two answers. A history tells when each of its versions was written anyway; there the nonce is
derived from what is sealed (as the synthetic IV of RFC 5297), so that a version has one token at each look.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from policy_service.facts.epochs import EPOCH_BITS, Epochs
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Revision
from policy_service.model.random_bytes import random_bytes

_NONCE = 12
_MOST = 128
_EPOCH = EPOCH_BITS // 8
_REVISION = 8


class RevisionTokens:
    """Seals and opens tokens. `key` is the installation's key, 32 bytes; `epochs` those of its store."""

    def __init__(self, key: bytes, epochs: Epochs) -> None:
        self._cipher = AESGCM(_derived(key, b"policy_service facts token v1"))
        self._nonces = _derived(key, b"policy_service facts token nonce v1")
        self._epochs = epochs

    def seal(self, revision: Revision) -> str:
        """The token of a revision: URL-safe text of 56 characters, another one each time."""
        return self._sealed(random_bytes(_NONCE), self._named(revision))

    def seal_version(self, revision: Revision) -> str:
        """The token of a version in a history: the same one each time, as long as the epoch lasts.

        Only for who is told the version's moment, too, which tells as much.
        """
        named = self._named(revision)
        return self._sealed(hmac.digest(self._nonces, named, hashlib.sha256)[:_NONCE], named)

    def open(self, token: str, field: str = "facts_token") -> Revision | None:
        """The revision that `token` names, or None for anything that this installation did not seal.

        InvalidArgumentError `FACTS_TOKEN_UNDONE` at `field`: it did, and a restore has undone that revision.
        """
        if len(token) > _MOST:
            return None
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
            named = self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], None)
        except (binascii.Error, ValueError, InvalidTag):
            return None
        epoch, revision = (
            int.from_bytes(named[:_EPOCH], "big"),
            Revision(int.from_bytes(named[_EPOCH:], "big")),
        )
        if not self._epochs.holds(epoch, revision):
            raise InvalidArgumentError(
                field,
                "FACTS_TOKEN_UNDONE",
                "the facts that this names were restored from a backup that is older: ask again",
            )
        return revision

    def _named(self, revision: Revision) -> bytes:
        return self._epochs.current.to_bytes(_EPOCH, "big") + revision.to_bytes(_REVISION, "big")

    def _sealed(self, nonce: bytes, named: bytes) -> str:
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, named, None)).decode()


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, purpose).derive(key)
