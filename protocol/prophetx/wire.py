"""The venue's records, field by field, in either vocabulary.

Every record is declared once, in the v4 words, and the legacy words come from the rename table. Money, odds and strikes
are JSON numbers that are read without a float: they are `int` or `Decimal` here, and checked where they are given a
unit.
"""

import enum
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from protocol.errors import RemoteProtocolError

T = TypeVar("T")
Number = Any  # int or Decimal; anything else is refused by the reader that knows the field's unit


class Dialect(enum.Enum):
    V4 = "v4"
    LEGACY = "legacy"


LEGACY_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "wager": "order",
        "wagers": "orders",
        "wager_id": "order_id",
        "wager_ids": "order_ids",
        "line_id": "strike_id",
        "line": "strike",
        "odds": "price",
        "stake": "quantity",
        "matched_stake": "filled_quantity",
        "unmatched_stake": "open_quantity",
        "matched_odds": "fill_price",
        "totally_matched_stake": "total_filled_quantity",
        "market_line": "market_strike",
        "market_lines": "market_strikes",
        "origin_market_line": "origin_market_strike",
        "display_odds": "display_price",
        "display_line": "display_strike",
        "adjusted_odds": "adjusted_price",
        "total_stake": "total_quantity",
        "total_matched_stake": "total_filled_quantity",
        "matched_bets": "trades",
        "bet_id": "id",
        "wager_strategy": "order_strategy",
        "succeed_wagers": "succeed_orders",
        "failed_wagers": "failed_orders",
        "matched_wager_balance": "matched_order_balance",
        "unmatched_wager_balance": "unmatched_order_balance",
        "unmatched_wager_balance_status": "unmatched_order_balance_status",
        "unmatched_wager_last_synced_at": "unmatched_order_last_synced_at",
    }
)
V4_FIELDS: Mapping[str, str] = MappingProxyType(
    # Where two old names meet in one new one, the word of the order records is written.
    {new: old for old, new in LEGACY_FIELDS.items() if old not in ("bet_id", "total_matched_stake")}
)

LEGACY_CHANGE_TYPES: Mapping[str, str] = MappingProxyType(
    {"market_line": "market_strike", "matched_bet": "matched_order", "wager": "order"}
)
V4_CHANGE_TYPES: Mapping[str, str] = MappingProxyType({new: old for old, new in LEGACY_CHANGE_TYPES.items()})
CHANGE_TYPE_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        **LEGACY_CHANGE_TYPES,
        "wagers": "order",
        "orders": "order",
        "market_selection": "market_selections",
        "trade_execution": "matched_order",
    }
)
LEGACY_WINNING: Mapping[str, str] = MappingProxyType({"profit": "won", "loss": "lost"})

HEALTH_CHECK = "health_check"
PRIVATE_SIGNAL = "private_system_signal"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One JSON object. Unknown fields are passed over; a wrong type is an error with its path."""


class Secret(Record, frozen=True, kw_only=True):
    """A record that carries a secret. Its text form shows nothing of it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


# --- markets -----------------------------------------------------------------------------------------------------


class Level(Record, frozen=True, kw_only=True, gc=False):
    """One price level. An empty side is one level whose price is null."""

    outcome_id: int | None = None
    competitor_id: int | UnsetType = UNSET
    name: str = ""
    display_name: str = ""
    strike: Number = 0
    strike_id: str
    price: Number = None
    quantity: Number = 0
    value: Number = 0
    display_price: str = ""
    display_strike: str = ""
    updated_at: int = 0


Groups = list[list[Level]] | None


class Market(Record, frozen=True, kw_only=True):
    """A market, or one strike of it."""

    id: int
    name: str = ""
    type: str = ""
    sub_type: str | None = ""
    category_name: str | None = ""
    status: str | None = "active"
    strike: Number = 0
    favourite: bool | UnsetType = UNSET
    total_quantity: Number = 0
    total_filled_quantity: Number = 0
    updated_at: int = 0
    selections: Groups | UnsetType = UNSET
    market_strikes: "list[Market] | UnsetType | None" = UNSET


class MarketsData(Record, frozen=True, kw_only=True):
    event_id: int | UnsetType = UNSET
    markets: list[Market] | None = None


class MarketsAnswer(Record, frozen=True, kw_only=True):
    data: MarketsData


class MultipleMarketsAnswer(Record, frozen=True, kw_only=True):
    data: dict[str, list[Market] | None]


