"""Everything that a simulated run depends on, drawn from its seed."""

import enum
from collections.abc import Iterator
from random import Random

import attrs

from actors.decisions.guard import Limits
from actors.exchange.faults import Fault, Rule
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.exchange.satoriex.choices import WireChoices
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.simulation.network import Cut
from actors.simulation.process import Point
from protocol.ids import VenueName
from protocol.prophetx.venue import NAME as PROPHETX
from protocol.prophetx.wire import Dialect
from protocol.satoriex.venue import NAME as SATORIEX

CALM_S = 180.0  # at the end of every world nothing goes wrong any more: what is then still wrong was lost
HOUR_S = 3600.0


class Happening(enum.Enum):
    """What a venue does of itself."""

    GO_LIVE = "go_live"
    SETTLE = "settle"
    HALT = "halt"
    EXPIRE_TOKENS = "expire_tokens"
    CONFIG_CHANGE = "config_change"


# --- what goes wrong ---------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class RuleTrouble:
    """A fault that the exchange makes itself, again and again."""

    venue: VenueName
    rule: Rule

    @property
    def kind(self) -> str:
        return self.rule.fault.value


@attrs.frozen(kw_only=True)
class CutTrouble:
    """Something happens to the bytes between the bot and a venue. `for_s` counts where it lasts."""

    venue: VenueName
    how: Cut
    at_s: float
    for_s: float

    @property
    def kind(self) -> str:
        return self.how.value


@attrs.frozen(kw_only=True)
class Kill:
    """The process is killed, at a moment or around the nth such step after it.

    It is started again on the same journal.
    """

    at_s: float
    point: Point
    nth: int
    after: bool
    down_s: float

    @property
    def kind(self) -> str:
        return f"kill_{self.point.value}"


@attrs.frozen(kw_only=True)
class Restart:
    """The process is stopped in order, and started again."""

    at_s: float
    down_s: float

    @property
    def kind(self) -> str:
        return "restart"


@attrs.frozen(kw_only=True)
class ClockJump:
    """The wall clock of the process jumps."""

    at_s: float
    by_s: float

    @property
    def kind(self) -> str:
        return "clock_jump"


@attrs.frozen(kw_only=True)
class DiskFull:
    """The disk is full, until an operator has made room: the process stops, and is started again."""

    at_s: float

    @property
    def kind(self) -> str:
        return "disk_full"


@attrs.frozen(kw_only=True)
class DiskBroken:
    """No commit succeeds, until an operator has looked after it: the process stops, and is started again."""

    at_s: float

    @property
    def kind(self) -> str:
        return "disk_broken"


@attrs.frozen(kw_only=True)
class DiskSlow:
    """Every commit takes `by_s` for a while."""

    at_s: float
    for_s: float
    by_s: float

    @property
    def kind(self) -> str:
        return "disk_slow"


@attrs.frozen(kw_only=True)
class VenueTrouble:
    """A venue does something of itself; with `unseen_s` while nothing gets through for so long."""

    venue: VenueName
    what: Happening
    at_s: float
    unseen_s: float = 0.0

    @property
    def kind(self) -> str:
        return f"{self.what.value}_unseen" if self.unseen_s else self.what.value


@attrs.frozen(kw_only=True)
class Switch:
    """A strategy halts, or kills. An operator restarts the process, where that is planned, and later lifts it."""

    at_s: float
    kills: bool
    restarted_after_s: float | None = None
    lifted_after_s: float

    @property
    def kind(self) -> str:
        return "kill_switch" if self.kills else "halt_switch"


DiskTrouble = DiskFull | DiskBroken | DiskSlow
Trouble = RuleTrouble | CutTrouble | Kill | Restart | ClockJump | DiskTrouble | VenueTrouble | Switch

PROPHETX_FAULTS = frozenset(Fault)
SATORIEX_FAULTS = frozenset(Fault) - {Fault.LATE_FILL, Fault.MUTE_HEARTBEAT, Fault.CONFIG_CHANGE}
KINDS = frozenset(
    {fault.value for fault in Fault}
    | {cut.value for cut in Cut}
    | {f"kill_{point.value}" for point in Point}
    | {"restart", "clock_jump", "disk_full", "disk_broken", "disk_slow", "halt_switch", "kill_switch"}
    | {happening.value for happening in Happening}
    | {f"{happening.value}_unseen" for happening in (Happening.SETTLE, Happening.GO_LIVE)}
)
"""The names that something to go wrong goes by."""


# --- the world ---------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ProphetXWorld:
    dialect: Dialect
    settings: ExchangeSettings
    latency_s: float
    list_every_s: float


@attrs.frozen(kw_only=True)
class SatoriExWorld:
    settings: SatoriexSettings
    latency_s: float
    poll_s: float


