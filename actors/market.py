"""One book, hydrated before it is believed."""

import math
from collections import deque
from collections.abc import Callable
from typing import assert_never

import attrs
import structlog
import trio

from actors.mailbox import Mailbox
from actors.messages import Compare, Doubt, Inherit, MarketView, Stir, Suspend
from actors.tally import Tally
from protocol.book import Book, BookStatus
from protocol.events import BookReplaced, EventListed, TradePrinted
from protocol.ids import BookKey
from protocol.venue import Terms

log = structlog.get_logger()

PRINT_GRACE_S = 1.0  # how long a fall in liquidity waits for the print that explains it
HEAL_GRACE_S = 2.0  # how long a difference from REST waits for the image that may be on its way

MAX_RECHECKS = 3  # comparisons in a row that a moving book may outrun

MAX_HEARD = 256  # images, prints: what a busy book brings in the while that two sockets are up

MarketMessage = BookReplaced | TradePrinted | Compare | Doubt | Stir | Suspend | EventListed | Inherit
Heard = deque[BookReplaced | TradePrinted]


@attrs.define(kw_only=True)
class Market:
    """Keep one book. It is live after its snapshot, and heals when REST proves it wrong.

    REST is read while the socket goes on. Where the socket carries images, a difference counts only when no newer one
    comes within a moment: what moved in between was not wrong. Where it only hints, REST is the book, and a hint that
    nothing confirms for `book_age_s` makes it stale.

    One that succeeds another session's market tells of no change before it inherits that one's book, and then tells
    what that one has not told.
    """

    key: BookKey
    epoch: int
    inbox: Mailbox[MarketMessage]
    publish: Callable[[MarketView], None]
    event: EventListed
    terms: Callable[[EventListed], Terms]
    tally: Tally
    book: Book
    book_age_s: float = math.inf  # how long it is believed after a hint; `inf` where its images are pushed
    unread_age_s: float = math.inf  # how long it is believed without a look by REST
    name: str = ""
    kind: str = ""
    recheck: Callable[[], None] = lambda: None  # asks for another comparison
    heard: Heard | None = None  # since the start, until it inherits
    _rechecks: int = 0
    _suspended: bool = False
    _applied_s: float = -math.inf
    _listed_s: float = -math.inf
    _suspect: BookReplaced | None = None
    _heal_at_s: float = math.inf
    _settle_at_s: float = math.inf
    _stirred_s: float = math.inf  # when a hint came that REST has not confirmed
    _read_s: float = math.inf  # when REST was last asked

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        while True:
            messages: list[MarketMessage] = []
            with trio.move_on_at(min(self._heal_at_s, self._settle_at_s, self._old_at_s)):
                try:
                    messages = await self.inbox.take()
                except trio.EndOfChannel:
                    self.book.status = BookStatus.SUSPENDED
                    self.publish(self.view())
                    return
            before = self.book.status
            for message in messages:
                self.handle(message, trio.current_time())
            self.tick(trio.current_time())
            if self.book.status is not before or not messages or any(not isinstance(each, Stir) for each in messages):
                self.publish(self.view())  # a hint alone changes nothing that can be seen

    def handle(self, message: MarketMessage, now_s: float) -> None:
        match message:
            case BookReplaced():
                self._note(message)
                self._apply(message, now_s)
            case TradePrinted():
                self._note(message)
                self.book.print_trade(message)
            case Compare():
                self._compare(message, now_s)
            case Doubt():
                self.book.doubt()
                self._dismiss()  # it was read before the doubt
            case Stir():
                self._stirred_s = min(self._stirred_s, now_s)
            case Suspend(active=active):
                self._suspended = not active
            case EventListed():
                self.event = message
                self._listed_s = now_s
            case Inherit():
                self._inherit(message, now_s)
            case _:
                assert_never(message)

    def tick(self, now_s: float) -> None:
        """Do what has become due."""
        if now_s >= self._old_at_s:
            self._stirred_s = self._read_s = math.inf
            self.book.doubt()
        if self._suspect is not None and now_s >= self._heal_at_s:
            log.warning("book_healed", book=str(self.key))
            self.tally.healed += 1
            self.book.hydrate(self._suspect)
            self._rechecks = 0
            self._dismiss()
        if now_s >= self._settle_at_s:
            self.book.settle()
        self._settle_at_s = self._settle_at_s if self.book.unsettled else math.inf
        if self.book.unsettled and self._settle_at_s == math.inf:
            self._settle_at_s = now_s + PRINT_GRACE_S

    def view(self) -> MarketView:
        """Return what a strategy sees, and hand over the changes since the last one."""
        status = self.book.status
        if (self._suspended or not self.event.active) and status is BookStatus.LIVE:
            status = BookStatus.SUSPENDED
        return MarketView(
            key=self.key,
            name=self.name,
            kind=self.kind,
            event=self.event,
            terms=self.terms(self.event),
            epoch=self.epoch,
            status=status,
            sides=self.book.sides,
            changes=self.book.take_changes() if self.heard is None else (),
            moved_s=self._applied_s,
            listed_s=self._listed_s,
        )

    def _apply(self, image: BookReplaced, now_s: float) -> None:
        self.tally.updates += 1
        if self.book.apply(image):
            self._applied_s = now_s
            if self._suspect is not None and image.sequence_ns >= self._suspect.sequence_ns:
                self._moved_on(self._suspect)

    def _note(self, message: BookReplaced | TradePrinted) -> None:
        if self.heard is not None:
            self.heard.append(message)

    def give(self) -> Inherit:
        """Hand the book over: what is heard here from now on does not touch it."""
        inheritance = Inherit(self.book, self._settle_at_s)
        self.book, self._settle_at_s = Book(self.key), math.inf
        return inheritance

    def _inherit(self, inheritance: Inherit, now_s: float) -> None:
        """Bring a book that was shown up to what was heard since: what it knows already changes nothing.

        Where they still differ, one of two sockets may only be behind: that counts as any difference from REST does.
        """
        heard, self.heard = self.heard or (), None
        told = inheritance.book
        if told is None:
            self.book.take_changes()
            return
        mine, self.book, self._settle_at_s = self.book, told, inheritance.settle_at_s
        told.change_sockets()
        for message in heard:
            if isinstance(message, BookReplaced):
                told.apply(message)
            else:
                told.print_trade(message)
        if told.status in (BookStatus.HYDRATING, BookStatus.STALE):
            told.hydrate(mine.image)
        elif not told.apply(mine.image) and told.differs(mine.image):
            self._suspect, self._heal_at_s = mine.image, now_s + HEAL_GRACE_S
        if mine.status is BookStatus.STALE:
            told.doubt()

    def _compare(self, message: Compare, now_s: float) -> None:
        self._suspended = not message.book.active
        if self._hinted:
            self._take(message, now_s)
        elif self.book.status in (BookStatus.HYDRATING, BookStatus.STALE):
            self.book.hydrate(message.book)
            self._applied_s = max(self._applied_s, message.asked_at_s)
        elif self._applied_s < message.asked_at_s and self.book.differs(message.book):
            self._suspect = message.book
            self._heal_at_s = now_s + HEAL_GRACE_S
        else:
            self._moved_on(message.book)

    @property
    def _hinted(self) -> bool:
        """Tell whether REST is the book, and the socket only hints."""
        return self.book_age_s < math.inf

    @property
    def _old_at_s(self) -> float:
        return min(self._stirred_s + self.book_age_s, self._read_s + self.unread_age_s)

    def _take(self, message: Compare, now_s: float) -> None:
        self._read_s = message.asked_at_s
        if self.book.differs(message.book):
            self.tally.updates += 1
            self._applied_s = now_s
        self.book.hydrate(message.book)
        if self._stirred_s <= message.asked_at_s:
            self._stirred_s = math.inf
        elif self._stirred_s < math.inf:
            self.recheck()  # it was stirred while REST was read

    def _moved_on(self, read: BookReplaced) -> None:
        """Let a comparison go that the book has moved on from. When they still differ, one that is newer must tell.

        An image can be older than the reading it came after: nothing in either says which.
        """
        self._dismiss()
        if not self.book.differs(read):
            self._rechecks = 0
        elif self._rechecks < MAX_RECHECKS:
            self._rechecks += 1
            self.recheck()

    def _dismiss(self) -> None:
        self._suspect, self._heal_at_s = None, math.inf
