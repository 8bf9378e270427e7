"""A kept call made ready to be decided again.

Of a birth date its entry keeps what a decision needs; here some date stands for it, of which the same
follows. Of a text of an open vocabulary it keeps the fingerprint; where that is the fingerprint of a text
that a policy compares with, it was that text, and any other text is equal to none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from policy_service.engine.compile import Plan
from policy_service.engine.conditions import Kind, Test
from policy_service.engine.declared import Owner, path_of
from policy_service.engine.explain import tests_of
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.clock import MAJORITY, Moment, birthday
from policy_service.facts.kept_fingerprints import KeptFingerprints
from policy_service.model.attributes import AttributeValue
from policy_service.model.facts import Fingerprint
from policy_service.model.kept_call import KEYED, Age, KeptCall
from policy_service.model.question import CheckCall, DescribedRecord, DescribedUser

_EQUALITIES: Final = frozenset(
    {Kind.EQUALS, Kind.NOT_EQUALS, Kind.IS_IN, Kind.IS_NOT_IN, Kind.ALL_IN, Kind.ANY_IN}
)
_OF_ANY_TEXT: Final = frozenset({Kind.IS_EMPTY, Kind.IS_NOT_EMPTY, Kind.EXISTS, Kind.NOT_EXISTS, Kind.ANY})
"""They look at whether there is a text, and at no text."""

_LONG_GROWN_UP: Final = date(1900, 1, 1)
_NOT_YET_BORN: Final = date(9999, 1, 1)
"""Days after these are told apart, so that two people of one name are: a call describes 256 at most."""


@dataclass(frozen=True, slots=True)
class Restored:
    """`call` is to be decided with `fingerprints`. `guessed`: attributes, as catalogue paths, of which a
    policy asks more than whether they are equal to something, which no fingerprint tells.
    """

    call: CheckCall
    fingerprints: KeptFingerprints
    guessed: tuple[str, ...]


def restored(kept: KeptCall, fingerprints: Fingerprinter, plan: Plan, decided_at: Moment) -> Restored:
    """The call of a decision that was made at `decided_at`, to be judged by `plan`."""
    described = kept.call.description
    words = _Words(plan, fingerprints)
    born = [_stand_in(i, birth.age, decided_at) for i, birth in enumerate(kept.births or ())] or [None] * len(
        described.people
    )
    people = tuple(replace(p, birth_date=day) for p, day in zip(described.people, born, strict=True))
    together = {
        (person.name, day): Fingerprint(birth.with_name)
        for person, day, birth in zip(people, born, kept.births, strict=False)
        if day is not None
    }
    description = replace(
        described,
        user=described.user and _user(described.user, words),
        record=described.record and _record(described.record, words),
        people=people,
    )
    return Restored(
        replace(kept.call, description=description),
        KeptFingerprints(fingerprints, together),
        tuple(sorted(words.guessed)),
    )


def _stand_in(index: int, age: Age, decided_at: Moment) -> date | None:
    match age:
        case Age.UNKNOWN:
            return None
        case Age.ADULT:
            return _LONG_GROWN_UP + timedelta(days=index)
        case Age.MINOR:
            return _NOT_YET_BORN + timedelta(days=index)
        case Age.COMES_OF_AGE:
            # Nobody turns 18 on 29 February, so that this is a day, and the birthday of that day.
            return birthday(decided_at.today + timedelta(days=1), -MAJORITY)


def _user(user: DescribedUser, words: _Words) -> DescribedUser:
    return replace(user, attributes=words.of(user.attributes, Owner.USER))


def _record(record: DescribedRecord, words: _Words) -> DescribedRecord:
    return replace(record, attributes=words.of(record.attributes, Owner.RECORD))


class _Words:
    """Finds the texts that the policies of a plan know by their fingerprints."""

    def __init__(self, plan: Plan, fingerprints: Fingerprinter) -> None:
        self._plan = plan
        self._fingerprints = fingerprints
        self.guessed: set[str] = set()

    def of(self, given: Iterable[AttributeValue], owner: Owner) -> tuple[AttributeValue, ...]:
        return tuple(self._value(each, path_of(owner, each.name)) for each in given)

    def _value(self, given: AttributeValue, path: str) -> AttributeValue:
        match given.value:
            case str() as text if text.startswith(KEYED):
                return AttributeValue(given.name, _read(text, self._known(path)))
            case tuple() as several if any(text.startswith(KEYED) for text in several):
                known = self._known(path)
                texts = (_read(text, known) for text in several)
                return AttributeValue(given.name, tuple(sorted(texts)))  # as the edge gives them
            case _:
                return given

    def _known(self, path: str) -> dict[str, str]:
        tests = [test for test in self._tests() if path in {test.path, test.other}]
        if any(not _is_equality(test) and test.kind not in _OF_ANY_TEXT for test in tests):
            self.guessed.add(path)
        texts = {text for test in tests if test.path == path for text in _texts(test)}
        return {f"{KEYED}{self._fingerprints.asserted(path, text)}": text for text in texts}

    def _tests(self) -> Iterator[Test]:
        for document in self._plan.documents:
            yield from tests_of(document.condition)


def _read(text: str, known: Mapping[str, str]) -> str:
    return known.get(text, text)


def _is_equality(test: Test) -> bool:
    return test.kind in _EQUALITIES and not test.ignore_case


def _texts(test: Test) -> Iterator[str]:
    operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    for operand in operands:
        if isinstance(operand, str):
            yield operand