class Strike(Record, frozen=True, kw_only=True):
    event_id: int
    market_id: int
    strike_id: str
    type: str = ""
    sub_type: str | None = ""


class StrikesAnswer(Record, frozen=True, kw_only=True):
    data: list[Strike] | None


class LadderAnswer(Record, frozen=True, kw_only=True):
    data: list[int]


# --- competitions and events -------------------------------------------------------------------------------------


class Named(Record, frozen=True, kw_only=True):
    id: int
    name: str = ""


class Tournament(Record, frozen=True, kw_only=True):
    id: int
    name: str = ""
    banner: str | None = ""
    image: str | None = ""
    category: Named | UnsetType = UNSET
    sport: Named | UnsetType = UNSET
    updated_at: int = 0
    sequence_number: int | UnsetType = UNSET


class TournamentsData(Record, frozen=True, kw_only=True):
    tournaments: list[Tournament] | None = None


class TournamentsAnswer(Record, frozen=True, kw_only=True):
    data: TournamentsData


class Competitor(Record, frozen=True, kw_only=True):
    id: int
    name: str = ""
    display_name: str = ""
    abbreviation: str = ""
    side: str = ""


class SportEvent(Record, frozen=True, kw_only=True):
    event_id: int
    name: str = ""
    display_name: str = ""
    type: str = ""
    sub_type: str | None = None
    status: str | None = ""
    scheduled: str | None = ""
    sport_name: str = ""
    tournament_id: int | UnsetType = UNSET
    tournament_name: str = ""
    live_disabled: bool = False
    updated_at: int = 0
    competitors: list[Competitor] | None = None
    sequence_number: int | UnsetType = UNSET


class SportEventsData(Record, frozen=True, kw_only=True):
    sport_events: list[SportEvent] | None = None


class SportEventsAnswer(Record, frozen=True, kw_only=True):
    data: SportEventsData


# --- orders ------------------------------------------------------------------------------------------------------


class OrderForm(Record, frozen=True, kw_only=True):
    """What is sent to place an order."""

    external_id: str
    strike_id: str
    price: Number
    quantity: Number
    order_strategy: str | UnsetType = UNSET


class OrderForms(Record, frozen=True, kw_only=True):
    data: list[OrderForm]


class Order(Record, frozen=True, kw_only=True):
    """An order, from REST or from the private channel. Either of two names may hold its id.

    Only the answer to a placement may leave out what the request said: its shape is documented by an ellipsis.
    """

    order_id: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    external_id: str | None = None
    user_id: str = ""
    sport_event_id: int | UnsetType = UNSET
    market_id: int | UnsetType = UNSET
    outcome_id: int | None = None
    strike: Number = 0
    strike_id: str | UnsetType = UNSET
    price: Number = UNSET
    quantity: Number = UNSET
    profit: Number = 0
    filled_quantity: Number = 0  # cumulative in REST, this fill alone in a `matching` message
    fill_price: Number = UNSET
    total_filled_quantity: Number = UNSET
    open_quantity: Number = UNSET
    matching_status: str = "unmatched"
    winning_status: str | None = "tbd"
    status: str | UnsetType = UNSET
    update_type: str | UnsetType = UNSET
    sequence_number: int | UnsetType = UNSET
    created_at: Number | str | UnsetType = UNSET
    updated_at: Number | str | UnsetType = UNSET


class PlacedData(Record, frozen=True, kw_only=True):
    success: bool = True
    order: Order


class PlacedAnswer(Record, frozen=True, kw_only=True):
    data: PlacedData


class FailedOrder(Record, frozen=True, kw_only=True):
    index: int | UnsetType = UNSET
    error: str
    message: str = ""
    request: OrderForm | UnsetType | None = UNSET


class PlacedManyData(Record, frozen=True, kw_only=True):
    succeed_orders: list[Order] | None = None
    failed_orders: list[FailedOrder] | None = None


class PlacedManyAnswer(Record, frozen=True, kw_only=True):
    data: PlacedManyData


class CancelForm(Record, frozen=True, kw_only=True):
    order_id: str
    external_id: str


class CancelForms(Record, frozen=True, kw_only=True):
    data: list[CancelForm]


class CancelEventForm(Record, frozen=True, kw_only=True):
    event_id: int


class CancelMarketForm(Record, frozen=True, kw_only=True):
    event_id: int
    market_id: int
    strike_id: str | UnsetType = UNSET


class Success(Record, frozen=True, kw_only=True):
    success: bool = True


