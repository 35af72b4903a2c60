"""Every REST call that a trader needs, as a request and a way to read its answer."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import quote, urlencode

import attrs

from protocol.commands import CancelOrder, PlaceOrder
from protocol.errors import LocalProtocolError
from protocol.events import BookReplaced, MarketSettled, OrderReported
from protocol.ids import BookKey, CompetitionId, EventId, VenueOrderId
from protocol.satoriex import answers, reports, wire
from protocol.satoriex.assumptions import FIRST_PAGE, MIN_SHARES, PAGE_SIZE
from protocol.satoriex.names import ids_of, text, to_wire
from protocol.venue import (
    AccessToken,
    Balance,
    Call,
    CancelResult,
    Credentials,
    EventPage,
    Holding,
    Lane,
    OrderPage,
    PlaceResult,
    Request,
    Response,
    Show,
    Tokens,
    Window,
)

T = TypeVar("T")

PLACING_TIMEOUT_S = 5.0
CANCELLING_TIMEOUT_S = 5.0
READING_TIMEOUT_S = 8.0

LOGIN, REFRESH, PLACE, CANCEL = "login", "refresh", "place", "cancel"
READS = ("events", "event", "book", "balance", "holdings", "results", "order", "history")


@attrs.frozen
class SatoriExRest:
    """Build the calls. Paths are appended to the base address, which itself has a path."""

    # --- sessions ---

    def log_in(self, credentials: Credentials) -> Call[Tokens]:
        form = wire.LoginForm(email=credentials.user, password=credentials.secret)
        return _read(LOGIN, _post("/auth/login", form, authorised=False), answers.tokens)

    def refresh(self, refresh_token: str) -> Call[AccessToken]:
        form = wire.RefreshForm(refresh_token=refresh_token)
        return _read(REFRESH, _post("/auth/refresh", form, authorised=False), answers.access_token)

    def connection_config(self) -> None:
        return None

    # --- markets ---

    def competitions(self) -> None:
        return None

    def events(
        self, competition_id: CompetitionId | None = None, event_ids: Sequence[EventId] = (), cursor: str = ""
    ) -> Call[EventPage]:
        """Read a page of the markets; of named ones, one a call, and the cursor is the next one's place."""
        if not event_ids:
            page = answers.page_of(cursor)
            return _read("events", _get("/markets", page=page), partial(answers.market_page, page))
        index = int(cursor) if cursor else 0
        market_id = text(event_ids[index])
        following = str(index + 1) if index + 1 < len(event_ids) else ""
        return _read("event", _get(f"/markets/{_id(market_id)}"), partial(answers.one_market, market_id, following))

    def markets(self, event_ids: Sequence[EventId]) -> Call[tuple[BookReplaced, ...]]:
        """Raise `LocalProtocolError`: the venue has no such call."""
        raise LocalProtocolError(f"books are read one by one, not those of {len(event_ids)} events")

    def book(self, key: BookKey) -> Call[tuple[BookReplaced, ...]]:
        market_id, outcome_id = ids_of(key)
        request = _get(f"/orderbook/{_id(market_id)}/{_id(outcome_id)}")
        return _read("book", request, partial(answers.book, key))

    def ladder(self) -> None:
        return None

    def results(self) -> Call[tuple[MarketSettled, ...]]:
        return _read("results", _get("/oracle/settled", page=FIRST_PAGE), answers.results)

    # --- the account ---

    def balance(self) -> Call[Balance]:
        return _read("balance", _get("/wallet/balance"), answers.balance)

    def holdings(self) -> Call[tuple[Holding, ...]]:
        return _read("holdings", _get("/me/positions"), answers.holdings)

    # --- orders ---

    def place(self, orders: Sequence[PlaceOrder]) -> Call[tuple[PlaceResult, ...]]:
        """Place one order. It rests until it is matched or cancelled, whatever its time in force: that is the house's.

        Raises `LocalProtocolError` for what is not one order at a probability on one of its book's selections.
        """
        order = _only(orders)
        form = _form(order)
        return Call(
            name=PLACE,
            lane=Lane.PLACING,
            request=_post("/orders", form),
            read=lambda response: (reports.placed(order, response),),
            timeout_s=PLACING_TIMEOUT_S,
        )

    def cancel_orders(self, orders: Sequence[CancelOrder]) -> Call[tuple[CancelResult, ...]]:
        """Cancel one order. Raises `LocalProtocolError` for another number of them."""
        venue_order_id = _only(orders).venue_order_id
        return Call(
            name=CANCEL,
            lane=Lane.CANCELLING,
            request=_post(f"/orders/{_id(venue_order_id)}/cancel"),
            read=lambda response: (reports.cancelled(venue_order_id, response),),
            timeout_s=CANCELLING_TIMEOUT_S,
        )

    def cancel_all(self) -> None:
        return None

    def order(self, venue_order_id: VenueOrderId) -> Call[OrderReported]:
        return _read("order", _get(f"/orders/{_id(venue_order_id)}"), partial(reports.order, venue_order_id))

    def history(
        self, from_s: int, to_s: int, cursor: str = "", *, by: Window = Window.CREATED, show: Show = Show.ALL
    ) -> Call[OrderPage]:
        """Read a page of the orders. The venue knows no window: it lists what it lists, and proves no age."""
        page = answers.page_of(cursor)
        return _read("history", _get("/orders", page=page), partial(reports.order_page, page))

    def fills(self, venue_order_ids: Sequence[VenueOrderId], cursor: str = "") -> None:
        return None


def _read(name: str, request: Request, read: Callable[[Response], T]) -> Call[T]:
    return Call(name=name, lane=Lane.READING, request=request, read=read, timeout_s=READING_TIMEOUT_S)


def _get(path: str, *, page: int | None = None) -> Request:
    query = "" if page is None else "?" + urlencode({"page": page, "size": PAGE_SIZE})
    return Request(method="GET", path=path + query)


def _post(path: str, form: wire.Record | None = None, *, authorised: bool = True) -> Request:
    body = b"{}" if form is None else wire.encode(form)
    return Request(
        method="POST", path=path, body=body, headers={"content-type": "application/json"}, authorised=authorised
    )


def _id(name: str) -> str:
    return quote(name, safe="")


def _only(orders: Sequence[T]) -> T:
    if len(orders) != 1:
        raise LocalProtocolError(f"{len(orders)} orders in one request, expected 1")
    return orders[0]


def _form(order: PlaceOrder) -> wire.OrderForm:
    if order.size < MIN_SHARES:
        raise LocalProtocolError(f"{order.size} shares, expected at least {MIN_SHARES}")
    market_id, outcome_id = ids_of(order.key)
    side, price_bp = to_wire(order.key, order.selection_id, order.price)
    return wire.OrderForm(market_id=market_id, outcome_id=outcome_id, side=side, price=price_bp, quantity=order.size)
