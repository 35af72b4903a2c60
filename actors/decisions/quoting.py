"""From the quotes a strategy wants to the orders that must change, the most valuable changes first."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import attrs

from protocol.commands import TimeInForce
from protocol.ids import BookKey, ClientOrderId, SelectionId
from protocol.order import Order
from protocol.prices import Price, cost_micro, gain_micro, implied, meets


@attrs.frozen(kw_only=True)
class Quote:
    """Back a selection at a price. `size` is in the price's unit: cents that are put at risk, or shares."""

    selection_id: SelectionId
    price: Price
    size: int
    time_in_force: TimeInForce = TimeInForce.REST


@attrs.frozen
class Changes:
    cancel: tuple[ClientOrderId, ...] = ()
    place: tuple[Quote, ...] = ()

    @property
    def calls(self) -> int:
        """Return how many requests it takes, where each order takes one."""
        return len(self.cancel) + len(self.place)


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
    """Tell whether an order serves a quote: same price, and at least half of the size still to be matched."""
    return (
        order.selection_id == quote.selection_id
        and order.price == quote.price
        and order.time_in_force is quote.time_in_force
        and quote.size <= 2 * (order.size - order.filled)
        and order.size - order.filled <= quote.size
    )


def _is_free(quote: Quote, live: Sequence[Order], going: Sequence[Order]) -> bool:
    waits = any(order.selection_id == quote.selection_id for order in going)
    collides = any(order.selection_id != quote.selection_id and meets(quote.price, order.price) for order in live)
    return not waits and not collides


@attrs.frozen(kw_only=True)
class Step:
    """One request that a market needs, and what it is worth in micro-dollars per request."""

    key: BookKey
    cancel: ClientOrderId | None = None
    place: Quote | None = None
    worth: Fraction


def steps(
    key: BookKey, wanted: Sequence[Quote], orders: Sequence[Order], fair: dict[SelectionId, Fraction]
) -> list[Step]:
    """Return what a market needs, step by step, with the worth of each.

    A new quote is worth its edge over the fair probability. A cancel that makes room is worth half of what the
    successor gains by being better, as it takes two requests to get there, or what the order would lose. One without a
    successor, or where nobody knows what is fair, is worth what the order risks.
    """
    needed = changes(wanted, orders)
    by_name = {order.client_order_id: order for order in orders}
    found = [Step(key=key, cancel=name, worth=_cancel_worth(by_name[name], wanted, fair)) for name in needed.cancel]
    for quote in needed.place:
        edge = edge_micro(quote.selection_id, quote.price, quote.size, fair)
        found.append(Step(key=key, place=quote, worth=edge or Fraction(0)))
    return found


def _cancel_worth(order: Order, wanted: Sequence[Quote], fair: dict[SelectionId, Fraction]) -> Fraction:
    held = edge_micro(order.selection_id, order.price, order.remaining, fair)
    successors = [
        edge_micro(quote.selection_id, quote.price, quote.size, fair) or Fraction(0)
        for quote in wanted
        if quote.selection_id == order.selection_id
    ]
    if held is None or not successors:
        return Fraction(cost_micro(order.price, order.remaining))
    return max((max(successors) - held) / 2, -held)


def edge_micro(
    selection_id: SelectionId, price: Price, size: int, fair: dict[SelectionId, Fraction]
) -> Fraction | None:
    """Return what an order gains on average, in micro-dollars, if it is filled; `None` where nobody knows."""
    if selection_id not in fair:
        return None
    return (fair[selection_id] - implied(price)) * (cost_micro(price, size) + gain_micro(price, size))
