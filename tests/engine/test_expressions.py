"""Regular expressions are bounded, alone and in a set: whoever sends some to be validated holds nobody up."""

from __future__ import annotations

import pytest
import re2

from policy_service.engine import PolicySetError, compile_set, parse_document
from policy_service.engine.expressions import MAX_STEPS, compiled, fault_in, steps_of

SCATTERED = f"[{''.join(chr(0x100 + 37 * number) for number in range(150))}]"
"""A set that takes a range of bytes for each of its characters."""
POLICY = """\
uid: own.policy_NUMBER
title: A policy of our own
gate: authority
tier: baseline
reason: OWN_POLICY
owner: privacy-office
policy:
  rules:
    subject:
      $.organisation: {condition: RegexMatch, value: 'EXPRESSION'}
"""


@pytest.mark.parametrize(
    "expression",
    ["[0-9]{5}", r"^\w+\.\w+$", r"\w{1,900}", "[а-яА-Я]+", "(?i)[а-я]", "東京-大阪", "(?i)[à-ÿ]", "[^0-9]"],
)
def test_what_people_write_is_right(expression: str) -> None:
    assert fault_in(expression) is None


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("x" * 1_001, "has at most 1,000 characters"),
        (SCATTERED + "{100}", "steps, and may 10,000: repeat less in it"),
        (SCATTERED + "{900}", "RE2 does not accept the regular expression: pattern too large"),
        # Python takes milliseconds for each such set, whose characters it goes through one by one.
        ("(?i)[!-\ufffd]", "span 65,500 characters, and may 1,000"),
        ("[]-\ufffd]", "and may 1,000"),
        ("[^]-\ufffd]", "and may 1,000"),
        (r"[\]-" + "\ufffd]", "and may 1,000"),
        (r"[a\]b-" + "\ufffd]", "and may 1,000"),
        ("[à-ɿ]" * 3, "and may 1,000"),
    ],
)
def test_what_is_too_large_is_refused_with_what_to_write(expression: str, said: str) -> None:
    assert said in (fault_in(expression) or "")


def test_what_a_search_leaves_is_bounded() -> None:
    assert compiled("a").options.max_mem == 1 << 20
    with pytest.raises(re2.error):
        compiled(SCATTERED + "{900}")


def test_a_set_is_refused_whose_expressions_are_too_large_together() -> None:
    expressions = [f"{SCATTERED}{{30}}{number}" for number in range(120)]
    assert all(MAX_STEPS * 0.8 < steps_of(expression) <= MAX_STEPS for expression in expressions)
    documents = [
        parse_document(POLICY.replace("NUMBER", str(i)).replace("EXPRESSION", each), name="a.yaml")
        for i, each in enumerate(expressions)
    ]
    compile_set(documents[:100])
    with pytest.raises(PolicySetError, match="more than 1,000,000 steps together: repeat less"):
        compile_set(documents)
    again = [POLICY.replace("NUMBER", f"again_{i}").replace("EXPRESSION", expressions[0]) for i in range(120)]
    compile_set(parse_document(text, name="a.yaml") for text in again)  # one program, whoever writes it
