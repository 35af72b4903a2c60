"""Which events are open, as REST says."""

from collections.abc import Callable, Collection

import attrs
import structlog
import trio

from actors.decisions.coverage import DEFAULT_CHANNEL_LIMIT
from actors.mailbox import Mailbox
from actors.messages import AnswerLost, Ask, SessionFailed
from protocol.errors import RemoteProtocolError, VenueError
from protocol.events import CompetitionListed, EventListed, EventUnlisted
from protocol.ids import CompetitionId, EventId, SelectionId
from protocol.venue import Call, EventPage, Poll, Rest

log = structlog.get_logger()

MAX_TRIES = 5
TRY_AGAIN_S = 1.0
MAX_PAGES = 50


@attrs.define(kw_only=True)
class Listings:
    """Read the events of the wanted competitions: at the start, when a session starts, on schedule, and when woken.

    It outlives the sessions and remembers, so that a new socket need not wait for what is known.
    """

    ask: Ask
    rest: Rest
    competitions: tuple[CompetitionId, ...]
    events: tuple[EventId, ...]
    poll: Poll
    most: int | None = None  # events, where nothing narrows them
    woken: Mailbox[None] = attrs.field(factory=lambda: Mailbox("listings", 1))
    known: dict[EventId, EventListed] = attrs.field(factory=dict)
    outcomes: dict[EventId, tuple[SelectionId, ...]] = attrs.field(factory=dict)  # of every event that was ever listed
    channel_limit: int = DEFAULT_CHANNEL_LIMIT

    async def run(
        self,
        heard: Callable[[EventListed | EventUnlisted], None],
        told: Collection[EventId] = (),
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Keep one session told, which was told of some events before. There may be two at a time."""
        task_status.started()
        while True:
            await self.read()
            for event_id in told:
                if event_id not in self.known:
                    heard(EventUnlisted(event_id=event_id))
            for event in self.known.values():
                heard(event)
            told = self.known
            with trio.move_on_after(self.poll.every_s):
                await self.woken.take()
                await trio.sleep(self.poll.apart_s)

    def wanting(self, competitions: tuple[CompetitionId, ...], events: tuple[EventId, ...]) -> "Listings":
        """Return listings of something else. Who reads these ones may go on; the bell is the same."""
        return attrs.evolve(self, competitions=competitions, events=events, known={})

    async def open(self) -> None:
        """Learn what there is to hear, unless it is known. Raises `SessionFailed`."""
        competitions = self.rest.competitions()
        if competitions is not None and not self.competitions and not self.events:
            self.competitions = await self._open_competitions(competitions)
        if not self.known:
            await self.read()
        if competitions is not None and not self.competitions:
            found = {event.competition_id for event in self.known.values() if event.competition_id}
            self.competitions = tuple(sorted(found))

    async def read(self) -> None:
        """Read the events. Raises `SessionFailed` when it cannot be done in a few tries."""
        if self.events and self.rest.competitions() is None:  # one by one: one that is gone shall not hide the others
            events = tuple([event for each in self.events for event in await self._events(None, (each,))])
        elif self.events or not self.competitions:
            events = await self._events(None, self.events)
        else:
            events = tuple([event for each in self.competitions for event in await self._events(each, ())])
        first = sorted(events, key=lambda event: event.event_id not in self.known)  # what is known keeps its place
        self.known = {event.event_id: event for event in first[: self.most]}
        self.outcomes.update((event.event_id, event.outcomes) for event in events if event.outcomes)

    async def _open_competitions(self, call: Call[tuple[CompetitionListed, ...]]) -> tuple[CompetitionId, ...]:
        for attempt in range(MAX_TRIES):
            try:
                listed = await self.ask(call)
            except (VenueError, AnswerLost, RemoteProtocolError) as error:
                log.warning("competitions_not_read", reason=str(error))
                await trio.sleep(TRY_AGAIN_S * (attempt + 1))
            else:
                return tuple(each.competition_id for each in listed)
        raise SessionFailed(f"the competitions could not be read in {MAX_TRIES} tries")

    async def _events(
        self, competition_id: CompetitionId | None, event_ids: tuple[EventId, ...]
    ) -> tuple[EventListed, ...]:
        found: dict[EventId, EventListed] = {}
        cursor = ""
        for _ in range(MAX_PAGES):
            page = await self._page(self.rest.events(competition_id, event_ids, cursor))
            found.update((event.event_id, event) for event in page.events)
            cursor = page.next_cursor
            if not cursor:
                break
        known = competition_id or CompetitionId(0)
        return tuple(
            event if event.competition_id else attrs.evolve(event, competition_id=known) for event in found.values()
        )

    async def _page(self, call: Call[EventPage]) -> EventPage:
        for attempt in range(MAX_TRIES):
            try:
                return await self.ask(call)
            except VenueError as error:
                if error.status == 404:
                    return EventPage(events=())  # nothing is open, or it is over
                log.warning("events_not_read", reason=str(error))
            except (AnswerLost, RemoteProtocolError) as error:
                log.warning("events_not_read", reason=str(error))
            await trio.sleep(TRY_AGAIN_S * (attempt + 1))
        raise SessionFailed(f"the events could not be read in {MAX_TRIES} tries")