@attrs.frozen(kw_only=True)
class World:
    """One world: who is there, how busy it is, and everything that goes wrong. Times in seconds from its beginning."""

    seed: int
    seconds: float
    prophetx: ProphetXWorld | None
    satoriex: SatoriExWorld | None
    limits: Limits
    actions_per_hour: float
    troubles: tuple[Trouble, ...]

    def rules(self, venue: VenueName) -> list[Rule]:
        """Return the faults that a venue makes itself."""
        return [each.rule for each in self.troubles if isinstance(each, RuleTrouble) and each.venue == venue]


def draw(seed: int, seconds: float, kinds: frozenset[str] | None = None) -> World:
    """Draw a world from a seed. Of what could go wrong only `kinds` do; all of them without."""
    dice = Random(f"world {seed}")
    which = dice.choices(("prophetx", "satoriex", "both"), (15, 4, 1))[0]
    prophetx = _draw_prophetx(dice) if which != "satoriex" else None
    satoriex = _draw_satoriex(dice) if which != "prophetx" else None
    venues = [name for name, there in ((PROPHETX, prophetx), (SATORIEX, satoriex)) if there is not None]
    limits = Limits(
        market_cents=dice.choice((10_000, 30_000, 50_000)),
        event_cents=dice.choice((10_000, 30_000, 60_000)),
        account_cents=dice.choice((10_000, 40_000, 250_000)),
        open_orders=dice.choice((5, 20, 100)),
        daily_loss_cents=dice.choice((2_000, 10_000, 50_000, 50_000)),
    )
    actions_per_hour = dice.choice((20.0, 30.0, 60.0)) if which != "both" else 20.0
    troubles = tuple(_draw_troubles(Random(f"troubles {seed}"), venues, seconds))
    return World(
        seed=seed,
        seconds=seconds,
        prophetx=prophetx,
        satoriex=satoriex,
        limits=limits,
        actions_per_hour=actions_per_hour,
        troubles=tuple(each for each in troubles if kinds is None or each.kind in kinds),
    )


def _draw_prophetx(dice: Random) -> ProphetXWorld:
    settings = ExchangeSettings(
        tournaments=1,
        events=1,
        crowd_books=dice.choice((2, 3, 3)),
        crowd_actions_per_s=dice.choice((0.005, 0.01, 0.02)),
        heartbeat_s=dice.choice((5.0, 10.0, 15.0, 15.0)),
        go_live_s=dice.choice((600.0, 1200.0, 2400.0)),
        settle_s=dice.choice((60.0, 300.0, 600.0)),
        history_lag_s=dice.choice((0.2, 1.0, 2.0)),
        history_age_told=dice.random() < 0.8,
        activation_delay_s=dice.choice(((0.005, 0.2), (0.1, 2.0))),
        access_token_life_s=dice.choice((300, 1200, 1200)),
        commission_bp=dice.choice((0, 200)),
    )
    dialect = dice.choices((Dialect.V4, Dialect.LEGACY), (3, 1))[0]
    return ProphetXWorld(
        dialect=dialect,
        settings=settings,
        latency_s=_draw_latency(dice),
        list_every_s=dice.choice((60.0, 300.0, 300.0)),
    )


def _draw_satoriex(dice: Random) -> SatoriExWorld:
    settings = SatoriexSettings(
        wire=WireChoices.drawn(dice) if dice.random() < 0.7 else WireChoices(),
        markets=1,
        crowd_actions_per_s=dice.choice((0.005, 0.01, 0.02)),
        trading_s=dice.choice((900.0, 1800.0, None)),
        match_delay_s=dice.choice(((0.05, 0.5), (0.5, 2.0))),
        cancel_delay_s=dice.choice(((0.0, 0.0), (0.1, 0.5))),
        access_token_life_s=dice.choice((600.0, 900.0, 1800.0)),
    )
    return SatoriExWorld(settings=settings, latency_s=_draw_latency(dice), poll_s=dice.choice((300.0, 600.0, 600.0)))


def _draw_latency(dice: Random) -> float:
    return dice.choice((0.0, 0.0, 0.0, 0.02, 0.2))


# --- what goes wrong in it ---------------------------------------------------------------------------------------

PER_HOUR = {
    Fault.DISCONNECT: 2.0,
    Fault.HALF_OPEN: 1.0,
    Fault.MUTE_HEARTBEAT: 1.0,
    Fault.CONFIG_CHANGE: 1.0,
}
"""How often what the exchange does of itself comes; all else is drawn at each opportunity."""
TO_ORDERS = frozenset({Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.SERVER_ERROR, Fault.SERVER_ERROR_AFTER})
TO_NEWS = frozenset({Fault.DROP, Fault.DELAY, Fault.LATE_FILL, Fault.DUPLICATE, Fault.REORDER, Fault.GARBAGE})
OFTEN = (0.05, 0.2, 0.5)  # where it is about orders alone
SELDOM = (0.0025, 0.0125, 0.05)
DELAYS_S = (0.5, 4.0, 20.0)
CODES = (500, 502)
CLOSES = (1006, 1006, 4100, 4200)


