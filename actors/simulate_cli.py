"""The command that simulates whole worlds."""

import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import click
import structlog
import trio
from rich.console import Console

from actors.console.logs import LEVELS, RecentLines, configure_logs
from actors.options import NumberRange
from actors.simulation import as_test, hunt, shrink
from actors.simulation import simulate as simulation
from actors.simulation.auditor import Violation
from actors.simulation.mutants import MUTANTS
from actors.simulation.mutation import changed
from actors.simulation.progress import progress
from actors.simulation.recording import from_level
from actors.simulation.report import HOUR_S, Report, violation_text
from actors.simulation.runner import open_process, run_worlds
from actors.simulation.worker import Task, bounded, perform
from actors.simulation.world import KINDS, draw

CLEAN, BROKEN, INTERRUPTED = 0, 1, 130
SEEDS, MUTANT_SEEDS = range(100), range(200)
NAMES = {mutant.name: mutant for mutant in MUTANTS}


class _Seeds(click.ParamType[range]):
    name = "A..B"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> range:
        if isinstance(value, range):
            return value
        first, dots, last = str(value).partition("..")
        if not (first.isdecimal() and (last.isdecimal() if dots else not last)):
            self.fail(f"{value!r} is not like 0..99", param, ctx)
        found = range(int(first), int(last if dots else first) + 1)
        if not found:
            self.fail(f"{value!r} is empty", param, ctx)
        return found


class _Faults(click.ParamType[str]):
    name = "all|none|LIST"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        names = [each.strip().lower() for each in str(value).split(",")]
        unknown = [] if names in (["all"], ["none"]) else [each or "''" for each in names if each not in KINDS]
        if unknown:
            known = f"all or none, or a list of {', '.join(sorted(KINDS))}"
            self.fail(f"unknown: {', '.join(unknown)}; known are {known}", param, ctx)
        return ",".join(names)


