"""Every REST call that a trader needs, as a request and a way to read its answer."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import quote, urlencode

import attrs
import msgspec

from protocol.commands import Cancel, CancelAll, CancelEvent, CancelMarket, CancelOrder, PlaceOrder, TimeInForce
from protocol.errors import LocalProtocolError
from protocol.events import BookReplaced, CompetitionListed, OrderReported, SelectionListed
from protocol.ids import BookKey, CompetitionId, EventId, SelectionId, VenueOrderId, number
from protocol.money import decimal
from protocol.odds import OddsLadder
from protocol.prophetx import answers, wire
from protocol.prophetx.codes import refusal
from protocol.prophetx.wire import Dialect
from protocol.venue import (
    AccessToken,
    Balance,
    Call,
    CancelResult,
    ConnectionConfig,
    Credentials,
    EventPage,
    FillPage,
    Lane,
    OrderPage,
    PlaceResult,
    Registration,
    Request,
    Response,
    Show,
    Tokens,
    TransactionPage,
    Wanted,
    Window,
)

T = TypeVar("T")
R = TypeVar("R")

MAX_BATCH = 20  # orders in one submit or cancel
MAX_EVENTS = 50  # events in one get_multiple_markets
MAX_PAGE = 100
MAX_DETAILS = 100
MAX_STRIKES = 20

PLACING_TIMEOUT_S = 5.0
CANCELLING_TIMEOUT_S = 3.0  # asked again when unanswered, which does no harm
READING_TIMEOUT_S = 5.0
MARKETS_TIMEOUT_S = 10.0
REGISTERING_TIMEOUT_S = 30.0  # it can take seconds, says the venue

_SHOWN: Mapping[Show, Mapping[str, str]] = {
    Show.ALL: {},
    Show.PENDING: {"status": "inactive"},
    Show.OPEN: {"status": "open"},
    Show.UNMATCHED: {"status": "open", "matching_status": "unmatched"},
    Show.PARTIAL: {"status": "open", "matching_status": "partially_matched"},
}
assert _SHOWN.keys() == set(Show)

STRATEGY = {TimeInForce.FILL_OR_KILL: "fillOrKill", TimeInForce.POST_ONLY: "ALO"}

_V4_PATHS = {
    "markets": "/v4/mm/get_multiple_markets",
    "event_markets": "/v4/mm/get_markets",
    "strikes": "/v4/mm/get_strikes",
    "trades": "/v4/mm/get_trades",
    "transactions": "/v4/mm/get_transactions",
    "ladder": "/v4/mm/get_price_ladder",
    "balance": "/v4/mm/get_balance",
    "place": "/v4/mm/submit_order",
    "place_many": "/v4/mm/submit_multiple_orders",
    "cancel": "/v4/mm/cancel_order",
    "cancel_many": "/v4/mm/cancel_multiple_orders",
    "cancel_all": "/v4/mm/cancel_all_orders",
    "cancel_event": "/v4/mm/cancel_orders_by_event",
    "cancel_market": "/v4/mm/cancel_orders_by_market",
    "order": "/v4/mm/get_order",
    "history": "/v4/mm/get_order_history",
    "fills": "/v4/mm/get_order_matched_detail",
    "register": "/v4/mm/websocket",
}
_LEGACY_PATHS = {
    "markets": "/v2/mm/get_multiple_markets",
    "event_markets": "/v2/mm/get_markets",
    "strikes": "/v4/mm/get_strikes",  # there has never been another
    "trades": "/mm/get_matched_bets",
    "transactions": "/v4/mm/get_transactions",  # the same
    "ladder": "/mm/get_odds_ladder",
    "balance": "/mm/get_balance",
    "place": "/mm/place_wager",
    "place_many": "/mm/place_multiple_wagers",
    "cancel": "/mm/cancel_wager",
    "cancel_many": "/mm/cancel_multiple_wagers",
    "cancel_all": "/mm/cancel_all_wagers",
    "cancel_event": "/mm/cancel_wagers_by_event",
    "cancel_market": "/mm/cancel_wagers_by_market",
    "order": "/mm/get_wager",
    "history": "/v2/mm/get_wager_histories",
    "fills": "/mm/get_wager_matching_detail",
    "register": "/mm/pusher",
}
PATHS = {Dialect.V4: _V4_PATHS, Dialect.LEGACY: _LEGACY_PATHS}
assert _V4_PATHS.keys() == _LEGACY_PATHS.keys()


@attrs.frozen
class ProphetXRest:
    """Build the calls of one dialect. Paths are appended to the base address, which may itself have a path."""

    dialect: Dialect

    # --- sessions ---

    def log_in(self, credentials: Credentials) -> Call[Tokens]:
        form = wire.LoginForm(access_key=credentials.user, secret_key=credentials.secret)
        request = self._post("/auth/login", form, authorised=False)
        return self._call("login", Lane.READING, request, wire.TokensAnswer, answers.tokens)

    def refresh(self, refresh_token: str) -> Call[AccessToken]:
        request = self._post("/auth/refresh", wire.RefreshForm(refresh_token=refresh_token), authorised=False)
        return self._call("refresh", Lane.READING, request, wire.TokensAnswer, answers.access_token)

    def connection_config(self) -> Call[ConnectionConfig]:
        request = _get("/websocket/connection-config")
        return self._call("connection_config", Lane.READING, request, wire.ConnectionConfig, answers.config)

    def register(self, socket_id: str, wanted: Wanted) -> Call[Registration]:
        """Name the full set of wanted subscriptions for a socket. The private channel comes without asking."""
        path = self._path("register")
        if self.dialect is Dialect.V4:
            form = wire.RegistrationForm(socket_id=socket_id, subscriptions=_subscriptions(wanted))
            request = self._post(path, form)
        else:
            tournaments = wire.Subscription(type="tournament", ids=[str(each) for each in wanted.competitions])
            header = msgspec.json.encode([tournaments]).decode()
            request = attrs.evolve(
                self._post(path, wire.RegistrationForm(socket_id=socket_id)), headers={"header-subscriptions": header}
            )
        call = self._call("register", Lane.READING, request, wire.RegistrationAnswer, answers.registration)
        return attrs.evolve(call, timeout_s=REGISTERING_TIMEOUT_S)

    # --- reference data ---

    def competitions(self) -> Call[tuple[CompetitionListed, ...]]:
        request = _get("/mm/get_tournaments", has_active_events="true")
        return self._call("competitions", Lane.READING, request, wire.TournamentsAnswer, answers.competitions)

    def events(
        self, competition_id: CompetitionId | None = None, event_ids: Sequence[EventId] = (), cursor: str = ""
    ) -> Call[EventPage]:
        """Read the open events, all on one page."""
        request = _get("/mm/get_sport_events", tournament_id=competition_id, event_ids=_csv(event_ids))
        return self._call("events", Lane.READING, request, wire.SportEventsAnswer, answers.events)

    def markets(self, event_ids: Sequence[EventId]) -> Call[tuple[BookReplaced, ...]]:
        """Read the books of 1 to 50 events. Raises `LocalProtocolError` outside that."""
        if not 1 <= len(event_ids) <= MAX_EVENTS:
            raise LocalProtocolError(f"{len(event_ids)} events in one request, expected 1 to {MAX_EVENTS}")
        request = _get(self._path("markets"), event_ids=_csv(event_ids))
        call = self._call("markets", Lane.READING, request, wire.MultipleMarketsAnswer, answers.books)
        return attrs.evolve(call, timeout_s=MARKETS_TIMEOUT_S)

    def book(self, key: BookKey) -> Call[tuple[BookReplaced, ...]]:
        """Read every book of a book's event: there is no smaller question."""
        return self.markets((key.event_id,))

    def event_markets(self, event_id: EventId) -> Call[tuple[BookReplaced, ...]]:
        """Read the books of one event."""
        request = _get(self._path("event_markets"), event_id=event_id)
        read = partial(answers.event_books, event_id)
        return self._call("event_markets", Lane.READING, request, wire.MarketsAnswer, read)

    def strikes(self, selection_ids: Sequence[SelectionId]) -> Call[tuple[SelectionListed, ...]]:
        """Read which markets 1 to 20 selections belong to. Raises `LocalProtocolError` outside that."""
        if not 1 <= len(selection_ids) <= MAX_STRIKES:
            raise LocalProtocolError(f"{len(selection_ids)} selections in one request, expected 1 to {MAX_STRIKES}")
        request = _get(self._path("strikes"), strike_ids=_csv(selection_ids))
        return self._call("strikes", Lane.READING, request, wire.StrikesAnswer, answers.strikes)

    def ladder(self) -> Call[OddsLadder]:
        return self._call("ladder", Lane.READING, _get(self._path("ladder")), wire.LadderAnswer, answers.ladder)

    # --- wallet ---

    def balance(self) -> Call[Balance]:
        return self._call("balance", Lane.READING, _get(self._path("balance")), wire.BalanceAnswer, answers.balance)

    def holdings(self) -> None:
        """Return nothing to ask: what is matched stands in the orders."""

    def results(self) -> None:
        """Return nothing to ask: a result comes with each order."""

    def transactions(self, from_s: int, to_s: int, cursor: str = "") -> Call[TransactionPage]:
        """Read the movements of the wallet in a window of unix seconds, a page at a time."""
        query = {"from": from_s, "to": to_s, "limit": MAX_PAGE, "next_cursor": cursor or None}
        request = _get(self._path("transactions"), **query)
        return self._call("transactions", Lane.READING, request, wire.TransactionsAnswer, answers.transaction_page)

    # --- orders ---

    def place(self, orders: Sequence[PlaceOrder]) -> Call[tuple[PlaceResult, ...]]:
        """Place 1 to 20 orders; one result each, in their order. A batch is not atomic."""
        _check_batch(len(orders))
        forms = [_form(order) for order in orders]
        if len(orders) == 1:
            request = self._post(self._path("place"), forms[0])
            return self._placing(request, wire.PlacedAnswer, partial(answers.placed, orders[0]))
        request = self._post(self._path("place_many"), wire.OrderForms(data=forms))
        return self._placing(request, wire.PlacedManyAnswer, partial(answers.place_results, orders))

    def cancel_orders(self, orders: Sequence[CancelOrder]) -> Call[tuple[CancelResult, ...]]:
        """Cancel 1 to 20 orders; one result each, in their order."""
        _check_batch(len(orders))
        forms = [wire.CancelForm(order_id=each.venue_order_id, external_id=each.client_order_id) for each in orders]
        if len(orders) == 1:
            request = self._post(self._path("cancel"), forms[0])
            return self._cancelling(request, wire.CancelledAnswer, lambda got: (answers.cancel_result(got.data),))
        request = self._post(self._path("cancel_many"), wire.CancelForms(data=forms))
        return self._cancelling(request, wire.CancelledManyAnswer, partial(answers.cancel_results, orders))

    def cancel_all(self) -> Call[None]:
        return self.cancel(CancelAll())

    def cancel(self, command: Cancel) -> Call[None]:
        """Cancel by a wider net. A 404 says that there was nothing to cancel."""
        match command:
            case CancelOrder():
                form = wire.CancelForm(order_id=command.venue_order_id, external_id=command.client_order_id)
                request = self._post(self._path("cancel"), form)
            case CancelAll():
                request = self._post(self._path("cancel_all"), None)
            case CancelEvent(event_id=event_id):
                request = self._post(self._path("cancel_event"), wire.CancelEventForm(event_id=number(event_id)))
            case CancelMarket(key=key, selection_id=selection_id):
                market = wire.CancelMarketForm(
                    event_id=number(key.event_id),
                    market_id=number(key.market_id),
                    strike_id=selection_id or msgspec.UNSET,
                )
                request = self._post(self._path("cancel_market"), market)
        return self._cancelling(request, wire.CancelledAnswer, lambda _: None)

    def order(self, venue_order_id: VenueOrderId) -> Call[OrderReported]:
        request = _get(f"{self._path('order')}/{quote(venue_order_id, safe='')}")
        return self._call("order", Lane.READING, request, wire.OrderAnswer, answers.order)

    def history(
        self, from_s: int, to_s: int, cursor: str = "", *, by: Window = Window.CREATED, show: Show = Show.ALL
    ) -> Call[OrderPage]:
        """Read the orders of a window of unix seconds, a page at a time."""
        prefix = "updated_at_" if by is Window.UPDATED else ""
        window = {f"{prefix}from": from_s, f"{prefix}to": to_s, "limit": MAX_PAGE, "next_cursor": cursor or None}
        request = _get(self._path("history"), **window, **_SHOWN[show])
        return self._call("history", Lane.READING, request, wire.OrdersAnswer, answers.order_page)

    def fills(self, venue_order_ids: Sequence[VenueOrderId], cursor: str = "") -> Call[FillPage]:
        """Read every fill of 1 to 100 orders, a page at a time."""
        name = "order_ids" if self.dialect is Dialect.V4 else "wager_ids"
        query = {name: _csv(venue_order_ids), "limit": MAX_DETAILS, "next_cursor": cursor or None}
        return self._call(
            "fills", Lane.READING, _get(self._path("fills"), **query), wire.MatchingDetailsAnswer, answers.fill_page
        )

    def trades(self, from_s: int, to_s: int, cursor: str = "") -> Call[FillPage]:
        """Read the account's fills in a window of unix seconds, a page at a time."""
        query = {"from": from_s, "to": to_s, "limit": MAX_PAGE, "next_cursor": cursor or None}
        return self._call(
            "trades", Lane.READING, _get(self._path("trades"), **query), wire.TradesAnswer, answers.trade_page
        )

    # --- pieces ---

    def _path(self, name: str) -> str:
        return PATHS[self.dialect][name]

    def _post(self, path: str, form: wire.Record | None, *, authorised: bool = True) -> Request:
        body = b"{}" if form is None else wire.encode(form, self.dialect)
        return Request(
            method="POST", path=path, body=body, headers={"content-type": "application/json"}, authorised=authorised
        )

    def _call(self, name: str, lane: Lane, request: Request, kind: type[R], read: Callable[[R], T]) -> Call[T]:
        def answer(response: Response) -> T:
            if not 200 <= response.status < 300:
                raise refusal(response)
            return read(wire.decode(kind, response.body, self.dialect))

        return Call(name=name, lane=lane, request=request, read=answer, timeout_s=READING_TIMEOUT_S)

    def _placing(self, request: Request, kind: type[R], read: Callable[[R], T]) -> Call[T]:
        return attrs.evolve(self._call("place", Lane.PLACING, request, kind, read), timeout_s=PLACING_TIMEOUT_S)

    def _cancelling(self, request: Request, kind: type[R], read: Callable[[R], T]) -> Call[T]:
        return attrs.evolve(self._call("cancel", Lane.CANCELLING, request, kind, read), timeout_s=CANCELLING_TIMEOUT_S)


def _get(path: str, **query: object) -> Request:
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return Request(method="GET", path=f"{path}?{urlencode(given, safe=',')}" if given else path)


def _csv(ids: Sequence[object]) -> str:
    return ",".join(str(each) for each in ids)


def _check_batch(count: int) -> None:
    if not 1 <= count <= MAX_BATCH:
        raise LocalProtocolError(f"{count} orders in one request, expected 1 to {MAX_BATCH}")


def _form(order: PlaceOrder) -> wire.OrderForm:
    return wire.OrderForm(
        external_id=order.client_order_id,
        strike_id=order.selection_id,
        price=order.price,
        quantity=decimal(order.size),
        order_strategy=STRATEGY.get(order.time_in_force, msgspec.UNSET),
    )


def _subscriptions(wanted: Wanted) -> list[wire.Subscription]:
    kinds = (
        ("tournament", [str(each) for each in wanted.competitions]),
        ("event", [str(each) for each in wanted.events]),
        ("event_subtype", [f"{event_id}:{sub_kind}" for event_id, sub_kind in wanted.sub_kinds]),
    )
    return [wire.Subscription(type=kind, ids=ids) for kind, ids in kinds if ids]
