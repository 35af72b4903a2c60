"""The embedded SatoriEx, as a whole."""

from collections.abc import Callable
from random import Random

import attrs
import trio

from actors.exchange.faults import ORDER, Fault, Faults
from actors.exchange.http import Watcher
from actors.exchange.pipe import MemoryStream, open_pipe
from actors.exchange.satoriex.accounts import Account, Key
from actors.exchange.satoriex.book import BookTruth
from actors.exchange.satoriex.crowd import Crowd
from actors.exchange.satoriex.desk import Desk
from actors.exchange.satoriex.feed import Feed
from actors.exchange.satoriex.floor import SECOND_NS, Floor
from actors.exchange.satoriex.limits import Limits
from actors.exchange.satoriex.orders import Order
from actors.exchange.satoriex.publications import OrderChanged, Publication
from actors.exchange.satoriex.records import Writer
from actors.exchange.satoriex.replica import Replica
from actors.exchange.satoriex.resolution import Resolution
from actors.exchange.satoriex.schedule import Schedule
from actors.exchange.satoriex.server import Server
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.exchange.satoriex.socket import POLICY
from actors.exchange.satoriex.tokens import Gatekeeper, SatoriexCredentials
from actors.exchange.satoriex.truth import OrderTruth, Truth, true_books, true_orders, truth_of
from actors.exchange.satoriex.visit import Venue

ACCOUNT = "trader-1"
SHORTEST_WAIT_S = 1e-4  # below it the clock's own rounding could make a wait that never ends


