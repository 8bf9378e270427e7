"""Import: as many puts as there are items, by the same drafts; each item alone, in order, and again."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from policy_service.api.v1 import decision_pb2, people_pb2
from policy_service.facts.ahead import FactsAhead
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.reader import FactsReader
from policy_service.facts.tables import ChangeRow
from policy_service.model.errors import InvalidArgumentError, PermissionDeniedError, PolicyServiceError
from policy_service.model.facts import FieldType
from policy_service.model.vocabulary import ContactKind, RelationKind, Role
from policy_service.service import importing
from policy_service.service.asking import NOTHING_NOTED, Note
from policy_service.service.importing import FACTS_A_TURN, Import, Imported, Refused
from policy_service.service.people import ImportPerson
from policy_service.service.people_asked import PutContactPoint, PutPerson, PutRelationship
from policy_service.service.record_put import PartyAsked, PutRecord
from policy_service.service.records import PutRecordType
from tests.promises.world import CLINIC, check, open_world
from tests.service.control import AUDITOR, OFFICER, POLICE, TRUST_OFFICER, Control, Stores, running
from tests.service.on_file import rows, said
from tests.support.installation import installation

VERA = PutPerson(("police-ref:P-1",), birth_date=date(1990, 5, 4), names=("Vera Example",))
ADAM = PutPerson(("police-ref:P-2",))
PHONE = PutContactPoint("", ContactKind.PHONE, "07700 900123", reference="CRM/7")
POST = PutContactPoint("", ContactKind.POST, "1 Example Street", home=True)
ADVERSE = PutRelationship("police-ref:P-2", "police-ref:P-1", RelationKind.ADVERSE_TO, "allegation")
PARTNER = RelationKind.PARTNER
CASE = PutRecordType("police.case", "base.case", (FieldType("report", ("report.body",), ("victim",)),))
RECORD = PutRecord("CR/1", "police.case", parties=(PartyAsked("vera", Role.VICTIM, "police-ref:P-1"),))

_VALUES = {"": (1000, 1001, 1002, 1005), "CP-1": (1003, 1004), "CP-2": (1005,)}
"""By reference, so that nobody has two points of one value: which of them a put without a reference means
would be left to their ids, which are random.
"""


def _read(item: Any) -> Any:
    """As the edge reads an item, which may find that it cannot be."""
    if isinstance(item, InvalidArgumentError):
        raise item
    return item


async def people(control: Control, *items: Any, note: Note = NOTHING_NOTED) -> Imported:
    asked = Import(items, note, _read)
    return (await control.people.import_people(OFFICER.calling("PeopleService/Import"), asked)).answer


async def records(control: Control, *items: Any) -> Imported:
    return (
        await control.records.import_records(OFFICER.calling("RecordService/Import"), Import(items))
    ).answer


async def test_an_item_names_whom_one_before_it_has_put_on_file(control: Control) -> None:
    head = control.store.head()
    came = await people(control, ImportPerson(VERA, (PHONE, POST)), ADAM, ADVERSE, note=Note("from the CRM"))
    assert came == Imported(written=3, unchanged=0, refused=())
    assert control.store.head() == head + 1
    (entry,) = control.entries()
    assert (entry.method, entry.write.reason) == ("PeopleService/Import", "from the CRM")
    assert sorted(name.partition(":")[0] for name in entry.write.facts) == sorted(
        [
            "person",
            "identifier",
            "name",
            "contact_point",
            "contact_point",
            "person",
            "identifier",
            "relationship",
        ]
    )

    await control.records.put_record_type(OFFICER.calling(), CASE)
    assert (await records(control, RECORD)).written == 1


async def test_again_it_writes_nothing_and_leaves_an_entry_that_says_so(control: Control) -> None:
    await control.records.put_record_type(OFFICER.calling(), CASE)
    items = (ImportPerson(VERA, (PHONE, POST)), ADAM, ADVERSE)
    await people(control, *items)
    await records(control, RECORD)
    before, there = rows(control.reader), said(control.reader, POLICE)
    changes = _changes(control)
    assert await people(control, *items) == Imported(0, 3, ())
    assert await records(control, RECORD) == Imported(0, 1, ())
    assert (rows(control.reader), said(control.reader, POLICE)) == (before, there)
    assert _changes(control) == changes
    assert [list(entry.write.facts) for entry in control.entries()[-2:]] == [[], []]


async def test_the_same_person_twice_in_a_message_is_one_person(control: Control) -> None:
    more = replace(VERA, identifiers=("nhs-number:943 476 5919", "police-ref:P-1"), names=("V. Example",))
    assert (await people(control, VERA, more, VERA)).written == 2
    there = said(control.reader, POLICE)
    assert sum(fact.startswith("Person ") for fact in there) == 1
    assert sum(fact.startswith("PersonIdentifier ") for fact in there) == 2
    assert sum(fact.startswith("PersonName ") for fact in there) == 2


async def test_an_item_that_is_refused_leaves_nothing_and_harms_no_other(control: Control) -> None:
    await control.people.put_person(TRUST_OFFICER.calling(), PutPerson(("nhs-number:943 476 5919",)))
    later = replace(ADVERSE, valid_from=date(2026, 3, 2), valid_until=date(2026, 3, 1))
    came = await people(
        control,
        ADAM,
        ImportPerson(replace(VERA, identifiers=("police-ref:P-9",)), (PHONE, replace(PHONE, value="none"))),
        replace(VERA, identifiers=("nobody",)),
        replace(ADVERSE, to_person="police-ref:P-9"),
        later,
        InvalidArgumentError("person.kind", "UNKNOWN_WORD", "`person.kind` is none"),
        replace(VERA, identifiers=("nhs-number:943 476 5919",)),
        VERA,
        replace(VERA, identifiers=("police-ref:P-1", "police-ref:P-2")),
        ADVERSE,
    )
    assert came.written == 3
    assert [(each.index, each.field, each.reason) for each in came.refused] == [
        (1, "contact_points[1].value", "CONTACT_UNREADABLE"),
        (2, "person.identifiers[0]", "BAD_IDENTIFIER"),
        (3, "relationship.to_person", "UNKNOWN_PERSON"),
        (4, "relationship.valid_until", "ENDS_BEFORE_IT_BEGINS"),
        (5, "person.kind", "UNKNOWN_WORD"),
        (6, "person.identifiers[0]", "NOT_AVAILABLE"),
        (8, "person.identifiers[1]", "IDENTIFIERS_OF_TWO_PEOPLE"),
    ]
    assert sum(fact.startswith("Person ") for fact in said(control.reader, POLICE)) == 2
    assert not any(fact.startswith("ContactPoint ") for fact in said(control.reader, POLICE))


async def test_only_who_may_put_may_import(control: Control) -> None:
    with pytest.raises(PermissionDeniedError):
        await control.people.import_people(AUDITOR.calling(), Import((VERA,)))
    assert not said(control.reader, POLICE)


async def test_nothing_is_made_of_the_items_of_who_may_not_import(control: Control) -> None:
    """A message of 0.5 MB takes over half a second, which nobody has without the role."""
    read: list[object] = []
    asked = Import([VERA] * 3, read=read.append)
    with pytest.raises(PermissionDeniedError):
        await control.people.import_people(AUDITOR.calling(), asked)
    with pytest.raises(PermissionDeniedError):
        await control.records.import_records(AUDITOR.calling(), asked)
    assert not read


async def test_more_than_a_revision_takes_is_several_each_with_its_entry(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_FACTS", 10)
    head = control.store.head()
    many = [PutPerson((f"police-ref:M-{i}",)) for i in range(13)]
    many[4] = PutPerson(("bad",))
    came = await people(control, *many)
    assert came == Imported(
        12, 0, (Refused(4, "person.identifiers[0]", "BAD_IDENTIFIER", came.refused[0].message),)
    )
    assert control.store.head() == head + 3
    assert [len(entry.write.facts) for entry in control.entries()] == [10, 10, 4]

    large = PutPerson(tuple(f"police-ref:L-{i}" for i in range(10)))
    assert [each.reason for each in (await people(control, large)).refused] == ["TOO_MANY_FACTS"]


async def test_a_record_that_changes_parties_within_a_message(control: Control) -> None:
    await control.records.put_record_type(OFFICER.calling(), CASE)
    await people(control, VERA, ADAM)
    adam = PartyAsked("adam", Role.SUBJECT, "police-ref:P-2")
    both = replace(RECORD, parties=(*RECORD.parties, adam))
    only_adam = replace(RECORD, parties=(adam,))
    assert (await records(control, both, only_adam, RECORD, only_adam)).written == 4
    parties = [fact for fact in said(control.reader, POLICE) if fact.startswith("RecordParty")]
    assert len(parties) == 1
    assert "party=adam" in parties[0]


async def test_puts_by_others_go_on_between_the_revisions_of_an_import(control: Control) -> None:
    """Each message waits its turn with the other writes, and they with it."""
    order: list[str] = []

    async def importing_some(part: int) -> None:
        await people(control, *(PutPerson((f"police-ref:{part}-{i}",)) for i in range(50)))
        order.append("import")

    async def putting() -> None:
        await control.people.put_person(OFFICER.calling(), VERA)
        order.append("put")

    await asyncio.gather(importing_some(1), importing_some(2), putting(), importing_some(3))
    assert order.index("put") < 3


async def test_checks_go_on_while_an_import_is_under_way(tmp_path: Path) -> None:
    """And what it has put on file is in the next of them."""
    order: list[str] = []
    async with installation(f"sqlite:///{tmp_path}/facts.db", f"sqlite:///{tmp_path}/log") as road:
        token = await open_world(road)
        road_begins = road.reader.head()

        async def importing(part: int) -> None:
            some = [
                people_pb2.PeopleItem(person=people_pb2.Person(identifiers=[f"ref:{part}-{i}"]))
                for i in range(100)
            ]
            message = people_pb2.PeopleServiceImportRequest(items=some)
            await road.call(
                "PeopleService/Import",
                message.SerializeToString(),
                token=road.administrator,
                controller=CLINIC,
            )
            order.append("import")

        async def asking() -> None:
            for _ in range(3):
                fields = [{"name": "subject.name"}]
                answer = await check(road, token, user="w.nurse", record="F-V", fields=fields)
                assert answer.effect == decision_pb2.EFFECT_PERMIT
                order.append("check")

        await asyncio.gather(*(importing(part) for part in range(4)), asking())
        assert road.reader.head() == road_begins + 4
    assert "import" in order[order.index("check") :], "the checks waited for the whole import"


class _Counting:
    """Counts what is done between two turns of the event loop."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self.turns = 0

    def did(self, count: int) -> None:
        self._now += count
        self.most = max(self.most, self._now)

    async def going_round(self) -> None:
        while True:
            self._now = 0
            self.turns += 1
            await asyncio.sleep(0)


