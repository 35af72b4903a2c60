"""What the venue answers, read as what the house asked for."""

from collections.abc import Sequence

import msgspec

from protocol.commands import CancelOrder, PlaceOrder
from protocol.errors import LocalProtocolError, Policy, RemoteProtocolError, VenueError
from protocol.events import BookReplaced, CompetitionListed, Fill, OrderReported, SelectionListed
from protocol.ids import EventId, MarketId, SelectionId, VenueOrderId
from protocol.money import cents_received, micro
from protocol.odds import OddsLadder
from protocol.prophetx import reading, wire
from protocol.prophetx.codes import refusal_inside
from protocol.venue import (
    AccessToken,
    Balance,
    CancelResult,
    Channel,
    ConnectionConfig,
    EventPage,
    FillPage,
    OrderPage,
    PlaceResult,
    Registration,
    Tokens,
    Transaction,
    TransactionPage,
)


def tokens(answer: wire.TokensAnswer) -> Tokens:
    record = answer.data
    if not isinstance(record.refresh_token, str) or not isinstance(record.refresh_expire_time, int):
        raise RemoteProtocolError("login: no refresh token")
    return Tokens(
        access_token=record.access_token,
        access_expires_s=record.access_expire_time,
        refresh_token=record.refresh_token,
        refresh_expires_s=record.refresh_expire_time,
    )


def access_token(answer: wire.TokensAnswer) -> AccessToken:
    record = answer.data
    return AccessToken(
        access_token=record.access_token,
        access_expires_s=record.access_expire_time,
        refresh_token=record.refresh_token if isinstance(record.refresh_token, str) else None,
    )


def config(record: wire.ConnectionConfig) -> ConnectionConfig:
    return ConnectionConfig(
        key=record.key,
        cluster=record.cluster,
        host=record.ws_host or "",
        service=record.service,
        app_id=record.app_id,
    )


def registration(answer: wire.RegistrationAnswer) -> Registration:
    data = answer.data
    signed = data.authenticated
    rejected = data.rejected if isinstance(data.rejected, list) else []
    return Registration(
        channels=tuple(_channel(record) for record in data.authorized_channel or ()),
        sign_in=(signed.auth, signed.user_data) if isinstance(signed, wire.Authenticated) else None,
        rejected=tuple(f"{each.type}:{each.id}: {each.reason}" for each in rejected),
        channel_limit=data.channel_limit,
    )


def _channel(record: wire.AuthorizedChannel) -> Channel:
    bindings = record.binding_events or []
    scope = record.scope if isinstance(record.scope, wire.Scope) else None
    return Channel(
        name=record.channel_name,
        auth=record.auth,
        private=any(_is_private(each) for each in bindings) or (not bindings and scope is None),
        event_id=None if scope is None else EventId(scope.event_id),
        sub_kind=scope.sub_type if scope is not None and isinstance(scope.sub_type, str) else None,
    )


def _is_private(binding: wire.Binding) -> bool:
    names = ("order", "orders", "wager", "wagers", wire.HEALTH_CHECK)
    return binding.name in names or binding.type == wire.PRIVATE_SIGNAL


def competitions(answer: wire.TournamentsAnswer) -> tuple[CompetitionListed, ...]:
    return tuple(reading.competition_of(record) for record in answer.data.tournaments or ())


def events(answer: wire.SportEventsAnswer) -> EventPage:
    return EventPage(events=tuple(reading.event_of(record) for record in answer.data.sport_events or ()))


def books(answer: wire.MultipleMarketsAnswer) -> tuple[BookReplaced, ...]:
    books: list[BookReplaced] = []
    for text, markets in answer.data.items():
        if not text.isdecimal() or len(text) > 19:  # no id has more digits, and int() gives up at 4300
            raise RemoteProtocolError(f"markets: {text[:40]!r} is not an event id")
        for market in markets or ():
            books.extend(reading.books_of(EventId(int(text)), market))
    return tuple(books)


def event_books(event_id: EventId, answer: wire.MarketsAnswer) -> tuple[BookReplaced, ...]:
    return tuple(book for market in answer.data.markets or () for book in reading.books_of(event_id, market))


def strikes(answer: wire.StrikesAnswer) -> tuple[SelectionListed, ...]:
    return tuple(
        SelectionListed(
            event_id=EventId(record.event_id),
            market_id=MarketId(record.market_id),
            selection_id=SelectionId(record.strike_id),
            name="",
            active=True,
        )
        for record in answer.data or ()
    )


def transaction_page(answer: wire.TransactionsAnswer) -> TransactionPage:
    return TransactionPage(
        transactions=tuple(_transaction(record) for record in answer.data.transactions or ()),
        next_cursor=answer.data.next_cursor or "",
    )


