"""Policy documents: one policy per YAML file, strictly parsed.

Around py-abac's own policy (`policy:`) stands what this service needs to know of it. The tier gives effect and priority, so
a document has neither. A document that parses is right: what is left for compilation is a set of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError
from pydantic_core import ErrorDetails

from policy_service.engine import abac
from policy_service.engine.catalogue import CATALOGUE, Catalogue
from policy_service.engine.conditions import Condition
from policy_service.engine.errors import PolicyDocumentError
from policy_service.engine.policy_part import ROOT, PolicyPart, perhaps, spelt
from policy_service.engine.strict_yaml import Path, Source, read
from policy_service.model.vocabulary import Effect, Gate, Tier

__all__ = [
    "DocumentKind",
    "ObligationTemplate",
    "PolicyDocument",
    "PolicyDocumentError",
    "Tell",
    "parse_document",
]


class DocumentKind(StrEnum):
    """A policy has an effect; an obligation attaches what is owed and has none."""

    POLICY = "policy"
    OBLIGATION = "obligation"


class Tell(StrEnum):
    """Whom a policy's reason may be told: staff who work on the record, or nobody."""

    STAFF = "staff"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class ObligationTemplate:
    """What an obligation policy asks for; each parameter is a name and the catalogue path that gives its value."""

    kind: str
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """One policy or obligation, checked.

    A policy has `tier` and `reason`; an obligation has `on` (the effects that it is attached to) and `owes`. `advice` marks
    an obligation that comes back as advice. `policy` is the py-abac part as written, `condition` the same as data: targets
    and rules together. `source` is the text that it was parsed from, with `\\n` line ends.
    """

    uid: str
    title: str
    kind: DocumentKind
    gate: Gate
    tier: Tier | None
    reason: str
    tell: Tell
    owner: str
    on: frozenset[Effect]
    owes: ObligationTemplate | None
    advice: bool
    policy: Mapping[str, Any] = field(hash=False)
    source: str
    condition: Condition = field(compare=False, repr=False)


_Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^\S([^\r\n]*\S)?$")]
_Uid = Annotated[str, Field(max_length=200, pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$")]
_Code = Annotated[str, Field(max_length=100, pattern=r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$")]
_Name = Annotated[str, Field(max_length=100, pattern=r"^[a-z][a-z0-9_]*$")]
_TierLabel = Literal["absolute", "court_order", "statute", "override", "request", "baseline", "basis"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Common(_Strict):
    uid: _Uid
    title: _Line
    gate: Gate
    owner: _Line
    policy: dict[str, Any]


class _Policy(_Common):
    kind: Literal["policy"] = "policy"
    tier: _TierLabel
    reason: _Code
    tell: Tell = Tell.STAFF


class _Owes(_Strict):
    kind: _Name
    parameters: dict[_Name, str] = {}


class _Obligation(_Common):
    kind: Literal["obligation"]
    on: Annotated[list[Effect], Field(min_length=1)] = [Effect.PERMIT]
    owes: _Owes
    advice: StrictBool = False


_WORDS = {
    "uid": "a uid is lower-case names joined by dots, as in `disclosure.absolute.adverse_person`",
    "title": "a title is one line",
    "owner": "an owner is one line, as in `privacy-office`",
    "reason": "a reason is a code in capitals, as in `ADVERSE_PERSON`",
    "kind": "one of `policy`, `obligation`",
    "gate": f"one of {spelt(Gate)}",
    "tier": f"one of {spelt(tier.label for tier in Tier)}",
    "tell": f"one of {spelt(Tell)}",
    "on": f"a list of {spelt(Effect)}",
    "owes": "a mapping of `kind` and perhaps `parameters`",
    "parameters": "a mapping of names to paths of the catalogue",
    "advice": "write `true` or `false`",
    "policy": "write a mapping of `rules` and perhaps `targets`",
}
_ONLY_OF_A_POLICY = frozenset({"tier", "reason", "tell"})
_ONLY_OF_AN_OBLIGATION = frozenset({"on", "owes", "advice"})


def parse_document(text: str, *, name: str, catalogue: Catalogue = CATALOGUE) -> PolicyDocument:
    """Parse one document; raises PolicyDocumentError. `name` is the file's name, for messages."""
    source = read(text, name=name)
    envelope = _envelope(source)
    canonical = "\n".join(text.splitlines()) + "\n"
    match envelope:
        case _Policy():
            return _policy(envelope, source, catalogue, canonical)
        case _Obligation():
            return _obligation(envelope, source, catalogue, canonical)


def _policy(envelope: _Policy, source: Source, catalogue: Catalogue, text: str) -> PolicyDocument:
    tier = Tier[envelope.tier.upper()]
    if envelope.gate is Gate.ANSWER:
        raise source.fault(("gate",), "the gate `answer` takes obligations only")
    part = PolicyPart(source, catalogue, envelope.gate, tier).check()
    return PolicyDocument(
        uid=envelope.uid,
        title=envelope.title,
        kind=DocumentKind.POLICY,
        gate=envelope.gate,
        tier=tier,
        reason=envelope.reason,
        tell=envelope.tell,
        owner=envelope.owner,
        on=frozenset(),
        owes=None,
        advice=False,
        policy=part,
        source=text,
        condition=_condition(source, part, envelope.uid, tier.effect, tier),
    )


def _obligation(envelope: _Obligation, source: Source, catalogue: Catalogue, text: str) -> PolicyDocument:
    checker = PolicyPart(source, catalogue, envelope.gate, None)
    part = checker.check()
    for parameter, path in envelope.owes.parameters.items():
        checker.check_parameter(path, ("owes", "parameters", parameter))
    return PolicyDocument(
        uid=envelope.uid,
        title=envelope.title,
        kind=DocumentKind.OBLIGATION,
        gate=envelope.gate,
        tier=None,
        reason="",
        tell=Tell.STAFF,
        owner=envelope.owner,
        on=frozenset(envelope.on),
        owes=ObligationTemplate(envelope.owes.kind, tuple(sorted(envelope.owes.parameters.items()))),
        advice=envelope.advice,
        policy=part,
        source=text,
        # py-abac wants an effect; an obligation has none, and none is ever read from here.
        condition=_condition(source, part, envelope.uid, Effect.DENY, 0),
    )


def _condition(source: Source, part: Mapping[str, Any], uid: str, effect: Effect, priority: int) -> Condition:
    try:
        return abac.parse(part, uid=uid, effect=effect, priority=priority)
    except abac.NotPyAbac as error:
        raise source.fault(ROOT, str(error)) from None


def _envelope(source: Source) -> _Policy | _Obligation:
    model = _Obligation if source.data.get("kind") == "obligation" else _Policy
    try:
        return model.model_validate(source.data)
    except ValidationError as invalid:
        # A key that is not known comes first: it is often the one that is missing, misspelt.
        errors = sorted(
            invalid.errors(include_url=False), key=lambda error: error["type"] != "extra_forbidden"
        )
        raise _fault(source, model, errors[0]) from None


def _fault(source: Source, model: type[_Policy | _Obligation], error: ErrorDetails) -> PolicyDocumentError:
    """Put pydantic's finding into our words."""
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    key = str(path[-1])
    if error["type"] == "missing":
        return source.fault(path[:-1], f"`{key}` is missing")
    if error["type"] == "extra_forbidden":
        return source.fault(path, _words_for_extra(model, path, key))
    # The nearest enclosing key that has words: an item of `on` is answered by what `on` is.
    named = next((str(part) for part in reversed(path) if part in _WORDS), key)
    return source.fault(path, _WORDS.get(named, error["msg"].lower()))


def _words_for_extra(model: type[_Policy | _Obligation], path: Path, key: str) -> str:
    if key in ("effect", "priority"):
        return "leave it out: the tier gives effect and priority"
    if key in _ONLY_OF_A_POLICY:
        return "an obligation has none: leave it out"
    if key in _ONLY_OF_AN_OBLIGATION:
        return "only an obligation has it: leave it out, or write `kind: obligation`"
    known = model.model_fields if len(path) == 1 else _Owes.model_fields
    return f"no such key{perhaps(key, known)}; known are {spelt(known)}"
