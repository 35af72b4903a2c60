"""The venue's records, field by field.

JSON numbers are read without a float: a whole number is `int`, any other is `Decimal`, and a record that wants an `int`
refuses a `Decimal`. Where a field goes by several names the record has all of them, and `first` picks.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

import attrs
import msgspec

from protocol.errors import RemoteProtocolError
from protocol.satoriex.assumptions import NESTS

T = TypeVar("T")
Dollars = Any  # int, Decimal or the text of one; anything else is refused by the reader of money
NUMBERS = (int, Decimal)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One JSON object. Unknown fields are passed over; a wrong type is an error with its path."""


class Secret(Record, frozen=True, kw_only=True):
    """A record that carries a secret. Its text form shows nothing of it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class Envelope(Record, frozen=True, kw_only=True):
    """What every answer comes in. `code` is 0 for a yes."""

    code: int | str
    msg: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    trace_id: str | None = None


class Page(Record, frozen=True, kw_only=True):
    items: list[msgspec.Raw] | None = None
    size: int | None = None
    total: int | None = None


# --- sessions ----------------------------------------------------------------------------------------------------


class LoginForm(Secret, frozen=True, kw_only=True):
    email: str
    password: str


class RefreshForm(Secret, frozen=True, kw_only=True):
    refresh_token: str


class TokensRecord(Secret, frozen=True, kw_only=True):
    access_token: str
    refresh_token: str | None = None


class Claims(Record, frozen=True, kw_only=True):
    """What a JWT says of itself."""

    exp: Any = None


# --- markets -----------------------------------------------------------------------------------------------------


class Outcome(Record, frozen=True, kw_only=True):
    id: str | None = None
    outcome_id: str | None = None
    name: str | None = None


class Market(Record, frozen=True, kw_only=True):
    id: str | None = None
    market_id: str | None = None
    title: str | None = None
    question: str | None = None
    name: str | None = None
    status: str | int | None = None
    outcomes: list[Outcome] | None = None
    tick_size: int | None = None  # basis points
    min_order_size: int | None = None  # shares


class Settled(Record, frozen=True, kw_only=True):
    """A market that is over. The winner is an id, a name or an object, under one of several names."""

    id: str | None = None
    market_id: str | None = None
    outcomes: list[Outcome] | None = None
    winning_outcome_id: Any = None
    winner_outcome_id: Any = None
    winning_outcome: Any = None
    outcome_id: Any = None


class Level(Record, frozen=True, kw_only=True, gc=False):
    price: int  # basis points
    quantity: int  # shares


Levels = list[Level | tuple[int, int]] | None


class Book(Record, frozen=True, kw_only=True):
    market_id: str | None = None
    outcome_id: str | None = None
    bids: Levels
    asks: Levels


# --- the account -------------------------------------------------------------------------------------------------


class Balance(Record, frozen=True, kw_only=True):
    available: Dollars = None
    available_balance: Dollars = None
    balance: Dollars = None


class Position(Record, frozen=True, kw_only=True):
    market_id: str
    outcome_id: str
    shares: int
    cost_basis: Dollars


class OrderForm(Record, frozen=True, kw_only=True):
    market_id: str
    outcome_id: str
    side: int
    price: int
    quantity: int


class Order(Record, frozen=True, kw_only=True):
    id: str | int | None = None
    order_id: str | int | None = None
    market_id: str
    outcome_id: str
    side: int
    price: int
    quantity: int
    status: str | int | None = None
    filled_quantity: int | None = None
    filled: int | None = None
    filled_qty: int | None = None
    remaining_quantity: int | None = None
    remaining: int | None = None
    remaining_qty: int | None = None
    created_at: Any = None


class NestedOrder(Record, frozen=True, kw_only=True):
    order: Order


# --- the socket --------------------------------------------------------------------------------------------------


class SubscribeForm(Record, frozen=True, kw_only=True):
    type: str
    market_id: str


TYPE = ("type",)
MARKET = ("market_id",)
OUTCOME = ("outcome_id",)
ID = ("id",)
ORDER = ("order_id",)
MAKER_ORDER = ("maker_order_id",)
TAKER_ORDER = ("taker_order_id",)
TRADE = ("trade_id",)
PRICE = ("price",)
QUANTITY = ("quantity",)
STATUS = ("status",)
CREATED_AT = ("created_at",)
KIND = ("kind",)
MID = ("mid",)
BEST_BID = ("best_bid",)
BEST_ASK = ("best_ask",)


@attrs.frozen
class Fields:
    """An object's fields, whatever they are: nothing that is wrong with one is an error. `body` is before `outer`."""

    body: dict[str, object]
    outer: dict[str, object] = attrs.field(factory=dict)

    @classmethod
    def inside(cls, record: dict[str, object], nests: Sequence[str] = NESTS) -> "Fields":
        """Take the object under the first of these names as the body, or else the record itself."""
        for name in nests:
            body = record.get(name)
            if isinstance(body, dict):
                return cls(body, record)
        return cls(record)

    def text(self, names: Sequence[str]) -> str | None:
        """Return a text, or a whole number as text."""
        return _text(self.body, names) or _text(self.outer, names)

    def own_text(self, names: Sequence[str]) -> str | None:
        """Return the same, of the body alone: an outer `id` is the message's."""
        return _text(self.body, names)

    def number(self, names: Sequence[str]) -> int | None:
        for record in (self.body, self.outer):
            for name in names:
                value = record.get(name)
                if type(value) is int:
                    return value
        return None

    def value(self, names: Sequence[str]) -> object:
        return next((self.body[name] for name in names if name in self.body), None)


