"""What a generated world may be about, so that rules for rare situations are met as well.

A theme puts a few people on a record in their roles, and asks the question in which its rule matters.
Everything else of the world is drawn as always, so the rule meets what nobody thought of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from hypothesis import strategies as st

from policy_service.model.facts import (
    CommunicationSupport,
    ContactPoint,
    Fact,
    Override,
    PrivacyRequest,
    Relationship,
    SafeContact,
)
from policy_service.model.vocabulary import (
    Channel,
    ContactKind,
    OnLapse,
    OverrideKind,
    Purpose,
    RelationKind,
    RequestKind,
    RequestState,
    Role,
)
from tests.properties import cast
from tests.properties.cast import FINGERPRINTS, TRUST, id_of
from tests.properties.choosing import choose, one_in
from tests.properties.worlds import Bond, order, override

Facts = Callable[[st.DrawFn, Mapping[str, Sequence[str]]], list[Fact]]
"""Facts of a theme, given the ids of the contact points on file for each person."""

_R = RelationKind
_ADVERSE = Bond("adam", _R.ADVERSE_TO, "vera")


@dataclass(frozen=True, slots=True)
class Theme:
    """`fields` are those asked about, (name, party); `to` is the first recipient, by whom it is looked at."""

    kind: str
    parties: tuple[tuple[str, Role, str], ...]
    fields: tuple[tuple[str, str], ...]
    to: str = ""
    others: tuple[str, ...] = ()
    bonds: tuple[Bond, ...] = ()
    on_file: tuple[str, ...] = ()
    facts: Facts = lambda _draw, _reached: []
    interpreter: str = ""
    channel: Channel | None = None
    user: str = ""
    purpose: Purpose | None = None
    ordinary: bool = False


def _asked(
    person: str, kind: RequestKind, *recipients: str, number: str = "theme", **more: object
) -> PrivacyRequest:
    return PrivacyRequest(
        f"request-{number}",
        TRUST,
        id_of(person),
        kind,
        RequestState.ACTIVE,
        received_at=cast.LAST_MONTH,
        received_by="desk",
        recipients=recipients,
        on_lapse=OnLapse.HOLD,
        **more,  # type: ignore[arg-type]
    )


def _a_safe_contact(draw: st.DrawFn, reached: Mapping[str, Sequence[str]]) -> list[Fact]:
    points = reached.get("vera", ())
    safe = SafeContact(
        contact_points=(choose(draw, points),) if points and one_in(draw, 2) else (),
        channels=choose(draw, ((), (Channel.POST,), (Channel.SMS, Channel.PHONE_LIVE))),
        hours=choose(draw, ((), ("mon-fri 09:30-14:00",), ("sat-sun 10:00-12:00",))),
        no_voicemail=choose(draw, (False, True)),
        neutral_sender=choose(draw, (False, True)),
    )
    return [_asked("vera", RequestKind.SAFE_CONTACT, safe_contact=safe)]


def _two_who_allege(draw: st.DrawFn, _: Mapping[str, Sequence[str]]) -> list[Fact]:
    """He is adverse to her by an order; she by what he alleges, before or after."""
    first = Relationship(
        "theme-first",
        TRUST,
        id_of("adam"),
        id_of("vera"),
        _R.ADVERSE_TO,
        basis=choose(draw, ("order", "allegation")),
        recorded_at=cast.LAST_YEAR,
    )
    back = Relationship(
        "theme-back",
        TRUST,
        id_of("vera"),
        id_of("adam"),
        _R.ADVERSE_TO,
        basis="allegation",
        recorded_at=choose(draw, (cast.LAST_MONTH, cast.YESTERDAY)),
        review_date=date(2026, 6, 1),
        confirmed_at=choose(draw, (None, None, cast.YESTERDAY)),
    )
    facts: list[Fact] = [first, back]
    if choose(draw, (False, True)):
        kinds = (RequestKind.EXCLUDED_PERSON, RequestKind.DO_NOT_SHARE, RequestKind.OBJECT)
        facts.append(_asked("adam", choose(draw, kinds), "person:vera"))
    return facts


def _never_this_interpreter(draw: st.DrawFn, _: Mapping[str, Sequence[str]]) -> list[Fact]:
    if choose(draw, (False, True)):
        return [_asked("vera", RequestKind.EXCLUDED_PERSON, "person:ines")]
    need = CommunicationSupport(sign_language="bfi", not_these=(id_of("ines"),))
    return [_asked("vera", RequestKind.COMMUNICATION_SUPPORT, communication=need)]


def _an_account_of_both(_: st.DrawFn, __: Mapping[str, Sequence[str]]) -> list[Fact]:
    """Her telephone is his, too; and she has asked for something, so that she is protected."""
    number = FINGERPRINTS.contact(ContactKind.PHONE, cast.NUMBERS[0])
    points = (
        ContactPoint(f"theme-{name}", TRUST, id_of(name), ContactKind.PHONE, number, f"CP/both-{name}")
        for name in ("vera", "adam")
    )
    return [*points, _asked("vera", RequestKind.NO_ONWARD)]


def _granted(draw: st.DrawFn, kind: OverrideKind) -> Override:
    """An override that runs and names the user, and mostly much of what is asked."""
    drawn = override(draw)
    recipients = ("person:council", *drawn.recipients)
    return replace(drawn, kind=kind, user="u.ward", ends_at=cast.TOMORROW, recipients=recipients)


def _the_glass_is_broken(draw: st.DrawFn, _: Mapping[str, Sequence[str]]) -> list[Fact]:
    return [_granted(draw, OverrideKind.BREAK_GLASS), _asked("vera", RequestKind.EMERGENCY_ONLY)]


def _somebody_is_at_risk(draw: st.DrawFn, _: Mapping[str, Sequence[str]]) -> list[Fact]:
    kept = choose(draw, (RequestKind.RESTRICTED_ACCESS, RequestKind.DO_NOT_SHARE))
    return [_granted(draw, OverrideKind.SAFEGUARDING), _asked("vera", kept, "team:desk")]


_HER_CASE = (("victim", Role.VICTIM, "vera"), ("patient", Role.SUBJECT, "adam"))
_TENANTS = (("one-tenant", Role.JOINT_CUSTOMER, "vera"), ("other-tenant", Role.JOINT_CUSTOMER, "adam"))
_PATIENT = (("patient", Role.SUBJECT, "vera"),)
_FAMILY = (("child", Role.CHILD, "cara"), ("mother", Role.PARENT, "vera"), ("father", Role.PARENT, "adam"))
_OURS = (
    Bond("vera", _R.PARENT_OF, "cara", responsibility=True),
    Bond("adam", _R.PARENT_OF, "cara", responsibility=True),
    Bond("vera", _R.LIVES_WITH, "cara"),
)

THEMES: tuple[Theme, ...] = (
    Theme(
        "everything", _FAMILY, (("parent.name", ""), ("child.report", "")), "adam", bonds=_OURS, ordinary=True
    ),
    Theme(
        "letter",
        (("child", Role.CHILD, "cara"),),
        (("body", "child"), ("appointment", "child")),
        "gran",
        bonds=(Bond("gran", _R.GUARDIAN_OF, "cara"), Bond("gran", _R.FOSTER_CARER_OF, "cara")),
        ordinary=True,
    ),
    Theme(
        "tenancy",
        _TENANTS[:1],
        (("tenant.name", ""), ("tenant.phone", ""), ("tenant.address", "")),
        "fixit",
        ordinary=True,
    ),
    Theme(
        "everything",
        (*_PATIENT, ("kin", Role.NEXT_OF_KIN, "gran"), ("carer", Role.CARER, "fay")),
        (("identity.name", ""), ("service.venue", ""), ("involvement", "")),
        "gran",
        ordinary=True,
    ),
    Theme("tenancy", _TENANTS, (("rent_statement", ""), ("premises.address", "")), "adam", ordinary=True),
    Theme(
        "bundle",
        _PATIENT,
        (("statement", ""), ("orders", "")),
        "sol",
        ordinary=True,
        bonds=(Bond("sol", _R.REPRESENTS, "vera"),),
    ),
    Theme(
        "everything",
        (*_PATIENT, ("kin", Role.NEXT_OF_KIN, "adam")),
        (("contact.next_of_kin", ""),),
        on_file=("vera", "adam"),
        user="u.ward",
        bonds=(_ADVERSE,),
    ),
    Theme(
        "everything",
        _HER_CASE,
        (("document", ""), ("legal.orders", "")),
        "adam",
        on_file=("vera", "adam"),
        bonds=(_ADVERSE,),
        facts=lambda draw, _: [
            replace(order(draw), recipients=("person:adam",), people=(id_of("vera"), id_of("adam")))
        ],
    ),
    Theme(
        "everything",
        _PATIENT,
        (("health.summary", ""), ("identity.name", "")),
        "council",
        on_file=("vera", "council"),
        user="u.ward",
        facts=_the_glass_is_broken,
    ),
    Theme(
        "everything",
        _PATIENT,
        (("abuse.risk_assessment", ""), ("location.current", "")),
        on_file=("vera",),
        user="u.ward",
        facts=_somebody_is_at_risk,
    ),
    Theme(
        "letter",
        _PATIENT,
        (("body", ""), ("appointment", "")),
        "vera",
        on_file=("vera",),
        facts=_a_safe_contact,
    ),
    Theme(
        "letter",
        _PATIENT,
        (("appointment", ""),),
        "vera",
        others=("ines", "agency"),
        on_file=("vera", "ines"),
        interpreter="ines",
        channel=Channel.VIA_INTERPRETER,
        bonds=(Bond("agency", _R.MANAGES, "ines"),),
        facts=_never_this_interpreter,
    ),
    Theme(
        "letter",
        _PATIENT,
        (("appointment", ""),),
        "vera",
        others=("ines",),
        interpreter="ines",
        channel=Channel.IN_PERSON,
        bonds=(Bond("ines", _R.ADVERSE_TO, "vera"),),
    ),
    Theme(
        "everything",
        _HER_CASE,
        (("location.current", ""), ("finance", ""), ("household", ""), ("abuse.account", "")),
        "vera",
        on_file=("vera", "adam"),
        facts=_two_who_allege,
    ),
    Theme(
        "tenancy",
        _TENANTS,
        (("rent_statement", ""), ("tenant.address", "other-tenant")),
        "vera",
        on_file=("vera", "adam"),
        facts=_two_who_allege,
    ),
    Theme(
        "everything",
        _PATIENT,
        (("identity.link", ""), ("identity.name", "")),
        "gp",
        on_file=("vera", "pia"),
        bonds=(Bond("pia", _R.SEPARATE_IDENTITY_OF, "vera"),),
    ),
    Theme("everything", _PATIENT, (("identity.link", ""), ("identity.alias", ""))),
    Theme(
        "everything",
        (("patient", Role.SUBJECT, "adam"), ("victim", Role.VICTIM, "vera")),
        (("contact.next_of_kin", ""), ("metadata", "")),
        "gp",
        bonds=(_ADVERSE,),
    ),
    Theme(
        "letter",
        _PATIENT,
        (("body", ""), ("appointment", ""), ("subject.address", "")),
        "pia",
        bonds=(_ADVERSE, Bond("pia", _R.PARTNER, "adam")),
    ),
    Theme(
        "everything",
        _PATIENT,
        (("health.summary", ""),),
        user="u.nora",
        others=("nora", "adam"),
        on_file=("nora",),
        bonds=(_ADVERSE, Bond("nora", _R.PARTNER, "adam")),
    ),
    Theme(
        "tenancy",
        _TENANTS,
        (("tenant.address", "one-tenant"), ("rent_statement", ""), ("notes", "")),
        "adam",
        on_file=("vera", "adam"),
        facts=lambda _draw, _: [_asked("vera", RequestKind.EXCLUDED_PERSON, "person:adam")],
    ),
    Theme(
        "tenancy",
        _TENANTS,
        (("transfer.offer", "one-tenant"), ("new_home.address", "one-tenant")),
        "vera",
        bonds=(_ADVERSE, Bond("adam", _R.LIVES_WITH, "vera")),
    ),
    Theme(
        "letter",
        _PATIENT,
        (("body", ""), ("subject.address", "")),
        "gran",
        on_file=("vera", "gran"),
        facts=lambda _draw, _: [
            _asked("vera", RequestKind.AUTHORISED_REPRESENTATIVE, "person:gran"),
            _asked("vera", RequestKind.WITHHOLD_LOCATION, number="location"),
        ],
    ),
    Theme(
        "case",
        (("informant", Role.INFORMANT, "fay"), ("patient", Role.SUBJECT, "adam")),
        (("informant.name", ""), ("conditions", "")),
        "council",
        on_file=("fay",),
        facts=lambda _draw, _: [_asked("fay", RequestKind.WITHHOLD_IDENTITY)],
    ),
    Theme(
        "letter",
        _PATIENT,
        (("body", ""), ("subject.address", "")),
        "gp",
        on_file=("vera", "gp"),
        facts=lambda _draw, _: [_asked("vera", RequestKind.WITHHOLD_LOCATION, "person:gp")],
    ),
    Theme(
        "letter",
        _FAMILY,
        (("body", "child"), ("school", ""), ("subject.address", "child")),
        "vera",
        bonds=_OURS,
        ordinary=True,
    ),
    Theme(
        "everything",
        _PATIENT,
        (("identity.name", ""), ("legal.orders", ""), ("abuse.risk_assessment", "")),
        "council",
        purpose=Purpose.SAFEGUARDING,
        ordinary=True,
    ),
    Theme(
        "tenancy",
        _TENANTS[:1],
        (("new_home.address", ""), ("transfer.offer", "")),
        "vera",
        on_file=("vera", "adam"),
        others=("adam",),
        facts=_an_account_of_both,
    ),
    Theme(
        "everything",
        _TENANTS,
        (("legal.orders", ""), ("report.body", ""), ("account", "")),
        "adam",
        purpose=Purpose.SERVICE_OF_DOCUMENTS,
        ordinary=True,
    ),
    Theme(
        "letter", _PATIENT, (("body", ""), ("appointment", "")), "vera", on_file=("adam",), bonds=(_ADVERSE,)
    ),
    Theme(
        "case",
        (("patient", Role.SUBJECT, "vera"), ("who-asked", Role.APPLICANT, "bo")),
        (("subject.name", ""), ("enquiry.made_by", "")),
        "vera",
    ),
    Theme(
        "letter",
        _FAMILY,
        (("body", "child"), ("appointment", "child"), ("school", "child")),
        "adam",
        on_file=("vera", "adam", "cara"),
        bonds=(*_OURS, _ADVERSE),
    ),
)
