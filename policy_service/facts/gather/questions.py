"""The questions of one call, gate by gate, with their attributes as the engine's catalogue names them.

How many there may be is bounded here, too.
"""

from __future__ import annotations

from policy_service.facts.gather.call_attributes import OF_CALL, CallAsked, declared, in_order
from policy_service.facts.gather.cast import NotTold, Who
from policy_service.facts.gather.delivery_attributes import OF_DELIVERY, DeliveryAsked
from policy_service.facts.gather.disclosure_attributes import (
    NOTHING_ON_FILE,
    OF_DISCLOSURE,
    DisclosureAsked,
)
from policy_service.facts.gather.making import Making
from policy_service.facts.gather.matters import Concerned, FieldSeen, Matter, Matters
from policy_service.facts.gather.reader_attributes import OF_READER, ReaderAsked
from policy_service.facts.gather.readers import Reader, Recipient
from policy_service.facts.gather.situation import Situation
from policy_service.facts.gather.standing import Standing
from policy_service.model.attributes import Attributes
from policy_service.model.vocabulary import RelationKind, UserKind

MAX_DISCLOSURES = 16_384
"""Questions of the disclosure gate that one call may need: at most 4,096 asked, each about a few people,
towards a few readers.
"""


class Questions:
    """Makes the questions of one call. Pure: as of the situation's view and moment.

    A question's attributes are made when they are looked at, and what questions have in common once: what is
    of the call, and what is of a reader towards a data subject.
    """

    def __init__(self, situation: Situation) -> None:
        self._s = situation
        self.standing = Standing(situation)
        self.matters = Matters(situation, self.standing.is_protected)
        self._call = CallAsked(situation, self.standing)
        self._of_call = Making(self._call, OF_CALL, declared(situation))
        self._pairs: dict[tuple[int, Who], tuple[ReaderAsked, Making[ReaderAsked]]] = {}
        self._asked = self._asked_secretly = 0

    # --- how much there is to ask ---------------------------------------------------------------------------

    def refuse_too_many(self, fields: tuple[FieldSeen | None, ...]) -> None:
        """Raise `NotTold` where the declared questions alone are above `MAX_DISCLOSURES`, before any is
        asked. Fields about a role that is secret count like unknown ones.
        """
        holders = sum(1 if field is None else max(1, self._open_holders(field)) for field in fields)
        readers = sum(1 + len(recipient.implied) for recipient in self._s.recipients if recipient is not None)
        if holders * readers > MAX_DISCLOSURES:
            raise NotTold("too_many_questions")

    def _open_holders(self, field: FieldSeen) -> int:
        asked, about = field.asked.party, field.type.about
        return sum(
            party.role in about and asked in ("", party.party) and not self.standing.role_secret(party.who)
            for party in self._s.record.parties
        )

    def affords(self, matters: tuple[Matter, ...], recipient: Recipient) -> bool:
        """Count the questions of one cell. Raises `NotTold` above `MAX_DISCLOSURES` in the call.

        Cells about somebody who holds a role that is secret are counted apart, and give False above the same
        bound: they alone are then not answered, since a bound that others feel would tell how many they are.
        """
        more = sum(len(matter.concerned) for matter in matters) * (1 + len(recipient.implied))
        if any(self.standing.role_secret(each.who) for matter in matters for each in matter.concerned):
            self._asked_secretly += more
            return self._asked_secretly <= MAX_DISCLOSURES
        self._asked += more
        if self._asked > MAX_DISCLOSURES:
            raise NotTold("too_many_questions")
        return True

    # --- the gates ------------------------------------------------------------------------------------------

    def authority(self) -> Attributes:
        """The authority gate's one question."""
        return self._of_call

    def disclosure(self, matter: Matter, concerned: Concerned, reader: Reader) -> Attributes:
        """One question of the disclosure gate: this unit, about her, to him."""
        pair, of_pair = self._pair(reader, concerned.who)
        return Making.within(DisclosureAsked(pair, self.matters, matter, concerned), OF_DISCLOSURE, of_pair)

    def delivery(self, recipient: Recipient) -> Attributes:
        """The delivery gate's question for one recipient."""
        _, of_pair = self._pair(recipient.reader, recipient.who)
        return Making(DeliveryAsked(self._s, self.standing, recipient), OF_DELIVERY, of_pair)

    def answer(self, *, rows_differ: bool, permits: bool, protected: bool, valid_until: str) -> Attributes:
        """What obligations on the whole answer look at. `valid_until` is RFC 3339 in UTC, or empty;
        `protected`: somebody protected is among the data subjects.
        """
        recipients = len(self._s.recipients)
        return self._of_call.but(
            {
                "context.answer.rows_differ": rows_differ,
                "context.answer.permits": permits,
                "context.answer.recipients": recipients,
                "context.answer.several_recipients": recipients > 1,
                "context.answer.protected": protected,
                "context.answer.valid_until": valid_until,
            }
        )

    def _pair(self, reader: Reader, about: Who) -> tuple[ReaderAsked, Making[ReaderAsked]]:
        # Whoever is kept here lives, so that no other reader gets his id.
        key = id(reader), about
        known = self._pairs.get(key)
        if known is None:
            asked = ReaderAsked(self._s, self.standing, reader, about)
            known = self._pairs[key] = asked, Making(asked, OF_READER, self._of_call)
            if self._s.warrants.none and not self._s.protections.in_force(about):
                known[1].update(NOTHING_ON_FILE)
        return known

    # --- what the answer is made from besides ---------------------------------------------------------------

    def represents_on_file(self, representative: Who, client: Who) -> bool:
        """Tell whether it is on file that the one represents the other."""
        return any(
            tie.kind is RelationKind.REPRESENTS and tie.fact
            for tie in self._s.ties.between(representative, client)
        )

    @property
    def task_owner(self) -> str:
        """Whose a task about this record is."""
        return self._call.task_owner

    def service_address(self, who: Who) -> str:
        """A reference of an address that may stand where a place of hers would show; empty if there is
        none.
        """
        return self._s.places.service_address(who)

    def alerts(self) -> tuple[str, ...]:
        """What control makes an alert of: a member of staff who reaches for his own record, or for somebody
        he endangers.
        """
        if self._s.user.kind is not UserKind.STAFF:
            return ()
        named = {
            "own_case_attempt": "subject.party_roles",
            "adverse_attempt": "subject.adverse_to_party",
            "associate_attempt": "subject.associate_of_adverse",
            "excluded_attempt": "subject.excluded_by_party",
        }
        return tuple(name for name, path in named.items() if self._of_call[path])

    def facts(self) -> tuple[str, ...]:
        """The facts that the decision looked at, each `kind:id`."""
        s = self._s
        fixed = {s.record.fact} if s.record.fact else set()
        people = {who for who in s.record.people if who.startswith("person:")}
        looked_at = s.ties.looked_at | s.protections.looked_at | s.warrants.looked_at | s.contents.looked_at
        return in_order(fixed | people | looked_at)
