import itertools
import subprocess
import sys

import attrs
import pytest
import structlog

from actors.decisions import entry_text
from actors.entries import RunStarted
from actors.exchange.faults import Fault, Rule
from actors.simulation.determinism import run_pinned
from actors.simulation.network import Cut
from actors.simulation.process import Point
from actors.simulation.recording import Recording
from actors.simulation.simulate import RESTING_S, Outcome, Simulation, simulate
from actors.simulation.worker import Task, outcome_read, written
from actors.simulation.world import (
    CALM_S,
    ClockJump,
    CutTrouble,
    DiskBroken,
    DiskSlow,
    Happening,
    Kill,
    Restart,
    RuleTrouble,
    Switch,
    Trouble,
    VenueTrouble,
    World,
    draw,
)
from protocol.ids import VenueName
from protocol.prophetx.venue import NAME as PROPHETX
from protocol.satoriex.venue import NAME as SATORIEX

NOTHING = frozenset[str]()
BUSY_PER_HOUR, HASTY_PER_HOUR = 300.0, 900.0  # actions: so many that a short world has orders
AT_S = 30.0


@pytest.fixture(scope="module")
def quiet() -> World:
    """A world with a minute in which a test can have something go wrong."""
    return busy_world(PROPHETX, CALM_S + 60.0, NOTHING)


def busy_world(venue: VenueName, seconds: float, kinds: frozenset[str] | None = None) -> World:
    """Return the first world that is on this venue alone, with more done in it than was drawn."""
    drawn = (draw(seed, seconds, kinds) for seed in itertools.count())
    world = next(each for each in drawn if venues(each) == [venue])
    return attrs.evolve(world, actions_per_hour=BUSY_PER_HOUR)


def venues(world: World) -> list[VenueName]:
    there = {PROPHETX: world.prophetx, SATORIEX: world.satoriex}
    return [name for name, each in there.items() if each is not None]


def with_trouble(world: World, *troubles: Trouble) -> Outcome:
    return simulate(attrs.evolve(world, troubles=troubles))


def test_a_process_that_is_down_at_the_end_begins_once_more_to_be_judged(quiet):
    outcome = with_trouble(quiet, Restart(at_s=AT_S, down_s=quiet.seconds))

    assert (outcome.violations, outcome.counts["lives"]) == ((), 2)


def test_a_latch_that_dies_with_its_process_before_it_is_on_the_disk_did_not_fall(quiet):
    dying = Kill(at_s=AT_S + RESTING_S, point=Point.COMMIT, nth=1, after=False, down_s=0.1)
    switch = Switch(at_s=AT_S, kills=True, lifted_after_s=600.0)

    outcome = with_trouble(attrs.evolve(quiet, actions_per_hour=HASTY_PER_HOUR), dying, switch)

    assert (outcome.violations, outcome.counts["lives"], outcome.injected["kill_switch"]) == ((), 2, 1)
    assert outcome.counts["orders"] > 0


def test_a_switch_finds_orders_that_rest(quiet):
    idle = attrs.evolve(quiet, actions_per_hour=0.001)

    outcome = with_trouble(idle, Switch(at_s=AT_S, kills=True, lifted_after_s=600.0))

    assert (outcome.violations, outcome.counts["lives"]) == ((), 1)
    assert outcome.counts["orders"] > 1


@pytest.mark.parametrize("venue", [PROPHETX, SATORIEX])
def test_in_a_quiet_world_it_trades_and_no_rule_is_broken(venue):
    world = attrs.evolve(busy_world(venue, 120.0, NOTHING), actions_per_hour=HASTY_PER_HOUR)

    outcome = simulate(world)

    assert (outcome.seed, outcome.seconds) == (world.seed, 120.0)
    assert (outcome.violations, outcome.injected) == ((), {})
    assert outcome.counts["lives"] == 1
    moved = outcome.reached.get("session_lost", 0) + outcome.reached.get("session_superseded", 0)
    assert outcome.reached["session_ready"] == 1 + moved  # when the trader wants other markets
    assert outcome.counts.keys() == {"asked", "fills", "lives", "orders", "requests"}
    assert outcome.counts["requests"] > outcome.counts["asked"] >= outcome.counts["orders"] > 0
    assert len(outcome.trace) == 64


@pytest.mark.parametrize("venue", [PROPHETX, SATORIEX])
def test_where_everything_goes_wrong_no_rule_is_broken(venue):
    outcome = simulate(busy_world(venue, 600.0))

    assert outcome.violations == ()
    assert len(outcome.injected) >= 3
    assert outcome.counts["orders"] > 0


