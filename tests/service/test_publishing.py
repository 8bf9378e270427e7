"""PutSet, Publish and Rollback: whole or not at all, one officer at a time, and prepared before it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from policy_service.facts import keys
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    NotAvailableError,
    PermissionDeniedError,
    UnavailableError,
)
from policy_service.model.facts import INSTALLATION, PolicySet, RecordType, Revision
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import Done, Note
from policy_service.service.history import HistoryOf
from policy_service.service.pages import PageAsked
from policy_service.service.past import AsOf
from policy_service.service.policies import files_of, set_of, shipped_policy_set, to_file
from policy_service.service.policy_sets import GetSet, ListSets
from policy_service.service.publishing import Publish, Publishing, PutSet, Rollback
from policy_service.service.validate_policies import PolicyFile
from tests.service.control import (
    ADMIN,
    AUDITOR,
    FIRST,
    OFFICER,
    POLICIES,
    TRUST,
    Control,
    Manager,
    Stores,
    running,
)

SHIPPED = shipped_policy_set(POLICIES)
CONTRACT = "disclosure/basis/contract.yaml"
CASE = """\
gate: disclosure
cases:
- title: a contractor for whom nothing is on file
  given: {context.recipient.organisation_roles: [contractor]}
  expect: {effect: %s, reason: CONTRACT}
