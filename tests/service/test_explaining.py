"""An explanation shows what conditions saw; of what is protected, a fingerprint."""

from __future__ import annotations

import pytest

from policy_service.engine import CATALOGUE, Plan, compile_set, parse_document
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.attributes import Attributes, Value
from policy_service.model.vocabulary import Gate
from policy_service.service.explaining import Notebook

FINGERPRINTS = Fingerprinter(b"k" * 32)


def plan_of(rules: str) -> Plan:
    text = (
        "uid: p\ntitle: A policy\ngate: delivery\ntier: basis\nreason: P\nowner: nobody\n"
        f"policy: {{rules: {{{rules}}}}}\n"
    )
    return compile_set([parse_document(text, name="p.yaml")])


def shown(path: str, condition: str, value: Value) -> str:
    ace, _, rest = path.partition(".")
    plan = plan_of(f"{ace}: {{$.{rest}: {condition}}}")
    notebook, attributes = Notebook(plan, FINGERPRINTS), Attributes({path: value})
    notebook.asked(Gate.DELIVERY, attributes, plan.decide(Gate.DELIVERY, attributes))
    assert not notebook.questions
    list(notebook.explain())
    (policy,) = notebook.questions[0].explanation.policies
    return policy.conditions[0].value


@pytest.mark.parametrize("path", ["context.safe_contact.references", "context.safe_contact.hours"])
def test_what_is_protected_is_shown_as_a_fingerprint(path: str) -> None:
    values = [("CP-1",), ("CP-2",), ("CP-1",)]
    first, other, again = (shown(path, "{condition: IsNotEmpty}", value) for value in values)
    assert first == again != other
    assert first.startswith("fingerprint:")
    assert "CP-1" not in first


def test_that_nothing_is_there_is_shown() -> None:
    assert shown("context.safe_contact.references", "{condition: IsNotEmpty}", ()) == "[]"


def test_other_values_are_shown() -> None:
    assert shown("context.recipient.kind", "{condition: Equals, value: private}", "team") == "team"


def test_what_obligations_hand_over_of_a_persons_contacts_is_protected() -> None:
    protected = {attribute.path for attribute in CATALOGUE if attribute.protected}
    assert protected == {
        "context.safe_contact.references",
        "context.safe_contact.hours",
        "context.need.exclusions",
        "context.cell.service_address",
    }


def test_nothing_is_looked_at_for_an_explanation_before_the_decision_is_made() -> None:
    """What a decision looked at is in its entry, and an explanation looks at more."""
    looked: list[str] = []

    class Made(Attributes):
        def __missing__(self, path: str) -> Value | None:
            looked.append(path)
            return None

    given, kind = "{condition: Eq, value: true}", "{condition: Equals, value: post}"
    plan = plan_of(f"context: {{$.contact_point.given: {given}, $.contact_point.kind: {kind}}}")
    notebook, attributes = Notebook(plan, FINGERPRINTS), Made({"context.contact_point.given": False})
    notebook.asked(Gate.DELIVERY, attributes, plan.decide(Gate.DELIVERY, attributes))
    before = list(looked)
    list(notebook.explain())
    assert "context.contact_point.kind" not in before
    assert "context.contact_point.kind" in looked
