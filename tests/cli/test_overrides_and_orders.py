"""`overrides` and `orders`: what is sent, and what is shown of the answer."""

from __future__ import annotations

import pytest

from policy_service.api.v1 import casework_pb2 as pb
from tests.cli.conftest import Terminal
from tests.support.fake_service import FakeService

GRANT = (
    *("overrides", "grant", "--kind", "break_glass", "--user", "d.doctor", "--record", "W-1"),
    *("--category", "health.letter", "--category", "finance"),
)
RECORD = (
    *("orders", "record", "--record", "W-1", "--person", "s:1", "--person", "s:2", "--ends", "2030-01-31"),
    *("--category", "legal.orders", "--recipient", "s:3", "--recipient", "team:court"),
)


def test_overrides_grant_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    def echo(asked: pb.GrantOverrideRequest) -> pb.GrantOverrideResponse:
        return pb.GrantOverrideResponse(override=asked.override)

    fake.answers["CaseworkService/GrantOverride"] = echo
    typed = terminal(
        *GRANT,
        *("--person", "s:1", "--recipient", "team:a", "--recipient", "user:b", "--minutes", "30"),
        *("--justification", "unconscious", "--controller", "c", "--reason", "why"),
        *("--idempotency-key", "k"),
    )
    assert typed.code == 0
    assert fake.calls[0].metadata["x-controller"] == "c"
    assert fake.calls[0].request == pb.GrantOverrideRequest(
        override=pb.Override(
            kind="break_glass",
            user="d.doctor",
            record="W-1",
            people=["s:1"],
            categories=["health.letter", "finance"],
            recipients=["team:a", "user:b"],
            justification="unconscious",
            valid_minutes=30,
        ),
        idempotency_key="k",
        reason="why",
    )
    assert "justification  unconscious" in typed.out


def test_a_justification_may_come_from_standard_input(terminal: Terminal, fake: FakeService) -> None:
    terminal(*GRANT, "--justification", "-", stdin="unconscious\n")
    assert fake.calls[0].request.override.justification == "unconscious"
    assert terminal(*GRANT).code == 2  # none at all


def test_what_may_be_a_slip_is_noted(terminal: Terminal, fake: FakeService) -> None:
    granted = pb.GrantOverrideResponse(
        override=pb.Override(override_id="o-1"), notes=["`override.record` ..."]
    )
    ordered = pb.RecordOrderResponse(order=pb.CourtOrder(order_id="o-2"), notes=["`order.record` ..."])
    fake.answers["CaseworkService/GrantOverride"] = lambda _: granted
    fake.answers["CaseworkService/RecordOrder"] = lambda _: ordered
    grant = (*GRANT, "--justification", "x")
    assert terminal(*grant).out.endswith("\nnote: `override.record` ...\n")
    assert terminal(*RECORD).out.endswith("\nnote: `order.record` ...\n")
    assert terminal(*grant, "--json").json["notes"] == ["`override.record` ..."]


def test_each_grant_and_each_order_has_a_key_of_its_own(terminal: Terminal, fake: FakeService) -> None:
    for _ in range(2):
        terminal(*GRANT, "--justification", "x")
        terminal(*RECORD)
    assert len({call.request.idempotency_key for call in fake.calls if call.request.idempotency_key}) == 4


def test_overrides_end(terminal: Terminal, fake: FakeService) -> None:
    ended = pb.Override(override_id="o-1", ends_at="2026-03-02T12:00:00+00:00")
    fake.answers["CaseworkService/EndOverride"] = lambda _: pb.EndOverrideResponse(override=ended)
    typed = terminal("overrides", "end", "o-1", "--reason", "why", "--idempotency-key", "k")
    assert fake.calls[0].request == pb.EndOverrideRequest(
        override_id="o-1", reason="why", idempotency_key="k"
    )
    assert "ends      2026-03-02T12:00:00Z" in typed.out


