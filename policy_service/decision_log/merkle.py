"""The Merkle tree of RFC 6962, section 2.1, as arithmetic: no store, no clock.

A writer keeps only the right edge of its tree: the roots of the perfect subtrees that the size falls apart
into, one for each 1 bit of the size, the largest first. From them follow the root and the next edge; it is 32
bytes per bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32

EMPTY_ROOT = sha256(b"").digest()
"""2.1: the hash of an empty list is the hash of an empty string."""


def leaf_hash(data: bytes) -> bytes:
    """2.1: MTH({d0}) = SHA-256(0x00 || d0)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """2.1: MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])), k the largest power of two below n."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class RightEdge:
    """The compact range [0, size): `hashes` are its perfect subtrees from left to right."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError("a right edge has one hash for each 1 bit of its size")

    def extended(self, leaves: Iterable[bytes]) -> RightEdge:
        """The edge after these leaf hashes, in their order."""
        size = self.size
        hashes = list(self.hashes)
        for leaf in leaves:
            # Each trailing 1 bit of the size is a perfect subtree that the new one completes to one twice as
            # large.
            carried, completed = size, leaf
            while carried & 1:
                completed = node_hash(hashes.pop(), completed)
                carried >>= 1
            hashes.append(completed)
            size += 1
        return RightEdge(size, tuple(hashes))

    def root(self) -> bytes:
        """2.1: the tree's hash. The left part of each split is perfect, so it is folded from the right."""
        if not self.hashes:
            return EMPTY_ROOT
        *left, root = self.hashes
        for subtree in reversed(left):
            root = node_hash(subtree, root)
        return root

    def encode(self) -> bytes:
        """The hashes end to end, as the store keeps them beside the size; at most 64 × 32 bytes."""
        return b"".join(self.hashes)

    @classmethod
    def decode(cls, size: int, encoded: bytes) -> RightEdge:
        """The opposite of `encode`; `ValueError` if these bytes are not the edge of a tree of this size."""
        if size < 0 or len(encoded) != size.bit_count() * HASH_BYTES:
            raise ValueError("these bytes are not the right edge of a tree of this size")
        return cls(size, tuple(encoded[at : at + HASH_BYTES] for at in range(0, len(encoded), HASH_BYTES)))
