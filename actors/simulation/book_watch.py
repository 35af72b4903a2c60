"""Whether the books that a strategy is shown as live are what the exchanges have."""

from collections.abc import Iterable, Mapping

import attrs

from actors.messages import MarketView
from protocol.events import Side
from protocol.ids import BookKey, SelectionId, VenueName
from protocol.prices import Price


@attrs.define
class BookWatch:
    """Follow since when each book that is called live differs from the truth. Times are trio's."""

    healed_s: Mapping[VenueName, float]  # within which a venue's traits promise that a difference is healed
    _differs_s: dict[BookKey, float] = attrs.field(factory=dict)

    def look(
        self, shown: Iterable[MarketView], truth: Mapping[BookKey, tuple[Side, ...]], now_s: float
    ) -> tuple[BookKey, float] | None:
        """Return a book that has been wrong for too long, and for how long."""
        wrong = {
            view.key: view.terms.venue
            for view in shown
            if view.live and _ladder(view.sides) != _ladder(truth.get(view.key, ()))
        }
        self._differs_s = {key: self._differs_s.get(key, now_s) for key in wrong}
        for key, venue in wrong.items():
            if now_s - self._differs_s[key] > self.healed_s[venue]:
                return key, now_s - self._differs_s[key]
        return None


def _ladder(sides: Iterable[Side]) -> list[tuple[SelectionId, Price, int]]:
    """Return what can be taken, the best first of each selection."""
    return [(side.selection_id, each.price, each.takeable) for side in sides for each in side.levels if each.takeable]
