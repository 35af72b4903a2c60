"""What the venue answers, read as what the house asked for."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.events import (
    BookReplaced,
    EventListed,
    EventStatus,
    Level,
    MarketSettled,
    Side,
)
from protocol.ids import BookKey, CompetitionId, EventId
from protocol.money import BASIS_POINTS
from protocol.prices import Probability
from protocol.satoriex import wire
from protocol.satoriex.assumptions import (
    ACTIVE_WORD,
    AVAILABLE_NAMES,
    ENDED_WORDS,
    FIRST_PAGE,
    MARKET_ID_NAMES,
    MARKET_NAMES,
    MONEY_DECIMALS,
    OUTCOME_ID_NAMES,
    PAGE_SIZE,
    WINNER_NAMES,
)
from protocol.satoriex.codes import LOGIN_SHAPE, Purpose, opened
from protocol.satoriex.names import book_key, buying, ids_of, price_received, selling, text
from protocol.satoriex.tokens import expires_s
from protocol.venue import AccessToken, Balance, EventPage, Holding, Response, Tokens

MAX_DOLLARS_DIGITS = 13  # before the point; beyond it a number is a mistake
_DOLLARS = re.compile(r"-?[0-9]+(\.[0-9]+)?")


# --- sessions ----------------------------------------------------------------------------------------------------


def tokens(response: Response) -> Tokens:
    """Read a login. Without both tokens it is another kind of login than we can do, and final."""
    try:
        record = wire.decode(wire.TokensRecord, opened(response, Purpose.LOGIN))
    except RemoteProtocolError:
        record = wire.TokensRecord(access_token="")
    if not record.access_token or not record.refresh_token:
        raise VenueError(code=LOGIN_SHAPE, status=response.status, policy=Policy.TERMINAL)
    return Tokens(
        access_token=record.access_token,
        access_expires_s=expires_s(record.access_token),
        refresh_token=record.refresh_token,
        refresh_expires_s=expires_s(record.refresh_token),
    )


def access_token(response: Response) -> AccessToken:
    record = wire.decode(wire.TokensRecord, opened(response))
    if not record.access_token:
        raise RemoteProtocolError("refresh: an empty access token")
    return AccessToken(
        access_token=record.access_token,
        access_expires_s=expires_s(record.access_token),
        refresh_token=record.refresh_token or None,
    )


# --- markets -----------------------------------------------------------------------------------------------------


def market_page(page: int, response: Response) -> EventPage:
    records, envelope = wire.listed(wire.Market, opened(response))
    return EventPage(events=tuple(map(market, records)), next_cursor=next_cursor(page, len(records), envelope))


def one_market(market_id: str, next_cursor: str, response: Response) -> EventPage:
    found = market(wire.decode(wire.Market, opened(response)))
    if text(found.event_id) != market_id:
        raise RemoteProtocolError(f"market {market_id}: answered with {found.event_id}")
    return EventPage(events=(found,), next_cursor=next_cursor)


def market(record: wire.Market) -> EventListed:
    """Read a market. One whose tick we cannot keep takes no orders from us, and is listed without the tick."""
    market_id = id_of(record, MARKET_ID_NAMES, "market")
    path = f"market {market_id}"
    keys = tuple(book_key(market_id, id_of(each, OUTCOME_ID_NAMES, f"{path}.outcomes")) for each in _outcomes(record))
    if len(set(keys)) != len(keys):
        raise RemoteProtocolError(f"{path}.outcomes: one of them twice")
    if record.min_order_size is not None and record.min_order_size < 0:
        raise RemoteProtocolError(f"{path}.min_order_size: {record.min_order_size}")
    tick_bp = record.tick_size
    keeps_tick = tick_bp is None or (0 < tick_bp < BASIS_POINTS and BASIS_POINTS % tick_bp == 0)
    status = record.status.lower() if isinstance(record.status, str) else ""
    return EventListed(
        event_id=EventId(market_id),
        competition_id=CompetitionId(0),
        name=next((each for each in (getattr(record, name) for name in MARKET_NAMES) if each), market_id),
        status=EventStatus.ENDED if status in ENDED_WORDS else EventStatus.SCHEDULED,
        active=status == ACTIVE_WORD and keeps_tick,
        keys=keys,
        names=tuple(each.name or "" for each in _outcomes(record)),
        outcomes=tuple(map(buying, keys)),
        tick_bp=tick_bp if keeps_tick else None,
        min_size=record.min_order_size or None,
    )


def book(key: BookKey, response: Response) -> tuple[BookReplaced, ...]:
    """Read an outcome's book. What can be taken by buying are the asks; by selling, the bids seen from "not it"."""
    record = wire.decode(wire.Book, opened(response))
    market_id, outcome_id = ids_of(key)
    for said, asked in ((record.market_id, market_id), (record.outcome_id, outcome_id)):
        if said not in (None, asked):
            raise RemoteProtocolError(f"book {key}: answered with {said}")
    asks = sorted(_depth(record.asks, f"book {key}.asks").items())
    bids = sorted(_depth(record.bids, f"book {key}.bids").items(), reverse=True)
    if asks and bids and asks[0][0] <= bids[0][0]:
        raise RemoteProtocolError(f"book {key}: crossed, {bids[0][0]} bid and {asks[0][0]} asked")
    buys = tuple(Level(Probability(bp), shares) for bp, shares in asks)
    sales = tuple(Level(Probability(BASIS_POINTS - bp), shares) for bp, shares in bids)
    sides = (Side(selection_id=buying(key), levels=buys), Side(selection_id=selling(key), levels=sales))
    return (BookReplaced(key=key, sides=sides, sequence_ns=0),)