class CancelledAnswer(Record, frozen=True, kw_only=True):
    data: Success | None = None


class CancelledOne(Record, frozen=True, kw_only=True):
    success: bool = False
    order: Order | None = None
    error: str | UnsetType = UNSET
    message: str | UnsetType = UNSET


class CancelledManyAnswer(Record, frozen=True, kw_only=True):
    data: list[CancelledOne] | None = None


class OrderAnswer(Record, frozen=True, kw_only=True):
    data: Order
    last_synced_at: Number | str = None


class OrdersData(Record, frozen=True, kw_only=True):
    orders: list[Order] | None = None
    next_cursor: str | None = ""
    last_synced_at: Number | str | UnsetType = UNSET


class OrdersAnswer(Record, frozen=True, kw_only=True):
    data: OrdersData
    last_synced_at: Number | str | UnsetType = UNSET


class MatchingDetail(Record, frozen=True, kw_only=True):
    """One fill of one order."""

    order_id: str
    filled_quantity: Number
    fill_price: Number
    matched_at: Number | str | UnsetType = UNSET


class MatchingDetailsData(Record, frozen=True, kw_only=True):
    matching_details: list[MatchingDetail] | None = None
    next_cursor: str | None = ""


class MatchingDetailsAnswer(Record, frozen=True, kw_only=True):
    data: MatchingDetailsData
    last_synced_at: Number | str | UnsetType = UNSET


class Trade(Record, frozen=True, kw_only=True):
    id: str
    order_id: str
    filled_quantity: Number
    fill_price: Number
    matched_at: Number | str | UnsetType = UNSET


class TradesData(Record, frozen=True, kw_only=True):
    trades: list[Trade] | None = None
    next_cursor: str | None = ""


class TradesAnswer(Record, frozen=True, kw_only=True):
    data: TradesData
    last_synced_at: Number | str | UnsetType = UNSET


# --- wallet ------------------------------------------------------------------------------------------------------


class Balance(Record, frozen=True, kw_only=True):
    balance: Number
    gec_balance: Number = 0
    matched_order_balance: Number = 0
    unmatched_order_balance: Number = 0
    unmatched_order_balance_status: str = "succeed"
    unmatched_order_last_synced_at: str | None = None


class BalanceAnswer(Record, frozen=True, kw_only=True):
    data: Balance


class Transaction(Record, frozen=True, kw_only=True):
    trade_id: str = ""
    transaction_type: str
    amount: Number = 0
    event_id: int | UnsetType = UNSET
    market_id: int | UnsetType = UNSET
    created_at: Number | str | UnsetType = UNSET


class TransactionsData(Record, frozen=True, kw_only=True):
    transactions: list[Transaction] | None = None
    next_cursor: str | None = ""


class TransactionsAnswer(Record, frozen=True, kw_only=True):
    data: TransactionsData


# --- sessions ----------------------------------------------------------------------------------------------------


class LoginForm(Secret, frozen=True, kw_only=True):
    access_key: str
    secret_key: str


class RefreshForm(Secret, frozen=True, kw_only=True):
    refresh_token: str


class Tokens(Secret, frozen=True, kw_only=True):
    access_token: str
    access_expire_time: int
    refresh_token: str | UnsetType = UNSET
    refresh_expire_time: int | UnsetType = UNSET


class TokensAnswer(Record, frozen=True, kw_only=True):
    data: Tokens


class ConnectionConfig(Record, frozen=True, kw_only=True):
    app_id: str = ""
    key: str
    cluster: str = ""
    ws_host: str | UnsetType | None = UNSET
    service: str = "pusher"


class Subscription(Record, frozen=True, kw_only=True):
    type: str
    ids: list[str]


class RegistrationForm(Record, frozen=True, kw_only=True):
    socket_id: str
    service: str = "pusher"
    subscriptions: list[Subscription] | UnsetType = UNSET


class Binding(Record, frozen=True, kw_only=True):
    name: str
    type: str = ""


class Scope(Record, frozen=True, kw_only=True):
    event_id: int
    sub_type: str | UnsetType | None = UNSET


class AuthorizedChannel(Secret, frozen=True, kw_only=True):
    channel_name: str
    auth: str
    binding_events: list[Binding] | None = None
    scope: Scope | UnsetType | None = UNSET


class Authenticated(Secret, frozen=True, kw_only=True):
    auth: str
    user_data: str


class Rejected(Record, frozen=True, kw_only=True):
    type: str = ""
    id: str = ""
    reason: str = ""


