"""One socket's conversation: subscriptions out, hints in."""

import attrs

from protocol.events import Hinted
from protocol.ids import EventId
from protocol.satoriex import wire
from protocol.satoriex.assumptions import MAX_MARKETS, PING_AFTER_S
from protocol.satoriex.hints import Hint, hints_of
from protocol.satoriex.names import text
from protocol.satoriex.pushes import read_frame
from protocol.venue import Heard, Registration, Wanted

SUBSCRIPTIONS = ("subscribe", "subscribe_marketdata")  # a market's channel, and its data's


@attrs.define
class SatoriExFeed:
    """Subscribe to markets, and pass on what the socket hints about them. The user's channel comes without asking."""

    _subscribed: set[EventId] = attrs.field(factory=set, init=False)  # on this socket, for as long as it lives
    _wanted: frozenset[EventId] = attrs.field(default=frozenset(), init=False)

    @property
    def established(self) -> bool:
        return True

    @property
    def awaiting(self) -> bool:
        return False

    @property
    def activity_timeout_s(self) -> float:
        return PING_AFTER_S

    @property
    def ping(self) -> None:
        return None

    def registering(self, wanted: Wanted) -> None:
        return None

    def subscribe(self, wanted: Wanted, registration: Registration | None) -> tuple[str, ...]:
        """Return the frames for markets not asked for yet, up to what one socket takes; the others are for polls."""
        self._wanted = frozenset(wanted.events)
        room = MAX_MARKETS - len(self._subscribed)
        added = [each for each in dict.fromkeys(wanted.events) if each not in self._subscribed][:room]
        self._subscribed.update(added)
        forms = [wire.SubscribeForm(type=kind, market_id=text(each)) for each in added for kind in SUBSCRIPTIONS]
        return tuple(wire.encode(form).decode() for form in forms)

    def receive(self, frame: str | bytes) -> tuple[Heard, ...]:
        """Return the hints of a frame, without those of markets that are not subscribed or no longer wanted."""
        return tuple(hint for push in read_frame(frame) for hint in hints_of(push) if self._concerns(hint))

    def _concerns(self, hint: Hint) -> bool:
        if not isinstance(hint, Hinted) or hint.event_id is None:
            return True
        return hint.event_id in self._wanted and hint.event_id in self._subscribed
