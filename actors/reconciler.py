"""REST truth, on the venue's schedule."""

import math

import attrs
import structlog
import trio

from actors.mailbox import Mailbox
from actors.messages import AnswerLost, Ask, RouterMessage, SessionFailed, SnapshotTaken, SnapshotWanted
from protocol.errors import RemoteProtocolError, VenueError
from protocol.events import BookReplaced, BookUnreadable
from protocol.ids import BookKey, EventId
from protocol.venue import Poll, Rest

log = structlog.get_logger()

EVENTS_A_CALL = 10  # an event can have 450 books of 700 bytes; the venue takes 50 events
MAX_TRIES = 5
TRY_AGAIN_S = 1.0
GATHER_S = 0.05  # requests that come in a burst are one


@attrs.define(kw_only=True)
class Reconciler:
    """Read every wanted book by REST: when it is asked for, and all of them on schedule.

    Books that have names are read one by one, the one that was read longest ago first, and none sooner again than the
    schedule allows.
    """

    inbox: Mailbox[SnapshotWanted]
    outbox: Mailbox[RouterMessage]
    ask: Ask
    rest: Rest
    poll: Poll
    _events: dict[EventId, None] = attrs.field(factory=dict)
    _read_s: dict[BookKey, float] = attrs.field(factory=dict)  # when each named book was last asked for
    _due: dict[BookKey, None] = attrs.field(factory=dict)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        next_all_s = trio.current_time() + self.poll.every_s
        while True:
            requests: list[SnapshotWanted] = []
            with trio.move_on_at(min(next_all_s, self._next_key_s())):
                try:
                    requests = await self.inbox.take()
                except trio.EndOfChannel:
                    return
            if requests:
                await trio.sleep(GATHER_S)
                requests += self.inbox.take_nowait()
            wanted = {event_id: None for request in requests for event_id in request.event_ids}
            self._events.update(wanted)
            for key in (key for request in requests for key in request.keys):
                self._due[key] = None
                self._read_s.setdefault(key, -math.inf)
            if trio.current_time() >= next_all_s:
                wanted = dict(self._events)
                self._due.update(dict.fromkeys(self._read_s))
                next_all_s = trio.current_time() + self.poll.every_s
            await self.read(tuple(wanted))
            if trio.current_time() >= self._next_key_s():
                await self._read_key(min(self._due, key=self._read_s.__getitem__))

    async def read_all(self) -> list[SnapshotTaken]:
        """Read every book that is wanted, a named one again when that fails."""
        taken = await self.read(tuple(self._events))
        keys = tuple(self._read_s)
        for _ in range(MAX_TRIES):
            for key in keys:
                taken += await self._read_key(key)
            keys = tuple(key for key in keys if key in self._due)
        return taken

    async def read(self, event_ids: tuple[EventId, ...]) -> list[SnapshotTaken]:
        """Read the books of some events and hand them on, a few events at a time."""
        taken = []
        for start in range(0, len(event_ids), EVENTS_A_CALL):
            some = event_ids[start : start + EVENTS_A_CALL]
            asked_at_s = trio.current_time()
            books = await self._books(some)
            taken.append(self._hand_on(SnapshotTaken(event_ids=some, books=books, asked_at_s=asked_at_s)))
            gone = set(some) - {book.key.event_id for book in books}
            for event_id in gone:
                self._events.pop(event_id, None)
        return taken

    def _next_key_s(self) -> float:
        return min((self._read_s[key] + self.poll.apart_s for key in self._due), default=math.inf)

    async def _read_key(self, key: BookKey) -> list[SnapshotTaken]:
        """Read one book; when that fails it is due again, and one that makes no sense is not believed meanwhile."""
        asked_at_s = self._read_s[key] = trio.current_time()
        self._due.pop(key, None)
        try:
            books = await self.ask(self.rest.book(key))
        except (VenueError, AnswerLost) as error:
            log.warning("book_not_read", book=str(key), reason=str(error))
            if isinstance(error, VenueError) and error.status == 404:
                self._read_s.pop(key, None)  # it is over: the listing will say so
                self._due.pop(key, None)
            else:
                self._again(key)
            return []
        except RemoteProtocolError as error:
            log.warning("book_unreadable", book=str(key), reason=str(error))
            self.outbox.offer(BookUnreadable(key=key))
            self._again(key)
            return []
        return [self._hand_on(SnapshotTaken(event_ids=(), books=books, asked_at_s=asked_at_s))]

    def _again(self, key: BookKey) -> None:
        self._read_s[key] = trio.current_time() + TRY_AGAIN_S
        self._due[key] = None

    def _hand_on(self, snapshot: SnapshotTaken) -> SnapshotTaken:
        if not self.outbox.offer(snapshot):
            raise SessionFailed("the router does not keep up")
        return snapshot

    async def _books(self, event_ids: tuple[EventId, ...]) -> tuple[BookReplaced, ...]:
        """Read some books. An event whose books make no sense is left out, and the others are not."""
        for attempt in range(1, MAX_TRIES + 1):
            try:
                return await self.ask(self.rest.markets(event_ids))
            except (VenueError, AnswerLost) as error:
                log.warning("books_not_read", attempt=attempt, reason=str(error))
            except RemoteProtocolError as error:
                log.warning("books_unreadable", attempt=attempt, reason=str(error))
                if attempt == MAX_TRIES and len(event_ids) == 1:
                    return ()
                if attempt > 1 and len(event_ids) > 1:
                    return tuple([book for one in event_ids for book in await self._books((one,))])
            await trio.sleep(TRY_AGAIN_S * attempt)
        raise SessionFailed(f"the books of {len(event_ids)} events could not be read in {MAX_TRIES} tries")
