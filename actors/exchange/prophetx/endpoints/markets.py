"""What can be traded, and the wallet."""

import msgspec

from actors.exchange.prophetx import records
from actors.exchange.prophetx.board import OpenEvent
from actors.exchange.prophetx.endpoints.visit import Visit
from actors.exchange.prophetx.refusals import Refused
from protocol.events import EventStatus
from protocol.ids import EventId, SelectionId, number
from protocol.money import decimal
from protocol.prophetx import wire
from protocol.prophetx.wire import Dialect

MAX_EVENTS = 50
MAX_STRIKES = 20
MAX_EVENT_ID = 2**31 - 1
MAX_TRANSACTIONS = 1000


class NothingAnswer(wire.Record, frozen=True, kw_only=True):
    """An answer without content, for what is not simulated."""

    data: None = None


def tournaments(visit: Visit) -> wire.TournamentsAnswer:
    found = [records.tournament(each) for each in visit.venue.floor.competitions()]
    return wire.TournamentsAnswer(data=wire.TournamentsData(tournaments=found or None))


def sport_events(visit: Visit) -> wire.SportEventsAnswer:
    tournament_id = visit.number("tournament_id", "invalid_param")
    event_ids = visit.numbers("event_ids", "invalid_event_id", 1000, "market_event_limit_exceeded")
    found = [
        records.sport_event(opened)
        for opened in visit.venue.floor.events.values()
        if opened.status is not EventStatus.ENDED
        and tournament_id in (None, opened.event.competition.competition_id)
        and (not event_ids or number(opened.event.event_id) in event_ids)
    ]
    if event_ids and not found:
        raise Refused("sport_event_not_found", "Sport event not found")
    return wire.SportEventsAnswer(data=wire.SportEventsData(sport_events=found or None))


def markets(visit: Visit) -> wire.MarketsAnswer:
    event_id = visit.number("event_id", "market_invalid_event")
    if event_id is None or not 0 < event_id <= MAX_EVENT_ID:
        raise Refused("market_invalid_event", "Invalid event id")
    opened = visit.venue.floor.events.get(EventId(event_id))
    if opened is None:
        raise Refused("sport_event_not_found", "Sport event not found")
    return wire.MarketsAnswer(data=wire.MarketsData(event_id=event_id, markets=_markets_of(visit, opened)))


def multiple_markets(visit: Visit) -> wire.MultipleMarketsAnswer:
    event_ids = visit.numbers("event_ids", "market_invalid_event", MAX_EVENTS, "market_event_limit_exceeded")
    if not event_ids:
        raise Refused("market_event_limit_exceeded", f"0 events, expected 1 to {MAX_EVENTS}")
    answer: dict[str, list[wire.Market] | None] = {}
    for event_id in event_ids:
        if not 0 < event_id <= MAX_EVENT_ID:
            raise Refused("market_invalid_event", "Invalid event id")
        opened = visit.venue.floor.events.get(EventId(event_id))
        answer[str(event_id)] = None if opened is None else _markets_of(visit, opened)
    return wire.MultipleMarketsAnswer(data=answer)


def _markets_of(visit: Visit, opened: OpenEvent) -> list[wire.Market] | None:
    return [records.market(visit.venue.floor, market) for market in opened.event.markets] or None


def ladder(visit: Visit) -> wire.LadderAnswer:
    return wire.LadderAnswer(data=[int(step) for step in visit.venue.floor.ladder])


def strikes(visit: Visit) -> wire.StrikesAnswer:
    name = "strike_ids" if visit.dialect is Dialect.V4 else "line_ids"
    found = []
    for strike_id in visit.names(name, "invalid_param", MAX_STRIKES):
        known = visit.venue.floor.selections.get(SelectionId(strike_id))
        if known is not None:
            key, market = known[0].listing.key, known[0].market
            found.append(
                wire.Strike(
                    event_id=number(key.event_id),
                    market_id=number(key.market_id),
                    strike_id=strike_id,
                    type=market.kind,
                    sub_type=market.sub_kind,
                )
            )
    return wire.StrikesAnswer(data=found or None)


def nothing(visit: Visit) -> NothingAnswer:
    return NothingAnswer()


def balance(visit: Visit) -> wire.BalanceAnswer:
    now = visit.account.balance()
    return wire.BalanceAnswer(
        data=wire.Balance(
            balance=decimal(now.cash_cents),
            matched_order_balance=decimal(now.matched_cents),
            unmatched_order_balance=decimal(now.unmatched_cents),
            unmatched_order_last_synced_at=records.iso(visit.now_ns),
        )
    )


def transactions(visit: Visit) -> wire.TransactionsAnswer:
    """List the account's transactions, newest first."""
    first_s, last_s = visit.number("from", "invalid_from"), visit.number("to", "invalid_to")
    limit, below = visit.limit(MAX_TRANSACTIONS), visit.cursor()
    rows = visit.venue.floor.transactions.get(visit.account.account_id, [])
    found: list[wire.Transaction] = []
    for position in range(min(len(rows), len(rows) if below is None else below) - 1, -1, -1):
        row = rows[position]
        if first_s is not None and row.created_ns < first_s * 10**9:
            break
        record = records.transaction(row)
        if (last_s is not None and row.created_ns > (last_s + 1) * 10**9) or not _is_wanted(visit, record):
            continue
        if len(found) == limit:
            return _transactions(visit, found, str(position + 1))
        found.append(record)
    return _transactions(visit, found, "")


def _is_wanted(visit: Visit, record: wire.Transaction) -> bool:
    kind = {"BET": "TRADE"}.get(visit.text("transaction_type"), visit.text("transaction_type"))
    return (
        kind in ("", record.transaction_type)
        and visit.number("market_id", "invalid_market_id") in (None, record.market_id)
        and visit.number("event_id", "invalid_event_id") in (None, record.event_id)
        and visit.text("trade_id") in ("", record.trade_id)
    )


def _transactions(visit: Visit, found: list[wire.Transaction], cursor: str) -> wire.TransactionsAnswer:
    if visit.dialect is Dialect.LEGACY:
        found = [
            msgspec.structs.replace(each, transaction_type="BET") if each.transaction_type == "TRADE" else each
            for each in found
        ]
    return wire.TransactionsAnswer(data=wire.TransactionsData(transactions=found or None, next_cursor=cursor))
