"""From the last trade of a market to its payout."""

from collections.abc import Callable

import attrs

from actors.exchange.satoriex.floor import SECOND_NS, Floor
from actors.exchange.satoriex.markets import Market, Stage
from actors.exchange.satoriex.money import SHARE_MICRO, fee_micro
from actors.exchange.satoriex.publications import DisputeFiled, MarketSettled

TRADABLE = (Stage.ACTIVE, Stage.HALTED)


@attrs.define(eq=False)
class Resolution:
    """Take markets through halt, proposal, dispute window and settlement; list another in the place of each."""

    floor: Floor
    replaced: Callable[[Market, int], None] = lambda market, now_ns: None
    frozen: bool = False  # what was begun by the plan goes no further

    def begin(self, market: Market, winner: str, now_ns: int, *, planned: bool = False) -> None:
        """Halt a market for good; the rest follows by itself."""
        if market.stage not in TRADABLE:
            return
        market.winner = winner
        market.enter(Stage.CLOSING)
        self._later(market, self.floor.settings.proposal_s, self._propose, now_ns, planned)

    def uphold_dispute(self, market: Market, now_ns: int) -> None:
        """Send a proposed market back to trading."""
        if market.stage is Stage.PROPOSED:
            market.winner = None
            market.enter(Stage.ACTIVE)
            self.floor.publish(DisputeFiled(market=market))

    def _later(
        self, market: Market, wait_s: float, step: Callable[[Market, int, bool], None], now_ns: int, planned: bool
    ) -> None:
        generation = market.generation

        def go_on(due_ns: int) -> None:
            if market.generation == generation and not (planned and self.frozen):
                step(market, due_ns, planned)

        self.floor.agenda.add(now_ns + int(wait_s * SECOND_NS), go_on)

    def _propose(self, market: Market, now_ns: int, planned: bool) -> None:
        market.enter(Stage.PROPOSED)
        self._later(market, self.floor.settings.dispute_s, self._settle, now_ns, planned)

    def _settle(self, market: Market, now_ns: int, planned: bool) -> None:
        """Cancel what rests, pay a dollar for each winning share, and write the others off."""
        market.enter(Stage.SETTLED)
        market.settled_ns = now_ns
        for account in self.floor.accounts.values():
            for order in self.floor.live(account):
                if order.key[0] == market.market_id:
                    self.floor.withdraw(order, now_ns)  # U-37
            self._pay(account.account_id, market, now_ns)
        self.floor.publish(MarketSettled(market=market))
        self.replaced(self.floor.list_market(now_ns), now_ns)

    def _pay(self, account_id: str, market: Market, now_ns: int) -> None:
        account, house = self.floor.accounts[account_id], self.floor.house
        for outcome_id, outcome in market.outcomes.items():
            holding = account.holdings.pop(outcome.key, None)
            if outcome_id != market.winner or holding is None or not holding.shares:
                continue
            payout = holding.shares * SHARE_MICRO
            fee = fee_micro(payout, self.floor.settings.settlement_fee_bp)
            account.receive("settlement", payout, now_ns, outcome.key)
            account.receive("settlement_fee", -fee, now_ns, outcome.key)
            house.collateral_micro -= payout
            house.fees_micro += fee
            self.floor.tell_wallet(account)
