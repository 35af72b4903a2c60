"""The venue's records, read as the house's events."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from protocol.commands import PlaceOrder
from protocol.errors import RemoteProtocolError
from protocol.events import (
    BookReplaced,
    CompetitionListed,
    EventListed,
    EventStatus,
    Fill,
    Level,
    OrderReported,
    OrderStatus,
    Result,
    Side,
)
from protocol.ids import (
    BookKey,
    ClientOrderId,
    CompetitionId,
    EventId,
    MarketId,
    OutcomeId,
    SelectionId,
    Strike,
    VenueOrderId,
    number,
)
from protocol.money import cents_received, decimal, hundredths
from protocol.odds import Odds, is_american, opposite, profit_cents
from protocol.prophetx import wire

T = TypeVar("T")

MAX_STRIKE = 1_000_000 * 100  # hundredths; beyond it a number is not a strike
MAX_ODDS = 10_000_000

_STATUS = {
    "inactive": OrderStatus.PENDING,
    "open": OrderStatus.OPEN,
    "invalid": OrderStatus.INVALID,
    "canceled": OrderStatus.CANCELLED,
    "cancelled": OrderStatus.CANCELLED,
    "void": OrderStatus.VOID,
    "wiped": OrderStatus.WIPED,
    "manually_settled": OrderStatus.SETTLED,
    "settled": OrderStatus.SETTLED,
    "closed": OrderStatus.SETTLED,
}
_RESULT = {
    "profit": Result.WON,
    "won": Result.WON,
    "manually_won": Result.WON,
    "loss": Result.LOST,
    "lost": Result.LOST,
    "manually_lost": Result.LOST,
    "no_result": Result.RETURNED,
    "draw": Result.RETURNED,
    "push": Result.RETURNED,
}
_EVENT_STATUS = {
    "not_started": EventStatus.SCHEDULED,
    "scheduled": EventStatus.SCHEDULED,
    "live": EventStatus.LIVE,
    "finished": EventStatus.ENDED,
    "ended": EventStatus.ENDED,
    "closed": EventStatus.ENDED,
    "settled": EventStatus.ENDED,
}


# --- numbers -----------------------------------------------------------------------------------------------------


def odds_of(number: object, path: str) -> Odds:
    """Read American odds. `146.0` is 146; `1.9` is an error."""
    whole = int(number) if isinstance(number, Decimal) and _is_whole(number) else number
    if type(whole) is not int or not is_american(whole) or abs(whole) > MAX_ODDS:
        raise RemoteProtocolError(f"{path}: {number!r} is not American odds")
    return Odds(whole)


def _is_whole(number: Decimal) -> bool:
    return number.is_finite() and number.adjusted() < 8 and number == number.to_integral_value()


def strike_of(number: object, path: str) -> Strike:
    """Read a strike into hundredths of a point. `null` is no strike, 0."""
    if number is None:
        return Strike(0)
    try:
        return Strike(hundredths(number, limit=MAX_STRIKE))
    except ValueError as error:
        raise RemoteProtocolError(f"{path}: {error}") from error


def moment_ns(value: object) -> int | None:
    """Read a moment in any of the forms seen: ISO 8601, or epoch seconds, ms, us or ns told apart by magnitude.

    Returns unix nanoseconds, or `None` for what is none of these: it then proves nothing.
    """
    if isinstance(value, str):
        return _iso_ns(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if not number.is_finite() or not 0 < number < 10**20:
        return None
    for limit, scale in ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3)):
        if number < limit:
            return int(number * scale)
    return int(number)


def _iso_ns(text: str) -> int | None:
    try:
        return moment_ns(Decimal(text))
    except (InvalidOperation, ValueError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = moment.replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)
    since_1970_ns = (whole.days * 86_400 + whole.seconds) * 10**9 + moment.microsecond * 1000
    return since_1970_ns if since_1970_ns > 0 else None  # a zero time is no time


def given(value: T | UnsetType | None, default: T) -> T:
    return default if value is None or isinstance(value, UnsetType) else value


# --- markets -----------------------------------------------------------------------------------------------------


def level_of(record: wire.Level, path: str) -> Level | None:
    """Read one level; `None` for the placeholder of an empty side."""
    if record.price is None:
        return None
    price = odds_of(record.price, f"{path}.price")
    quantity = cents_received(record.quantity, f"{path}.quantity")
    value = cents_received(record.value, f"{path}.value")
    if quantity < 0 or value < 0:
        raise RemoteProtocolError(f"{path}: negative size")
    # `value` falls with fills and `quantity` does not. Against a level that only says more, take the smaller.
    full_size = profit_cents(quantity, opposite(price)) + 1  # the venue's own rounding of `value` is not known
    return Level(price, min(value, full_size) if quantity else value, quantity)


def side_of(group: list[wire.Level], path: str) -> Side:
    """Read one group: the levels of one selection, best first."""
    selection_ids = {level.strike_id for level in group}
    if len(selection_ids) != 1:
        raise RemoteProtocolError(f"{path}: {len(selection_ids)} selections in one group")
    levels = [level_of(record, f"{path}[{index}]") for index, record in enumerate(group)]
    return Side(
        selection_id=SelectionId(group[0].strike_id),
        name=group[0].name or group[0].display_name,
        outcome_id=None if group[0].outcome_id is None else OutcomeId(group[0].outcome_id),
        levels=tuple(sorted((each for each in levels if each), key=lambda level: -american(level))),
    )


def american(level: Level) -> Odds:
    """Return a level's price as the odds that it is on this venue."""
    assert isinstance(level.price, int), f"{level.price!r} is not American odds"
    return level.price


