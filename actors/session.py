"""Everything that lives and dies with one socket."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

import attrs
import structlog
import trio

from actors.connection import Connection
from actors.decisions.coverage import Coverage
from actors.io.transport import Dial
from actors.listings import Listings
from actors.mailbox import Mailbox
from actors.messages import (
    AnswerLost,
    Ask,
    MarketView,
    RestartWanted,
    RouterMessage,
    SessionFailed,
    SnapshotTaken,
    SnapshotWanted,
    TrackerMessage,
)
from actors.reconciler import Reconciler
from actors.router import Router
from actors.tally import Tally
from actors.watchdog import Pulse, Watchdog
from protocol.errors import LocalProtocolError, RemoteProtocolError, VenueError
from protocol.ids import CompetitionId, EventId
from protocol.prophetx.pusher import ACTIVITY_TIMEOUT_S, Liveness, Reconnect
from protocol.prophetx.pushes import PushReader
from protocol.prophetx.session import socket_url
from protocol.prophetx.wire import Dialect
from protocol.venue import ConnectionConfig, Rest

log = structlog.get_logger()

TOO_MANY_CHANNELS = "exceed_subscription_count"
ROUTER_BACKLOG = 16_384  # events: a burst of every market's image at once, several times over
SNAPSHOT_BACKLOG = 4_096


@attrs.frozen(kw_only=True)
class SessionSettings:
    """What a session hears, and how long it may be silent. Times in seconds."""

    rest_url: str
    dialect: Dialect = Dialect.V4
    competitions: tuple[CompetitionId, ...] = ()
    events: tuple[EventId, ...] = ()
    sub_kinds: tuple[str, ...] = ()
    heartbeat_timeout_s: float = 30.0
    reconcile_every_s: float = 900.0
    config_refresh_s: float = 1800.0


@attrs.define(kw_only=True)
class Session:
    """Build one session's actors anew and run them in one nursery: what fails one of them ends all of them."""

    settings: SessionSettings
    dial: Dial
    ask: Ask
    rest: Rest
    listings: Listings
    tracker: Mailbox[TrackerMessage]
    restarts: Mailbox[RestartWanted]
    publish: Callable[[MarketView], None]
    tally: Tally
    snapshots: Mailbox[SnapshotWanted] = attrs.field(init=False)
    reconciler: Reconciler | None = attrs.field(default=None, init=False)

    async def run(self, epoch: int, ready: Callable[[int], None]) -> None:
        """Run until something fails. Raises what failed, alone or in a group."""
        config = await self.ask(self.rest.connection_config())
        await self.listings.open()
        coverage = Coverage(
            competitions=self.listings.competitions,
            events=self.settings.events,
            sub_kinds=self.settings.sub_kinds,
            limit=self.listings.channel_limit,
            by_event=self.settings.dialect is Dialect.V4,
        )
        router_inbox = Mailbox[RouterMessage]("router", ROUTER_BACKLOG)
        self.snapshots = Mailbox[SnapshotWanted]("reconciler", SNAPSHOT_BACKLOG)
        ping = Mailbox[None]("ping", 1)
        pulse = Pulse(Liveness(ACTIVITY_TIMEOUT_S))
        router = Router(
            epoch=epoch, inbox=router_inbox, snapshots=self.snapshots, publish=self.publish, tally=self.tally
        )
        self.reconciler = Reconciler(
            inbox=self.snapshots,
            outbox=router_inbox,
            ask=self.ask,
            rest=self.rest,
            every_s=self.settings.reconcile_every_s,
        )
        connection = Connection(
            url=self._url(config),
            dial=self.dial,
            ask=self.ask,
            rest=self.rest,
            reader=PushReader(self.settings.dialect),
            coverage=coverage,
            pulse=pulse,
            ping=ping,
            router=router_inbox,
            tracker=self.tracker,
            snapshots=self.snapshots,
            tally=self.tally,
        )
        watchdog = Watchdog(
            pulse=pulse,
            heartbeat_timeout_s=self.settings.heartbeat_timeout_s,
            restarts=self.restarts,
            ping=ping,
        )
        with self._learning_the_limit(coverage):
            await self._run(epoch, ready, config, router, connection, watchdog, coverage)

    @contextmanager
    def _learning_the_limit(self, coverage: Coverage) -> Iterator[None]:
        """Hear fewer events in the next session when the venue would not have so many."""
        try:
            yield
        except* VenueError as group:
            if group.subgroup(lambda error: isinstance(error, VenueError) and error.code == TOO_MANY_CHANNELS):
                self.listings.channel_limit = max(1, len(coverage.registered) * 3 // 4)
                log.warning("channel_limit_lowered", limit=self.listings.channel_limit)
            raise

    async def _run(
        self,
        epoch: int,
        ready: Callable[[int], None],
        config: ConnectionConfig,
        router: Router,
        connection: Connection,
        watchdog: Watchdog,
        coverage: Coverage,
    ) -> None:
        assert self.reconciler is not None, "it was built with the others"
        async with trio.open_nursery() as nursery:
            await nursery.start(router.run)
            for event in self.listings.known.values():
                connection.hear(event)
            await nursery.start(connection.run)
            await nursery.start(self.reconciler.run)
            await nursery.start(watchdog.run)
            await nursery.start(self.listings.run, connection.hear)
            nursery.start_soon(self._watch_config, config)
            log.info("session_ready", epoch=epoch, events=len(coverage.registered))
            ready(epoch)

    async def compare_books(self) -> list[SnapshotTaken]:
        """Read every book once more, as the schedule would. Raises `SessionFailed`."""
        return await self.reconciler.read_all() if self.reconciler is not None else []

    def _url(self, config: ConnectionConfig) -> str:
        try:
            return socket_url(self.settings.rest_url, config, _version())
        except LocalProtocolError as error:
            raise SessionFailed(str(error), Reconnect.CHANGED) from error

    async def _watch_config(self, config: ConnectionConfig) -> None:
        while True:
            await trio.sleep(self.settings.config_refresh_s)
            try:
                newest = await self.ask(self.rest.connection_config())
            except (VenueError, AnswerLost, RemoteProtocolError) as error:
                log.warning("config_not_read", reason=str(error))
                continue
            if newest != config:
                raise SessionFailed("the connection configuration changed", Reconnect.AT_ONCE)


def _version() -> str:
    try:
        return version("overround")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"
