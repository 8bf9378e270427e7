"""Who is protected in one call, and what of it may be told to whom.

Everything here is about one person on one record towards one user, and is found out once for each. People
are looked at in the order of their names, since what is looked at goes into the log entry: it is the same in
every process.
"""

from __future__ import annotations

from policy_service.facts.gather.cast import Who
from policy_service.facts.gather.readers import Reader
from policy_service.facts.gather.situation import Situation


class Standing:
    """Where the people of one call stand. Pure: as of the situation's view and moment."""

    def __init__(self, situation: Situation) -> None:
        self._s = situation
        self._protected: dict[Who, bool] = {}
        self._may_be_told: dict[Who, bool] = {}
        self._near_protected: dict[Who, bool] = {}
        self._secretly: dict[Who, bool] = {}
        self._shut_out: dict[Who, bool] = {}
        self._party_protected: bool | None = None

    def is_protected(self, who: Who) -> bool:
        """A request in force that restricts, a role that law or scheme keeps secret on this record, or
        somebody adverse to her; her own, or of those whose protection covers her.
        """
        if who not in self._protected:
            s = self._s
            self._protected[who] = (
                s.protections.protecting(who) or bool(s.ties.adversaries(who)) or self.shows_secretly(who)
            )
        return self._protected[who]

    def is_openly_protected(self, who: Who) -> bool:
        """As `is_protected`, but for a role on the record that this user must not know of."""
        if not self.role_secret(who):
            return self.is_protected(who)
        return self._s.protections.protecting(who) or bool(self._s.ties.adversaries(who))

    def party_protected(self) -> bool:
        """Tell whether anybody on the record is protected."""
        if self._party_protected is None:
            self._party_protected = any(self.is_protected(who) for who in sorted(self._s.record.people))
        return self._party_protected

    def anyone_protected(self, who: Who) -> bool:
        """Tell whether she is protected, or a party, a parent of hers, or somebody who lives with her."""
        if who not in self._near_protected:
            s = self._s
            near = {who, *s.record.people, *s.ties.parents(who), *s.ties.residents(who)}
            self._near_protected[who] = any(self.is_protected(one) for one in sorted(near))
        return self._near_protected[who]

    def is_shut_out(self, reader: Reader) -> bool:
        """Tell whether some party's allow list does not hold him."""
        if reader.who not in self._shut_out:
            parties = sorted(self._s.record.people - {reader.who})
            self._shut_out[reader.who] = self._s.protections.shuts_out(parties, reader.names)
        return self._shut_out[reader.who]

    def shows_secretly(self, who: Who) -> bool:
        """Tell whether she, whoever she may be, holds a role on the record that law or scheme keeps
        secret.
        """
        if who not in self._secretly:
            record = self._s.record
            self._secretly[who] = bool(record.secret_roles) and any(
                record.shows_secretly(one) for one in self._s.ties.selves(who)
            )
        return self._secretly[who]

    def role_secret(self, who: Who) -> bool:
        """Tell whether that `who` is on the record in her role is itself a secret, from this user, too."""
        team = self._s.record.protection_team
        return self.shows_secretly(who) and not (bool(team) and team in self._s.user.teams)

    def leaves_no_trace(self, who: Who) -> bool:
        """Tell whether that she is on the record at all is not for this user to know: nothing is owed for her
        that would tell.
        """
        return self.role_secret(who) and not self._s.record.known_to_parents

    def is_secret_party(self, who: Who) -> bool:
        """Tell whether she is on the record in roles alone that this user may not know of."""
        return self.leaves_no_trace(who) and self._s.record.roles_of(who) <= self._s.record.secret_roles

    def open_to_staff(self, who: Who) -> bool:
        """Tell whether staff who work on the record may know of every protection of hers."""
        return self._s.protections.may_be_told_to_staff(who) and not self.role_secret(who)

    def may_be_told(self, about: Who) -> bool:
        """Tell whether staff who work on the record may know of every protection that a deny about her can
        rest on.
        """
        if about not in self._may_be_told:
            concerned = {about, *self._s.record.people}
            self._may_be_told[about] = all(
                self.open_to_staff(who) for who in sorted(concerned) if self.is_protected(who)
            )
        return self._may_be_told[about]
