"""`python -m tests.fuzz.documents [SECONDS]`: hostile texts as policy documents, for ten minutes by default.

Whatever the text is, it is a document or is refused with a message of one line that names the file; what is a
document compiles, answers any attributes, and answers a second time what it answered first; lint says of it
what it says in a line. The same text is read as a file of cases. Nothing else may be raised, and nothing may
hang. The shipped policies and their cases are what it begins with.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["policy_service.engine", "yaml"]):
    from policy_service.engine import (
        CATALOGUE,
        PolicyDocument,
        PolicyDocumentError,
        PolicySetError,
        compile_set,
        parse_document,
    )
    from policy_service.engine.cases import parse_cases
    from policy_service.engine.conditions import REFUSED, Kind
    from policy_service.engine.lint import RecordTypes, lint

from policy_service.model.vocabulary import Effect, Gate, Tier

ROOT = Path(__file__).parents[2]
SECONDS = 600
TOO_SLOW = 10
"""Seconds after which one text counts as a hang."""
LONGEST = 1_000
"""Characters of a refusal: what is said is cut at 600, and the name of the file comes before it."""
NAME = "fuzzed.yaml"

_MESSAGE = re.compile(rf"{re.escape(NAME)}:\d+: \S.*")


def check(data: bytes) -> bool:
    """Put one text through everything that a document goes through; tell whether it is one."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        parse_cases(text, name=NAME, documents=_KNOWN)
    except PolicyDocumentError as refused:
        _check_words(refused)
    try:
        document = parse_document(text, name=NAME)
    except PolicyDocumentError as refused:
        _check_words(refused)
        return False
    _use(document)
    return True


def _check_words(refused: PolicyDocumentError) -> None:
    for problem in refused.problems:
        message = problem.message
        if not _MESSAGE.fullmatch(message) or len(message) > LONGEST or not message.isprintable():
            raise AssertionError(f"a refusal that says little: {message!r}") from None


def _use(document: PolicyDocument) -> None:
    try:
        compile_set([document, document])
    except PolicySetError:
        pass
    else:
        raise AssertionError("a set took one policy twice")
    for warned in lint([(NAME, document)], record_types=RecordTypes(frozenset(), frozenset())):
        assert warned.text.isprintable()
        assert len(warned.text) < LONGEST
    plan = compile_set([document])
    for attributes in ({}, _TYPED, *_ILL_TYPED):
        for denies_only in (False, True):
            outcome = plan.decide(document.gate, attributes, denies_only=denies_only)
            assert outcome == plan.decide(document.gate, attributes, denies_only=denies_only)
            assert outcome == plan.explain(document.gate, attributes, denies_only=denies_only).outcome
        for effect in Effect:
            owed = plan.owed(document.gate, effect, attributes)
            assert owed == plan.owed(document.gate, effect, attributes)


_EXAMPLES: dict[str, Any] = {"string": "a", "strings": ("a",), "boolean": True, "number": 7}
_TYPED = {attribute.path: _EXAMPLES[attribute.type] for attribute in CATALOGUE}
_ILL_TYPED: list[dict[str, Any]] = [
    dict.fromkeys(_TYPED, value) for value in (None, 1.5, True, "\udcff", ("a", 1), ["a"], float("nan"))
]


def _seeds() -> Iterator[bytes]:
    for file in sorted((ROOT / "policies").rglob("*.yaml")):
        yield file.read_bytes()


def _documents() -> Iterator[PolicyDocument]:
    for seed in _seeds():
        try:
            yield parse_document(seed.decode(), name=NAME)
        except PolicyDocumentError:
            continue  # a base type, messages, or cases


_KNOWN = {document.uid: document for document in _documents()}


def _words() -> Iterator[str]:
    """What documents are made of, so that the fuzzer need not find it letter by letter."""
    yield from Kind
    yield from REFUSED
    yield from Gate
    yield from (tier.label for tier in Tier)
    for attribute in CATALOGUE:
        ace, _, rest = attribute.path.partition(".")
        yield from (ace, f"$.{rest}", *sorted(attribute.values)[:5])
    yield from ("uid", "title", "gate", "tier", "reason", "tell", "owner", "policy", "targets", "rules")
    yield from ("condition", "value", "values", "case_insensitive", "ace", "path", "kind", "obligation")
    yield from ("cases", "given", "expect", "but", "effect", "owed", "policies", *_KNOWN)
    yield from ("owes", "parameters", "on", "subject_id", "resource_id", "action_id", "&a", "*a", "!!", "<<")


def _fuzz(data: bytes) -> None:
    check(data)


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory(prefix="policy-service-fuzz-") as scratch:
        corpus, words = Path(scratch) / "corpus", Path(scratch) / "words"
        corpus.mkdir()
        seeds = list(_seeds())
        for number, seed in enumerate(seeds):
            (corpus / f"{number:03}").write_bytes(seed)
        taken = sum(check(seed) for seed in seeds)
        assert taken > len(seeds) / 2, "a fuzzer that begins with no document finds none"
        print(f"beginning with {len(seeds)} files, of which {taken} are documents; {seconds} s", flush=True)
        words.write_text("".join(f"{json.dumps(str(word))}\n" for word in dict.fromkeys(_words()) if word))
        arguments = (
            f"-max_total_time={seconds}",
            f"-timeout={TOO_SLOW}",
            "-max_len=70000",
            "-rss_limit_mb=2048",
            f"-dict={words}",
            f"-artifact_prefix={ROOT / 'build'}/",
            "-print_final_stats=1",
            str(corpus),
        )
        atheris.Setup([sys.argv[0], *arguments], _fuzz)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
