"""REST truth, on the venue's schedule."""

import attrs
import structlog
import trio

from actors.mailbox import Mailbox
from actors.messages import AnswerLost, Ask, RouterMessage, SessionFailed, SnapshotTaken, SnapshotWanted
from protocol.errors import RemoteProtocolError, VenueError
from protocol.events import BookReplaced
from protocol.ids import EventId
from protocol.venue import Rest

log = structlog.get_logger()

EVENTS_A_CALL = 10  # an event can have 450 books of 700 bytes; the venue takes 50 events
MAX_TRIES = 5
TRY_AGAIN_S = 1.0
GATHER_S = 0.05  # requests that come in a burst are one


@attrs.define(kw_only=True)
class Reconciler:
    """Read every wanted book by REST: when it is asked for, and all of them on schedule."""

    inbox: Mailbox[SnapshotWanted]
    outbox: Mailbox[RouterMessage]
    ask: Ask
    rest: Rest
    every_s: float
    _events: dict[EventId, None] = attrs.field(factory=dict)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        next_all_s = trio.current_time() + self.every_s
        while True:
            requests: list[SnapshotWanted] = []
            with trio.move_on_at(next_all_s):
                try:
                    requests = await self.inbox.take()
                except trio.EndOfChannel:
                    return
            if requests:
                await trio.sleep(GATHER_S)
                requests += self.inbox.take_nowait()
            wanted = {event_id: None for request in requests for event_id in request.event_ids}
            self._events.update(wanted)
            if trio.current_time() >= next_all_s:
                wanted = dict(self._events)
                next_all_s = trio.current_time() + self.every_s
            await self.read(tuple(wanted))

    async def read_all(self) -> list[SnapshotTaken]:
        """Read every book that is wanted."""
        return await self.read(tuple(self._events))

    async def read(self, event_ids: tuple[EventId, ...]) -> list[SnapshotTaken]:
        """Read the books of some events and hand them on, a few events at a time."""
        taken = []
        for start in range(0, len(event_ids), EVENTS_A_CALL):
            some = event_ids[start : start + EVENTS_A_CALL]
            asked_at_s = trio.current_time()
            books = await self._books(some)
            snapshot = SnapshotTaken(event_ids=some, books=books, asked_at_s=asked_at_s)
            if not self.outbox.offer(snapshot):
                raise SessionFailed("the router does not keep up")
            gone = set(some) - {book.key.event_id for book in books}
            for event_id in gone:
                self._events.pop(event_id, None)
            taken.append(snapshot)
        return taken

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
