"""What a session listens to."""

import attrs

from protocol.events import EventListed, EventStatus
from protocol.ids import CompetitionId, EventId
from protocol.venue import Wanted

DEFAULT_CHANNEL_LIMIT = 400


@attrs.define(kw_only=True)
class Coverage:
    """Decide which events to hear. Events, when named, narrow what the competitions hold.

    The venue counts every channel that was ever registered on a socket, so that only a new socket frees any.
    """

    competitions: tuple[CompetitionId, ...] = ()
    events: tuple[EventId, ...] = ()
    sub_kinds: tuple[str, ...] = ()
    limit: int = DEFAULT_CHANNEL_LIMIT
    by_event: bool = True  # books come on a channel of each event, not all on one
    listed: dict[EventId, EventListed] = attrs.field(factory=dict)
    registered: dict[EventId, None] = attrs.field(factory=dict)

    def wants(self, event: EventListed) -> bool:
        """Tell whether an event is ours to trade. One that has no competition yet is known by its id alone."""
        if event.status is EventStatus.ENDED:
            return False
        if self.events:
            return event.event_id in self.events
        return not self.competitions or event.competition_id in self.competitions or event.event_id in self.listed

    def hear(self, event: EventListed) -> bool:
        """Learn of an event; tell whether the subscriptions must grow."""
        if not self.wants(event):
            self.listed.pop(event.event_id, None)
            return False
        self.listed[event.event_id] = event
        return event.event_id not in self.registered and len(self.registered) < self.room

    def forget(self, event_id: EventId) -> None:
        self.listed.pop(event_id, None)

    @property
    def room(self) -> int:
        """Return how many events the channel limit has room for."""
        return self.limit // (1 + len(self.sub_kinds))

    @property
    def left_out(self) -> int:
        """Return how many wanted events found no room."""
        return sum(event_id not in self.registered for event_id in self.listed)

    @property
    def heard(self) -> tuple[EventListed, ...]:
        """Return the events that are subscribed."""
        return tuple([self.listed[each] for each in self.registered if each in self.listed])

    def register(self) -> tuple[Wanted, tuple[EventId, ...]]:
        """Return the full set to ask for, and which events of it are new."""
        waiting = sorted(self.listed, key=self._first_to_start)
        new = tuple(each for each in waiting if each not in self.registered)[: self.room - len(self.registered)]
        self.registered.update(dict.fromkeys(new))
        if not self.by_event:
            return Wanted(competitions=self.competitions), new
        wanted = Wanted(
            competitions=self.competitions,
            events=tuple(self.registered),
            sub_kinds=tuple((event_id, kind) for event_id in self.registered for kind in self.sub_kinds),
        )
        return wanted, new

    def _first_to_start(self, event_id: EventId) -> tuple[str, int, str]:
        """Order by the time, then by the id: as a number where it is one."""
        name = str(event_id)
        return self.listed[event_id].scheduled, len(name), name