@attrs.define(eq=False)
class SatoriexExchange:
    """A venue in this process: served on TCP, dialled in memory, or both.

    `wall_ns` gives unix nanoseconds and must move with trio's clock. The same `random` state and the same requests
    give the same run.
    """

    settings: SatoriexSettings
    wall_ns: Callable[[], int]
    random: Random
    faults: Faults
    credentials: SatoriexCredentials = attrs.field(init=False)
    floor: Floor = attrs.field(init=False)
    feed: Feed = attrs.field(init=False)
    gatekeeper: Gatekeeper = attrs.field(init=False)
    crowd: Crowd = attrs.field(init=False)
    listeners: list[Callable[[Publication], None]] = attrs.field(factory=list, init=False)
    _resolution: Resolution = attrs.field(init=False)
    _schedule: Schedule = attrs.field(init=False)
    _replica: Replica = attrs.field(init=False)
    _server: Server = attrs.field(init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)
    _crowd_paused: bool = attrs.field(default=False, init=False)
    _nursery: trio.Nursery | None = attrs.field(default=None, init=False)

    @classmethod
    def create(
        cls,
        *,
        wall_ns: Callable[[], int],
        random: Random,
        settings: SatoriexSettings | None = None,
        faults: Faults | None = None,
    ) -> "SatoriexExchange":
        """Build an exchange with what was not given by default, and no faults."""
        return cls(
            settings=settings or SatoriexSettings(),
            wall_ns=wall_ns,
            random=random,
            faults=faults or Faults(_child(random)),
        )

    def __attrs_post_init__(self) -> None:
        # Each part has dice of its own: what one of them rolls does not depend on what another did.
        writer = Writer(self.settings.wire)
        self.gatekeeper = Gatekeeper(self.settings, _child(self.random))
        self.floor = Floor(
            self.settings, _child(self.random), publish=self._publish, fails_validation=self._fails_validation
        )
        self.feed = Feed(self.floor, writer, self.wall_ns)
        self.crowd = Crowd(self.floor, _child(self.random))
        self._resolution = Resolution(self.floor)
        self._schedule = Schedule(self.floor, self._resolution, _child(self.random))
        self._replica = Replica(int(self.settings.wire.list_lag_s * SECOND_NS))
        venue = Venue(
            settings=self.settings,
            floor=self.floor,
            gatekeeper=self.gatekeeper,
            replica=self._replica,
            writer=writer,
        )
        desk = Desk(venue, Limits(), self.faults, _child(self.random), self.wall_ns)
        self._server = Server(desk, self.feed, self.faults, _child(self.random))
        self._open()

    def _open(self) -> None:
        now_ns = self.wall_ns()
        self.credentials = self.open_account(ACCOUNT)
        self._schedule.open(now_ns)
        if self.settings.crowd_actions_per_s:
            self.crowd.open(now_ns)
        self.floor.agenda.changed = self._wake
        self.faults.changed = self._wake

    # --- running ---

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the exchange's own time until cancelled. What was dialled ends with it."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._keep_time)
            if self.settings.crowd_actions_per_s:
                nursery.start_soon(self._move_crowd)
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None

    async def serve_tcp(
        self, host: str, port: int, *, task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve a port until cancelled; port 0 takes a free one. Starts with the address that was bound."""
        listeners = await trio.open_tcp_listeners(port, host=host)
        address = listeners[0].socket.getsockname()
        task_status.started((address[0], address[1]))
        await trio.serve_listeners(self._server.serve_stream, listeners)

    async def dial(self, host: str = "exchange", port: int = 80) -> MemoryStream:
        """Open a connection in memory. Raises `OSError` while the exchange is not running."""
        await trio.lowlevel.checkpoint()
        if self._nursery is None:
            raise ConnectionRefusedError(f"nobody listens at {host}:{port}")
        ours, theirs = open_pipe()
        self._nursery.start_soon(self._server.serve_stream, ours)
        return theirs

    # --- what a test or an operator does to it ---

    def open_account(
        self, account_id: str, cash_micro: int | None = None, *, shares: int | None = None
    ) -> SatoriexCredentials:
        """Open one more account, with so many shares of every outcome, and return what it signs in with."""
        cash = self.settings.opening_balance_micro if cash_micro is None else cash_micro
        held = self.settings.opening_shares if shares is None else shares
        self.floor.open_account(account_id, cash, self.wall_ns(), shares=held)
        return self.gatekeeper.issue_credentials(account_id)

    def halt(self, market_id: str) -> None:
        """Do what the circuit breaker does; the halt ends by itself."""
        self.floor.halt(self.floor.markets[market_id], self.wall_ns())

    def resume(self, market_id: str) -> None:
        self.floor.resume(self.floor.markets[market_id], self.wall_ns())

    def resolve(self, market_id: str, winner: str) -> None:
        """End a market's trading; its proposal, dispute window and settlement follow by themselves."""
        market = self.floor.markets[market_id]
        if winner not in market.outcomes:
            raise ValueError(f"{winner} is none of the outcomes {', '.join(market.outcomes)}")
        self._resolution.begin(market, winner, self.wall_ns())

    def uphold_dispute(self, market_id: str) -> None:
        """Send a market in its dispute window back to trading."""
        self._resolution.uphold_dispute(self.floor.markets[market_id], self.wall_ns())

    def disconnect(self, code: int = 1006) -> None:
        """Close every socket; 1006 cuts them."""
        for socket in tuple(self.feed.sockets):
            socket.close(code)

    def expire_tokens(self) -> None:
        """Let every access token end now, and their sockets where the venue does that."""
        self.gatekeeper.expire_all(self.wall_ns())
        if self.settings.wire.expiry_closes:
            self.disconnect(POLICY)

    def watch(self, watcher: Watcher) -> None:
        """Have someone told of every request when it arrives."""
        self._server.desk.watchers.append(watcher)

    def pause_crowd(self) -> None:
        self._crowd_paused = True

    def resume_crowd(self) -> None:
        self._crowd_paused = False

    def freeze(self) -> None:
        """Let nothing move but what clients ask for: no crowd, and no market ends by plan."""
        self.pause_crowd()
        self._schedule.freeze()

    def truth(self, account_id: str = ACCOUNT) -> Truth:
        """Return what an account really has, and what every book really is."""
        return truth_of(self.floor, self.account(account_id))

    def orders(self, account_id: str = ACCOUNT) -> dict[str, OrderTruth]:
        """Return this part of `truth` alone."""
        return true_orders(self.floor, self.account(account_id))

    def books(self) -> dict[Key, BookTruth]:
        """Return this part of `truth` alone."""
        self.floor.agenda.advance(self.wall_ns())
        return true_books(self.floor)

    def account(self, account_id: str = ACCOUNT) -> Account:
        """Return an account as it is now."""
        self.floor.agenda.advance(self.wall_ns())
        return self.floor.accounts[account_id]

    # --- inside ---

    def _publish(self, publication: Publication) -> None:
        if isinstance(publication, OrderChanged) and not publication.silent:
            self._replica.record(publication.order, self.wall_ns())
        self.feed.publish(publication)
        for listener in self.listeners:
            listener(publication)

    def _fails_validation(self, order: Order) -> bool:
        return self.faults.draw(ORDER, "activation") is not None

    def _wake(self) -> None:
        self._changed.set()

    async def _keep_time(self) -> None:
        """Do what is due when it is due: matching, halts, settlements, and what goes wrong by itself."""
        while True:
            self._changed = trio.Event()
            self.floor.agenda.advance(self.wall_ns())
            self._go_wrong()
            with trio.move_on_after(self._wait_s()):
                await self._changed.wait()

    def _wait_s(self) -> float:
        now_s = trio.current_time()
        waits = [3600.0]
        if self.floor.agenda.next_ns is not None:
            waits.append((self.floor.agenda.next_ns - self.wall_ns()) / SECOND_NS)
        timed_s = self.faults.next_timed_s(now_s)
        if timed_s is not None:
            waits.append(timed_s - now_s)
        return max(min(waits), SHORTEST_WAIT_S)

    def _go_wrong(self) -> None:
        for rule in self.faults.draw_timed(trio.current_time()):
            match rule.fault:
                case Fault.DISCONNECT:
                    self.disconnect(rule.code)
                case Fault.HALF_OPEN:
                    for socket in tuple(self.feed.sockets):
                        socket.freeze()
                case _:  # what can only happen to a frame or a request does not happen by itself
                    pass

    async def _move_crowd(self) -> None:
        while True:
            await trio.sleep(1 / self.settings.crowd_actions_per_s)
            if not self._crowd_paused:
                self.floor.agenda.advance(self.wall_ns())
                self.crowd.act(self.wall_ns())


def _child(random: Random) -> Random:
    return Random(random.getrandbits(64))
