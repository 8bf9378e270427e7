"""Checks the `policy:` part of a document against the catalogue, before py-abac sees any of it.

What is refused here is what py-abac would accept and then understand in a way that nobody meant; each refusal
names the line, the path, and the words to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policy_service.engine.abac import ACES, TARGETS, catalogue_path
from policy_service.engine.catalogue import Attribute, AttributeType, Catalogue
from policy_service.engine.conditions import REFUSED, SAME_TYPE, SHAPES, Kind, Operand, Shape
from policy_service.engine.faults import Faults
from policy_service.engine.operands import (
    TYPE_WORDS,
    check_expression,
    check_member,
    check_text,
    check_value,
)
from policy_service.engine.places import NOTHING_BELOW, Place
from policy_service.engine.tiers import MAY_REST_ON_WHAT_IS_SAID, given_effect
from policy_service.model.spelling import perhaps, spelt
from policy_service.model.vocabulary import Effect, Gate, Tier

_PLAIN_PATH = re.compile(r"\$(\.[a-z][a-z0-9_]*)+")
_TARGET = re.compile(r"\*|[A-Za-z0-9_.:/-]+\*?")
_BELONGS_TO_THE_DOCUMENT = {
    "uid": "it stands at the top of the document",
    "description": "the document has a `title`",
    "effect": "the tier gives it",
    "priority": "the tier gives it",
}


_NOTHING_THERE = {
    AttributeType.STRING: '`{condition: Equals, value: ""}` where the empty text is meant',
    AttributeType.STRINGS: "`IsEmpty` where the list without members is meant",
    AttributeType.BOOLEAN: "`{condition: Eq, value: false}` where false is meant",
    AttributeType.NUMBER: "what it is to be compared with",
}
_DECLARED = ("subject.attributes.", "resource.attributes.")
_CATEGORIES = frozenset({"resource.categories", "resource.category_families"})
"""What a field holds, as a policy sees it."""
_OF_ONE = {Kind.ANY_IN: "`AllIn`", Kind.ANY_IN_ATTRIBUTE: "`AllInAttribute`"}
_OF_ONE_NEGATED = {Kind.ALL_IN: "`Not` of `AnyIn`", Kind.ALL_IN_ATTRIBUTE: "`Not` of `AnyInAttribute`"}
"""Conditions that hold where one category is as they say, and what asks for all of them."""


def fitting(attribute: Attribute) -> tuple[Kind, ...]:
    """Give the conditions that are for attributes of this one's type."""
    return tuple(kind for kind, its in SHAPES.items() if attribute.type in its.types)


def unlisted(path: str) -> str:
    """Tell what to do about a path that is not in the catalogue, nor near to one that is."""
    if path.startswith(_DECLARED):
        return ": declare it in a file below `attributes`, and name that file or its folder with this one"
    return "; `policy-service policies attributes` lists them"


