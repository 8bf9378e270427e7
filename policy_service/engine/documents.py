"""Policy documents: one policy per YAML file, strictly parsed.

Around py-abac's own policy (`policy:`) stands what this service needs to know of it. The tier gives effect
and priority, so a document has neither. A document that parses is right; only a set can still be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from policy_service.engine import abac
from policy_service.engine.catalogue import CATALOGUE, Catalogue
from policy_service.engine.conditions import Condition
from policy_service.engine.errors import PolicyDocumentError
from policy_service.engine.places import Place, spelt
from policy_service.engine.policy_part import PolicyPart
from policy_service.engine.strict_yaml import read
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
    """What an obligation asks for; each parameter is a name and the catalogue path that gives its value, each
    text a name and the words themselves.
    """

    kind: str
    parameters: tuple[tuple[str, str], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """One policy or obligation, checked.

    A policy has `tier` and `reason`; an obligation has `on` (the effects that it is attached to) and `owes`,
    and `advice` marks one that comes back as advice. `policy` is the py-abac part as written, `condition` the
    same as data, targets and rules together. `source` is the text it was parsed from, with plain line ends.
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


_COMMON = ("uid", "title", "gate", "owner", "policy")
_OF_A_POLICY = ("tier", "reason", "tell")
_OF_AN_OBLIGATION = ("on", "owes", "advice")
_TIERS: Final = {tier.label: tier for tier in Tier}

_UID = re.compile(r"[a-z][a-z0-9_]{0,99}(\.[a-z0-9_]{1,100}){0,9}")
_LINE = re.compile(r"\S(.{0,298}\S)?")
_CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")

_E = TypeVar("_E", bound=StrEnum)


def parse_document(text: str, *, name: str, catalogue: Catalogue = CATALOGUE) -> PolicyDocument:
    """Parse one document; raises PolicyDocumentError. `name` is the file's name, for messages."""
    source = read(text, name=name)
    top = Place(source, (), source.data)
    canonical = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    entries = top.mapping()
    kind = _choice(entries["kind"], DocumentKind) if "kind" in entries else DocumentKind.POLICY
    match kind:
        case DocumentKind.POLICY:
            return _policy(top, catalogue, canonical)
        case DocumentKind.OBLIGATION:
            return _obligation(top, catalogue, canonical)


def _policy(top: Place, catalogue: Catalogue, text: str) -> PolicyDocument:
    _refuse(top, "effect", "priority", because="leave it out: the tier gives effect and priority")
    _refuse(
        top, *_OF_AN_OBLIGATION, because="only an obligation has it: leave it out, or add `kind: obligation`"
    )
    entries = top.keys(*_COMMON, "tier", "reason", optional=("kind", "tell"))
    gate = _choice(entries["gate"], Gate)
    if gate is Gate.ANSWER:
        raise entries["gate"].fault("the gate `answer` takes obligations only")
    if entries["tier"].text() not in _TIERS:
        raise entries["tier"].fault(f"write one of {spelt(_TIERS)}")
    tier = _TIERS[entries["tier"].text()]
    uid = _uid(entries["uid"])
    part = PolicyPart(catalogue, gate, tier).check(entries["policy"])
    return PolicyDocument(
        uid=uid,
        title=_matching(entries["title"], _LINE, "a title is one line"),
        kind=DocumentKind.POLICY,
        gate=gate,
        tier=tier,
        reason=_matching(entries["reason"], _CODE, "a reason is a code in capitals, as in `ADVERSE_PERSON`"),
        tell=_choice(entries["tell"], Tell) if "tell" in entries else Tell.STAFF,
        owner=_matching(entries["owner"], _LINE, "an owner is one line, as in `privacy-office`"),
        on=frozenset(),
        owes=None,
        advice=False,
        policy=part,
        source=text,
        condition=_condition(entries["policy"], part, uid=uid, effect=tier.effect, priority=tier),
    )


def _obligation(top: Place, catalogue: Catalogue, text: str) -> PolicyDocument:
    _refuse(top, "effect", "priority", *_OF_A_POLICY, because="an obligation has none: leave it out")
    entries = top.keys(*_COMMON, "kind", "owes", optional=("on", "advice"))
    gate = _choice(entries["gate"], Gate)
    uid = _uid(entries["uid"])
    checker = PolicyPart(catalogue, gate, None)
    part = checker.check(entries["policy"])
    on = [_choice(place, Effect) for place in entries["on"].members()] if "on" in entries else [Effect.PERMIT]
    return PolicyDocument(
        uid=uid,
        title=_matching(entries["title"], _LINE, "a title is one line"),
        kind=DocumentKind.OBLIGATION,
        gate=gate,
        tier=None,
        reason="",
        tell=Tell.STAFF,
        owner=_matching(entries["owner"], _LINE, "an owner is one line, as in `privacy-office`"),
        on=frozenset(on),
        owes=_owes(entries["owes"], checker),
        advice=_flag(entries["advice"]) if "advice" in entries else False,
        policy=part,
        source=text,
        # py-abac wants an effect and a priority; an obligation has none, and none is read from here.
        condition=_condition(entries["policy"], part, uid=uid, effect=Effect.DENY, priority=0),
    )


def _owes(place: Place, checker: PolicyPart) -> ObligationTemplate:
    entries = place.keys("kind", optional=("parameters", "texts"))
    parameters = entries["parameters"].mapping() if "parameters" in entries else {}
    for name, path in parameters.items():
        if not _NAME.fullmatch(name):
            raise path.fault("a parameter is named in lower case, as in `valid_until`")
        checker.check_parameter(path)
    texts = entries["texts"].mapping() if "texts" in entries else {}
    for name, words in texts.items():
        if not _NAME.fullmatch(name) or name in parameters:
            raise words.fault("a text is named in lower case, and not as a parameter is")
    return ObligationTemplate(
        kind=_matching(entries["kind"], _NAME, "an obligation is named in lower case, as in `show_warning`"),
        parameters=tuple(sorted((name, path.text()) for name, path in parameters.items())),
        texts=tuple(
            sorted(
                (name, _matching(words, _NAME, "a text is a word, as in `possible_match`"))
                for name, words in texts.items()
            )
        ),
    )


def _condition(
    place: Place, part: Mapping[str, Any], *, uid: str, effect: Effect, priority: int
) -> Condition:
    try:
        return abac.parse(part, uid=uid, effect=effect, priority=priority)
    except abac.NotPyAbac as error:
        raise place.fault(str(error)) from None


def _refuse(top: Place, *keys: str, because: str) -> None:
    for key, place in top.mapping().items():
        if key in keys:
            raise place.fault(because)


def _uid(place: Place) -> str:
    return _matching(
        place, _UID, "a uid is lower-case names joined by dots, as in `disclosure.absolute.adverse`"
    )


def _matching(place: Place, pattern: re.Pattern[str], words: str) -> str:
    text = place.text()
    if not pattern.fullmatch(text):
        raise place.fault(words)
    return text


def _choice(place: Place, choices: type[_E]) -> _E:
    try:
        return choices(place.text())
    except ValueError:
        raise place.fault(f"write one of {spelt(choices)}") from None


def _flag(place: Place) -> bool:
    if not isinstance(place.value, bool):
        raise place.fault("write `true` or `false`")
    return place.value
