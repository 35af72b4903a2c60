"""The exchange's own ledger, in the house's words, for whoever audits a client."""

import attrs

from actors.exchange.prophetx.board import Book
from actors.exchange.prophetx.floor import Floor
from actors.exchange.prophetx.ledger import Account, Order, Wallet, Winning, neutral_status
from protocol.events import Fill, Level, OrderStatus, Result, Side
from protocol.ids import BookKey, ClientOrderId, SelectionId, VenueOrderId
from protocol.odds import Odds
from protocol.order import RESTABLE


@attrs.frozen(kw_only=True)
class OrderTruth:
    venue_order_id: VenueOrderId
    key: BookKey
    odds: Odds
    selection_id: SelectionId
    status: OrderStatus
    size: int  # as placed
    filled: int
    fills: tuple[Fill, ...]
    result: Result

    @property
    def can_match(self) -> bool:
        return self.status in RESTABLE


@attrs.frozen(kw_only=True)
class Truth:
    """What one account has, and every book, at one moment."""

    orders: dict[ClientOrderId, OrderTruth]
    balance: Wallet
    books: dict[BookKey, tuple[Side, ...]]


def truth_of(floor: Floor, account: Account) -> Truth:
    return Truth(orders=true_orders(floor, account), balance=account.balance(), books=true_books(floor))


def true_orders(floor: Floor, account: Account) -> dict[ClientOrderId, OrderTruth]:
    return {order.external_id: order_truth(order) for order in floor.orders.values() if order.account is account}


def true_books(floor: Floor) -> dict[BookKey, tuple[Side, ...]]:
    return {key: _sides(book) for key, book in floor.books.items()}


RESULTS = {Winning.PROFIT: Result.WON, Winning.LOSS: Result.LOST, Winning.PUSH: Result.RETURNED}


def order_truth(order: Order) -> OrderTruth:
    return OrderTruth(
        venue_order_id=order.order_id,
        key=order.listing.key,
        odds=order.odds,
        selection_id=order.selection.selection_id,
        status=neutral_status(order),
        size=order.original_cents,
        filled=order.filled_cents,
        fills=tuple(Fill(each.fill.stake_cents, each.fill.odds) for each in order.fills),
        result=RESULTS.get(order.winning, Result.TO_BE_DECIDED),
    )


def _sides(book: Book) -> tuple[Side, ...]:
    return tuple(
        Side(
            selection_id=selection.selection_id,
            name=selection.name,
            outcome_id=selection.outcome_id,
            levels=tuple(
                Level(level.odds, level.takeable_cents, level.payout_cents)
                for level in book.matching.shown(selection.selection_id)
            ),
        )
        for selection in book.listing.selections
    )
