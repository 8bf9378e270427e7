"""How log entries name facts: `kind:id`, for every kind of fact there is."""

from __future__ import annotations

from collections.abc import Mapping

from policy_service.facts.mapping import fact_id
from policy_service.model.facts import (
    ArtefactType,
    ContactPoint,
    ContentDeclaration,
    CourtOrder,
    Fact,
    FiledPolicySet,
    LegalHold,
    Override,
    Person,
    PersonIdentifier,
    PersonName,
    PolicySet,
    PrivacyRequest,
    Record,
    RecordParty,
    RecordType,
    Relationship,
    RetentionRule,
    System,
    Token,
    User,
)

KIND_NAMES: Mapping[type[Fact], str] = {
    Person: "person",
    PersonIdentifier: "identifier",
    PersonName: "name",
    Relationship: "relationship",
    ContactPoint: "contact_point",
    RecordType: "record_type",
    ArtefactType: "artefact_type",
    Record: "record",
    RecordParty: "party",
    ContentDeclaration: "declaration",
    Override: "override",
    CourtOrder: "order",
    PrivacyRequest: "request",
    User: "user",
    System: "system",
    Token: "token",
    PolicySet: "policy_set",
    LegalHold: "legal_hold",
    RetentionRule: "retention_rule",
    FiledPolicySet: "filed_policy_set",
}


def fact_name(fact: Fact) -> str:
    """The fact's name in a log entry, e.g. `person:0f3c…`: which fact it is, and nothing of what it says."""
    return f"{KIND_NAMES[type(fact)]}:{fact_id(fact)}"
