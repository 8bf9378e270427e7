"""Cases beside the policies: what a privacy officer expects of them, one file of YAML for several.

A file names its gate. Each case says what is so (`given`, attributes of the catalogue) and what is expected;
`but` holds variants of it, each with what is different. What is not said is as `quiet` has it. A file is read
as strictly as a policy: every refusal names file, line, place and the nearest known name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from policy_service.engine.catalogue import CATALOGUE, Attribute, AttributeType, Catalogue
from policy_service.engine.combine import NO_BASIS
from policy_service.engine.documents import DocumentKind, PolicyDocument
from policy_service.engine.faults import Faults
from policy_service.engine.operands import check_member
from policy_service.engine.places import Place
from policy_service.engine.policy_part import PolicyPart, unlisted
from policy_service.engine.quiet import is_implied
from policy_service.engine.strict_yaml import read
from policy_service.model.attributes import Value
from policy_service.model.spelling import perhaps, spelt
from policy_service.model.vocabulary import Effect, Gate

MAX_TITLE: Final = 300
MAX_TEXT: Final = 1_024
"""Characters; more than any attribute has that a call or the service gives."""
MAX_MEMBERS: Final = 1_024


@dataclass(frozen=True, slots=True)
class ExpectedOwed:
    """An obligation that is to be owed. `parameters` are those that the case states; others may be any."""

    uid: str
    parameters: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to come. What is None is not looked at; `policies` and `owed` are all that there may be.

    `reason` is empty where nothing denies what is tested against denies alone.
    """

    effect: Effect | None
    reason: str | None
    policies: tuple[str, ...] | None
    owed: tuple[ExpectedOwed, ...] | None


@dataclass(frozen=True, slots=True)
class Case:
    """One question and what is expected of it. `title` of a variant is that of its case, and its own.

    `given` is what the file, the case and the variant say, by catalogue path.
    """

    file: str
    line: int
    title: str
    gate: Gate
    given: Mapping[str, Value]
    expected: Expected


def parse_cases(
    text: str, *, name: str, documents: Mapping[str, PolicyDocument], catalogue: Catalogue = CATALOGUE
) -> tuple[Case, ...]:
    """Read a file of cases; raises PolicyDocumentError with all that is wrong.

    `documents` are those of the set that is tested, by uid: a case may name no other.
    """
    source = read(text, name=name, what="a file of cases", first_key="gate")
    return _Reader(documents, catalogue).file(Place(source, (), source.data))


class _Reader:
    def __init__(self, documents: Mapping[str, PolicyDocument], catalogue: Catalogue) -> None:
        self._documents: Final = documents
        self._catalogue: Final = catalogue

    def file(self, top: Place) -> tuple[Case, ...]:
        faults = Faults()
        entries = top.keys("gate", "cases", optional=("given",), faults=faults)
        cases: list[Case] = []
        if "gate" in entries:
            with faults.noted():
                cases = self._of_gate(_gate(entries["gate"]), entries)
        faults.settle()
        return tuple(cases)

    def _of_gate(self, gate: Gate, entries: Mapping[str, Place]) -> list[Case]:
        faults, of_gate = Faults(), _OfGate(gate, self._documents, self._catalogue)
        given: Mapping[str, Value] = {}
        with faults.noted():
            given = of_gate.given(entries.get("given"), given)
        cases: list[Case] = []
        for place in _members(entries.get("cases"), faults):
            with faults.noted():
                cases += of_gate.cases(place, given)
        faults.settle()
        return cases


