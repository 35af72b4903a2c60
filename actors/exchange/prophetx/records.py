"""The floor's state, as the venue's records."""

from datetime import UTC, datetime, timedelta

import msgspec

from actors.exchange.prophetx.board import Book, OpenEvent
from actors.exchange.prophetx.catalogue import Competition, Event, Listing, Market, Selection, signed
from actors.exchange.prophetx.floor import Floor
from actors.exchange.prophetx.ledger import DatedFill, Order, Transaction
from protocol.events import EventStatus
from protocol.ids import EventId, number
from protocol.matching import ShownLevel
from protocol.money import decimal
from protocol.prophetx import wire

EVENT_STATUS = {
    EventStatus.SCHEDULED: "not_started",
    EventStatus.LIVE: "live",
    EventStatus.ENDED: "finished",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ns: int) -> str:
    """Write a moment as ISO 8601 with microseconds."""
    moment = _EPOCH + timedelta(microseconds=ns // 1000)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


# --- orders ------------------------------------------------------------------------------------------------------


def order(of: Order) -> wire.Order:
    """Describe an order as REST does: `filled_quantity` is cumulative."""
    return wire.Order(
        order_id=of.order_id,
        id=of.order_id,
        external_id=of.external_id,
        user_id=of.account.account_id,
        sport_event_id=number(of.listing.key.event_id),
        market_id=number(of.listing.key.market_id),
        outcome_id=of.selection.outcome_id,
        strike=decimal(of.selection.strike),
        strike_id=of.selection.selection_id,
        price=of.odds,
        quantity=decimal(of.stake_cents),
        profit=decimal(of.profit_cents),
        filled_quantity=decimal(of.filled_cents),
        open_quantity=decimal(of.open_cents),
        matching_status=of.matching_status,
        winning_status=of.winning.value,
        status=of.status.value,
        created_at=of.created_ns,
        updated_at=of.updated_ns,
    )


def order_push(of: Order, fill: DatedFill | None, sequence_ns: int) -> wire.OrderPush:
    """Describe a change of an order: in a `matching` message `filled_quantity` is that fill alone."""
    info = msgspec.structs.replace(
        order(of),
        id=msgspec.UNSET,
        created_at=msgspec.UNSET,
        updated_at=msgspec.UNSET,
        total_filled_quantity=decimal(of.filled_cents),
        update_type="status",
        sequence_number=sequence_ns,
    )
    if fill is not None:
        info = msgspec.structs.replace(
            info,
            filled_quantity=decimal(fill.fill.stake_cents),
            fill_price=fill.fill.odds,
            update_type="matching",
        )
    return wire.OrderPush(info=info)


def trade(of: Order, fill: DatedFill) -> wire.Trade:
    return wire.Trade(
        id=fill.trade_id,
        order_id=of.order_id,
        filled_quantity=decimal(fill.fill.stake_cents),
        fill_price=fill.fill.odds,
        matched_at=fill.matched_ns,
    )


def matched_push(of: Order, fill: DatedFill, sequence_ns: int) -> wire.MatchedPush:
    return wire.MatchedPush(
        info=wire.MatchedInfo(
            sport_event_id=number(of.listing.key.event_id),
            market_id=number(of.listing.key.market_id),
            outcome_id=of.selection.outcome_id,
            strike=decimal(of.selection.strike),
            strike_id=of.selection.selection_id,
            price=of.odds,
            fill_price=fill.fill.odds,
            filled_quantity=decimal(fill.fill.stake_cents),
            origin_market_strike=decimal(of.listing.key.strike),
            sequence_number=sequence_ns,
        )
    )


def transaction(of: Transaction) -> wire.Transaction:
    return wire.Transaction(
        trade_id=of.trade_id,
        transaction_type=of.kind,
        amount=decimal(of.amount_cents),
        event_id=msgspec.UNSET if of.listing is None else number(of.listing.key.event_id),
        market_id=msgspec.UNSET if of.listing is None else number(of.listing.key.market_id),
        created_at=of.created_ns,
    )


# --- markets -----------------------------------------------------------------------------------------------------


def market(floor: Floor, of: Market) -> wire.Market:
    """Describe a market with its books."""
    record = wire.Market(
        id=number(of.market_id), name=of.name, type=of.kind, sub_type=of.sub_kind, category_name=of.category
    )
    books = [floor.books[listing.key] for listing in of.listings]
    traded = decimal(sum(book.traded_cents for book in books))
    record = msgspec.structs.replace(
        record, total_filled_quantity=traded, updated_at=max(book.updated_ns for book in books)
    )
    if of.by_strike:
        return msgspec.structs.replace(record, market_strikes=[_strike(book) for book in books])
    return msgspec.structs.replace(record, selections=groups(books[0]))


def _strike(book: Book) -> wire.Market:
    return wire.Market(
        id=number(book.market.market_id),
        name=book.listing.name,
        type=book.market.kind,
        sub_type=book.market.sub_kind,
        strike=decimal(book.listing.key.strike),
        favourite=True if book.listing.favourite else msgspec.UNSET,
        total_filled_quantity=decimal(book.traded_cents),
        updated_at=book.updated_ns,
        selections=groups(book),
    )


def groups(book: Book) -> list[list[wire.Level]]:
    """Describe what can be taken on each of a book's two selections."""
    return [_group(book, selection) for selection in book.listing.selections]


def _group(book: Book, selection: Selection) -> list[wire.Level]:
    base = wire.Level(
        outcome_id=selection.outcome_id,
        competitor_id=msgspec.UNSET if selection.competitor_id is None else selection.competitor_id,
        name=selection.name,
        display_name=selection.name,
        strike=decimal(selection.strike),
        strike_id=selection.selection_id,
        display_strike=signed(selection.strike) if selection.strike else "",
    )
    levels = book.matching.shown(selection.selection_id)
    return [_level(base, level, book.updated_ns) for level in levels] or [base]


def _level(base: wire.Level, level: ShownLevel, updated_ns: int) -> wire.Level:
    return msgspec.structs.replace(
        base,
        price=level.odds,
        quantity=decimal(level.payout_cents),
        value=decimal(level.takeable_cents),
        display_price=f"{level.odds:+d}",
        updated_at=updated_ns,
    )


def selections_push(book: Book, sequence_ns: int) -> wire.SelectionsPush:
    key = book.listing.key
    return wire.SelectionsPush(
        sport_event_id=number(key.event_id),
        market_id=number(key.market_id),
        info=wire.SelectionsInfo(
            id=number(key.market_id),
            name=book.listing.name,
            type=book.market.kind,
            strike=decimal(key.strike),
            sequence_number=sequence_ns,
            selections=groups(book),
        ),
    )


def market_push(event: Event, of: Market, sequence_ns: int) -> wire.MarketPush:
    return wire.MarketPush(
        id=str(event.event_id),
        info=wire.MarketInfo(
            id=number(of.market_id), sport_event_id=number(event.event_id), name=of.name, sequence_number=sequence_ns
        ),
    )


def strike_pushes(of: Market, listing: Listing, sequence_ns: int) -> list[wire.StrikePush]:
    """Describe a strike: one record for each of its two outcomes."""
    return [
        wire.StrikePush(
            id=listing.row_id + index,
            info=wire.StrikeInfo(
                id=listing.row_id + index,
                sport_event_id=number(listing.key.event_id),
                market_id=number(listing.key.market_id),
                outcome_id=selection.outcome_id,
                strike=decimal(selection.strike),
                strike_id=selection.selection_id,
                type=of.kind,
                name=listing.name,
                favourite=True if listing.favourite else msgspec.UNSET,
                sequence_number=sequence_ns,
            ),
        )
        for index, selection in enumerate(listing.selections)
    ]


# --- competitions and events -------------------------------------------------------------------------------------


def tournament(of: Competition) -> wire.Tournament:
    return wire.Tournament(
        id=of.competition_id,
        name=of.name,
        banner="<nil>",
        image="<nil>",
        category=wire.Named(id=1, name="USA"),
        sport=wire.Named(id=1, name=of.sport),
    )


def sport_event(opened: OpenEvent) -> wire.SportEvent:
    event = opened.event
    return wire.SportEvent(
        event_id=number(event.event_id),
        name=event.name,
        display_name=event.name,
        type="sport_event",
        status=EVENT_STATUS[opened.status],
        scheduled=iso(opened.scheduled_ns),
        sport_name=event.competition.sport,
        tournament_id=event.competition.competition_id,
        tournament_name=event.competition.name,
        updated_at=opened.updated_ns,
        competitors=[
            _competitor(2 * number(event.event_id), event.home, "home"),
            _competitor(2 * number(event.event_id) + 1, event.away, "away"),
        ],
    )


def sport_event_push(opened: OpenEvent, sequence_ns: int) -> wire.SportEventPush:
    return wire.SportEventPush(
        id=str(opened.event.event_id),
        tournament_id=str(opened.event.competition.competition_id),
        info=msgspec.structs.replace(sport_event(opened), sequence_number=sequence_ns),
    )


def unlisted_push(event_id: EventId, competition: Competition) -> wire.SportEventPush:
    return wire.SportEventPush(id=str(event_id), tournament_id=str(competition.competition_id))


def _competitor(competitor_id: int, name: str, side: str) -> wire.Competitor:
    return wire.Competitor(
        id=competitor_id, name=name, display_name=name, abbreviation="".join(w[0] for w in name.split()), side=side
    )
