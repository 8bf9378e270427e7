"""Hypothesis strategies for policies and for the attributes of a question.

They use a small catalogue of their own, so that policies and questions meet: few paths of each type, one of
each that may be missing, and small pools of values that overlap.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from policy_service.engine import Attribute, AttributeType, Catalogue, PolicyDocument, parse_document
from policy_service.model.vocabulary import Effect, Gate, Tier

_STRING, _STRINGS = AttributeType.STRING, AttributeType.STRINGS
_BOOLEAN, _NUMBER = AttributeType.BOOLEAN, AttributeType.NUMBER


def some(one: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Four questions for each set: a set costs far more to make than a question."""
    return st.lists(one, min_size=4, max_size=4)


def times(factor: int) -> settings:
    """So many times the profile's examples; no deadline and no complaint of slowness: machines differ."""
    return settings(
        max_examples=factor * settings().max_examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


def _attribute(path: str, type_: AttributeType, *, total: bool = True) -> Attribute:
    return Attribute(path, type_, total, frozenset(Gate), "A sentence.", "an example")


CATALOGUE = Catalogue(
    [
        _attribute("subject.kind", _STRING),
        _attribute("resource.record_type", _STRING),
        _attribute("action.verb", _STRING),
        _attribute("subject.name", _STRING, total=False),
        _attribute("resource.labels", _STRINGS),
        _attribute("resource.tags", _STRINGS, total=False),
        _attribute("context.flag", _BOOLEAN),
        _attribute("context.deep.down.mark", _BOOLEAN, total=False),
        _attribute("context.count", _NUMBER),
        _attribute("context.days", _NUMBER, total=False),
    ]
)

TEXTS = ("", "a", "ab", "Ab", "b", "a.b", "no", "é", "A")
NUMBERS = (-1, 0, 1, 2.5, 14, 14.0, 9007199254740992)
EXPRESSIONS = ("a", "^a", "b$", "a.b", "[ab]+", "(?i)AB", "^(a|no)$", r"\.")
TARGETS = ("a", "ab", "a*", "b", "*", ["a", "b*"], ["ab", "no", "a.b"], ["b", "*"])

_COMPARE_TEXT = ["Equals", "NotEquals", "Contains", "NotContains", "StartsWith", "EndsWith"]
_OTHER_KINDS = {
    _STRING: ["EqualsAttribute", "NotEqualsAttribute", "IsInAttribute", "IsNotInAttribute"],
    _STRINGS: ["AllInAttribute", "AnyInAttribute"],
    _BOOLEAN: ["EqualsAttribute", "NotEqualsAttribute"],
    _NUMBER: ["EqualsAttribute", "NotEqualsAttribute"],
}

values = {
    _STRING: st.sampled_from(TEXTS),
    _STRINGS: st.lists(st.sampled_from(TEXTS), max_size=3).map(tuple),
    _BOOLEAN: st.booleans(),
    _NUMBER: st.sampled_from(NUMBERS),
}

ILL_TYPED: dict[AttributeType, list[Any]] = {
    _STRING: [None, True, 1, ("a",), b"a"],
    _STRINGS: [None, False, "a", ["a"], ("a", 1), (None,), frozenset({"a"})],
    _BOOLEAN: [None, 0, 1, 1.0, "true", ("true",)],
    _NUMBER: [None, True, "14", float("nan"), float("inf"), (1,)],
}


@functools.cache  # making a strategy costs more than drawing from it
@st.composite
def conditions(draw: st.DrawFn, attribute: Attribute, tier: Tier | None, *, negated: bool, depth: int) -> Any:
    """One condition on `attribute` that a document of `tier` (None: an obligation) may hold."""
    shapes = ["plain", "plain", "plain", "other", "presence"]
    if depth:
        shapes += ["Not", "AllOf", "AnyOf"]
    match draw(st.sampled_from(shapes)):
        case "Not":
            return {
                "condition": "Not",
                "value": draw(conditions(attribute, tier, negated=not negated, depth=depth - 1)),
            }
        case "AllOf" | "AnyOf" as name:
            part = conditions(attribute, tier, negated=negated, depth=depth - 1)
            return {"condition": name, "values": draw(st.lists(part, min_size=1, max_size=3))}
        case "presence":
            return {"condition": draw(st.sampled_from(_presence(attribute, tier, negated=negated)))}
        case "other":
            return draw(_with_other(attribute, tier))
        case _:
            return draw(_plain(attribute))


def _presence(attribute: Attribute, tier: Tier | None, *, negated: bool) -> list[str]:
    if attribute.total:
        return ["Any"]
    if tier is None:
        return ["Any", "Exists", "NotExists"]
    gains_by_presence = (tier.effect is Effect.PERMIT) is not negated
    return ["Any", "Exists" if gains_by_presence else "NotExists"]


@functools.cache
@st.composite
def _with_other(draw: st.DrawFn, attribute: Attribute, tier: Tier | None) -> Any:
    kind = draw(st.sampled_from(_OTHER_KINDS[attribute.type]))
    type_ = _STRINGS if "In" in kind else attribute.type
    other = draw(st.sampled_from([one for one in CATALOGUE if one.type is type_ and may_name(tier, one)]))
    ace, _, rest = other.path.partition(".")
    return {"condition": kind, "ace": ace, "path": f"$.{rest}"}


@functools.cache
@st.composite
def _plain(draw: st.DrawFn, attribute: Attribute) -> Any:
    match attribute.type:
        case AttributeType.STRING:
            kind = draw(st.sampled_from([*_COMPARE_TEXT, "RegexMatch", "IsIn", "IsNotIn"]))
            if kind == "RegexMatch":
                return {"condition": kind, "value": draw(st.sampled_from(EXPRESSIONS))}
            if kind in ("IsIn", "IsNotIn"):
                return {
                    "condition": kind,
                    "values": draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)),
                }
            text = draw(st.sampled_from(TEXTS if kind in ("Equals", "NotEquals") else TEXTS[1:]))
            ignoring = {"case_insensitive": draw(st.booleans())} if draw(st.booleans()) else {}
            return {"condition": kind, "value": text, **ignoring}
        case AttributeType.STRINGS:
            kind = draw(st.sampled_from(["AllIn", "AnyIn", "IsEmpty", "IsNotEmpty"]))
            if kind.endswith("Empty"):
                return {"condition": kind}
            return {
                "condition": kind,
                "values": draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)),
            }
        case AttributeType.BOOLEAN:
            return {"condition": draw(st.sampled_from(["Eq", "Neq"])), "value": draw(st.booleans())}
        case AttributeType.NUMBER:
            kind = draw(st.sampled_from(["Eq", "Neq", "Gt", "Gte", "Lt", "Lte", "IsIn", "IsNotIn"]))
            if kind in ("IsIn", "IsNotIn"):
                return {
                    "condition": kind,
                    "values": draw(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3)),
                }
            return {"condition": kind, "value": draw(st.sampled_from(NUMBERS))}


