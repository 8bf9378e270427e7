"""`python -m tests.fuzz.documents [SECONDS]`: hostile texts as policy documents, and as declarations of the
attributes that they name; for ten minutes by default.

Whatever the text is, it is a document or is refused with a message of one line that names the file; what is a
document compiles, answers any attributes, and answers a second time what it answered first; lint says of it
what it says in a line. The same text is read as a file of cases, and as the declaration of an attribute: what
is one may be missing, and is named by policies of the tiers that a caller's word may move, and of no others.
A text with seams is declarations, and a document that may name what they declare. Nothing else may be raised,
and nothing may hang. It begins with the shipped policies, their cases, and a set that declares attributes.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import atheris

with atheris.instrument_imports(include=["policy_service.engine", "yaml"]):
    from policy_service.engine import (
        CATALOGUE,
        Attribute,
        AttributeType,
        Catalogue,
        PolicyDocument,
        PolicyDocumentError,
        PolicySetError,
        compile_set,
        parse_document,
    )
    from policy_service.engine.cases import parse_cases
    from policy_service.engine.conditions import REFUSED, Kind
    from policy_service.engine.declared import Owner, check_set, holds, parse_attribute, path_of
    from policy_service.engine.evaluate import fits, is_typed
    from policy_service.engine.lint import RecordTypes, lint
    from policy_service.engine.tiers import MAY_REST_ON_WHAT_IS_SAID

from policy_service.model.vocabulary import Effect, Gate, Tier

ROOT = Path(__file__).parents[2]
OWN = ROOT / "tests" / "decisions" / "own" / "policies"
SEAM = "\n# --- and\n"
"""Between declarations, and before the document that may name what they declare."""
SECONDS = 600
TOO_SLOW = 10
"""Seconds after which one text counts as a hang."""
LONGEST = 1_000
"""Characters of a refusal: what is said is cut at 600, and the name of the file comes before it."""
NAME = "fuzzed.yaml"

_MESSAGE = re.compile(rf"{re.escape(NAME)}:\d+: \S.*")


def check(data: bytes) -> bool:
    """Put one text through everything that a document goes through; tell whether it is one."""
    *before, text = data.decode("utf-8", "surrogateescape").split(SEAM)
    catalogue = _declared_by(before) if before else _OWN
    if (declared := _declaration(text)) is not None:
        _use_declaration(declared)
    try:
        parse_cases(text, name=NAME, documents=_KNOWN, catalogue=_OWN)
    except PolicyDocumentError as refused:
        _check_words(refused)
    try:
        document = parse_document(text, name=NAME, catalogue=catalogue)
    except PolicyDocumentError as refused:
        _check_words(refused)
        return False
    _use(document, catalogue)
    return True


def _declared_by(texts: list[str]) -> Catalogue:
    try:
        return CATALOGUE.extended(check_set(each for text in texts if (each := _declaration(text))))
    except PolicySetError:
        return CATALOGUE


def _declaration(text: str) -> Attribute | None:
    """What the text declares; None where it is no declaration."""
    try:
        attribute = parse_attribute(text, name=NAME)
    except PolicyDocumentError as refused:
        _check_words(refused)
        return None
    assert attribute.declared
    assert not attribute.total
    assert attribute.path.startswith(tuple(_ACES))
    return attribute


def _use_declaration(attribute: Attribute) -> None:
    try:
        check_set([attribute, attribute])
    except PolicySetError:
        pass
    else:
        raise AssertionError("a set took one declaration twice")
    for value in _VALUES:
        assert not holds(attribute, value) or is_typed(value, attribute.type)
    catalogue = CATALOGUE.extended([attribute])
    for tier in Tier:
        _name(attribute, tier, catalogue)


def _name(attribute: Attribute, tier: Tier, catalogue: Catalogue) -> None:
    """Let a policy of a tier name it."""
    prefix = next(prefix for prefix in _ACES if attribute.path.startswith(prefix))
    rule = f"$.attributes.{attribute.path.removeprefix(prefix)}: {{condition: {_CONDITIONS[attribute.type]}}}"
    text = _NAMING.format(tier=tier.label, ace=_ACES[prefix], rule=rule)
    try:
        document = parse_document(text, name=NAME, catalogue=catalogue)
    except PolicyDocumentError as refused:
        _check_words(refused)
        if tier in MAY_REST_ON_WHAT_IS_SAID:
            raise
        return
    assert tier in MAY_REST_ON_WHAT_IS_SAID
    plan = compile_set([document], catalogue)
    fitting = fits(attribute)
    right = {attribute.path: _example(attribute)}
    assert fitting(right[attribute.path])
    assert plan.decide(Gate.DISCLOSURE, right, denies_only=False).effect is tier.effect
    for wrong in ({}, *({attribute.path: value} for value in _VALUES)):
        if not fitting(wrong.get(attribute.path)):
            assert plan.decide(Gate.DISCLOSURE, wrong, denies_only=False).effect is Effect.DENY


def _example(attribute: Attribute) -> Any:
    """A value that it can have."""
    if not attribute.values:
        return _EXAMPLES[attribute.type]
    one = min(attribute.values)
    return one if attribute.type is AttributeType.STRING else (one,)


def _check_words(refused: PolicyDocumentError) -> None:
    for problem in refused.problems:
        message = problem.message
        if not _MESSAGE.fullmatch(message) or len(message) > LONGEST or not message.isprintable():
            raise AssertionError(f"a refusal that says little: {message!r}") from None


def _use(document: PolicyDocument, catalogue: Catalogue) -> None:
    try:
        compile_set([document, document], catalogue)
    except PolicySetError:
        pass
    else:
        raise AssertionError("a set took one policy twice")
    nobodys = RecordTypes(frozenset(), frozenset())
    for warned in lint([(NAME, document)], record_types=nobodys, catalogue=catalogue):
        assert warned.text.isprintable()
        assert len(warned.text) < LONGEST
    plan = compile_set([document], catalogue)
    typed = {attribute.path: _EXAMPLES[attribute.type] for attribute in catalogue}
    for attributes in ({}, typed, *(dict.fromkeys(typed, value) for value in _VALUES)):
        for denies_only in (False, True):
            outcome = plan.decide(document.gate, attributes, denies_only=denies_only)
            assert outcome == plan.decide(document.gate, attributes, denies_only=denies_only)
            assert outcome == plan.explain(document.gate, attributes, denies_only=denies_only).outcome
        for effect in Effect:
            owed = plan.owed(document.gate, effect, attributes)
            assert owed == plan.owed(document.gate, effect, attributes)


_EXAMPLES: Final[dict[str, Any]] = {"string": "a", "strings": ("a",), "boolean": True, "number": 7}
_VALUES: Final[tuple[Any, ...]] = (None, 1.5, True, "\udcff", ("a", 1), ["a"], float("nan"))
"""Ill-typed, to most attributes at least."""
_ACES: Final = {path_of(owner, ""): ace for owner, ace in zip(Owner, ("subject", "resource"), strict=True)}
_CONDITIONS: Final = {
    AttributeType.STRING: 'RegexMatch, value: "."',
    AttributeType.STRINGS: "IsNotEmpty",
    AttributeType.BOOLEAN: "Eq, value: true",
    AttributeType.NUMBER: "Gt, value: 3",
}
_NAMING: Final = """\
uid: own.naming
title: A policy that names it
gate: disclosure
tier: {tier}
reason: NAMED
owner: nobody
policy: {{rules: {{{ace}: {{{rule}}}}}}}
"""


def _seeds() -> Iterator[bytes]:
    for folder in (ROOT / "policies", OWN):
        for file in sorted(folder.rglob("*.yaml")):
            yield file.read_bytes()
    for file in sorted(OWN.glob("*/*/*.yaml")):
        yield SEAM.join((*_declarations(), file.read_text("utf-8"))).encode()


def _declarations() -> list[str]:
    return [file.read_text("utf-8") for file in sorted((OWN / "attributes").iterdir())]


_OWN: Final = CATALOGUE.extended(check_set(parse_attribute(text, name=NAME) for text in _declarations()))


def _documents() -> Iterator[PolicyDocument]:
    for seed in _seeds():
        try:
            yield parse_document(seed.decode(), name=NAME, catalogue=_OWN)
        except PolicyDocumentError:
            continue  # a base type, messages, or cases


_KNOWN = {document.uid: document for document in _documents()}


def _words() -> Iterator[str]:
    """What documents are made of, so that the fuzzer need not find it letter by letter."""
    yield from Kind
    yield from REFUSED
    yield from Gate
    yield from (tier.label for tier in Tier)
    yield from AttributeType
    yield from Owner
    for attribute in _OWN:
        ace, _, rest = attribute.path.partition(".")
        yield from (ace, f"$.{rest}", *sorted(attribute.values)[:5])
    yield from ("uid", "title", "gate", "tier", "reason", "tell", "owner", "policy", "targets", "rules")
    yield from ("condition", "value", "values", "case_insensitive", "ace", "path", "kind", "obligation")
    yield from ("name", "of", "type", "sentence", "example", "attributes", SEAM, "$.attributes.a")
    yield from ("cases", "given", "expect", "but", "effect", "owed", "policies", *_KNOWN)
    yield from ("owes", "parameters", "on", "subject_id", "resource_id", "action_id", "&a", "*a", "!!", "<<")


def _quoted(word: str) -> str:
    """As libFuzzer reads it, which knows no `\\n`."""
    return json.dumps(str(word)).replace("\\n", "\\x0a")


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
        words.write_text("".join(f"{_quoted(word)}\n" for word in dict.fromkeys(_words()) if word))
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
