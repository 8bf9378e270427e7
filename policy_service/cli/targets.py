"""Reading what `check` is told: recipients, and the description of who and what is not on file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.cli.documents import read_mapping
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.messages import NoMessageError, keys_of, message_of
from policy_service.client.question import field_instance
from policy_service.model.spelling import perhaps

_SAID_OF_IT: Final = ("contact-point", "channel", "interpreter")
_OPTION: Final = re.compile(rf",(?=(?:{'|'.join(_SAID_OF_IT)})=)")
_UNKNOWN: Final = re.compile(rf",(?!(?:{'|'.join(_SAID_OF_IT)})=)([a-z][a-z-]*)=")
_PLACE: Final = ",place="
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Of a person on file: `person:ID` is how a call names her, and no key of a description."""
NONE: Final = "none"
"""A claim that nothing can be carried out this time."""
_KINDS: Final = ("party", "person", "team")


def recipient(text: str) -> pb.Recipient:
    """Read `party:KEY`, `person:REF` or `team:REF`, and after it `,contact-point=REF`, `,channel=NAME` and
    `,interpreter=REF`.
    """
    target, *options = _OPTION.split(text)
    kind, _, reference = target.partition(":")
    if kind not in _KINDS or not reference:
        raise Failure(
            f"--to `{text}` names no recipient",
            do_next="write party:KEY, person:KEY, person:SCHEME:VALUE or team:NAME, "
            "then ,contact-point=REF, ,channel=NAME and ,interpreter=REF if needed",
            code=Exit.USAGE,
        )
    for unknown in _UNKNOWN.findall(text):
        # A reference may have a comma and an equals sign of its own, as `cn=jo,ou=staff` has.
        if near := perhaps(unknown, _SAID_OF_IT):
            raise Failure(
                f"--to: nothing is called `{unknown}`{near}",
                do_next="write ,contact-point=REF, ,channel=NAME or ,interpreter=REF",
                code=Exit.USAGE,
            )
    found = pb.Recipient(**{kind: reference})
    for option in options:
        name, _, value = option.partition("=")
        said = _interpreter(value) if name == "interpreter" else value
        setattr(found, name.replace("-", "_"), said)
    return found


def _interpreter(text: str) -> str:
    """Who interprets, as the call says it; it may be written as `--to` writes a person, with `person:`."""
    kind, _, reference = text.partition(":")
    if not text or (kind in _KINDS and (kind != "person" or not reference)):
        raise Failure(
            f"--to: `interpreter={text}` names no person",
            do_next="write ,interpreter=KEY of a description, or ,interpreter=SCHEME:VALUE, or person:ID",
            code=Exit.USAGE,
        )
    return text if kind != "person" or _ID.fullmatch(reference) else reference


def field(text: str) -> pb.FieldInstance:
    """Read `NAME`, or `NAME@PARTY`, and `,place=REF` after it."""
    name, _, place = text.partition(_PLACE)
    found = field_instance(name)
    found.place = place
    return found


def claim(capabilities: Sequence[str]) -> pb.CapabilityClaim | None:
    """Give what the caller says that it can carry out; nothing said is no claim, `none` is one of nothing."""
    if not capabilities:
        return None
    if NONE in capabilities and len(capabilities) > 1:
        raise Failure(
            f"--capability {NONE} stands alone",
            do_next="name what can be carried out, or nothing else than `none`",
            code=Exit.USAGE,
        )
    return pb.CapabilityClaim(obligations=[each for each in capabilities if each != NONE])


def recipient_in_words(target: pb.Recipient) -> str:
    """Name a recipient as `--to` does, without how it is sent."""
    for kind in _KINDS:
        if reference := getattr(target, kind):
            return f"{kind}:{reference}"
    return "nobody"


def description(path: Path) -> pb.Description:
    """Read a description: the fields of the proto message Description, in YAML or JSON."""
    try:
        return message_of(read_mapping(path), pb.Description())
    except NoMessageError as error:
        keys = error.keys or keys_of(pb.Description.DESCRIPTOR)
        raise Failure(
            f"`{path}` is no description: {error.why}",
            do_next=f"{keys}; examples/questions/ holds a description",
            code=Exit.USAGE,
        ) from None


def digest(text: str) -> bytes:
    """Read a SHA-256 in hex."""
    if not text:
        return b""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise Failure(
            "--digest is no SHA-256: that has 64 hexadecimal digits",
            do_next="use what `sha256sum FILE` prints",
            code=Exit.USAGE,
        )
    return bytes.fromhex(text)
