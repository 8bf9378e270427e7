"""A call as an entry keeps it, in which everything is said that a call can say."""

from __future__ import annotations

from typing import Final

from policy_service.model.attributes import AttributeValue
from policy_service.model.kept_call import Age, KeptBirth, KeptCall
from policy_service.model.obligation import ObligationKind
from policy_service.model.question import (
    CheckCall,
    DescribedContactPoint,
    DescribedParty,
    DescribedPerson,
    DescribedRecord,
    DescribedRelationship,
    DescribedUser,
    Description,
    FieldAsked,
    RecipientAsked,
)
from policy_service.model.vocabulary import (
    Channel,
    ContactKind,
    OrganisationRole,
    PersonKind,
    Purpose,
    RelationKind,
    Role,
    Verb,
)

VALUES: Final = (
    AttributeValue("cleared", True),
    AttributeValue("grade", 3),
    AttributeValue("share", 0.5),
    AttributeValue("site", "fp:site"),
    AttributeValue("sites", ("fp:one", "two")),
)

DESCRIBED: Final = Description(
    user=DescribedUser(("clerk",), ("housing",), "m", VALUES),
    record=DescribedRecord(
        "housing.case", ("housing",), (DescribedParty("tenant", Role.SUBJECT, "m"),), "home", VALUES
    ),
    people=(
        DescribedPerson("m", ("fp:i-1", "fp:i-2"), PersonKind.PRIVATE, name="name-of-m"),
        DescribedPerson(
            "firm",
            kind=PersonKind.ORGANISATION,
            organisation_roles=(OrganisationRole.CONTRACTOR,),
            categories=("contact.phone",),
        ),
    ),
    relationships=(DescribedRelationship("m", "fp:i-3", RelationKind.PARENT_OF, True),),
    contact_points=(
        DescribedContactPoint(
            "home", ContactKind.POST, "of-home", ("m", "party:tenant", "unknown:"), "uprn-of-home", True
        ),
        DescribedContactPoint("phone", ContactKind.PHONE, "of-phone", ("m",), voicemail_safe=True),
    ),
)

EVERYTHING_ASKED: Final = KeptCall(
    CheckCall(
        user="u",
        record="R-1",
        fields=(FieldAsked("home", "vera", "CP-1"),),
        verb=Verb.SEND,
        purpose=Purpose.CASEWORK,
        channel=Channel.POST,
        recipients=(
            RecipientAsked(party="tenant", contact_point="home", channel=Channel.EMAIL, interpreter="fp:i-4"),
            RecipientAsked(person="person:A"),
            RecipientAsked(team="housing"),
        ),
        artefact_type="letter",
        artefact_digest=b"d" * 32,
        dispatch_reference="D-1",
        self_service=True,
        contact_point="home",
        description=DESCRIBED,
        capabilities=frozenset({ObligationKind.REDACT, ObligationKind.OMIT_SILENTLY}),
        assurance=2,
    ),
    (KeptBirth(Age.MINOR, "m-and-her-birth-date"), KeptBirth()),
)
