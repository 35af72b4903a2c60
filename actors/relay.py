"""How one session follows another."""

import math
from collections.abc import Callable
from functools import partial

import attrs
import structlog
import trio

from actors.mailbox import Mailbox
from actors.messages import NAMED, MarketView, SessionFailed
from actors.session import Session
from actors.supervision import Backoff, failure_of, supervise
from actors.tally import Tally
from protocol.book import BookStatus
from protocol.ids import BookKey
from protocol.venue import Reconnect, Traits

log = structlog.get_logger()

SUCCESSION_S = 120.0  # to connect, and to read 400 events, ten of them a second, twice


@attrs.define(kw_only=True, eq=False)
class Leg:
    """One session of the relay."""

    epoch: int
    session: Session
    settled: trio.Event = attrs.field(factory=trio.Event)  # it serves, or it has failed
    up: bool = False
    failure: Exception | None = None
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def run(self, ready: Callable[[int], None]) -> None:
        with self.scope:
            await self.session.run(self.epoch, ready)


@attrs.define(kw_only=True, repr=False)
class Relay:
    """Run one session after another, with a gap only where the venue leaves no choice.

    When what a session was built on has changed, and the venue bears two sockets, its successor is made ready beside
    it. The one that serves shows its books, and its failure ends both; that of a successor ends nothing else.
    """

    traits: Traits
    build: Callable[[Session | None], Session]  # given the session that is to be succeeded, if any
    publish: Callable[[MarketView], None]
    ready: Callable[[int], None]
    lost: Callable[[int, Exception], Reconnect]
    backoff: Backoff
    tally: Tally
    serving: Leg | None = attrs.field(default=None, init=False)
    _shown: dict[BookKey, MarketView] = attrs.field(factory=dict, init=False)
    _epoch: int = attrs.field(default=0, init=False)
    _lost_at_s: float = attrs.field(default=math.inf, init=False)
    _renewals: Mailbox[str] = attrs.field(factory=lambda: Mailbox("renewals", 1), init=False)

    def renew(self, reason: str) -> None:
        """Have another session follow, one that is built on what is now so."""
        self._renewals.offer(reason)  # one that waits says it all

    def show(self, view: MarketView) -> None:
        """Publish a view, if its session serves."""
        if self.serving is not None and view.epoch == self.serving.epoch:
            self._shown[view.key] = view
            self.publish(view)

    def complete(self, epoch: int) -> None:
        """Let the books go that the session which serves has not brought back: nobody hears them any more."""
        gone = [view for view in self._shown.values() if view.epoch != epoch]
        for view in gone:
            del self._shown[view.key]
            self.publish(attrs.evolve(view, epoch=epoch, status=BookStatus.SUSPENDED, changes=()))

    async def run(self) -> None:
        """Run sessions until cancelled. Raises what has no name, as it came."""
        await supervise(self._lead, restart_on=NAMED, lost=self._lose, backoff=self.backoff)

    async def _lead(self) -> None:
        """Run a session and its successors, until the one that serves fails."""
        self._renewals.take_nowait()
        self.serving = leg = self._open(None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run, leg, partial(self._begin, leg))
            await leg.settled.wait()
            while True:
                reason = (await self._renewals.take())[-1]
                if not self.traits.second_socket:
                    raise SessionFailed(reason, Reconnect.AT_ONCE)
                log.info("session_renewed", venue=self.traits.venue, reason=reason)
                await self._succeed(nursery)

    async def _run(self, leg: Leg, ready: Callable[[int], None]) -> None:
        leg.failure = await failure_of(partial(leg.run, ready), NAMED)
        leg.settled.set()
        if leg.failure is not None and leg is self.serving:
            raise leg.failure

    async def _succeed(self, nursery: trio.Nursery) -> None:
        """Open sessions beside the one that serves until one takes over."""
        wait_s = self.backoff.beside_s(trio.current_time())
        while True:
            await trio.sleep(wait_s)
            assert self.serving is not None, "its failure would have ended this"
            self._renewals.take_nowait()  # what is built now is built on all of it
            leg = self._open(self.serving.session)
            nursery.start_soon(self._run, leg, partial(self._take_over, leg))
            with trio.move_on_after(SUCCESSION_S):
                await leg.settled.wait()
            if leg is self.serving:
                return
            leg.scope.cancel()
            reason = leg.failure or f"not ready in {SUCCESSION_S:g} s"
            log.warning("successor_failed", venue=self.traits.venue, epoch=leg.epoch, reason=str(reason))
            wait_s = self.backoff.next_s(Reconnect.CHANGED, 0.0, trio.current_time())  # no hurry: the books are live

    # --- decisions ---

    def _open(self, before: Session | None) -> Leg:
        self._epoch += 1
        return Leg(epoch=self._epoch, session=self.build(before))

    def _begin(self, leg: Leg, epoch: int) -> None:
        self.tally.sessions_started += 1
        if self._lost_at_s != math.inf:
            self.tally.restart_s_max = max(self.tally.restart_s_max, trio.current_time() - self._lost_at_s)
            self._lost_at_s = math.inf
        leg.up = True
        self.ready(epoch)
        leg.settled.set()

    def _take_over(self, leg: Leg, epoch: int) -> None:
        """Let a successor serve, in one step: no book is dead meanwhile, and nothing is told twice."""
        before, self.serving = self.serving, leg
        assert before is not None, "it succeeds one that serves"
        leg.session.succeed()
        self.backoff.failures = 0
        self._begin(leg, epoch)
        log.info("session_superseded", venue=self.traits.venue, epoch=before.epoch, successor=epoch)
        before.scope.cancel()

    def _lose(self, failure: Exception) -> Reconnect:
        leg, self.serving = self.serving, None
        assert leg is not None, "one was serving"
        event = "session_lost" if leg.up else "session_not_opened"
        log.warning(event, venue=self.traits.venue, epoch=leg.epoch, reason=str(failure))
        if leg.up:
            self.tally.sessions_lost += 1
            self._lost_at_s = trio.current_time()
        return self.lost(leg.epoch, failure)