def _text(record: dict[str, object], names: Sequence[str]) -> str | None:
    found = (text_of(record.get(name)) for name in names)
    return next((text for text in found if text), None)


def text_of(value: object) -> str | None:
    """Read an id: a text that is not empty, or a whole number."""
    if type(value) is int:
        return str(value)
    return value if isinstance(value, str) and value else None


def first(record: Record, names: Sequence[str]) -> Any:
    """Return what the record has under the first of several names; `None` where it has nothing."""
    return next((value for value in (getattr(record, name) for name in names) if value is not None), None)


# --- the codec ---------------------------------------------------------------------------------------------------

_ENCODER = msgspec.json.Encoder()
_LISTING: msgspec.json.Decoder[list[msgspec.Raw] | Page | None] = msgspec.json.Decoder(
    list[msgspec.Raw] | Page | None, float_hook=Decimal
)
_OBJECT: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_ANYTHING = msgspec.json.Decoder(float_hook=Decimal)
_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}

UNREADABLE = (ValueError, RecursionError, ArithmeticError)  # malformed, too deep, a number out of range


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind, float_hook=Decimal)
    return _DECODERS[kind]


def decode(kind: type[T], data: bytes | str | msgspec.Raw) -> T:
    """Read one record. Raises `RemoteProtocolError` with the path of what is wrong."""
    try:
        return _decoder(kind).decode(data)
    except UNREADABLE as error:
        raise RemoteProtocolError(f"{kind.__name__}: {error}") from error


def listed(kind: type[T], data: msgspec.Raw) -> tuple[tuple[T, ...], Page | None]:
    """Read a list, and its envelope where it has one. Raises `RemoteProtocolError`."""
    rows, page = rows_of(data)
    return tuple(decode(kind, row) for row in rows), page


def rows_of(data: msgspec.Raw) -> tuple[tuple[msgspec.Raw, ...], Page | None]:
    """Take a list apart, its rows unread, and its envelope where it has one. Raises `RemoteProtocolError`."""
    try:
        found = _LISTING.decode(data)
    except UNREADABLE as error:
        raise RemoteProtocolError(f"list: {error}") from error
    page = found if isinstance(found, Page) else None
    rows = found.items if isinstance(found, Page) else found
    return tuple(rows or ()), page


def read_object(data: bytes | str | msgspec.Raw) -> dict[str, object] | None:
    """Read any JSON object; `None` for what is none."""
    try:
        return _OBJECT.decode(data)
    except UNREADABLE:
        return None


def is_json(data: bytes) -> bool:
    try:
        _ANYTHING.decode(data)
    except UNREADABLE:
        return False
    return True


def encode(record: Record) -> bytes:
    return _ENCODER.encode(record)
