"""Catalogues of messages as privacy officers write them: YAML files named by their language, strictly read.

`policies/messages/README.md` says what is in one. What ships is `messages/en.yaml`; an organisation adds its
texts in a folder of its own below, as in `messages/own/en.yaml`, and edits nothing that ships. The files of
one language are one catalogue, in which nothing stands twice. Every refusal names file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from policy_service.engine.combine import NO_BASIS
from policy_service.engine.documents import PolicyDocument
from policy_service.engine.errors import PolicyDocumentError
from policy_service.engine.faults import Faults
from policy_service.engine.places import Place
from policy_service.engine.strict_yaml import Path, read
from policy_service.model.decision import NOT_AVAILABLE, OBLIGATION_UNSUPPORTED, USER_REQUIRED, StaffText
from policy_service.model.obligation import ObligationKind
from policy_service.model.set_files import MESSAGES
from policy_service.model.spelling import perhaps
from policy_service.model.vocabulary import Effect
from policy_service.service.messages import EMPTY, FALLBACK, Catalogue, Messages

"""Of a set's files, those below it are catalogues."""

OF_THE_SERVICE: Final = (NOT_AVAILABLE, USER_REQUIRED, OBLIGATION_UNSUPPORTED, NO_BASIS.reason)
"""Reasons that no policy gives."""

MAX_TEXT: Final = 400
"""Characters of one text."""

MOST_PROBLEMS: Final = 1_000
"""Once so many are found, no further file is looked at."""

_FILE = re.compile(r"([a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4})\.yaml")
_CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_KINDS: Final = tuple(str(kind) for kind in ObligationKind)
_SECTIONS: Final = ("reasons", "obligations", "prompts")
_JOINERS: Final = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
"""Not printable by Unicode, but part of the spelling of several languages."""


def parse_messages(files: Iterable[tuple[str, str]], *, part: bool = False) -> Messages:
    """Read the catalogues of a set, each (file name, text).

    Raises `PolicyDocumentError` with all that is wrong, of all files. No file at all is no fault: a set from
    before there were messages has none. `part`: these are some of a set's files, so that nothing is missed.
    """
    problems = _Problems()
    languages = _languages(files, problems)
    catalogues: dict[str, Catalogue] = {}
    if (fallback := languages.get(FALLBACK)) is not None:
        with problems.noted():
            catalogues[FALLBACK] = _merged(fallback, translated=None)
            if not part:
                _check_fallback(fallback[0], catalogues[FALLBACK])
    elif languages and not part:
        first, *_ = next(iter(languages.values()))
        with problems.noted():
            raise first.top.fault(f"`{FALLBACK}.yaml`, for what this language lacks, is not there")
    for tag, sources in languages.items():
        if tag != FALLBACK:
            with problems.noted():
                catalogues[tag] = _merged(sources, translated=None if part else catalogues.get(FALLBACK))
    problems.settle()
    return Messages(catalogues)


def is_part(names: Iterable[str]) -> bool:
    """Whether files of these names are some of a set's alone: `messages/en.yaml` is not among them."""
    return not any(
        folders[-1:] == [MESSAGES] or MESSAGES not in folders
        for *folders, file in (name.split("/") for name in names)
        if file == f"{FALLBACK}.yaml"
    )


def check_complete(files: Iterable[tuple[str, str]], documents: Iterable[PolicyDocument]) -> None:
    """Refuse a set in which a deny or an obligation has no text; raises `PolicyDocumentError`.

    A permit gives its reason to nobody. The reason of a deny that nobody is told needs a text all the same:
    whom a policy tells is one word in its document. `files` are such as `parse_messages` accepts.
    """
    problems = _Problems()
    fallback = _languages(files, problems).get(FALLBACK)
    if fallback is None:
        name = f"{MESSAGES}/{FALLBACK}.yaml"
        raise PolicyDocumentError(name, 1, "the file is missing: a set has a text for each reason")
    known = _merged(fallback, translated=None)
    for section, code, why in _needed(documents):
        if code not in getattr(known, section):
            problems.note(fallback[0].at(section).fault(f"no text for `{code}`, {why}"))
    problems.settle()


def _languages(files: Iterable[tuple[str, str]], problems: _Problems) -> dict[str, list[_Source]]:
    """Read each file; give those of each language, that of `messages` itself before those below."""
    found: dict[tuple[str, str], _Source] = {}
    for name, text in files:
        with problems.noted():
            source = _Source(name, text)
            if (source.folder, source.tag) in found:
                raise source.top.fault(
                    "this language has another file in this folder: names that differ in case are one"
                )
            found[source.folder, source.tag] = source
    languages: dict[str, list[_Source]] = {}
    for source in sorted(found.values(), key=lambda source: source.folder.count("/")):
        languages.setdefault(source.tag, []).append(source)
    return languages


def _merged(sources: Iterable[_Source], *, translated: Catalogue | None) -> Catalogue:
    """Make one catalogue of one language's files; an entry that stands twice is refused with both places."""
    problems = _Problems()
    whole = EMPTY
    first: dict[Path, Place] = {}
    for source in sources:
        faults = Faults()
        with problems.noted():
            with faults.noted():
                whole = source.catalogue(translated=translated).over(whole)
            for place in source.entries():
                before = first.setdefault(place.path, place)
                if before is not place:
                    at = f"{before.source.name}:{before.source.line(before.path)}"
                    faults.note(place.fault(f"this stands in {at} as well: keep one of the two"))
            faults.settle()
    problems.settle()
    return whole


