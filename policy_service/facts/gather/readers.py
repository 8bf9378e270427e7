"""Who would learn what is shown or sent: the recipients, and those whom a send to them implies.

The recipients named need a permit. Implied readers are tested against denies alone: whoever else can open the
contact point, the client of a representative, the interpreter through whom it is said and his agency, and the
member of staff who sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from policy_service.facts.gather.cast import Cast, Individual, Who, person, person_id_of
from policy_service.facts.gather.points import NO_POINT, PointSeen, find_point
from policy_service.facts.gather.protections import Names
from policy_service.facts.gather.reaching import ANY_WAY, Reaching
from policy_service.facts.gather.record import RecordSeen
from policy_service.facts.gather.ties import Ties
from policy_service.facts.gather.user import UserSeen, logins, suspected_names
from policy_service.facts.view import FactsView
from policy_service.model.question import CheckCall, RecipientAsked
from policy_service.model.vocabulary import (
    Channel,
    ContactKind,
    PersonKind,
    ReaderKind,
    RelationKind,
    UserKind,
    Verb,
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who would learn the fields. `kind` is private, professional, organisation or team."""

    index: int
    """Of the recipient by whom he would learn it."""
    who: Who
    kind: str
    why: ReaderKind
    individual: Individual | None
    roles: frozenset[str]
    works_on_record: bool
    works_for_certain: bool
    """On the record by what is on file, or by a team that the grant lets this system assert."""
    in_protection_team: bool
    names: Names
    point: PointSeen
    channel: Channel
    via: frozenset[str] = frozenset()
    """For a client: the names of his representative, whom an order may name in his stead."""
    trusted: bool = False
    """He opens a verified safe contact of hers: tested against the absolute tier and requests naming him."""

    @property
    def implied(self) -> bool:
        return self.why is not ReaderKind.RECIPIENT

    @property
    def label(self) -> str:
        """As the log entry names him: `KIND:NAME`."""
        return self.who if self.who.startswith(f"{self.why}:") else f"{self.why}:{self.who}"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient of the call, and who else would learn what reaches him."""

    reader: Reader
    interpreter: Reader | None = None
    reaching: Reaching = ANY_WAY
    implied: tuple[Reader, ...] = ()

    @property
    def index(self) -> int:
        return self.reader.index

    @property
    def who(self) -> Who:
        return self.reader.who

    @property
    def point(self) -> PointSeen:
        return self.reader.point

    @property
    def channel(self) -> Channel:
        return self.reader.channel


class Readers:
    """Resolves the recipients of one call, as of one view."""

    def __init__(
        self, view: FactsView, cast: Cast, record: RecordSeen, user: UserSeen, call: CheckCall, ties: Ties
    ) -> None:
        self._view = view
        self._cast = cast
        self._record = record
        self._user = user
        self._call = call
        self._ties = ties

    def named(self) -> tuple[Recipient | None, ...]:
        """Those whom the call names, in their order; None for one whom nobody knows. On a see, the user."""
        if self._call.verb is Verb.SEE:
            channel = self._call.channel or (
                Channel.PORTAL if self._user.kind is UserKind.SELF else Channel.SEE_SCREEN
            )
            point = find_point(self._view, self._cast, self._user.who, self._call.contact_point)
            return (Recipient(self._user_reader(0, ReaderKind.RECIPIENT, point, channel)),)
        return tuple(self._recipient(i, asked) for i, asked in enumerate(self._call.recipients))

    def with_implied(
        self, recipient: Recipient, reaching: Reaching, excluded: frozenset[Who] = frozenset()
    ) -> Recipient:
        """Add those who would learn it besides, each once and by the first reason that there is. `excluded`
        are the people whom the recipient excluded.
        """
        found: dict[Who, Reader] = {}
        for reader in (
            *self._openers(recipient, reaching, excluded),
            *self._clients(recipient),
            *self._interpreters(recipient),
            *self._sender(recipient),
        ):
            if reader.who != recipient.who:
                found.setdefault(reader.who, reader)
        return replace(recipient, reaching=reaching, implied=tuple(found[who] for who in sorted(found)))

    def _recipient(self, index: int, asked: RecipientAsked) -> Recipient | None:
        if asked.team:
            who: Who | None = Who(f"team:{asked.team}")
        elif asked.party:
            holders = tuple(
                dict.fromkeys(party.who for party in self._record.parties if party.party == asked.party)
            )
            who = holders[0] if len(holders) == 1 else None
            if who is not None and is_secret_party(self._record, self._user, asked.party):
                who = None  # that there is such a party is not for this user to know
        else:
            who = self._cast.resolve(asked.person)
        if who is None:
            return None
        point = find_point(self._view, self._cast, who, asked.contact_point)
        channel = asked.channel or self._call.channel or _CHANNEL_OF.get(point.kind, Channel.POST)
        interpreter = None
        if asked.interpreter:
            through = self._cast.resolve(asked.interpreter)
            if through is None:
                return None
            interpreter = self._person(index, through, ReaderKind.INTERPRETER, NO_POINT, channel)
        if asked.team:
            return Recipient(self._team(index, asked.team, point, channel), interpreter)
        return Recipient(self._person(index, who, ReaderKind.RECIPIENT, point, channel), interpreter)

    def _openers(
        self, recipient: Recipient, reaching: Reaching, excluded: frozenset[Who]
    ) -> tuple[Reader, ...]:
        """Whoever else can open the contact point. Where that is unknown, those adverse to its owner can, and
        whom she excluded.
        """
        point, reader = recipient.point, recipient.reader
        others = set(point.others)
        if point.home:
            others |= self._ties.residents(recipient.who)
        premises = self._record.premises
        if point.place and point.place == premises.place:
            others |= premises.joint
        if reader.kind == "private" and self._call.verb is Verb.SEE and point.kind != ContactKind.ACCOUNT:
            others |= self._open_her_accounts(recipient.who)
        others.discard(recipient.who)
        if point.more_may and not reaching.verified:
            others |= self._ties.adversaries(recipient.who)
            others |= {who for who in excluded if self._cast.individual(who).kind is PersonKind.PRIVATE}
        return tuple(
            replace(
                self._person(recipient.index, who, ReaderKind.SHARES_POINT, point, reader.channel),
                trusted=reaching.verified,
            )
            for who in sorted(others)
        )

    def _open_her_accounts(self, who: Who) -> set[Who]:
        """Who else opens the accounts on file for somebody who looks without saying through which."""
        person_id = person_id_of(who)
        stored = () if person_id is None else self._view.contact_points_of(person_id)
        accounts = [point for point in stored if point.kind is ContactKind.ACCOUNT]
        others = {
            person(other.person_id)
            for account in accounts
            for other in self._view.contact_points_by_fingerprint(account.fingerprint)
        }
        if any(account.shared for account in accounts):
            others |= self._ties.adversaries(who)
        return others

    def _clients(self, recipient: Recipient) -> tuple[Reader, ...]:
        """Those whom the recipient represents, under any identity, or whose representative he manages:
        what he is told they are told.
        """
        ties = self._ties
        identities = ties.selves(recipient.who)
        managed = {
            tie.target for one in identities for tie in ties.of(one) if tie.kind is RelationKind.MANAGES
        }
        clients = {
            tie.target
            for one in identities | managed
            for tie in ties.of(one)
            if tie.kind is RelationKind.REPRESENTS
        }
        return tuple(
            replace(
                self._person(recipient.index, client, ReaderKind.CLIENT, NO_POINT, recipient.channel),
                via=recipient.reader.names.certain,
            )
            for client in sorted(clients)
        )

    def _interpreters(self, recipient: Recipient) -> tuple[Reader, ...]:
        through = recipient.interpreter
        if through is None:
            return ()
        agencies = {tie.source for tie in self._ties.towards(through.who) if tie.kind is RelationKind.MANAGES}
        return (
            through,
            *(
                self._person(recipient.index, agency, ReaderKind.AGENCY, NO_POINT, recipient.channel)
                for agency in sorted(agencies)
            ),
        )

    def _sender(self, recipient: Recipient) -> tuple[Reader, ...]:
        """The member of staff who sends reads what he sends; a job reads nothing."""
        if self._call.verb is not Verb.SEND or self._user.kind is not UserKind.STAFF:
            return ()
        return (self._user_reader(recipient.index, ReaderKind.USER, NO_POINT, recipient.channel),)

    def _user_reader(self, index: int, why: ReaderKind, point: PointSeen, channel: Channel) -> Reader:
        user, record = self._user, self._record
        suspected = suspected_names(self._view, user.who, self._ties.selves(user.who))
        return Reader(
            index=index,
            who=user.who,
            kind="private" if user.kind is UserKind.SELF else "team",
            why=why,
            individual=self._cast.individual(user.who) if user.linked else None,
            roles=user.roles,
            works_on_record=user.works_on_record,
            works_for_certain=user.works_on_record
            and (user.kind is UserKind.JOB or not user.teams.isdisjoint(record.teams_certain)),
            in_protection_team=bool(record.protection_team) and record.protection_team in user.teams,
            names=Names(user.who, user.tokens, suspected),
            point=point,
            channel=channel,
        )

    def _team(self, index: int, team: str, point: PointSeen, channel: Channel) -> Reader:
        record, who = self._record, Who(f"team:{team}")
        return Reader(
            index=index,
            who=who,
            kind="team",
            why=ReaderKind.RECIPIENT,
            individual=None,
            roles=frozenset(),
            works_on_record=team in record.teams,
            works_for_certain=team in record.teams_certain,
            in_protection_team=bool(record.protection_team) and record.protection_team == team,
            names=Names(who, frozenset({who})),
            point=point,
            channel=channel,
        )

    def _person(self, index: int, who: Who, why: ReaderKind, point: PointSeen, channel: Channel) -> Reader:
        individual = self._cast.individual(who)
        suspected = suspected_names(self._view, who, self._ties.selves(who))
        return Reader(
            index=index,
            who=who,
            kind=_kind(individual, self._record),
            why=why,
            individual=individual,
            roles=frozenset(),
            works_on_record=False,
            works_for_certain=False,
            in_protection_team=False,
            names=Names(who, frozenset({who, *logins(self._view, who)}), suspected),
            point=point,
            channel=channel,
        )


def is_secret_party(record: RecordSeen, user: UserSeen, party: str) -> bool:
    """Tell whether that there is such a party at all is not for this user to know."""
    roles = {each.role for each in record.parties if each.party == party}
    in_team = bool(record.protection_team) and record.protection_team in user.teams
    return bool(roles) and roles <= record.secret_roles and not record.known_to_parents and not in_team


_CHANNEL_OF: Mapping[str, Channel] = {
    ContactKind.POST: Channel.POST,
    ContactKind.EMAIL: Channel.EMAIL,
    ContactKind.PHONE: Channel.PHONE_LIVE,
    ContactKind.ACCOUNT: Channel.PORTAL,
}
"""How something goes to a contact point where nobody says."""

CHANNELS_TO: Mapping[str, frozenset[Channel]] = {
    "post": frozenset({Channel.POST, Channel.BUNDLE}),
    "email": frozenset({Channel.EMAIL}),
    "phone": frozenset({Channel.PHONE_LIVE, Channel.PHONE_VOICEMAIL, Channel.SMS, Channel.VIA_INTERPRETER}),
    "account": frozenset({Channel.PORTAL, Channel.SHARED_JOURNAL, Channel.API, Channel.BUNDLE}),
}
"""The ways in which a contact point of each kind can be reached."""


def _kind(individual: Individual, record: RecordSeen) -> str:
    if individual.kind is PersonKind.ORGANISATION:
        return "organisation"
    roles = record.roles_of(individual.who)
    return "professional" if roles and not any(role.is_lay for role in roles) else "private"
