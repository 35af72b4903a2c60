"""What the socket carries, each type of event as a value.

No field of an event is documented. A field that is absent or of another type than expected is `None`, and none is
believed further than that something has changed.
"""

import enum
from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs

from protocol.satoriex import wire
from protocol.satoriex.assumptions import BOOK_WORD
from protocol.satoriex.wire import Fields

MAX_KIND = 64  # characters of an unknown type that are kept
MAX_REASON = 80


class Stage(enum.Enum):
    """How far a withdrawal has got."""

    REQUESTED = "requested"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class Moved(enum.Enum):
    """Which of two events told of an order."""

    TRANSITION = "order"  # its status is another one
    MODIFIED = "order_update"


# --- the user's channel ---


@attrs.frozen
class WalletChanged:
    pass


@attrs.frozen
class DepositConfirmed:
    pass


@attrs.frozen
class Withdrawal:
    stage: Stage


@attrs.frozen
class KycDecided:
    approved: bool


@attrs.frozen(kw_only=True)
class ProposalDecided:
    approved: bool
    market_id: str | None = None


@attrs.frozen
class ReferralBonus:
    pass


@attrs.frozen(kw_only=True)
class DisputeFiled:
    market_id: str | None = None


@attrs.frozen(kw_only=True)
class Mention:
    market_id: str | None = None


@attrs.frozen(kw_only=True)
class MarketResolved:
    market_id: str | None = None
    outcome_id: str | None = None


@attrs.frozen(kw_only=True)
class OrderFilled:
    """One of our orders was matched, in part or at last."""

    market_id: str | None = None
    outcome_id: str | None = None
    order_id: str | None = None
    price: int | None = None
    quantity: int | None = None


# --- a market's channel ---


@attrs.frozen(kw_only=True)
class Trade:
    """A match in a market. Either order may be ours. The price is the outcome's, in basis points."""

    market_id: str | None = None
    outcome_id: str | None = None
    trade_id: str | None = None
    order_id: str | None = None
    maker_order_id: str | None = None
    taker_order_id: str | None = None
    price: int | None = None
    quantity: int | None = None


@attrs.frozen(kw_only=True)
class OrderMoved:
    moved: Moved
    market_id: str | None = None
    outcome_id: str | None = None
    order_id: str | None = None
    price: int | None = None
    quantity: int | None = None


@attrs.frozen(kw_only=True)
class Settlement:
    market_id: str | None = None
    outcome_id: str | None = None


@attrs.frozen(kw_only=True)
class Comment:
    market_id: str | None = None


# --- a market's data ---


@attrs.frozen(kw_only=True)
class PriceUpdate:
    market_id: str | None = None
    outcome_id: str | None = None
    mid: int | None = None
    best_bid: int | None = None
    best_ask: int | None = None


@attrs.frozen(kw_only=True)
class BookMoved:
    """A book changed. `snapshot` tells a whole book from a change of one, where the event tells."""

    kind: str
    market_id: str | None = None
    outcome_id: str | None = None
    snapshot: bool | None = None


# --- the rest ---


@attrs.frozen
class Unknown:
    """An object of a type that we do not know, or of none."""

    kind: str


@attrs.frozen
class Unreadable:
    """A line that is not a JSON object."""

    reason: str


Push = (
    WalletChanged
    | DepositConfirmed
    | Withdrawal
    | KycDecided
    | ProposalDecided
    | ReferralBonus
    | DisputeFiled
    | Mention
    | MarketResolved
    | OrderFilled
    | Trade
    | OrderMoved
    | Settlement
    | Comment
    | PriceUpdate
    | BookMoved
    | Unknown
    | Unreadable
)


def read_frame(frame: str | bytes) -> tuple[Push, ...]:
    """Read one frame, which may be several objects on a line each. Nothing in it is an error: see `Unreadable`."""
    if isinstance(frame, bytes):
        try:
            frame = frame.decode()
        except UnicodeDecodeError:
            return (Unreadable("not UTF-8"),)
    record = wire.read_object(frame)
    if record is not None:  # an object may be spread over lines
        return (_read(record),)
    return tuple(map(_read_line, filter(None, map(str.strip, frame.split("\n")))))


def _read_line(line: str) -> Push:
    record = wire.read_object(line)
    return Unreadable(f"not an object: {line[:MAX_REASON]!r}") if record is None else _read(record)


