"""A catalogue from a recorded answer of the venue."""

import gzip
import zlib
from collections.abc import Mapping

from actors.exchange.prophetx.catalogue import (
    COMPETITIONS,
    Catalogue,
    Competition,
    Event,
    Listing,
    Market,
    OpeningOrder,
    Selection,
    row_id,
)
from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.ids import BookKey, CompetitionId, EventId, MarketId, OutcomeId, SelectionId
from protocol.odds import opposite, stake_for_cents
from protocol.prophetx import reading, wire
from protocol.prophetx.wire import Dialect

_GZIP = b"\x1f\x8b"


class CatalogueError(LocalProtocolError):
    """A file is not a recorded catalogue. The message names the file and the place in it."""


def load_catalogue(data: bytes, name: str = "catalogue") -> Catalogue:
    """Read an answer to get_multiple_markets, packed or not, in either vocabulary.

    The answer says nothing about events and competitions, so these get names of their own. Its levels become orders
    that rest. Raises `CatalogueError`.
    """
    text = _unpacked(data, name)
    dialect = Dialect.LEGACY if b'"line_id"' in text else Dialect.V4
    try:
        answer = wire.decode(wire.MultipleMarketsAnswer, text, dialect)
        return _read(answer.data, name)
    except RemoteProtocolError as error:
        raise CatalogueError(f"{name}: {error}") from error


def _unpacked(data: bytes, name: str) -> bytes:
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise CatalogueError(f"{name}: {error}") from error


def _read(answer: Mapping[str, list[wire.Market] | None], name: str) -> Catalogue:
    competition = Competition(competition_id=CompetitionId(1), name="Recorded", sport=COMPETITIONS[0].sport)
    events, opening = [], []
    seen: dict[SelectionId, str] = {}
    for text, records in answer.items():
        if not text.isascii() or not text.isdecimal():
            raise CatalogueError(f"{name}: {text!r} is not an event id")
        event_id = EventId(int(text))
        markets = []
        for record in records or ():
            place = f"{name}: market {event_id}/{record.id}"
            market, orders = _market(event_id, record, place)
            for listing in market.listings:
                _check_new(listing, seen, place)
            opening += orders
            if market.listings:
                markets.append(market)
        events.append(
            Event(
                event_id=event_id,
                competition=competition,
                home=f"Home {event_id}",
                away=f"Away {event_id}",
                markets=tuple(markets),
            )
        )
    if not events:
        raise CatalogueError(f"{name}: no events")
    return Catalogue(competitions=(competition,), events=tuple(events), opening_orders=tuple(opening))


def _check_new(listing: Listing, seen: dict[SelectionId, str], place: str) -> None:
    for selection in listing.selections:
        if selection.selection_id in seen:
            raise CatalogueError(f"{place}: selection {selection.selection_id} is in {seen[selection.selection_id]}")
        seen[selection.selection_id] = place


def _market(event_id: EventId, record: wire.Market, place: str) -> tuple[Market, list[OpeningOrder]]:
    children = record.market_strikes if isinstance(record.market_strikes, list) else []
    by_key: dict[BookKey, Listing] = {}
    opening: list[OpeningOrder] = []
    for child in children or [record]:
        groups = child.selections if isinstance(child.selections, list) else []
        if len(groups) != 2 or not all(groups):
            continue  # only two selections are known to be complementary
        listing = _listing(event_id, record, child, place)
        if listing.key in by_key:
            raise CatalogueError(f"{place}: strike {child.strike} is there twice")
        by_key[listing.key] = listing
        opening += _opening(listing, groups, place)
    market = Market(
        market_id=MarketId(record.id),
        name=record.name,
        kind=record.type,
        sub_kind=record.sub_type or "",
        category=record.category_name or "",
        listings=tuple(by_key.values()),
        by_strike=bool(children),
    )
    return market, opening


def _listing(event_id: EventId, record: wire.Market, child: wire.Market, place: str) -> Listing:
    groups = child.selections
    assert isinstance(groups, list)
    first, second = (_selection(group, place) for group in groups)
    return Listing(
        key=BookKey(event_id, MarketId(record.id), reading.strike_of(child.strike, place)),
        name=child.name or record.name,
        selections=(first, second),
        favourite=child.favourite is True,
        row_id=row_id(first.selection_id),
    )


def _selection(group: list[wire.Level], place: str) -> Selection:
    level = group[0]
    return Selection(
        selection_id=SelectionId(level.strike_id),
        outcome_id=None if level.outcome_id is None else OutcomeId(level.outcome_id),
        name=level.name or level.display_name,
        strike=reading.strike_of(level.strike, place),
        competitor_id=level.competitor_id if isinstance(level.competitor_id, int) else None,
    )


def _opening(listing: Listing, groups: list[list[wire.Level]], place: str) -> list[OpeningOrder]:
    """Turn what can be taken on one selection into what rests on the other."""
    first, second = listing.selections
    orders = []
    for group, resting_on in ((groups[0], second), (groups[1], first)):
        for level in reading.side_of(group, place).levels:
            odds = opposite(reading.american(level))
            stake_cents = min(stake_for_cents(level.takeable, odds), level.payout or level.takeable)
            if stake_cents > 0:
                orders.append(OpeningOrder(selection_id=resting_on.selection_id, odds=odds, stake_cents=stake_cents))
    return orders
