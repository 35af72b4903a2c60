"""One venue's half of the bot: its calls, its orders, its sessions."""

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random

import attrs
import structlog
import trio

from actors.decisions.audit import Audit, compare_orders, compare_snapshots, fate_reported, funds_gap_cents
from actors.decisions.ledger import OrderLedger
from actors.decisions.standing import Standing
from actors.funds import Funds
from actors.gateway import Gateway
from actors.io.caller import Caller, LoginRefused
from actors.io.clock import VenueClock
from actors.io.transport import Dial, dial_tcp
from actors.listings import Listings
from actors.mailbox import Mailbox
from actors.messages import (
    NAMED,
    AccountReady,
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
from actors.safe_stop import SafeStop
from actors.session import Session, SessionSettings
from actors.supervision import Backoff, supervise
from actors.tally import Tally
from actors.tracker import OrderTracker
from protocol.events import About, EventListed, MarketSettled
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

LADDER_AGAIN_S = 30.0
UNAUTHORISED = (401, 403)


@attrs.frozen(kw_only=True)
class SeatSettings:
    """Which venue, as whom, and how long things may take there. Times in seconds."""

    venue: Venue
    session: SessionSettings
    credentials: Credentials
    activation_timeout_s: float = 10.0


@attrs.define(kw_only=True, repr=False)
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
    epoch: int | None = attrs.field(default=None, init=False)
    opening: Balance | None = attrs.field(default=None, init=False)
    stop: SafeStop = attrs.field(init=False)
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
        self.stop = SafeStop(
            traits=traits,
            rest=self._rest,
            caller=self.caller,
            ledger=self.ledger,
            tracker=self.tracker,
            funds=self._funds,
            inbox=self.inbox,
            compare=self._compare_books,
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
    def flat(self) -> bool:
        """Tell whether the venue has shown that nothing of ours can match, since the stop."""
        return self.stop.flat

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
        if self.stop.orders is not None:
            own = self.own_orders()
            names = {order.venue_order_id: name for name, order in own.items()}
            fates = {
                name: fate_reported(report, own[name].size)
                for report in self.stop.orders
                if (name := report.client_order_id or names.get(report.venue_order_id)) in own
            }
            if not self.traits.orders_named:  # what the list has forgotten was read by its id when it ended
                own = {name: order for name, order in own.items() if name in fates}
            orders, fills = compare_orders(own, fates)
        if self.stop.closing is not None:
            closing = self.stop.closing.balance
            balance = self.funds_gap_cents(closing.free_micro + (closing.resting_micro or 0))
        if self.stop.books is not None and self.epoch is not None:
            books = compare_snapshots(views, self.stop.books)
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

    async def _compare_books(self) -> list[SnapshotTaken] | None:
        if self._session is None or self.epoch is None:
            return None
        return await self._session.compare_books()

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[None]:
        """Hold the venue's HTTP connections open, also while everything around is cancelled."""
        self.stop.started_s = trio.current_time()
        async with self.caller.connections(self.settings.session.rest_url, self.dial):
            yield

    # --- the account ---

    async def _read_opening(self) -> None:
        """Read what the account has before anything of ours rests.

        Where the venue does not say what is held for resting orders, no order may leave before that.
        """
        if not self.traits.orders_named:
            await self._account_known.wait()
        opening = await self._funds.read_all()
        while opening is None and not self.traits.orders_named:
            opening = await self._funds.read_all()
        self.opening = None if opening is None else opening.balance
        if not self.traits.orders_named:
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

    # --- news ---

    def _hear_funds(self, message: FundsRead | MarketSettled) -> None:
        if self.traits.polls[Query.FUNDS].every_s == math.inf:
            return  # one reading now and then proves nothing about a wallet that moves
        if isinstance(message, MarketSettled):
            if message.winners.intersection(self._listings.outcomes.get(message.event_id, ())):
                self.inbox.put(message)  # a winner that is none of the outcomes we know is no result
            return
        self.inbox.put(message)
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
        self.caller.authorisation.access_refused(self.caller.authorisation.current)
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
