"""The messages of a policy set: what staff are told about a reason, and what anybody else is.

There is one catalogue for each language (`message_files` reads them). `en` has a text for everything; another
language may lack some, which fall back entry by entry, as in RFC 4647 3.4: `cy-GB`, `cy`, `en`. A text holds
nothing of a call: the same reason is told in the same words whatever it hides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from policy_service.model.decision import StaffText

FALLBACK: Final = "en"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language."""

    outsider: str
    reasons: Mapping[str, StaffText]
    obligations: Mapping[str, str]
    prompts: Mapping[str, str]

    def over(self, fallback: Catalogue) -> Catalogue:
        """Give these texts, and those of `fallback` where there is none."""
        return Catalogue(
            outsider=self.outsider or fallback.outsider,
            reasons=MappingProxyType({**fallback.reasons, **self.reasons}),
            obligations=MappingProxyType({**fallback.obligations, **self.obligations}),
            prompts=MappingProxyType({**fallback.prompts, **self.prompts}),
        )


EMPTY: Final = Catalogue("", MappingProxyType({}), MappingProxyType({}), MappingProxyType({}))


class Messages:
    """The catalogues of a set, each with what it falls back to. Immutable; every answer is a pure function
    of what is asked.
    """

    __slots__ = ("_by_language",)

    def __init__(self, by_language: Mapping[str, Catalogue]) -> None:
        """`by_language`: as written, by lower-case language tag. Without `en` (an old set) there is none."""
        whole: dict[str, Catalogue] = {FALLBACK: by_language.get(FALLBACK, EMPTY)}
        for tag in sorted(by_language, key=len):  # a language before its variants
            if tag != FALLBACK:
                whole[tag] = by_language[tag].over(_nearest(whole, tag))
        self._by_language: Final = MappingProxyType(whole)

    def texts(self, reasons: Iterable[str], language: str) -> tuple[StaffText, ...]:
        """Give the text of each of `reasons` once, in their order; the empty reason has none.

        `language` is a BCP 47 tag; whatever it is, the texts are there, in `en` at last.
        """
        known = _nearest(self._by_language, language.lower()).reasons
        return tuple(known[reason] for reason in dict.fromkeys(reasons) if reason in known)

    def outsider(self, language: str) -> str:
        """Give what anybody else may be told, the same for every answer."""
        return _nearest(self._by_language, language.lower()).outsider

    def obligation(self, kind: str, language: str, *, prompt: str = "") -> str:
        """Say what to do where `kind` is owed, and, for `human_review`, what to look at; empty for a kind
        that has no text.
        """
        known = _nearest(self._by_language, language.lower())
        told = (known.obligations.get(kind, ""), known.prompts.get(prompt, ""))
        return " ".join(text for text in told if text)


def _nearest(by_language: Mapping[str, Catalogue], tag: str) -> Catalogue:
    """Look a lower-case tag up as RFC 4647 3.4 does, by cutting it short from its end."""
    while tag:
        if (found := by_language.get(tag)) is not None:
            return found
        tag = tag.rpartition("-")[0]
    return by_language[FALLBACK]
