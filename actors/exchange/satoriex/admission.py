"""Why an order is refused at the door."""

from collections.abc import Iterable

from actors.exchange.satoriex.accounts import Account
from actors.exchange.satoriex.markets import Market, Outcome, Stage
from actors.exchange.satoriex.money import CERTAIN_BP, value_micro
from actors.exchange.satoriex.orders import Order, Side, Ticket
from actors.exchange.satoriex.refusals import Refused

MAX_SHARES = 2**62  # the venue counts in 64 bits


def find(markets: dict[str, Market], ticket: Ticket) -> tuple[Market, Outcome]:
    """Return what a ticket is about. Raises `Refused`."""
    market = markets.get(ticket.market_id)
    if market is None:
        raise Refused("market_unknown")
    outcome = market.outcomes.get(ticket.outcome_id)
    if outcome is None:
        raise Refused("outcome_unknown")
    return market, outcome


def check_terms(ticket: Ticket, market: Market) -> None:
    """Raise `Refused` for a price or a size that the market does not take."""
    if not 0 < ticket.price_bp < CERTAIN_BP:  # U-11
        raise Refused("price_invalid")
    if ticket.price_bp % market.tick_bp:
        raise Refused("price_off_tick")
    if not 0 < ticket.shares <= MAX_SHARES:
        raise Refused("quantity_invalid")
    if ticket.shares < market.min_order_shares:
        raise Refused("quantity_below_minimum")


def check_funds(ticket: Ticket, account: Account, outcome: Outcome) -> None:
    """Raise `Refused` for an order that the account cannot cover; shares are never sold short."""  # U-24
    if ticket.side is Side.BUY:
        if value_micro(ticket.price_bp, ticket.shares) > account.available_micro:
            raise Refused("balance_insufficient")
    elif ticket.shares > account.holding(outcome.key).free_shares:
        raise Refused("shares_insufficient")


def check_stage(market: Market) -> None:
    """Raise `Refused` for a market that takes no orders now."""
    if market.stage is Stage.HALTED:
        raise Refused("market_halted")
    if market.stage is not Stage.ACTIVE:
        raise Refused("market_closed")


def crosses_own(order: Order, live: Iterable[Order]) -> bool:
    """Tell whether an order could trade with another live one of its account, matched yet or not."""
    return any(other.key == order.key and other is not order and order.crosses(other) for other in live)
