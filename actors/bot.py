"""The composition root: opens every channel, builds every actor, is the tree."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from random import Random

import attrs
import structlog
import trio

from actors.decisions.audit import Audit
from actors.decisions.guard import Guard, Limits
from actors.decisions.recollection import Recollection
from actors.decisions.venue_memory import VenueMemory
from actors.entries import Latch, RunEnded, RunStarted
from actors.io.caller import NotKept, TokenKeeper
from actors.io.transport import Dial, dial_tcp
from actors.journal import Journal, JournalFailed
from actors.mailbox import Mailbox, Newest
from actors.messages import (
    AccountReady,
    Halt,
    IntentDenied,
    Kill,
    MarketView,
    OrderChanged,
    RiskMessage,
)
from actors.release import release
from actors.risk import Risk
from actors.seat import Seat, SeatSettings
from actors.strategy import Desk, Strategy
from actors.tally import Tally
from protocol.belief import Belief
from protocol.errors import LocalProtocolError
from protocol.events import About, Side
from protocol.exposure import Exposure
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, CompetitionId, EventId, SelectionId, VenueName
from protocol.money import cents_above, cents_below
from protocol.order import Order
from protocol.venue import Balance

log = structlog.get_logger()

RISK_BACKLOG = 8_192  # intents are denied long before; order changes must fit


@attrs.frozen(kw_only=True)
class Pair:
    """Two selections on different books that are the same outcome in the world, as the operator says.

    `returns` is whether one venue may give the stakes back while the other settles: then a leg stands alone.
    """

    first: SelectionId
    second: SelectionId
    returns: bool = True


@attrs.frozen(kw_only=True)
class BotSettings:
    seats: tuple[SeatSettings, ...]
    limits: Limits = attrs.field(factory=Limits)
    pairs: tuple[Pair, ...] = ()


@attrs.define(kw_only=True, repr=False)
class Bot:
    """A whole bot, on one venue or several. `run` returns after a safe stop, or raises what made it stop.

    Time, chance and ids are handed in, so that a run in virtual time is a function of its seed.
    """

    settings: BotSettings
    strategies: Mapping[str, Strategy]
    random: Random
    wall_ns: Callable[[], int]
    id_prefix: str  # of client order ids; where a journal is kept, its own comes in place of this
    journal: Journal = attrs.field(factory=Journal.none)
    kept_tokens: Mapping[VenueName, TokenKeeper] = attrs.field(factory=dict)
    dials: Mapping[VenueName, Dial] = attrs.field(factory=dict)  # TCP where there is none
    stopping: Callable[[], None] = lambda: None  # called when the safe stop begins
    tally: Tally = attrs.field(factory=Tally)
    ready: trio.Event = attrs.field(factory=trio.Event, init=False)
    seats: dict[VenueName, Seat] = attrs.field(init=False)
    _stop: trio.Event = attrs.field(factory=trio.Event, init=False)
    _risk_inbox: Mailbox[RiskMessage] = attrs.field(factory=lambda: Mailbox("risk", RISK_BACKLOG), init=False)
    _views: Newest[BookKey, MarketView] = attrs.field(factory=Newest, init=False)
    _desks: dict[str, Desk] = attrs.field(factory=dict, init=False)
    _ids: ClientOrderIds = attrs.field(init=False)
    _guard: Guard = attrs.field(init=False)
    _profit_before_micro: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._ids = self.journal.ids(self.id_prefix)
        self._profit_before_micro = sum(self._memory.totals.values())
        seats = [self._seat(settings) for settings in self.settings.seats]
        self.seats = {seat.name: seat for seat in seats}
        self._guard = Guard(
            limits=self.settings.limits,
            tally=self.tally,
            standings={seat.name: seat.standing for seat in seats},
            exposure=self._linked(Exposure()),
        )
        self._guard.recall(self._memory)
        for name in self.strategies:
            self._desks[name] = Desk(
                name=name,
                ids=self._ids,
                calls_left=self._calls_left,
                want=self.want,
                risk=self._risk_inbox,
                positions=self._linked(Exposure()),
                wall_ns=self.wall_ns,
            )

    def _seat(self, settings: SeatSettings) -> Seat:
        name = settings.name
        return Seat(
            settings=settings,
            risk=self._risk_inbox,
            publish=self._publish,
            changed=self._changed,
            connected=self._connect_desks,
            random=Random(self.random.getrandbits(64)),
            wall_ns=self.wall_ns,
            ids=self._ids,
            tally=self.tally,
            journal=self.journal,
            memory=VenueMemory.of(self._memory, name),
            halted=lambda: self._guard.halted,
            kept_tokens=self.kept_tokens.get(name, NotKept()),
            dial=self.dials.get(name, dial_tcp),
        )

    @property
    def _memory(self) -> Recollection:
        return self.journal.recollection

    def _linked(self, exposure: Exposure) -> Exposure:
        for pair in self.settings.pairs:
            exposure.link(pair.first, pair.second, returns=pair.returns)
        return exposure

    # --- what anyone may ask of it ---

    def stop(self) -> None:
        """Begin the safe stop: strategies end, everything is cancelled, and the venues are asked whether it is so."""
        self._stop.set()

    def halt(self, reason: str = "asked for") -> None:
        """Let no new order leave, from this moment on, until an operator lifts it."""
        self._guard.latch(Latch.HALT, reason)
        self._risk_inbox.put(Halt(reason))

    def kill(self, reason: str = "asked for") -> None:
        """Halt, and cancel everything."""
        self._guard.latch(Latch.KILL, reason)
        self._risk_inbox.put(Kill(reason))

    @property
    def latches(self) -> Mapping[Latch, str]:
        """Return what keeps new orders from leaving, with the reasons."""
        return self._guard.latches

    def want(
        self, venue: VenueName, competitions: Collection[CompetitionId] = (), events: Collection[EventId] = ()
    ) -> None:
        """Listen to these from now on, while it trades; to everything, where none are named.

        Orders in books that are no longer heard stay until they are cancelled. Raises `LocalProtocolError` for a venue
        that the bot is not on, or that cannot be asked so.
        """
        if venue not in self.seats:
            raise LocalProtocolError(f"{venue} is none of {', '.join(self.seats)}")
        self.seats[venue].want(tuple(competitions), tuple(events))

    @property
    def logged_in(self) -> bool:
        return all(seat.logged_in for seat in self.seats.values())

    @property
    def connected(self) -> bool:
        return all(seat.epoch is not None for seat in self.seats.values())

    @property
    def open_books(self) -> int:
        """Return how many books the sessions that are up have, believed or not."""
        return sum(seat.open_books for seat in self.seats.values())

    @property
    def stop_begun(self) -> bool:
        return self._stop.is_set()

    @property
    def stop_logged_in(self) -> bool:
        """Tell whether every venue could be asked anything when the stop began."""
        return all(seat.stop.logged_in for seat in self.seats.values())

    @property
    def flat(self) -> bool:
        """Tell whether every venue has shown that nothing of ours can match, since the stop."""
        return all(seat.flat for seat in self.seats.values())

    @property
    def exposure_cents(self) -> int:
        """Return the worst outcome now, over all venues."""
        return cents_above(self._guard.exposure.account_micro)

    @property
    def profit_cents(self) -> int:
        """Return what settled in this run, fees and commission taken off."""
        return cents_below(self._guard.realised_micro - self._profit_before_micro)

    def orders(self) -> dict[ClientOrderId, Order]:
        """Return every order of the run as it is believed to be, the accounts' earlier ones included."""
        return {name: order for seat in self.seats.values() for name, order in seat.orders().items()}

    def beliefs(self) -> dict[ClientOrderId, Belief[Order]]:
        """Return the same, with whose word it is; unknown is what is not proved to exist."""
        return {name: belief for seat in self.seats.values() for name, belief in seat.beliefs().items()}

    def positions(self) -> dict[SelectionId, Belief[int]]:
        """Return what is held of each selection and not settled: cents of stake at odds, shares at a probability.

        It is unknown while an order on the selection, or on its sale, is not proved to exist.
        """
        return {name: held for seat in self.seats.values() for name, held in seat.positions().items()}

    def balance(self, venue: VenueName) -> Belief[Balance]:
        """Return the newest reading of a wallet. What happened since is not in it: look at its age."""
        return self.seats[venue].balance

    def live_orders(self) -> list[Order]:
        """Return the orders that can still match."""
        return [order for seat in self.seats.values() for order in seat.ledger.live_orders()]

    def own_orders(self) -> dict[ClientOrderId, Order]:
        """Return the orders that this run placed, as they are believed to be."""
        return {name: order for name, order in self.orders().items() if self._ids.owns(name)}

    def views(self) -> dict[BookKey, MarketView]:
        """Return the newest view of each market."""
        for view in self._views.take_nowait().values():
            self._guard.view(view)
        return dict(self._guard.views)

    def live_views(self) -> dict[BookKey, MarketView]:
        """Return the views of the books that are believed: live, and of the session that is up."""
        return {
            key: view
            for key, view in self.views().items()
            if view.live and view.epoch == self.seats[view.terms.venue].epoch
        }

    def books(self) -> dict[BookKey, tuple[Side, ...]]:
        """Return what is believed of the books."""
        return {key: view.sides for key, view in self.live_views().items()}

    def audit(self) -> Audit:
        """Count the differences between what is believed and what REST said at the end of the run."""
        views = self.live_views()
        return Audit.sum(seat.audit(views) for seat in self.seats.values())

    # --- the tree ---

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Trade until `stop`, then stop safely. Raises a bug as it came, after cancelling everything by REST."""
        async with AsyncExitStack() as connections:
            for seat in self.seats.values():
                await connections.enter_async_context(seat.connections())
            async with trio.open_nursery() as nursery:
                journal = await nursery.start(self._keep_journal)
                try:
                    self.journal.write(RunStarted(run=self.journal.run_number, version=release()))
                    await self._trade_safely(task_status)
                finally:
                    journal.cancel()
        if self.journal.failure is not None:
            raise JournalFailed(self.journal.failure)

    async def _keep_journal(self, *, task_status: trio.TaskStatus[trio.CancelScope]) -> None:
        """Keep the journal until its scope is cancelled, whatever ends the others: their last words count."""
        with trio.CancelScope(shield=True) as scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.journal.run, self._journal_failed)
                task_status.started(scope)

    async def _trade_safely(self, task_status: trio.TaskStatus[None]) -> None:
        stopped = False
        try:
            await self._trade(task_status)
            stopped = True
        finally:
            if not stopped:
                with trio.CancelScope(shield=True):
                    await self._emergency()

    def _journal_failed(self, reason: str) -> None:
        """Stop trading: what cannot be recorded is not traded."""
        log.error("journal_failed", reason=reason)
        self._guard.closing = True
        self.stop()

    async def _trade(self, task_status: trio.TaskStatus[None]) -> None:
        risk = Risk(
            inbox=self._risk_inbox,
            views=self._views,
            allowed={name: seat.inbox for name, seat in self.seats.items()},
            denied=self._denied,
            guard=self._guard,
            journal=self.journal,
            wake=self._wake,
            wall_ns=self.wall_ns,
        )
        async with trio.open_nursery() as money:
            await money.start(risk.run)
            for seat in self.seats.values():
                await money.start(seat.run)
            async with trio.open_nursery() as sessions:
                for seat in self.seats.values():
                    sessions.start_soon(seat.run_sessions)
                async with trio.open_nursery() as strategies:
                    for name, strategy in self.strategies.items():
                        strategies.start_soon(strategy, self._desks[name])
                    task_status.started()
                    await self._stop.wait()
                    strategies.cancel_scope.cancel()
                self._guard.closing = True
                self.stopping()
                await self._each_seat(lambda seat: seat.stop.wind_down())
                await self._each_seat(lambda seat: seat.stop.read_again())  # while one was waited for, others settled
                self.journal.write(RunEnded(run=self.journal.run_number, flat=self.flat))
                sessions.cancel_scope.cancel()
            money.cancel_scope.cancel()

    async def _emergency(self) -> None:
        await self._each_seat(_emergency_at)

    async def _each_seat(self, act: Callable[[Seat], Awaitable[None]]) -> None:
        async with trio.open_nursery() as nursery:
            for seat in self.seats.values():
                nursery.start_soon(act, seat)

    # --- news that go to several ---

    def _connect_desks(self, venue: VenueName, epoch: int | None) -> None:
        if all(seat.ready_epoch is not None for seat in self.seats.values()):
            self.ready.set()
        for desk in self._desks.values():
            desk.connect(venue, epoch)

    def _publish(self, view: MarketView) -> None:
        self._views.put(view.key, view)
        for desk in self._desks.values():
            desk.show(view)

    def _changed(self, message: OrderChanged | AccountReady) -> None:
        self._risk_inbox.put(message)
        if isinstance(message, OrderChanged) and message.strategy in self._desks:
            self._desks[message.strategy].tell(message.order.client_order_id, message)

    def _denied(self, strategy: str, denial: IntentDenied) -> None:
        self._desks[strategy].tell(denial.client_order_id, denial)

    def _wake(self, venue: VenueName, about: About) -> None:
        self.seats[venue].wake(about)

    def _calls_left(self, venue: VenueName, now_s: float) -> float:
        return self.seats[venue].standing.placing_left(now_s)


async def _emergency_at(seat: Seat) -> None:
    with trio.CancelScope(shield=True):  # whatever befalls the others; it has its own deadline
        await seat.stop.emergency()
