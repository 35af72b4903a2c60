"""Whether a bot does what it promises, judged from outside of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations

import attrs

from actors.decisions.guard import Limits
from actors.entries import Latch
from actors.exchange.embedded import TrueOrder
from actors.simulation.network import Network
from actors.simulation.trader import Asked
from protocol.ids import BookKey, ClientOrderId, EventId, SelectionId, VenueName, VenueOrderId, sold_by
from protocol.money import micro
from protocol.order import RESTABLE, Order
from protocol.prices import Price, cost_micro, meets

FORGOTTEN_S = 240.0  # how long an order may rest that the bot does not say is live
LATCH_GRACE_S = 15.0  # what was on its way when a latch fell may still arrive
DEAD_GRACE_S = 10.0  # the same, when a socket goes
KILLED_S = 80.0  # how long the kill switch may take to cancel everything
CANCELLED_S = 200.0  # how late a cancel may be, through a blackout and within a budget of calls

Group = EventId | BookKey
Shape = tuple[BookKey, SelectionId, Price, int]


@attrs.frozen(kw_only=True)
class Violation:
    """A promise that was broken, by name, and when on trio's clock."""

    at_s: float
    rule: str
    text: str


@attrs.frozen(kw_only=True)
class Watched:
    """One venue as the auditor sees it."""

    network: Network
    truth: Callable[[], list[TrueOrder]]
    named: bool  # orders carry our ids
    silent_s: float  # how long a socket may be silent and still be believed
    won_micro: Callable[[], int | None] | None  # what settled, commission taken off; None where results are no money


