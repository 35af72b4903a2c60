"""Micro-dollars: what a trade is worth, costs and gives back."""

from decimal import Decimal

CERTAIN_BP = 10_000  # a price of 100 %, which no order may have
SHARE_MICRO = 1_000_000  # what a winning share pays
MICRO_PER_BP = 100  # what a share costs for each basis point of its price


def value_micro(price_bp: int, shares: int) -> int:
    return price_bp * shares * MICRO_PER_BP


def fee_micro(value: int, rate_bp: int) -> int:
    """Return a share of a trade's value, rounded up."""  # U-25
    return -(-value * rate_bp // CERTAIN_BP)


def rebate_micro(value: int, rate_bp: int) -> int:
    """Return a share of a trade's value, rounded down."""  # U-25
    return value * rate_bp // CERTAIN_BP


def dollars(micro: int) -> Decimal:
    return Decimal(micro).scaleb(-6)