def sides_of(groups: "wire.Groups | UnsetType", path: str) -> tuple[Side, ...]:
    return tuple(side_of(group, f"{path}[{index}]") for index, group in enumerate(given(groups, [])) if group)


def books_of(event_id: EventId, market: wire.Market) -> tuple[BookReplaced, ...]:
    """Read a market of the catalogue: one book a strike."""
    strikes = given(market.market_strikes, [])
    if strikes:
        return tuple(_book_of(event_id, market, strike) for strike in strikes if given(strike.selections, []))
    return (_book_of(event_id, market, market),) if given(market.selections, []) else ()


def _book_of(event_id: EventId, market: wire.Market, strike: wire.Market) -> BookReplaced:
    path = f"market {event_id}/{market.id}"
    key = BookKey(event_id, MarketId(market.id), strike_of(strike.strike, f"{path}.strike"))
    groups = given(strike.selections, [])
    name = market.name if strike is market or not strike.name else f"{market.name}: {strike.name}"
    return BookReplaced(
        key=key,
        name=name,
        kind=market.type or strike.type,
        sub_kind=market.sub_type or strike.sub_type or "",
        active=is_active(market.status) and is_active(strike.status),
        sides=sides_of(groups, f"{path}.selections"),
        sequence_ns=max((level.updated_at for group in groups for level in group), default=0),
    )


def is_active(status: str | None) -> bool:
    return status in ("active", "", None)


# --- events ------------------------------------------------------------------------------------------------------


def event_of(record: wire.SportEvent, competition_id: int | None = None) -> EventListed:
    known = given(record.tournament_id, competition_id or 0)
    return EventListed(
        event_id=EventId(record.event_id),
        competition_id=CompetitionId(known),
        name=record.display_name or record.name,
        status=_EVENT_STATUS.get(record.status or "", EventStatus.UNKNOWN),
        scheduled=record.scheduled or "",
    )


def competition_of(record: wire.Tournament) -> CompetitionListed:
    return CompetitionListed(competition_id=CompetitionId(record.id), name=record.name)


# --- orders ------------------------------------------------------------------------------------------------------


def order_of(record: wire.Order, synced_at_ns: int | None = None) -> OrderReported:
    """Read an order. In a `matching` message `filled_quantity` is this fill; everywhere else it is cumulative."""
    venue_order_id = given(record.order_id, "") or given(record.id, "")
    if not venue_order_id:
        raise RemoteProtocolError("order: neither order_id nor id")
    path = f"order {venue_order_id}"
    for name in ("sport_event_id", "market_id", "strike_id", "price", "quantity", "status"):
        if getattr(record, name) is UNSET:
            raise RemoteProtocolError(f"{path}: no {name}")
    stake = cents_received(record.quantity, f"{path}.quantity")
    increment = cents_received(record.filled_quantity, f"{path}.filled_quantity")
    fill_price = given(record.fill_price, None)
    is_fill = record.update_type == "matching"
    return OrderReported(
        venue_order_id=VenueOrderId(venue_order_id),
        client_order_id=ClientOrderId(record.external_id) if record.external_id else None,
        key=BookKey(
            EventId(given(record.sport_event_id, 0)),
            MarketId(given(record.market_id, 0)),
            strike_of(record.strike, f"{path}.strike"),
        ),
        selection_id=SelectionId(given(record.strike_id, "")),
        price=odds_of(record.price, f"{path}.price"),
        size=stake,
        filled=_filled_cents(record, stake, path),
        last_fill=Fill(increment, odds_of(fill_price, f"{path}.fill_price")) if is_fill and fill_price else None,
        status=_status_of(record),
        result=_RESULT.get(record.winning_status or "", Result.TO_BE_DECIDED),
        sequence_ns=given(record.sequence_number, None),
        synced_at_ns=synced_at_ns,
        created_at_ns=moment_ns(given(record.created_at, None)),
    )


def placed_order_of(record: wire.Order, asked: PlaceOrder) -> OrderReported:
    """Read the answer to a placement; what it leaves out is what was asked."""
    complete = {
        "external_id": record.external_id or asked.client_order_id,
        "sport_event_id": given(record.sport_event_id, number(asked.key.event_id)),
        "market_id": given(record.market_id, number(asked.key.market_id)),
        "strike_id": given(record.strike_id, asked.selection_id),
        "price": given(record.price, asked.price),
        "quantity": given(record.quantity, decimal(asked.size)),
        "status": given(record.status, "inactive"),
    }
    return order_of(msgspec.structs.replace(record, **complete))


def _status_of(record: wire.Order) -> OrderStatus | None:
    if record.status == "open" and record.matching_status == "fully_matched":
        return OrderStatus.FILLED  # or cancelled after a partial fill, when the stake has shrunk
    return _STATUS.get(given(record.status, ""))


def _filled_cents(record: wire.Order, size: int, path: str) -> int:
    total = given(record.total_filled_quantity, None)
    unmatched = given(record.open_quantity, None)
    if total is not None:
        filled = cents_received(total, f"{path}.total_filled_quantity")
    elif record.matching_status == "fully_matched":
        filled = size
    elif record.update_type == "matching" and unmatched is not None:
        filled = size - cents_received(unmatched, f"{path}.open_quantity")
    else:
        filled = cents_received(record.filled_quantity, f"{path}.filled_quantity")
    if not 0 <= filled <= size:
        raise RemoteProtocolError(f"{path}: {filled} cents filled of {size}")
    return filled