def may_name(tier: Tier | None, attribute: Attribute) -> bool:
    return attribute.total or tier is not Tier.ABSOLUTE


_target_names = st.sampled_from(["subject_id", "resource_id", "action_id"])


@st.composite
def documents(draw: st.DrawFn, uid: str, *, obligation: bool = False) -> PolicyDocument:
    """One document, through the parser like any other."""
    tier = None if obligation else draw(st.sampled_from(list(Tier)))
    part: dict[str, Any] = {"rules": draw(_rules(tier))}
    # Seldom: a policy of which nothing but the target is looked at shows little.
    names = draw(st.lists(_target_names, max_size=2, unique=True)) if draw(st.integers(0, 3)) == 0 else []
    if names:
        part["targets"] = {name: draw(st.sampled_from(TARGETS)) for name in names}
    envelope: dict[str, Any] = {"uid": uid, "title": "generated", "gate": "disclosure", "owner": "nobody"}
    if tier is None:
        on = draw(st.lists(st.sampled_from(["permit", "deny"]), min_size=1, unique=True))
        owes = {"kind": "show_warning", "parameters": {"labels": "resource.labels", "days": "context.days"}}
        envelope |= {"kind": "obligation", "on": on, "owes": owes}
    else:
        envelope |= {
            "tier": tier.label,
            "reason": uid.upper(),
            "tell": draw(st.sampled_from(["staff", "nobody"])),
        }
    text = json.dumps({**envelope, "policy": part}, ensure_ascii=False)
    return parse_document(text, name=f"{uid}.yaml", catalogue=CATALOGUE)


@functools.cache
@st.composite
def _rules(draw: st.DrawFn, tier: Tier | None) -> Any:
    rules: dict[str, Any] = {}
    for ace in draw(
        st.lists(st.sampled_from(["subject", "resource", "context"]), min_size=1, max_size=2, unique=True)
    ):
        if draw(st.booleans()):
            rules[ace] = draw(_alternative(ace, tier))
        else:
            rules[ace] = draw(st.lists(_alternative(ace, tier), min_size=1, max_size=2))
    return rules


@functools.cache
@st.composite
def _alternative(draw: st.DrawFn, ace: str, tier: Tier | None) -> Any:
    nameable = [one for one in CATALOGUE if one.path.startswith(ace + ".") and may_name(tier, one)]
    chosen = draw(st.lists(st.sampled_from(nameable), min_size=1, max_size=2, unique=True))
    return {
        "$" + attribute.path.removeprefix(ace): draw(conditions(attribute, tier, negated=False, depth=2))
        for attribute in chosen
    }


@st.composite
def sets(draw: st.DrawFn, *, obligations: int = 0) -> list[PolicyDocument]:
    """Up to four policies of one gate, and so many obligations."""
    policies = [draw(documents(f"p{index}")) for index in range(draw(st.integers(1, 4)))]
    return policies + [draw(documents(f"o{index}", obligation=True)) for index in range(obligations)]


well_typed: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {attribute.path: values[attribute.type] for attribute in CATALOGUE}
)
"""Every attribute present, and of its type."""


@st.composite
def damaged(draw: st.DrawFn, attributes: dict[str, Any]) -> dict[str, Any]:
    """`attributes` with some of them deleted, or put into another type."""
    damage = dict(attributes)
    for path in draw(st.lists(st.sampled_from(sorted(attributes)), min_size=1, unique=True)):
        if draw(st.booleans()):
            del damage[path]
        else:
            damage[path] = draw(st.sampled_from(ILL_TYPED[CATALOGUE[path].type]))
    return damage


questions = st.one_of(well_typed, well_typed.flatmap(damaged))
"""The attributes of a question, right or not."""