@pytest.mark.parametrize("kind", ["people", "ties", "refused", "records"])
async def test_the_items_of_a_message_let_others_have_their_turn_among_them(
    kind: str, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IN TURNS: whatever is read, prepared or drafted, no more than so many facts and one item at a time."""
    async with on_sqlite(sqlite_template, tmp_path) as control:
        await control.records.put_record_type(OFFICER.calling(), CASE)
        await people(control, VERA, *(PutPerson((f"police-ref:{n}",)) for n in range(300)))
        counting = _Counting()
        items: list[Any]
        match kind:
            case "people":
                items, size = [PutPerson((f"police-ref:new-{n}",)) for n in range(300)], 2
            case "ties":
                items = [PutRelationship("police-ref:P-1", f"police-ref:{n}", PARTNER) for n in range(300)]
                size = 1
            case "refused":
                items, size = [PutPerson(("bad",))] * 300, 1
            case _:
                parties = tuple(PartyAsked(f"p{n}", Role.VICTIM, f"police-ref:{n}") for n in range(9))
                items, size = [PutRecord(f"CR/{n}", "police.case", parties=parties) for n in range(60)], 10

        def read(item: Any) -> Any:
            counting.did(size)
            return item

        add = FactsAhead.add

        def counted(view: FactsAhead, facts: Any, removed: Any = ()) -> int:
            counting.did(len(facts))
            return add(view, facts, removed)

        monkeypatch.setattr(FactsAhead, "add", counted)
        rounds = asyncio.create_task(counting.going_round())
        put = control.records.import_records if kind == "records" else control.people.import_people
        came = (await put(OFFICER.calling(), Import(items, read=read))).answer
        rounds.cancel()
    assert came.written == (0 if kind == "refused" else len(items))
    assert 0 < counting.most < FACTS_A_TURN + size
    assert counting.turns > len(items) * size // FACTS_A_TURN


async def test_an_item_is_prepared_once_whatever_must_be_loaded_for_it(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_sqlite(sqlite_template, tmp_path) as control:
        await people(control, ImportPerson(VERA, (PHONE, POST)), ADAM)
        made: list[str] = []
        contact = Fingerprinter.contact

        def counted(self: Fingerprinter, kind: ContactKind, value: str) -> Any:
            made.append(value)
            return contact(self, kind, value)

        monkeypatch.setattr(Fingerprinter, "contact", counted)
        more = replace(PHONE, value="07700 900124", reference="CRM/8")
        came = await people(control, ImportPerson(VERA, (PHONE, more)), ADVERSE)
    assert (came.written, made) == (2, [PHONE.value, more.value])


async def test_what_a_message_looks_up_is_loaded_by_a_few_statements_and_not_remembered(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_sqlite(sqlite_template, tmp_path) as control:
        many = [PutPerson((f"police-ref:{n}",)) for n in range(200)]
        loads: list[int] = []
        load = FactsReader.load

        def counted(self: FactsReader, wanted: Any, revision: Any, most: int | None = None) -> Any:
            loads.append(len(wanted))
            return load(self, wanted, revision, most)

        monkeypatch.setattr(FactsReader, "load", counted)
        await people(control, *many)
        assert loads == [1, 200]  # the token, and the identifiers
        loads.clear()
        ties = [PutRelationship("police-ref:0", f"police-ref:{n}", PARTNER) for n in range(1, 200)]
        await people(control, *ties)
        # The identifiers, with them the people, and what they are to one another; the token is remembered.
        assert loads == [200, 200, 200]
        loads.clear()
        reachable = [
            ImportPerson(PutPerson((f"police-ref:{n}",)), (replace(PHONE, value=f"07700 900{n:03}"),))
            for n in range(100, 300)
        ]
        await people(control, *reachable)
        # The identifiers, and who has those phones; of the half that is on file the people, their names and
        # their points.
        assert loads == [400, 100, 100, 100]


async def test_of_a_message_only_what_the_next_revision_takes_is_looked_up(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_FACTS", 10)
    async with on_sqlite(sqlite_template, tmp_path) as control:
        loads: list[int] = []
        load = FactsReader.load

        def counted(self: FactsReader, wanted: Any, revision: Any, most: int | None = None) -> Any:
            loads.append(sum(key[0] == "person_by_identifier" for key in wanted))
            return load(self, wanted, revision, most)

        monkeypatch.setattr(FactsReader, "load", counted)
        await people(control, *(PutPerson((f"police-ref:{n}",)) for n in range(13)))
    assert [each for each in loads if each] == [5, 5, 3]


@asynccontextmanager
async def on_sqlite(template: Path, directory: Path) -> AsyncIterator[Control]:
    """For what no store can change."""
    shutil.copytree(template, directory, dirs_exist_ok=True)
    async with running(Stores(f"sqlite:///{directory}/facts.db", f"sqlite:///{directory}/log")) as control:
        yield control


def _changes(control: Control) -> int:
    return int(control.reader.rows(select(func.count()).select_from(ChangeRow))[0][0])


@pytest.mark.parametrize("seed", range(3))
async def test_an_import_is_what_the_puts_one_by_one_would_be(
    seed: int, sqlite_template: Path, tmp_path: Path
) -> None:
    """Among few identifiers, so that items meet: the same person again, two people at once, nobody at all."""
    dice = random.Random(seed)
    items = [_item(dice) for _ in range(150)]
    outcomes: list[list[str]] = []
    stores = []
    for name in ("one-by-one", "imported"):
        directory = tmp_path / name
        shutil.copytree(sqlite_template, directory)
        stores.append(Stores(f"sqlite:///{directory}/facts.db", f"sqlite:///{directory}/log"))
    async with running(stores[0]) as control:
        await control.records.put_record_type(OFFICER.calling(), CASE)
        outcomes.append([await _put(control, item) for item in items])
        expected = said(control.reader, POLICE)
    async with running(stores[1]) as control:
        await control.records.put_record_type(OFFICER.calling(), CASE)
        outcomes.append(await _import(control, items, dice))
        assert said(control.reader, POLICE) == expected
    assert outcomes[0] == outcomes[1]
    assert {"put", "UNKNOWN_PERSON", "IDENTIFIERS_OF_TWO_PEOPLE"} <= {*outcomes[0]}


def _item(dice: random.Random) -> Any:
    def who() -> str:
        return f"police-ref:{dice.randrange(12)}"

    def point(owner: str) -> PutContactPoint:
        reference = dice.choice(["", "", "CP-1", "CP-2"])
        value = f"0770090{dice.choice(_VALUES[reference])}"
        return PutContactPoint(owner, ContactKind.PHONE, value, reference, shared=dice.random() < 0.5)

    def person() -> PutPerson:
        names = ("Ana Example",) if dice.random() < 0.5 else ()
        born = dice.choice([None, date(1990, 5, 4), date(1991, 5, 4)])
        return PutPerson(
            tuple(dict.fromkeys(who() for _ in range(dice.randint(1, 2)))), birth_date=born, names=names
        )

    match dice.randrange(5):
        case 0:
            return person()
        case 1:
            return ImportPerson(person(), tuple(point("") for _ in range(dice.randint(1, 3))))
        case 2:
            return point(who())
        case 3:
            kind = dice.choice([RelationKind.PARTNER, RelationKind.LIVES_WITH])
            return PutRelationship(who(), who(), kind, valid_from=dice.choice([None, date(2026, 1, 1)]))
        case _:
            parties = tuple(
                PartyAsked(key, Role.VICTIM, who())
                for key in dice.sample(["a", "b", "c"], dice.randint(1, 2))
            )
            return PutRecord(f"CR/{dice.randrange(4)}", "police.case", parties=parties)


async def _put(control: Control, item: Any) -> str:
    """By its own method; of a person with contact points all, or where one is refused nothing."""
    call = OFFICER.calling()
    try:
        match item:
            case PutPerson():
                await control.people.put_person(call, item)
            case ImportPerson():
                await control.people.put_person(call, item.person)
                for each in item.contact_points:
                    owned = replace(each, owner=item.person.identifiers[0])
                    await control.people.put_contact_point(call, owned)
            case PutContactPoint():
                await control.people.put_contact_point(call, item)
            case PutRelationship():
                await control.people.put_relationship(call, item)
            case _:
                await control.records.put_record(call, item)
    except PolicyServiceError as error:
        return error.reason
    return "put"


async def _import(control: Control, items: list[Any], dice: random.Random) -> list[str]:
    """In messages of any length, each of one service."""
    outcomes: list[str] = []
    rest = list(items)
    while rest:
        are_records = isinstance(rest[0], PutRecord)
        chunk: list[Any] = []
        most = dice.randint(1, 40)
        while rest and isinstance(rest[0], PutRecord) == are_records and len(chunk) < most:
            chunk.append(rest.pop(0))
        came = await (records if are_records else people)(control, *chunk)
        told = dict.fromkeys(range(len(chunk)), "put") | {each.index: each.reason for each in came.refused}
        outcomes.extend(told[i] for i in range(len(chunk)))
    return outcomes
