"""How many contact points of one value, or of one UPRN, an organisation has: its own alone are counted."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import ContactPoint, Controller, Fingerprint, PersonId
from policy_service.model.vocabulary import ContactKind
from policy_service.service import contact_points
from policy_service.service.importing import Import
from policy_service.service.people import ImportPerson
from policy_service.service.people_asked import PutContactPoint, PutPerson
from tests.service.control import KEY, OFFICER, Stores, running
from tests.support.statements import statements


@pytest.mark.parametrize("by", ["value", "uprn"])
async def test_one_organisation_has_no_more_contact_points_of_one_value_than_leave_others_their_decisions(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """A decision about somebody gives up where too many are reached as she is, whoever put them on file."""
    shutil.copytree(sqlite_template, tmp_path, dirs_exist_ok=True)
    async with running(Stores(f"sqlite:///{tmp_path}/facts.db", f"sqlite:///{tmp_path}/log")) as control:
        monkeypatch.setattr(contact_points, "MOST_POINTS_OF_ONE_VALUE", 3)
        mac = Fingerprinter(KEY)
        where = PutContactPoint("", ContactKind.POST, "1 Example Street", uprn="100023336956")
        value, uprn = mac.contact(where.kind, where.value), mac.uprn(where.uprn)
        if by == "value":
            where, uprn = replace(where, uprn=""), Fingerprint("")
        else:
            value = Fingerprint("another")
        others = [
            ContactPoint(f"t-{n}", Controller("trust"), PersonId("t"), ContactKind.POST, value, uprn=uprn)
            for n in range(3)
        ]
        control.put(*others)  # which are not for this organisation to know

        def point(number: int, **other: Any) -> PutContactPoint:
            # Of one UPRN many addresses; of one value many owners, or references of one owner.
            address = where.value if by == "value" else f"{number} Example Street"
            return replace(where, value=address, reference=f"CP-{number}", **other)

        async def put(*items: Any) -> list[tuple[str, str]]:
            asked = Import(items)
            done = await control.people.import_people(OFFICER.calling("PeopleService/Import"), asked)
            return [(each.field, each.reason) for each in done.answer.refused]

        owner = PutPerson(("police-ref:1",))
        too_many = [(f"contact_points[3].{by}", "TOO_MANY")]
        assert await put(ImportPerson(owner, tuple(map(point, range(4))))) == too_many
        assert not await put(ImportPerson(owner, tuple(map(point, range(2)))))
        other = PutPerson(("police-ref:2",))
        one_more = point(3, owner="police-ref:2")
        assert await put(other, point(2, owner="police-ref:2"), one_more) == [
            (f"contact_point.{by}", "TOO_MANY")
        ]
        with pytest.raises(InvalidArgumentError) as refused, statements() as seen:
            await control.people.put_contact_point(OFFICER.calling(), one_more)
        # The time that it takes tells nothing of how many others are reached so.
        column = "contact_points.fingerprint" if by == "value" else "contact_points.uprn"
        looks = [each.partition("WHERE")[2] for each in seen if "FROM contact_points" in each]
        assert any(column in where for where in looks)
        assert all("contact_points.controller = " in where for where in looks if column in where)
        assert (refused.value.field, refused.value.reason) == (f"contact_point.{by}", "TOO_MANY")
        assert await put(ImportPerson(other, (replace(one_more, owner=""),))) == [
            (f"contact_points[0].{by}", "TOO_MANY")
        ]
        # Again, and with something else about it.
        again = point(1, owner="police-ref:1", shared=True)
        await control.people.put_contact_point(OFFICER.calling(), again)
        monkeypatch.setattr(contact_points, "MOST_POINTS_OF_ONE_VALUE", 2)  # who had more before
        assert not await put(again, ImportPerson(owner, tuple(map(point, range(2)))))
        # One that goes makes room for another.
        monkeypatch.setattr(contact_points, "MOST_POINTS_OF_ONE_VALUE", 3)
        elsewhere = replace(point(1, owner="police-ref:1"), value="9 Elsewhere Road", uprn="")
        assert not await put(elsewhere, one_more)
