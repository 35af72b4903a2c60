"""The other traders: a seeded crowd that makes books and takes from them."""

from fractions import Fraction
from random import Random

import attrs

from actors.exchange.prophetx.board import Book, Ticket
from actors.exchange.prophetx.catalogue import Listing, Selection
from actors.exchange.prophetx.floor import Floor
from actors.exchange.prophetx.ledger import Order
from protocol.events import EventStatus
from protocol.ids import BookKey, ClientOrderId
from protocol.odds import Odds, implied

MAKERS = ("maker-1", "maker-2", "maker-3")
TAKERS = ("taker-1", "taker-2")
UNIT = 1000  # probabilities are whole thousandths here
LOWEST, HIGHEST = 80, UNIT - 80
EDGE = (12, 30)  # what a maker keeps on each side
WALK = 8  # the most that a fair probability moves at once
BARGAIN = 25  # a taker pays at most so much above what is fair
STAKES_CENTS = (2_000, 30_000)
TAKING = 0.5  # of all actions


@attrs.define(eq=False)
class Crowd:
    """Trade on the first books of the floor around fair prices that nobody else knows."""

    floor: Floor
    random: Random
    _books: list[Listing] = attrs.field(factory=list, init=False)
    _fair: dict[BookKey, int] = attrs.field(factory=dict, init=False)
    _quotes: dict[tuple[str, BookKey], list[Order]] = attrs.field(factory=dict, init=False)
    _listed: int = attrs.field(default=-1, init=False)
    _issued: int = attrs.field(default=0, init=False)

    def open(self, now_ns: int) -> None:
        """Fund the crowd, and make every book that it trades two-sided."""
        for account_id in (*MAKERS, *TAKERS):
            self.floor.open_account(account_id, self.floor.settings.crowd_balance_cents, now_ns, silent=True)
        self._look_round(now_ns)

    def act(self, now_ns: int) -> None:
        """Do one thing: quote a book anew, or take from it."""
        self._look_round(now_ns)
        if not self._books:
            return
        listing = self.random.choice(self._books)
        book = self.floor.books[listing.key]
        self._walk(listing.key)
        if self.random.random() < TAKING:
            self._take(book, now_ns)
        else:
            self._quote(self.random.choice(MAKERS), book, now_ns)

    def _look_round(self, now_ns: int) -> None:
        """Follow what is listed; a book that is new gets its first quotes at once."""
        if self._listed == self.floor.listed:
            return
        self._listed = self.floor.listed
        chosen = [book.listing for book in self.floor.books.values() if book.event.status is not EventStatus.ENDED][
            : self.floor.settings.crowd_books
        ]
        kept = {listing.key: self._fair[listing.key] for listing in chosen if listing.key in self._fair}
        self._quotes = {owner: quotes for owner, quotes in self._quotes.items() if owner[1] in kept}
        self._books, self._fair = chosen, kept
        for listing in chosen:
            if listing.key not in kept:
                self._fair[listing.key] = self._first_fair(self.floor.books[listing.key])
                for maker in MAKERS:
                    self._quote(maker, self.floor.books[listing.key], now_ns)

    def _first_fair(self, book: Book) -> int:
        """Start from what the book says, where it says something on both sides."""
        first, second = (book.matching.shown(each.selection_id, 1) for each in book.listing.selections)
        if not first or not second:
            return self.random.randint(UNIT // 4, UNIT * 3 // 4)
        middle = (implied(first[0].odds) + 1 - implied(second[0].odds)) / 2
        return min(max(int(middle * UNIT), LOWEST), HIGHEST)

    def _walk(self, key: BookKey) -> None:
        step = self.random.randint(-WALK, WALK)
        self._fair[key] = min(max(self._fair[key] + step, LOWEST), HIGHEST)

    def _quote(self, maker: str, book: Book, now_ns: int) -> None:
        """Replace a maker's two orders in a book."""
        key = book.listing.key
        for order in self._quotes.pop((maker, key), []):
            self.floor.withdraw(order, now_ns)
        fair = self._fair[key]
        first, second = book.listing.selections
        quotes = [
            self._post(maker, selection, probability - self.random.randint(*EDGE), now_ns)
            for selection, probability in ((first, fair), (second, UNIT - fair))
        ]
        self._quotes[maker, key] = [order for order in quotes if order is not None]

    def _take(self, book: Book, now_ns: int) -> None:
        """Take the best level of one selection when it is not too dear, perhaps a little beyond it."""
        selection = self.random.choice(book.listing.selections)
        levels = book.matching.shown(selection.selection_id, 1)
        fair = self._fair[book.listing.key]
        if selection is book.listing.selections[1]:
            fair = UNIT - fair
        if not levels or implied(levels[0].odds) > Fraction(fair + self.random.randint(0, 2 * BARGAIN), UNIT):
            return
        odds = self.floor.ladder.better(levels[0].odds, -self.random.randint(0, 2))
        taker = self.random.choice(TAKERS)
        order = self._enter(taker, selection, odds, now_ns)
        self.floor.withdraw(order, now_ns)

    def _post(self, maker: str, selection: Selection, probability: int, now_ns: int) -> Order | None:
        odds = self.floor.ladder.paying_at_least(Fraction(max(probability, 5), UNIT))
        if odds is None:
            return None
        return self._enter(maker, selection, odds, now_ns)

    def _enter(self, account_id: str, selection: Selection, odds: Odds, now_ns: int) -> Order:
        self._issued += 1
        low, high = STAKES_CENTS
        ticket = Ticket(
            external_id=ClientOrderId(f"crowd-{self._issued}"),
            selection_id=selection.selection_id,
            odds=odds,
            stake_cents=self.random.randrange(low, high + 1, 100),
        )
        return self.floor.enter_at_once(self.floor.accounts[account_id], ticket, now_ns)
