"""The other traders: a seeded crowd that makes books and takes from them."""

from random import Random

import attrs

from actors.exchange.satoriex.accounts import Key
from actors.exchange.satoriex.floor import Floor
from actors.exchange.satoriex.markets import Market, Outcome, Stage
from actors.exchange.satoriex.money import CERTAIN_BP
from actors.exchange.satoriex.orders import Order, Side, Ticket
from actors.exchange.satoriex.refusals import Refused

MAKERS = ("maker-1", "maker-2", "maker-3")
TAKERS = ("taker-1", "taker-2")
LOWEST_BP, HIGHEST_BP = 2000, 8000
EDGE_BP = (100, 300)  # what a maker keeps on each side
WALK_BP = 20  # the most that a fair price moves at once
BARGAIN_BP = 300  # a taker pays at most so much more than what is fair
MADE_SHARES = (20, 200)
TAKEN_SHARES = (20, 400)
BEYOND = 2  # steps past the best price that a taker goes at most
TAKING = 0.5  # of all actions
GRID_BP = 100  # prices are whole cents, or the market's tick where that is coarser


@attrs.define(eq=False)
class Crowd:
    """Trade in every market around fair prices that nobody else knows."""

    floor: Floor
    random: Random
    _fair_bp: dict[str, int] = attrs.field(factory=dict, init=False)  # of a market's first outcome
    _quotes: dict[tuple[str, Key], list[Order]] = attrs.field(factory=dict, init=False)

    def open(self, now_ns: int) -> None:
        """Fund the crowd, and make every book two-sided."""
        settings = self.floor.settings
        for account_id in (*MAKERS, *TAKERS):
            self.floor.open_account(
                account_id, settings.crowd_balance_micro, now_ns, shares=settings.crowd_shares, silent=True
            )
        self._look_round(now_ns)

    def act(self, now_ns: int) -> None:
        """Do one thing: quote a book anew, or take from it."""
        self._look_round(now_ns)
        tradable = [market for market in self.floor.open_markets() if market.stage is Stage.ACTIVE]
        if not tradable:
            return
        market = self.random.choice(tradable)
        self._walk(market)
        outcome = self.random.choice(tuple(market.outcomes.values()))
        if self.random.random() < TAKING:
            self._take(market, outcome, now_ns)
        else:
            self._quote(self.random.choice(MAKERS), market, outcome, now_ns)
        for other in market.outcomes.values():
            if other.book.best_bp(Side.BUY) is None or other.book.best_bp(Side.SELL) is None:
                self._quote(self.random.choice(MAKERS), market, other, now_ns)

    def _look_round(self, now_ns: int) -> None:
        """Quote at once in a market that is new, and forget those that are gone."""
        listed = {market.market_id: market for market in self.floor.open_markets()}
        for gone in self._fair_bp.keys() - listed.keys():
            del self._fair_bp[gone]
            self._quotes = {owner: orders for owner, orders in self._quotes.items() if owner[1][0] != gone}
        for market_id, market in listed.items():
            if market_id not in self._fair_bp and market.stage is Stage.ACTIVE:
                self._fair_bp[market_id] = self.random.randint(3500, 6500)
                for outcome in market.outcomes.values():
                    for maker in MAKERS:
                        self._quote(maker, market, outcome, now_ns)

    def _walk(self, market: Market) -> None:
        moved = self._fair_bp[market.market_id] + self.random.randint(-WALK_BP, WALK_BP)
        self._fair_bp[market.market_id] = min(max(moved, LOWEST_BP), HIGHEST_BP)

    def _fair(self, market: Market, outcome: Outcome) -> int:
        fair_bp = self._fair_bp[market.market_id]
        first = next(iter(market.outcomes.values()))
        return fair_bp if outcome is first else CERTAIN_BP - fair_bp

    def _quote(self, maker: str, market: Market, outcome: Outcome, now_ns: int) -> None:
        """Replace a maker's two orders in a book."""
        for order in self._quotes.pop((maker, outcome.key), []):
            self.floor.withdraw(order, now_ns)
        fair_bp, grid_bp = self._fair(market, outcome), _grid(market)
        bid_bp = (fair_bp - self.random.randint(*EDGE_BP)) // grid_bp * grid_bp
        ask_bp = -(-(fair_bp + self.random.randint(*EDGE_BP)) // grid_bp) * grid_bp
        quotes = [
            self._enter(maker, market, outcome, side, price_bp, MADE_SHARES, now_ns)
            for side, price_bp in ((Side.BUY, bid_bp), (Side.SELL, ask_bp))
        ]
        self._quotes[maker, outcome.key] = [order for order in quotes if order is not None]

    def _take(self, market: Market, outcome: Outcome, now_ns: int) -> None:
        """Take the best price of one side, perhaps a little more, when it is not too far from what is fair."""
        side = self.random.choice((Side.BUY, Side.SELL))
        best_bp = outcome.book.best_bp(side.other)
        if best_bp is None:
            return
        premium_bp = (best_bp - self._fair(market, outcome)) * (1 if side is Side.BUY else -1)
        if premium_bp > BARGAIN_BP + _grid(market):
            return
        beyond_bp = self.random.randint(0, BEYOND) * _grid(market) * (1 if side is Side.BUY else -1)
        taker = self.random.choice(TAKERS)
        order = self._enter(taker, market, outcome, side, best_bp + beyond_bp, TAKEN_SHARES, now_ns)
        if order is not None:
            self.floor.withdraw(order, now_ns)

    def _enter(
        self,
        account_id: str,
        market: Market,
        outcome: Outcome,
        side: Side,
        price_bp: int,
        sizes: tuple[int, int],
        now_ns: int,
    ) -> Order | None:
        ticket = Ticket(
            market_id=market.market_id,
            outcome_id=outcome.key[1],
            side=side,
            price_bp=price_bp,
            shares=max(self.random.randint(*sizes), market.min_order_shares),
        )
        try:
            return self.floor.enter_at_once(self.floor.accounts[account_id], ticket, now_ns)
        except Refused:  # a market that was halted by the quote before, or an account that has run dry
            return None


def _grid(market: Market) -> int:
    return market.tick_bp * max(1, GRID_BP // market.tick_bp)
