"""One venue's half of the bot: its calls, its orders, its sessions, its safe stop."""

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random

import attrs
import structlog
import trio

from actors.decisions.audit import Audit, compare_orders, compare_snapshots, fate_reported, funds_gap_cents
from actors.decisions.doubts import CLOCK_SKEW_S
from actors.decisions.ledger import OrderLedger
from actors.decisions.standing import Standing
from actors.flatness import cancel_everything, prove_flat
from actors.funds import Funds
from actors.gateway import Gateway
from actors.history import read_history, slices
from actors.io.caller import Caller, LoginRefused
from actors.io.clock import VenueClock
from actors.io.transport import Dial, dial_tcp
from actors.listings import Listings
from actors.mailbox import Mailbox
from actors.market import HEAL_GRACE_S
from actors.messages import (
    AccountReady,
    AnswerLost,
    CancelEverything,
    CancelWork,
    FundsRead,
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
from actors.session import Session, SessionSettings
from actors.supervision import Backoff, supervise
from actors.tally import Tally
from actors.tracker import OrderTracker
from protocol.errors import RemoteProtocolError, VenueError
from protocol.events import About, EventListed, MarketSettled, OrderReported
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, VenueName
from protocol.odds import OddsLadder, generate_ladder
from protocol.order import Order
from protocol.venue import Balance, Credentials, Query, Reconnect, Rest, Terms, Traits, Venue
from protocol.wallet import funds_expected

log = structlog.get_logger()

TRACKER_BACKLOG = 32_768  # a fill is never dropped, and never waits
PLACING_BACKLOG = 256  # what 50 requests a second of 20 orders carry in a quarter of a second
CANCELLING_BACKLOG = 16_384
ASKING_BACKLOG = 4_096

STOP_S = 8.0  # a safe stop takes 10 s at most; the rest is for sockets to close and the process to end
FLATTEN_S = 5.0
SETTLE_S = 0.7  # for the images of our own cancels to come in before the books are compared
EMERGENCY_LOOK_S = 3.0
LADDER_AGAIN_S = 30.0
BALANCE_TRIES = 5
UNAUTHORISED = (401, 403)

NAMED = (SessionFailed, VenueError, AnswerLost, RemoteProtocolError)


@attrs.frozen(kw_only=True)
class SeatSettings:
    """Which venue, as whom, and how long things may take there. Times in seconds."""

    venue: Venue
    session: SessionSettings
    credentials: Credentials
    activation_timeout_s: float = 10.0


@attrs.define(kw_only=True)
class Seat:
    """Everything that one venue has to itself. Risk and the strategies stand above all seats."""

    settings: SeatSettings
    risk: Mailbox[RiskMessage]
    publish: Callable[[MarketView], None]
    changed: Callable[[OrderChanged | AccountReady], None]
    connected: Callable[[VenueName, int | None], None]  # told which session may be traded on
    random: Random
    wall_ns: Callable[[], int]
    id_prefix: str
    tally: Tally
    dial: Dial = dial_tcp
    flat: bool = attrs.field(default=False, init=False)
    epoch: int | None = attrs.field(default=None, init=False)
    opening: Balance | None = attrs.field(default=None, init=False)
    closing: Balance | None = attrs.field(default=None, init=False)
    final_orders: tuple[OrderReported, ...] | None = attrs.field(default=None, init=False)
    final_books: tuple[SnapshotTaken, ...] | None = attrs.field(default=None, init=False)
    standing: Standing = attrs.field(init=False)
    caller: Caller = attrs.field(init=False)
    ledger: OrderLedger = attrs.field(init=False)
    inbox: Mailbox[TrackerMessage] = attrs.field(factory=lambda: Mailbox("tracker", TRACKER_BACKLOG), init=False)
    tracker: OrderTracker = attrs.field(init=False)
    _rest: Rest = attrs.field(init=False)
    _clock: VenueClock = attrs.field(init=False)
    _listings: Listings = attrs.field(init=False)
    _funds: Funds = attrs.field(init=False)
    _gateway: Gateway = attrs.field(init=False)
    _session: Session | None = attrs.field(default=None, init=False)
    _restarts: Mailbox[RestartWanted] = attrs.field(factory=lambda: Mailbox("restarts", 1), init=False)
    _ladder: OddsLadder = attrs.field(factory=generate_ladder, init=False)
    _account_known: trio.Event = attrs.field(factory=trio.Event, init=False)  # nothing rests from before
    _account_ready: bool = attrs.field(default=False, init=False)
    _started_s: float = attrs.field(default=0.0, init=False)
    _lost_at_s: float = attrs.field(default=math.inf, init=False)
    _token_refused: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        traits = self.traits
        self._rest = self.settings.venue.rest
        self._clock = VenueClock(self.wall_ns)
        self.caller = Caller(
            rest=self._rest,
            traits=traits,
            credentials=self.settings.credentials,
            clock=self._clock,
            tally=self.tally,
            held=lambda until_s: self.risk.put(RequestsHeld(self.name, until_s)),
        )
        self.standing = Standing(
            traits=traits, placing_left=self.caller.limit.placing_left, flat_in_s=self.caller.limit.flat_in_s
        )
        self._listings = Listings(
            ask=self.caller.ask,
            rest=self._rest,
            competitions=self.settings.session.competitions,
            events=self.settings.session.events,
            poll=traits.polls[Query.MARKETS],
            most=self.settings.session.most_events,
        )
        self.ledger = OrderLedger(
            traits=traits,
            ids=ClientOrderIds(self.id_prefix),
            activation_timeout_s=self.settings.activation_timeout_s,
            tally=self.tally,
        )
        self._funds = Funds(
            venue=self.name,
            ask=self.caller.ask,
            rest=self._rest,
            poll=traits.polls[Query.FUNDS],
            heard=self._hear_funds,
        )
        placing = Mailbox[Queued]("placing", PLACING_BACKLOG)
        cancelling = Mailbox[CancelWork]("cancelling", CANCELLING_BACKLOG)
        asking = Mailbox[Question]("asking", ASKING_BACKLOG)
        self.tracker = OrderTracker(
            inbox=self.inbox,
            placing=placing,
            cancelling=cancelling,
            asking=asking,
            restarts=self._restarts,
            changed=self._changed,
            wake=self.wake,
            ledger=self.ledger,
            wall_ns=self._clock.now_ns,
        )
        self._gateway = Gateway(
            placing=placing,
            cancelling=cancelling,
            asking=asking,
            answers=self.inbox.put,
            ask=self.caller.ask,
            rest=self._rest,
            max_batch=traits.max_batch,
            wall_ns=self._clock.now_ns,
        )

    @property
    def name(self) -> VenueName:
        return self.settings.venue.traits.venue

    @property
    def traits(self) -> Traits:
        return self.settings.venue.traits

    @property
    def ready_epoch(self) -> int | None:
        """Return the session that may be traded on; `None` before the account is known."""
        return self.epoch if self._account_ready else None

    @property
    def logged_in(self) -> bool:
        return self.caller.logged_in.is_set()

    def orders(self) -> dict[ClientOrderId, Order]:
        """Return every order of the run as it is believed to be, the account's earlier ones included."""
        return {name: tracked.order for name, tracked in self.ledger.orders.items()}

    def own_orders(self) -> dict[ClientOrderId, Order]:
        """Return the orders that this run placed, as they are believed to be."""
        return {name: order for name, order in self.orders().items() if self.ledger.ids.owns(name)}

    def funds_gap_cents(self, actual_micro: int) -> int | None:
        """Return how far an account's money is from what it must be; `None` where the opening is not known."""
        if self.opening is None:
            return None
        orders = ((order, self.ledger.ids.owns(name)) for name, order in self.orders().items())
        opening = self.opening.free_micro + (self.opening.resting_micro or 0)
        expected = funds_expected(
            opening,
            orders,
            self.standing.results.total_micro,
            fee_bp=self.traits.sale_fee_bp,
            rebate_bp=self.traits.rebate_bp,
        )
        return funds_gap_cents(expected, actual_micro)

    def audit(self, views: Mapping[BookKey, MarketView]) -> Audit:
        """Count the differences from what REST said at the end of the run."""
        orders = fills = balance = books = None
        if self.final_orders is not None:
            own = self.own_orders()
            names = {order.venue_order_id: name for name, order in own.items()}
            fates = {
                name: fate_reported(report, own[name].size)
                for report in self.final_orders
                if (name := report.client_order_id or names.get(report.venue_order_id)) in own
            }
            if not self.traits.orders_named:  # what the list has forgotten was read by its id when it ended
                own = {name: order for name, order in own.items() if name in fates}
            orders, fills = compare_orders(own, fates)
        if self.closing is not None:
            balance = self.funds_gap_cents(self.closing.free_micro + (self.closing.resting_micro or 0))
        if self.final_books is not None and self.epoch is not None:
            books = compare_snapshots(views, self.final_books)
        return Audit(orders=orders, fills=fills, balance_cents=balance, books=books)

    def wake(self, about: About) -> None:
        """Have something read soon."""
        if about is About.FUNDS:
            self._funds.woken.offer(None)
        else:
            self._listings.woken.offer(None)
            self._funds.woken.offer(None)

    # --- running ---

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run what knows about money: it outlives every connection."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._gateway.run)
            await nursery.start(self.tracker.run)
            nursery.start_soon(self.caller.keep_fresh)
            nursery.start_soon(self._read_opening)
            nursery.start_soon(self._read_ladder)
            nursery.start_soon(self._funds.run)
            task_status.started()

    async def run_sessions(self) -> None:
        """Run one session after another, until cancelled."""
        backoff = Backoff(self.random, self.traits.connects_per_minute)
        await supervise(self._attempt, restart_on=NAMED, lost=self._session_lost, backoff=backoff)

    async def _attempt(self, epoch: int) -> None:
        self._session = Session(
            settings=self.settings.session,
            dial=self.dial,
            ask=self.caller.ask,
            tokens=self.caller,
            venue=self.settings.venue,
            terms=self._terms,
            listings=self._listings,
            tracker=self.inbox,
            restarts=self._restarts,
            publish=self.publish,
            wake=self.wake,
            tally=self.tally,
        )
        await self._session.run(epoch, self._session_ready)

    def _terms(self, event: EventListed) -> Terms:
        return self.settings.venue.terms(event, self._ladder)

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[None]:
        """Hold the venue's HTTP connections open, also while everything around is cancelled."""
        self._started_s = trio.current_time()
        async with self.caller.connections(self.settings.session.rest_url, self.dial):
            yield

    # --- the safe stop ---

    async def wind_down(self) -> None:
        """Cancel everything with the socket still up, then let REST prove it. Bounded."""
        stop_s = STOP_S + self.traits.stop_more_s
        deadline_s = trio.current_time() + stop_s
        self.ledger.stopping = True
        self.caller.hurry()
        if not self.logged_in:
            return
        self.inbox.put(CancelEverything())
        with trio.move_on_after(FLATTEN_S + self.traits.stop_more_s):
            await self.tracker.wait_flat()
        async with trio.open_nursery() as nursery:
            nursery.cancel_scope.deadline = deadline_s
            nursery.start_soon(self._compare_books)
            await self._prove_flat()
            self.closing = await self._read_balance()
            self.final_orders = await self._read_orders()
            await self.tracker.wait_settled()

    async def _prove_flat(self) -> None:
        await prove_flat(self.caller.ask, self._rest, self._opened_ns(), self._clock.now_ns)
        await self.tracker.wait_flat()
        self.flat = True

    async def _read_orders(self) -> tuple[OrderReported, ...]:
        """Read every order of the run, for as long as the stop has time, and let the tracker learn from it."""
        to_s = self._clock.now_ns() // 10**9 + CLOCK_SKEW_S
        reports: list[OrderReported] = []
        for window in slices(self._opened_ns() // 10**9 - CLOCK_SKEW_S, to_s):
            while True:
                try:
                    page = await read_history(self.caller.ask, self._rest, *window)
                    break
                except NAMED as error:
                    log.warning("orders_not_read", reason=str(error))
                    await trio.sleep(0.2)
            reports.extend(page.orders)
            for report in page.orders:
                self.inbox.put(report)
        return tuple(reports)

    async def _compare_books(self) -> None:
        if self._session is None or self.epoch is None:
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

    async def emergency(self) -> None:
        """Cancel everything by REST alone, again and again: the actors that would do it are gone.

        What was on its way in when they went may arrive after a cancel.
        """
        self.caller.hurry()
        with trio.move_on_after(STOP_S + self.traits.stop_more_s):
            await self._cancel_by_rest()
        log.error("emergency_stop", venue=self.name, flat=self.flat)

    async def _cancel_by_rest(self) -> None:
        while self.logged_in and not self.flat:
            await cancel_everything(self.caller.ask, self._rest, self._opened_ns(), self._clock.now_ns)
            with trio.move_on_after(EMERGENCY_LOOK_S):
                await prove_flat(self.caller.ask, self._rest, self._opened_ns(), self._clock.now_ns)
                self.flat = True

    # --- the account ---

    async def _read_opening(self) -> None:
        """Read what the account has before anything of ours rests.

        Where the venue does not say what is held for resting orders, no order may leave before that.
        """
        if self.traits.orders_named:
            self.opening = await self._read_balance()
            return
        await self._account_known.wait()
        for _ in range(BALANCE_TRIES):
            try:
                self.opening = (await self._funds.read()).balance
                break
            except NAMED as error:
                log.warning("balance_not_read", venue=self.name, reason=str(error))
                await trio.sleep(1.0)
        self._open_account(AccountReady(self.name))

    async def _read_ladder(self) -> None:
        """Fetch the ladder; until then, and where it cannot be had, the generated one serves."""
        call = self._rest.ladder()
        while call is not None:
            try:
                self._ladder = await self.caller.ask(call)
                return
            except NAMED as error:
                log.warning("ladder_not_read", reason=str(error))
                await trio.sleep(LADDER_AGAIN_S)

    async def _read_balance(self) -> Balance | None:
        for _ in range(BALANCE_TRIES):
            try:
                return await self.caller.ask(self._rest.balance())
            except NAMED as error:
                log.warning("balance_not_read", venue=self.name, reason=str(error))
                await trio.sleep(1.0)
        return None

    # --- news ---

    def _hear_funds(self, message: FundsRead | MarketSettled) -> None:
        self.inbox.put(message)
        if isinstance(message, FundsRead):
            self.risk.put(message)

    def _session_ready(self, epoch: int) -> None:
        self._token_refused = False
        self.tally.sessions_started += 1
        if self._lost_at_s != math.inf:
            self.tally.restart_s_max = max(self.tally.restart_s_max, trio.current_time() - self._lost_at_s)
            self._lost_at_s = math.inf
        self.epoch = epoch
        self.risk.put(SessionReady(self.name, epoch))
        self.inbox.put(SessionReady(self.name, epoch))
        self.connected(self.name, self.ready_epoch)

    def _session_lost(self, epoch: int, failure: Exception) -> Reconnect:
        up = self.epoch is not None
        event = "session_lost" if up else "session_not_opened"
        log.warning(event, venue=self.name, epoch=epoch, reason=str(failure))
        if up:
            self.tally.sessions_lost += 1
            self._lost_at_s = trio.current_time()
        self.epoch = None
        self.risk.put(SessionLost(self.name, epoch, str(failure)))
        self.inbox.put(SessionLost(self.name, epoch, str(failure)))
        self.connected(self.name, None)
        if not isinstance(failure, SessionFailed):
            return Reconnect.ORDINARY
        if failure.status in UNAUTHORISED and self.traits.socket_takes_token:
            return self._refuse_token(failure)
        return failure.reconnect

    def _refuse_token(self, failure: SessionFailed) -> Reconnect:
        """Take a new token for the next handshake; a second refusal is about who we are."""
        if self._token_refused:
            raise LoginRefused(f"{self.name} refused the socket twice: {failure}") from failure
        self._token_refused = True
        self.caller.authorisation.access_refused(self.caller.authorisation.access_token)
        return Reconnect.ORDINARY

    def _changed(self, message: OrderChanged | AccountReady) -> None:
        if not isinstance(message, AccountReady):
            self.changed(message)
        elif self.traits.orders_named:
            self._open_account(message)
        else:
            self._account_known.set()

    def _open_account(self, message: AccountReady) -> None:
        self._account_ready = True
        self.connected(self.name, self.ready_epoch)
        self.changed(message)