class _OfGate:
    """Reads the cases of one gate."""

    def __init__(self, gate: Gate, documents: Mapping[str, PolicyDocument], catalogue: Catalogue) -> None:
        self._gate: Final = gate
        self._all: Final = documents
        self._catalogue: Final = catalogue
        mine = [document for document in documents.values() if document.gate is gate]
        self._policies: Final = [each.uid for each in mine if each.kind is DocumentKind.POLICY]
        self._obligations: Final = [each.uid for each in mine if each.kind is DocumentKind.OBLIGATION]
        self._reasons: Final = sorted({each.reason for each in mine if each.reason} | {NO_BASIS.reason})
        self._checker: Final = PolicyPart(catalogue, gate, None)

    def cases(self, place: Place, background: Mapping[str, Value]) -> list[Case]:
        """Read a case, and its variants after it."""
        faults = Faults()
        entries = place.keys("title", "expect", optional=("given", "but"), faults=faults)
        given, title, cases = background, "", list[Case]()
        with faults.noted():
            given = self.given(entries.get("given"), background)
        with faults.noted():
            title = _title(entries)
        with faults.noted():
            cases.append(self._case(place, entries, title, given))
        for variant in _members(entries.get("but"), faults):
            with faults.noted():
                cases.append(self._variant(variant, title, given))
        faults.settle()
        return cases

    def _variant(self, place: Place, of: str, before: Mapping[str, Value]) -> Case:
        faults = Faults()
        entries = place.keys("title", "expect", optional=("given",), faults=faults)
        given, title = before, ""
        with faults.noted():
            given = self.given(entries.get("given"), before)
        with faults.noted():
            title = _title(entries)
        faults.settle()
        return self._case(place, entries, f"{of}; but {title}", given)

    def _case(
        self, place: Place, entries: Mapping[str, Place], title: str, given: Mapping[str, Value]
    ) -> Case:
        expected = _NOTHING_EXPECTED
        if "expect" in entries:
            expected = self._expected(entries["expect"], implied=is_implied(self._gate, given))
        source = place.source
        return Case(source.name, source.line(place.path), title, self._gate, given, expected)

    def given(self, place: Place | None, before: Mapping[str, Value]) -> Mapping[str, Value]:
        """Give `before` with what stands here; a path without a value takes back what was said of it."""
        given = dict(before)
        if place is None:
            return given
        faults = Faults()
        for path, value in place.mapping().items():
            with faults.noted():
                attribute = self._attribute(value, path)
                given.pop(path, None)
                if value.value is not None:
                    given[path] = _value(attribute, value)
        faults.settle()
        return given

    def _attribute(self, place: Place, path: str) -> Attribute:
        if path not in self._catalogue:
            near = self._catalogue.nearest(path.replace("$.", "context.", 1))
            raise place.fault(
                f"no attribute `{path}` in the catalogue"
                + (unlisted(path) if near is None else f", perhaps `{near}` is meant")
            )
        return self._checker.known(place, path)

    # --- what is expected -----------------------------------------------------------------------------------

    def _expected(self, place: Place, *, implied: bool) -> Expected:
        faults = Faults()
        entries = place.keys(optional=("effect", "reason", "policies", "owed"), faults=faults)
        decides = self._gate is not Gate.ANSWER
        for key in ("effect", "reason", "policies"):
            if key in entries and not decides:
                faults.note(entries[key].fault("the gate `answer` decides nothing: write what is `owed`"))
        effect = reason = policies = owed = None
        if "effect" in entries and decides:
            with faults.noted():
                effect = _effect(entries["effect"])
                silent = implied and effect is Effect.PERMIT
                reason = self._reason(place, entries.get("reason"), silent=silent)
        elif "effect" not in entries and decides and "owed" not in entries:
            faults.note(place.fault("write `effect` and `reason`, or what is `owed`"))
        elif "reason" in entries and decides:
            faults.note(entries["reason"].fault("write the `effect`, too"))
        if "policies" in entries and decides:
            with faults.noted():
                policies = tuple(
                    sorted(self._uid(each, self._policies) for each in entries["policies"].members())
                )
        if "owed" in entries:
            with faults.noted():
                owed = self._owed(entries["owed"])
        elif not decides:
            faults.note(place.fault("write what is `owed`, `[]` for nothing"))
        faults.settle()
        return Expected(effect, reason, policies, owed)

    def _reason(self, expect: Place, place: Place | None, *, silent: bool) -> str:
        if silent:
            if place is not None:
                raise place.fault(
                    "who is implied is tested against denies alone, and permitted for no reason: leave it out"
                )
            return ""
        if place is None:
            raise expect.fault("`reason` is missing")
        if place.text() not in self._reasons:
            near = perhaps(place.text(), self._reasons, otherwise=f"; write one of {spelt(self._reasons)}")
            raise place.fault(f"no policy of the gate `{self._gate}` has the reason `{place.text()}`{near}")
        return place.text()

    def _owed(self, place: Place) -> tuple[ExpectedOwed, ...]:
        if place.value == []:
            return ()
        faults = Faults()
        found: list[ExpectedOwed] = []
        for member in place.members():
            with faults.noted():
                found.append(self._owed_one(member))
        faults.settle()
        return tuple(sorted(found, key=lambda each: each.uid))

    def _owed_one(self, place: Place) -> ExpectedOwed:
        if not isinstance(place.value, dict):
            return ExpectedOwed(self._uid(place, self._obligations), {})
        if len(place.value) != 1:
            raise place.fault("write one uid, and its parameters: `- own.obligation: {part: last4}`")
        ((uid, parameters),) = place.mapping().items()
        self._check_uid(parameters, uid, self._obligations)
        owes = self._all[uid].owes
        known = () if owes is None else tuple(name for name, _ in (*owes.parameters, *owes.texts))
        return ExpectedOwed(
            uid, {name: _parameter(each) for name, each in parameters.keys(optional=known).items()}
        )

    def _uid(self, place: Place, known: Iterable[str]) -> str:
        self._check_uid(place, place.text(), known)
        return place.text()

    def _check_uid(self, place: Place, uid: str, known: Iterable[str]) -> None:
        if uid in known:
            return
        what = "policy" if known is self._policies else "obligation"
        if (other := self._all.get(uid)) is None:
            raise place.fault(f"no {what} `{uid}` among these files{perhaps(uid, known)}")
        if other.gate is not self._gate:
            raise place.fault(f"`{uid}` is of the gate `{other.gate}`, and these are cases of `{self._gate}`")
        where = "owed" if other.kind is DocumentKind.OBLIGATION else "policies"
        raise place.fault(f"`{uid}` is no {what}: write it under `{where}`")


