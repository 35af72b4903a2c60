"""The shipped market maker: both selections of each market, around a fair probability."""

from fractions import Fraction

import attrs

from actors.decisions.quoting import Quote
from actors.strategy import View
from protocol.commands import TimeInForce
from protocol.ids import BookKey, SelectionId, VenueName, sold_by
from protocol.money import BASIS_POINTS, micro
from protocol.prices import Price, implied, size_paying


@attrs.frozen(kw_only=True)
class MakerSettings:
    """How the market maker quotes. Money in cents, probabilities in basis points."""

    stake_cents: int = 1_000
    margin_bp: int = 200  # what each quote keeps from the fair probability
    slack_bp: int = 75  # how far from its best price a quote may rest before it is moved
    skew_bp: int = 300  # how far the fair probability is moved at the hedge limit
    hedge_at_cents: int = 5_000  # net position in a market beyond which it takes the other side
    max_markets: int = 20  # on each venue
    in_play: bool = False  # quote events that have begun


@attrs.define
class MarketMaker:
    """Quote both selections, lean against what was bought, and past a limit buy the other side.

    The fair probability is the middle of what others offer: where one side of the book is empty there is none, and no
    quote. A quote costs at least the margin less than it is worth, so that both together cost less than what is won for
    sure: the overround is ours.
    """

    settings: MakerSettings = attrs.field(factory=MakerSettings)
    _quoted: dict[BookKey, VenueName] = attrs.field(factory=dict)

    def __call__(self, view: View) -> list[Quote]:
        """Return the quotes for one market."""
        if not view.live or (view.in_play and not self.settings.in_play) or len(view.selections) != 2:
            self._quoted.pop(view.key, None)
            return []
        first, second = view.selections
        fair = view.fair(first)
        if fair is None or not self._takes_on(view.key, view.market.terms.venue):
            return []
        net = view.net_micro(first)
        if abs(net) >= micro(self.settings.hedge_at_cents):
            return self._hedged(view, fair, net)
        skewed = self._skewed(fair, net)
        return [*self._quote(view, first, skewed), *self._quote(view, second, 1 - skewed)]

    def _takes_on(self, key: BookKey, venue: VenueName) -> bool:
        there = sum(each == venue for each in self._quoted.values())
        if key not in self._quoted and there >= self.settings.max_markets:
            return False
        self._quoted[key] = venue
        return True

    def _skewed(self, fair: Fraction, net_micro: int) -> Fraction:
        """Move the fair probability against the position: what we hold too much of we value less."""
        lean = Fraction(net_micro, micro(self.settings.hedge_at_cents)) * Fraction(self.settings.skew_bp, BASIS_POINTS)
        return fair - lean

    def _quote(self, view: View, selection_id: SelectionId, worth: Fraction) -> list[Quote]:
        sells = sold_by(selection_id) is not None
        if sells:  # the fee is on what the sale brings
            worth -= (1 - worth) * Fraction(view.market.terms.fee_bp, BASIS_POINTS)
        limit = worth - Fraction(self.settings.margin_bp, BASIS_POINTS)
        price = self._resting_price(view, selection_id, limit) or view.ladder.paying_at_least(limit)
        if limit <= 0 or price is None:
            return []
        size = view.size_for(price, self.settings.stake_cents)
        size = min(size, view.held) if sells else size
        if size < view.market.terms.min_size:
            return []
        return [Quote(selection_id=selection_id, price=price, size=size)]

    def _resting_price(self, view: View, selection_id: SelectionId, limit: Fraction) -> Price | None:
        """Return the price that rests already, when it is near enough to keep its place in the queue."""
        slack = Fraction(self.settings.slack_bp, BASIS_POINTS)
        for order in view.orders:
            if order.selection_id == selection_id and not order.cancel_wanted:
                return order.price if limit - slack <= implied(order.price) <= limit + slack else None
        return None

    def _hedged(self, view: View, fair: Fraction, net_micro: int) -> list[Quote]:
        """Quote only the side that we lack, and take what is offered on it down to half of the limit."""
        first, second = view.selections
        lacking = second if net_micro > 0 else first
        level = view.best(lacking)
        skewed = self._skewed(fair, net_micro)
        quotes = self._quote(view, lacking, 1 - skewed if lacking == second else skewed)
        if level is None or not level.takeable:
            return quotes
        excess = abs(net_micro) - micro(self.settings.hedge_at_cents) // 2
        most = view.size_for(level.price, self.settings.stake_cents * 5)
        size = min(level.takeable, size_paying(level.price, excess), most)
        if sold_by(lacking) is not None:
            size = min(size, view.held)
        if size < max(view.size_for(level.price, self.settings.stake_cents // 10), view.market.terms.min_size):
            return quotes
        return [Quote(selection_id=lacking, price=level.price, size=size, time_in_force=TimeInForce.FILL_OR_KILL)]
