"""What the venue's pages leave open about its wire format, as choices."""

import enum
from random import Random

import attrs

VERSION = "assumed-v0"


class Nesting(enum.Enum):
    """Where an event's fields stand in its frame."""

    ASSUMED = "assumed"  # {type, channel, market_id, outcome_id, data, ts}
    FLAT = "flat"
    DATA = "data"  # {type, data}
    PAYLOAD = "payload"  # {type, channel, payload}


class Stamp(enum.Enum):
    RFC3339 = "rfc3339"
    SECONDS = "seconds"
    MILLIS = "millis"


class SecondSocket(enum.Enum):
    """What becomes of a session's second connection."""

    CLOSES_OLDER = "closes_older"
    REFUSED = "refused"


@attrs.frozen(kw_only=True)
class WireChoices:
    """Choose one reading of each unknown. The defaults are the likeliest ones."""

    nesting: Nesting = Nesting.ASSUMED  # U-35
    book_event: str = "orderbook"  # U-35
    book_deltas: bool = True  # U-35: false sends a snapshot at every change
    snapshot_first: bool = True  # U-35: to whoever subscribes
    outcome_left_out: bool = False  # U-34: of marketdata
    everyones_orders: bool = False  # U-35: order and order_update tell of strangers' orders too
    filled_each: bool = True  # U-35: order_filled at every fill, or only at the last one
    joined_frames: bool = False  # U-35: what waits goes into one frame, joined by newlines
    second_socket: SecondSocket = SecondSocket.CLOSES_OLDER  # U-27
    expiry_closes: bool = True  # U-28: a socket ends with its token
    exp_left_out: bool = False  # U-04: of the token's claims
    rotating_refresh: bool = False  # U-04
    retry_after: bool = True  # U-09
    me_orders_missing: bool = False  # U-10
    market_limits_left_out: bool = False  # U-12, U-13
    place_nested: bool = False  # U-14: the order is at data.order
    order_id_name: str = "id"  # U-14
    filled_name: str = "filled_quantity"  # U-15
    market_id_name: str = "id"  # U-16: in a market
    outcome_id_name: str = "id"  # U-16: in a market's outcomes
    winner_name: str = "winning_outcome_id"  # U-16: in a result
    balance_name: str = "available"  # U-16
    money_as_text: bool = False  # U-16
    bare_lists: bool = False  # U-17
    status_as_number: bool = False  # U-19
    active_word: str = "active"  # U-36
    halted_word: str = "halted"  # U-36
    stamp: Stamp = Stamp.RFC3339  # U-39
    average_in_bp: bool = False  # C-1: else in cents
    closed_listed: bool = True  # C-4: GET /orders has what was closed of late
    list_lag_s: float = 0.0  # C-4: GET /orders answers from a copy this old

    @classmethod
    def drawn(cls, random: Random) -> "WireChoices":
        """Return some reading of every unknown."""

        def coin() -> bool:
            return random.random() < 0.5

        return cls(
            nesting=random.choice(tuple(Nesting)),
            book_event=random.choice(("orderbook", "book", "orderbook_delta", "order_book_update", "book.snapshot")),
            book_deltas=coin(),
            snapshot_first=coin(),
            outcome_left_out=coin(),
            everyones_orders=coin(),
            filled_each=coin(),
            joined_frames=coin(),
            second_socket=random.choice(tuple(SecondSocket)),
            expiry_closes=coin(),
            exp_left_out=coin(),
            rotating_refresh=coin(),
            retry_after=coin(),
            me_orders_missing=coin(),
            market_limits_left_out=coin(),
            place_nested=coin(),
            order_id_name=random.choice(("id", "order_id")),
            filled_name=random.choice(("filled_quantity", "filled", "filled_qty", "remaining_quantity")),
            market_id_name=random.choice(("id", "market_id")),
            outcome_id_name=random.choice(("id", "outcome_id")),
            winner_name=random.choice(("winning_outcome_id", "winner_outcome_id", "winning_outcome", "outcome_id")),
            balance_name=random.choice(("available", "balance", "available_balance")),
            money_as_text=coin(),
            bare_lists=coin(),
            status_as_number=coin(),
            active_word=random.choice(("active", "ACTIVE", "Active")),
            halted_word=random.choice(("halted", "paused")),
            stamp=random.choice(tuple(Stamp)),
            average_in_bp=coin(),
            closed_listed=coin(),
            list_lag_s=random.choice((0.0, 0.0, 1.0, 3.0)),
        )
