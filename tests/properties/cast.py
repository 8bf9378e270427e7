"""Who there may be in a generated world, and by what words a fact and a call name them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.facts import Controller, PersonId
from policy_service.model.vocabulary import ContactKind, OrganisationRole, PersonKind

TRUST = Controller("trust")
FINGERPRINTS = Fingerprinter(bytes(range(32)))

MONDAY_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MONDAY_NIGHT = datetime(2026, 3, 2, 23, 50, tzinfo=UTC)
"""Ten minutes before what ends on that day is over."""
LAST_YEAR = datetime(2025, 2, 1, 9, 0, tzinfo=UTC)
LAST_MONTH = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
YESTERDAY = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
TOMORROW = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 3, 3, 9, 0, tzinfo=UTC)

PEOPLE = ("vera", "adam", "cara", "bo", "dan", "gran", "pia", "fay", "nora", "olga", "ines", "sol")
"""vera, from whom adam is most often kept; their child cara; her child bo, whose father is dan; gran; adam's
partner pia; vera's friend fay; nora, who nurses; olga, who manages; ines, who interprets; sol, a solicitor.
"""
ORGANISATIONS = ("gp", "council", "fixit", "agency")
EVERYBODY = (*PEOPLE, *ORGANISATIONS)

BORN = {
    "vera": date(1990, 5, 1),
    "adam": date(1988, 6, 2),
    "cara": date(2016, 7, 3),
    "bo": date(2008, 3, 3),
    "dan": date(1985, 9, 5),
    "gran": date(1950, 10, 6),
}

ORGANISATION_ROLES: dict[str, tuple[OrganisationRole, ...]] = {
    "gp": (OrganisationRole.CARE_PROVIDER,),
    "council": (OrganisationRole.PUBLIC_BODY,),
    "fixit": (OrganisationRole.CONTRACTOR,),
}
ORGANISATION_CATEGORIES: dict[str, tuple[str, ...]] = {
    "council": ("abuse.risk_assessment", "identity.name", "location.current", "legal.orders"),
    "fixit": ("identity.name", "location.current", "contact.phone"),
}

PLACES = ("1 Madeup Street, Nowhereton", "2 Fictive Lane, Nowhereton", "3 Invented Row, Nowhereton")
UPRNS = ("100000000001", "100000000002", "100000000003")
NUMBERS = ("+447700900101", "+447700900102", "+447700900103")
MAILBOXES = ("a@example.org", "b@example.org", "c@example.org")
ACCOUNTS = ("account-a", "account-b", "account-c")
VALUES = {
    ContactKind.POST: PLACES,
    ContactKind.PHONE: NUMBERS,
    ContactKind.EMAIL: MAILBOXES,
    ContactKind.ACCOUNT: ACCOUNTS,
}


class Known(StrEnum):
    """How the service knows somebody."""

    FILE = "on file; the call names an identifier"
    DESCRIBED = "described in the call alone"
    BOTH = "on file, and described with the identifier"
    MATCH = "on file, and described by name and birth date: a possible match, and no more"

    @property
    def on_file(self) -> bool:
        return self is not Known.DESCRIBED

    @property
    def described(self) -> bool:
        return self is not Known.FILE


def id_of(name: str) -> PersonId:
    """Her id on file: her name, so that a failing world can be read."""
    return PersonId(name)


def identifier_of(name: str) -> str:
    """The identifier by which a call names somebody on file."""
    return f"ref:{name}"


def kind_of(name: str) -> PersonKind:
    return PersonKind.ORGANISATION if name in ORGANISATIONS else PersonKind.PRIVATE


def full_name(name: str) -> str:
    return f"{name.capitalize()} Madeup"
