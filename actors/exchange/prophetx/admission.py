"""Why a request about an order is refused."""

from actors.exchange.prophetx.board import Book, Ticket
from actors.exchange.prophetx.ledger import Order, Status
from actors.exchange.prophetx.refusals import Refused
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.events import EventStatus
from protocol.odds import OddsLadder


def check_price(ticket: Ticket, ladder: OddsLadder) -> None:
    """Raise `Refused` for odds that the venue does not take."""
    if ticket.odds not in ladder:
        raise Refused("invalid_price", f"{ticket.odds} is not on the price ladder")


def check_size(ticket: Ticket, settings: ExchangeSettings) -> None:
    """Raise `Refused` for a stake that is too large, too small, or could win less than a cent."""
    odds, stake = ticket.odds, ticket.stake_cents
    if stake > settings.max_stake_cents:
        raise Refused("order_quantity_exceeds_max", "Quantity exceeds the maximum")
    if stake < settings.min_stake_cents:
        raise Refused("invalid_request", "The stake is below the allowed minimum")
    if (stake * odds if odds > 0 else stake * 10_000 // -odds) < 100:
        raise Refused("order_invalid_profit", "The profit is below one cent")


def check_open(book: Book) -> None:
    """Raise `Refused` for a book that takes no orders now."""
    if book.event.status is EventStatus.ENDED:
        raise Refused("event_not_available", "The event is not available")
    if book.market.pre_match_only and book.event.status is EventStatus.LIVE:
        raise Refused("supplemental_market_pre_match_only", "The market trades before the match only")


def why_not_cancelled(order: Order, now_ns: int) -> Refused:
    """Say why an order that does not rest cannot be cancelled."""
    match order.status:
        case Status.INACTIVE if now_ns * 2 < order.created_ns + order.activation_ns:
            return Refused("order_opened_retry", "Order is being opened, retry in 300 ms")
        case Status.INACTIVE:
            return Refused("order_is_placing", "Order is being placed")
        case Status.INVALID:
            return Refused("order_is_invalid", "Order is invalid")
        case _ if order.filled_cents == order.original_cents:
            return Refused("order_already_filled", "Order is already filled")
        case _:
            return Refused("order_already_cancelled", "Order is already cancelled")
