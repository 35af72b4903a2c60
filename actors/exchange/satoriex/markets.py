"""A yes-or-no question that can be traded."""

import enum
from collections import deque
from random import Random

import attrs

from actors.exchange.satoriex.accounts import Key
from actors.exchange.satoriex.book import Book
from actors.exchange.satoriex.orders import Side

TRADES_KEPT = 500
NAMES = ("Yes", "No")
QUESTIONS = (
    ("Crypto", "Will Bitcoin close above 150,000 dollars?"),
    ("Politics", "Will the bill pass before the recess?"),
    ("Weather", "Will it rain in London on the day?"),
    ("Sports", "Will the home side win the final?"),
    ("Economy", "Will the rate be cut at the next meeting?"),
)


class Stage(enum.Enum):
    """How far a market has got."""

    ACTIVE = "active"
    HALTED = "halted"  # by the circuit breaker, or by hand
    CLOSING = "closing"  # halted for its resolution
    PROPOSED = "proposed"  # a winner is named and can be disputed
    SETTLED = "settled"


@attrs.frozen(kw_only=True)
class Trade:
    trade_id: str
    key: Key
    price_bp: int
    shares: int
    taker_side: Side
    maker_order_id: str
    taker_order_id: str
    at_ns: int


@attrs.define(eq=False)
class Outcome:
    key: Key
    name: str
    book: Book = attrs.field(factory=Book)
    reference_bp: int | None = None  # what the circuit breaker compares with
    reference_ns: int = 0


@attrs.define(eq=False)
class Market:
    market_id: str
    event_id: str
    category: str
    title: str
    outcomes: dict[str, Outcome]
    tick_bp: int
    min_order_shares: int
    opened_ns: int
    stage: Stage = Stage.ACTIVE
    generation: int = 0  # counts the changes of stage
    ends_ns: int | None = None  # when its trading ends, where that is planned
    winner: str | None = None
    settled_ns: int | None = None
    trades: deque[Trade] = attrs.field(factory=lambda: deque(maxlen=TRADES_KEPT))

    def enter(self, stage: Stage) -> int:
        """Change the stage; return the new generation."""
        self.stage = stage
        self.generation += 1
        return self.generation


def question(number: int, random: Random, *, tick_bp: int, min_order_shares: int, now_ns: int) -> Market:
    """Return a new market; its ids are opaque."""
    category, title = QUESTIONS[number % len(QUESTIONS)]
    market_id = f"mkt_{random.randbytes(5).hex()}"
    outcomes = [Outcome((market_id, f"out_{random.randbytes(5).hex()}"), name) for name in NAMES]
    return Market(
        market_id=market_id,
        event_id=f"evt_{number + 1}",
        category=category,
        title=title,
        outcomes={outcome.key[1]: outcome for outcome in outcomes},
        tick_bp=tick_bp,
        min_order_shares=min_order_shares,
        opened_ns=now_ns,
    )