@attrs.define(kw_only=True)
class Auditor:
    """Keep a ledger of what the trader asked for and what the exchanges have; never look into the bot's.

    Every rule has a name; its first breach is kept.
    """

    venues: Mapping[VenueName, Watched]
    limits: Limits
    loss_grace_s: float  # how late the news of a result may come, and what follows from it
    now_s: Callable[[], float]
    day: Callable[[], int]  # of the wall clock that the bot sees, in UTC
    violations: dict[str, Violation] = attrs.field(factory=dict)
    asked: dict[ClientOrderId, Asked] = attrs.field(factory=dict)
    _barred: dict[ClientOrderId, str] = attrs.field(factory=dict)  # what must not leave, with the rule that says so
    _cancels_s: dict[ClientOrderId, float] = attrs.field(factory=dict)  # when each was wanted
    _shapes: Counter[Shape] = attrs.field(factory=Counter)
    _outcomes: dict[Group, tuple[SelectionId, ...]] = attrs.field(factory=dict)  # of which one wins
    _latched_s: dict[Latch, float] = attrs.field(factory=dict)
    _unknown_s: dict[VenueOrderId, float] = attrs.field(factory=dict)  # resting, and not live for the bot, since
    _judged: set[VenueOrderId] = attrs.field(factory=set)
    _killed_s: dict[VenueName, float] = attrs.field(factory=dict)  # since when orders rest though they must not
    _stopped: bool = False
    _trading_s: float | None = None  # since when
    _forgiven_micro: int = 0  # what had been won when the day began, or an operator lifted its latch
    _today: int = attrs.field(init=False)
    _lost_s: float | None = None  # since when the day's loss is beyond its limit

    def __attrs_post_init__(self) -> None:
        self._today = self.day()

    def violate(self, rule: str, text: str) -> None:
        """Note that a rule was broken."""
        self.violations.setdefault(rule, Violation(at_s=self.now_s(), rule=rule, text=text))

    # --- what it hears ---

    def note_asked(self, asked: Asked) -> None:
        """Take note of an order that the trader asked for.

        A process that died before anything of it was on the disk gives its names to the next one.
        """
        self._barred.pop(asked.client_order_id, None)
        self._cancels_s.pop(asked.client_order_id, None)
        self.asked[asked.client_order_id] = asked
        event = asked.market.event
        self._outcomes[event.event_id if event.outcomes else asked.key] = event.outcomes or asked.market.selections
        rule = self._bar(asked)
        if rule is None:
            self._shapes[_shape(asked)] += 1
        else:
            self._barred[asked.client_order_id] = rule

    def _bar(self, asked: Asked) -> str | None:
        """Return the rule by which an order must not leave, as things stood when it was asked for."""
        if self._stopped:
            return "stop"
        if any(since_s < asked.at_s for since_s in self._latched_s.values()):
            return "latch"
        return "dead book" if asked.dead else None

    def note_cancelled(self, name: ClientOrderId) -> None:
        """Take note of an order that the trader wants cancelled."""
        self._cancels_s.setdefault(name, self.now_s())

    def started(self) -> None:
        """Take note that a process begins."""
        self._stopped = False

    def stopped(self) -> None:
        """Take note that the process was told to stop."""
        self._stopped = True

    def latched(self, latch: Latch) -> None:
        """Take note that trading was stopped until an operator lifts it."""
        self._latched_s.setdefault(latch, self.now_s())

    def lifted(self, latch: Latch) -> None:
        """Take note that an operator let trading go on."""
        self._latched_s.pop(latch, None)
        if latch is Latch.DAILY_LOSS:
            self._begin_day()

    def placing(self, venue: VenueName) -> None:
        """Judge a request to place orders at the moment of its arrival."""
        now_s, network = self.now_s(), self.venues[venue].network
        silent_s = now_s - network.delivered_s
        if silent_s > self.venues[venue].silent_s + DEAD_GRACE_S:
            self.violate("dead book", f"an order arrived at {venue} after {silent_s:.1f} s without a word on a socket")
        if not network.has_socket and now_s - network.socket_lost_s > DEAD_GRACE_S:
            self.violate(
                "dead book", f"an order arrived at {venue} {now_s - network.socket_lost_s:.1f} s after the socket"
            )
        if self._lost_s is not None and now_s - self._lost_s > self.loss_grace_s:
            self.violate("daily loss", f"an order arrived {now_s - self._lost_s:.0f} s after the loss of the day")
        for latch, since_s in self._latched_s.items():
            if now_s - since_s > LATCH_GRACE_S:
                self.violate("latch", f"an order arrived {now_s - since_s:.1f} s after {latch.value}")

    # --- what it compares ---

    def look(self, truth: Mapping[VenueName, list[TrueOrder]], live: Iterable[ClientOrderId] | None) -> None:
        """Hold the exchanges' orders against what was asked, the limits, and what the bot says is live.

        `live` is `None` while the bot is down, or does not trade yet.
        """
        believed = None if live is None else set(live)
        if live is None:
            self._trading_s = None
        elif self._trading_s is None:
            self._trading_s = self.now_s()
        worst: dict[Group, dict[SelectionId | None, int]] = {}
        for venue, watched in self.venues.items():
            orders = truth[venue]
            self._judge_new(watched, orders)
            self._judge_forgotten(venue, watched, orders, believed)
            self._reckon(orders, watched, worst)
            resting = [order for order in orders if order.status in RESTABLE]
            self._judge_resting(resting)
            self._judge_cancelled(watched, resting)
            self._judge_killed(venue, watched, resting)
        self._judge_exposure(worst)
        self._judge_loss()

    def _judge_loss(self) -> None:
        """Find since when too much is lost in the day; what an operator forgave does not count."""
        if self._today != self.day():
            self._begin_day()
        lost = self._forgiven_micro - self._won_micro()
        if lost < micro(self.limits.daily_loss_cents):
            self._lost_s = None
        elif self._lost_s is None:
            self._lost_s = self.now_s()

    def _begin_day(self) -> None:
        self._today, self._forgiven_micro, self._lost_s = self.day(), self._won_micro(), None

    def _won_micro(self) -> int:
        """Return what settled, where all of it is money; 0 otherwise."""
        won = [None if watched.won_micro is None else watched.won_micro() for watched in self.venues.values()]
        return 0 if None in won else sum(each or 0 for each in won)

    def flat(self, claimed: bool) -> None:
        """Hold what the bot said at its end against what can still match."""
        resting = [order for watched in self.venues.values() for order in watched.truth() if order.status in RESTABLE]
        if claimed and resting:
            self.violate("flat", f"said to be flat, but {resting[0]} can match")

    def booked(self, venue: VenueName, orders: Iterable[Order]) -> None:
        """Hold what was booked of each order against what the exchange filled of it.

        One that was proved filled by the account's money alone has no id of the venue.
        """
        left = {order.client_order_id: order for order in orders}
        names = {order.venue_order_id: name for name, order in left.items()}
        for truth in self.venues[venue].truth():
            name = truth.client_order_id if truth.client_order_id in left else names.get(truth.venue_order_id)
            booked = left.pop(name).filled if name in left else 0
            if booked != truth.filled and not _take_proved(left, truth):
                self.violate("fills", f"{truth.filled} filled of {truth}, booked {booked}")
        for order in left.values():
            if order.filled:
                self.violate("fills", f"{order.filled} booked that nobody filled: {order}")

    # --- its own ledger ---

    def _judge_new(self, watched: Watched, truth: list[TrueOrder]) -> None:
        there: Counter[Shape] = Counter()
        for order in truth:
            shape = _shape(order)
            there[shape] += 1
            if order.venue_order_id in self._judged:
                continue
            self._judged.add(order.venue_order_id)
            if cost_micro(order.price, order.size) > micro(self.limits.max_stake_cents):
                self.violate("too large", f"{order}")
            if watched.named:
                self._judge_named(order)
            elif there[shape] > self._shapes[shape]:
                rule = self._barred_like(shape) or ("sent twice" if self._shapes[shape] else "nobody asked")
                self.violate(rule, f"{there[shape]} orders like {order}, {self._shapes[shape]} may be there")

    def _barred_like(self, shape: Shape) -> str | None:
        return next((rule for name, rule in self._barred.items() if _shape(self.asked[name]) == shape), None)

    def _judge_named(self, order: TrueOrder) -> None:
        asked = self.asked.get(order.client_order_id or ClientOrderId(""))
        if asked is None:
            self.violate("nobody asked", f"{order}")
        elif _shape(asked) != _shape(order):
            self.violate("not what was asked", f"{order}, asked {asked}")
        elif asked.client_order_id in self._barred:
            self.violate(self._barred[asked.client_order_id], f"{order} was asked for, and must not be there")

    def _judge_resting(self, resting: list[TrueOrder]) -> None:
        """Judge what rests at a venue: how much of it there is, and whether it would match itself."""
        if len(resting) > self.limits.open_orders:
            self.violate("too many", f"{len(resting)} orders rest, {self.limits.open_orders} may")
        for one, other in combinations(resting, 2):
            apart = one.selection_id != other.selection_id
            if one.key == other.key and apart and meets(one.price, other.price):
                self.violate("crosses itself", f"{one} and {other}")

    def _judge_killed(self, venue: VenueName, watched: Watched, resting: list[TrueOrder]) -> None:
        """Judge what rests though the kill switch was used, and nothing keeps a cancel away."""
        killed = Latch.KILL in self._latched_s and self._trading_s is not None
        if not (killed and resting and watched.network.is_open):
            self._killed_s.pop(venue, None)
        elif self.now_s() - self._killed_s.setdefault(venue, self.now_s()) > KILLED_S:
            self.violate("kill", f"{resting[0]} rests after the kill switch")

    def _judge_cancelled(self, watched: Watched, resting: list[TrueOrder]) -> None:
        """Judge what rests though it was to be cancelled long ago."""
        if self._trading_s is None:
            return
        now_s = self.now_s()
        late = [name for name, at_s in self._cancels_s.items() if now_s - max(at_s, self._trading_s) > CANCELLED_S]
        if watched.named:
            there = [order for order in resting if order.client_order_id in late]
        else:
            gone = Counter(_shape(self.asked[name]) for name in late)
            alike = Counter(map(_shape, resting))
            there = [each for each in resting if alike[_shape(each)] > self._shapes[_shape(each)] - gone[_shape(each)]]
        if there:
            self.violate("not cancelled", f"{there[0]} rests long after it was to be cancelled")

    def _judge_forgotten(
        self, venue: VenueName, watched: Watched, truth: list[TrueOrder], believed: set[ClientOrderId] | None
    ) -> None:
        now_s = self.now_s()
        alike = Counter(_shape(asked) for name in believed or () if (asked := self.asked.get(name)) is not None)
        for order in truth:
            shape = _shape(order)
            known = order.client_order_id in (believed or ()) if watched.named else alike[shape] > 0
            if order.status not in RESTABLE or known or believed is None:
                self._unknown_s.pop(order.venue_order_id, None)
                continue
            since_s = self._unknown_s.setdefault(order.venue_order_id, now_s)
            if now_s - since_s > FORGOTTEN_S:
                self.violate(
                    "forgotten", f"{order} rests at {venue} for {now_s - since_s:.0f} s, and the bot thinks it ended"
                )

    def _reckon(
        self, truth: list[TrueOrder], watched: Watched, worst: dict[Group, dict[SelectionId | None, int]]
    ) -> None:
        """Add up what every result of every market would cost; `None` stands for an outcome that nobody backed."""
        at_risk = [order for order in truth if not order.settled and (order.filled or order.status in RESTABLE)]
        for order in at_risk:
            group = _group(order, watched)
            results = worst.setdefault(group, dict.fromkeys(self._outcomes.get(group, (None,)), 0))
            results.setdefault(_outcome(order), 0)
        for order in at_risk:
            results = worst[_group(order, watched)]
            rest = order.size - order.filled if order.status in RESTABLE else 0
            loss = order.cost_micro + cost_micro(order.price, rest)
            for outcome in results:
                wins = (outcome == _outcome(order)) != (sold_by(order.selection_id) is not None)
                results[outcome] += -order.gain_micro if wins else loss

    def _judge_exposure(self, worst: dict[Group, dict[SelectionId | None, int]]) -> None:
        losses = {group: max(results.values()) for group, results in worst.items()}
        for group, loss in losses.items():
            if loss > micro(self.limits.market_cents):
                self.violate("exposure", f"{loss / 1e6:.2f} dollars can be lost in {group}")
        events: Counter[EventId] = Counter()
        for group, loss in losses.items():
            events[group.event_id if isinstance(group, BookKey) else group] += max(loss, 0)
        for event_id, loss in events.items():
            if loss > micro(self.limits.event_cents):
                self.violate("exposure", f"{loss / 1e6:.2f} dollars can be lost on {event_id}")
        total = sum(max(loss, 0) for loss in losses.values())
        if total > micro(self.limits.account_cents):
            self.violate("exposure", f"{total / 1e6:.2f} dollars can be lost")


def _shape(order: TrueOrder | Asked) -> Shape:
    return order.key, order.selection_id, order.price, order.size


def _group(order: TrueOrder, watched: Watched) -> Group:
    """Name what a result decides: a book of two selections, or all outcomes of a market."""
    return order.key if watched.named else order.key.event_id


def _outcome(order: TrueOrder) -> SelectionId:
    return sold_by(order.selection_id) or order.selection_id


def _take_proved(left: dict[ClientOrderId, Order], truth: TrueOrder) -> bool:
    """Take out an order that the money alone proved filled as another one was, if there is one."""
    for name, order in left.items():
        same = (order.selection_id, order.filled) == (truth.selection_id, truth.filled)
        if order.venue_order_id is None and order.filled and same:
            del left[name]
            return True
    return False
