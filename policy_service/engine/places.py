"""Where a value of a document stands, so that every refusal names the file, the line and the path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from policy_service.engine.errors import PolicyDocumentError
from policy_service.engine.faults import Faults
from policy_service.engine.strict_yaml import Path, Plain, Source
from policy_service.model.spelling import nearest, perhaps, spelt

NOTHING_BELOW: Final = "nothing stands below it"


@dataclass(frozen=True, slots=True)
class Place:
    """A value, and where it stands. Asking for a shape that it has not raises PolicyDocumentError."""

    source: Source
    path: Path
    value: Plain

    def fault(self, text: str) -> PolicyDocumentError:
        """Make the error for what is wrong here."""
        where = spell_path(self.path)
        text = f"{where}: {text}" if where else text
        return PolicyDocumentError(self.source.name, self.source.line(self.path), text)

    def inner(self, key: str | int, value: Plain) -> Place:
        """Give the place of a value inside this one."""
        return Place(self.source, (*self.path, key), value)

    def mapping(self) -> dict[str, Place]:
        """Give the entries of a mapping whose keys are free."""
        if self.value is None:
            raise self.fault(f"{NOTHING_BELOW}: write `key: value` there, indented further than this line")
        if not isinstance(self.value, dict):
            raise self.fault("write a mapping: `key: value`, each on a line of its own")
        return {key: self.inner(key, value) for key, value in self.value.items()}

    def without(self, *keys: str) -> Place:
        """Give this mapping as if it did not have `keys`."""
        return replace(self, value={key: one.value for key, one in self.mapping().items() if key not in keys})

    def keys(
        self,
        *required: str,
        optional: Iterable[str] = (),
        faults: Faults | None = None,
        write: Mapping[str, str] | None = None,
    ) -> dict[str, Place]:
        """Give the entries of a mapping with all required keys, and no others but the optional ones.

        With `faults`, what is wrong with the keys is noted there, and the entries that are known are given.
        `write` says what belongs at a key, for whoever left it out.
        """
        found = Faults() if faults is None else faults
        known = (*required, *optional)
        if self.value is None:
            raise self.fault(f"{NOTHING_BELOW}: write {spelt(known)} there, indented further than this line")
        entries = self.mapping()
        misspelt: set[str | None] = set()
        for key in [key for key in entries if key not in known]:
            found.note(entries.pop(key).fault(f"no such key{perhaps(key, known)}; known are {spelt(known)}"))
            misspelt.add(nearest(key, known))
        for key in required:
            if key not in entries and key not in misspelt:
                what = (write or {}).get(key)
                found.note(self.fault(f"`{key}` is missing" + (f": write {what}" if what else "")))
        if faults is None:
            found.settle()
        return entries

    def members(self) -> list[Place]:
        """Give the members of a list that is not empty."""
        if not isinstance(self.value, list):
            raise self.fault("write a list, as in `[this, that]`")
        if not self.value:
            raise self.fault("the list is empty: write at least one member")
        return [self.inner(index, value) for index, value in enumerate(self.value)]

    def text(self) -> str:
        """Give a text."""
        if not isinstance(self.value, str):
            raise self.fault("write a text, perhaps in quotes")
        return self.value


def spell_path(path: Path) -> str:
    """Spell a path as a reader would find it: `policy.rules.context["$.recipient.adverse"].values[2]`."""
    spelling = ""
    for part in path:
        if isinstance(part, int):
            spelling += f"[{part}]"
        elif part.isidentifier():
            spelling += f".{part}" if spelling else part
        else:
            spelling += f'["{part}"]'
    return spelling