"""


OTHER = PolicyFile("tests/other.yaml", (CASE % "permit").replace("a contractor", "another"))


def with_line(line: str) -> tuple[PolicyFile, ...]:
    """The shipped set with one comment more."""
    return tuple(
        PolicyFile(name, text + line if name == CONTRACT else text) for name, text in files_of(SHIPPED)
    )


def without(folder: str) -> tuple[PolicyFile, ...]:
    return tuple(PolicyFile(*pair) for pair in files_of(SHIPPED) if not pair[0].startswith(folder))


async def on_file(control: Control, line: str, manager: Manager = FIRST, note: Note | None = None) -> str:
    """Put the shipped set on file with one line more; its id."""
    call = manager.calling("PolicyService/PutSet")
    done = await control.publishing.put_set(call, PutSet(with_line(line), note=note or Note("why")))
    return done.answer


def publish(
    control: Control, policy_set_id: str, expected: str = SHIPPED.policy_set_id, note: Note | None = None
) -> Awaitable[Done[str]]:
    call = FIRST.calling("PolicyService/Publish")
    return control.publishing.publish(call, Publish(policy_set_id, expected, note or Note("now")))


def rollback(
    control: Control, expected: str, policy_set_id: str = "", note: Note | None = None
) -> Awaitable[Done[str]]:
    call = FIRST.calling("PolicyService/Rollback")
    return control.publishing.rollback(call, Rollback(policy_set_id, expected, note or Note("back")))


async def published(control: Control) -> PolicySet:
    """What a check in another process decides by."""
    found = (await control.seen_elsewhere(keys.policy_set())).policy_set()
    assert found is not None
    return found


# --- put_set ------------------------------------------------------------------------------------------------


async def test_a_set_on_file_is_not_published(control: Control) -> None:
    name = await on_file(control, "# own\n")
    assert (await published(control)).policy_set_id == SHIPPED.policy_set_id
    view = await control.seen_elsewhere(keys.filed_policy_set(name))
    filed = view.filed_policy_set(name)
    assert filed is not None
    assert files_of(filed) == tuple((file.name, file.text) for file in with_line("# own\n"))
    (entry,) = control.entries()
    assert (entry.method, entry.controller) == ("PolicyService/PutSet", INSTALLATION)
    assert list(entry.write.facts) == [f"filed_policy_set:{name}"]
    assert control.prepared == []


async def test_files_in_any_order_are_one_set_and_on_file_once(control: Control) -> None:
    name = await on_file(control, "# own\n")
    again = PutSet(tuple(reversed(with_line("# own\n"))))
    done = await control.publishing.put_set(FIRST.calling(), again)
    assert done.answer == name
    view = await control.seen_elsewhere(keys.filed_policy_set(name))
    assert view.filed_policy_set(name) is not None


@pytest.mark.parametrize(
    ("asked", "field", "reason", "text"),
    [
        (
            PutSet((*with_line(""), PolicyFile("own.yaml", "uid: own\ntitle: x\n"))),
            f"files[{len(files_of(SHIPPED))}].text",
            "SET_NOT_VALID",
            "`Validate` tells all of them",
        ),
        (PutSet(without("messages/")), "files", "SET_NOT_VALID", "`files` have one problem"),
        (
            PutSet(with_line(""), (PolicyFile("tests/own.yaml", "gate: nowhere\n"),)),
            "cases[0].text",
            "CASES_NOT_VALID",
            "`Test` tells all of them",
        ),
        (
            PutSet(with_line(""), (PolicyFile("tests/own.yaml", CASE % "deny"),)),
            "cases",
            "CASES_FAILED",
            "1 of 1 cases",
        ),
    ],
    ids=["a file is wrong", "no messages", "a case is wrong", "a case fails"],
)
async def test_what_is_wrong_is_refused_and_nothing_is_on_file(
    control: Control, asked: PutSet, field: str, reason: str, text: str
) -> None:
    head = control.store.head()
    with pytest.raises(InvalidArgumentError) as refused:
        await control.publishing.put_set(FIRST.calling(), asked)
    assert (refused.value.field, refused.value.reason) == (field, reason)
    assert text in refused.value.message
    assert control.store.head() == head
    assert control.entries() == []  # the edge leaves that of the refusal


async def test_cases_that_come_out_as_expected_let_it_in_and_are_kept(control: Control) -> None:
    """Until it is tried on others."""
    own = with_line("# own\n")
    name = set_of((file.name, file.text) for file in own).policy_set_id
    case = PolicyFile("tests/own.yaml", CASE % "permit")
    for cases, kept in (((), ()), ((case,), (case,)), ((), (case,)), ((OTHER, case), (OTHER, case))):
        done = await control.publishing.put_set(FIRST.calling(), PutSet(own, cases))
        assert done.answer == name
        call = AUDITOR.calling()
        got = await control.policy_sets.get_set(call, GetSet(name))
        assert got.cases == kept
        assert got.on_file.tried == len(kept)
        (listed, _) = (await control.policy_sets.list_sets(call, ListSets())).items
        assert (listed.policy_set_id, listed.tried) == (name, len(kept))
        assert got.files.items == own
    then = [each.facts_token for each in (await control.policy_sets.history(call, HistoryOf(name))).items]
    assert len(then) == 3
    for token, tried in zip(then, (2, 1, 0), strict=True):
        asked = GetSet(name, PageAsked(as_of=AsOf(token)))
        assert (await control.policy_sets.get_set(call, asked)).on_file.tried == tried


async def test_a_key_is_of_one_body(control: Control) -> None:
    note = Note("why", "key-1", b"one")
    name = await on_file(control, "# own\n", note=note)
    head = control.store.head()
    assert await on_file(control, "# own\n", note=note) == name
    assert control.store.head() == head
    with pytest.raises(ConflictError) as refused:
        await on_file(control, "# other\n", note=Note("why", "key-1", b"two"))
    assert refused.value.reason == "IDEMPOTENCY_KEY_REUSED"


# --- who may ------------------------------------------------------------------------------------------------


async def test_only_the_installations_own_officers_and_administrators(control: Control) -> None:
    officer = control.manager("all-officer", StaffRole.PRIVACY_OFFICER, controller=INSTALLATION)
    auditor = control.manager("all-auditor", StaffRole.AUDITOR, controller=INSTALLATION)
    name = await on_file(control, "# own\n", officer)
    call = officer.calling("PolicyService/Publish")
    await control.publishing.publish(call, Publish(name, SHIPPED.policy_set_id))
    for manager, reason in (
        (ADMIN, "INSTALLATION_ONLY"),
        (OFFICER, "INSTALLATION_ONLY"),
        (auditor, "ROLE_REQUIRED"),
        (AUDITOR, "ROLE_REQUIRED"),
    ):
        call = manager.calling()
        for ask in (
            control.publishing.put_set(call, PutSet(with_line(""))),
            control.publishing.publish(call, Publish(SHIPPED.policy_set_id, name)),
            control.publishing.rollback(call, Rollback("", name)),
        ):
            with pytest.raises(PermissionDeniedError) as refused:
                await ask
            assert refused.value.reason == reason
    assert (await published(control)).policy_set_id == name
    assert control.prepared == [name]


# --- publish ------------------------------------------------------------------------------------------------


async def test_what_is_published_is_the_next_head(control: Control) -> None:
    name = await on_file(control, "# own\n")
    before = control.store.head()
    done = await publish(control, name)
    assert done.answer == name
    assert control.store.head() == before + 1
    now = await published(control)
    assert now.policy_set_id == name
    assert files_of(now) == tuple((file.name, file.text) for file in with_line("# own\n"))
    assert control.prepared == [name]
    entry = control.entries()[-1]
    assert entry.method == "PolicyService/Publish"
    assert {f"policy_set:{name}", f"policy_set:{SHIPPED.policy_set_id}"} <= {*entry.write.facts}
    assert entry.write.reason == "now"


async def test_what_is_published_already_stays_so(control: Control) -> None:
    name = await on_file(control, "# own\n")
    await publish(control, name)
    assert (await publish(control, name)).answer == name
    assert (await publish(control, name, expected="set-whatever")).answer == name
    assert control.prepared == [name]
    assert (await published(control)).policy_set_id == name


async def test_a_set_that_is_not_on_file_is_not_available(control: Control) -> None:
    with pytest.raises(NotAvailableError):
        await publish(control, "set-none")
    assert control.prepared == []


async def test_of_two_publishers_at_once_one_is_told_of_the_other(control: Control) -> None:
    names = [await on_file(control, "# one\n"), await on_file(control, "# two\n")]
    came = await asyncio.gather(*(publish(control, name) for name in names), return_exceptions=True)
    (refused,) = [each for each in came if isinstance(each, ConflictError)]
    (done,) = [each for each in came if isinstance(each, Done)]
    assert refused.reason == "PUBLISHED_MEANWHILE"
    assert (await published(control)).policy_set_id == done.answer


async def test_whoever_published_in_another_process_meanwhile_is_not_undone(
    control: Control, stores: Stores
) -> None:
    """Between the preparing and the write, on a store that two controls may write."""
    if stores.facts_url.startswith("sqlite"):
        pytest.skip("one control writes to a SQLite store")
    one, two = await on_file(control, "# one\n"), await on_file(control, "# two\n")
    async with running(stores, "other") as other:

        async def slow(_: str, __: Revision) -> None:
            await publish(other, two)

        publishing = Publishing(control.desk, control.policy_questions, slow)
        with pytest.raises(ConflictError) as refused:
            await publishing.publish(FIRST.calling(), Publish(one, SHIPPED.policy_set_id))
    assert refused.value.reason == "PUBLISHED_MEANWHILE"
    assert (await published(control)).policy_set_id == two


async def test_where_a_worker_says_no_nothing_is_published(control: Control) -> None:
    name = await on_file(control, "# own\n")
    head = control.store.head()

    async def no(*_: object) -> None:
        raise UnavailableError("SET_NOT_PREPARED", "no")

    publishing = Publishing(control.desk, control.policy_questions, no)
    with pytest.raises(UnavailableError) as refused:
        await publishing.publish(FIRST.calling(), Publish(name, SHIPPED.policy_set_id))
    assert refused.value.reason == "SET_NOT_PREPARED"
    assert control.store.head() == head
    assert (await published(control)).policy_set_id == SHIPPED.policy_set_id
    assert (await publish(control, name)).answer == name


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "ask", [publish, lambda control, name: rollback(control, SHIPPED.policy_set_id, name)]
)
async def test_the_cases_are_tried_again_before_it_is_published(
    control: Control, ask: Callable[[Control, str], Awaitable[object]]
) -> None:
    """A version that decides otherwise than the one that put it on file publishes nothing."""
    own = set_of((file.name, file.text) for file in with_line("# own\n"))
    name = own.policy_set_id
    control.publish(SHIPPED, own)
    control.publish(own, SHIPPED)
    control.put(to_file(own, [("tests/own.yaml", CASE % "deny")], tried=1))
    with pytest.raises(InvalidArgumentError) as refused:
        await ask(control, name)
    assert (refused.value.field, refused.value.reason) == ("policy_set", "CASES_FAILED")
    assert control.prepared == []
    assert (await published(control)).policy_set_id == SHIPPED.policy_set_id
    control.put(to_file(own, [("tests/own.yaml", CASE % "permit")], tried=1))
    await ask(control, name)
    assert (await published(control)).policy_set_id == name


async def test_a_base_that_is_extended_while_the_workers_compile_is_not_taken_away(control: Control) -> None:
    base = dict(files_of(SHIPPED))["base_types/base.case.yaml"].replace("base.case", "base.own")
    own = set_of((*files_of(SHIPPED), ("base_types/base.own.yaml", base)))
    control.put(to_file(SHIPPED))
    control.publish(SHIPPED, own)

    async def slow(_: str, __: Revision) -> None:
        control.put(RecordType("type-1", TRUST, "own", extends="base.own"))

    publishing = Publishing(control.desk, control.policy_questions, slow)
    for note in (Note("now"), Note("now", "key-1", b"one")):
        asked = Publish(SHIPPED.policy_set_id, own.policy_set_id, note)
        with pytest.raises(ConflictError) as refused:
            await publishing.publish(FIRST.calling(), asked)
        assert refused.value.reason == "BASE_TYPE_IN_USE"
        assert (await published(control)).policy_set_id == own.policy_set_id
        control.put(RecordType("type-1", TRUST, "own", extends="base.case"))


async def test_a_base_that_record_types_extend_is_not_taken_away(control: Control) -> None:
    """But by going back, which is open to whoever has published something wrong."""
    base = dict(files_of(SHIPPED))["base_types/base.case.yaml"].replace("base.case", "base.own")
    with_base = PutSet((*with_line(""), PolicyFile("base_types/base.own.yaml", base)))
    own = (await control.publishing.put_set(FIRST.calling(), with_base)).answer
    await publish(control, own)
    control.put(RecordType("type-1", TRUST, "own", extends="base.own"))
    less = await on_file(control, "# less\n")
    with pytest.raises(ConflictError) as refused:
        await publish(control, less, own)
    assert (refused.value.reason, "`base.own`" in refused.value.message) == ("BASE_TYPE_IN_USE", True)
    assert (await published(control)).policy_set_id == own
    assert (await rollback(control, own)).answer == SHIPPED.policy_set_id


async def test_a_repeated_publication_is_answered_whatever_was_published_since(control: Control) -> None:
    name, note = await on_file(control, "# own\n"), Note("now", "key-1", b"one")
    await publish(control, name, note=note)
    await rollback(control, name)
    assert (await publish(control, name, note=note)).answer == name
    assert (await published(control)).policy_set_id == SHIPPED.policy_set_id
    with pytest.raises(ConflictError) as refused:
        await publish(control, name, note=Note("now", "key-1", b"two"))
    assert refused.value.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_what_was_put_on_file_before_a_crash_is_published_after_it(stores: Stores) -> None:
    async with running(stores) as control:
        name = await on_file(control, "# own\n")
    async with running(stores) as control:
        assert (await published(control)).policy_set_id == SHIPPED.policy_set_id
        await publish(control, name)
        assert (await published(control)).policy_set_id == name


# --- rollback -----------------------------------------------------------------------------------------------


async def test_what_was_published_before_is_published_again(control: Control) -> None:
    """Also what was published by a version that put no sets on file."""
    one = await on_file(control, "# one\n")
    await publish(control, one)
    two = await on_file(control, "# two\n")
    await publish(control, two, one)
    assert (await rollback(control, two)).answer == one
    assert (await rollback(control, one, SHIPPED.policy_set_id)).answer == SHIPPED.policy_set_id
    assert await published(control) == SHIPPED
    assert control.prepared == [one, two, one, SHIPPED.policy_set_id]


async def test_a_repeated_rollback_goes_back_once(control: Control) -> None:
    one = await on_file(control, "# one\n")
    await publish(control, one)
    note = Note("back", "key-1", b"one")
    for _ in range(2):
        assert (await rollback(control, one, note=note)).answer == SHIPPED.policy_set_id
    assert (await rollback(control, one)).answer == SHIPPED.policy_set_id
    assert (await published(control)).policy_set_id == SHIPPED.policy_set_id


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("case", "what"),
    [
        (CASE % "deny", "1 of 1 cases that are kept with the set came out otherwise than expected"),
        ("no cases", "the 1 files of cases that are kept with the set cannot be read"),
    ],
)
async def test_an_emergency_road_back_is_open_despite_cases_that_fail_and_the_entry_says_so(
    control: Control, case: str, what: str
) -> None:
    own = set_of((file.name, file.text) for file in with_line("# own\n"))
    control.publish(SHIPPED, own)
    control.publish(own, SHIPPED)
    control.put(to_file(own, [("tests/own.yaml", case)], tried=1))
    with pytest.raises(InvalidArgumentError) as refused:
        await rollback(control, SHIPPED.policy_set_id, own.policy_set_id)
    assert refused.value.reason == "CASES_FAILED"
    assert what in refused.value.message
    back = Rollback(own.policy_set_id, SHIPPED.policy_set_id, Note("now"), despite_cases=True)
    await control.publishing.rollback(FIRST.calling("PolicyService/Rollback"), back)
    assert (await published(control)).policy_set_id == own.policy_set_id
    assert control.prepared == [own.policy_set_id]
    assert control.entries()[-1].write.despite == what
    # Where none fails there is nothing to say.
    again = Rollback(SHIPPED.policy_set_id, own.policy_set_id, Note("now"), despite_cases=True)
    await control.publishing.rollback(FIRST.calling("PolicyService/Rollback"), again)
    assert control.entries()[-1].write.despite == ""


@pytest.mark.parametrize(
    "ask",
    [
        lambda control, _: rollback(control, SHIPPED.policy_set_id),
        lambda control, name: rollback(control, SHIPPED.policy_set_id, name),
        lambda control, _: rollback(control, SHIPPED.policy_set_id, "set-none"),
    ],
    ids=["nothing was before", "never published", "not on file"],
)
async def test_there_is_nothing_to_go_back_to(
    control: Control, ask: Callable[[Control, str], Awaitable[object]]
) -> None:
    name = await on_file(control, "# one\n")
    with pytest.raises(NotAvailableError):
        await ask(control, name)
    assert (await published(control)).policy_set_id == SHIPPED.policy_set_id
