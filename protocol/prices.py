"""What a price means in money, in either of the forms that venues use."""

from fractions import Fraction
from typing import Protocol, TypeVar, overload

import attrs

from protocol import odds as american
from protocol.errors import LocalProtocolError
from protocol.money import BASIS_POINTS, MICRO_PER_CENT, dollars
from protocol.odds import Odds

MICRO_PER_SHARE = 1_000_000  # a share pays one dollar when its outcome wins
MICRO_PER_BASIS_POINT = MICRO_PER_SHARE // BASIS_POINTS  # of one share


@attrs.frozen
class Probability:
    """A price as a probability in basis points, 1 to 9999. The size of such an order is a number of shares."""

    bp: int

    def __attrs_post_init__(self) -> None:
        if not 0 < self.bp < BASIS_POINTS:
            raise LocalProtocolError(f"{self.bp} is not a probability in basis points, 1 to {BASIS_POINTS - 1}")

    def __str__(self) -> str:
        return f"{self.bp / 100:g}%"


Price = Odds | Probability
"""American odds, with sizes in cents of stake; or a probability, with sizes in shares."""

P = TypeVar("P", Odds, Probability)


def implied(price: Price) -> Fraction:
    """Return the probability at which an order at this price is fair."""
    return Fraction(price.bp, BASIS_POINTS) if isinstance(price, Probability) else american.implied(price)


@overload
def opposite(price: Odds) -> Odds: ...
@overload
def opposite(price: Probability) -> Probability: ...
def opposite(price: Price) -> Price:
    """Return what a taker on the complementary selection gets from an order that rests at `price`."""
    return Probability(BASIS_POINTS - price.bp) if isinstance(price, Probability) else american.opposite(price)


def meets(price: Price, other: Price) -> bool:
    """Tell whether orders at these prices on two complementary selections would match each other."""
    return implied(price) + implied(other) >= 1


def cost_micro(price: Price, size: int) -> int:
    """Return what an order stakes, in micro-dollars."""
    return size * price.bp * MICRO_PER_BASIS_POINT if isinstance(price, Probability) else size * MICRO_PER_CENT


def gain_micro(price: Price, size: int) -> int:
    """Return what a winning size gains before fees, in micro-dollars; odds round down to the cent."""
    if isinstance(price, Probability):
        return size * (BASIS_POINTS - price.bp) * MICRO_PER_BASIS_POINT
    return american.profit_cents(size, price) * MICRO_PER_CENT


def takeable(price: Price, size: int) -> int:
    """Return the size that a taker on the complementary selection can place against an order."""
    return size if isinstance(price, Probability) else american.profit_cents(size, price)


def size_costing(price: Price, micro: int) -> int:
    """Return the largest size that stakes no more than so many micro-dollars."""
    return micro // cost_micro(price, 1)


def size_paying(price: Price, micro: int) -> int:
    """Return the largest size that pays back no more than so many micro-dollars when it wins, the stake included."""
    if isinstance(price, Probability):
        return micro // MICRO_PER_SHARE
    return int(Fraction(micro, MICRO_PER_CENT) * american.implied(price))


def price_text(price: Price) -> str:
    """Write a price as people read it: `+146`, or `42%`."""
    return str(price) if isinstance(price, Probability) else f"{price:+d}"


def size_text(price: Price, size: int) -> str:
    """Write a size in its unit: `$10.00`, or `25 shares`."""
    return f"{size} shares" if isinstance(price, Probability) else dollars(size)


class Ladder(Protocol):
    """The prices that a book takes."""

    def __contains__(self, price: object, /) -> bool: ...
    def paying_at_least(self, probability: Fraction) -> Price | None: ...
    def better(self, price: Price, ticks: int = 1) -> Price: ...


@attrs.frozen
class Ticks:
    """Every multiple of a tick between 0 and 1, for prices that are probabilities. The tick is in basis points."""

    tick_bp: int

    def __attrs_post_init__(self) -> None:
        if not 0 < self.tick_bp < BASIS_POINTS or BASIS_POINTS % self.tick_bp:
            raise LocalProtocolError(f"a tick of {self.tick_bp} basis points does not divide {BASIS_POINTS}")

    def __contains__(self, price: object) -> bool:
        return isinstance(price, Probability) and price.bp % self.tick_bp == 0

    def paying_at_least(self, probability: Fraction) -> Probability | None:
        """Return the dearest price that costs no more than `probability`; `None` below the first tick."""
        steps = min(int(probability * BASIS_POINTS) // self.tick_bp, BASIS_POINTS // self.tick_bp - 1)
        return Probability(steps * self.tick_bp) if steps > 0 else None

    def better(self, price: Price, ticks: int = 1) -> Probability:
        """Return the price that pays more by `ticks`, clamped to the ends; negative ticks pay less."""
        if not isinstance(price, Probability):
            raise LocalProtocolError(f"{price!r} is not a probability")
        return Probability(min(max(price.bp - ticks * self.tick_bp, self.tick_bp), BASIS_POINTS - self.tick_bp))
