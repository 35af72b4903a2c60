"""Placing and cancelling."""

import re
from decimal import Decimal

from actors.exchange.prophetx import records
from actors.exchange.prophetx.board import Ticket
from actors.exchange.prophetx.endpoints.visit import Visit
from actors.exchange.prophetx.frames import worded
from actors.exchange.prophetx.refusals import Refused
from protocol.commands import TimeInForce
from protocol.ids import ClientOrderId, EventId, SelectionId, number
from protocol.money import hundredths
from protocol.odds import Odds
from protocol.prophetx import wire
from protocol.prophetx.codes import V4_CODES
from protocol.prophetx.wire import Dialect

MAX_BATCH = 20
MAX_ODDS = 1_000_000
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_STRATEGIES = {"fillOrKill": TimeInForce.FILL_OR_KILL, "ALO": TimeInForce.POST_ONLY, "": TimeInForce.REST}


def place(visit: Visit) -> wire.PlacedAnswer:
    return wire.PlacedAnswer(data=wire.PlacedData(order=_place(visit, visit.form(wire.OrderForm))))


def place_many(visit: Visit) -> wire.PlacedManyAnswer:
    """Place up to 20 orders; each is taken or refused by itself."""
    forms = visit.form(wire.OrderForms).data
    _check_batch(len(forms))
    placed: list[wire.Order] = []
    failed: list[wire.FailedOrder] = []
    for index, form in enumerate(forms):
        try:
            placed.append(_place(visit, form))
        except Refused as refusal:
            code = _code(refusal.code, visit.dialect)
            failed.append(wire.FailedOrder(index=index, error=code, message=refusal.message, request=form))
    return wire.PlacedManyAnswer(data=wire.PlacedManyData(succeed_orders=placed or None, failed_orders=failed or None))


def _place(visit: Visit, form: wire.OrderForm) -> wire.Order:
    order = visit.venue.floor.submit(visit.account, _ticket(form), visit.now_ns)
    return worded(records.order(order), visit.dialect)


def _ticket(form: wire.OrderForm) -> Ticket:
    if not _EXTERNAL_ID.fullmatch(form.external_id):
        raise Refused("invalid_external_id", "External id: 1 to 100 letters, digits, _ and -")
    strategy = form.order_strategy if isinstance(form.order_strategy, str) else ""
    if strategy not in _STRATEGIES:
        raise Refused("invalid_request", f"Unknown order strategy {strategy[:100]}")
    return Ticket(
        external_id=ClientOrderId(form.external_id),
        selection_id=SelectionId(form.strike_id),
        odds=_odds(form.price),
        stake_cents=_stake_cents(form.quantity),
        time_in_force=_STRATEGIES[strategy],
    )


def _odds(price: object) -> Odds:
    if isinstance(price, Decimal) and price.is_finite() and price.adjusted() < 8 and price == int(price):
        price = int(price)
    if type(price) is not int or abs(price) > MAX_ODDS:
        raise Refused("invalid_price", "Invalid price")
    return Odds(price)


def _stake_cents(quantity: object) -> int:
    try:
        stake_cents = hundredths(quantity)
    except ValueError as error:
        raise Refused("invalid_quantity", f"Invalid quantity: {error}") from error
    if stake_cents <= 0:
        raise Refused("invalid_quantity", "Invalid quantity: not above 0")
    return stake_cents


def cancel(visit: Visit) -> wire.CancelledAnswer:
    form = visit.form(wire.CancelForm)
    visit.venue.floor.cancel(visit.account, form.order_id, form.external_id, visit.now_ns)
    return wire.CancelledAnswer(data=wire.Success())


def cancel_many(visit: Visit) -> wire.CancelledManyAnswer:
    forms = visit.form(wire.CancelForms).data
    _check_batch(len(forms))
    return wire.CancelledManyAnswer(data=[_cancel_one(visit, form) for form in forms])


def _cancel_one(visit: Visit, form: wire.CancelForm) -> wire.CancelledOne:
    try:
        order = visit.venue.floor.cancel(visit.account, form.order_id, form.external_id, visit.now_ns)
    except Refused as refusal:
        code = _code(refusal.code, visit.dialect)
        return wire.CancelledOne(success=False, error=code, message=refusal.message)
    return wire.CancelledOne(success=True, order=worded(records.order(order), visit.dialect))


def cancel_all(visit: Visit) -> wire.CancelledAnswer:
    if not visit.venue.floor.cancel_where(visit.account, lambda _: True, visit.now_ns):
        raise Refused("no_cancellable_orders", "No cancellable orders")
    return wire.CancelledAnswer(data=wire.Success())


def cancel_event(visit: Visit) -> wire.CancelledAnswer:
    event_id = _known_event(visit, visit.form(wire.CancelEventForm, "invalid_event_id").event_id)
    visit.venue.floor.cancel_where(visit.account, lambda order: order.listing.key.event_id == event_id, visit.now_ns)
    return wire.CancelledAnswer(data=wire.Success())


def cancel_market(visit: Visit) -> wire.CancelledAnswer:
    """Cancel what rests on a market of an event, or on one selection of it."""
    form = visit.form(wire.CancelMarketForm, "invalid_event_id")
    event_id = _known_event(visit, form.event_id)
    strike_id = form.strike_id if isinstance(form.strike_id, str) else ""
    if strike_id and SelectionId(strike_id) not in visit.venue.floor.selections:
        raise Refused("invalid_strike_id", "Unknown strike id")
    visit.venue.floor.cancel_where(
        visit.account,
        lambda order: (
            order.listing.key.event_id == event_id
            and number(order.listing.key.market_id) == form.market_id
            and strike_id in ("", order.selection.selection_id)
        ),
        visit.now_ns,
    )
    return wire.CancelledAnswer(data=wire.Success())


def _known_event(visit: Visit, event_id: int) -> EventId:
    if EventId(event_id) not in visit.venue.floor.events:
        raise Refused("sport_event_not_found", "Sport event not found")
    return EventId(event_id)


def _check_batch(count: int) -> None:
    if count > MAX_BATCH:
        raise Refused("order_limit_exceeded", f"{count} orders, at most {MAX_BATCH}")
    if not count:
        raise Refused("invalid_request", "No orders")


def _code(code: str, dialect: Dialect) -> str:
    return V4_CODES.get(code, code) if dialect is Dialect.LEGACY else code
