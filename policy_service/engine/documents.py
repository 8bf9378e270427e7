"""Policy documents: one policy per YAML file, strictly parsed.

Around py-abac's own policy (`policy:`) stands what this service needs to know of it. The tier gives effect
and priority, so a document has neither. A document that parses is right; only a set can still be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

from policy_service.engine import abac
from policy_service.engine.catalogue import CATALOGUE, Catalogue
from policy_service.engine.conditions import Condition
from policy_service.engine.errors import PolicyDocumentError
from policy_service.engine.faults import Faults
from policy_service.engine.places import Place
from policy_service.engine.policy_part import PolicyPart
from policy_service.engine.strict_yaml import read
from policy_service.engine.tiers import given_effect, not_in_gate
from policy_service.model.obligation import ObligationKind
from policy_service.model.spelling import choose, perhaps, spelt
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
_GIVEN_BY_THE_TIER = ("effect", "priority")
_OF_A_POLICY = ("tier", "reason", "tell")
_OF_AN_OBLIGATION = ("on", "owes", "advice")
_TIERS: Final = {tier.label: tier for tier in Tier}

_WRITE: Final = {
    "uid": "its name for ever, lower-case names joined by dots, as in `own.disclosure.baseline.no_debts`",
    "title": "one sentence that a colleague understands",
    "gate": f"one of {spelt(Gate)}",
    "tier": f"one of {spelt(_TIERS)}",
    "reason": "a code in capitals, as in `ADVERSE_PERSON`",
    "owner": "who answers for it, as in `privacy-office`",
    "policy": "when it applies, with `rules` below it",
    "owes": "what is owed, as in `{kind: show_warning}`",
}
"""What belongs at a key that is missing."""

_UID = re.compile(r"[a-z][a-z0-9_]{0,99}(\.[a-z0-9_]{1,100}){0,9}")
_LINE = re.compile(r"\S(.{0,298}\S)?")
_CODE = re.compile(r"(?=.{1,64}\Z)[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")

_E = TypeVar("_E", bound=StrEnum)


def parse_document(text: str, *, name: str, catalogue: Catalogue = CATALOGUE) -> PolicyDocument:
    """Parse one document; raises PolicyDocumentError. `name` is the file's name, for messages.

    The error has all that is wrong with the document, or, where it is not readable as YAML, the first fault.
    """
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
    faults = Faults()
    tier, gate = _tier_or_none(top), _choice_or_none(top, "gate", Gate)
    for key, place in top.mapping().items():
        if key in _GIVEN_BY_THE_TIER:
            effect = given_effect(tier, place.value) if key == "effect" else ""
            faults.note(place.fault(f"leave it out: the tier gives effect and priority{effect}"))
        elif key in _OF_AN_OBLIGATION:
            faults.note(place.fault("only an obligation has it: leave it out, or add `kind: obligation`"))
    entries = top.without(*_GIVEN_BY_THE_TIER, *_OF_AN_OBLIGATION).keys(
        *_COMMON, "tier", "reason", optional=("kind", "tell"), faults=faults, write=_WRITE
    )
    _note_faults(entries, _READ_OF_A_POLICY, faults)
    if gate is Gate.ANSWER:
        faults.note(entries["gate"].fault("the gate `answer` takes obligations only"))
    elif gate is not None and tier is not None and (why := not_in_gate(tier, gate)) is not None:
        faults.note(entries["tier"].fault(why))
    checker = PolicyPart(catalogue, None if gate is Gate.ANSWER else gate, tier)
    if "policy" in entries:
        with faults.noted():
            checker.check(entries["policy"])
    faults.settle()
    uid, tier = _uid(entries["uid"]), _tier(entries["tier"])
    part = entries["policy"]
    return PolicyDocument(
        uid=uid,
        title=_title(entries["title"]),
        kind=DocumentKind.POLICY,
        gate=_gate(entries["gate"]),
        tier=tier,
        reason=_reason(entries["reason"]),
        tell=_tell(entries["tell"]) if "tell" in entries else Tell.STAFF,
        owner=_owner(entries["owner"]),
        on=frozenset(),
        owes=None,
        advice=False,
        policy=_values(part),
        source=text,
        condition=_condition(part, _values(part), uid=uid, effect=tier.effect, priority=tier),
    )


def _obligation(top: Place, catalogue: Catalogue, text: str) -> PolicyDocument:
    faults = Faults()
    foreign = (*_GIVEN_BY_THE_TIER, *_OF_A_POLICY)
    for key, place in top.mapping().items():
        if key in foreign:
            faults.note(place.fault("an obligation has none: leave it out"))
    entries = top.without(*foreign).keys(
        *_COMMON, "kind", "owes", optional=("on", "advice"), faults=faults, write=_WRITE
    )
    _note_faults(entries, _READ_OF_AN_OBLIGATION, faults)
    checker = PolicyPart(catalogue, _choice_or_none(top, "gate", Gate), None)
    for key, check in (("policy", checker.check), ("owes", partial(_owes, checker=checker))):
        if key in entries:
            with faults.noted():
                check(entries[key])
    faults.settle()
    uid, part = _uid(entries["uid"]), entries["policy"]
    return PolicyDocument(
        uid=uid,
        title=_title(entries["title"]),
        kind=DocumentKind.OBLIGATION,
        gate=_gate(entries["gate"]),
        tier=None,
        reason="",
        tell=Tell.STAFF,
        owner=_owner(entries["owner"]),
        on=_on(entries["on"]) if "on" in entries else frozenset({Effect.PERMIT}),
        owes=_owes(entries["owes"], checker=checker),
        advice=_flag(entries["advice"]) if "advice" in entries else False,
        policy=_values(part),
        source=text,
        # py-abac wants an effect and a priority; an obligation has none, and none is read from here.
        condition=_condition(part, _values(part), uid=uid, effect=Effect.DENY, priority=0),
    )


def _note_faults(
    entries: Mapping[str, Place], readers: Mapping[str, Callable[[Place], object]], faults: Faults
) -> None:
    """Read each value once only to see what is wrong with it; what is right is read again when it is used."""
    for key, read_value in readers.items():
        if key in entries:
            with faults.noted():
                read_value(entries[key])


def _owes(place: Place, *, checker: PolicyPart) -> ObligationTemplate:
    entries = place.keys("kind", optional=("parameters", "texts"))
    parameters = entries["parameters"].mapping() if "parameters" in entries else {}
    texts = entries["texts"].mapping() if "texts" in entries else {}
    faults = Faults()
    with faults.noted():
        _obligation_kind(entries["kind"])
    for name, path in parameters.items():
        with faults.noted():
            if not _NAME.fullmatch(name):
                raise path.fault("a parameter is named in lower case, as in `valid_until`")
            checker.check_parameter(path)
    for name, words in texts.items():
        with faults.noted():
            if not _NAME.fullmatch(name) or name in parameters:
                raise words.fault("a text is named in lower case, and not as a parameter is")
            _word(words)
    faults.settle()
    return ObligationTemplate(
        kind=_obligation_kind(entries["kind"]),
        parameters=tuple(sorted((name, path.text()) for name, path in parameters.items())),
        texts=tuple(sorted((name, _word(words)) for name, words in texts.items())),
    )


def _word(place: Place) -> str:
    return _matching(place, _NAME, "a text is a word, as in `possible_match`")


def _obligation_kind(place: Place) -> ObligationKind:
    """One that callers know: what nobody can do would deny what it is attached to, or be passed over."""
    kind = place.text()
    if kind not in set(ObligationKind):
        known = perhaps(kind, ObligationKind, otherwise=f": write one of {spelt(ObligationKind)}")
        raise place.fault(f"no obligation `{kind}`{known}")
    return ObligationKind(kind)


def _values(part: Place) -> Mapping[str, Any]:
    return {key: place.value for key, place in part.mapping().items()}


def _condition(
    place: Place, part: Mapping[str, Any], *, uid: str, effect: Effect, priority: int
) -> Condition:
    try:
        return abac.parse(part, uid=uid, effect=effect, priority=priority)
    except abac.NotPyAbac as error:
        raise place.fault(str(error)) from None


def _uid(place: Place) -> str:
    return _matching(
        place, _UID, "a uid is lower-case names joined by dots, as in `disclosure.absolute.adverse`"
    )


def _title(place: Place) -> str:
    return _matching(place, _LINE, "a title is one line of at most 300 characters")


def _owner(place: Place) -> str:
    return _matching(place, _LINE, "an owner is one line, as in `privacy-office`")


def _reason(place: Place) -> str:
    return _matching(
        place, _CODE, "a reason is a code in capitals of at most 64 characters, as in `ADVERSE_PERSON`"
    )


def _gate(place: Place) -> Gate:
    return _choice(place, Gate)


def _tell(place: Place) -> Tell:
    return _choice(place, Tell)


def _tier(place: Place) -> Tier:
    if place.text() not in _TIERS:
        raise place.fault(choose(place.text(), _TIERS))
    return _TIERS[place.text()]


def _on(place: Place) -> frozenset[Effect]:
    return frozenset(_choice(member, Effect) for member in place.members())


def _tier_or_none(top: Place) -> Tier | None:
    tier = top.mapping().get("tier")
    return _TIERS.get(tier.value) if tier is not None and isinstance(tier.value, str) else None


def _choice_or_none(top: Place, key: str, choices: type[_E]) -> _E | None:
    place = top.mapping().get(key)
    if place is None or not isinstance(place.value, str) or place.value not in set(choices):
        return None
    return choices(place.value)


def _matching(place: Place, pattern: re.Pattern[str], words: str) -> str:
    text = place.text()
    if not pattern.fullmatch(text):
        raise place.fault(words)
    return text


def _choice(place: Place, choices: type[_E]) -> _E:
    try:
        return choices(place.text())
    except ValueError:
        raise place.fault(choose(place.text(), choices)) from None


def _flag(place: Place) -> bool:
    if not isinstance(place.value, bool):
        raise place.fault("write `true` or `false`")
    return place.value


_READ_OF_BOTH: Final[Mapping[str, Callable[[Place], object]]] = {
    "uid": _uid,
    "title": _title,
    "gate": _gate,
    "owner": _owner,
}
_READ_OF_A_POLICY: Final = {**_READ_OF_BOTH, "tier": _tier, "reason": _reason, "tell": _tell}
_READ_OF_AN_OBLIGATION: Final = {**_READ_OF_BOTH, "on": _on, "advice": _flag}
