"""The embedded exchange, as a whole."""

from collections.abc import Callable
from random import Random

import attrs
import trio

from actors.exchange.faults import ORDER, Fault, Faults
from actors.exchange.http import Watcher
from actors.exchange.pipe import MemoryStream, open_pipe
from actors.exchange.prophetx import records, settlement
from actors.exchange.prophetx.catalogue import Catalogue, built_in
from actors.exchange.prophetx.crowd import Crowd
from actors.exchange.prophetx.desk import Desk
from actors.exchange.prophetx.endpoints.visit import Venue
from actors.exchange.prophetx.feed import Feed
from actors.exchange.prophetx.floor import SECOND_NS, Floor
from actors.exchange.prophetx.ledger import Account, Order
from actors.exchange.prophetx.publications import OrderChanged, Publication
from actors.exchange.prophetx.replica import Replica, Row
from actors.exchange.prophetx.schedule import Schedule
from actors.exchange.prophetx.server import Server
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.exchange.prophetx.settlement import Results
from actors.exchange.prophetx.tokens import Gatekeeper
from actors.exchange.prophetx.truth import OrderTruth, Truth, true_books, true_orders, truth_of
from protocol.events import Side
from protocol.ids import BookKey, ClientOrderId, EventId
from protocol.venue import Credentials

ACCOUNT = "trader-1"
SHORTEST_WAIT_S = 1e-4  # below it the clock's own rounding could make a wait that never ends
RECONFIGURED = 4200


