"""When markets end."""

from random import Random

import attrs

from actors.exchange.satoriex.floor import SECOND_NS, Floor
from actors.exchange.satoriex.markets import Market
from actors.exchange.satoriex.resolution import Resolution


@attrs.define(eq=False)
class Schedule:
    """Plan the end of every market; the dice name the winner."""

    floor: Floor
    resolution: Resolution
    random: Random
    frozen: bool = False  # nothing ends any more

    def open(self, now_ns: int) -> None:
        """List the first markets."""
        self.resolution.replaced = self._plan
        for index in range(self.floor.settings.markets):
            self._plan(self.floor.list_market(now_ns), now_ns, index * self.floor.settings.stagger_s)

    def freeze(self) -> None:
        self.frozen = True
        self.resolution.frozen = True

    def _plan(self, market: Market, now_ns: int, later_s: float = 0.0) -> None:
        if self.floor.settings.trading_s is None:
            return
        market.ends_ns = now_ns + int((self.floor.settings.trading_s + later_s) * SECOND_NS)
        self.floor.agenda.add(market.ends_ns, lambda due_ns: self._close(market, due_ns))

    def _close(self, market: Market, now_ns: int) -> None:
        if not self.frozen:
            self.resolution.begin(market, self.random.choice(tuple(market.outcomes)), now_ns, planned=True)
