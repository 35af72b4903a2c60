"""Everything that lives and dies with one socket."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

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
from actors.release import release
from actors.router import Router
from actors.tally import Tally
from actors.watchdog import Pulse, Watchdog
from protocol.errors import LocalProtocolError, RemoteProtocolError, VenueError
from protocol.events import About, EventListed
from protocol.ids import CompetitionId, EventId
from protocol.liveness import Liveness
from protocol.venue import ConnectionConfig, Query, Reconnect, Terms, Venue

log = structlog.get_logger()

TOO_MANY_CHANNELS = "exceed_subscription_count"
ROUTER_BACKLOG = 16_384  # events: a burst of every market's image at once, several times over
SNAPSHOT_BACKLOG = 4_096


@attrs.frozen(kw_only=True)
class SessionSettings:
    """What a session hears, and how long it may be silent. Times in seconds."""

    rest_url: str
    competitions: tuple[CompetitionId, ...] = ()
    events: tuple[EventId, ...] = ()
    sub_kinds: tuple[str, ...] = ()
    most_events: int | None = None  # where nothing narrows them
    heartbeat_timeout_s: float | None = None  # without a health check; `None` is the venue's own
    config_refresh_s: float = 1800.0


class Tokens(Protocol):
    """Where a session gets the token that opens its socket."""

    async def token(self) -> str: ...
    async def wait_renewed(self, token: str) -> None: ...


@attrs.define(kw_only=True)
class Session:
    """Build one session's actors anew and run them in one nursery: what fails one of them ends all of them."""

    settings: SessionSettings
    dial: Dial
    ask: Ask
    tokens: Tokens
    venue: Venue
    terms: Callable[[EventListed], Terms]
    listings: Listings
    tracker: Mailbox[TrackerMessage]
    restarts: Mailbox[RestartWanted]
    publish: Callable[[MarketView], None]
    renew: Callable[[str], None]  # told why another session should follow this one
    complete: Callable[[int], None]  # told when every book is believed
    wake: Callable[[About], None]
    tally: Tally
    before: "Session | None" = attrs.field(default=None, repr=False)  # which serves, and is to be succeeded
    router: Router | None = attrs.field(default=None, init=False)
    snapshots: Mailbox[SnapshotWanted] = attrs.field(init=False)
    reconciler: Reconciler | None = attrs.field(default=None, init=False)

    async def run(self, epoch: int, ready: Callable[[int], None]) -> None:
        """Run until something fails; `ready` is called when it hears, a successor's when its books are believed too.

        Raises what failed, alone or in a group.
        """
        traits, rest = self.venue.traits, self.venue.rest
        call = rest.connection_config()
        config = None if call is None else await self.ask(call)
        token = await self.tokens.token()
        await self.listings.open()
        feed = self.venue.open_feed()
        coverage = Coverage(
            competitions=self.listings.competitions,
            events=self.listings.events,
            sub_kinds=self.settings.sub_kinds,
            limit=self.listings.channel_limit,
            by_event=traits.channel_by_event,
        )
        router_inbox = Mailbox[RouterMessage]("router", ROUTER_BACKLOG)
        self.snapshots = Mailbox[SnapshotWanted]("reconciler", SNAPSHOT_BACKLOG)
        ping = Mailbox[None]("ping", 1)
        pulse = Pulse(Liveness(feed.activity_timeout_s, traits.pong_timeout_s))
        books = traits.polls[Query.BOOKS]
        router = self.router = Router(
            epoch=epoch,
            inbox=router_inbox,
            snapshots=self.snapshots,
            publish=self.publish,
            terms=self.terms,
            tally=self.tally,
            book_age_s=traits.book_age_s,
            unread_age_s=books.every_s + traits.book_age_s,
            listing_lifts=not traits.refusals_explained,
            before=None if self.before is None else self.before.router,
        )
        self.reconciler = Reconciler(inbox=self.snapshots, outbox=router_inbox, ask=self.ask, rest=rest, poll=books)
        connection = Connection(
            url=self._url(config, token),
            dial=self.dial,
            ask=self.ask,
            feed=feed,
            reconnect_after=self.venue.reconnect_after,
            coverage=coverage,
            pulse=pulse,
            ping=ping,
            router=router_inbox,
            tracker=self.tracker,
            snapshots=self.snapshots,
            wake=self.wake,
            tally=self.tally,
        )
        given_s = self.settings.heartbeat_timeout_s
        watchdog = Watchdog(
            pulse=pulse,
            heartbeat_timeout_s=traits.heartbeat_timeout_s if given_s is None else given_s,
            restarts=self.restarts,
            ping=ping,
        )
        with self._learning_the_limit(coverage):
            async with trio.open_nursery() as nursery:
                await nursery.start(router.run)
                known = self.listings.known
                for event in known.values():
                    connection.hear(event)
                await nursery.start(connection.run)
                await nursery.start(self.reconciler.run)
                await nursery.start(watchdog.run)
                await nursery.start(self.listings.run, connection.hear, known)
                if config is not None:
                    nursery.start_soon(self._watch_config, config)
                if traits.socket_takes_token:
                    nursery.start_soon(self._watch_token, token)
                heard = coverage.heard
                if self.before is not None:
                    await router.wait_believed(heard)
                log.info("session_ready", venue=traits.venue, epoch=epoch, events=len(coverage.registered))
                ready(epoch)
                await router.wait_believed(heard)
                self.complete(epoch)

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

    def succeed(self) -> None:
        """Show the books from now on in the place of the session before, and go on from what it told."""
        assert self.router is not None, "it is ready"
        self.router.succeed()
        self.before = None

    async def compare_books(self) -> list[SnapshotTaken]:
        """Read every book once more, as the schedule would. Raises `SessionFailed`."""
        return await self.reconciler.read_all() if self.reconciler is not None else []

    def _url(self, config: ConnectionConfig | None, token: str) -> str:
        try:
            return self.venue.socket_url(self.settings.rest_url, config, token, release())
        except LocalProtocolError as error:
            raise SessionFailed(str(error), Reconnect.CHANGED) from error

    async def _watch_config(self, config: ConnectionConfig) -> None:
        call = self.venue.rest.connection_config()
        assert call is not None, "there was a configuration to read"
        while True:
            await trio.sleep(self.settings.config_refresh_s)
            try:
                newest = await self.ask(call)
            except (VenueError, AnswerLost, RemoteProtocolError) as error:
                log.warning("config_not_read", reason=str(error))
                continue
            if newest != config:
                self.renew("the connection configuration changed")
                return

    async def _watch_token(self, token: str) -> None:
        """Want another session when the token was renewed: the socket would die with the old one, at a worse moment."""
        await self.tokens.wait_renewed(token)
        self.renew("the token was renewed")
