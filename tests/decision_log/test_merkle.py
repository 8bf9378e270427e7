"""Promise 5, evidence: the tree is that of RFC 6962, by its definition and by known roots."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.decision_log.merkle import EMPTY_ROOT, RightEdge, leaf_hash, node_hash

# Leaves, and the roots of the trees of size 1 to 8, from the test data of Certificate Transparency.
KNOWN_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
KNOWN_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1, word for word: the oracle."""
    n = len(leaves)
    if n == 0:
        return sha256(b"").digest()
    if n == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < n:
        k *= 2
    return sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def edge_of(leaves: list[bytes]) -> RightEdge:
    return RightEdge().extended(leaf_hash(leaf) for leaf in leaves)


@pytest.mark.parametrize("size", range(1, 9))
def test_promise_5_the_known_roots_of_rfc_6962_implementations(size: int) -> None:
    assert edge_of(KNOWN_LEAVES[:size]).root().hex() == KNOWN_ROOTS[size - 1]


def test_promise_5_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert RightEdge().root() == EMPTY_ROOT == tree_hash([])
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_promise_5_a_leaf_is_never_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@given(st.lists(st.binary(max_size=8), max_size=200))
def test_promise_5_the_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert edge_of(leaves).root() == tree_hash(leaves)


@given(st.lists(st.binary(max_size=8), max_size=100), st.lists(st.integers(0, 9), max_size=30))
def test_promise_5_the_groups_do_not_show_in_the_tree(leaves: list[bytes], groups: list[int]) -> None:
    edge, rest = RightEdge(), leaves
    for size in groups:
        group, rest = rest[:size], rest[size:]
        # As a writer that is opened again for each group.
        edge = RightEdge.decode(edge.size, edge.encode()).extended(leaf_hash(leaf) for leaf in group)
    assert edge.extended(leaf_hash(leaf) for leaf in rest) == edge_of(leaves)


@given(st.lists(st.binary(max_size=8), max_size=300))
def test_the_edge_has_one_hash_for_each_1_bit_of_the_size(leaves: list[bytes]) -> None:
    edge = edge_of(leaves)
    assert len(edge.encode()) == 32 * len(leaves).bit_count()
    assert RightEdge.decode(len(leaves), edge.encode()) == edge


@pytest.mark.parametrize(
    ("size", "encoded"), [(3, b"\x00" * 32), (1, b"\x00" * 31), (0, b"\x00" * 32), (-1, b"")]
)
def test_promise_5_an_edge_of_another_size_is_refused(size: int, encoded: bytes) -> None:
    with pytest.raises(ValueError, match="not the right edge"):
        RightEdge.decode(size, encoded)
