"""What is remembered is what would be evaluated, whatever the values are."""

from __future__ import annotations

from typing import Any

import pytest

from policy_service.engine import AttributeType
from policy_service.engine.evaluate import is_typed
from policy_service.engine.looks import Looks
from policy_service.engine.remembered import MAX_VALUE, Remembered, Room, _Rest
from policy_service.model.attributes import Attributes

TYPES = {
    "flag": AttributeType.BOOLEAN,
    "other": AttributeType.BOOLEAN,
    "count": AttributeType.NUMBER,
    "text": AttributeType.STRING,
    "texts": AttributeType.STRINGS,
}


class Asked:
    """Looks at `flag`, and, where that is true, at one attribute more; answers with what it saw."""

    def __init__(self, path: str = "text") -> None:
        self.path = path
        self.times = 0

    def __call__(self, looks: Looks) -> tuple[Any, ...]:
        self.times += 1
        flag = looks["flag"]
        return (flag, type(looks[self.path]), looks[self.path]) if flag is True else (flag,)


def remembering(asked: Asked) -> Remembered[tuple[Any, ...]]:
    return Remembered(asked, Room())


def test_questions_that_look_alike_are_evaluated_once() -> None:
    asked = Asked()
    answer = remembering(asked)
    for number in range(10):
        assert answer(Attributes({"flag": False, "text": str(number)})) == (False,)
    assert (asked.times, answer.evaluations, answer.hits) == (1, 1, 9)
    for number in range(10):
        assert answer(Attributes({"flag": True, "text": str(number % 2)}))[2] == str(number % 2)
    assert (asked.times, answer.evaluations, answer.hits) == (3, 3, 17)


def test_no_more_is_looked_at_than_an_evaluation_looks_at() -> None:
    class Made(Attributes):
        def __missing__(self, path: str) -> Any:
            assert path == "flag", "looked at for nothing"
            return False

    answer = remembering(Asked())
    assert [answer(Made()) for _ in range(3)] == [(False,)] * 3


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("other", [True, 1, 1.0, False, 0, None, "true"]),
        ("count", [1, True, 1.0, 0, False, None, float("nan"), "1"]),
        ("text", ["1", 1, True, None, ("1",), ["1"], {"1": 1}, b"1"]),
        ("texts", [("1",), (1,), (True,), ["1"], None, frozenset({"1"}), (["1"],), "1", ()]),
    ],
)
def test_equal_values_of_two_types_are_two(path: str, values: list[Any]) -> None:
    asked = Asked(path)
    answer = remembering(asked)
    for value in [*values, *values, *reversed(values)]:
        seen = answer(Attributes({"flag": True, path: value}))
        assert seen[2] == value or value != value
        if is_typed(value, TYPES[path]) and not isinstance(value, int | float):
            assert seen[1] is type(value)
        assert is_typed(seen[2], TYPES[path]) is is_typed(value, TYPES[path])


@pytest.mark.parametrize("value", [["a"], {"a": 1}, frozenset({"a"}), b"a", ("a", 1), (["a"],), float("nan")])
def test_what_no_attribute_can_be_is_evaluated_each_time(value: Any) -> None:
    asked = Asked()
    answer = remembering(asked)
    for _ in range(3):
        assert answer(Attributes({"flag": True, "text": value}))[1] is type(value)
    assert asked.times == 3


def test_what_is_missing_is_remembered() -> None:
    asked = Asked()
    answer = remembering(asked)
    for _ in range(3):
        assert answer(Attributes({"flag": True})) == (True, type(None), None)
    assert asked.times == 1


@pytest.mark.parametrize(
    "value",
    ["x" * (MAX_VALUE + 1), ("x",) * (MAX_VALUE + 1), ("x" * MAX_VALUE, "y")],
    ids=["text", "list", "sum"],
)
def test_what_is_large_is_not_remembered(value: Any) -> None:
    asked = Asked("text" if isinstance(value, str) else "texts")
    answer = remembering(asked)
    for _ in range(2):
        assert answer(Attributes({"flag": True, asked.path: value}))[2] == value
    assert asked.times == 2


def test_it_forgets_before_it_grows_beyond_its_bound() -> None:
    asked = Asked()
    answer = Remembered(asked, Room(50))
    for number in range(500):
        assert answer(Attributes({"flag": True, "text": str(number)}))[2] == str(number)
        assert answer._nodes <= 50
        assert answer._room.left == 50 - answer._nodes
    assert answer(Attributes({"flag": True, "text": "499"}))[2] == "499"
    assert asked.times == 500


@pytest.mark.parametrize("size", [1, 60, 640, MAX_VALUE])
def test_long_values_take_the_room_of_several(size: int) -> None:
    """Whoever describes other texts in each call fills no memory."""
    paths = ("text", "second", "third")

    def evaluate(looks: Looks) -> tuple[Any, ...]:
        return tuple(looks[path] for path in paths)

    def kept(node: Any) -> int:
        """Characters of all values in a tree."""
        if isinstance(node, _Rest):
            return sum(len(value) for value in node.values if isinstance(value, str))
        return sum(len(value or "") + kept(behind) for value, behind in node.others.items())

    answer = Remembered(evaluate, Room(1_000))
    alike = [None, "a" * size, "b" * size]
    for number in range(2_000):
        first = alike[number % 3]
        asked = (first, f"{number}".rjust(size, "c"), f"{number}".rjust(size, "d"))
        for _ in range(2):
            assert answer(Attributes(zip(paths, asked, strict=True))) == asked
        assert 0 < answer._nodes == 1_000 - answer._room.left <= 1_000
        if number % 100 == 0:
            assert kept(answer._root) <= 1_000 * 128
    assert answer.hits == 2_000


def test_trees_share_their_room_and_none_takes_another_ones() -> None:
    room = Room(30)
    asked = [Asked(), Asked()]
    one, other = (Remembered(each, room) for each in asked)
    for number in range(10):
        one(Attributes({"flag": True, "text": str(number)}))
    for number in range(100):
        assert other(Attributes({"flag": True, "text": str(number)}))[2] == str(number)
        assert one._nodes + other._nodes == 30 - room.left <= 30
    for number in range(10):
        assert one(Attributes({"flag": True, "text": str(number)}))[2] == str(number)
    assert asked[0].times == 10


def test_what_making_an_attribute_raises_is_raised() -> None:
    class Cold(Exception):
        pass

    class Made(Attributes):
        def __missing__(self, path: str) -> Any:
            raise Cold

    answer = remembering(Asked())
    answer(Attributes({"flag": True, "text": "a"}))
    with pytest.raises(Cold):
        answer(Made())


def test_a_key_error_of_an_attribute_is_not_swallowed() -> None:
    class Made(Attributes):
        def __missing__(self, path: str) -> Any:
            raise KeyError(path)

    answer = remembering(Asked())
    answer(Attributes({"flag": True, "text": "a"}))
    with pytest.raises(KeyError):
        answer(Made())