FOGGY = 0.3  # of all worlds
FOG = (
    Rule(fault=Fault.LOST_ANSWER, where="place", probability=0.25),
    Rule(fault=Fault.LOST_REQUEST, where="place", probability=0.1),
    Rule(fault=Fault.SERVER_ERROR_AFTER, where="place", probability=0.15),
    Rule(fault=Fault.DROP, where="order", probability=0.4),
    Rule(fault=Fault.SERVER_ERROR, where="history", probability=0.3),
    Rule(fault=Fault.SERVER_ERROR, where="orders", probability=0.3),
)
"""What comes of an order is hidden: its answer is lost, so is the news of it, and the list of orders cannot be read."""


def _draw_troubles(dice: Random, venues: list[VenueName], seconds: float) -> Iterator[Trouble]:
    hours = seconds / HOUR_S
    busy_s = max(seconds - CALM_S, seconds / 2)

    def moments(per_hour: float) -> list[float]:
        """Return when something happens that comes so often."""
        count = int(per_hour * hours + dice.random()) if dice.random() < 0.5 else 0
        return sorted(round(dice.uniform(20.0, busy_s), 3) for _ in range(count))

    for venue in venues:
        if dice.random() < FOGGY:
            yield from (RuleTrouble(venue=venue, rule=rule) for rule in FOG)
        for fault in sorted(PROPHETX_FAULTS if venue == PROPHETX else SATORIEX_FAULTS, key=lambda each: each.value):
            if dice.random() < 0.4:  # the others are off
                yield RuleTrouble(venue=venue, rule=_draw_rule(dice, fault, venue))
        for cut in Cut:
            for at_s in moments(1.2):
                for_s = round(dice.choice((3.0, 12.0, 40.0, 90.0)) * dice.random(), 3)
                yield CutTrouble(venue=venue, how=cut, at_s=at_s, for_s=for_s)
        for what in Happening:
            if (what is Happening.HALT) is (venue == PROPHETX) and what in (Happening.HALT,):
                continue
            if venue == SATORIEX and what in (Happening.GO_LIVE, Happening.CONFIG_CHANGE):
                continue
            for at_s in moments(1.0):
                unseen = what in (Happening.SETTLE, Happening.GO_LIVE) and dice.random() < 0.5
                unseen_s = round(dice.uniform(1.0, 60.0), 3) if unseen else 0.0
                yield VenueTrouble(venue=venue, what=what, at_s=at_s, unseen_s=unseen_s)
    for at_s in moments(2.0):
        point = dice.choice(tuple(Point))
        nth, after = dice.choice((1, 2, 3, 5, 10, 20)), dice.random() < 0.5
        yield Kill(at_s=at_s, point=point, nth=nth, after=after, down_s=dice.choice((0.1, 2.0, 30.0)))
    for at_s in moments(0.5):
        yield Restart(at_s=at_s, down_s=dice.choice((0.1, 5.0, 60.0)))
    for at_s in moments(2.0):
        yield ClockJump(at_s=at_s, by_s=dice.choice((-3600.0, -30.0, -1.5, 1.5, 30.0, 3600.0)))
    for at_s in moments(0.5):
        yield DiskFull(at_s=at_s)
    for at_s in moments(0.5):
        yield DiskBroken(at_s=at_s)
    for at_s in moments(1.0):
        yield DiskSlow(at_s=at_s, for_s=dice.choice((5.0, 30.0)), by_s=dice.choice((0.05, 0.5, 8.0)))
    for at_s in moments(1.0):
        if dice.random() < 0.5:
            yield Switch(at_s=at_s, kills=True, lifted_after_s=600.0)
        else:
            restarted_after_s, lifted_after_s = dice.choice((None, 30.0)), dice.choice((60.0, 600.0))
            yield Switch(at_s=at_s, kills=False, restarted_after_s=restarted_after_s, lifted_after_s=lifted_after_s)


def _draw_rule(dice: Random, fault: Fault, venue: VenueName) -> Rule:
    if fault in PER_HOUR:
        every_s = HOUR_S / PER_HOUR[fault] * dice.choice((0.5, 1.0, 3.0))
        codes = CLOSES if venue == PROPHETX else (1006, 1001, 1011)
        return Rule(fault=fault, every_s=every_s, delay_s=dice.choice((5.0, 40.0)), code=dice.choice(codes))
    where = None
    if fault in TO_ORDERS and dice.random() < 0.7:
        where = "place"
    elif fault in TO_NEWS and venue == PROPHETX and dice.random() < 0.5:
        where = "order"
    probability = dice.choice(OFTEN) if where else dice.choice(SELDOM)
    return Rule(
        fault=fault,
        where=where,
        probability=probability,
        delay_s=dice.choice(DELAYS_S) if fault is not Fault.THROTTLE else 1.0,
        code=dice.choice(CODES),
    )
