"""One venue's half of the bot: its calls, its orders, its sessions."""

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random

import attrs
import structlog
import trio

from actors.decisions.accounting import Accounting, money_micro
from actors.decisions.audit import Audit, compare_orders, compare_snapshots, fate_reported
from actors.decisions.ledger import OrderLedger
from actors.decisions.positions import positions
from actors.decisions.standing import Standing
from actors.decisions.venue_memory import VenueMemory
from actors.funds import Funds
from actors.gateway import Gateway
from actors.io.caller import Caller, LoginRefused, TokenKeeper
from actors.io.clock import VenueClock
from actors.io.token_file import account_of
from actors.io.transport import Dial, dial_tcp
from actors.journal import Journal
from actors.listings import Listings
from actors.mailbox import Mailbox
from actors.messages import (
    NAMED,
    AccountReady,
    CancelWork,
    FundsRead,
    MarketView,
    OrderChanged,
    OrdersDoubted,
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
from actors.relay import Relay
from actors.safe_stop import SafeStop
from actors.session import Session, SessionSettings
from actors.supervision import Backoff
from actors.tally import Tally
from actors.tracker import OrderTracker
from protocol.belief import NEVER_READ, Belief, Known, Source
from protocol.errors import LocalProtocolError
from protocol.events import About, EventListed, MarketSettled
from protocol.ids import (
    BookKey,
    ClientOrderId,
    ClientOrderIds,
    CompetitionId,
    EventId,
    SelectionId,
    VenueName,
)
from protocol.odds import OddsLadder, generate_ladder
from protocol.order import Order
from protocol.venue import Balance, Credentials, Query, Reconnect, Rest, Terms, Traits, Venue

log = structlog.get_logger()

TRACKER_BACKLOG = 32_768  # a fill is never dropped, and never waits
PLACING_BACKLOG = 256  # what 50 requests a second of 20 orders carry in a quarter of a second
CANCELLING_BACKLOG = 16_384
ASKING_BACKLOG = 4_096

LADDER_AGAIN_S = 30.0
RECONCILE_S = 30.0  # for questions about what a process before this one left, beyond what may still match
GROUNDED_S = 1.0  # for a reading to be heard; one taken while something was in doubt is taken again
UNAUTHORISED = (401, 403)


@attrs.frozen(kw_only=True)
class SeatSettings:
    """Which venue, as whom, and how long things may take there. Times in seconds."""

    venue: Venue
    session: SessionSettings
    credentials: Credentials
    activation_timeout_s: float = 10.0

    @property
    def name(self) -> VenueName:
        return self.venue.traits.venue

    @property
    def account(self) -> str:
        """Name the account without saying whose it is."""
        return account_of(self.name, self.session.rest_url, self.credentials.user)


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
    ids: ClientOrderIds
    tally: Tally
    journal: Journal
    memory: VenueMemory
    halted: Callable[[], bool]  # tells whether no new order may leave
    kept_tokens: TokenKeeper
    dial: Dial = dial_tcp
    epoch: int | None = attrs.field(default=None, init=False)
    balance: Belief[Balance] = attrs.field(default=NEVER_READ, init=False)
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
    _relay: Relay = attrs.field(init=False)
    _accounting: Accounting = attrs.field(init=False)
    _restarts: Mailbox[RestartWanted] = attrs.field(factory=lambda: Mailbox("restarts", 1), init=False)
    _ladder: OddsLadder = attrs.field(factory=generate_ladder, init=False)
    _account_known: trio.Event = attrs.field(factory=trio.Event, init=False)  # nothing rests from before
    _account_ready: bool = attrs.field(default=False, init=False)
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
            kept=self.kept_tokens,
            held=lambda until_s: self.risk.put(RequestsHeld(self.name, until_s)),
        )
        self.standing = Standing(
            traits=traits, placing_left=self.caller.limit.placing_left, flat_in_s=self.caller.limit.flat_in_s
        )
        if self.memory.opening is not None:
            self.standing.recall(self.memory.opening)
        self._accounting = Accounting(
            traits=traits,
            ids=self.ids,
            results=self.standing.results,
            memory=self.memory,
            account=self.settings.account,
        )
        self._listings = Listings(
            ask=self.caller.ask,
            rest=self._rest,
            competitions=self.settings.session.competitions,
            events=self.settings.session.events,
            poll=traits.polls[Query.MARKETS],
            most=self.settings.session.most_events,
            outcomes=dict(self.memory.outcomes),
        )
        self.ledger = OrderLedger(
            traits=traits,
            ids=self.ids,
            activation_timeout_s=self.settings.activation_timeout_s,
            tally=self.tally,
            memory=self.memory.recalled,
            baseline=self.memory.baseline(traits.sale_fee_bp),
        )
        self._funds = Funds(
            venue=self.name,
            ask=self.caller.ask,
            rest=self._rest,
            poll=traits.polls[Query.FUNDS],
            heard=self._hear_funds,
            wall_ns=self._clock.now_ns,
        )
        self._relay = Relay(
            traits=traits,
            build=self._session,
            publish=self.publish,
            ready=self._session_ready,
            lost=self._session_lost,
            backoff=Backoff(self.random, traits.connects_per_minute),
            tally=self.tally,
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
            venue=self.name,
            journal=self.journal,
            wall_ns=self._clock.now_ns,
            halted=self.halted,
        )
        self._gateway = Gateway(
            placing=placing,
            cancelling=cancelling,
            asking=asking,
            answers=self.inbox.put,
            ask=self.caller.ask,
            rest=self._rest,
            max_batch=traits.max_batch,
            halted=self.halted,
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
            reckon=lambda funds: self.funds_gap_cents(money_micro(funds)),
        )

    @property
    def name(self) -> VenueName:
        return self.settings.name

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

    @property
    def open_books(self) -> int:
        """Return how many books the session that is up has, believed or not."""
        serving = self._relay.serving
        if serving is None or serving.session.router is None or self.epoch is None:
            return 0
        return serving.session.router.open_books

    def orders(self) -> dict[ClientOrderId, Order]:
        """Return every order of the run as it is believed to be, the account's earlier ones included."""
        return {name: tracked.order for name, tracked in self.ledger.orders.items()}

    def beliefs(self) -> dict[ClientOrderId, Belief[Order]]:
        """Return the same, with whose word it is; unknown is what is not proved to exist."""
        return {name: tracked.belief for name, tracked in self.ledger.orders.items()}

    def own_orders(self) -> dict[ClientOrderId, Order]:
        """Return the orders that this run placed, as they are believed to be."""
        return {name: order for name, order in self.orders().items() if self.ledger.ids.owns(name)}

    def positions(self) -> dict[SelectionId, Belief[int]]:
        """Return what is held of each selection and not settled."""
        orders = ((tracked.order.selection_id, tracked.belief) for tracked in self.ledger.orders.values())
        return positions(orders, self.standing.held_before())

    def funds_gap_cents(self, actual_micro: int) -> int | None:
        """Return how far an account's money is from what it must be; `None` where the opening is not known."""
        return self._accounting.gap_cents(self.orders(), actual_micro)

    def audit(self, views: Mapping[BookKey, MarketView]) -> Audit:
        """Count the differences from what REST said at the end of the run."""
        orders = fills = books = None
        if self.stop.orders is not None:
            own = self.own_orders()
            names = {order.venue_order_id: name for name, order in own.items()}
            fates = {
                name: fate_reported(report, own[name].size)
                for report in self.stop.orders
                if (name := report.client_order_id or names.get(report.venue_order_id)) in own
            }
            # What was placed before this run, or what the list has forgotten, was read by its id when it ended.
            listed = self.traits.orders_named
            issued = {name for name, each in self.ledger.orders.items() if listed and each.command is not None}
            own = {name: order for name, order in own.items() if name in fates or name in issued}
            orders, fills = compare_orders(own, fates)
        if self.stop.books is not None and self.epoch is not None:
            books = compare_snapshots(views, self.stop.books)
        return Audit(orders=orders, fills=fills, balance_cents=self.stop.gap_cents, books=books)

    def wake(self, about: About) -> None:
        """Have something read soon."""
        if about is About.FUNDS:
            self._funds.woken.offer(None)
        else:
            self._listings.woken.offer(None)
            self._funds.woken.offer(None)

    def want(self, competitions: tuple[CompetitionId, ...], events: tuple[EventId, ...]) -> None:
        """Listen to these from now on; to everything, where none are named. Events narrow what competitions hold.

        Raises `LocalProtocolError` for competitions on a venue that has none.
        """
        if competitions and self._rest.competitions() is None:
            raise LocalProtocolError(f"{self.name} has no competitions: name events")
        self._listings = self._listings.wanting(competitions, events)
        self._relay.renew("other markets are wanted")

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
        await self._relay.run()

    def _session(self, before: Session | None) -> Session:
        return Session(
            settings=self.settings.session,
            dial=self.dial,
            ask=self.caller.ask,
            tokens=self.caller,
            venue=self.settings.venue,
            terms=self._terms,
            listings=self._listings,
            tracker=self.inbox,
            restarts=self._restarts,
            publish=self._relay.show,
            renew=self._relay.renew,
            complete=self._relay.complete,
            wake=self.wake,
            tally=self.tally,
            before=before,
        )

    def _terms(self, event: EventListed) -> Terms:
        return self.settings.venue.terms(event, self._ladder)

    async def _compare_books(self) -> list[SnapshotTaken] | None:
        serving = self._relay.serving
        if serving is None or self.epoch is None:
            return None
        return await serving.session.compare_books()

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[None]:
        """Hold the venue's HTTP connections open, also while everything around is cancelled."""
        self.stop.started_s = trio.current_time()
        async with self.caller.connections(self.settings.session.rest_url, self.dial):
            yield

    # --- the account ---

    async def _read_opening(self) -> None:
        """Read what the account has before anything of ours rests, or go on from what the journal says it had.

        Where the venue does not say what is held for resting orders, or where a process before this one left some, no
        order may leave before that.
        """
        if self._opens_first:
            await self._account_known.wait()
            with trio.move_on_after(RECONCILE_S):
                await self.tracker.wait_settled()
        funds = await self._funds.read_all()
        while self._opens_first and (funds is None or not await self._grounded()):
            funds = await self._funds.read_all()
        opened = None if funds is None else self._accounting.open(funds, self.orders())
        if opened is not None:
            self.journal.write(opened)
        if self._opens_first:
            self._open_account(AccountReady(self.name))

    async def _grounded(self) -> bool:
        """Tell, in a moment, whether what was read says what the account has without any order."""
        with trio.move_on_after(GROUNDED_S):
            await self.tracker.wait_grounded()
            return True
        return False

    @property
    def _opens_first(self) -> bool:
        """Tell whether the account must have been read before an order may leave."""
        return self.memory.opening is not None or not self.traits.orders_named

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
        if isinstance(message, FundsRead):
            self.balance = Known(message.balance, Source.FUNDS, message.as_of_ns)
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
        superseded, self.epoch = self.epoch, epoch
        self.standing.epoch = epoch  # at once, like the views: between two sessions no order is denied
        self.risk.put(SessionReady(self.name, epoch))
        self.inbox.put(SessionReady(self.name, epoch))
        if superseded is not None:
            self.inbox.put(OrdersDoubted("what was still on its way on the old socket"))
        self.connected(self.name, self.ready_epoch)

    def _session_lost(self, epoch: int, failure: Exception) -> Reconnect:
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
        elif self._opens_first:
            self._account_known.set()
        else:
            self._open_account(message)

    def _open_account(self, message: AccountReady) -> None:
        self._account_ready = True
        self.connected(self.name, self.ready_epoch)
        self.changed(message)
