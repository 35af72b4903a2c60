"""The trading floor: what is open, who has what, and every rule about an order's life."""

from collections.abc import Callable, Iterator
from random import Random

import attrs

from actors.exchange.agenda import Agenda
from actors.exchange.prophetx import admission
from actors.exchange.prophetx.board import Book, OpenEvent, Ticket
from actors.exchange.prophetx.catalogue import Catalogue, Competition, Event, Selection
from actors.exchange.prophetx.ledger import Account, DatedFill, Fill, Order, Status, Transaction
from actors.exchange.prophetx.publications import (
    BookChanged,
    EventChanged,
    MarketListed,
    OrderChanged,
    Publication,
    StrikeListed,
    Traded,
)
from actors.exchange.prophetx.refusals import Refused
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.commands import TimeInForce
from protocol.errors import LocalProtocolError
from protocol.ids import BookKey, ClientOrderId, EventId, SelectionId, VenueOrderId, number
from protocol.matching import Match, MatchingBook, SelfMatch
from protocol.odds import OddsLadder, generate_ladder

SECOND_NS = 1_000_000_000
UNSCHEDULED_NS = 7 * 86_400 * SECOND_NS  # how far off an event is that is not on the schedule
HOUSE = "house"  # stands between winners and losers: rounding and commission end up there
OPENING = "opening"  # owns what rests when the exchange opens
MAX_TRANSACTIONS = 100_000  # of all accounts; the oldest are forgotten


