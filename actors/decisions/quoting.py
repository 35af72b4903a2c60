"""From the quotes a strategy wants to the orders that must change."""

from collections.abc import Iterable, Sequence

import attrs

from protocol.commands import TimeInForce
from protocol.ids import ClientOrderId, SelectionId
from protocol.odds import Odds, opposite
from protocol.order import Order


@attrs.frozen(kw_only=True)
class Quote:
    """Back a selection at a price. `stake_cents` is what is put at risk."""

    selection_id: SelectionId
    odds: Odds
    stake_cents: int
    time_in_force: TimeInForce = TimeInForce.REST


@attrs.frozen
class Changes:
    cancel: tuple[ClientOrderId, ...] = ()
    place: tuple[Quote, ...] = ()


def changes(wanted: Iterable[Quote], orders: Sequence[Order]) -> Changes:
    """Return what turns the orders of one market into the wanted quotes.

    An order that fits a quote stays, with its place in the queue. What no longer fits is cancelled first, and replaced
    once it is proved gone: never two stakes where one is wanted, never a price that would meet our own.
    """
    live = [order for order in orders if order.can_match]
    quotes = list(wanted)
    kept: dict[ClientOrderId, Quote] = {}
    for order in live:
        quote = next((each for each in quotes if _fits(order, each) and each not in kept.values()), None)
        if quote is not None and not order.cancel_wanted:
            kept[order.client_order_id] = quote
    going = [order for order in live if order.client_order_id not in kept]
    missing = [quote for quote in quotes if quote not in kept.values()]
    return Changes(
        cancel=tuple(order.client_order_id for order in going if not order.cancel_wanted),
        place=tuple(quote for quote in missing if _is_free(quote, live, going)),
    )


def _fits(order: Order, quote: Quote) -> bool:
    """Tell whether an order serves a quote: same price, and at least half of the stake still to be matched."""
    return (
        order.selection_id == quote.selection_id
        and order.odds == quote.odds
        and order.time_in_force is quote.time_in_force
        and quote.stake_cents <= 2 * (order.stake_cents - order.filled_cents)
        and order.stake_cents - order.filled_cents <= quote.stake_cents
    )


def _is_free(quote: Quote, live: Sequence[Order], going: Sequence[Order]) -> bool:
    waits = any(order.selection_id == quote.selection_id for order in going)
    meets = any(order.selection_id != quote.selection_id and quote.odds <= opposite(order.odds) for order in live)
    return not waits and not meets
