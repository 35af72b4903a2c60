"""The composition root: opens every channel, builds every actor, is the tree."""

import math
from collections.abc import Callable, Mapping
from random import Random

import attrs
import structlog
import trio

from actors.decisions.doubts import CLOCK_SKEW_S
from actors.decisions.guard import Guard, Limits
from actors.decisions.ledger import OrderLedger
from actors.flatness import cancel_everything, prove_flat
from actors.gateway import Gateway
from actors.history import read_history, slices
from actors.io.caller import Caller
from actors.io.clock import VenueClock
from actors.io.transport import Dial, dial_tcp
from actors.listings import Listings
from actors.mailbox import Mailbox, Newest
from actors.market import HEAL_GRACE_S
from actors.messages import (
    AccountReady,
    AnswerLost,
    CancelEverything,
    CancelWork,
    Halt,
    IntentDenied,
    Kill,
    MarketView,
    OrderChanged,
    Question,
    Queued,
    RequestsHeld,
    RestartWanted,
    RiskMessage,
    SessionFailed,
    SessionLost,
    SessionReady,
    SnapshotTaken,
    TrackerMessage,
)
from actors.risk import Risk
from actors.session import Session, SessionSettings
from actors.strategy import Desk, Strategy
from actors.supervision import Backoff, supervise
from actors.tally import Tally
from actors.tracker import OrderTracker
from protocol.errors import RemoteProtocolError, VenueError
from protocol.events import OrderReported, Side
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds
from protocol.odds import generate_ladder
from protocol.order import Order
from protocol.prophetx.pusher import Reconnect
from protocol.prophetx.rest import ProphetXRest
from protocol.venue import Balance, Credentials

log = structlog.get_logger()

RISK_BACKLOG = 8_192  # intents are denied long before; order changes must fit
TRACKER_BACKLOG = 32_768  # a fill is never dropped, and never waits
PLACING_BACKLOG = 256  # what 50 requests a second of 20 orders carry in a quarter of a second
CANCELLING_BACKLOG = 16_384
ASKING_BACKLOG = 4_096

STOP_S = 8.0  # a safe stop takes 10 s at most; the rest is for sockets to close and the process to end
FLATTEN_S = 5.0
SETTLE_S = 0.7  # for the images of our own cancels to come in before the books are compared
EMERGENCY_LOOK_S = 3.0
LADDER_AGAIN_S = 30.0

NAMED = (SessionFailed, VenueError, AnswerLost, RemoteProtocolError)


@attrs.frozen(kw_only=True)
class BotSettings:
    session: SessionSettings
    credentials: Credentials
    limits: Limits = attrs.field(factory=Limits)
    activation_timeout_s: float = 10.0


