"""Which events are open, as REST says."""

from collections.abc import Callable, Iterable

import attrs
import structlog
import trio

from actors.messages import AnswerLost, Ask, SessionFailed
from protocol.errors import RemoteProtocolError, VenueError
from protocol.events import EventListed
from protocol.ids import CompetitionId, EventId
from protocol.venue import Rest

log = structlog.get_logger()

EVERY_S = 60.0  # a push that says "live" can be lost, and nothing may rest on an event that has begun
MAX_TRIES = 5
TRY_AGAIN_S = 1.0


@attrs.define(kw_only=True)
class Listings:
    """Read the events of the wanted competitions, at the start and every minute."""

    ask: Ask
    rest: Rest
    competitions: tuple[CompetitionId, ...]
    events: tuple[EventId, ...]

    async def run(
        self,
        heard: Callable[[EventListed], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        task_status.started()
        while True:
            await trio.sleep(EVERY_S)
            for event in await self.read():
                heard(event)

    async def open_competitions(self) -> tuple[CompetitionId, ...]:
        """Return the competitions to hear: those configured, or every one that has open events."""
        if self.competitions or self.events:
            return self.competitions
        for attempt in range(MAX_TRIES):
            try:
                listed = await self.ask(self.rest.competitions())
            except (VenueError, AnswerLost, RemoteProtocolError) as error:
                log.warning("competitions_not_read", reason=str(error))
                await trio.sleep(TRY_AGAIN_S * (attempt + 1))
            else:
                return tuple(each.competition_id for each in listed)
        raise SessionFailed(f"the competitions could not be read in {MAX_TRIES} tries")

    async def read(self) -> Iterable[EventListed]:
        """Read the events. Raises `SessionFailed` when it cannot be done in a few tries."""
        if self.events:
            return await self._events(None, self.events)
        if not self.competitions:
            return await self._events(None, ())
        return [event for each in self.competitions for event in await self._events(each, ())]

    async def _events(
        self, competition_id: CompetitionId | None, event_ids: tuple[EventId, ...]
    ) -> tuple[EventListed, ...]:
        for attempt in range(MAX_TRIES):
            try:
                events = await self.ask(self.rest.events(competition_id, event_ids))
            except VenueError as error:
                if error.status == 404:
                    return ()  # nothing is open, or it is over
                log.warning("events_not_read", reason=str(error))
            except (AnswerLost, RemoteProtocolError) as error:
                log.warning("events_not_read", reason=str(error))
            else:
                known = competition_id or 0
                return tuple(
                    event if event.competition_id else attrs.evolve(event, competition_id=CompetitionId(known))
                    for event in events
                )
            await trio.sleep(TRY_AGAIN_S * (attempt + 1))
        raise SessionFailed(f"the events could not be read in {MAX_TRIES} tries")
