"""Whether the words that a manager writes mean anything to the organisation.

A category, a record, a team or a role that nothing else names would be on file without effect, and whoever
wrote it would think that it protects. What is certain to mean nothing is refused, with the nearest word. What
may still come to mean something is taken with a note: a system that describes records in its calls may name
one that is not on file, and teams and roles are words of the organisation's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Controller, FieldType, Record, RecordType, User
from policy_service.model.spelling import perhaps
from policy_service.model.vocabulary import CATEGORIES
from policy_service.service.fresh_facts import FreshFacts
from policy_service.service.record_types import bases_of
from policy_service.service.references import numbered

MOST_LOOKED_THROUGH = 1_000
"""Users, and as many records, that are looked through for a word; where there are more, nothing is said."""

_TEAM, _ROLE = "team", "role"


def check_categories_held(
    view: FactsView, controller: Controller, categories: Sequence[str], field: str
) -> None:
    """Each is fixed, or of an open family and in some field of a type: of the organisation's records, of its
    artefacts, or of the base types. `UNKNOWN_CATEGORY` for any other, which would meet no field.
    """
    own = {place: name for place, name in numbered(categories, field).items() if name not in CATEGORIES}
    if not own:
        return
    wanted = (keys.record_types_of(controller), keys.artefact_types_of(controller))
    view.prefetch(keys.policy_set(), *wanted)
    held = set(_categories_held(view, controller))
    for place, name in own.items():
        if name not in held:
            near = perhaps(name, sorted(held | CATEGORIES), otherwise="; declare it in a record type first")
            raise InvalidArgumentError(
                place, "UNKNOWN_CATEGORY", f"`{place}` is in no field of a record type on file{near}"
            )


def check_records(view: FactsView, controller: Controller, records: Mapping[str, str]) -> tuple[str, ...]:
    """Notes of the records (field → reference) that are not on file; `UNKNOWN_RECORD` where the organisation
    has systems and none of them may describe one, so that it can only be a slip.
    """
    wanted = (keys.record(controller, reference) for reference in records.values())
    view.prefetch(keys.systems_of(controller), *wanted)
    missing = [field for field, reference in records.items() if view.record(controller, reference) is None]
    systems = view.systems_of(controller)
    if missing and systems and not any(system.may_describe for system in systems):
        raise InvalidArgumentError(
            missing[0],
            "UNKNOWN_RECORD",
            f"`{missing[0]}` names no record on file, and no system describes any",
        )
    return tuple(
        f"`{field}` names no record on file: it counts where a system describes one of that reference"
        for field in missing
    )


def check_users(view: FactsView, controller: Controller, users: Mapping[str, str]) -> tuple[str, ...]:
    """Notes of the users (field → reference) who are not on file; `UNKNOWN_USER` where the organisation has
    systems and none of them may describe one, so that it can only be a slip.
    """
    wanted = (keys.user(controller, reference) for reference in users.values())
    view.prefetch(keys.systems_of(controller), *wanted)
    missing = [field for field, reference in users.items() if view.user(controller, reference) is None]
    systems = view.systems_of(controller)
    if missing and systems and not any(system.may_describe for system in systems):
        raise InvalidArgumentError(missing[0], "UNKNOWN_USER", f"`{missing[0]}` names no user on file")
    return tuple(
        f"`{field}` names no user on file: it counts where a system describes one of that reference"
        for field in missing
    )


async def notes_of_words(
    facts: FreshFacts, controller: Controller, recipients: Mapping[str, str]
) -> tuple[str, ...]:
    """Notes of the teams and roles among `recipients` (field → `team:REF`, `role:NAME`) that nothing on file
    names: no user, record, grant or record type.
    """
    words = {
        field: (kind, name)
        for field, recipient in recipients.items()
        for kind, _, name in [recipient.partition(":")]
        if kind in (_TEAM, _ROLE)
    }
    if not words:
        return ()

    async def look(view: FactsView) -> dict[str, set[str]] | None:
        view.prefetch(keys.policy_set(), keys.systems_of(controller), keys.record_types_of(controller))
        most, revision = MOST_LOOKED_THROUGH, view.revision
        users = await facts.page(User, controller, "", most, revision)
        records = await facts.page(Record, controller, "", most, revision)
        if most in (len(users), len(records)):
            return None
        return _names_used(view, controller, users, records)

    used = await facts.at_head(look)
    if used is None:
        return ()
    return tuple(
        f"`{field}`: no user, record, grant or record type names this {kind}"
        f"{perhaps(name, sorted(used[kind]))}"
        for field, (kind, name) in words.items()
        if name not in used[kind]
    )


def _names_used(
    view: FactsView, controller: Controller, users: Iterable[User], records: Iterable[Record]
) -> dict[str, set[str]]:
    teams: set[str] = set()
    roles: set[str] = set()
    for user in users:
        teams.update(user.teams)
        roles.update(user.roles)
    for record in records:
        teams.update(record.teams)
    for system in view.systems_of(controller):
        teams.update(system.assert_teams)
        roles.update(system.assert_roles, *(one.roles for one in system.role_purposes))
    teams.update(each.protection_team for each in _record_types(view, controller) if each.protection_team)
    return {_TEAM: teams, _ROLE: roles}


def _record_types(view: FactsView, controller: Controller) -> Iterator[RecordType]:
    yield from bases_of(view).values()
    yield from view.record_types_of(controller)


def _categories_held(view: FactsView, controller: Controller) -> Iterator[str]:
    fields: list[FieldType] = []
    for record_type in _record_types(view, controller):
        fields.extend(record_type.fields)
    for artefact_type in view.artefact_types_of(controller):
        fields.extend(artefact_type.envelope)
    for field in fields:
        yield from field.categories
        for part in field.parts:
            yield from part.categories