def test_overrides_list_reads_every_page(terminal: Terminal, fake: FakeService) -> None:
    def page(asked: pb.ListOverridesRequest) -> pb.ListOverridesResponse:
        number = int(asked.page_token or "0")
        return pb.ListOverridesResponse(
            overrides=[
                pb.Override(
                    override_id=f"o-{number}",
                    kind="break_glass",
                    user="d.doctor",
                    record=asked.record,
                    ends_at="2026-03-02T12:00:00+00:00",
                )
            ],
            next_page_token=str(number + 1) if number < 2 else "",
        )

    fake.answers["CaseworkService/ListOverrides"] = page
    shown = terminal("overrides", "list", "--record", "W-1").out.split("\n\n")
    assert [each.split()[1] for each in shown if each] == ["o-0", "o-1", "o-2"]
    assert [line.split(maxsplit=1) for line in shown[0].splitlines()] == [
        ["override", "o-0"],
        ["kind", "break_glass"],
        ["state", "ended"],
        ["user", "d.doctor"],
        ["record", "W-1"],
        ["ends", "2026-03-02T12:00:00Z"],
    ]
    listed = terminal("overrides", "list", "--limit", "2", "--json").json
    assert [each["overrideId"] for each in listed["overrides"]] == ["o-0", "o-1"]
    assert listed["more"] is True


def test_orders_record_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    def echo(asked: pb.RecordOrderRequest) -> pb.RecordOrderResponse:
        return pb.RecordOrderResponse(order=asked.order)

    fake.answers["CaseworkService/RecordOrder"] = echo
    typed = terminal(
        *RECORD,
        *("--begins", "2026-01-01", "--court-reference", "FC/12", "--controller", "c", "--reason", "why"),
        *("--idempotency-key", "k"),
    )
    assert typed.code == 0
    assert fake.calls[0].request == pb.RecordOrderRequest(
        order=pb.CourtOrder(
            reference="FC/12",
            record="W-1",
            people=["s:1", "s:2"],
            categories=["legal.orders"],
            recipients=["s:3", "team:court"],
            begins="2026-01-01",
            ends="2030-01-31",
        ),
        idempotency_key="k",
        reason="why",
    )
    assert "reference   FC/12" in typed.out


def test_orders_end_and_list(terminal: Terminal, fake: FakeService) -> None:
    order = pb.CourtOrder(
        order_id="o-1",
        reference="FC/12",
        record="W-1",
        begins="2026-03-01T00:00:00+00:00",
        ends="2026-03-02T12:00:00+00:00",
    )
    fake.answers["CaseworkService/EndOrder"] = lambda _: pb.EndOrderResponse(order=order)
    fake.answers["CaseworkService/ListOrders"] = lambda _: pb.ListOrdersResponse(orders=[order])
    typed = terminal("orders", "end", "o-1", "--reason", "why", "--idempotency-key", "k")
    assert fake.calls[0].request == pb.EndOrderRequest(order_id="o-1", reason="why", idempotency_key="k")
    assert "order      o-1" in typed.out
    listed = terminal("orders", "list", "--record", "W-1")
    assert fake.calls[1].request.record == "W-1"
    times = ["2026-03-01", "2026-03-02T12:00:00Z"]
    assert listed.out.splitlines()[2].split() == ["o-1", "FC/12", "W-1", *times]
    assert terminal("orders", "list", "--json").json["orders"][0]["orderId"] == "o-1"


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        # What is on file of `--ends 2030-01-31` and, in summer time, of `--ends 2030-06-30`.
        ("2030-02-01T00:00:00+00:00", "2030-01-31"),
        ("2030-06-30T23:00:00+00:00", "2030-06-30"),
        ("2030-07-01T00:00:00+00:00", "2030-07-01T00:00:00Z"),
        ("no moment", "no moment"),
    ],
)
def test_a_last_day_is_shown_as_it_was_written(
    terminal: Terminal, fake: FakeService, ends: str, shown: str
) -> None:
    order = pb.CourtOrder(order_id="o-1", begins="2030-01-15T00:00:00+00:00", ends=ends)
    fake.answers["CaseworkService/RecordOrder"] = lambda _: pb.RecordOrderResponse(order=order)
    lines = terminal(*RECORD).out.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [
        ["order", "o-1"],
        ["begins", "2030-01-15"],
        ["ends", shown],
    ]
