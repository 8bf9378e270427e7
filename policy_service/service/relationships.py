"""What one person is of another: what a put of a relationship leaves on file.

It replaces the relationship of the same ends and kind, and keeps its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime

from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError, PermissionDeniedError
from policy_service.model.facts import Controller, PersonId, Relationship
from policy_service.model.vocabulary import RelationKind, StaffRole
from policy_service.service.asking import Draft
from policy_service.service.drafting import Occasion
from policy_service.service.moments import a_year_after
from policy_service.service.people_asked import ALLEGATION, PutRelationship
from policy_service.service.references import Named

MOST_RELATIONSHIPS = 1_000
"""In which one person stands in one place, as what she is of others, or as whom others are something of; in
one organisation.
"""


def drafted_relationship(
    view: FactsView, occasion: Occasion, *, asked: PutRelationship, ends: Named
) -> Draft[Relationship]:
    controller = occasion.controller
    source, target = (person.person_id for person in ends.find(view, controller).values())
    if source == target:
        raise InvalidArgumentError(
            "relationship.to_person", "SAME_PERSON", "a relationship is between two people"
        )
    view.prefetch(keys.relationships_from(source), keys.relationships_to(target))
    known = _same_relationship(view.relationships_from(source), controller, target, asked.kind)
    if known is None:
        _refuse_too_many("relationship.from_person", view.relationships_from(source), controller)
        _refuse_too_many("relationship.to_person", view.relationships_to(target), controller)
    recorded_at = occasion.now if known is None else known.recorded_at
    relationship = Relationship(
        relationship_id=view.fresh_id() if known is None else known.relationship_id,
        controller=controller,
        from_person=source,
        to_person=target,
        kind=asked.kind,
        basis=asked.basis,
        parental_responsibility=asked.parental_responsibility,
        valid_from=asked.valid_from,
        valid_until=asked.valid_until,
        recorded_at=recorded_at,
        review_date=_review_date(asked, recorded_at or occasion.now),
    )
    relationship = _confirmed(relationship, known, asked, occasion)
    return Draft(relationship, (relationship,))


def _same_relationship(
    there: Iterable[Relationship], controller: Controller, target: PersonId, kind: RelationKind
) -> Relationship | None:
    for each in there:
        if each.to_person == target and each.kind is kind and each.controller == controller:
            return each
    return None


def _refuse_too_many(field: str, there: Sequence[Relationship], controller: Controller) -> None:
    """BOUNDED, as contact points are: every decision about somebody reads all that she is of others, and they
    of her, and so does each put of one more.
    """
    if len(there) < MOST_RELATIONSHIPS:  # of all organisations, so of this one, too
        return
    if sum(each.controller == controller for each in there) >= MOST_RELATIONSHIPS:
        raise InvalidArgumentError(
            field,
            "TOO_MANY",
            f"`{field}` has {MOST_RELATIONSHIPS:,} relationships in that place on file already",
        )


def _review_date(asked: PutRelationship, recorded_at: datetime) -> date | None:
    """When it is looked at again. An allegation that somebody is adverse always is."""
    if asked.review_date is None and (asked.kind, asked.basis) == (RelationKind.ADVERSE_TO, ALLEGATION):
        return a_year_after(recorded_at)
    return asked.review_date


def _confirmed(
    relationship: Relationship, known: Relationship | None, asked: PutRelationship, occasion: Occasion
) -> Relationship:
    """With who confirmed the allegation, and when. Only a privacy officer confirms, or takes it back."""
    before = None if known is None or known.basis != ALLEGATION else known.confirmed_at
    if asked.confirmed == (before is not None):
        if known is None or before is None:
            return relationship
        return replace(relationship, confirmed_at=before, confirmed_by=known.confirmed_by)
    if asked.basis == ALLEGATION and StaffRole.PRIVACY_OFFICER not in occasion.caller.roles:
        raise PermissionDeniedError(
            "ROLE_REQUIRED",
            f"to confirm an allegation, or to take that back, needs the role `{StaffRole.PRIVACY_OFFICER}`",
        )
    if not asked.confirmed:
        return relationship
    return replace(relationship, confirmed_at=occasion.now, confirmed_by=occasion.caller.principal)
