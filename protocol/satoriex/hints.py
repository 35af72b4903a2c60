"""What an event of the socket says that must be read again."""

from collections.abc import Iterator
from typing import assert_never

from protocol.events import About, Fill, Hinted, MessageUnreadable, UnknownReceived
from protocol.ids import EventId, MarketId, VenueOrderId
from protocol.prices import Probability
from protocol.satoriex import pushes
from protocol.satoriex.assumptions import MAX_PRICE_BP, MIN_PRICE_BP
from protocol.satoriex.pushes import Push

Hint = Hinted | UnknownReceived | MessageUnreadable


def hints_of(push: Push) -> tuple[Hint, ...]:
    """Return what must be read again; nothing for what is no trader's business.

    The `fill` of a trade's hint has the price of the outcome, as a probability. An order that sold the outcome backs
    "not it", and for such a one the price is the other one's, `opposite`: the event does not say which order did what.
    """
    match push:
        case pushes.Trade():
            return (*_orders(push), _book(push.market_id, push.outcome_id))
        case pushes.OrderMoved() | pushes.OrderFilled():
            return (_order(push.market_id, push.order_id),)
        case pushes.PriceUpdate() | pushes.BookMoved():
            return (_book(push.market_id, push.outcome_id),)
        case pushes.Settlement() | pushes.MarketResolved() | pushes.DisputeFiled():
            return (Hinted(about=About.MARKET, event_id=_event(push.market_id)), Hinted(about=About.FUNDS))
        case pushes.WalletChanged() | pushes.DepositConfirmed() | pushes.Withdrawal():
            return (Hinted(about=About.FUNDS),)
        case (
            pushes.KycDecided()
            | pushes.ProposalDecided()
            | pushes.ReferralBonus()
            | pushes.Mention()
            | pushes.Comment()
        ):
            return ()
        case pushes.Unknown(kind=kind):
            return (UnknownReceived(kind=kind),)
        case pushes.Unreadable(reason=reason):
            return tuple(MessageUnreadable(private=private, reason=reason) for private in (True, False))
        case _:
            assert_never(push)


def _orders(trade: pushes.Trade) -> Iterator[Hinted]:
    ids = (trade.maker_order_id, trade.taker_order_id, trade.order_id)
    fill = _fill(trade)
    for order_id in dict.fromkeys(each for each in ids if each is not None) or (None,):
        yield _order(trade.market_id, order_id, None if order_id is None else fill)


def _order(market_id: str | None, order_id: str | None, fill: Fill | None = None) -> Hinted:
    return Hinted(
        about=About.ORDERS,
        event_id=_event(market_id),
        venue_order_id=None if order_id is None else VenueOrderId(order_id),
        fill=fill,
    )


def _fill(trade: pushes.Trade) -> Fill | None:
    if trade.price is None or trade.quantity is None:
        return None
    believable = MIN_PRICE_BP <= trade.price <= MAX_PRICE_BP and trade.quantity > 0
    return Fill(trade.quantity, Probability(trade.price)) if believable else None


def _book(market_id: str | None, outcome_id: str | None) -> Hinted:
    # An outcome without its market names no book.
    known = market_id is not None and outcome_id is not None
    return Hinted(about=About.BOOK, event_id=_event(market_id), market_id=MarketId(outcome_id) if known else None)


def _event(market_id: str | None) -> EventId | None:
    return None if market_id is None else EventId(market_id)
