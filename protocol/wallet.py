"""What orders take out of a wallet, and what they bring."""

from collections.abc import Iterable

from protocol.events import OrderStatus
from protocol.ids import sold_by
from protocol.money import BASIS_POINTS
from protocol.order import Order
from protocol.prices import cost_micro, gain_micro


def fee_micro(gain: int, fee_bp: int) -> int:
    """Return the fee on what a sale brings, rounded up (the venue's rounding is not known: the dearer reading)."""
    return -(-gain * fee_bp // BASIS_POINTS)


def sale_fees_micro(order: Order, fee_bp: int) -> int:
    """Return the fees on what an order sold; 0 for one that sells nothing."""
    if sold_by(order.selection_id) is None:
        return 0
    return sum(fee_micro(gain_micro(fill.price, fill.size), fee_bp) for fill in order.fills)


def taken_micro(order: Order, fee_bp: int) -> int:
    """Return what an order took from the free money: what was bought, and what is held for the rest of it.

    A sale holds shares, not money, and brings what it sold for, less the fee: less than nothing is taken. What is
    settled took what it lost. Rebates and commission are not counted.
    """
    fees = sale_fees_micro(order, fee_bp)
    if order.status is OrderStatus.SETTLED:
        return fees - order.realised_micro
    if sold_by(order.selection_id) is not None:
        return fees - order.gain_micro
    return order.staked_micro + cost_micro(order.price, order.remaining)


def shares_bought(orders: Iterable[Order]) -> int:
    """Return how many more shares of one outcome are held after these orders, which all buy or sell it.

    Those of a settled market are gone.
    """
    there = (order for order in orders if order.status is not OrderStatus.SETTLED)
    return sum(-order.filled if sold_by(order.selection_id) else order.filled for order in there)


def funds_expected(
    opening_micro: int, orders: Iterable[tuple[Order, bool]], settled_micro: int, *, fee_bp: int, rebate_bp: int
) -> tuple[int, int]:
    """Return between what the money of an account must lie that has no order resting.

    `orders` are told apart by whether they are ours: what another one had staked at the opening was gone by then.
    `settled_micro` is what results brought, fees and commission taken off. Beyond the least there may be rebates, and
    better prices than the limits at which fills are booked that nobody told the prices of.
    """
    least, most = opening_micro + settled_micro, 0
    for order, ours in orders:
        if not ours and sold_by(order.selection_id) is not None:
            continue
        if order.status is not OrderStatus.SETTLED:
            least -= taken_micro(order, fee_bp)
        if not ours:
            least += order.cost_micro
        traded = max(order.cost_micro, order.gain_micro)
        most += traded * rebate_bp // BASIS_POINTS
        if rebate_bp and any(fill.price == order.price for fill in order.fills):
            most += order.cost_micro
    return least, least + most
