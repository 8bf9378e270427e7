"""ListSets, GetSet and Diff: what is on file, since when and why, and the very bytes of it."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from policy_service.model.errors import InvalidArgumentError, NotAvailableError, PermissionDeniedError
from policy_service.service import policy_sets
from policy_service.service.pages import PageAsked
from policy_service.service.policies import files_of, set_of, shipped_policy_set
from policy_service.service.policy_diff import ChangeKind, FileChange, compare
from policy_service.service.policy_sets import Diff, GetSet, ListSets
from policy_service.service.validate_policies import PolicyFile
from tests.service.control import AUDITOR, FIRST, NOON, POLICIES, Control
from tests.service.test_publishing import CONTRACT, SHIPPED, on_file, publish, rollback, with_line


async def test_the_history_tells_when_and_why_and_what_is_published_now(control: Control) -> None:
    one = await on_file(control, "# one\n")
    never = await on_file(control, "# never\n")
    control.clock.now = NOON + timedelta(hours=1)
    await publish(control, one)
    control.clock.now = NOON + timedelta(hours=2)
    await rollback(control, one)
    listed = await control.policy_sets.list_sets(AUDITOR.calling("PolicyService/ListSets"), ListSets())
    assert [each.policy_set_id for each in listed.items] == [never, one, SHIPPED.policy_set_id]
    assert [each.is_published for each in listed.items] == [False, False, True]
    assert listed.items[0].publications == ()
    (only,) = listed.items[1].publications
    assert (only.at, only.ended_at, only.reason) == (
        NOON + timedelta(hours=1),
        NOON + timedelta(hours=2),
        "now",
    )
    assert only.actor == "installation:first"
    again, before = listed.items[2].publications
    assert (again.reason, again.ended_at) == ("back", None)
    assert before.ended_at == NOON + timedelta(hours=1)
    entry = control.entries()[-1]
    assert list(entry.read.facts) == [f"policy_set:{each.policy_set_id}" for each in listed.items]


async def test_pages_do_not_shift_when_another_set_comes(control: Control) -> None:
    names = [await on_file(control, f"# {n}\n") for n in range(3)]
    call, found, token = AUDITOR.calling("PolicyService/ListSets"), [], ""
    while True:
        listed = await control.policy_sets.list_sets(call, ListSets(PageAsked(2, token)))
        found += [each.policy_set_id for each in listed.items]
        token = listed.next_page_token
        if not token:
            break
        await on_file(control, f"# meanwhile {len(found)}\n")
    assert found == [*reversed(names), SHIPPED.policy_set_id]


@pytest.mark.parametrize("published", [True, False])
async def test_a_set_comes_byte_for_byte(control: Control, published: bool) -> None:
    """Also line ends, and a file that does not end with one."""
    sent = with_line("# é\r\n# no line break")
    name = await on_file(control, "# é\r\n# no line break")
    if published:
        await publish(control, name)
    found = await control.policy_sets.get_set(AUDITOR.calling(), GetSet("" if published else name))
    assert found.files.items == sent
    assert (found.on_file.policy_set_id, found.on_file.is_published) == (name, published)
    assert set_of((file.name, file.text) for file in found.files.items).policy_set_id == name


async def test_what_is_larger_than_an_answer_comes_in_several(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_sets, "PAGE_BYTES", 20_000)
    found: list[PolicyFile] = []
    token, pages = "", 0
    while pages == 0 or token:
        got = await control.policy_sets.get_set(AUDITOR.calling("G"), GetSet(page=PageAsked(token=token)))
        assert got.files.items
        found += got.files.items
        token, pages = got.files.next_page_token, pages + 1
    assert pages > 2
    assert tuple((file.name, file.text) for file in found) == files_of(SHIPPED)
    name = await on_file(control, "# own\n")
    got = await control.policy_sets.get_set(AUDITOR.calling("G"), GetSet())
    with pytest.raises(InvalidArgumentError) as refused:
        await control.policy_sets.get_set(
            AUDITOR.calling("G"), GetSet(name, PageAsked(token=got.files.next_page_token))
        )
    assert refused.value.reason == "BAD_PAGE_TOKEN"


async def test_what_is_not_on_file_is_not_available(control: Control) -> None:
    for field, ask in (
        ("policy_set", control.policy_sets.get_set(AUDITOR.calling(), GetSet("set-none"))),
        ("before", control.policy_sets.diff(AUDITOR.calling(), Diff("set-none"))),
        ("after", control.policy_sets.diff(AUDITOR.calling(), Diff("", "set-none"))),
    ):
        with pytest.raises(NotAvailableError) as refused:
            await ask
        assert refused.value.field == field


async def test_nobody_without_a_role_is_told(control: Control) -> None:
    call = control.manager("police-nobody").calling()
    for ask in (
        control.policy_sets.list_sets(call, ListSets()),
        control.policy_sets.get_set(call, GetSet()),
        control.policy_sets.diff(call, Diff()),
    ):
        with pytest.raises(PermissionDeniedError):
            await ask


async def test_a_diff_names_the_sets_and_each_file(control: Control) -> None:
    name = await on_file(control, "# own\n")
    call = AUDITOR.calling()
    found = await control.policy_sets.diff(call, Diff("", name))
    assert (found.before, found.after, found.published) == (
        SHIPPED.policy_set_id,
        name,
        SHIPPED.policy_set_id,
    )
    (change,) = found.changes
    assert (change.name, change.kind) == (CONTRACT, ChangeKind.CHANGED)
    assert change.diff.endswith("+# own\n")
    assert (await control.policy_sets.diff(call, Diff(name, name))).changes == ()
    back = await control.policy_sets.diff(call, Diff(name, SHIPPED.policy_set_id))
    assert back.changes[0].diff.endswith("-# own\n")


async def test_a_diff_with_files_stores_nothing_and_takes_them_wrong(control: Control) -> None:
    head = control.store.head()
    files = (PolicyFile("own.yaml", "no policy"), *with_line("")[1:])
    found = await control.policy_sets.diff(FIRST.calling(), Diff(files=files))
    assert [(each.name, each.kind) for each in found.changes] == [
        (SHIPPED.documents[0][0], ChangeKind.REMOVED),
        ("own.yaml", ChangeKind.ADDED),
    ]
    assert control.store.head() == head
    assert control.entries()[-1].read.facts[1] == f"policy_files:{found.after}"


# --- what a diff says, without a store ----------------------------------------------------------------------

TEXTS = [
    "",
    "a\n",
    "a",
    "a\nb\n",
    "a\nb",
    "b\na\n",
    "x\r\ny\r\n",
    "a\u2028b\x0cc\n" * 3,
    "one\n" * 40 + "two\n",
]


@pytest.mark.parametrize("most", [10**6, 0], ids=["compared", "as a whole"])
def test_patch_makes_the_one_of_the_other(tmp_path: Path, most: int) -> None:
    """Whatever the line ends, and also where lines were not compared."""
    for before in TEXTS:
        for after in TEXTS:
            changes = compare([("f.yaml", before)], [("f.yaml", after)], most=most)
            assert bool(changes) == (before != after)
            if not changes or not before or not after:
                continue  # `patch` takes an empty file for one that is not there
            (tmp_path / "f.yaml").write_bytes(before.encode())
            patched = subprocess.run(
                ["patch", "--binary", "-p1"],
                cwd=tmp_path,
                input=changes[0].diff.encode(),
                capture_output=True,
                check=False,
            )
            assert patched.returncode == 0, (before, after, patched.stdout, changes[0].diff)
            assert (tmp_path / "f.yaml").read_bytes().decode() == after


def test_files_stand_in_their_order_and_twins_are_left_out() -> None:
    changes = compare(
        [("a/b.yaml", "1\n"), ("a-b/c.yaml", "2\n"), ("same.yaml", "3\n")],
        [("same.yaml", "3\n"), ("a/z.yaml", "4\n")],
    )
    assert [(each.name, each.kind) for each in changes] == [
        ("a/b.yaml", ChangeKind.REMOVED),
        ("a/z.yaml", ChangeKind.ADDED),
        ("a-b/c.yaml", ChangeKind.REMOVED),
    ]
    assert changes[1] == FileChange(
        "a/z.yaml", ChangeKind.ADDED, "--- /dev/null\n+++ b/a/z.yaml\n@@ -0,0 +1 @@\n+4\n"
    )


def test_line_ends_are_part_of_a_set(tmp_path: Path) -> None:
    for name, text in files_of(SHIPPED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.replace("\n", "\r\n").encode())
    read = shipped_policy_set(tmp_path)
    assert read == set_of((name, text.replace("\n", "\r\n")) for name, text in files_of(SHIPPED))
    assert read.policy_set_id != SHIPPED.policy_set_id


def test_the_shipped_folder_and_its_files_are_one_set() -> None:
    """Whoever reads it, from whichever end."""
    files = files_of(SHIPPED)
    assert set_of(reversed(files)) == SHIPPED == shipped_policy_set(POLICIES)
    assert dict(files) == {
        file.relative_to(POLICIES).as_posix(): file.read_bytes().decode()
        for file in POLICIES.rglob("*.yaml")
        if file.relative_to(POLICIES).parts[0] != "tests"
    }