def _needed(documents: Iterable[PolicyDocument]) -> Iterator[tuple[str, str, str]]:
    """Give the section and the code of each text that `documents` need, each once, and who needs it."""
    found: dict[tuple[str, str], str] = {}
    for document in documents:
        if document.owes is not None:
            found.setdefault(("obligations", document.owes.kind), f"which the policy `{document.uid}` owes")
            for name, word in document.owes.texts:
                if name == "prompt":
                    found.setdefault(("prompts", word), f"the prompt of the policy `{document.uid}`")
        elif document.tier is not None and document.tier.effect is Effect.DENY:
            found.setdefault(("reasons", document.reason), f"the reason of the policy `{document.uid}`")
    for (section, code), why in found.items():
        yield section, code, why


def _check_fallback(source: _Source, catalogue: Catalogue) -> None:
    faults = Faults()
    if not catalogue.outsider:
        faults.note(source.top.fault("`outsider` is missing"))
    for reason in OF_THE_SERVICE:
        if reason not in catalogue.reasons:
            faults.note(source.at("reasons").fault(f"no text for `{reason}`, which the service gives"))
    faults.settle()


class _Source:
    """One file, read strictly, and where things stand in it."""

    def __init__(self, name: str, text: str) -> None:
        source = read(text, name=name, what="a catalogue of messages", first_key="outsider")
        self.top: Final = Place(source, (), source.data)
        named = _FILE.fullmatch(name.rpartition("/")[2])
        if named is None:
            raise self.top.fault("a file of messages is named by its language, as in `cy.yaml`")
        self.tag: Final = named[1].lower()
        self.folder: Final = name.rpartition("/")[0]

    def at(self, key: str) -> Place:
        """Give the place of a section, or, where it is missing, of the whole."""
        return self.top.mapping().get(key, self.top)

    def entries(self) -> Iterator[Place]:
        """Give the place of each entry, also of those that are wrong."""
        for key, place in self.top.mapping().items():
            if key == "outsider":
                yield place
            elif key in _SECTIONS and isinstance(place.value, dict):
                yield from place.mapping().values()

    def catalogue(self, *, translated: Catalogue | None) -> Catalogue:
        """Read the texts. Of what is translated (None: of the fallback itself) all codes are known."""
        faults = Faults()
        entries = self.top.keys(optional=("outsider", *_SECTIONS), faults=faults)
        known = EMPTY if translated is None else translated
        places: dict[str, dict[str, Place]] = {section: {} for section in _SECTIONS}
        for section, shape, codes in (
            ("reasons", _CODE, known.reasons.keys()),
            ("obligations", _NAME, known.obligations.keys()),
            ("prompts", _NAME, known.prompts.keys()),
        ):
            with faults.noted():
                places[section] = entries[section].mapping() if section in entries else {}
            for code, place in places[section].items():
                if not shape.fullmatch(code):
                    faults.note(place.fault("this is not the shape of a code: write it as the policies do"))
                elif section == "obligations" and code not in _KINDS:
                    faults.note(place.fault(f"no obligation `{code}`{perhaps(code, _KINDS)}"))
                elif translated is not None and code not in codes:
                    faults.note(place.fault(f"`{FALLBACK}.yaml` has no `{code}`{perhaps(code, codes)}"))
                with faults.noted():
                    _ = _staff_text(code, place) if section == "reasons" else _text(place)
        with faults.noted():
            outsider = _text(entries["outsider"]) if "outsider" in entries else ""
        faults.settle()
        return Catalogue(
            outsider=outsider,
            reasons=MappingProxyType({c: _staff_text(c, p) for c, p in places["reasons"].items()}),
            obligations=MappingProxyType({c: _text(p) for c, p in places["obligations"].items()}),
            prompts=MappingProxyType({c: _text(p) for c, p in places["prompts"].items()}),
        )


class _Problems:
    """What is wrong with several files, file by file."""

    def __init__(self) -> None:
        self._found: list[PolicyDocumentError] = []

    def note(self, error: PolicyDocumentError) -> None:
        """Keep what is wrong and go on; raises once there is too much of it."""
        self._found.extend(error.problems)
        if len(self._found) >= MOST_PROBLEMS:
            self.settle()

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Keep what the block raises, and go on after it."""
        try:
            yield
        except PolicyDocumentError as error:
            self.note(error)

    def settle(self) -> None:
        """Raise all that was found as one error."""
        if self._found:
            first, *others = self._found
            raise PolicyDocumentError(first.file, first.line, first.text, tuple(others)) from None


def _staff_text(reason: str, place: Place) -> StaffText:
    faults = Faults()
    entries = place.keys("staff", "next_step", faults=faults)
    texts = {"staff": "", "next_step": ""}
    for key, inner in entries.items():
        with faults.noted():
            texts[key] = _text(inner)
    faults.settle()
    return StaffText(reason, texts["staff"], texts["next_step"])


def _text(place: Place) -> str:
    text = place.text()
    if not text.strip() or text != text.strip():
        raise place.fault("write a sentence, without blanks or empty lines round it; `>-` folds long ones")
    if len(text) > MAX_TEXT:
        raise place.fault(f"the text has {len(text)} characters, and may have {MAX_TEXT}")
    if not all(character.isprintable() or character in _JOINERS for character in text):
        raise place.fault("the text holds a line break or another control character; `>-` folds lines")
    if "{" in text or "}" in text:
        raise place.fault("a text has no placeholders: nothing of a call or of a person goes into it")
    return text