def _read(record: dict[str, object]) -> Push:
    fields = Fields.inside(record)
    kind = _word(record, wire.TYPE) or _word(fields.body, wire.TYPE)
    if kind in READERS:
        return READERS[kind](fields)
    return _book_moved(kind, fields) if BOOK_WORD in kind.lower() else Unknown(kind[:MAX_KIND])


def _word(record: dict[str, object], names: tuple[str, ...]) -> str:
    value = Fields(record).value(names)
    return value if isinstance(value, str) else ""


def _market_id(fields: Fields) -> str | None:
    return fields.text(wire.MARKET)


def _outcome_id(fields: Fields) -> str | None:
    return fields.text(wire.OUTCOME)


def _order_id(fields: Fields) -> str | None:
    return fields.text(wire.ORDER) or fields.own_text(wire.ID)


def _withdrawal(stage: Stage) -> Callable[[Fields], Push]:
    return lambda _: Withdrawal(stage)


def _proposal(*, approved: bool) -> Callable[[Fields], Push]:
    return lambda fields: ProposalDecided(approved=approved, market_id=_market_id(fields))


def _order_filled(fields: Fields) -> Push:
    return OrderFilled(
        market_id=_market_id(fields),
        outcome_id=_outcome_id(fields),
        order_id=_order_id(fields),
        price=fields.number(wire.PRICE),
        quantity=fields.number(wire.QUANTITY),
    )


def _order_moved(moved: Moved) -> Callable[[Fields], Push]:
    return lambda fields: OrderMoved(
        moved=moved,
        market_id=_market_id(fields),
        outcome_id=_outcome_id(fields),
        order_id=_order_id(fields),
        price=fields.number(wire.PRICE),
        quantity=fields.number(wire.QUANTITY),
    )


def _trade(fields: Fields) -> Push:
    return Trade(
        market_id=_market_id(fields),
        outcome_id=_outcome_id(fields),
        trade_id=fields.text(wire.TRADE) or fields.own_text(wire.ID),
        order_id=fields.text(wire.ORDER),
        maker_order_id=fields.text(wire.MAKER_ORDER),
        taker_order_id=fields.text(wire.TAKER_ORDER),
        price=fields.number(wire.PRICE),
        quantity=fields.number(wire.QUANTITY),
    )


def _price_update(fields: Fields) -> Push:
    return PriceUpdate(
        market_id=_market_id(fields),
        outcome_id=_outcome_id(fields),
        mid=fields.number(wire.MID),
        best_bid=fields.number(wire.BEST_BID),
        best_ask=fields.number(wire.BEST_ASK),
    )


def _book_moved(kind: str, fields: Fields) -> Push:
    words = f"{kind} {_word(fields.body, wire.KIND)}".lower()
    told = {"snapshot": True, "delta": False}
    return BookMoved(
        kind=kind[:MAX_KIND],
        market_id=_market_id(fields),
        outcome_id=_outcome_id(fields),
        snapshot=next((whole for word, whole in told.items() if word in words), None),
    )


USER: Mapping[str, Callable[[Fields], Push]] = MappingProxyType(
    {
        "wallet_changed": lambda _: WalletChanged(),
        "deposit_confirmed": lambda _: DepositConfirmed(),
        **{f"withdraw_{stage.value}": _withdrawal(stage) for stage in Stage},
        "kyc_approved": lambda _: KycDecided(approved=True),
        "kyc_rejected": lambda _: KycDecided(approved=False),
        "proposal_approved": _proposal(approved=True),
        "proposal_rejected": _proposal(approved=False),
        "referral_bonus": lambda _: ReferralBonus(),
        "dispute_filed": lambda fields: DisputeFiled(market_id=_market_id(fields)),
        "mention": lambda fields: Mention(market_id=_market_id(fields)),
        "market_resolved": lambda fields: MarketResolved(market_id=_market_id(fields), outcome_id=_outcome_id(fields)),
        "order_filled": _order_filled,
    }
)
MARKET: Mapping[str, Callable[[Fields], Push]] = MappingProxyType(
    {
        "trade": _trade,
        **{moved.value: _order_moved(moved) for moved in Moved},
        "settlement": lambda fields: Settlement(market_id=_market_id(fields), outcome_id=_outcome_id(fields)),
        "comment": lambda fields: Comment(market_id=_market_id(fields)),
    }
)
MARKETDATA: Mapping[str, Callable[[Fields], Push]] = MappingProxyType({"price_update": _price_update})

READERS = {**USER, **MARKET, **MARKETDATA}
"""Every type that the venue names, by its three families of channels."""
