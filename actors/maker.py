"""The shipped market maker: both selections of each market, around a fair probability."""

from fractions import Fraction

import attrs

from actors.decisions.quoting import Quote
from actors.strategy import View
from protocol.commands import TimeInForce
from protocol.ids import BookKey, SelectionId
from protocol.money import BASIS_POINTS
from protocol.odds import Odds, implied


@attrs.frozen(kw_only=True)
class MakerSettings:
    """How the market maker quotes. Money in cents, probabilities in basis points."""

    stake_cents: int = 1_000
    margin_bp: int = 200  # what each quote keeps from the fair probability
    slack_bp: int = 75  # how far from its best price a quote may rest before it is moved
    skew_bp: int = 300  # how far the fair probability is moved at the hedge limit
    hedge_at_cents: int = 5_000  # net position in a market beyond which it takes the other side
    max_markets: int = 20
    in_play: bool = False  # quote events that have begun


@attrs.define
class MarketMaker:
    """Quote both selections, lean against what was bought, and past a limit buy the other side.

    The fair probability is the middle of what others offer: where one side of the book is empty there is none, and no
    quote. A quote costs at least the margin less than it is worth, so that both together cost less than what is won for
    sure: the overround is ours.
    """

    settings: MakerSettings = attrs.field(factory=MakerSettings)
    _quoted: dict[BookKey, None] = attrs.field(factory=dict)

    def __call__(self, view: View) -> list[Quote]:
        """Return the quotes for one market."""
        if not view.live or (view.in_play and not self.settings.in_play) or len(view.selections) != 2:
            self._quoted.pop(view.key, None)
            return []
        first, second = view.selections
        fair = view.fair(first)
        if fair is None or not self._takes_on(view.key):
            return []
        net = view.net_cents(first)
        if abs(net) >= self.settings.hedge_at_cents:
            return self._hedged(view, fair, net)
        skewed = self._skewed(fair, net)
        return [*self._quote(view, first, skewed), *self._quote(view, second, 1 - skewed)]

    def _takes_on(self, key: BookKey) -> bool:
        if key not in self._quoted and len(self._quoted) >= self.settings.max_markets:
            return False
        self._quoted[key] = None
        return True

    def _skewed(self, fair: Fraction, net_cents: int) -> Fraction:
        """Move the fair probability against the position: what we hold too much of we value less."""
        lean = Fraction(net_cents, self.settings.hedge_at_cents) * Fraction(self.settings.skew_bp, BASIS_POINTS)
        return fair - lean

    def _quote(self, view: View, selection_id: SelectionId, worth: Fraction) -> list[Quote]:
        price = worth - Fraction(self.settings.margin_bp, BASIS_POINTS)
        odds = self._resting_odds(view, selection_id, price) or view.ladder.paying_at_least(price)
        if price <= 0 or odds is None:
            return []
        return [Quote(selection_id=selection_id, odds=odds, stake_cents=self.settings.stake_cents)]

    def _resting_odds(self, view: View, selection_id: SelectionId, price: Fraction) -> Odds | None:
        """Return the price that rests already, when it is near enough to keep its place in the queue."""
        slack = Fraction(self.settings.slack_bp, BASIS_POINTS)
        for order in view.orders:
            if order.selection_id == selection_id and not order.cancel_wanted:
                return order.odds if price - slack <= implied(order.odds) <= price + slack else None
        return None

    def _hedged(self, view: View, fair: Fraction, net_cents: int) -> list[Quote]:
        """Quote only the side that we lack, and take what is offered on it down to half of the limit."""
        first, second = view.selections
        lacking = second if net_cents > 0 else first
        level = view.best(lacking)
        skewed = self._skewed(fair, net_cents)
        quotes = self._quote(view, lacking, 1 - skewed if lacking == second else skewed)
        if level is None or not level.takeable_cents:
            return quotes
        excess = abs(net_cents) - self.settings.hedge_at_cents // 2
        stake = min(level.takeable_cents, excess * 100 // _payout_of(level.odds), self.settings.stake_cents * 5)
        if stake < self.settings.stake_cents // 10:
            return quotes
        return [
            Quote(
                selection_id=lacking,
                odds=level.odds,
                stake_cents=stake,
                time_in_force=TimeInForce.FILL_OR_KILL,
            )
        ]


def _payout_of(odds: int) -> int:
    """Return what 100 cents at these odds bring back: the position moves by that much for each 100 staked."""
    return 100 + odds if odds > 0 else 100 + 10_000 // -odds