@attrs.define(kw_only=True)
class Bot:
    """A whole bot. `run` returns after a safe stop, or raises what made it stop.

    Time, chance and ids are handed in, so that a run in virtual time is a function of its seed.
    """

    settings: BotSettings
    strategies: Mapping[str, Strategy]
    random: Random
    wall_ns: Callable[[], int]
    id_prefix: str
    dial: Dial = dial_tcp
    stopping: Callable[[], None] = lambda: None  # called when the safe stop begins
    tally: Tally = attrs.field(factory=Tally)
    flat: bool = attrs.field(default=False, init=False)
    opening: Balance | None = attrs.field(default=None, init=False)
    closing: Balance | None = attrs.field(default=None, init=False)
    final_orders: tuple[OrderReported, ...] | None = attrs.field(default=None, init=False)
    final_books: tuple[SnapshotTaken, ...] | None = attrs.field(default=None, init=False)
    ready: trio.Event = attrs.field(factory=trio.Event, init=False)
    _stop: trio.Event = attrs.field(factory=trio.Event, init=False)
    _started_s: float = attrs.field(default=0.0, init=False)
    _clock: VenueClock = attrs.field(init=False)
    _lost_at_s: float = attrs.field(default=math.inf, init=False)
    _epoch: int | None = attrs.field(default=None, init=False)
    _account_ready: bool = attrs.field(default=False, init=False)
    _session: Session | None = attrs.field(default=None, init=False)
    _risk_inbox: Mailbox[RiskMessage] = attrs.field(factory=lambda: Mailbox("risk", RISK_BACKLOG), init=False)
    _tracker_inbox: Mailbox[TrackerMessage] = attrs.field(
        factory=lambda: Mailbox("tracker", TRACKER_BACKLOG), init=False
    )
    _restarts: Mailbox[RestartWanted] = attrs.field(factory=lambda: Mailbox("restarts", 1), init=False)
    _views: Newest[BookKey, MarketView] = attrs.field(factory=Newest, init=False)
    _desks: dict[str, Desk] = attrs.field(factory=dict, init=False)
    _rest: ProphetXRest = attrs.field(init=False)
    _caller: Caller = attrs.field(init=False)
    _listings: Listings = attrs.field(init=False)
    _ledger: OrderLedger = attrs.field(init=False)
    _guard: Guard = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._rest = ProphetXRest(self.settings.session.dialect)
        self._clock = VenueClock(self.wall_ns)
        self._caller = Caller(
            rest=self._rest,
            credentials=self.settings.credentials,
            clock=self._clock,
            tally=self.tally,
            held=lambda until_s: self._risk_inbox.put(RequestsHeld(until_s)),
        )
        self._listings = Listings(
            ask=self._caller.ask,
            rest=self._rest,
            competitions=self.settings.session.competitions,
            events=self.settings.session.events,
        )
        self._ledger = OrderLedger(
            ids=ClientOrderIds(self.id_prefix),
            activation_timeout_s=self.settings.activation_timeout_s,
            tally=self.tally,
        )
        self._guard = Guard(limits=self.settings.limits, ladder=generate_ladder(), tally=self.tally)

    # --- what anyone may ask of it ---

    def stop(self) -> None:
        """Begin the safe stop: strategies end, everything is cancelled, and the venue is asked whether it is so."""
        self._stop.set()

    def halt(self) -> None:
        """Let no new order leave."""
        self._guard.halted = True
        self._risk_inbox.put(Halt())

    def kill(self) -> None:
        """Halt, and cancel everything."""
        self._guard.halted = True
        self._risk_inbox.put(Kill())

    @property
    def logged_in(self) -> bool:
        return self._caller.logged_in.is_set()

    @property
    def connected(self) -> bool:
        return self._epoch is not None

    @property
    def exposure_cents(self) -> int:
        """Return the account's worst outcome now."""
        return self._guard.exposure.account_cents

    @property
    def profit_cents(self) -> int:
        """Return what settled in this run, commission taken off."""
        return self._guard.realised_cents

    def orders(self) -> dict[ClientOrderId, Order]:
        """Return every order of the run as it is believed to be, the account's earlier ones included."""
        return {name: tracked.order for name, tracked in self._ledger.orders.items()}

    def live_orders(self) -> list[Order]:
        """Return the orders that can still match."""
        return self._ledger.live_orders()

    def own_orders(self) -> dict[ClientOrderId, Order]:
        """Return the orders that this run placed, as they are believed to be."""
        return {name: order for name, order in self.orders().items() if self._ledger.ids.owns(name)}

    def views(self) -> dict[BookKey, MarketView]:
        """Return the newest view of each market."""
        for view in self._views.take_nowait().values():
            self._guard.view(view)
        return dict(self._guard.views)

    def live_views(self) -> dict[BookKey, MarketView]:
        """Return the views of the books that are believed: live, and of the session that is up."""
        return {key: view for key, view in self.views().items() if view.live and view.epoch == self._epoch}

    def books(self) -> dict[BookKey, tuple[Side, ...]]:
        """Return what is believed of the books."""
        return {key: view.sides for key, view in self.live_views().items()}

    def wallet_cents(self) -> int | None:
        """Return the believed cash less what is matched; `None` when the account could not be read at the start."""
        if self.opening is None:
            return None
        matched = 0
        for name, order in self.orders().items():
            # What was staked before this run is matched at the opening, until a result gives it back.
            matched += order.staked_cents - (0 if self._ledger.ids.owns(name) else order.filled_cents)
        return self.opening.cash_cents - self.opening.matched_cents + self._guard.realised_cents - matched

    # --- the tree ---

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Trade until `stop`, then stop safely. Raises a bug as it came, after cancelling everything by REST."""
        self._started_s = trio.current_time()
        async with self._caller.connections(self.settings.session.rest_url, self.dial):
            stopped = False
            try:
                await self._trade(task_status)
                stopped = True
            finally:
                if not stopped and self.logged_in:
                    with trio.move_on_after(STOP_S, shield=True):
                        await self._emergency()

    async def _trade(self, task_status: trio.TaskStatus[None]) -> None:
        tracker, actors = self._build()
        async with trio.open_nursery() as money:
            for actor in actors:
                await money.start(actor.run)
            money.start_soon(self._caller.keep_fresh)
            money.start_soon(self._read_opening)
            money.start_soon(self._read_ladder)
            async with trio.open_nursery() as sessions:
                sessions.start_soon(self._supervise)
                async with trio.open_nursery() as strategies:
                    for name, strategy in self.strategies.items():
                        strategies.start_soon(strategy, self._desks[name])
                    task_status.started()
                    await self._stop.wait()
                    strategies.cancel_scope.cancel()
                await self._wind_down(tracker)
                sessions.cancel_scope.cancel()
            money.cancel_scope.cancel()

    def _build(self) -> tuple[OrderTracker, list[OrderTracker | Gateway | Risk]]:
        placing = Mailbox[Queued]("placing", PLACING_BACKLOG)
        cancelling = Mailbox[CancelWork]("cancelling", CANCELLING_BACKLOG)
        asking = Mailbox[Question]("asking", ASKING_BACKLOG)
        for name in self.strategies:
            self._desks[name] = Desk(name=name, ids=self._ledger.ids, ladder=self._guard.ladder, risk=self._risk_inbox)
        tracker = OrderTracker(
            inbox=self._tracker_inbox,
            placing=placing,
            cancelling=cancelling,
            asking=asking,
            restarts=self._restarts,
            changed=self._changed,
            ledger=self._ledger,
            wall_ns=self._clock.now_ns,
        )
        gateway = Gateway(
            placing=placing,
            cancelling=cancelling,
            asking=asking,
            answers=self._tracker_inbox.put,
            ask=self._caller.ask,
            rest=self._rest,
            wall_ns=self._clock.now_ns,
        )
        risk = Risk(
            inbox=self._risk_inbox,
            views=self._views,
            allowed=self._tracker_inbox,
            denied=self._denied,
            guard=self._guard,
            wall_ns=self.wall_ns,
        )
        return tracker, [gateway, tracker, risk]

    async def _supervise(self) -> None:
        await supervise(self._attempt, restart_on=NAMED, lost=self._session_lost, backoff=Backoff(self.random))

    async def _attempt(self, epoch: int) -> None:
        self._session = Session(
            settings=self.settings.session,
            dial=self.dial,
            ask=self._caller.ask,
            rest=self._rest,
            listings=self._listings,
            tracker=self._tracker_inbox,
            restarts=self._restarts,
            publish=self._publish,
            tally=self.tally,
        )
        await self._session.run(epoch, self._session_ready)

    # --- the safe stop ---

    async def _wind_down(self, tracker: OrderTracker) -> None:
        """Cancel everything with the private channel still up, then let REST prove it. Bounded."""
        deadline_s = trio.current_time() + STOP_S
        self._guard.halted = self._ledger.stopping = True
        self._caller.hurry()
        self.stopping()
        if not self.logged_in:
            return
        self._tracker_inbox.put(CancelEverything())
        with trio.move_on_after(FLATTEN_S):
            await tracker.wait_flat()
        async with trio.open_nursery() as nursery:
            nursery.cancel_scope.deadline = deadline_s
            nursery.start_soon(self._compare_books)
            await self._prove_flat(tracker)
            self.closing = await self._read_balance()
            self.final_orders = await self._read_orders()
            await tracker.wait_settled()

    async def _prove_flat(self, tracker: OrderTracker) -> None:
        await prove_flat(self._caller.ask, self._rest, self._opened_ns(), self._clock.now_ns)
        await tracker.wait_flat()
        self.flat = True

    async def _read_orders(self) -> tuple[OrderReported, ...]:
        """Read every order of the run, for as long as the stop has time, and let the tracker learn from it."""
        to_s = self._clock.now_ns() // 10**9 + CLOCK_SKEW_S
        reports: list[OrderReported] = []
        for window in slices(self._opened_ns() // 10**9 - CLOCK_SKEW_S, to_s):
            while True:
                try:
                    page = await read_history(self._caller.ask, self._rest, *window)
                    break
                except NAMED as error:
                    log.warning("orders_not_read", reason=str(error))
                    await trio.sleep(0.2)
            reports.extend(page.orders)
            for report in page.orders:
                self._tracker_inbox.put(report)
        return tuple(reports)

    async def _compare_books(self) -> None:
        if self._session is None or self._epoch is None:
            return
        await trio.sleep(SETTLE_S)
        try:
            snapshots = await self._session.compare_books()
        except NAMED as error:
            log.warning("books_not_compared", reason=str(error))
            return
        await trio.sleep(HEAL_GRACE_S + 0.2)
        self.final_books = tuple(snapshots)

    def _opened_ns(self) -> int:
        """Return when the run began, by the venue's clock."""
        return self._clock.now_ns() - int((trio.current_time() - self._started_s) * 1e9)

    async def _emergency(self) -> None:
        """Cancel everything by REST alone, again and again: the actors that would do it are gone.

        What was on its way in when they went may arrive after a cancel.
        """
        self._caller.hurry()
        while not self.flat:
            await cancel_everything(self._caller.ask, self._rest)
            with trio.move_on_after(EMERGENCY_LOOK_S):
                await prove_flat(self._caller.ask, self._rest, self._opened_ns(), self._clock.now_ns)
                self.flat = True
        log.error("emergency_stop", flat=self.flat)

    # --- the account ---

    async def _read_opening(self) -> None:
        self.opening = await self._read_balance()

    async def _read_ladder(self) -> None:
        """Fetch the ladder; until then, and where it cannot be had, the generated one serves."""
        while True:
            try:
                ladder = await self._caller.ask(self._rest.ladder())
            except NAMED as error:
                log.warning("ladder_not_read", reason=str(error))
                await trio.sleep(LADDER_AGAIN_S)
                continue
            self._guard.ladder = ladder
            for desk in self._desks.values():
                desk.ladder = ladder
            return

    async def _read_balance(self) -> Balance | None:
        for _ in range(5):
            try:
                return await self._caller.ask(self._rest.balance())
            except (VenueError, AnswerLost, RemoteProtocolError) as error:
                log.warning("balance_not_read", reason=str(error))
                await trio.sleep(1.0)
        return None

    # --- news that go to several ---

    def _session_ready(self, epoch: int) -> None:
        self.tally.sessions_started += 1
        if self._lost_at_s != math.inf:
            self.tally.restart_s_max = max(self.tally.restart_s_max, trio.current_time() - self._lost_at_s)
            self._lost_at_s = math.inf
        self._epoch = epoch
        self._risk_inbox.put(SessionReady(epoch))
        self._tracker_inbox.put(SessionReady(epoch))
        self._connect_desks()

    def _session_lost(self, epoch: int, failure: Exception) -> Reconnect:
        up = self._epoch is not None
        log.warning("session_lost" if up else "session_not_opened", epoch=epoch, reason=str(failure))
        if up:
            self.tally.sessions_lost += 1
            self._lost_at_s = trio.current_time()
        self._epoch = None
        self._risk_inbox.put(SessionLost(epoch, str(failure)))
        self._tracker_inbox.put(SessionLost(epoch, str(failure)))
        self._connect_desks()
        return failure.reconnect if isinstance(failure, SessionFailed) else Reconnect.ORDINARY

    def _connect_desks(self) -> None:
        epoch = self._epoch if self._account_ready else None
        if epoch is not None:
            self.ready.set()
        for desk in self._desks.values():
            desk.connect(epoch)

    def _publish(self, view: MarketView) -> None:
        self._views.put(view.key, view)
        for desk in self._desks.values():
            desk.show(view)

    def _changed(self, message: OrderChanged | AccountReady) -> None:
        self._risk_inbox.put(message)
        if isinstance(message, AccountReady):
            self._account_ready = True
            self._connect_desks()
        elif message.strategy in self._desks:
            self._desks[message.strategy].tell(message.order.client_order_id, message)

    def _denied(self, strategy: str, denial: IntentDenied) -> None:
        self._desks[strategy].tell(denial.client_order_id, denial)
