"""`orders`: what a court ordered to be disclosed, and to whom."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from policy_service.api.v1 import casework_pb2 as pb
from policy_service.api.v1.casework_pb2_grpc import CaseworkServiceStub
from policy_service.cli import flags, past
from policy_service.cli.connect import control
from policy_service.cli.epilogs import example_of
from policy_service.cli.pages import all_pages
from policy_service.cli.render import MOMENT, as_json, print_json, print_notes, print_pairs, print_table, say
from policy_service.cli.run import current, manager
from policy_service.service import moments

app = typer.Typer(no_args_is_help=True, help="Orders of a court, which compel what they name.")

_EXAMPLE = """\b
Example
  policy-service orders record --record OM-1001 --court-reference FC/12 \\
      --person police-ref:P-1002 --category legal.orders \\
      --recipient team:court-office --ends 2030-01-31 \\
      --controller example-police
"""


@app.command(epilog=_EXAMPLE)
def record(
    context: typer.Context,
    on_record: Annotated[str, typer.Option("--record", metavar="REF", help="The record that it is about.")],
    person: Annotated[
        list[str], typer.Option(metavar="SCHEME:VALUE", help="About whom, or person:ID. Repeatable.")
    ],
    category: Annotated[
        list[str], typer.Option(metavar="NAME", help="A category of fields that it names. Repeatable.")
    ],
    recipient: Annotated[
        list[str],
        typer.Option(metavar="WHO", help="To whom: SCHEME:VALUE, person:ID or team:REF. Repeatable."),
    ],
    ends: Annotated[str, typer.Option(metavar="WHEN", help="A date, which is included, or RFC 3339 time.")],
    begins: Annotated[str, typer.Option(metavar="WHEN", help="Default: now.")] = "",
    court_reference: Annotated[str, typer.Option(metavar="REF", help="The court's own reference.")] = "",
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Record an order. Privacy officers; it holds for what it names, to whom it names, while it runs."""
    request = pb.RecordOrderRequest(
        order=pb.CourtOrder(
            reference=court_reference,
            record=on_record,
            people=person,
            categories=category,
            recipients=recipient,
            begins=begins,
            ends=ends,
        ),
        idempotency_key=key or str(uuid.uuid4()),
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = CaseworkServiceStub(connection.channel).RecordOrder
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    else:
        _show(answer.order)
        print_notes(answer.notes)


@app.command(epilog=example_of("orders end"))
def end(
    context: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ID", help="As `orders list` shows it.")],
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """End an order now: it was set aside, or done with; the next check knows it."""
    request = pb.EndOrderRequest(order_id=order_id, idempotency_key=key, reason=reason)
    run = current(context)
    with control(run, manager(run)) as connection:
        method = CaseworkServiceStub(connection.channel).EndOrder
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    else:
        _show(answer.order)


@app.command("list", epilog=example_of("orders list"))
def list_orders(
    context: typer.Context,
    record: Annotated[str, typer.Option(metavar="REF", help="Only this record's.")] = "",
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    limit: flags.Limit = 1000,
    json: flags.AsJson = False,
) -> None:
    """List orders, whether they run, will run or have ended."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = CaseworkServiceStub(connection.channel).ListOrders

        def page(token: str, size: int) -> tuple[list[pb.CourtOrder], str]:
            question = pb.ListOrdersRequest(
                record=record, page_size=size, page_token=token, as_of=past.as_of(as_of)
            )
            answer = connection.call(method, question, controller=controller)
            return list(answer.orders), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"orders": [as_json(each) for each in found], "more": more})
        return
    print_table(
        ("order", "reference", "record", "begins", "ends"),
        (
            (each.order_id, each.reference, each.record, _beginning(each.begins), _end(each.ends))
            for each in found
        ),
    )
    if more:
        say(f"the first {limit}; there are more, see --limit")


@app.command(epilog=example_of("orders history"))
def history(
    context: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ID", help="As `orders list` shows it.")],
    controller: flags.Controller = "",
    limit: flags.Versions = 20,
    json: flags.AsJson = False,
) -> None:
    """Show when, by whom and why an order was recorded and ended, newest first."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = CaseworkServiceStub(connection.channel).History

        def ask(token: str, size: int) -> pb.CaseworkServiceHistoryRequest:
            return pb.CaseworkServiceHistoryRequest(order_id=order_id, page_size=size, page_token=token)

        past.show_history(connection, method, ask, controller, limit, json=json)


def _show(order: pb.CourtOrder) -> None:
    print_pairs(
        [
            ("order", order.order_id),
            ("reference", order.reference),
            ("record", order.record),
            ("about", ", ".join(order.people)),
            ("categories", ", ".join(order.categories)),
            ("recipients", ", ".join(order.recipients)),
            ("begins", _beginning(order.begins)),
            ("ends", _end(order.ends)),
            ("recorded by", order.recorded_by),
        ]
    )


def _beginning(text: str) -> str:
    """When an order begins, as it is written: a day, where it begins with it, else a time."""
    return _day_or_time(text, timedelta())


def _end(text: str) -> str:
    """When an order ends, as it is written: its last day, where it ends with it, else a time.

    On file is the moment at which it is over. Of a day that is included this is the next day's first.
    """
    return _day_or_time(text, timedelta(days=1))


def _day_or_time(text: str, back: timedelta) -> str:
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    zone = ZoneInfo(moments.DEFAULT_ZONE)
    day = moment.astimezone(zone).date()
    if moments.first_moment(day, zone) == moment:
        return (day - back).isoformat()
    return f"{moment:{MOMENT}}"