@attrs.define(eq=False)
class Exchange:
    """A venue in this process: served on TCP, dialled in memory, or both.

    `wall_ns` gives unix nanoseconds and must move with trio's clock. The same `random` state and the same requests
    give the same run.
    """

    settings: ExchangeSettings
    wall_ns: Callable[[], int]
    random: Random
    faults: Faults
    catalogue: Catalogue
    credentials: Credentials = attrs.field(init=False)
    floor: Floor = attrs.field(init=False)
    feed: Feed = attrs.field(init=False)
    gatekeeper: Gatekeeper = attrs.field(init=False)
    crowd: Crowd = attrs.field(init=False)
    listeners: list[Callable[[Publication], None]] = attrs.field(factory=list, init=False)
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
        settings: ExchangeSettings | None = None,
        faults: Faults | None = None,
        catalogue: Catalogue | None = None,
    ) -> "Exchange":
        """Build an exchange with what was not given by default: the built-in catalogue, and no faults."""
        chosen = settings or ExchangeSettings()
        return cls(
            settings=chosen,
            wall_ns=wall_ns,
            random=random,
            faults=faults or Faults(_child(random)),
            catalogue=catalogue or built_in(chosen.tournaments, chosen.events),
        )

    def __attrs_post_init__(self) -> None:
        # Each part has dice of its own: what one of them rolls does not depend on what another did.
        self.gatekeeper = Gatekeeper(self.settings, _child(self.random))
        self.floor = Floor(
            self.settings, _child(self.random), publish=self._publish, fails_activation=self._fails_activation
        )
        self.feed = Feed(self.floor, _child(self.random), self.wall_ns)
        self.crowd = Crowd(self.floor, _child(self.random))
        self._replica = Replica(int(self.settings.history_lag_s * SECOND_NS))
        venue = Venue(
            settings=self.settings,
            floor=self.floor,
            feed=self.feed,
            gatekeeper=self.gatekeeper,
            replica=self._replica,
        )
        desk = Desk(venue, self.faults, self.wall_ns, self.change_config)
        self._server = Server(self.settings, desk, self.feed, self.faults, _child(self.random))
        self._schedule = Schedule(self.floor, self.settings)
        self._open()

    def _open(self) -> None:
        now_ns = self.wall_ns()
        self.credentials = self.open_account(ACCOUNT)
        self.floor.open_catalogue(self.catalogue, now_ns)
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
            nursery.start_soon(self._beat)
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

    def open_account(self, account_id: str, cash_cents: int | None = None) -> Credentials:
        """Open one more account and return its key pair."""
        cash = self.settings.opening_balance_cents if cash_cents is None else cash_cents
        self.floor.open_account(account_id, cash, self.wall_ns())
        return self.gatekeeper.issue_keys(account_id)

    def go_live(self, event_id: EventId) -> None:
        settlement.go_live(self.floor, event_id, self.wall_ns())

    def settle(self, event_id: EventId, results: Results | None = None) -> None:
        """End an event and unlist it. Without results the dice decide."""
        drawn = settlement.draw_results(self.floor, event_id) if results is None else results
        settlement.settle(self.floor, event_id, drawn, self.wall_ns())
        self.floor.unlist_event(event_id, self.wall_ns())

    def end(self, event_id: EventId) -> None:
        """End an event with results by the dice; another comes in its place."""
        self._schedule.end(self.floor.event(event_id).event, self.wall_ns())

    def disconnect(self, code: int = 1006) -> None:
        """Close every socket; 1006 cuts them."""
        for socket in tuple(self.feed.sockets.values()):
            socket.close(code)

    def change_config(self, close_after_s: float) -> None:
        """Take a new application key; sockets of the old one are closed with 4200 in a while."""
        old = tuple(self.feed.sockets.values())
        self.feed.change_key()

        def close(_: int) -> None:
            for socket in old:
                socket.close(RECONFIGURED)

        self.floor.agenda.add(self.wall_ns() + int(close_after_s * SECOND_NS), close)

    def watch(self, watcher: Watcher) -> None:
        """Have someone told of every request when it arrives."""
        self._server.desk.watchers.append(watcher)

    def pause_crowd(self) -> None:
        self._crowd_paused = True

    def resume_crowd(self) -> None:
        self._crowd_paused = False

    def freeze(self) -> None:
        """Let nothing move but what clients ask for: no crowd, and no event begins or ends."""
        self.pause_crowd()
        self._schedule.frozen = True

    def truth(self, account_id: str = ACCOUNT) -> Truth:
        """Return what an account really has, and what every book really is."""
        return truth_of(self.floor, self.account(account_id))

    def orders(self, account_id: str = ACCOUNT) -> dict[ClientOrderId, OrderTruth]:
        """Return this part of `truth` alone."""
        return true_orders(self.floor, self.account(account_id))

    def books(self) -> dict[BookKey, tuple[Side, ...]]:
        """Return this part of `truth` alone."""
        self.floor.agenda.advance(self.wall_ns())
        return true_books(self.floor)

    def account(self, account_id: str = ACCOUNT) -> Account:
        """Return an account as it is now."""
        self.floor.agenda.advance(self.wall_ns())
        return self.floor.accounts[account_id]

    # --- inside ---

    def _publish(self, publication: Publication) -> None:
        if isinstance(publication, OrderChanged):
            self._copy(publication)
        self.feed.publish(publication)
        for listener in self.listeners:
            listener(publication)

    def _copy(self, changed: OrderChanged) -> None:
        order = changed.order
        row = Row(
            account_id=order.account.account_id,
            order=records.order(order),
            created_ns=order.created_ns,
            updated_ns=order.updated_ns,
            trades=tuple(records.trade(order, fill) for fill in order.fills),
        )
        self._replica.record(order.order_id, row, self.wall_ns())

    def _fails_activation(self, order: Order) -> bool:
        return not order.account.silent and self.faults.draw(ORDER, "activation") is not None

    def _wake(self) -> None:
        self._changed.set()

    async def _keep_time(self) -> None:
        """Do what is due when it is due: activations, kill timers, the schedule, and what goes wrong by itself."""
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
            sockets = tuple(self.feed.sockets.values())
            match rule.fault:
                case Fault.DISCONNECT:
                    self.disconnect(rule.code)
                case Fault.HALF_OPEN:
                    for socket in sockets:
                        socket.freeze()
                case Fault.MUTE_HEARTBEAT:
                    self.feed.mute_heartbeat(self.wall_ns() + int(rule.delay_s * SECOND_NS))
                case Fault.CONFIG_CHANGE:
                    self.change_config(rule.delay_s)
                case _:  # what can only happen to a frame or a request does not happen by itself
                    pass

    async def _beat(self) -> None:
        while True:
            await trio.sleep(self.settings.heartbeat_s)
            self.feed.beat()

    async def _move_crowd(self) -> None:
        while True:
            await trio.sleep(1 / self.settings.crowd_actions_per_s)
            if not self._crowd_paused:
                self.floor.agenda.advance(self.wall_ns())
                self.crowd.act(self.wall_ns())


def _child(random: Random) -> Random:
    return Random(random.getrandbits(64))
