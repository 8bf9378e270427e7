"""What is right and most likely not what was meant: told as warnings, with file, line and what to do.

What is told is certain, and shows from the documents alone: one that says what another says, one that can
never hold, one that holds of more than anybody means, and one about record types that nobody has.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from policy_service.engine.abac import TARGETS
from policy_service.engine.catalogue import CATALOGUE, Catalogue
from policy_service.engine.conditions import AllOf, AnyOf, Condition, Kind, Not, Test
from policy_service.engine.contradictions import Clash, Contradictions
from policy_service.engine.documents import PolicyDocument
from policy_service.engine.errors import one_line
from policy_service.engine.explain import in_words, tests_of
from policy_service.engine.places import spell_path
from policy_service.engine.strict_yaml import Path, Source, read
from policy_service.model.spelling import perhaps
from policy_service.model.vocabulary import Effect

_OWN_TYPE: Final = "resource.record_type"
_TYPES: Final = "resource.record_types"
_OF_RECORDS: Final = "resource.attributes."


@dataclass(frozen=True, slots=True)
class RecordTypes:
    """The names that there are: those of an organisation's own types, and those of the bases they extend."""

    own: frozenset[str]
    bases: frozenset[str]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something in one line of one file. `text` names the place, says why, and what to do."""

    file: str
    line: int
    text: str


def lint(
    documents: Iterable[tuple[str, PolicyDocument]],
    *,
    record_types: RecordTypes | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> Iterator[Warned]:
    """Look at documents, each with its file's name, in their order. `record_types`: those that there are;
    None: that is not known.
    """
    first: dict[Hashable, tuple[str, PolicyDocument]] = {}
    contradictions = Contradictions(catalogue)
    for name, document in documents:
        before = first.setdefault(_says(document), (name, document))
        source = _Once(name, document)
        if before[1] is not document:
            yield source.warn(("policy",), _duplicate(document, *before))
        yield from _never_holds(document, source, contradictions, catalogue)
        yield from _too_wide(document, source)
        if record_types is not None:
            yield from _unknown_record_types(document, source, record_types)


class _Once:
    """A document's file, read again for its lines, and only where something is found."""

    def __init__(self, name: str, document: PolicyDocument) -> None:
        self._name: Final = name
        self._document: Final = document
        self._source: Source | None = None

    @property
    def source(self) -> Source:
        if self._source is None:
            self._source = read(self._document.source, name=self._name)
        return self._source

    def warn(self, path: Path, text: str) -> Warned:
        return Warned(self._name, self.source.line(path), one_line(f"{spell_path(path)}: {text}"))

    def places_of(self, attribute: str) -> Iterator[Path]:
        """Where the policy names an attribute: in its targets, then in its rules, each alternative."""
        policy = self._document.policy
        for target, path in TARGETS.items():
            if path == attribute and target in policy.get("targets", {}):
                yield ("policy", "targets", target)
        ace, _, rest = attribute.partition(".")
        conditions = policy.get("rules", {}).get(ace, {})
        for number, alternative in enumerate(conditions if isinstance(conditions, list) else [conditions]):
            if f"$.{rest}" in alternative:
                at: Path = (number,) if isinstance(conditions, list) else ()
                yield ("policy", "rules", ace, *at, f"$.{rest}")


# --- duplicates -------------------------------------------------------------------------------------------


def _says(document: PolicyDocument) -> Hashable:
    """The same for documents of which one never matters; what they are called and for whom differs."""
    condition = _in_order(document.condition)
    if document.tier is not None:
        return document.gate, document.tier, condition
    return document.gate, document.on, document.owes, document.advice, condition


def _in_order(condition: Condition) -> Condition:
    """The same condition, however its parts and its values were put in order."""
    match condition:
        case Test(operand=tuple() as operand):
            return replace(condition, operand=tuple(sorted(set(operand), key=repr)))
        case Test():
            return condition
        case Not(part):
            return Not(_in_order(part))
        case AllOf(parts):
            return _joined(AllOf, parts)
        case AnyOf(parts):
            return _joined(AnyOf, parts)


def _joined(kind: type[AllOf] | type[AnyOf], parts: tuple[Condition, ...]) -> Condition:
    inner: set[Condition] = set()
    for part in map(_in_order, parts):
        inner |= set(part.parts) if isinstance(part, kind) else {part}
    return next(iter(inner)) if len(inner) == 1 else kind(tuple(sorted(inner, key=repr)))


def _duplicate(document: PolicyDocument, name: str, before: PolicyDocument) -> str:
    line = read(before.source, name=name).line(("policy",))
    where = f"`{before.uid}` ({name}:{line})"
    if document.tier is None:
        return f"{where} owes the same under the same condition: leave one of the two out"
    told = "" if document.reason == before.reason else ", and only one of their reasons is ever told"
    return (
        f"{where} says the same in the same gate and tier, so that one of the two never matters{told}: "
        "leave one out, or say where they differ"
    )