@attrs.define(eq=False)
class Floor:
    """Hold every account, order and book. Synchronous; it is told the time, in unix nanoseconds.

    Refusals are raised as `Refused`. Everything else that happens is published.
    """

    settings: ExchangeSettings
    random: Random
    publish: Callable[[Publication], None] = lambda _: None
    fails_activation: Callable[[Order], bool] = lambda _: False
    agenda: Agenda = attrs.field(factory=Agenda)
    ladder: OddsLadder = attrs.field(factory=generate_ladder)
    accounts: dict[str, Account] = attrs.field(factory=dict, init=False)
    events: dict[EventId, OpenEvent] = attrs.field(factory=dict, init=False)
    books: dict[BookKey, Book] = attrs.field(factory=dict, init=False)
    selections: dict[SelectionId, tuple[Book, Selection]] = attrs.field(factory=dict, init=False)
    orders: dict[VenueOrderId, Order] = attrs.field(factory=dict, init=False)
    transactions: dict[str, list[Transaction]] = attrs.field(factory=dict, init=False)
    listed: int = attrs.field(default=0, init=False)  # changes with the set of events
    last_event_id: int = attrs.field(default=0, init=False)
    _active: dict[VenueOrderId, Order] = attrs.field(factory=dict, init=False)  # may still match
    _staked: dict[EventId, dict[VenueOrderId, Order]] = attrs.field(factory=dict, init=False)
    _external: dict[tuple[str, str], VenueOrderId] = attrs.field(factory=dict, init=False)
    _sequence_ns: int = attrs.field(default=0, init=False)
    _issued: int = attrs.field(default=0, init=False)
    _last_activation_ns: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.accounts[HOUSE] = Account(HOUSE, 0, silent=True, unlimited=True)
        self.accounts[OPENING] = Account(OPENING, 0, silent=True, unlimited=True)

    # --- opening ---

    def open_account(self, account_id: str, cash_cents: int, now_ns: int, *, silent: bool = False) -> Account:
        account = self.accounts[account_id] = Account(account_id, cash_cents, silent=silent)
        self.record(account, Transaction(kind="DEPOSIT", amount_cents=cash_cents, created_ns=now_ns))
        return account

    def open_catalogue(self, catalogue: Catalogue, now_ns: int) -> None:
        """List everything in a catalogue, and rest what it says is there. Nothing is published."""
        for event in catalogue.events:
            self._list(event, now_ns)
        owner = self.accounts[OPENING]
        for index, opening in enumerate(catalogue.opening_orders):
            self.enter_at_once(
                owner,
                Ticket(
                    external_id=ClientOrderId(f"opening-{index}"),
                    selection_id=opening.selection_id,
                    odds=opening.odds,
                    stake_cents=opening.stake_cents,
                ),
                now_ns,
            )

    def list_event(self, event: Event, now_ns: int) -> None:
        """Open an event for trading, and say so."""
        self._list(event, now_ns)
        self.publish(EventChanged(event, "c", self.sequence(now_ns)))
        for market in event.markets:
            self.publish(MarketListed(event, market, self.sequence(now_ns)))
            for listing in market.listings:
                self.publish(StrikeListed(event, market, listing, self.sequence(now_ns)))

    def _list(self, event: Event, now_ns: int) -> None:
        opened = self.events[event.event_id] = OpenEvent(event, scheduled_ns=now_ns + UNSCHEDULED_NS, updated_ns=now_ns)
        self._staked[event.event_id] = {}
        for market in event.markets:
            for listing in market.listings:
                first, second = listing.selections
                matching = MatchingBook[VenueOrderId](first.selection_id, second.selection_id)
                book = self.books[listing.key] = Book(opened, market, listing, matching)
                self.selections[first.selection_id] = (book, first)
                self.selections[second.selection_id] = (book, second)
        self.listed += 1
        self.last_event_id = max(self.last_event_id, number(event.event_id))

    def unlist_event(self, event_id: EventId, now_ns: int) -> None:
        """Forget an event whose orders are all settled."""
        assert not self._staked[event_id], "an event with unsettled orders was unlisted"
        event = self.events.pop(event_id).event
        del self._staked[event_id]
        for listing in event.listings():
            del self.books[listing.key]
            for selection in listing.selections:
                del self.selections[selection.selection_id]
        self.listed += 1
        self.publish(EventChanged(event, "d", self.sequence(now_ns)))

    # --- orders ---

    def submit(self, account: Account, ticket: Ticket, now_ns: int) -> Order:
        """Take an order in. It is activated later, in the order of arrival."""
        order = self._accept(account, ticket, now_ns)
        delay_ns = int(self.random.uniform(*self.settings.activation_delay_s) * SECOND_NS)
        self._last_activation_ns = order.activation_ns = max(self._last_activation_ns, now_ns + delay_ns)
        self._active[order.order_id] = order
        self._changed(order, now_ns)
        self.agenda.add(order.activation_ns, lambda due_ns: self._activate(order, due_ns))
        return order

    def enter_at_once(self, account: Account, ticket: Ticket, now_ns: int) -> Order:
        """Take an order in and activate it, as the house's own orders are."""
        order = self._accept(account, ticket, now_ns)
        self._active[order.order_id] = order
        self._activate(order, now_ns)
        return order

    def cancel(self, account: Account, order_id: str, external_id: str, now_ns: int) -> Order:
        order = self.order_of(account, order_id)
        if order.external_id != external_id:
            raise Refused("order_not_matching_external_id", f"{order_id} is not {external_id}")
        if not order.is_resting:
            raise admission.why_not_cancelled(order, now_ns)
        self._withdraw(order, now_ns)
        return order

    def cancel_where(self, account: Account, chosen: Callable[[Order], bool], now_ns: int) -> int:
        """Cancel every order that is chosen, and return how many. One not yet active will never be matched."""
        found = [each for each in self._active.values() if each.account is account and chosen(each)]
        for order in found:
            if order.status is Status.INACTIVE:
                order.cancel_asked = True
            else:
                self._withdraw(order, now_ns)
        return len(found)

    def order_of(self, account: Account, order_id: str) -> Order:
        order = self.orders.get(VenueOrderId(order_id))
        if order is None:
            raise Refused("data_not_found", "Not found: order")
        if order.account is not account:
            raise Refused("order_not_belongs_to_user", "Order does not belong to the user")
        return order

    def active_orders(self) -> Iterator[Order]:
        """Give every order that may still match, oldest first."""
        return iter(self._active.values())

    def staked_orders(self, event_id: EventId) -> tuple[Order, ...]:
        """Return the orders of an event that await its result."""
        return tuple(self._staked[event_id].values())

    # --- validation ---

    def _accept(self, account: Account, ticket: Ticket, now_ns: int) -> Order:
        book, selection = self.check(account, ticket)
        self._issued += 1
        order = Order(
            order_id=VenueOrderId(f"{self._issued:08x}{self.random.getrandbits(64):016x}"),
            external_id=ticket.external_id,
            account=account,
            listing=book.listing,
            selection=selection,
            odds=ticket.odds,
            original_cents=ticket.stake_cents,
            stake_cents=ticket.stake_cents,
            time_in_force=ticket.time_in_force,
            created_ns=now_ns,
            updated_ns=now_ns,
        )
        self.orders[order.order_id] = order
        if not account.silent:
            self._external[account.account_id, ticket.external_id] = order.order_id
        return order

    def check(self, account: Account, ticket: Ticket) -> tuple[Book, Selection]:
        """Return what an order would go to. Raises `Refused`."""
        if (account.account_id, ticket.external_id) in self._external:
            raise Refused("order_external_id_existed", f"External id {ticket.external_id} existed")
        known = self.selections.get(ticket.selection_id)
        if known is None:
            raise Refused("invalid_strike_id", f"Unknown strike id {ticket.selection_id}")
        admission.check_price(ticket, self.ladder)
        if not account.silent:
            admission.check_size(ticket, self.settings)
        admission.check_open(known[0])
        return known

    # --- activation, matching, the end ---

    def _activate(self, order: Order, now_ns: int) -> None:
        if order.status is not Status.INACTIVE:  # its event went live in the meantime
            return
        account = order.account
        funded = account.unlimited or account.spendable_cents >= order.stake_cents
        if not funded or self.fails_activation(order):
            self._refuse(order, now_ns)
            return
        if order.cancel_asked:
            order.move(Status.OPEN, now_ns)
            order.move(Status.CANCELED, now_ns)
            self._end(order)
            self._changed(order, now_ns)
            return
        self._enter(self.books[order.listing.key], order, now_ns)

    def _enter(self, book: Book, order: Order, now_ns: int) -> None:
        selection_id = order.selection.selection_id
        if order.time_in_force is TimeInForce.POST_ONLY and book.matching.crosses(selection_id, order.odds):
            self._refuse(order, now_ns)
            return
        try:
            matches = book.matching.enter(
                order.order_id, order.account.account_id, selection_id, order.odds, order.stake_cents
            )
        except SelfMatch:
            self._refuse(order, now_ns)
            return
        order.move(Status.OPEN, now_ns)
        order.account.unmatched_cents += order.stake_cents
        self._changed(order, now_ns)
        for match in matches:
            self._match(book, match, now_ns)
        self._book_changed(book, now_ns)
        if order.is_resting and order.time_in_force is TimeInForce.FILL_OR_KILL:
            kill_ns = now_ns + int(self.settings.fill_or_kill_s * SECOND_NS)
            self.agenda.add(kill_ns, lambda due_ns: self._kill(order, due_ns))

    def _refuse(self, order: Order, now_ns: int) -> None:
        order.move(Status.INVALID, now_ns)
        self._end(order)
        self._changed(order, now_ns)

    def _match(self, book: Book, match: Match[VenueOrderId], now_ns: int) -> None:
        maker, taker = self.orders[match.maker], self.orders[match.taker]
        self._fill(maker, Fill(match.maker_cents, match.maker_odds), now_ns)
        self._fill(taker, Fill(match.taker_cents, match.taker_odds), now_ns)
        book.traded_cents += match.maker_cents + match.taker_cents

    def _fill(self, order: Order, fill: Fill, now_ns: int) -> None:
        dated = DatedFill(f"{order.order_id}-{len(order.fills) + 1}", fill, now_ns)
        order.add_fill(dated)
        order.account.unmatched_cents -= fill.stake_cents
        order.account.matched_cents += fill.stake_cents
        self._staked[order.listing.key.event_id][order.order_id] = order
        if not order.is_resting:
            self._active.pop(order.order_id, None)
        if not order.account.silent:
            trade = Transaction(
                kind="TRADE",
                amount_cents=-fill.stake_cents,
                created_ns=now_ns,
                trade_id=dated.trade_id,
                listing=order.listing,
            )
            self.record(order.account, trade)
        self._changed(order, now_ns, dated)
        self.publish(Traded(order, dated, self.sequence(now_ns)))

    def _kill(self, order: Order, now_ns: int) -> None:
        if order.is_resting:
            self._withdraw(order, now_ns)

    def _withdraw(self, order: Order, now_ns: int) -> None:
        """Cancel a resting order. With fills it counts as fully matched, for what was matched."""
        book = self.books[order.listing.key]
        self.take_out(order)
        if order.filled_cents:
            order.shrink(now_ns)
        else:
            order.move(Status.CANCELED, now_ns)
        self._end(order)
        self._changed(order, now_ns)
        self._book_changed(book, now_ns)

    def withdraw(self, order: Order, now_ns: int) -> None:
        """Cancel an order by reference, if it rests."""
        if order.is_resting:
            self._withdraw(order, now_ns)

    def take_out(self, order: Order) -> None:
        """Remove a resting order from its book and release its funds; its status is the caller's to say."""
        self.books[order.listing.key].matching.remove(order.order_id)
        order.account.unmatched_cents -= order.open_cents

    def _end(self, order: Order) -> None:
        self._active.pop(order.order_id, None)
        if order.account.silent and not order.is_staked:
            self.orders.pop(order.order_id, None)

    # --- what settlement needs too ---

    def wipe(self, order: Order, now_ns: int) -> None:
        """Remove an order for the venue's own reasons."""
        if order.status is Status.OPEN:
            self.take_out(order)
        order.move(Status.WIPED, now_ns)
        self._end(order)
        self._changed(order, now_ns)

    def close(self, order: Order, now_ns: int, *steps: Status) -> None:
        """Move an order whose result is known through its last states, and say each."""
        for status in steps:
            order.move(status, now_ns)
            self._changed(order, now_ns)
        self._staked[order.listing.key.event_id].pop(order.order_id, None)
        if order.account.silent:
            self.orders.pop(order.order_id, None)

    def record(self, account: Account, transaction: Transaction) -> None:
        if account.silent:
            return
        rows = self.transactions.setdefault(account.account_id, [])
        rows.append(transaction)
        if len(rows) > MAX_TRANSACTIONS:
            del rows[: MAX_TRANSACTIONS // 10]

    def sequence(self, now_ns: int) -> int:
        """Return the next sequence number: the time, in whole microseconds, and never the same twice."""
        self._sequence_ns = max(now_ns // 1000 * 1000, self._sequence_ns + 1000)
        return self._sequence_ns

    def _changed(self, order: Order, now_ns: int, fill: DatedFill | None = None) -> None:
        if not order.account.silent:
            self.publish(OrderChanged(order, fill, self.sequence(now_ns)))

    def _book_changed(self, book: Book, now_ns: int) -> None:
        book.updated_ns = self.sequence(now_ns)
        self.publish(BookChanged(book.listing, book.updated_ns))

    def book_changed(self, key: BookKey, now_ns: int) -> None:
        self._book_changed(self.books[key], now_ns)

    def competitions(self) -> tuple[Competition, ...]:
        """Return the competitions that have an event, in the order of their listing."""
        return tuple(dict.fromkeys(opened.event.competition for opened in self.events.values()))

    def event(self, event_id: EventId) -> OpenEvent:
        """Return a listed event. Raises `LocalProtocolError`."""
        if event_id not in self.events:
            raise LocalProtocolError(f"event {event_id} is not listed")
        return self.events[event_id]
