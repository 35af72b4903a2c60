"""The fills of orders that are known by their sum alone."""

import math

import attrs

from actors.messages import AnswerLost, AskFills
from protocol.errors import VenueError
from protocol.events import Fill
from protocol.ids import VenueOrderId
from protocol.venue import FillPage

ASK_AGAIN_S = 1.0
MAX_FILL_QUESTIONS = 10  # about one order; then its fills stay booked at its own limit
MAX_DETAILS = 100  # orders in one question


@attrs.define
class InexactFills:
    """Ask for each fill of the orders that ended with only a cumulative figure, one question at a time."""

    _questions_left: dict[VenueOrderId, int] = attrs.field(factory=dict)
    _given_up: set[VenueOrderId] = attrs.field(factory=set)
    _asked: tuple[VenueOrderId, ...] = ()
    _ask_at_s: float = math.inf

    @property
    def open(self) -> bool:
        """Tell whether anything is still to be read."""
        return bool(self._questions_left)

    @property
    def due_s(self) -> float:
        return self._ask_at_s if self._questions_left and not self._asked else math.inf

    def want(self, venue_order_id: VenueOrderId, now_s: float) -> None:
        """Learn of an order whose fills do not have their own prices."""
        if venue_order_id not in self._questions_left and venue_order_id not in self._given_up:
            self._questions_left[venue_order_id] = MAX_FILL_QUESTIONS
            self._ask_at_s = min(max(self._ask_at_s, now_s), now_s + ASK_AGAIN_S)

    def settle(self, venue_order_id: VenueOrderId) -> None:
        """Learn that an order's fills are exact."""
        self._questions_left.pop(venue_order_id, None)

    def question(self, now_s: float) -> AskFills | None:
        """Return the next question when one is due and none is under way."""
        if now_s < self.due_s:
            return None
        self._asked = tuple(self._questions_left)[:MAX_DETAILS]
        return AskFills(self._asked)

    def answered(
        self, result: FillPage | VenueError | AnswerLost, now_s: float
    ) -> dict[VenueOrderId, tuple[Fill, ...]]:
        """Take an answer and return the fills that it has, order by order."""
        for venue_order_id in self._asked:
            if venue_order_id not in self._questions_left:
                continue  # it proved to be exact meanwhile
            left = self._questions_left.pop(venue_order_id) - 1
            if left > 0:
                self._questions_left[venue_order_id] = left
            else:
                self._given_up.add(venue_order_id)
        self._asked = ()
        self._ask_at_s = now_s + ASK_AGAIN_S
        found: dict[VenueOrderId, tuple[Fill, ...]] = {}
        for venue_order_id, fill in result.fills if isinstance(result, FillPage) else ():
            found[venue_order_id] = (*found.get(venue_order_id, ()), fill)
        return found
