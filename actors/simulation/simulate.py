"""A world, run from its seed to its end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import assert_never

import attrs
import structlog
import trio

from actors.decisions import entry_text
from actors.decisions.guard import DAY_S
from actors.entries import Entry, Latch, Latched, Lifted, RunStarted
from actors.exchange.embedded import Embedded, OpenProphetX, OpenSatoriEx
from actors.exchange.http import Asked
from actors.io.store import Stamped
from actors.io.tables import StoreFailed
from actors.simulation.auditor import Auditor, Violation, Watched
from actors.simulation.backlog import mailboxes_of, overfull
from actors.simulation.book_watch import BookWatch
from actors.simulation.determinism import run_pinned
from actors.simulation.happenings import happen
from actors.simulation.honesty import Honesty
from actors.simulation.lateness import Lateness
from actors.simulation.life import KeptTokens, Life, Machine
from actors.simulation.network import Cut, Network
from actors.simulation.promises import book_healed_s, order_heard_s, socket_silent_s
from actors.simulation.recording import Recording
from actors.simulation.trader import Trader
from actors.simulation.verdict import Verdict
from actors.simulation.world import (
    CALM_S,
    KINDS,
    ClockJump,
    CutTrouble,
    DiskBroken,
    DiskFull,
    DiskSlow,
    DiskTrouble,
    Kill,
    Restart,
    RuleTrouble,
    Switch,
    Trouble,
    VenueTrouble,
    World,
)
from actors.strategy import Desk
from protocol.ids import SelectionId, VenueName
from protocol.satoriex.venue import SatoriEx

EPOCH_NS = 1_790_000_000 * 10**9
LOOK_EVERY_S = 30.0
LOSS_GRACE_S = 100.0  # from the news of a result until nothing leaves any more
BOOKS_EVERY = 2  # looks: they are the dear part of one
MAILBOXES_EVERY = 10
STOP_LIMIT_S = 400.0  # a safe stop is bounded far below
READY_LIMIT_S = 200.0  # until a process trades, where nothing goes wrong
RESTART_S = 5.0  # after a process that ended by itself
RESTING_S = 5.0  # until orders rest that a switch is to find
LATCHED_S = 600.0  # how long an operator lets the day's loss stand

REQUIRED = KINDS | frozenset(
    {
        "activation_overdue",
        "answer_not_json",
        "book_not_read",
        "books_doubted",
        "flatness_not_read",
        "funds_not_read",
        "journal_failed",
        "killed",
        "latched",
        "login_failed",
        "lost_order_found",
        "order_outcome_unknown",
        "orders_doubted",
        "requests_held",
        "session_lost",
        "session_not_opened",
        "session_superseded",
        "successor_failed",
        "token_refreshed",
    }
)
"""What must have happened at least once over many worlds: every kind of fault, and these log events of the bot."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What a world came to. `trace` is a hash of what went over the wire and onto the disk, and when.

    Of what the bot says on a socket, which is masked at random, it has the moments alone.
    """

    seed: int
    seconds: float
    trace: str
    violations: tuple[Violation, ...]
    injected: Mapping[str, int]
    reached: Mapping[str, int]
    counts: Mapping[str, int]


def simulate(world: World, log: Sequence[structlog.typing.Processor] = ()) -> Outcome:
    """Run a world to its end. Whatever the bot does wrong is a violation, and is not raised.

    What is logged goes on to the processors of `log`, with the virtual time.
    """
    simulation = Simulation(world=world, recording=Recording(log=tuple(log)))
    with simulation.recording.listening():
        run_pinned(world.seed, simulation.run)
    return simulation.outcome()


@attrs.define(kw_only=True, eq=False)
class Simulation:
    """The exchanges, the network, the machine, and one process after another."""

    world: World
    recording: Recording
    embedded: dict[VenueName, Embedded] = attrs.field(factory=dict)
    networks: dict[VenueName, Network] = attrs.field(factory=dict)
    machine: Machine = attrs.field(init=False)
    auditor: Auditor = attrs.field(init=False)
    watch: BookWatch = attrs.field(init=False)
    honesty: Honesty = attrs.field(init=False)
    lateness: Lateness = attrs.field(init=False)
    injected: Counter[str] = attrs.field(factory=Counter)
    counts: Counter[str] = attrs.field(factory=Counter)
    _offset_ns: int = 0
    _slow_until_s: float = 0.0
    _slow_by_s: float = 0.0
    _disk_broken: bool = False
    _disk_faulted: bool = False  # since it was last mended
    _life: Life | None = None
    _doom: str = ""  # what is to kill it
    _said_filled: Counter[SelectionId] = attrs.field(factory=Counter)  # as of the last look
    _down_s: float = RESTART_S
    _lift: set[Latch] = attrs.field(factory=set)
    _unwritten: set[Latch] = attrs.field(factory=set)  # latches that fell, and are not on the disk yet
    _over: bool = False

    def outcome(self) -> Outcome:
        return Outcome(
            seed=self.world.seed,
            seconds=self.world.seconds,
            trace=self.recording.trace,
            violations=tuple(self.auditor.violations.values()),
            injected=dict(sorted(self.injected.items())),
            reached=dict(sorted(self.recording.reached.items())),
            counts=dict(sorted(self.counts.items())),
        )

    # --- building ---

    def _build(self) -> None:
        world = self.world
        if world.prophetx is not None:
            opening = OpenProphetX(
                settings=world.prophetx.settings,
                dialect=world.prophetx.dialect,
                list_every_s=world.prophetx.list_every_s,
            )
            self._join(opening.open(_true_ns, world.seed, "none", 1.0), world.prophetx.latency_s)
        if world.satoriex is not None:
            venue = SatoriEx(poll_s=world.satoriex.poll_s)
            other = OpenSatoriEx(settings=world.satoriex.settings, venue=venue)
            self._join(other.open(_true_ns, world.seed, "none", 1.0), world.satoriex.latency_s)
        self.honesty = Honesty(embedded=self.embedded, violate=lambda *words: self.auditor.violate(*words))
        self.machine = Machine(
            seed=world.seed,
            embedded=self.embedded,
            networks=self.networks,
            tokens={name: KeptTokens(self.recording.secrets) for name in self.embedded},
            limits=world.limits,
            wall_ns=lambda: _true_ns() + self._offset_ns,
            committed=lambda: self.recording.note("commit"),
            said=self._said,
            written=self._written,
        )
        self.machine.disk.before_commit = self._wait_for_disk
        traits = {name: each.venue.traits for name, each in self.embedded.items()}
        heard = {name: order_heard_s(each, world.rules(name)) for name, each in traits.items()}
        self.auditor = Auditor(
            venues={
                name: Watched(
                    network=self.networks[name],
                    truth=each.orders,
                    named=traits[name].orders_named,
                    silent_s=socket_silent_s(traits[name]),
                    won_micro=each.won_micro if traits[name].orders_named else None,
                )
                for name, each in self.embedded.items()
            },
            limits=world.limits,
            loss_grace_s=max(heard.values()) + LOSS_GRACE_S,
            now_s=trio.current_time,
            day=lambda: self.machine.wall_ns() // 10**9 // DAY_S,
        )
        self.recording.violate = self.auditor.violate
        self.watch = BookWatch({name: book_healed_s(each, world.rules(name)) for name, each in traits.items()})
        self.lateness = Lateness(limits_s=heard, violate=self.auditor.violate)

    def _written(self, entry: Entry) -> None:
        if not isinstance(entry, RunStarted):  # which release it is changes nothing
            self.recording.note("entry", entry_text.written(entry).encode())
        self.honesty.written(entry)
        if isinstance(entry, Latched):
            self._unwritten.discard(entry.latch)

    def _said(self, entry: Entry) -> None:
        self.honesty.said(entry)
        self.lateness.said(entry)

    def _join(self, embedded: Embedded, latency_s: float) -> None:
        name = embedded.venue.traits.venue
        self.embedded[name] = embedded
        self.recording.secrets |= {embedded.credentials.secret, embedded.credentials.user}
        self.networks[name] = Network(
            dial_venue=embedded.exchange.dial,
            random=Random(f"network {name} {self.world.seed}"),
            latency_s=latency_s,
            note=lambda kind, data: self.recording.note(f"{kind} {name}", data),
        )

        def arrived(endpoint: str, asked: Asked) -> None:
            self.counts["requests"] += 1
            if endpoint == "place":
                self.auditor.placing(name)
                self.honesty.placing(name, asked)

        embedded.exchange.watch(arrived)

    # --- running ---

    async def run(self) -> None:
        """Run the world to its end."""
        self._build()
        async with trio.open_nursery() as nursery:
            for each in self.embedded.values():
                await nursery.start(each.exchange.run)
            nursery.start_soon(self._keep_time)
            nursery.start_soon(self._look)
            while not await self._live():  # noqa: ASYNC110  # a process is down for a while
                await trio.sleep(self._down_s)
            nursery.cancel_scope.cancel()
        self._count()

    async def _live(self) -> bool:
        """Run one process to its end; tell whether the world has ended too."""
        self.counts["lives"] += 1
        self._lift_latches()
        life = self._life = self.machine.start(self._trader)
        self.auditor.started()
        self.lateness.restart()
        await life.live()
        self._life = None
        if life.killed:
            self.recording.reached["killed"] += 1
            self.injected[self._doom] += 1
            for latch in self._unwritten:
                self.auditor.lifted(latch)  # nobody was told that it stands
            self._unwritten.clear()
            return self._over
        if life.crash is not None:
            self.recording.look_for_secrets("a crash", life.crash)
            self.auditor.violate("crashed", life.crash)
            self._over = True  # it would only crash again
        elif life.journal_failed:
            if not self._disk_faulted:
                self.auditor.violate("journal", f"it failed on a disk that works: {life.journal.failure}")
            self._mend_disk()
            self._down_s = RESTART_S
        elif not life.stop_asked:
            self.auditor.violate("ended", "the bot ended by itself")
        self.auditor.flat(life.bot.flat)
        self._judge_leftovers(life)
        if self._over:
            self._judge(life)
        return self._over

    def _judge_leftovers(self, life: Life) -> None:
        """Judge what a process that was not killed leaves behind: nothing runs, nothing is open."""
        if life.tasks_left:
            self.auditor.violate("tasks left", f"{life.tasks_left} tasks run after the bot ended")
        for name, network in self.networks.items():
            if network.open_of(life.process):
                text = f"{network.open_of(life.process)} to {name} after the bot ended"
                self.auditor.violate("connections left", text)

    def _judge(self, life: Life) -> None:
        """Judge the last stop: nothing goes wrong any more, so nothing may be unknown."""
        entries = list(self.machine.disk.entries())
        for entry in entries:
            self.recording.look_for_secrets(type(entry).__name__, repr(entry))
        verdict = Verdict(auditor=self.auditor, embedded=self.embedded, networks=self.networks)
        verdict.judge_stop(life.bot)
        verdict.judge_entries(entries)
        verdict.judge_pace()
        if self.counts["lives"] == 1:
            verdict.judge_told(life.bot, life.trader.filled, self._said_filled)

    def _trader(self, run: int) -> Trader:
        return Trader(
            random=Random(f"trader {self.world.seed} {run}"),
            actions_per_hour=self.world.actions_per_hour,
            asked=self.auditor.note_asked,
            cancelled=self.auditor.note_cancelled,
        )

    def _mend_disk(self) -> None:
        self.machine.disk.free()
        self._disk_broken = False
        self._disk_faulted = trio.current_time() < self._slow_until_s  # nobody makes it faster

    def _lift_latches(self) -> None:
        """Do what an operator does between two runs."""
        if not self._lift:
            return
        self._mend_disk()
        store = self.machine.open_store()
        there = [latch for latch in Latch if latch in self._lift and latch in store.recalled.latches]
        store.append([Stamped(Lifted(latch=latch, reason="looked into"), self.machine.wall_ns()) for latch in there])
        for latch in there:
            store.forget(latch)
        store.close()
        for latch in self._lift:
            self.auditor.lifted(latch)
        self._lift.clear()

    # --- what goes wrong ---

    async def _keep_time(self) -> None:
        calm_s = self.world.seconds - CALM_S
        troubles = [trouble for trouble in self.world.troubles if not isinstance(trouble, RuleTrouble)]
        timed = [(trouble.at_s, trouble) for trouble in troubles if trouble.at_s < calm_s]
        for name, each in self.embedded.items():
            each.exchange.faults.add(*self.world.rules(name))
        async with trio.open_nursery() as nursery:
            for at_s, trouble in sorted(timed, key=lambda each: each[0]):
                await trio.sleep_until(at_s)
                nursery.start_soon(self._do, trouble)
            await trio.sleep_until(calm_s)
            nursery.cancel_scope.cancel()
        self._calm()
        await trio.sleep_until(self.world.seconds)
        self._over = True
        with trio.move_on_after(READY_LIMIT_S + STOP_LIMIT_S):
            while True:  # until the world ends: a process that is down begins once more, to be judged
                late = trio.current_time() > self.world.seconds + READY_LIMIT_S
                if self._life is not None and (late or self._life.bot.ready.is_set()):
                    self._stop_life()
                await trio.sleep(1.0)
        self.auditor.violate("never stops", f"still running {STOP_LIMIT_S:g} s after it was told to stop")

    def _calm(self) -> None:
        if self._life is not None:
            self._life.process.pardon()
        for name, each in self.embedded.items():
            each.exchange.faults.clear()
            self.networks[name].heal()
        self._slow_until_s = 0.0

    async def _do(self, trouble: Trouble) -> None:
        self._disk_faulted |= isinstance(trouble, DiskTrouble)
        if not isinstance(trouble, Kill | VenueTrouble | Switch):  # which may find nothing to happen to
            self.injected[trouble.kind] += 1
        match trouble:
            case RuleTrouble():
                pass
            case CutTrouble():
                self.networks[trouble.venue].cut(trouble.how, trouble.for_s)
            case Kill():
                self._down_s = trouble.down_s
                if self._life is not None:
                    self._doom = trouble.kind
                    self._life.process.doom(trouble.point, trouble.nth, after=trouble.after)
            case Restart():
                self._down_s = trouble.down_s
                self._stop_life()
            case ClockJump():
                self._offset_ns += int(trouble.by_s * 10**9)
            case DiskFull():
                self.machine.disk.fill()
            case DiskBroken():
                self._disk_broken = True
            case DiskSlow():
                self._slow_until_s, self._slow_by_s = trio.current_time() + trouble.for_s, trouble.by_s
            case VenueTrouble():
                if trouble.unseen_s:
                    self.networks[trouble.venue].cut(Cut.BLACKOUT, trouble.unseen_s)
                dice = Random(f"happening {self.world.seed} {trouble.at_s}")
                if happen(self.embedded[trouble.venue], trouble.what, dice):
                    self.injected[trouble.kind] += 1
            case Switch():
                await self._switch(trouble)
            case _:
                assert_never(trouble)

    async def _switch(self, trouble: Switch) -> None:
        """Have the strategy halt or kill while its orders rest; an operator lifts that in a while."""
        if self._life is not None and self._life.desk is not None:
            self._life.trader.crowd(self._life.desk)
        await trio.sleep(RESTING_S)
        life = self._life
        if life is None or life.desk is None:
            return
        self.injected[trouble.kind] += 1
        (life.desk.kill if trouble.kills else life.desk.halt)("as planned")
        latch = Latch.KILL if trouble.kills else Latch.HALT
        self._unwritten.add(latch)
        self.auditor.latched(latch)
        if trouble.restarted_after_s is not None:
            await trio.sleep(trouble.restarted_after_s)
            self._stop_life()
        await trio.sleep(trouble.lifted_after_s)
        self._lift.add(latch)
        self._stop_life()

    def _stop_life(self) -> None:
        if self._life is not None:
            self.auditor.stopped()
            self._life.trader.stopping.set()
            self._life.stop()

    async def _wait_for_disk(self) -> None:
        if self._disk_broken:
            raise StoreFailed("memory: disk I/O error; look after the disk")
        if trio.current_time() < self._slow_until_s:
            await trio.sleep(self._slow_by_s)

    # --- looking ---

    async def _look(self) -> None:
        latched_s, looks = 0.0, 0
        while True:
            await trio.sleep(LOOK_EVERY_S)
            life, truth = self._life, {name: each.orders() for name, each in self.embedded.items()}
            desk = life.desk if life is not None and life.bot.ready.is_set() else None
            self.auditor.look(truth, None if desk is None else desk.orders)
            self._said_filled = self.lateness.filled()
            lines = [name for name, network in self.networks.items() if desk is not None and network.is_open]
            self.lateness.look(truth, LOOK_EVERY_S, lines)
            looks += 1
            if desk is not None and looks % BOOKS_EVERY == 0:
                self._look_at_books(desk)
            if life is not None and looks % MAILBOXES_EVERY == 0:
                self._look_at_mailboxes(life)
            latched = life is not None and Latch.DAILY_LOSS in life.bot.latches
            latched_s = latched_s + LOOK_EVERY_S if latched else 0.0
            if latched_s >= LATCHED_S:
                self._lift.add(Latch.DAILY_LOSS)
                self._stop_life()

    def _look_at_books(self, desk: Desk) -> None:
        truth = {key: sides for each in self.embedded.values() for key, sides in each.books().items()}
        shown = [view for view in desk.markets.values() if view.epoch == desk.epochs.get(view.terms.venue)]
        wrong = self.watch.look(shown, truth, trio.current_time())
        if wrong is not None:
            self.auditor.violate("wrong book", f"{wrong[0]} has been wrong for {wrong[1]:.0f} s, and is called live")

    def _look_at_mailboxes(self, life: Life) -> None:
        full = overfull(mailboxes_of(life.bot))
        if full is not None:
            self.auditor.violate("backlog", full)

    def _count(self) -> None:
        for each in self.embedded.values():
            self.injected.update({fault.value: n for fault, n in each.exchange.faults.happened.items()})
            orders = each.orders()
            self.counts["orders"] += len(orders)
            self.counts["fills"] += sum(order.filled > 0 for order in orders)
        self.counts["asked"] = len(self.auditor.asked)


def _true_ns() -> int:
    return EPOCH_NS + int(trio.current_time() * 10**9)