@click.command()
@click.argument("names", nargs=-1, metavar="[MUTANT]...")
@click.option("--seeds", type=_Seeds(), help="The worlds to simulate, both ends included. [default: 0..99]")
@click.option("--seed", type=click.IntRange(min=0), help="One world, told in full.")
@click.option(
    "--hours",
    type=NumberRange(min=0, max=math.inf, min_open=True, max_open=True),
    default=1.0,
    show_default=True,
    help="Of a world.",
)
@click.option("--faults", type=_Faults(), default="all", show_default=True, help="What may go wrong, by kinds.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worlds at a time. [default: one for each processor]")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON line, the last of stdout.")
@click.option("--log-level", type=click.Choice(list(LEVELS)), help="Of the log on stderr, with --seed.")
@click.option("--shrink", "shrinking", is_flag=True, help="Cut the failing world of --seed to the fewest faults.")
@click.option("--as-test", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write that one as a test.")
@click.option("--mutants", is_flag=True, help="Say how many worlds it takes to find each planted bug, or those named.")
def simulate(
    names: tuple[str, ...],
    seeds: range | None,
    seed: int | None,
    hours: float,
    faults: str,
    jobs: int | None,
    as_json: bool,
    log_level: str | None,
    shrinking: bool,
    path: Path | None,
    mutants: bool,
) -> None:
    """Simulate whole worlds in virtual time.

    A seed is a world: the bot, the exchanges, and everything that goes wrong between them. Exit status: 0 when no rule
    was broken, 1 when one was, 130 after Ctrl-C.
    """
    _refuse(names and not mutants, "a mutant is named without --mutants")
    _refuse(seed is not None and seeds is not None, "--seed and --seeds exclude each other")
    _refuse(mutants and seed is not None, "--mutants takes --seeds")
    _refuse(shrinking and seed is None, "--shrink needs --seed")
    _refuse(path is not None and not shrinking, "--as-test needs --shrink")
    _refuse(log_level is not None and (seed is None or shrinking), "--log-level is for a single world: --seed")
    unknown = [name for name in names if name not in NAMES]
    _refuse(unknown, f"unknown mutants: {', '.join(unknown)}")
    _refuse_outdated(names if names or not mutants else tuple(NAMES))
    playing = _Playing(hours=hours, faults=faults, jobs=jobs or os.cpu_count() or 1, as_json=as_json)
    if mutants:
        sys.exit(playing.hunt_down(names or tuple(NAMES), MUTANT_SEEDS if seeds is None else seeds))
    if seed is None:
        sys.exit(playing.many(SEEDS if seeds is None else seeds))
    sys.exit(playing.cut(seed, path) if shrinking else playing.one(seed, log_level))


def _refuse(wrong: object, why: str) -> None:
    if wrong:
        raise click.UsageError(why)


def _refuse_outdated(names: tuple[str, ...]) -> None:
    """Let no mutant count as found because it could not be planted."""
    try:
        for name in names:
            changed(NAMES[name])
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _finished(work: Callable[[], None]) -> bool:
    """Tell whether it came to its end; Ctrl-C ends it before."""
    finished = True
    try:
        work()
    except* KeyboardInterrupt:
        click.echo("interrupted: this is not the whole of it", err=True)
        finished = False
    return finished


@attrs.frozen(kw_only=True)
class _Playing:
    """Each of the things that the command does. They return the exit status."""

    hours: float
    faults: str
    jobs: int
    as_json: bool
    console: Console = attrs.field(factory=lambda: Console(stderr=True))

    def many(self, seeds: range) -> int:
        started_s = time.monotonic()
        report = self._report()
        with progress(self.console, len(seeds), time.monotonic) as advance:

            def seen(outcome: simulation.Outcome) -> None:
                report.add(outcome)
                advance(f"{report.pace(time.monotonic() - started_s)}, {len(report.broken)} broken")

            report.interrupted = not _finished(lambda: self._play(seeds, seen))
        self._print(report, time.monotonic() - started_s)
        return self._status(report.ok, not report.interrupted)

    def one(self, seed: int, log_level: str | None) -> int:
        configure_logs(log_level or "error", None if log_level else RecentLines())
        started_s = time.monotonic()
        report = self._report(kept=sys.maxsize)
        log = (from_level(log_level), *structlog.get_config()["processors"]) if log_level else ()
        task = self._task(seed)
        world = draw(task.seed, task.seconds, task.kinds)
        report.interrupted = not _finished(lambda: report.add(bounded(simulation.simulate(world, log))))
        self._print(report, time.monotonic() - started_s)
        return self._status(report.ok, not report.interrupted)

    def cut(self, seed: int, path: Path | None) -> int:
        configure_logs("error", RecentLines())
        task = self._task(seed)
        world = draw(task.seed, task.seconds, task.kinds)
        broken: list[Violation] = []

        def work() -> None:
            broken.extend(simulation.simulate(world).violations)
            if not broken:
                click.echo(f"no rule is broken in the world of seed {seed}: there is nothing to shrink")
                return
            self._tell(shrink.shrink(world, broken[0], simulation.simulate, self.console.print), path)

        finished = _finished(work)
        return self._status(not broken, finished)

    def _tell(self, smallest: shrink.Smallest, path: Path | None) -> None:
        click.echo(as_test.source(smallest.world))
        click.echo(violation_text(smallest.violation))
        if path is None:
            click.echo(
                f"  {self._report().replay(smallest.world.seed)} --shrink --as-test test_{smallest.world.seed}.py"
            )
            return
        path.write_text(as_test.as_test(smallest), encoding="utf-8")
        click.echo(f"  pytest {path}")

    def hunt_down(self, names: tuple[str, ...], seeds: range) -> int:
        hunts: list[hunt.Hunt] = []
        with progress(self.console, len(names), time.monotonic) as advance:

            def seen(each: hunt.Hunt) -> None:
                hunts.append(each)
                advance(f"{each.mutant}: {each.rule or 'not found'} after {each.worlds} worlds")

            tasks = [self._task(seed) for seed in seeds]
            finished = _finished(
                lambda: trio.run(lambda: hunt.hunt_all(names, tasks, open_process, seen, jobs=self.jobs))
            )
        click.echo(hunt.as_json(hunts) if self.as_json else hunt.as_text(hunts))
        return self._status(all(each.found for each in hunts), finished)

    def _play(self, seeds: range, seen: Callable[[simulation.Outcome], None]) -> None:
        tasks = map(self._task, seeds)
        if self.jobs > 1:
            trio.run(lambda: run_worlds(tasks, open_process, seen, jobs=min(self.jobs, len(seeds))))
            return
        configure_logs("error", RecentLines())
        for task in tasks:
            seen(bounded(perform(task)))

    def _task(self, seed: int) -> Task:
        kinds = {"all": None, "none": frozenset[str]()}.get(self.faults, frozenset(self.faults.split(",")))
        return Task(seed=seed, seconds=self.hours * HOUR_S, kinds=kinds)

    def _report(self, **kept: int) -> Report:
        return Report(hours=self.hours, faults=self.faults, required=simulation.REQUIRED, **kept)

    def _print(self, report: Report, elapsed_s: float) -> None:
        click.echo(report.as_json(elapsed_s) if self.as_json else report.as_text(elapsed_s))

    def _status(self, ok: bool, finished: bool) -> int:
        if not finished:
            return INTERRUPTED
        return CLEAN if ok else BROKEN
