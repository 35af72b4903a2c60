"""When events go live, when they end, and what comes in their place."""

import attrs

from actors.exchange.prophetx import settlement
from actors.exchange.prophetx.catalogue import Event, game
from actors.exchange.prophetx.floor import SECOND_NS, Floor
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.events import EventStatus
from protocol.ids import EventId


@attrs.define(eq=False)
class Schedule:
    """Put the floor's events on its agenda; one that has ended is replaced, so that there is always a market."""

    floor: Floor
    settings: ExchangeSettings
    frozen: bool = False  # nothing begins or ends any more

    def open(self, now_ns: int) -> None:
        for index, opened in enumerate(tuple(self.floor.events.values())):
            self._plan(opened.event, now_ns, index * self.settings.stagger_s)

    def _plan(self, event: Event, now_ns: int, later_s: float = 0.0) -> None:
        if self.settings.go_live_s is None:
            return
        live_ns = now_ns + int((self.settings.go_live_s + later_s) * SECOND_NS)
        self.floor.events[event.event_id].scheduled_ns = live_ns
        self.floor.agenda.add(live_ns, lambda due_ns: self._go_live(event.event_id, due_ns))
        if self.settings.settle_s is not None:
            end_ns = live_ns + int(self.settings.settle_s * SECOND_NS)
            self.floor.agenda.add(end_ns, lambda due_ns: self._end(event, due_ns))

    def _go_live(self, event_id: EventId, now_ns: int) -> None:
        opened = self.floor.events.get(event_id)
        if opened is not None and opened.status is EventStatus.SCHEDULED and not self.frozen:
            settlement.go_live(self.floor, event_id, now_ns)

    def _end(self, event: Event, now_ns: int) -> None:
        if not self.frozen and event.event_id in self.floor.events:  # or it was ended by hand
            self.end(event, now_ns)

    def end(self, event: Event, now_ns: int) -> None:
        """End an event with results by the dice, and list another."""
        results = settlement.draw_results(self.floor, event.event_id)
        settlement.settle(self.floor, event.event_id, results, now_ns)
        self.floor.unlist_event(event.event_id, now_ns)
        successor = game(EventId(self.floor.last_event_id + 1), event.competition)
        self.floor.list_event(successor, now_ns)
        self._plan(successor, now_ns)
