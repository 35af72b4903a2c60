"""How an event goes live and how it ends."""

from collections.abc import Mapping

from actors.exchange.prophetx.floor import HOUSE, Floor
from actors.exchange.prophetx.ledger import Account, Order, Status, Transaction, Winning
from actors.exchange.prophetx.publications import EventChanged
from protocol.errors import LocalProtocolError
from protocol.events import EventStatus
from protocol.ids import BookKey, EventId, SelectionId
from protocol.money import BASIS_POINTS

RETURNED_IN = 20  # one book in so many ends in a push, the others have a winner

Results = Mapping[BookKey, SelectionId | None]
"""The selection that won each book; None, or no entry, returns every stake."""


def go_live(floor: Floor, event_id: EventId, now_ns: int) -> None:
    """Start an event: every order that rests on it, or is about to, is wiped. Raises `LocalProtocolError`."""
    opened = floor.event(event_id)
    if opened.status is not EventStatus.SCHEDULED:
        raise LocalProtocolError(f"event {event_id} is {opened.status.value} already")
    opened.status = EventStatus.LIVE
    opened.updated_ns = now_ns
    floor.publish(EventChanged(opened.event, "u", floor.sequence(now_ns)))
    _wipe(floor, event_id, now_ns)


def settle(floor: Floor, event_id: EventId, results: Results, now_ns: int) -> None:
    """End an event: pay the winners, take the losers' stakes, charge the commission. Raises `LocalProtocolError`."""
    opened = floor.event(event_id)
    if opened.status is EventStatus.ENDED:
        raise LocalProtocolError(f"event {event_id} has ended already")
    opened.status = EventStatus.ENDED
    opened.updated_ns = now_ns
    _wipe(floor, event_id, now_ns)
    floor.publish(EventChanged(opened.event, "u", floor.sequence(now_ns)))
    net: dict[tuple[str, BookKey], int] = {}
    for order in floor.staked_orders(event_id):
        key = order.listing.key
        gain = _decide(floor, order, results.get(key), now_ns)
        owner = order.account.account_id, key
        net[owner] = net.get(owner, 0) + gain
    for (account_id, key), gain in net.items():
        if gain > 0:
            _charge(floor, floor.accounts[account_id], key, gain, now_ns)


def draw_results(floor: Floor, event_id: EventId) -> Results:
    """Decide every book of an event by the dice."""
    results: dict[BookKey, SelectionId | None] = {}
    for listing in floor.event(event_id).event.listings():
        winner = floor.random.choice(listing.selections).selection_id
        results[listing.key] = None if floor.random.randrange(RETURNED_IN) == 0 else winner
    return results


def _wipe(floor: Floor, event_id: EventId, now_ns: int) -> None:
    touched: dict[BookKey, None] = {}
    for order in [each for each in floor.active_orders() if each.listing.key.event_id == event_id]:
        touched[order.listing.key] = None
        floor.wipe(order, now_ns)
    for key in touched:
        floor.book_changed(key, now_ns)


def _decide(floor: Floor, order: Order, winner: SelectionId | None, now_ns: int) -> int:
    """Give an order its result and return what its owner gained."""
    account, house = order.account, floor.accounts[HOUSE]
    account.matched_cents -= order.filled_cents
    if winner is None:
        order.winning = Winning.PUSH
        _record(floor, order, "PUSH", 0, now_ns)
        floor.close(order, now_ns, Status.CLOSED)
        return 0
    won = order.selection.selection_id == winner
    gain = order.profit_cents if won else -order.filled_cents
    order.winning = Winning.PROFIT if won else Winning.LOSS
    account.cash_cents += gain
    house.cash_cents -= gain  # the house stands between the two sides, and keeps what rounding leaves
    _record(floor, order, "PAY" if won else "ADJUSTMENT_REDUCE", gain, now_ns)
    floor.close(order, now_ns, *((Status.SETTLED, Status.CLOSED) if won else (Status.CLOSED,)))
    return gain


def _charge(floor: Floor, account: Account, key: BookKey, gain_cents: int, now_ns: int) -> None:
    commission = gain_cents * floor.settings.commission_bp // BASIS_POINTS
    if account.unlimited or not commission:
        return
    account.cash_cents -= commission
    floor.accounts[HOUSE].cash_cents += commission
    listing = floor.books[key].listing
    floor.record(account, Transaction(kind="COMMISSION", amount_cents=-commission, created_ns=now_ns, listing=listing))


def _record(floor: Floor, order: Order, kind: str, amount_cents: int, now_ns: int) -> None:
    floor.record(
        order.account,
        Transaction(
            kind=kind, amount_cents=amount_cents, created_ns=now_ns, trade_id=order.order_id, listing=order.listing
        ),
    )
