"""What the floor tells whoever listens."""

import attrs

from actors.exchange.satoriex.markets import Market, Outcome, Trade
from actors.exchange.satoriex.orders import OrderView


@attrs.frozen(kw_only=True)
class OrderChanged:
    """An order is new, was matched, or ended. `was_filled`: this change is a fill."""

    order: OrderView
    is_transition: bool  # its status is another one than before
    is_new: bool = False
    was_filled: bool = False
    silent: bool = False


@attrs.frozen(kw_only=True)
class Traded:
    trade: Trade


@attrs.frozen(kw_only=True)
class BookChanged:
    outcome: Outcome


@attrs.frozen(kw_only=True)
class WalletChanged:
    account_id: str
    available_micro: int
    escrow_micro: int


@attrs.frozen(kw_only=True)
class MarketSettled:
    market: Market


@attrs.frozen(kw_only=True)
class DisputeFiled:
    market: Market


Publication = OrderChanged | Traded | BookChanged | WalletChanged | MarketSettled | DisputeFiled
