"""Three questions to a service that `make run` started: see a field, send a letter, several at once.

How it is run, and what it prints: examples/README.md. Everybody in it is made up.
"""

import os
from pathlib import Path

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.client import Outcome, PolicyClient, ServiceError, open_channel, question

ADDRESS = os.environ.get("POLICY_SERVICE_ADDRESS", "127.0.0.1:50051")
TOKENS = Path(os.environ.get("POLICY_SERVICE_VAR_DIR", "var")) / "tokens"


def show(title: str, outcome: Outcome) -> None:
    """Print an answer cell by cell; an error is no answer, and permits nothing."""
    print(title)
    if isinstance(outcome, ServiceError):
        print(f"  {outcome.reason}: {outcome}")
        return
    for cell in outcome.cells:
        answer = "permit" if cell.permitted else f"deny {cell.reason}"
        print(f"  {cell.field}, recipient {cell.recipient}: {answer}")
    print(f"  owed: {', '.join(obligation.kind for obligation in outcome.obligations) or 'nothing'}")


def letter() -> pb.CheckRequest:
    """A letter about a child to both parents, who live apart. None of them is on file: they are described."""
    asked = question(
        *("c.secretary", "LETTER-1", ["body", "subject.address"]),
        to=[pb.Recipient(party=parent, contact_point=f"{parent}-home") for parent in ("mother", "father")],
        channel="post",
    )
    asked.description.record.record_type = "nhs.clinic_letter"
    asked.description.record.teams.append("clinic-letters")
    asked.description.record.parties.add(party="child", role="child", person="child")
    asked.description.people.add(key="child", birth_date="2016-05-04")
    for parent, lives in (("mother", "31 Madeup Mews, ZZ99 3AA"), ("father", "32 Invented Street, ZZ99 3BB")):
        asked.description.record.parties.add(party=parent, role="parent", person=parent)
        asked.description.people.add(key=parent)
        of = {"from_person": parent, "to_person": "child", "kind": "parent_of"}
        asked.description.relationships.add(**of, parental_responsibility=True)
        owners = ["mother", "child"] if parent == "mother" else ["father"]
        asked.description.contact_points.add(
            key=f"{parent}-home", kind="post", value=lives, owners=owners, home=True
        )
    return asked


with open_channel(ADDRESS) as channel:
    police = PolicyClient(channel, (TOKENS / "police-records.token").read_text().strip())
    trust = PolicyClient(channel, (TOKENS / "nhs-letters.token").read_text().strip())
    several: list[list[str]] = [["subject.name"], ["subject.name", "enquiry.made_by"], []]
    show("see", police.check(question("o.manager", "OM-1001", ["subject.name"])))
    show("send", trust.check(letter()))
    for outcome in police.check_batch([question("o.manager", "OM-1001", asked) for asked in several]):
        show("one of several", outcome)
