"""What an account has, as REST says."""

import math
from collections.abc import Callable

import attrs
import structlog
import trio

from actors.mailbox import Mailbox
from actors.messages import NAMED, Ask, FundsRead
from protocol.belief import Unknown
from protocol.events import MarketSettled
from protocol.ids import VenueName
from protocol.venue import Poll, Rest

log = structlog.get_logger()

MAX_TRIES = 5
TRY_AGAIN_S = 1.0


@attrs.define(kw_only=True)
class Funds:
    """Read the balance, the holdings and the results: on the venue's schedule, and when woken."""

    venue: VenueName
    ask: Ask
    rest: Rest
    poll: Poll
    heard: Callable[[FundsRead | MarketSettled], None]
    wall_ns: Callable[[], int]
    woken: Mailbox[None] = attrs.field(factory=lambda: Mailbox("funds", 1))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        if self.poll.every_s == math.inf:
            return
        while True:
            for reading in (self._read_results, self.read):
                try:
                    await reading()
                except NAMED as error:
                    log.warning("funds_not_read", venue=self.venue, reason=str(error))
                    self.woken.offer(None)
            await trio.sleep(self.poll.apart_s)
            with trio.move_on_after(max(self.poll.every_s - self.poll.apart_s, 0.0)):
                await self.woken.take()

    async def read(self) -> FundsRead:
        """Read what there is once. Raises what `ask` raises."""
        asked_at_s, as_of_ns = trio.current_time(), self.wall_ns()
        holdings = self.rest.holdings()
        held = Unknown("the venue does not list it") if holdings is None else await self.ask(holdings)
        balance = await self.ask(self.rest.balance())
        funds = FundsRead(venue=self.venue, balance=balance, held=held, asked_at_s=asked_at_s, as_of_ns=as_of_ns)
        self.heard(funds)
        return funds

    async def read_all(self) -> FundsRead | None:
        """Read the results, the money that they brought, and what came meanwhile; `None` after a few tries in vain."""
        for _ in range(MAX_TRIES):
            try:
                await self._read_results()
                funds = await self.read()
                await self._read_results()
                return funds
            except NAMED as error:
                log.warning("funds_not_read", venue=self.venue, reason=str(error))
                await trio.sleep(TRY_AGAIN_S)
        return None

    async def _read_results(self) -> None:
        call = self.rest.results()
        for settled in () if call is None else await self.ask(call):
            self.heard(settled)
