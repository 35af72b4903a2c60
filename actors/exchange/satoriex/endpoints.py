"""The REST endpoints, each a function of a visit."""

from collections.abc import Iterator

import attrs

from actors.exchange.satoriex.floor import SECOND_NS
from actors.exchange.satoriex.markets import Market, Stage
from actors.exchange.satoriex.orders import Order, OrderView, Side, Status, Ticket
from actors.exchange.satoriex.records import Json, Record
from actors.exchange.satoriex.refusals import Refused
from actors.exchange.satoriex.tokens import Granted
from actors.exchange.satoriex.visit import Visit

# --- sessions ---


def log_in(visit: Visit) -> Json:
    body = visit.body()
    granted = visit.venue.gatekeeper.log_in(_text(body, "email"), _text(body, "password"), visit.now_ns)
    return {**_tokens(granted), "user": {"id": granted.account_id, "kyc_tier": 1}}


def refresh(visit: Visit) -> Json:
    return _tokens(visit.venue.gatekeeper.refresh(_text(visit.body(), "refresh_token"), visit.now_ns))


def _tokens(granted: Granted) -> Record:
    tokens: Record = {"access_token": granted.access_token}
    if granted.refresh_token is not None:
        tokens["refresh_token"] = granted.refresh_token
    return tokens


# --- markets ---


def markets(visit: Visit) -> Json:
    return visit.page(visit.venue.writer.market(market) for market in visit.venue.floor.open_markets())


def market(visit: Visit) -> Json:
    return visit.venue.writer.market(_market(visit))


def trades(visit: Visit) -> Json:
    return visit.page(visit.venue.writer.trade(trade) for trade in reversed(_market(visit).trades))


def market_book(visit: Visit) -> Json:
    found = _market(visit)
    books = [visit.venue.writer.book(outcome) for outcome in found.outcomes.values()]
    return {"market_id": found.market_id, "outcomes": books}


def book(visit: Visit) -> Json:
    outcome = _market(visit).outcomes.get(visit.arguments[1])
    if outcome is None:
        raise Refused("outcome_unknown")
    return visit.venue.writer.book(outcome)


def feed(visit: Visit) -> Json:
    writer = visit.venue.writer
    return visit.enveloped_page(
        {"event_id": each.event_id, "category": each.category, "title": each.title, "markets": [writer.market(each)]}
        for each in visit.venue.floor.open_markets()
    )


def in_dispute(visit: Visit) -> Json:
    return visit.enveloped_page(_results(visit, Stage.PROPOSED))


def settled(visit: Visit) -> Json:
    return visit.enveloped_page(_results(visit, Stage.SETTLED))


def _results(visit: Visit, stage: Stage) -> Iterator[Record]:
    """Give the markets of a stage, the newest first."""
    for each in reversed(visit.venue.floor.markets.values()):
        if each.stage is stage:
            yield visit.venue.writer.result(each)


def _market(visit: Visit) -> Market:
    found = visit.venue.floor.markets.get(visit.arguments[0])
    if found is None:
        raise Refused("market_unknown")
    return found


# --- orders ---


def place(visit: Visit) -> Json:
    order = visit.venue.floor.place(visit.account, _ticket(visit.body()), visit.now_ns)
    record = {**visit.venue.writer.order(order.view()), "trades": []}
    return {"order": record} if visit.venue.settings.wire.place_nested else record


def cancel(visit: Visit) -> Json:
    """Answer with what the order will be once the matcher has taken note."""
    order = _order(visit)
    visit.venue.floor.cancel(order, visit.now_ns)
    return visit.venue.writer.order(attrs.evolve(order.view(), status=Status.CANCELLED))


def order(visit: Visit) -> Json:
    return visit.venue.writer.order(_order(visit).view())


def orders(visit: Visit) -> Json:
    rows = visit.venue.replica.newest_first(visit.account_id, visit.now_ns)
    return visit.page(visit.venue.writer.order(row) for row in rows if row.is_live or _is_recent(visit, row))


def my_orders(visit: Visit) -> Json:
    if visit.venue.settings.wire.me_orders_missing:
        raise Refused("path_unknown")
    return orders(visit)


def _is_recent(visit: Visit, row: OrderView) -> bool:
    settings = visit.venue.settings
    age_ns = visit.now_ns - row.updated_ns
    return settings.wire.closed_listed and age_ns <= settings.recently_closed_s * SECOND_NS


def _order(visit: Visit) -> Order:
    found = visit.venue.floor.orders.get(visit.arguments[0])
    if found is None or found.account.account_id != visit.account_id:
        raise Refused("order_unknown")
    return found


def _ticket(body: dict[str, object]) -> Ticket:
    market_id, outcome_id, side = _text(body, "market_id"), _text(body, "outcome_id"), body.get("side")
    if type(side) is not int or side not in tuple(Side):
        raise Refused("side_invalid")
    return Ticket(
        market_id=market_id,
        outcome_id=outcome_id,
        side=Side(side),
        price_bp=_whole(body, "price", "price_invalid"),
        shares=_whole(body, "quantity", "quantity_invalid"),
    )


def _text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise Refused("body_invalid")
    return value


def _whole(body: dict[str, object], name: str, reason: str) -> int:
    """Read an integer; a truth value is none, nor is 42.0."""
    value = body.get(name)
    if type(value) is not int:
        raise Refused(reason)
    return value


# --- the wallet ---


def positions(visit: Visit) -> Json:
    return visit.page(visit.venue.writer.position(key, holding) for key, holding in visit.account.positions().items())


def balance(visit: Visit) -> Json:
    return visit.venue.writer.balance(visit.account.available_micro, visit.account.escrow_micro)


def transactions(visit: Visit) -> Json:
    return visit.page(visit.venue.writer.transaction(row) for row in reversed(visit.account.transactions))