@attrs.define(kw_only=True)
class Noting(Recording):
    """A recording that keeps the entries."""

    entries: list[str] = attrs.field(factory=list)

    def note(self, kind: str, data: bytes = b"") -> None:
        if kind == "entry":
            self.entries.append(data.decode())


def test_every_entry_on_the_disk_is_noted():
    simulation = Simulation(world=draw(0, 60.0, NOTHING), recording=Noting())

    with simulation.recording.listening():
        run_pinned(0, simulation.run)

    entries = [each for each in simulation.machine.disk.entries() if not isinstance(each, RunStarted)]
    assert simulation.recording.entries == [entry_text.written(each) for each in entries]
    assert len(entries) > 1


def test_another_seed_gives_another_trace():
    assert len({simulate(draw(seed, 20.0, NOTHING)).trace for seed in (0, 0, 2)}) == 2


@pytest.mark.parametrize(
    ("trouble", "reached"),
    [
        (Kill(at_s=AT_S, point=Point.MOMENT, nth=1, after=False, down_s=2.0), "killed"),
        (DiskBroken(at_s=AT_S), "journal_failed"),
        (Switch(at_s=AT_S, kills=False, lifted_after_s=10.0), "latched"),
        (Switch(at_s=AT_S, kills=True, lifted_after_s=10.0), "latched"),
    ],
    ids=["kill", "disk_broken", "halt_switch", "kill_switch"],
)
def test_what_ends_a_life_is_followed_by_another(quiet, trouble, reached):
    outcome = with_trouble(quiet, trouble)

    assert outcome.violations == ()
    assert outcome.injected == {trouble.kind: 1}
    assert outcome.reached[reached] > 0
    assert outcome.counts["lives"] == 2


def test_what_goes_wrong_is_done_and_counted(quiet):
    troubles = (
        ClockJump(at_s=20.0, by_s=3600.0),
        DiskSlow(at_s=25.0, for_s=20.0, by_s=0.05),
        CutTrouble(venue=PROPHETX, how=Cut.RESET, at_s=30.0, for_s=0.0),
        VenueTrouble(venue=PROPHETX, what=Happening.SETTLE, at_s=40.0, unseen_s=5.0),
        Restart(at_s=50.0, down_s=2.0),
    )

    outcome = with_trouble(quiet, *troubles)

    assert outcome.violations == ()
    assert outcome.injected == {trouble.kind: 1 for trouble in troubles}
    assert outcome.reached["session_lost"] > 0
    assert outcome.counts["lives"] == 2


def test_what_finds_nothing_to_happen_to_is_not_counted(quiet):
    kill = Kill(at_s=AT_S, point=Point.SEND, nth=10**6, after=False, down_s=2.0)
    halt = VenueTrouble(venue=PROPHETX, what=Happening.HALT, at_s=AT_S)

    outcome = with_trouble(quiet, kill, halt)

    assert (outcome.violations, outcome.injected) == ((), {})


def test_what_the_exchange_does_itself_is_counted_too(quiet):
    rule = Rule(fault=Fault.SERVER_ERROR, probability=0.5, code=502)

    outcome = with_trouble(quiet, RuleTrouble(venue=PROPHETX, rule=rule))

    assert outcome.violations == ()
    assert list(outcome.injected) == ["server_error"]


def test_in_the_calm_nothing_goes_wrong(quiet):
    outcome = with_trouble(quiet, Restart(at_s=61.0, down_s=2.0))

    assert (outcome.injected, outcome.counts["lives"]) == ({}, 1)


def test_what_is_logged_goes_on_with_the_virtual_time():
    seen: list[structlog.typing.EventDict] = []

    def keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        seen.append(dict(event))
        raise structlog.DropEvent

    before = structlog.get_config()
    outcome = simulate(draw(0, 20.0, NOTHING), [keep])

    assert outcome == simulate(draw(0, 20.0, NOTHING))
    assert len(seen) == sum(outcome.reached.values())
    assert [each["at_s"] for each in seen] == sorted(each["at_s"] for each in seen)
    assert structlog.get_config() == before


@pytest.mark.parametrize(
    ("mutant", "rule"),
    [
        ("secret_in_the_log", "secret"),
        ("secret_in_a_detail", "secret"),
        ("secret_in_a_crash", "secret"),
        ("connections_stay_open", "connections left"),
        ("journal_fails_by_itself", "journal"),
    ],
)
def test_a_bot_with_a_planted_bug_is_found(mutant, rule):
    done = subprocess.run(
        [sys.executable, "-m", "actors.simulation.mutation", mutant],
        input=written(Task(seed=0, seconds=10.0, kinds=NOTHING)),
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )

    assert outcome_read(done.stdout).violations[0].rule == rule
