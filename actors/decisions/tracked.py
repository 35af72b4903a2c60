"""An order, and what is due about it."""

import math
from collections.abc import Sequence

import attrs

from protocol.belief import Belief, Source
from protocol.commands import PlaceOrder
from protocol.events import Fill
from protocol.ids import sold_by
from protocol.order import Order
from protocol.prices import Probability, implied, opposite

ENOUGH_LOOKS = 3  # at lists that could have shown an order, and did not
MAX_HINTED = 50


@attrs.define(kw_only=True)
class Tracked:
    """An order, and what is due about it. Times are trio's; `inf` means nothing is."""

    order: Order
    strategy: str
    command: PlaceOrder | None  # None for an order of the account that this process did not place
    source: Source = Source.RECKONED  # of what is believed of it
    as_of_ns: int = 0  # unix, by the venue's clock
    intended_ns: int = 0  # unix, by the venue's clock; 0 where that is not known
    sent_s: float = math.inf  # when the request to place it went out
    created_by_s: float = math.inf  # it came to be no later, if ever
    overdue_at_s: float = math.inf  # the activation deadline
    ask_at_s: float = math.inf
    cancel_at_s: float = math.inf
    cancelling: bool = False  # a cancel is under way
    refused: int = 0  # cancels that the venue said no to
    doubted_s: float = -math.inf  # until then news of it may have been missed
    stirred: bool = False  # something was heard of it while a question about it was under way
    settles_at_s: float = -math.inf  # until then an answered cancel may be followed by fills
    resend_at_s: float = math.inf
    gave_up_s: float = math.inf  # when the last request to place it ended without an answer
    under_way: bool = False  # it was sent again, and that has no answer yet
    arrived: bool = False  # proved to have reached the venue
    recalled: bool = False  # from before this process, and the venue has not said yet what became of it
    asked: int = 0
    looks: int = 0  # at lists that could have shown it
    resends: int = 0
    hinted: tuple[Fill, ...] = ()  # prices that its next fills may have got, says the socket

    @property
    def due_s(self) -> float:
        return min(self.overdue_at_s, self.ask_at_s, self.cancel_at_s, self.resend_at_s)

    @property
    def was_sent(self) -> bool:
        return self.sent_s < math.inf

    @property
    def looked_for(self) -> bool:
        """Tell whether enough lists were read that could have shown it."""
        return self.looks >= ENOUGH_LOOKS

    @property
    def belief(self) -> Belief[Order]:
        return self.order.belief(self.source, self.as_of_ns)

    def hear(self, fill: Fill | None) -> None:
        """Learn of a price that its next fill may have got."""
        if fill is not None:
            self.hinted = (*self.hinted, fill)[-MAX_HINTED:]

    def note(self, source: Source, as_of_ns: int) -> None:
        """Learn whose word it is that is believed. An older word that added something leaves the moment as it was."""
        self.source, self.as_of_ns = source, max(as_of_ns, self.as_of_ns)


def priced(order: Order, increase: int, hinted: Sequence[Fill]) -> Order:
    """Give an order's newest fill the prices that were hinted, when they account for all of it and are no worse.

    Hints name the price of the outcome, whichever side of it the order is on.
    """
    fills: list[Fill] = []
    for hint in hinted:
        if sum(fill.size for fill in fills) == increase:
            break
        fills.append(_turned(hint) if sold_by(order.selection_id) else hint)
    complete = sum(fill.size for fill in fills) == increase
    if not complete or any(implied(fill.price) > implied(order.price) for fill in fills):
        return order
    return attrs.evolve(order, fills=(*order.fills[:-1], *fills))


def _turned(fill: Fill) -> Fill:
    return attrs.evolve(fill, price=opposite(fill.price)) if isinstance(fill.price, Probability) else fill