def _depth(levels: wire.Levels, path: str) -> dict[int, int]:
    """Add up the shares at each price; a price with none is left out."""
    depth: dict[int, int] = {}
    for index, each in enumerate(levels or ()):
        bp, shares = each if isinstance(each, tuple) else (each.price, each.quantity)
        price_received(bp, f"{path}[{index}].price")
        if shares < 0:
            raise RemoteProtocolError(f"{path}[{index}].quantity: {shares}")
        if shares:
            depth[bp] = depth.get(bp, 0) + shares
    return depth


def results(response: Response) -> tuple[MarketSettled, ...]:
    records, _ = wire.listed(wire.Settled, opened(response))
    return tuple(each for each in map(result, records) if each is not None)


def result(record: wire.Settled) -> MarketSettled | None:
    """Read how a market ended; `None` without a readable winner.

    Buying the winner has won, and so has selling each of the others, where the record names them.
    """
    market_id = id_of(record, MARKET_ID_NAMES, "result")
    listed = {wire.first(each, OUTCOME_ID_NAMES): each.name for each in _outcomes(record)}
    winner_id = _winner(record, listed)
    if winner_id is None:
        return None
    losers = [outcome_id for outcome_id in listed if outcome_id and outcome_id != winner_id]
    winners = {buying(book_key(market_id, winner_id)), *(selling(book_key(market_id, each)) for each in losers)}
    return MarketSettled(event_id=EventId(market_id), winners=frozenset(winners))


def _winner(record: wire.Settled, listed: Mapping[str | None, str | None]) -> str | None:
    said = (_named(getattr(record, name)) for name in WINNER_NAMES)
    winner = next((each for each in said if each), None)
    if not listed or winner is None or winner in listed:
        return winner
    named = [outcome_id for outcome_id, name in listed.items() if name == winner]
    return named[0] if len(named) == 1 else None


def _named(said: object) -> str | None:
    return wire.Fields(said).text(OUTCOME_ID_NAMES) if isinstance(said, dict) else wire.text_of(said)


def _outcomes(record: wire.Market | wire.Settled) -> Iterable[wire.Outcome]:
    return record.outcomes or ()


def id_of(record: wire.Record, names: tuple[str, ...], path: str) -> str:
    found = next((each for each in (wire.text_of(getattr(record, name)) for name in names) if each), None)
    if found is None:
        raise RemoteProtocolError(f"{path}: none of {', '.join(names)}")
    return found


# --- the account -------------------------------------------------------------------------------------------------


def balance(response: Response) -> Balance:
    record = wire.decode(wire.Balance, opened(response))
    said = wire.first(record, AVAILABLE_NAMES)
    if said is None:
        raise RemoteProtocolError(f"balance: none of {', '.join(AVAILABLE_NAMES)}")
    return Balance(free_micro=micro_received(said, "balance"), resting_micro=None)


def holdings(response: Response) -> tuple[Holding, ...]:
    records, envelope = wire.listed(wire.Position, opened(response))
    if envelope is not None and envelope.total is not None and envelope.total > len(records):
        raise RemoteProtocolError(f"positions: {len(records)} of {envelope.total}")  # half of them would mislead
    return tuple(map(_holding, records))


def _holding(record: wire.Position) -> Holding:
    key = book_key(record.market_id, record.outcome_id)
    path = f"position {key}"
    if record.shares < 0:
        raise RemoteProtocolError(f"{path}.shares: {record.shares}")
    return Holding(
        key=key,
        selection_id=buying(key),
        shares=record.shares,
        cost_micro=micro_received(record.cost_basis, f"{path}.cost_basis"),
    )


def micro_received(dollars: object, path: str) -> int:
    """Read dollars, a number or the text of one, as micro-dollars. Raises `RemoteProtocolError` naming the `path`."""
    if type(dollars) in wire.NUMBERS or (isinstance(dollars, str) and _DOLLARS.fullmatch(dollars)):
        number = Decimal(dollars)  # type: ignore[arg-type]  # the line above tells which types it may be
    else:
        raise RemoteProtocolError(f"{path}: {str(dollars)[:40]!r} is not a number")
    if number.adjusted() >= MAX_DOLLARS_DIGITS:  # before any arithmetic
        raise RemoteProtocolError(f"{path}: {number:.3e} is out of range")
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "neither JSON nor the pattern knows infinity"
    written = "".join(map(str, digits))
    cut = -exponent - MONEY_DECIMALS  # digits beyond the micro-dollar
    if cut > 0 and written[-cut:].strip("0"):
        raise RemoteProtocolError(f"{path}: more than {MONEY_DECIMALS} decimals")
    micro = int(written[:-cut] or "0") if cut > 0 else int(written) * 10**-cut
    return -micro if sign else micro


# --- pieces ------------------------------------------------------------------------------------------------------


def next_cursor(page: int, rows: int, envelope: wire.Page | None) -> str:
    """Return the next page's number as text, and nothing at the end of the list."""
    if envelope is None:
        goes_on = rows == PAGE_SIZE  # a venue that does not page sends as many as there are
    elif envelope.total is not None:
        goes_on = rows > 0 and page * (envelope.size or PAGE_SIZE) < envelope.total
    else:
        goes_on = rows > 0
    return str(page + 1) if goes_on else ""


def page_of(cursor: str) -> int:
    return int(cursor) if cursor else FIRST_PAGE