class RegistrationData(Record, frozen=True, kw_only=True):
    success: bool = True
    status: str = "CONNECTED"
    updated_at: int = 0
    subscriptions: list[Subscription] | None = None
    authorized_channel: list[AuthorizedChannel] | None = None
    channel_count: int = 0
    channel_limit: int | None = None
    authenticated: Authenticated | UnsetType | None = UNSET
    rejected: list[Rejected] | UnsetType | None = UNSET


class RegistrationAnswer(Record, frozen=True, kw_only=True):
    auth: str | UnsetType = UNSET
    data: RegistrationData


class Refusal(Record, frozen=True, kw_only=True):
    """The body of an error answer."""

    error: str
    message: str = ""
    details: Any = UNSET


# --- pushes ------------------------------------------------------------------------------------------------------


class Envelope(Record, frozen=True, kw_only=True, gc=False):
    """The outer layer of a push. `payload` is base64 of JSON."""

    change_type: str
    payload: str = ""
    op: str = "u"
    timestamp: int = 0


class StrictEnvelope(Record, frozen=True, kw_only=True, gc=False):
    """The same, for the fast way: the decoder reads the base64 itself."""

    change_type: str
    payload: bytes = b""
    op: str = "u"
    timestamp: int = 0


class TournamentPush(Record, frozen=True, kw_only=True):
    id: str | int | None = None
    info: Tournament


class SportEventPush(Record, frozen=True, kw_only=True):
    """`info` is absent when the event was unlisted."""

    id: str | int
    tournament_id: str | int | UnsetType = UNSET
    info: SportEvent | UnsetType | None = UNSET


class MarketInfo(Record, frozen=True, kw_only=True):
    id: int
    sport_event_id: int
    name: str = ""
    status: str | None = "active"
    description: str | None = ""
    sequence_number: int = 0


class MarketPush(Record, frozen=True, kw_only=True):
    id: str | int | None = None
    info: MarketInfo


class StrikeInfo(Record, frozen=True, kw_only=True):
    id: int
    sport_event_id: int
    market_id: int
    outcome_id: int | None = None
    strike: Number = 0
    strike_id: str
    type: str = ""
    name: str = ""
    status: str | None = "active"
    favourite: bool | UnsetType = UNSET
    sequence_number: int = 0


class StrikePush(Record, frozen=True, kw_only=True):
    id: int | None = None
    info: StrikeInfo


class SelectionsInfo(Record, frozen=True, kw_only=True):
    id: int | None = None
    name: str = ""
    type: str = ""
    strike: Number = 0
    sequence_number: int
    selections: Groups = None


class SelectionsPush(Record, frozen=True, kw_only=True):
    sport_event_id: int
    market_id: int
    info: SelectionsInfo


class MatchedInfo(Record, frozen=True, kw_only=True):
    sport_event_id: int
    market_id: int
    outcome_id: int | None = None
    strike: Number = 0
    strike_id: str
    price: Number
    fill_price: Number
    filled_quantity: Number
    origin_market_strike: Number = UNSET
    sequence_number: int = 0


class MatchedPush(Record, frozen=True, kw_only=True):
    info: MatchedInfo


class OrderPush(Record, frozen=True, kw_only=True):
    info: Order


# --- the codec ---------------------------------------------------------------------------------------------------

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_GENERIC = msgspec.json.Decoder(float_hook=Decimal)


_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind, float_hook=Decimal)
    return _DECODERS[kind]


def rename(value: Any, names: Mapping[str, str]) -> Any:
    """Rename every key of a JSON tree by the table."""
    if isinstance(value, dict):
        return {names.get(key, key): rename(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [rename(item, names) for item in value]
    return value


def decode(kind: type[T], data: bytes | str, dialect: Dialect) -> T:
    """Read one record. Raises `RemoteProtocolError` with the path of what is wrong."""
    try:
        if dialect is Dialect.V4:
            return _decoder(kind).decode(data)
        return msgspec.convert(rename(_GENERIC.decode(data), LEGACY_FIELDS), kind)
    except (ValueError, RecursionError, ArithmeticError) as error:  # malformed, too deep, a number out of range
        raise RemoteProtocolError(f"{kind.__name__}: {error}") from error


def encode(record: Record, dialect: Dialect) -> bytes:
    """Write one record."""
    if dialect is Dialect.V4:
        return _ENCODER.encode(record)
    return _ENCODER.encode(rename(_GENERIC.decode(_ENCODER.encode(record)), V4_FIELDS))
