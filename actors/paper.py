"""A bot on the embedded exchange, in one process."""

from collections.abc import Awaitable, Callable, Mapping
from random import Random

import attrs
import trio

from actors.bot import Bot, BotSettings
from actors.console.summary import Summary
from actors.decisions.audit import Audit, Fate, compare_books, compare_orders
from actors.decisions.guard import Limits
from actors.exchange.catalogue import Catalogue
from actors.exchange.exchange import Exchange
from actors.exchange.faults import Faults, preset
from actors.exchange.settings import ExchangeSettings
from actors.io.transport import Dial, dial_tcp
from actors.maker import MarketMaker
from actors.session import SessionSettings
from actors.strategy import Strategy, quoting
from protocol.ids import ClientOrderIds
from protocol.prophetx.wire import Dialect

LOOPBACK = "127.0.0.1"
PAPER_EXCHANGE = ExchangeSettings(go_live_s=12.0, settle_s=5.0, stagger_s=30.0)
"""Events begin and end within a short run, so that the wipe and the settlement are seen."""


@attrs.define(kw_only=True)
class Paper:
    """An exchange, and a bot that trades on it.

    `run_on_loopback` uses real sockets; `run_in_memory` needs no network and works under a mock clock.
    """

    wall_ns: Callable[[], int]
    seed: int = 0
    strategies: Mapping[str, Strategy] = attrs.field(factory=lambda: {"maker": quoting(MarketMaker())})
    dialect: Dialect = Dialect.V4
    session: SessionSettings = attrs.field(factory=lambda: SessionSettings(rest_url=""))
    limits: Limits = attrs.field(factory=Limits)
    exchange_settings: ExchangeSettings = PAPER_EXCHANGE
    catalogue: Catalogue | None = None
    faults: str = "none"
    fault_scale: float = 1.0  # how many times as seldom what goes wrong by itself does
    exchange: Exchange = attrs.field(init=False)
    bot: Bot = attrs.field(init=False)
    _stopped: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        rules = Faults(Random(f"faults {self.seed}"))
        rules.add(*preset(self.faults, self.fault_scale))
        self.exchange = Exchange.create(
            wall_ns=self.wall_ns,
            random=Random(f"exchange {self.seed}"),
            settings=self.exchange_settings,
            faults=rules,
            catalogue=self.catalogue,
        )
        self.bot = self._bot("http://exchange", self.exchange.dial)

    def stop(self) -> None:
        """Begin the safe stop, also of a bot that is still to be built."""
        self._stopped = True
        self.bot.stop()

    async def run_on_loopback(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Summary:
        """Trade over loopback sockets until stopped."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.exchange.run)
            _, port = await nursery.start(self.exchange.serve_tcp, LOOPBACK, 0)
            self.bot = self._bot(f"http://{LOOPBACK}:{port}/partner", dial_tcp)
            if self._stopped:
                self.bot.stop()
            task_status.started()
            await self.bot.run()
            nursery.cancel_scope.cancel()
        return self.summary()

    async def run_in_memory(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Summary:
        """Trade over streams in memory until stopped."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.exchange.run)
            task_status.started()
            await self.bot.run()
            nursery.cancel_scope.cancel()
        return self.summary()

    async def run_on_loopback_for(self, seconds: float) -> Summary:
        """Trade over loopback sockets for a while, then stop safely."""
        return await self._run_for(self.run_on_loopback, seconds)

    async def run_in_memory_for(self, seconds: float) -> Summary:
        """Trade over streams in memory for a while, then stop safely."""
        return await self._run_for(self.run_in_memory, seconds)

    async def _run_for(self, run: Callable[[], Awaitable[Summary]], seconds: float) -> Summary:
        async def stop() -> None:
            await trio.sleep(seconds)
            self.stop()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            summary = await run()
            nursery.cancel_scope.cancel()
        return summary

    def summary(self) -> Summary:
        """Return the numbers of the run, held against the exchange's own ledger."""
        return Summary(
            tally=self.bot.tally,
            limit_cents=self.limits.account_cents,
            audit=self.audit(),
            flat_on_exit=self.bot.flat,
            profit_cents=self.bot.profit_cents,
        )

    def audit(self) -> Audit:
        """Count the differences between what the bot believes and what the exchange's ledger says."""
        truth = self.exchange.truth()
        owns = ClientOrderIds(self.bot.id_prefix).owns
        fates = {name: Fate(each.status, each.filled_cents) for name, each in truth.orders.items() if owns(name)}
        orders, fills = compare_orders(self.bot.own_orders(), fates)
        believed = self.bot.wallet_cents()
        wallet = truth.balance.cash_cents - truth.balance.matched_cents
        return Audit(
            orders=orders,
            fills=fills,
            balance_cents=None if believed is None else abs(believed - wallet),
            books=compare_books(self.bot.books(), truth.books),
        )

    def _bot(self, rest_url: str, dial: Dial) -> Bot:
        return Bot(
            settings=BotSettings(
                session=attrs.evolve(self.session, rest_url=rest_url, dialect=self.dialect),
                credentials=self.exchange.credentials,
                limits=attrs.evolve(self.limits, commission_bp=self.exchange_settings.commission_bp),
            ),
            strategies=self.strategies,
            random=Random(f"bot {self.seed}"),
            wall_ns=self.wall_ns,
            id_prefix=f"paper-{self.seed}",
            dial=dial,
            stopping=self.exchange.freeze,
        )