def _members(place: Place | None, faults: Faults) -> list[Place]:
    found: list[Place] = []
    if place is not None:
        with faults.noted():
            found += place.members()
    return found


def _value(attribute: Attribute, place: Place) -> Value:
    if attribute.type is AttributeType.STRINGS:
        if place.value == []:
            return ()
        faults = Faults()
        if len(place.members()) > MAX_MEMBERS:
            raise place.fault(f"a list has at most {MAX_MEMBERS:,} members")
        for member in place.members():
            with faults.noted():
                _check_one(attribute, member)
        faults.settle()
        return tuple(str(member.value) for member in place.members())
    _check_one(attribute, place)
    assert isinstance(place.value, str | bool | int | float)  # noqa: S101 - it was checked
    return place.value


def _check_one(attribute: Attribute, place: Place) -> None:
    check_member(attribute, place)
    if isinstance(place.value, str) and len(place.value) > MAX_TEXT:
        raise place.fault(f"a text has at most {MAX_TEXT:,} characters")


def _parameter(place: Place) -> Value:
    match place.value:
        case list():
            return tuple(member.text() for member in place.members()) if place.value else ()
        case str() | bool() | int() | float():
            return place.value
        case _:
            raise place.fault("write a value, or a list of texts")


def _title(entries: Mapping[str, Place]) -> str:
    if (place := entries.get("title")) is None:
        return ""
    text = place.text()
    if not text.strip() or "\n" in text or len(text) > MAX_TITLE:
        raise place.fault(f"a title is one line of at most {MAX_TITLE} characters")
    return text


def _gate(place: Place) -> Gate:
    if place.text() not in set(Gate):
        raise place.fault(f"write one of {spelt(Gate)}")
    return Gate(place.text())


def _effect(place: Place) -> Effect:
    if place.text() not in set(Effect):
        raise place.fault(f"write one of {spelt(Effect)}")
    return Effect(place.text())


_NOTHING_EXPECTED: Final = Expected(None, None, None, None)
