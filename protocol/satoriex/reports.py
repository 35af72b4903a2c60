"""What the venue says of an order."""

from datetime import UTC, datetime

import msgspec

from protocol.commands import PlaceOrder
from protocol.errors import RemoteProtocolError
from protocol.events import OrderReported, OrderStatus
from protocol.ids import VenueOrderId
from protocol.satoriex import wire
from protocol.satoriex.answers import id_of, next_cursor
from protocol.satoriex.assumptions import (
    EPOCH_MS_BELOW,
    EPOCH_S_BELOW,
    FILLED_NAMES,
    ORDER_ID_NAMES,
    ORDER_NEST,
    REMAINING_NAMES,
    STATUS_NUMBERS,
)
from protocol.satoriex.codes import NO_ORDER_ID, UNREADABLE, Purpose, opened, unknown
from protocol.satoriex.names import book_key, from_wire
from protocol.venue import CancelResult, OrderPage, Response

_STATUS = {
    "pending": OrderStatus.PENDING,
    "open": OrderStatus.OPEN,
    "partial": OrderStatus.OPEN,
    "filled": OrderStatus.FILLED,
    "cancelled": OrderStatus.CANCELLED,
    "canceled": OrderStatus.CANCELLED,
}
assert set(STATUS_NUMBERS.values()) <= _STATUS.keys()


def placed(asked: PlaceOrder, response: Response) -> OrderReported:
    """Read the answer to a placement: its id, and whether it is cancelled already. A fill is never read out of it."""
    try:
        data = opened(response, Purpose.PLACING)
    except RemoteProtocolError as error:
        raise unknown(response, UNREADABLE) from error
    fields = wire.Fields.inside(wire.read_object(data) or {}, (ORDER_NEST,))
    order_id = fields.text(ORDER_ID_NAMES)
    if order_id is None:
        raise unknown(response, NO_ORDER_ID)
    cancelled = status_of(fields.value(wire.STATUS)) is OrderStatus.CANCELLED
    return OrderReported(
        venue_order_id=VenueOrderId(order_id),
        client_order_id=None,
        key=asked.key,
        selection_id=asked.selection_id,
        price=asked.price,
        size=asked.size,
        filled=0,
        status=OrderStatus.CANCELLED if cancelled else OrderStatus.PENDING,
        created_at_ns=moment_ns(fields.value(wire.CREATED_AT)),
    )


def cancelled(venue_order_id: VenueOrderId, response: Response) -> CancelResult:
    """Read the answer to a cancel: the whole order, or a plain yes."""
    data = opened(response, Purpose.CANCELLING)
    fields = wire.Fields.inside(wire.read_object(data) or {}, (ORDER_NEST,))
    return None if fields.text(ORDER_ID_NAMES) is None else _same_order(venue_order_id, data)


def order(venue_order_id: VenueOrderId, response: Response) -> OrderReported:
    return _same_order(venue_order_id, opened(response))


def order_page(page: int, response: Response) -> OrderPage:
    """Read a page of orders row by row: one that makes no sense is counted, and does not hide the others."""
    rows, envelope = wire.rows_of(opened(response))
    orders, unreadable = [], 0
    for row in rows:
        try:
            orders.append(reported(wire.decode(wire.Order, row)))
        except RemoteProtocolError:
            unreadable += 1
    return OrderPage(orders=tuple(orders), next_cursor=next_cursor(page, len(rows), envelope), unreadable=unreadable)


def _same_order(venue_order_id: VenueOrderId, data: msgspec.Raw) -> OrderReported:
    nested = (wire.read_object(data) or {}).get(ORDER_NEST)
    record = wire.decode(wire.NestedOrder, data).order if isinstance(nested, dict) else wire.decode(wire.Order, data)
    report = reported(record)
    if report.venue_order_id != venue_order_id:
        raise RemoteProtocolError(f"order {venue_order_id}: answered with {report.venue_order_id}")
    return report


def reported(record: wire.Order) -> OrderReported:
    order_id = id_of(record, ORDER_ID_NAMES, "order")
    path = f"order {order_id}"
    if record.quantity < 1:
        raise RemoteProtocolError(f"{path}.quantity: {record.quantity}")
    key = book_key(record.market_id, record.outcome_id)
    selection_id, price = from_wire(key, record.side, record.price, path)
    status = status_of(record.status)
    return OrderReported(
        venue_order_id=VenueOrderId(order_id),
        client_order_id=None,
        key=key,
        selection_id=selection_id,
        price=price,
        size=record.quantity,
        filled=filled_shares(record, status, path),
        status=status,
        created_at_ns=moment_ns(record.created_at),
    )


def filled_shares(record: wire.Order, status: OrderStatus | None, path: str) -> int:
    """Return how many shares are filled, from whichever figure there is. Raises `RemoteProtocolError`.

    Of an order that is cancelled, nothing remaining tells nothing: the remainder itself was cancelled.
    """
    filled = wire.first(record, FILLED_NAMES)
    remaining = wire.first(record, REMAINING_NAMES)
    if filled is None and remaining is not None:
        if remaining == 0 and status is OrderStatus.CANCELLED:
            raise RemoteProtocolError(f"{path}: cancelled, with nothing remaining and nothing said of what is filled")
        filled = record.quantity - remaining
    if filled is None:
        filled = record.quantity if status is OrderStatus.FILLED else 0
    assert isinstance(filled, int)
    if not 0 <= filled <= record.quantity:
        raise RemoteProtocolError(f"{path}: {filled} filled of {record.quantity}")
    if status is OrderStatus.FILLED and filled < record.quantity:
        raise RemoteProtocolError(f"{path}: called filled, with {filled} of {record.quantity}")
    return filled


def status_of(value: object) -> OrderStatus | None:
    """Read a status, a word or a number; `None` for one that we do not know."""
    word = STATUS_NUMBERS.get(value) if type(value) is int else value
    return _STATUS.get(word.lower()) if isinstance(word, str) else None


def moment_ns(value: object) -> int | None:
    """Read RFC 3339, or seconds or milliseconds since 1970, as unix nanoseconds; `None` for anything else."""
    if isinstance(value, str):
        return _rfc3339_ns(value)
    if isinstance(value, bool) or not isinstance(value, wire.NUMBERS) or not 0 < value < EPOCH_MS_BELOW:
        return None
    return int(value * (10**9 if value < EPOCH_S_BELOW else 10**6))


def _rfc3339_ns(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since_1970 = moment - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (since_1970.days * 86_400 + since_1970.seconds) * 10**6 + since_1970.microseconds
    return microseconds * 1000 if microseconds > 0 else None  # a zero time is no time
