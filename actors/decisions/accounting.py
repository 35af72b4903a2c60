"""What an account's money must be."""

from collections.abc import Mapping

import attrs
import structlog

from actors.decisions.audit import funds_gap_cents
from actors.decisions.results import Results
from actors.decisions.venue_memory import VenueMemory
from actors.entries import AccountOpened
from actors.messages import FundsRead
from protocol.ids import ClientOrderId, ClientOrderIds
from protocol.order import Order
from protocol.venue import Traits
from protocol.wallet import funds_expected

log = structlog.get_logger()


@attrs.define(kw_only=True)
class Accounting:
    """Reckon an account's money from what it was before our first order. `account` names it in the journal."""

    traits: Traits
    ids: ClientOrderIds
    results: Results
    memory: VenueMemory
    account: str
    opening: AccountOpened | None = None

    def open(self, funds: FundsRead, orders: Mapping[ClientOrderId, Order]) -> AccountOpened | None:
        """Settle from what all orders are reckoned; return what the journal has to be told of that.

        After the first time only money that moved while nobody traded moves it: after a process that died there may be
        more than expected, a rebate or a deposit, but less is a loss that the audit shall show. What a result can have
        brought that we have not heard of yet is no deposit.
        """
        actual, self.opening = money_micro(funds), self.memory.opening
        held = funds.holdings
        if self.opening is not None:
            low, high = self._expected(self.opening, orders)
            moved = min(actual - low, 0) + max(actual - high, 0)
            if not moved or (moved < 0 and not self.memory.ended_in_order) or 0 < moved <= _payable(orders):
                return None
            log.warning("account_moved", venue=self.traits.venue, micro=moved)
            actual, held = self.opening.money_micro + moved, self.opening.held
        self.opening = AccountOpened(venue=self.traits.venue, account=self.account, money_micro=actual, held=held)
        return self.opening

    def gap_cents(self, orders: Mapping[ClientOrderId, Order], actual_micro: int) -> int | None:
        """Return how far the money is from what it must be; `None` where the opening is not known."""
        if self.opening is None:
            return None
        return funds_gap_cents(self._expected(self.opening, orders), actual_micro)

    def _expected(self, opening: AccountOpened, orders: Mapping[ClientOrderId, Order]) -> tuple[int, int]:
        return funds_expected(
            opening.money_micro,
            [(order, self.ids.owns(name)) for name, order in orders.items()],
            self.results.total_micro,
            fee_bp=self.traits.sale_fee_bp,
            rebate_bp=self.traits.rebate_bp,
        )


def _payable(orders: Mapping[ClientOrderId, Order]) -> int:
    """Return what results that are still to come can bring at most."""
    return sum(order.cost_micro + order.gain_micro for order in orders.values() if order.staked_micro)


def money_micro(funds: FundsRead) -> int:
    """Return what an account has without what is matched."""
    return funds.balance.free_micro + (funds.balance.resting_micro or 0)
