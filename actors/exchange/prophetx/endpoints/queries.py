"""Reading orders, fills and trades from the lagging copy."""

from collections.abc import Callable

import msgspec

from actors.exchange.prophetx import records
from actors.exchange.prophetx.endpoints.visit import MAX_IDS, Visit
from actors.exchange.prophetx.frames import worded
from actors.exchange.prophetx.refusals import Refused
from actors.exchange.prophetx.replica import Window
from protocol.prophetx import wire
from protocol.prophetx.wire import Dialect

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
MAX_CREATED_NS, MAX_UPDATED_NS = 7 * DAY_NS, 2 * DAY_NS
FOREVER = (0, 2**63)
MAX_PAGE = {Dialect.V4: 100, Dialect.LEGACY: 1000}


def order(visit: Visit) -> wire.OrderAnswer:
    row = visit.venue.replica.row(visit.account.account_id, visit.argument, visit.now_ns)
    if row is None:
        raise Refused("data_not_found", "Not found: order")
    return wire.OrderAnswer(data=worded(row.order, visit.dialect), last_synced_at=_synced_at(visit))


def history(visit: Visit) -> wire.OrdersAnswer:
    """List the orders of a window, newest first."""
    window = _window(visit)
    limit, cursor = visit.limit(MAX_PAGE[visit.dialect]), visit.cursor()
    rows = visit.venue.replica.newest_first(visit.account.account_id, window, cursor, visit.now_ns)
    wanted = _filter(visit)
    rows = [(position, row) for position, row in rows if wanted(row.order)]
    page = rows[:limit]
    data = wire.OrdersData(
        orders=[worded(row.order, visit.dialect) for _, row in page] or None,
        next_cursor=str(page[-1][0]) if len(rows) > limit else "",
    )
    if visit.dialect is Dialect.LEGACY:
        return wire.OrdersAnswer(data=msgspec.structs.replace(data, last_synced_at=_synced_at(visit)))
    return wire.OrdersAnswer(data=data, last_synced_at=_synced_at(visit))


def fills(visit: Visit) -> wire.MatchingDetailsAnswer:
    """List the fills of some orders, or of all in a window, oldest first."""
    order_ids = [
        order_id
        for name in ("order_id", "order_ids", "wager_id", "wager_ids")
        for order_id in visit.names(name, "invalid_param", MAX_IDS)
    ]
    if order_ids:
        copies = [visit.venue.replica.row(visit.account.account_id, order_id, visit.now_ns) for order_id in order_ids]
        trades = [trade for row in copies if row is not None for trade in row.trades]
    else:
        trades = _trades(visit)
    page, cursor = _page(visit, trades)
    details = [
        wire.MatchingDetail(
            order_id=trade.order_id,
            filled_quantity=trade.filled_quantity,
            fill_price=trade.fill_price,
            matched_at=trade.matched_at,
        )
        for trade in page
    ]
    data = wire.MatchingDetailsData(matching_details=details or None, next_cursor=cursor)
    return wire.MatchingDetailsAnswer(data=data, last_synced_at=_synced_at(visit))


def trades(visit: Visit) -> wire.TradesAnswer:
    page, cursor = _page(visit, _trades(visit))
    return wire.TradesAnswer(
        data=wire.TradesData(trades=page or None, next_cursor=cursor), last_synced_at=_synced_at(visit)
    )


def _trades(visit: Visit) -> list[wire.Trade]:
    created = _bounds(visit, "from", "to", "invalid_from", "invalid_to") or FOREVER
    rows = visit.venue.replica.newest_first(
        visit.account.account_id, Window(created=FOREVER, updated=FOREVER), None, visit.now_ns
    )
    found = [trade for _, row in rows for trade in row.trades if created[0] <= _matched_ns(trade) <= created[1]]
    return sorted(found, key=lambda trade: (_matched_ns(trade), trade.id))


def _matched_ns(trade: wire.Trade) -> int:
    assert isinstance(trade.matched_at, int)
    return trade.matched_at


def _page(visit: Visit, found: list[wire.Trade]) -> tuple[list[wire.Trade], str]:
    limit, start = visit.limit(MAX_IDS), visit.cursor() or 0
    end = start + limit
    return found[start:end], str(end) if end < len(found) else ""


def _synced_at(visit: Visit) -> str | msgspec.UnsetType:
    if not visit.venue.settings.history_age_told:
        return msgspec.UNSET
    return records.iso(visit.venue.replica.synced_at_ns(visit.now_ns))


def _window(visit: Visit) -> Window:
    created = _bounds(visit, "from", "to", "invalid_from", "invalid_to")
    updated = _bounds(visit, "updated_at_from", "updated_at_to", "invalid_updated_at_from", "invalid_updated_at_to")
    if created is None and updated is None:
        raise Refused("missing_date_range", "A date range is required")
    if created is not None and created[1] - created[0] > MAX_CREATED_NS + SECOND_NS:
        raise Refused("invalid_from_to_range", "At most 7 days")
    if updated is not None and updated[1] - updated[0] > MAX_UPDATED_NS + SECOND_NS:
        raise Refused("invalid_updated_at_range", "At most 2 days")
    return Window(created=created or FOREVER, updated=updated or FOREVER)


def _bounds(visit: Visit, first: str, last: str, first_code: str, last_code: str) -> tuple[int, int] | None:
    """Read a range of unix seconds as nanoseconds; the last second counts in full."""
    first_s, last_s = visit.number(first, first_code), visit.number(last, last_code)
    if first_s is None and last_s is None:
        return None
    if last_s is None:
        last_s = visit.now_ns // SECOND_NS
    if first_s is None:
        first_s = max(0, last_s - 2 * 86_400)
    if first_s > last_s:
        raise Refused("from_date_greater_than_to_date", f"{first} is after {last}")
    return first_s * SECOND_NS, (last_s + 1) * SECOND_NS - 1


def _filter(visit: Visit) -> Callable[[wire.Order], bool]:
    event_id = visit.number("event_id", "invalid_event_id")
    market_id = visit.number("market_id", "invalid_market_id")
    matching_status, status = visit.text("matching_status"), visit.text("status")

    def wanted(record: wire.Order) -> bool:
        return (
            event_id in (None, record.sport_event_id)
            and market_id in (None, record.market_id)
            and matching_status in ("", record.matching_status)
            and status in ("", record.status)
        )

    return wanted