@dataclass(frozen=True, slots=True)
class PolicyPart:
    """The check of one document's `policy:` part.

    `tier` is None for an obligation. `gate` is None where the document does not say it rightly; then what
    depends on it is not checked.
    """

    catalogue: Catalogue
    gate: Gate | None
    tier: Tier | None

    def check(self, part: Place) -> Mapping[str, Any]:
        """Give the part as it stands, if it is right; raises PolicyDocumentError with all that is wrong."""
        faults = Faults()
        for key, place in part.mapping().items():
            if key in _BELONGS_TO_THE_DOCUMENT:
                why = _BELONGS_TO_THE_DOCUMENT[key]
                effect = given_effect(self.tier, place.value) if key == "effect" else ""
                faults.note(place.fault(f"leave it out: {why}{effect}"))
        entries = part.without(*_BELONGS_TO_THE_DOCUMENT).keys("rules", optional=("targets",), faults=faults)
        if "targets" in entries:
            with faults.noted():
                self._check_targets(entries["targets"])
        if "rules" in entries:
            with faults.noted():
                self._check_rules(entries["rules"], targeted=bool(part.mapping().get("targets")))
        faults.settle()
        return {key: place.value for key, place in entries.items()}

    def check_parameter(self, place: Place) -> None:
        """Check a catalogue path that an obligation takes a parameter from."""
        if "." not in place.text():
            raise place.fault(
                f"no attribute `{place.text()}` in the catalogue: a parameter takes its value from an "
                "attribute, as in `context.answer.valid_until`; a word that is always the same stands "
                "under `texts`"
            )
        attribute = self.known(place, place.text())
        if attribute.declared and attribute.protected:
            raise place.fault(
                f"`{attribute.path}` may hold any text, and what is owed stands in the log: name an "
                "attribute whose declaration has `values`"
            )

    @property
    def _effect(self) -> Effect | None:
        return self.tier.effect if self.tier is not None else None

    def _check_targets(self, targets: Place) -> None:
        faults = Faults()
        by_attribute = {path.rpartition(".")[2]: name for name, path in TARGETS.items()}
        for key, place in targets.mapping().items():
            if key in by_attribute:
                faults.note(place.fault(f"no such key, write `{by_attribute[key]}`: the value stays"))
        for name, patterns in targets.without(*by_attribute).keys(optional=TARGETS, faults=faults).items():
            with faults.noted():
                self._check_target(self.catalogue[TARGETS[name]], patterns)
        faults.settle()

    def _check_target(self, attribute: Attribute, patterns: Place) -> None:
        for place in patterns.members() if isinstance(patterns.value, list) else [patterns]:
            if not _TARGET.fullmatch(place.text()):
                raise place.fault(
                    "a target is a name, or the beginning of names followed by one `*`; "
                    "other shell patterns are refused"
                )
            if not place.text().endswith("*"):
                check_member(attribute, place)

    def _check_rules(self, rules: Place, *, targeted: bool) -> None:
        if self._effect is Effect.PERMIT and rules.value == {} and not targeted:
            raise rules.fault(
                "a permit without a condition permits everything: say when, or write a condition `Any`"
            )
        faults = Faults()
        for ace, conditions in rules.keys(optional=ACES, faults=faults).items():
            with faults.noted():
                for alternative in (
                    conditions.members() if isinstance(conditions.value, list) else [conditions]
                ):
                    with faults.noted():
                        self._check_alternative(ace, alternative)
        faults.settle()

    def _check_alternative(self, ace: str, alternative: Place) -> None:
        if alternative.value is None:
            raise alternative.fault(
                f"{NOTHING_BELOW}: write a condition there, indented further than this line, "
                "as in `$.verb: {condition: Equals, value: send}`; or leave the line out"
            )
        entries = alternative.mapping()
        if not entries:
            raise alternative.fault("holds no condition: leave it out")
        faults = Faults()
        for path, condition in entries.items():
            with faults.noted():
                self._check_condition(self._attribute(condition, ace, path), condition, negated=False)
        faults.settle()

    # --- attributes -----------------------------------------------------------------------------------------

    def _attribute(self, place: Place, ace: str, path: str) -> Attribute:
        if not _PLAIN_PATH.fullmatch(path):
            plain = f"$.{path.removeprefix('$').removeprefix('.')}"
            near = f"; perhaps `{plain}` is meant" if plain != path and _PLAIN_PATH.fullmatch(plain) else ""
            raise place.fault(
                f"a path is `$` and plain names, as in `$.recipient.adverse`; expressions are refused{near}"
            )
        return self.known(place, catalogue_path(ace, path))

    def known(self, place: Place, path: str) -> Attribute:
        """Give the attribute at a catalogue path, if a document of this gate and tier may name it."""
        attribute = self.catalogue.get(path)
        if attribute is None:
            raise place.fault(f"no attribute `{path}` in the catalogue{self._nearest(path)}")
        if self.gate is not None and self.gate not in attribute.gates:
            gates = spelt(gate for gate in Gate if gate in attribute.gates)
            raise place.fault(f"`{path}` is not known in the gate `{self.gate}`, only in {gates}")
        if attribute.obligations_only and self.tier is not None:
            raise place.fault(f"`{path}` is known once the cell is decided: only an obligation may name it")
        if attribute.declared and self.tier is not None and self.tier not in MAY_REST_ON_WHAT_IS_SAID:
            raise place.fault(
                f"`{path}` is declared, so that it may rest on a caller's word, and nobody talks his way "
                f"round the tier `{self.tier.label}`: write it in `baseline` or `basis`, or name an "
                "attribute that the service works out"
            )
        if self.tier is Tier.ABSOLUTE and not attribute.total:
            raise place.fault(
                f"`{path}` may be missing, and a policy of the absolute tier may name only what never is: "
                "a gap in the data would stop those whom break-glass is for; "
                "write it in a lower tier, or name an attribute that never is"
            )
        return attribute

    def _nearest(self, path: str) -> str:
        nearest = self.catalogue.nearest(path)
        if nearest is None:
            return unlisted(path)
        ace, _, rest = nearest.partition(".")
        return f", perhaps `{nearest}` is meant (in rules: `$.{rest}` under `{ace}`)"

    # --- conditions -----------------------------------------------------------------------------------------

    def _check_condition(self, attribute: Attribute, condition: Place, *, negated: bool) -> None:
        fit = spelt(fitting(attribute))
        kind = self._kind(condition, fit)
        shape = SHAPES[kind]
        if attribute.type not in shape.types:
            raise condition.fault(
                f"`{kind}` is not for `{attribute.path}`, which is {TYPE_WORDS[attribute.type]}: "
                f"write one of {fit}"
            )
        self._refuse_gain_by_absence(attribute, kind, condition, negated=negated)
        self._refuse_gain_by_one_category(attribute, kind, condition, negated=negated)
        self._check_operand(attribute, kind, shape, condition, negated=negated)

    def _kind(self, condition: Place, fitting: str) -> Kind:
        if not isinstance(condition.value, dict):
            raise condition.fault(
                "write a mapping, as in `{condition: Eq, value: true}` "
                "or `{condition: AnyIn, values: [care]}`"
            )
        entries = condition.mapping()
        if "condition" not in entries:
            raise condition.fault(f"`condition` is missing: write one of {fitting}")
        place = entries["condition"]
        name = place.text()
        if name in REFUSED:
            raise place.fault(f"`{name}` is refused: {REFUSED[name]}")
        try:
            return Kind(name)
        except ValueError:
            near = perhaps(name, Kind, otherwise=f": write one of {fitting}")
            raise place.fault(f"no condition `{name}`{near}") from None

    def _check_operand(
        self, attribute: Attribute, kind: Kind, shape: Shape, condition: Place, *, negated: bool
    ) -> None:
        match shape.operand:
            case Operand.NOTHING:
                condition.keys("condition")
            case Operand.VALUE:
                check_value(attribute, condition.keys("condition", "value")["value"])
            case Operand.TEXT:
                entries = condition.keys("condition", "value", optional=["case_insensitive"])
                check_text(attribute, kind, entries["value"], entries.get("case_insensitive"))
            case Operand.EXPRESSION:
                check_expression(condition.keys("condition", "value")["value"])
            case Operand.VALUES:
                faults = Faults()
                values = condition.keys("condition", "values")["values"]
                if values.value == [] and Kind.IS_EMPTY in fitting(attribute):
                    raise values.fault(
                        "the list is empty: write at least one member, or the condition `IsEmpty`"
                    )
                for member in values.members():
                    with faults.noted():
                        check_member(attribute, member)
                faults.settle()
            case Operand.ATTRIBUTE:
                self._check_other(attribute, kind, shape, condition)
            case Operand.CONDITION:
                part = condition.keys("condition", "value")["value"]
                self._check_condition(attribute, part, negated=not negated)
            case Operand.CONDITIONS:
                faults = Faults()
                for part in condition.keys("condition", "values")["values"].members():
                    with faults.noted():
                        self._check_condition(attribute, part, negated=negated)
                faults.settle()

    def _check_other(self, attribute: Attribute, kind: Kind, shape: Shape, condition: Place) -> None:
        entries = condition.keys("condition", "ace", "path")
        ace, path = entries["ace"], entries["path"]
        if ace.text() not in ACES:
            raise ace.fault(f"write one of {spelt(ACES)}")
        other = self._attribute(path, ace.text(), path.text())
        if self._effect is Effect.PERMIT and other.path in _CATEGORIES:
            raise path.fault(
                "a permit covers every category of a field: write it the other way round, "
                f"`AllInAttribute` on `{other.path}`, compared with `{attribute.path}`"
            )
        if other.type not in shape.other_types or (kind in SAME_TYPE and other.type is not attribute.type):
            raise path.fault(
                f"`{kind}` cannot compare `{attribute.path}`, {TYPE_WORDS[attribute.type]}, "
                f"with `{other.path}`, {TYPE_WORDS[other.type]}"
            )

    def _refuse_gain_by_absence(
        self, attribute: Attribute, kind: Kind, condition: Place, *, negated: bool
    ) -> None:
        """Uphold *fail closed*: `Exists` and `NotExists` turn absence into an answer, never into access."""
        if kind not in (Kind.EXISTS, Kind.NOT_EXISTS):
            return
        if attribute.total:
            holds, instead = (
                ("always", "leave it out, or write `Any`")
                if kind is Kind.EXISTS
                else ("never", f"write {_NOTHING_THERE[attribute.type]}")
            )
            raise condition.fault(
                f"`{attribute.path}` is never missing, so that `{kind}` {holds} holds: {instead}"
            )
        true_when_missing = (kind is Kind.NOT_EXISTS) is not negated
        if self._effect is Effect.PERMIT and true_when_missing:
            raise condition.fault(f"a permit may not rest on `{attribute.path}` being missing")
        if self._effect is Effect.DENY and not true_when_missing:
            raise condition.fault(
                f"a deny may not end where `{attribute.path}` is missing: leave the condition out, "
                "a deny that compares a missing attribute denies"
            )

    def _refuse_gain_by_one_category(
        self, attribute: Attribute, kind: Kind, condition: Place, *, negated: bool
    ) -> None:
        """Uphold that a permit covers *all* categories of a field: one that is covered opens no other."""
        if self._effect is not Effect.PERMIT or attribute.path not in _CATEGORIES:
            return
        instead = (_OF_ONE_NEGATED if negated else _OF_ONE).get(kind)
        if instead is not None:
            said = f"`Not` of `{kind}`" if negated else f"`{kind}`"
            raise condition.fault(
                f"a permit covers every category of a field, and {said} is content with one: write {instead}"
            )
