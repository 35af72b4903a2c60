"""What we stand to lose, in the worst outcome."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import attrs

from protocol.ids import BookKey, ClientOrderId, EventId, SelectionId
from protocol.money import BASIS_POINTS
from protocol.order import Order
from protocol.prices import MICRO_PER_SHARE, cost_micro, gain_micro
from protocol.worlds import Book, Group, Markets


@attrs.frozen
class Stakes:
    """What orders put on one selection, fees included."""

    matched_micro: int = 0
    gain_micro: int = 0  # what the matched stakes gain if the selection wins
    resting_micro: int = 0  # can still be matched; orders whose fate is unknown included

    @property
    def at_risk_micro(self) -> int:
        return self.matched_micro + self.resting_micro

    def plus(self, other: "Stakes") -> "Stakes":
        return Stakes(
            self.matched_micro + other.matched_micro,
            self.gain_micro + other.gain_micro,
            self.resting_micro + other.resting_micro,
        )

    def minus(self, other: "Stakes") -> "Stakes":
        return self.plus(Stakes(-other.matched_micro, -other.gain_micro, -other.resting_micro))


NOTHING = Stakes()


def stakes_of(order: Order, fee_bp: int = 0) -> Stakes:
    """Return what an order puts on its selection. The fee is a part of what each fill gains."""
    rest = order.remaining
    resting = cost_micro(order.price, rest) + part_above(gain_micro(order.price, rest), fee_bp)
    staked = order.staked_micro
    if not staked:
        return Stakes(resting_micro=resting)
    fee = sum(part_above(gain_micro(fill.price, fill.size), fee_bp) for fill in order.fills) if fee_bp else 0
    return Stakes(staked + fee, order.gain_micro - fee, resting)


def part_above(micro: int, part_bp: int) -> int:
    """Return so many basis points of what is positive, rounded up."""
    return -(-max(micro, 0) * part_bp // BASIS_POINTS)


@attrs.frozen
class _Part:
    """What one order, or one holding, contributes."""

    key: BookKey
    selection_id: SelectionId
    stakes: Stakes
    order: Order | None = None


@attrs.define
class Exposure:
    """Keep the worst outcome per group of linked books, per event and for the account, order by order.

    All money is in micro-dollars. Different groups are not netted against each other: the sum over them is an upper
    bound. The first word about a book or a selection counts; the order of calls does not matter otherwise.
    """

    account_micro: int = 0
    _markets: Markets = attrs.field(factory=Markets)
    _parts: dict[ClientOrderId | tuple[BookKey, SelectionId], _Part] = attrs.field(factory=dict)
    _stakes: dict[BookKey, dict[SelectionId, Stakes]] = attrs.field(factory=lambda: defaultdict(dict))
    _results: dict[Book, tuple[int, int]] = attrs.field(factory=dict)
    _groups: dict[BookKey, Group] = attrs.field(factory=dict)
    _worst: dict[Group, int] = attrs.field(factory=dict)
    _events: dict[EventId, int] = attrs.field(factory=lambda: defaultdict(int))

    # --- what is known of books ---

    def pair(self, key: BookKey, first: SelectionId, second: SelectionId, *, commission_bp: int = 0) -> None:
        """Learn that exactly one of two selections wins, or the stakes come back. Commission is on the net winnings."""
        question = frozenset((first, second))
        self._learn(Book(key, first, second, question, returnable=True, commission_bp=commission_bp))

    def list_outcome(
        self,
        key: BookKey,
        outcomes: Sequence[SelectionId],
        buying: SelectionId,
        selling: SelectionId,
        *,
        fee_bp: int = 0,
    ) -> None:
        """Learn of a book about one of several outcomes, each named by its buying selection, of which one wins.

        `selling` wins when another outcome does. Its fee is in basis points of the proceeds, which are its gain.
        """
        assert buying in outcomes, f"{buying} is none of {outcomes}"
        self._learn(Book(key, buying, selling, frozenset(outcomes), fee_bp=fee_bp))

    def link(self, first: SelectionId, second: SelectionId, *, returns: bool = True) -> None:
        """Learn that two selections are the same real-world outcome: one wins if and only if the other does.

        With `returns` one book may return its stakes while the other is settled; a link once made so stays so.
        """
        self._markets.link(first, second, returns=returns)
        if {first, second} <= self._markets.books.keys():
            self._regroup(self._markets.books[first])

    # --- what is staked ---

    def update(self, order: Order) -> None:
        """Replace what the order contributed by what it contributes now."""
        stakes = stakes_of(order, self.fee_bp(order.selection_id))
        self._put(order.client_order_id, _Part(order.key, order.selection_id, stakes, order))

    def hold(self, key: BookKey, selection_id: SelectionId, shares: int, cost_micro: int) -> None:
        """Replace what is held of a selection from before. The cost has its fees in it."""
        stakes = Stakes(cost_micro, shares * MICRO_PER_SHARE - cost_micro)
        self._put((key, selection_id), _Part(key, selection_id, stakes))

    # --- what it comes to ---

    def fee_bp(self, selection_id: SelectionId) -> int:
        """Return the fee that an order on the selection pays, in basis points of its gain."""
        book = self._markets.books.get(selection_id)
        return book.fee_bp if book is not None and selection_id == book.second else 0

    def stakes(self, key: BookKey, selection_id: SelectionId) -> Stakes:
        return self._stakes.get(self._home(key, selection_id), {}).get(selection_id, NOTHING)

    def market_micro(self, key: BookKey) -> int:
        """Return the worst outcome of the group that the book belongs to."""
        return self._worst.get(self._groups[key], 0) if key in self._groups else 0

    def event_micro(self, event_id: EventId) -> int:
        """Return the sum over the groups that touch the event."""
        return self._events.get(event_id, 0)

    def micro_with(self, key: BookKey, selection_id: SelectionId, stakes: Stakes) -> int:
        """Return the worst outcome of the group if these stakes, fees included, were added."""
        home = self._home(key, selection_id)
        self._add(home, selection_id, stakes)
        worst = self.market_micro(home)
        self._add(home, selection_id, NOTHING.minus(stakes))
        return worst

    # --- putting books together ---

    def _learn(self, book: Book) -> None:
        if self._markets.has(book):
            return
        names = (book.first, book.second)
        moving = {name: part for name, part in self._parts.items() if part.selection_id in names}
        for name, part in moving.items():
            self._put(name, attrs.evolve(part, stakes=NOTHING))
        self._markets.learn(book)
        self._regroup(book)
        for name, part in moving.items():
            stakes = part.stakes if part.order is None else stakes_of(part.order, self.fee_bp(part.selection_id))
            self._put(name, attrs.evolve(part, stakes=stakes))

    def _regroup(self, book: Book) -> None:
        group = self._markets.group_of(book.question)
        for old in {self._groups[key] for key in group.keys if key in self._groups}:
            self._settle(old, 0)
        self._groups |= dict.fromkeys(group.keys, group)
        self._reckon(group)

    # --- keeping the sums ---

    def _home(self, key: BookKey, selection_id: SelectionId) -> BookKey:
        """Return the book in which a selection counts: the other outcome of a spread is named by its own strike."""
        book = self._markets.books.get(selection_id)
        return key if book is None else book.key

    def _put(self, name: ClientOrderId | tuple[BookKey, SelectionId], part: _Part) -> None:
        before = self._parts.pop(name, None)
        if part.stakes != NOTHING:
            self._parts[name] = part
        change = part.stakes if before is None else part.stakes.minus(before.stakes)
        self._add(self._home(part.key, part.selection_id), part.selection_id, change)

    def _add(self, home: BookKey, selection_id: SelectionId, change: Stakes) -> None:
        if change == NOTHING:
            return
        stakes = self._stakes[home]
        stakes[selection_id] = stakes.get(selection_id, NOTHING).plus(change)
        if stakes[selection_id] == NOTHING:
            del stakes[selection_id]
        book = self._markets.books.get(selection_id)
        if book is not None:
            self._results[book] = _results_micro(book, stakes)
        if home not in self._groups:
            self._groups[home] = Group(frozenset((home,)))
        self._reckon(self._groups[home])

    def _reckon(self, group: Group) -> None:
        at_risk = sum(
            each.at_risk_micro
            for key in group.keys
            for selection_id, each in self._stakes.get(key, {}).items()
            if selection_id not in self._markets.books  # it may lose in every world
        )
        self._settle(group, group.loss(self._results) + at_risk)

    def _settle(self, group: Group, worst_micro: int) -> None:
        change = worst_micro - self._worst.pop(group, 0)
        if worst_micro:
            self._worst[group] = worst_micro
        self.account_micro += change
        for event_id in group.events:
            self._events[event_id] += change


def _results_micro(book: Book, stakes: Mapping[SelectionId, Stakes]) -> tuple[int, int]:
    """Return the least that a book comes to when its first selection wins, and when its second one does.

    Of what rests, only what hurts is matched.
    """
    first, second = stakes.get(book.first, NOTHING), stakes.get(book.second, NOTHING)
    won, lost = first.gain_micro - second.at_risk_micro, second.gain_micro - first.at_risk_micro
    return won - part_above(won, book.commission_bp), lost - part_above(lost, book.commission_bp)
