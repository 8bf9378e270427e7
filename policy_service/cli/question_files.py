"""Questions that stand in a file: one, or many, each a `CheckRequest` as the API has it, in JSON's form.

- YAML: a question, a list of them, or a question a document;
- JSON: a question, or a list of them;
- NDJSON (`.ndjson`, `.jsonl`, or standard input with an object a line): a question a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.cli.documents import STDIN, read_all, read_text, refused
from policy_service.cli.messages import NoMessageError, message_of

MOST: Final = 1_000_000
"""Questions of one file."""

_A_LINE_EACH: Final = frozenset({".ndjson", ".jsonl"})


def read_questions(path: Path) -> list[pb.CheckRequest]:
    """Read the questions of a file, or of standard input where it is `-`. Raises Failure."""
    text = read_text(path)
    questions = [_question(found, path, place) for place, found in _found(text, path)]
    if not questions:
        raise refused(path, "there is no question in it")
    if len(questions) > MOST:
        raise refused(path, f"it has more than {MOST:,} questions")
    return questions


def _found(text: str, path: Path) -> Iterator[tuple[str, Any]]:
    """What should be questions, each with where it stands."""
    if path.suffix in _A_LINE_EACH or (path == STDIN and _is_a_line_each(text)):
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield f"line {number}", _json(line, path, f"line {number}: ")
        return
    if path.suffix == ".json" or (path == STDIN and text.lstrip()[:2] in ('{"', "[{", "[\n")):
        documents = [_json(text, path, "")]
    else:
        documents = [document for document in read_all(text, path) if document is not None]
    if len(documents) == 1 and not isinstance(documents[0], list):
        yield "the question", documents[0]
        return
    several = (
        each for document in documents for each in (document if isinstance(document, list) else [document])
    )
    yield from ((f"question {number}", each) for number, each in enumerate(several, start=1))


def _is_a_line_each(text: str) -> bool:
    """Whether the first line is an object by itself, and not the last."""
    first, _, rest = text.strip().partition("\n")
    if not rest:
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _json(text: str, path: Path, place: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=each_key_once)
    except KeyTwiceError as error:
        raise refused(path, f"{place}`{error}` stands twice") from None
    except (ValueError, RecursionError):
        raise refused(path, f"{place}this is not JSON") from None


class KeyTwiceError(ValueError):
    """A key stands twice in an object; which of the two was meant?"""


def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, for `json.loads`; a key that stands twice raises KeyTwiceError with its name."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise KeyTwiceError(next(key for key in keys if keys.count(key) > 1))
    return found


def _question(found: Any, path: Path, place: str) -> pb.CheckRequest:
    if not isinstance(found, dict):
        raise refused(path, f"{place} is not a mapping: its keys are those of the message CheckRequest")
    try:
        return message_of(found, pb.CheckRequest())
    except NoMessageError as error:
        raise refused(path, f"{place} is none: {error.why}", error.keys) from None
