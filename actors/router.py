"""One market actor per open market."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import assert_never

import attrs
import structlog
import trio

from actors.mailbox import Mailbox
from actors.market import MAX_HEARD, Market, MarketMessage
from actors.messages import (
    Compare,
    Doubt,
    Inherit,
    MarketView,
    RouterMessage,
    SnapshotTaken,
    SnapshotWanted,
    Stir,
    Suspend,
)
from actors.tally import Tally
from protocol.book import Book, BookStatus
from protocol.events import (
    BookReplaced,
    BookUnreadable,
    CompetitionListed,
    EventListed,
    EventStatus,
    EventUnlisted,
    Hinted,
    MarketListed,
    MessageUnreadable,
    SelectionListed,
    TradePrinted,
)
from protocol.ids import BookKey, EventId, SelectionId
from protocol.venue import Terms

log = structlog.get_logger()

MARKET_BACKLOG = 64  # messages; images replace each other, so an older one is never missed


@attrs.define(kw_only=True)
class Router:
    """Bring each event to the market that it is about; open markets with their first snapshot, and retire them.

    One that succeeds another session's router, `before`, goes on from its books once all of its own are believed.
    """

    epoch: int
    inbox: Mailbox[RouterMessage]
    snapshots: Mailbox[SnapshotWanted]
    publish: Callable[[MarketView], None]
    terms: Callable[[EventListed], Terms]
    tally: Tally
    book_age_s: float = math.inf  # how long a book is believed after a hint; `inf` where its images are pushed
    unread_age_s: float = math.inf  # and without a look by REST
    listing_lifts: bool = False  # a listing that says the same again is news: it takes orders, though it refused one
    before: "Router | None" = attrs.field(default=None, repr=False)
    _events: dict[EventId, EventListed] = attrs.field(factory=dict)
    _markets: dict[BookKey, Market] = attrs.field(factory=dict)
    _selections: dict[SelectionId, BookKey] = attrs.field(factory=dict)
    _early: dict[BookKey, BookReplaced] = attrs.field(factory=dict)  # newest images of books that await a snapshot
    _stirred: set[BookKey] = attrs.field(factory=set)  # of those, the ones that were hinted: the snapshot may be older
    _read: set[EventId] = attrs.field(factory=set)  # events whose books were read
    _moved: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, repr=False)

    @property
    def open_books(self) -> int:
        """Return how many markets are open now."""
        return len(self._markets)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                try:
                    messages = await self.inbox.take()
                except trio.EndOfChannel:
                    break
                for message in messages:
                    for market in self.handle(message):
                        nursery.start_soon(market.run)
                self._moved.unpark_all()
            for market in self._markets.values():
                market.inbox.close()

    # --- succeeding another ---

    async def wait_believed(self, events: Sequence[EventListed]) -> None:
        """Wait until every book of some events was read, and no book is in doubt."""
        while not self.believes(events):
            await self._moved.park()

    def believes(self, events: Sequence[EventListed]) -> bool:
        return all(map(self._has_read, events)) and all(
            market.book.status in (BookStatus.LIVE, BookStatus.SUSPENDED) for market in self._markets.values()
        )

    def _has_read(self, event: EventListed) -> bool:
        return event.event_id in self._read if event.keys is None else self._markets.keys() >= set(event.keys)

    def succeed(self) -> None:
        """Publish every book at once, and go on from what the router before has told of them."""
        assert self.before is not None, "there is a router to succeed"
        before, self.before = self.before, None
        for key, market in self._markets.items():
            self.publish(market.view())
            self._send(key, before._markets[key].give() if key in before._markets else Inherit(None))

    def _show(self, view: MarketView) -> None:
        self.publish(view)
        if self._moved:
            self._moved.unpark_all()

    # --- routing ---

    def handle(self, message: RouterMessage) -> list[Market]:
        """Take one message; return the markets to start."""
        match message:
            case BookReplaced(key=key):
                self._image(key, message)
            case TradePrinted(selection_id=selection_id):
                if selection_id in self._selections:
                    self._send(self._selections[selection_id], message)
            case BookUnreadable(key=key):
                if key in self._markets:
                    self._send(key, Doubt())
                    self._want(key.event_id)
            case Hinted():
                self._hint(message)
            case EventListed(event_id=event_id):
                self._event(event_id, message)
            case EventUnlisted(event_id=event_id):
                self._retire(event_id)
            case MarketListed(event_id=event_id, market_id=market_id, active=active):
                for key in self._keys(event_id):
                    if key.market_id == market_id:
                        self._send(key, Suspend(active))
            case SelectionListed(event_id=event_id, selection_id=selection_id):
                if event_id in self._events and selection_id not in self._selections:
                    self._want(event_id)
            case MessageUnreadable(reason=reason):
                self._doubt_all(reason)
            case CompetitionListed():
                pass
            case SnapshotTaken():
                return self._snapshot(message)
            case _:
                assert_never(message)
        return []

    def _hint(self, hint: Hinted) -> None:
        for key in self._markets:
            if _concerns(hint, key):
                self._send(key, Stir())
                self._want_book(key)
        event = None if hint.event_id is None else self._events.get(hint.event_id)
        waiting = () if event is None else (key for key in event.keys or () if key not in self._markets)
        self._stirred.update(key for key in waiting if _concerns(hint, key))

    def _image(self, key: BookKey, image: BookReplaced) -> None:
        if key in self._markets:
            self._send(key, image)
        elif key.event_id in self._events:
            early = self._early.get(key)
            if early is None or image.sequence_ns >= early.sequence_ns:
                self._early[key] = image
            self._want(key.event_id)  # a market that we have not heard of

    def _event(self, event_id: EventId, event: EventListed) -> None:
        known = self._events.get(event_id)
        if known is not None and not event.competition_id:
            event = attrs.evolve(event, competition_id=known.competition_id)
        if event == known and not self.listing_lifts:
            return
        self._events[event_id] = event
        if event.status is EventStatus.ENDED:
            self._retire(event_id)
            return
        for key in self._keys(event_id):
            self._send(key, event)

    def _retire(self, event_id: EventId) -> None:
        self._events.pop(event_id, None)
        self._read.discard(event_id)
        for key in [key for key in self._early if key.event_id == event_id]:
            del self._early[key]
        self._stirred = {key for key in self._stirred if key.event_id != event_id}
        for key in self._keys(event_id):
            self._close(key)

    def _close(self, key: BookKey) -> None:
        self._markets.pop(key).inbox.close()
        for selection_id in [each for each, of in self._selections.items() if of == key]:
            del self._selections[selection_id]

    def _doubt_all(self, reason: str) -> None:
        log.warning("books_doubted", reason=reason)
        for key in self._markets:
            self._send(key, Doubt())
        for event_id in self._events:
            self._want(event_id)

    def _snapshot(self, snapshot: SnapshotTaken) -> list[Market]:
        self._read.update(snapshot.event_ids)
        new = []
        for book in snapshot.books:
            event = self._events.get(book.key.event_id)
            if event is None:
                continue
            if book.key not in self._markets:
                new.append(self._open(book, event))
                if book.key in self._early:
                    self._send(book.key, self._early.pop(book.key))  # it waits there for the snapshot
            self._send(book.key, Compare(book=book, asked_at_s=snapshot.asked_at_s))
            if book.key in self._stirred:
                self._stirred.discard(book.key)
                self._send(book.key, Stir())
                self._want_book(book.key)
        there = {book.key for book in snapshot.books}
        for event_id in snapshot.event_ids:
            for key in self._keys(event_id):
                if key not in there:
                    self._close(key)
        return new

    def _open(self, book: BookReplaced, event: EventListed) -> Market:
        for side in book.sides:
            self._selections[side.selection_id] = book.key
        market = self._markets[book.key] = Market(
            key=book.key,
            epoch=self.epoch,
            inbox=Mailbox[MarketMessage](f"market {book.key}", MARKET_BACKLOG),
            publish=self._show,
            event=event,
            terms=self.terms,
            tally=self.tally,
            recheck=lambda: self._want_book(book.key),
            book=Book(book.key),
            book_age_s=self.book_age_s,
            unread_age_s=self.unread_age_s,
            name=book.name or dict(zip(event.keys or (), event.names, strict=False)).get(book.key, ""),
            kind=book.kind,
            heard=None if self.before is None else deque(maxlen=MAX_HEARD),
        )
        return market

    def _keys(self, event_id: EventId) -> list[BookKey]:
        return [key for key in self._markets if key.event_id == event_id]

    def _want(self, event_id: EventId) -> None:
        """Ask for every book of an event: by their names, where the listing has them."""
        event = self._events.get(event_id)
        if event is not None and event.keys is not None:
            self._ask(SnapshotWanted(keys=event.keys))
        else:
            self._ask(SnapshotWanted(event_ids=(event_id,)))

    def _want_book(self, key: BookKey) -> None:
        named = key.event_id in self._events and key in (self._events[key.event_id].keys or ())
        self._ask(SnapshotWanted(keys=(key,)) if named else SnapshotWanted(event_ids=(key.event_id,)))

    def _ask(self, wanted: SnapshotWanted) -> None:
        if not self.snapshots.offer(wanted):
            log.warning("snapshot_request_dropped", wanted=str(wanted))  # the schedule reads it anyway

    def _send(self, key: BookKey, message: MarketMessage) -> None:
        mailbox = self._markets[key].inbox
        if mailbox.offer(message):
            return
        waiting = mailbox.take_nowait()
        kept = [each for each in waiting if not isinstance(each, BookReplaced | TradePrinted)]
        images = [each for each in (*waiting, message) if isinstance(each, BookReplaced)]
        self.tally.conflated += len(waiting) - len(kept)
        for each in (*kept[-MARKET_BACKLOG // 2 :], *images[-1:]):
            mailbox.offer(each)
        if not isinstance(message, BookReplaced):
            mailbox.offer(message)


def _concerns(hint: Hinted, key: BookKey) -> bool:
    return key.event_id == hint.event_id and hint.market_id in (None, key.market_id)
