"""Which selection of the house stands for which side of the venue's book.

An outcome's book is two selections: buying the outcome, and selling it. To sell at a price is to back "not it" at what
is missing to a dollar, so a sale at 42 % is `Probability(5800)` of the selling selection.
"""

from urllib.parse import quote

from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.ids import BookKey, EventId, MarketId, SelectionId, sale_of
from protocol.money import BASIS_POINTS
from protocol.prices import Price, Probability
from protocol.satoriex.assumptions import MAX_PRICE_BP, MIN_PRICE_BP

BUY, SELL = 1, 2  # the venue's numbers


def book_key(market_id: str, outcome_id: str) -> BookKey:
    """Name the book of one outcome: a market is an event to the house, and an outcome is a market."""
    return BookKey(EventId(market_id), MarketId(outcome_id))


def ids_of(key: BookKey) -> tuple[str, str]:
    """Return the venue's names of a book: market and outcome. Raises `LocalProtocolError`."""
    return text(key.event_id), text(key.market_id)


def text(name: EventId | MarketId) -> str:
    """Return an id as the text that it is on this venue. Raises `LocalProtocolError`."""
    if not isinstance(name, str) or not name:
        raise LocalProtocolError(f"{name!r} is not an id of this venue")
    return name


def buying(key: BookKey) -> SelectionId:
    """Name an outcome. Ids are opaque: quoted, no two pairs of them read the same, and none like a sale."""
    return SelectionId("/".join(quote(each, safe="") for each in ids_of(key)))


def selling(key: BookKey) -> SelectionId:
    return sale_of(buying(key))


def to_wire(key: BookKey, selection_id: SelectionId, price: Price) -> tuple[int, int]:
    """Return the side and the price as the venue writes them. Raises `LocalProtocolError`."""
    if not isinstance(price, Probability):
        raise LocalProtocolError(f"{price!r} is not a probability")
    if selection_id == buying(key):
        return BUY, price.bp
    if selection_id == selling(key):
        return SELL, BASIS_POINTS - price.bp
    raise LocalProtocolError(f"{selection_id!r} is not a selection of {key}")


def from_wire(key: BookKey, side: int, price_bp: int, path: str) -> tuple[SelectionId, Probability]:
    """Return the selection and the price as the house has them. Raises `RemoteProtocolError`."""
    price = price_received(price_bp, f"{path}.price")
    if side == BUY:
        return buying(key), price
    if side == SELL:
        return selling(key), Probability(BASIS_POINTS - price.bp)
    raise RemoteProtocolError(f"{path}.side: {side}, expected {BUY} or {SELL}")


def price_received(price_bp: int, path: str) -> Probability:
    """Read a price that the venue sent. Raises `RemoteProtocolError` naming the `path`."""
    if not MIN_PRICE_BP <= price_bp <= MAX_PRICE_BP:
        raise RemoteProtocolError(f"{path}: {price_bp} basis points, expected {MIN_PRICE_BP} to {MAX_PRICE_BP}")
    return Probability(price_bp)
