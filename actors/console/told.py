"""The journal in words."""

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_never

from actors.decisions.entry_text import EntryUnreadable, read_entry
from actors.decisions.recollection import Recollection
from actors.entries import (
    AccountOpened,
    CancelSent,
    Entry,
    EventTraded,
    Latched,
    Lifted,
    LimitBreached,
    OrderIntended,
    OrderMoved,
    ResultBooked,
    RunEnded,
    RunStarted,
)
from actors.io.tables import Row
from protocol.belief import Known
from protocol.commands import CancelOrder, PlaceOrder
from protocol.money import cents_below, dollars
from protocol.order import Order
from protocol.prices import price_text, size_text

NS = 10**9
DAY_NS = 86_400 * NS


def told_state(name: str, directory: Path, recollection: Recollection, today: int) -> Iterator[str]:
    """Yield lines on what all entries come to. `today` is in days since the epoch, UTC."""
    for line in _state(name, directory, recollection, today):
        yield _printable(line)


def told_row(row: Row) -> str:
    """Return a row in one line; as it stands in the file where this version cannot read it."""
    try:
        words = told_entry(read_entry(row.kind, row.body))
    except EntryUnreadable:
        words = row.body
    where = "  ".join(each for each in (row.venue, row.name) if each)
    line = f"{row.id:>9}  {moment(row.wall_ns)}  {row.kind:<13}  {where}{'  ' if where else ''}{words}"
    return _printable(line).rstrip()


def told_entry(entry: Entry) -> str:
    """Return an entry in words, without the venue and the order that it is about."""
    match entry:
        case RunStarted():
            return f"run {entry.run}, version {entry.version}"
        case RunEnded():
            return f"run {entry.run}, {'flat' if entry.flat else 'not proved flat'}"
        case AccountOpened():
            return f"{_money(entry.money_micro)}, {len(entry.held)} holdings"
        case EventTraded():
            return f"{entry.event_id}, {len(entry.outcomes)} outcomes"
        case OrderIntended():
            return f"{entry.strategy}  {_wanted(entry.order)}"
        case OrderMoved():
            return f"{entry.strategy or 'not ours'}  {_order(entry.order)}{_word(entry)}"
        case CancelSent():
            return "" if isinstance(entry.command, CancelOrder) else "everything"
        case ResultBooked():
            return f"{entry.key} came to {_money(entry.net_micro)}; the day to {_money(entry.day_micro)}"
        case LimitBreached():
            return f"the worst outcome is {dollars(entry.worst_cents)}, the limit {dollars(entry.limit_cents)}"
        case Latched() | Lifted():
            return f"{entry.latch.value}: {entry.reason}"
        case _:
            assert_never(entry)


def moment(wall_ns: int) -> str:
    """Write unix nanoseconds as a UTC time, to the millisecond."""
    seconds, rest = divmod(wall_ns, NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03d}Z"


def _state(name: str, directory: Path, recollection: Recollection, today: int) -> Iterator[str]:
    ended = "has ended in order" if recollection.ended_in_order else "has not ended: it is under way, or was cut off"
    yield f"journal {name}  run {recollection.run} {ended}" if recollection.run else f"journal {name}  no run yet"
    for latch, reason in recollection.latches.items():
        lift = f"overround journal lift {latch.value} --data-dir {shlex.quote(str(directory))} --reason ..."
        yield f"latched: {latch.value}: {reason}  (`{lift}`)"
    day_micro = sum(recollection.day_micro.values()) if recollection.day == today else 0
    total_micro = sum(recollection.totals.values())
    yield f"settled today: {_money(day_micro)}  since the accounts were opened: {_money(total_micro)}"
    live = [each for each in recollection.orders.values() if each.order.can_match]
    yield f"orders that can still match: {len(live)}"
    for each in live:
        yield f"  {each.order.client_order_id}  {each.venue}  {each.strategy}  {_order(each.order)}"


def _printable(text: str) -> str:
    """Keep what a venue wrote from steering the terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _wanted(order: PlaceOrder | Order) -> str:
    size, price = size_text(order.price, order.size), price_text(order.price)
    return f"{size} at {price} on {order.selection_id} of {order.key}"


def _order(order: Order) -> str:
    filled = f", {size_text(order.price, order.filled)} filled" if order.filled else ""
    result = f", {order.result.value}" if order.status.value == "settled" else ""
    reason = f" ({order.reason})" if order.reason else ""
    return f"{order.status.value}{filled}{result}{reason}  {_wanted(order)}"


def _word(entry: OrderMoved) -> str:
    """Say whose word it is; nothing where nothing is proved."""
    belief = entry.belief
    return f"  by {belief.source.value} as of {moment(belief.as_of_ns)}" if isinstance(belief, Known) else ""


def _money(micro: int) -> str:
    return dollars(cents_below(micro))
