"""What is to be put on file about people, and what the call alone shows to be impossible of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from policy_service.model.errors import InvalidArgumentError
from policy_service.model.vocabulary import ContactKind, OrganisationRole, PersonKind, RelationKind
from policy_service.service.asking import NOTHING_NOTED, Note
from policy_service.service.words import checked_categories, checked_reference, no_repeats, unknown_word

ALLEGATION = "allegation"
BASES = frozenset({"", ALLEGATION, "order", "conviction", "staff_assessment"})
"""What a relationship may rest on; empty where nobody said."""

MOST_NAMES = 16

_CLOCKS_DIFFER_BY = timedelta(minutes=5)
_MOST_IDENTIFIERS = 32


@dataclass(frozen=True, slots=True)
class PutPerson:
    identifiers: tuple[str, ...]
    """At least one, each `scheme:value`."""
    kind: PersonKind = PersonKind.PRIVATE
    birth_date: date | None = None
    organisation_roles: tuple[OrganisationRole, ...] = ()
    categories: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Kept as keyed fingerprints; added to those on file."""
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class PutRelationship:
    from_person: str
    to_person: str
    kind: RelationKind
    basis: str = ""
    parental_responsibility: bool = False
    valid_from: date | None = None
    valid_until: date | None = None
    review_date: date | None = None
    confirmed: bool = False
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class PutContactPoint:
    owner: str
    kind: ContactKind
    value: str
    reference: str = ""
    uprn: str = ""
    home: bool = False
    voicemail_safe: bool = False
    verified_at: datetime | None = None
    institution: bool = False
    from_herself: bool = False
    shared: bool = False
    service_address: bool = False
    note: Note = NOTHING_NOTED


def check_person(asked: PutPerson, now: datetime) -> None:
    if not asked.identifiers:
        raise InvalidArgumentError(
            "person.identifiers", "REQUIRED", "`person.identifiers` must name at least one identifier"
        )
    if len(asked.identifiers) > _MOST_IDENTIFIERS:
        raise InvalidArgumentError(
            "person.identifiers",
            "TOO_MANY",
            f"`person.identifiers` has more than {_MOST_IDENTIFIERS} entries",
        )
    no_repeats(asked.identifiers, "person.identifiers")
    if len(asked.names) > MOST_NAMES:
        raise InvalidArgumentError(
            "person.names", "TOO_MANY", f"`person.names` has more than {MOST_NAMES} entries"
        )
    no_repeats(asked.names, "person.names")
    no_repeats(asked.organisation_roles, "person.organisation_roles")
    checked_categories(asked.categories, "person.categories")
    if asked.kind is PersonKind.ORGANISATION:
        for field, told in (("birth_date", asked.birth_date is not None), ("names", bool(asked.names))):
            if told:
                raise InvalidArgumentError(
                    f"person.{field}", "ONLY_FOR_PRIVATE", f"an organisation has no `person.{field}`"
                )
        return
    # A day of grace: it is tomorrow already in other zones.
    if asked.birth_date is not None and asked.birth_date > (now + timedelta(days=1)).date():
        raise InvalidArgumentError("person.birth_date", "IN_THE_FUTURE", "`person.birth_date` is yet to come")
    for field, given in (("organisation_roles", asked.organisation_roles), ("categories", asked.categories)):
        if given:
            raise InvalidArgumentError(
                f"person.{field}", "ONLY_FOR_ORGANISATIONS", f"a private person has no `person.{field}`"
            )


def check_relationship(asked: PutRelationship) -> None:
    if asked.basis not in BASES:
        raise unknown_word("relationship.basis", asked.basis, BASES)
    if asked.parental_responsibility and asked.kind is not RelationKind.PARENT_OF:
        raise InvalidArgumentError(
            "relationship.parental_responsibility",
            "ONLY_FOR_PARENTS",
            "`relationship.parental_responsibility` goes with the kind `parent_of` alone",
        )
    if asked.review_date is not None and asked.kind is not RelationKind.ADVERSE_TO:
        raise InvalidArgumentError(
            "relationship.review_date",
            "ONLY_FOR_ADVERSE",
            "`relationship.review_date` goes with the kind `adverse_to` alone",
        )
    if asked.confirmed and (asked.kind, asked.basis) != (RelationKind.ADVERSE_TO, ALLEGATION):
        raise InvalidArgumentError(
            "relationship.confirmed",
            "ONLY_FOR_ALLEGATIONS",
            "`relationship.confirmed` goes with the kind `adverse_to` by `allegation` alone",
        )
    if asked.valid_from and asked.valid_until and asked.valid_until < asked.valid_from:
        raise InvalidArgumentError(
            "relationship.valid_until",
            "ENDS_BEFORE_IT_BEGINS",
            "`relationship.valid_until` is before its `valid_from`",
        )


def check_contact_point(asked: PutContactPoint, now: datetime) -> None:
    if asked.verified_at is not None and asked.verified_at > now + _CLOCKS_DIFFER_BY:
        raise InvalidArgumentError(
            "contact_point.verified_at", "IN_THE_FUTURE", "`contact_point.verified_at` is yet to come"
        )
    if not asked.value.strip():
        raise InvalidArgumentError(
            "contact_point.value", "REQUIRED", "`contact_point.value` must not be empty"
        )
    if asked.reference:
        checked_reference(asked.reference, "contact_point.reference")
    if not (asked.uprn or asked.home or asked.voicemail_safe or asked.service_address):
        return
    only_for = (
        ("uprn", bool(asked.uprn), ContactKind.POST),
        ("home", asked.home, ContactKind.POST),
        ("voicemail_safe", asked.voicemail_safe, ContactKind.PHONE),
        ("service_address", asked.service_address, ContactKind.POST),
    )
    for field, given, kind in only_for:
        if given and asked.kind is not kind:
            raise InvalidArgumentError(
                f"contact_point.{field}",
                "ONLY_FOR_ANOTHER_KIND",
                f"`contact_point.{field}` goes with the kind `{kind}` alone",
            )
    if asked.home and asked.service_address:
        raise InvalidArgumentError(
            "contact_point.service_address",
            "CONTRADICTION",
            "`contact_point.service_address` stands where a home would show, and is none",
        )