def _transaction(record: wire.Transaction) -> Transaction:
    return Transaction(
        kind=record.transaction_type,
        amount_cents=cents_received(record.amount, "transaction.amount"),
        trade_id=record.trade_id,
        event_id=EventId(record.event_id) if isinstance(record.event_id, int) else None,
        at_ns=reading.moment_ns(record.created_at),
    )


def ladder(answer: wire.LadderAnswer) -> OddsLadder:
    try:
        return OddsLadder.of(answer.data)
    except LocalProtocolError as error:
        raise RemoteProtocolError(f"ladder: {error}") from error


def balance(answer: wire.BalanceAnswer) -> Balance:
    record = answer.data
    resting = cents_received(record.unmatched_order_balance, "unmatched_order_balance")
    taken = resting + cents_received(record.matched_order_balance, "matched_order_balance")
    return Balance(free_micro=micro(cents_received(record.balance, "balance") - taken), resting_micro=micro(resting))


def placed(order: PlaceOrder, answer: wire.PlacedAnswer) -> tuple[PlaceResult, ...]:
    return (reading.placed_order_of(answer.data.order, order),)


def place_results(orders: Sequence[PlaceOrder], answer: wire.PlacedManyAnswer) -> tuple[PlaceResult, ...]:
    placed = {record.external_id: record for record in answer.data.succeed_orders or ()}
    failed: dict[str, wire.FailedOrder] = {}
    for failure in answer.data.failed_orders or ():
        if isinstance(failure.request, wire.OrderForm):
            failed[failure.request.external_id] = failure
        elif isinstance(failure.index, int) and 0 <= failure.index < len(orders):
            failed[orders[failure.index].client_order_id] = failure
    return tuple(_place_result(order, placed, failed) for order in orders)


def _place_result(
    order: PlaceOrder, placed: "dict[str | None, wire.Order]", failed: dict[str, wire.FailedOrder]
) -> PlaceResult:
    if order.client_order_id in placed:
        return reading.placed_order_of(placed[order.client_order_id], order)
    if order.client_order_id in failed:
        failure = failed[order.client_order_id]
        return refusal_inside(failure.error, failure.message)
    return VenueError(code="unanswered", status=0, policy=Policy.OUTCOME_UNKNOWN)


def cancel_results(orders: Sequence[CancelOrder], answer: wire.CancelledManyAnswer) -> tuple[CancelResult, ...]:
    rows = list(answer.data or ())
    if len(rows) != len(orders):
        raise RemoteProtocolError(f"cancel: {len(rows)} results for {len(orders)} orders")
    return tuple(cancel_result(row) for row in rows)


def cancel_result(row: wire.CancelledOne | wire.Success | None) -> CancelResult:
    if row is None or row.success:
        return None
    code = message = ""
    if isinstance(row, wire.CancelledOne):
        code = row.error if isinstance(row.error, str) else ""
        message = row.message if isinstance(row.message, str) else ""
    return refusal_inside(code or "order_already_cancelled", message)  # only the order's own state tells


def order(answer: wire.OrderAnswer) -> OrderReported:
    return reading.order_of(answer.data, reading.moment_ns(answer.last_synced_at))


def order_page(answer: wire.OrdersAnswer) -> OrderPage:
    stamp = answer.last_synced_at if answer.last_synced_at is not msgspec.UNSET else answer.data.last_synced_at
    synced_at_ns = reading.moment_ns(stamp)
    return OrderPage(
        orders=tuple(reading.order_of(record, synced_at_ns) for record in answer.data.orders or ()),
        next_cursor=answer.data.next_cursor or "",
        synced_at_ns=synced_at_ns,
    )


def trade_page(answer: wire.TradesAnswer) -> FillPage:
    return FillPage(
        fills=tuple(_fill(record) for record in answer.data.trades or ()),
        next_cursor=answer.data.next_cursor or "",
        synced_at_ns=reading.moment_ns(answer.last_synced_at),
    )


def fill_page(answer: wire.MatchingDetailsAnswer) -> FillPage:
    return FillPage(
        fills=tuple(_fill(record) for record in answer.data.matching_details or ()),
        next_cursor=answer.data.next_cursor or "",
        synced_at_ns=reading.moment_ns(answer.last_synced_at),
    )


def _fill(record: wire.MatchingDetail | wire.Trade) -> tuple[VenueOrderId, Fill]:
    path = f"matching detail of {record.order_id}"
    stake = cents_received(record.filled_quantity, f"{path}.filled_quantity")
    return VenueOrderId(record.order_id), Fill(stake, reading.odds_of(record.fill_price, f"{path}.fill_price"))
