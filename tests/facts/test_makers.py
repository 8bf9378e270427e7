"""A question begins with what is known of its reader, so no attribute may be made in two ways."""

from policy_service.facts.gather.call_attributes import OF_CALL
from policy_service.facts.gather.disclosure_attributes import OF_DISCLOSURE
from policy_service.facts.gather.making import Making
from policy_service.facts.gather.reader_attributes import OF_READER


def test_what_is_of_a_question_is_neither_of_its_reader_nor_of_its_call() -> None:
    assert not OF_DISCLOSURE.keys() & (OF_READER.keys() | OF_CALL.keys())


def test_a_question_within_another_begins_with_what_is_known_and_keeps_its_own() -> None:
    made: list[str] = []

    def note(name: str) -> str:
        made.append(name)
        return name

    wide = Making("wide", {"a": note, "b": note})
    assert wide["a"] == "wide"
    first = Making.within("first", {"c": note}, wide)
    second = Making.within("second", {"c": note}, wide)
    assert [first["a"], first["b"], first["c"], second["b"], second["c"]] == [
        "wide",
        "wide",
        "first",
        "wide",
        "second",
    ]
    assert made == ["wide", "wide", "first", "second"]
    assert "c" not in wide
