"""The attribute catalogue: the contract between facts, which give them, and policies, which name them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from policy_service.engine.attributes import SHIPPED, Attribute, AttributeType

__all__ = ["CATALOGUE", "Attribute", "AttributeType", "Catalogue"]


class Catalogue:
    """Every path that a policy may name. Immutable; iterates in the order of its attributes."""

    __slots__ = ("_by_path",)

    def __init__(self, attributes: Iterable[Attribute]) -> None:
        by_path: dict[str, Attribute] = {}
        for attribute in attributes:
            if attribute.path in by_path:
                raise ValueError(f"attribute `{attribute.path}` is declared twice")
            by_path[attribute.path] = attribute
        self._by_path = by_path

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self._by_path.values())

    def __len__(self) -> int:
        return len(self._by_path)

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def __getitem__(self, path: str) -> Attribute:
        return self._by_path[path]

    def get(self, path: str) -> Attribute | None:
        """Give the attribute at `path`, e.g. `context.recipient.adverse`, or None where there is none."""
        return self._by_path.get(path)

    def nearest(self, path: str) -> str | None:
        """Give the path that a writer of `path` most likely meant, or None where nothing comes close."""
        close = difflib.get_close_matches(path, self._by_path, n=1, cutoff=0.85)
        if close:
            return close[0]
        # The right name under the wrong parent is as common as a slip of the pen: `context.adverse`.
        ace, last = path.partition(".")[0], path.rpartition(".")[2]
        named = [known for known in self._by_path if known.rpartition(".")[2] == last]
        if named:
            return next((known for known in named if known.startswith(f"{ace}.recipient.")), named[0])
        # What all paths of one parent begin with says nothing of what was meant.
        rests = {known.partition(".")[2]: known for known in self._by_path if known.startswith(f"{ace}.")}
        near = difflib.get_close_matches(path.partition(".")[2], rests, n=1, cutoff=0.7)
        return rests[near[0]] if near else None

    def extended(self, attributes: Iterable[Attribute]) -> Catalogue:
        """Give a new catalogue with `attributes` (those that a policy set declares) after these."""
        return Catalogue((*self, *attributes))


CATALOGUE = Catalogue(SHIPPED)
"""The shipped catalogue."""