# --- what never holds -------------------------------------------------------------------------------------


def _never_holds(
    document: PolicyDocument, source: _Once, contradictions: Contradictions, catalogue: Catalogue
) -> Iterator[Warned]:
    clash = contradictions.clash(document.condition)
    if clash is not None:
        *_, place = source.places_of(clash.path)
        yield source.warn(place, f"the policy can never apply: {_why(clash, catalogue)}")
        return
    parts = document.condition.parts if isinstance(document.condition, AllOf) else (document.condition,)
    for number, part in enumerate(parts):
        alternatives = part.parts if isinstance(part, AnyOf) else ()
        rest = (*parts[:number], *parts[number + 1 :])
        for which, alternative in enumerate(alternatives):
            clash = contradictions.clash(AllOf((*rest, alternative)))
            if clash is not None:
                places = list(source.places_of(clash.path))
                place = next((each for each in places if which in each), places[-1])
                what = f"alternative {which + 1} of {len(alternatives)}"
                yield source.warn(place, f"{what} can never hold: {_why(clash, catalogue)}")


def _why(clash: Clash, catalogue: Catalogue) -> str:
    words = [f"`{in_words(part, catalogue)}`" for part in clash.parts]
    if len(words) == 1:
        return (
            f"{words[0]} holds of nothing that `{clash.path}` can be; "
            f"`policy-service policies attributes {clash.path}` tells what that is"
        )
    together = f"{', '.join(words[:-1])} and {words[-1]}"
    return f"`{clash.path}` is never {together} at once: leave one out, or make them alternatives"


# --- what holds of too much -------------------------------------------------------------------------------


def _too_wide(document: PolicyDocument, source: _Once) -> Iterator[Warned]:
    """What denies, or is owed, whatever is asked, or for records of which nobody thought."""
    if document.tier is not None and document.tier.effect is Effect.PERMIT:
        return  # a gap permits nothing, and what permits everything is refused
    denies = "denies" if document.tier is not None else "is owed for"
    if _always(document.condition):
        yield source.warn(
            ("policy",), f"it {denies} everything that the gate `{document.gate}` is asked: say when"
        )
    tests = tuple(tests_of(document.condition))
    paths = {test.path for test in tests}
    # Whoever asks whether it is there has thought of those that have none.
    asked = {test.path for test in tests if test.kind in (Kind.EXISTS, Kind.NOT_EXISTS)}
    own = next(
        (test.path for test in tests if test.path.startswith(_OF_RECORDS) and test.path not in asked), None
    )
    if own is not None and not {_OWN_TYPE, _TYPES} & paths:
        yield source.warn(
            next(source.places_of(own)),
            f"it {denies} records of each type that has no `{own.removeprefix(_OF_RECORDS)}`, too, "
            "since what is missing counts: say of which it is, under `resource`, as in "
            "`$.record_types: {condition: AnyIn, values: [base.tenancy]}`",
        )


def _always(condition: Condition) -> bool:
    match condition:
        case Test(kind=kind):
            return kind is Kind.ANY
        case Not():
            return False
        case AllOf(parts):
            return all(map(_always, parts))
        case AnyOf(parts):
            return any(map(_always, parts))


# --- record types -----------------------------------------------------------------------------------------


def _unknown_record_types(
    document: PolicyDocument, source: _Once, record_types: RecordTypes
) -> Iterator[Warned]:
    for test in tests_of(document.condition):
        if test.path not in (_OWN_TYPE, _TYPES) or test.ignore_case:
            continue
        known = record_types.own if test.path == _OWN_TYPE else record_types.own | record_types.bases
        for name in _names(test):
            if not _is_among(name, known, test.kind):
                text = _unknown(name, test.kind, record_types)
                yield source.warn(next(source.places_of(test.path)), text)


def _unknown(name: str, kind: Kind, record_types: RecordTypes) -> str:
    if _is_among(name, record_types.bases, kind):
        return (
            f"`{name}` is a base, and no record has it for its own type: write in the rules, under "
            f"`resource`, `$.record_types: {{condition: AnyIn, values: [{name}]}}`"
        )
    what = f"no record type begins with `{name}`" if kind is Kind.STARTS_WITH else f"no record type `{name}`"
    near = perhaps(name, sorted(record_types.own | record_types.bases))
    return f"{what}, neither of the organisation nor a base{near}: declare it, mend the name, or leave it out"


def _is_among(name: str, known: frozenset[str], kind: Kind) -> bool:
    return any(each.startswith(name) if kind is Kind.STARTS_WITH else each == name for each in known)


def _names(test: Test) -> tuple[str, ...]:
    match test.kind, test.operand:
        case ((Kind.EQUALS | Kind.STARTS_WITH), str(name)):
            return (name,)
        case ((Kind.IS_IN | Kind.IS_NOT_IN | Kind.ANY_IN | Kind.ALL_IN), tuple(names)):
            return tuple(map(str, names))
        case _:
            return ()
