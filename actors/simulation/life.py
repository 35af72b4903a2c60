"""One process of the bot on the simulated network and disk, from its start to its end."""

from collections.abc import Callable, Mapping
from random import Random

import attrs
import trio

from actors.bot import Bot, BotSettings
from actors.decisions.guard import Limits
from actors.entries import Entry
from actors.exchange.embedded import Embedded
from actors.io.disk import Disk
from actors.io.store import Store, Work
from actors.journal import Journal, JournalFailed, ignored, nothing
from actors.seat import SeatSettings
from actors.session import SessionSettings
from actors.simulation.network import Network
from actors.simulation.process import Point, Process
from actors.simulation.trader import Trader
from actors.strategy import Desk
from actors.supervision import first_leaf, first_named
from protocol.ids import VenueName
from protocol.venue import Tokens

CONFIG_REFRESH_S = 300.0  # so that a changed configuration is noticed before its sockets are closed


@attrs.define
class KeptTokens:
    """Tokens on a disk that outlives the process. Each is a secret."""

    secrets: set[str]
    tokens: Tokens | None = None

    def load(self, now_s: float) -> Tokens | None:
        return self.tokens

    async def save(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.secrets |= {tokens.access_token, tokens.refresh_token}


@attrs.define(kw_only=True)
class TappedJournal(Journal):
    """A journal of which somebody else is told what is left for it, and what has come onto the disk."""

    said: Callable[[Entry], None]
    written: Callable[[Entry], None]

    def write(self, entry: Entry, then: Callable[[], None] = nothing, failed: Callable[[str], None] = ignored) -> None:
        self.said(entry)

        def done() -> None:
            self.written(entry)
            then()

        super().write(entry, done, failed)


@attrs.define(kw_only=True, eq=False)
class Machine:
    """What outlives a process: disk, network, what the operator configured."""

    seed: int
    embedded: Mapping[VenueName, Embedded]
    networks: Mapping[VenueName, Network]
    tokens: Mapping[VenueName, KeptTokens]
    limits: Limits
    wall_ns: Callable[[], int]
    committed: Callable[[], None]
    said: Callable[[Entry], None]
    written: Callable[[Entry], None]
    disk: Disk = attrs.field(factory=Disk)

    def open_store(self) -> Store:
        return self.disk.open(Random(f"journal {self.seed}"))

    def start(self, trader: Callable[[int], Trader]) -> "Life":
        """Start a process. `trader` makes its strategy from the number of the run."""
        process = Process(self.wall_ns)
        store = self.open_store()
        process.deaths.append(self.disk.cut)
        inner = store.carry

        async def carry(work: Work) -> None:
            process.before(Point.COMMIT)
            await inner(work)
            self.committed()
            process.after(Point.COMMIT)

        store.carry = carry
        trades = trader(store.run)
        journal = TappedJournal(store=store, wall_ns=process.wall_ns, said=self.said, written=self.written)
        life = Life(process=process, trader=trades, journal=journal)

        async def trade(desk: Desk) -> None:
            life.desk = desk
            await trades(desk)

        seats = tuple(
            SeatSettings(
                venue=each.venue,
                session=SessionSettings(rest_url=f"http://{name}{each.path}", config_refresh_s=CONFIG_REFRESH_S),
                credentials=each.credentials,
            )
            for name, each in self.embedded.items()
        )
        life.bot = Bot(
            settings=BotSettings(seats=seats, limits=self.limits),
            strategies={"trader": trade},
            random=Random(f"bot {self.seed} {store.run}"),
            wall_ns=process.wall_ns,
            id_prefix="simulated",
            journal=life.journal,
            kept_tokens=self.tokens,
            dials={name: network.dialler(process) for name, network in self.networks.items()},
        )
        return life


@attrs.define(kw_only=True, eq=False)
class Life:
    """One process, and how it ended."""

    process: Process
    trader: Trader
    journal: Journal
    bot: Bot = attrs.field(init=False)
    desk: Desk | None = None
    stop_asked: bool = False
    crash: str | None = None
    journal_failed: bool = False
    tasks_left: int = 0  # beside the tree that it ran in

    @property
    def killed(self) -> bool:
        return self.process.dead

    def stop(self) -> None:
        self.stop_asked = True
        self.bot.stop()

    async def live(self) -> None:
        """Run until it is stopped, killed, or fails. Never raises what the bot does wrong."""
        before = _system_tasks()
        try:
            with self.process.scope:
                async with trio.open_nursery() as nursery:  # whatever it raises comes in a group
                    nursery.start_soon(self.bot.run)
        except BaseExceptionGroup as group:
            _, others = group.split((KeyboardInterrupt, trio.Cancelled))
            if others is None:
                raise
            self._end(others)
        if not self.killed:
            self.journal.close()
        self.tasks_left = _system_tasks() - before

    def _end(self, failures: BaseExceptionGroup[BaseException]) -> None:
        if self.killed:
            return
        self.journal_failed = first_named(failures, (JournalFailed,)) is not None
        if not self.journal_failed:
            self.crash = repr(first_leaf(failures))


def _system_tasks() -> int:
    root = trio.lowlevel.current_root_task()
    assert root is not None, "trio runs"
    return sum(len(nursery.child_tasks) for nursery in root.child_nurseries)
