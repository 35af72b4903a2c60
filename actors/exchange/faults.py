"""What goes wrong, where, and how often."""

import enum
from collections.abc import Callable, Iterable
from random import Random

import attrs


class Fault(enum.Enum):
    # to a frame on its way out
    DROP = "drop"
    DELAY = "delay"
    LATE_FILL = "late_fill"  # a delay of private fills alone
    DUPLICATE = "duplicate"
    REORDER = "reorder"  # changes places with the next one
    GARBAGE = "garbage"
    # to a socket: with a frame, or from time to time
    DISCONNECT = "disconnect"  # `code` is the close code; 1006 cuts the connection without one
    HALF_OPEN = "half_open"  # nothing in or out any more, and no close
    MUTE_HEARTBEAT = "mute_heartbeat"  # for `delay_s`
    CONFIG_CHANGE = "config_change"  # a new application key; the sockets of the old one are closed after `delay_s`
    # to a request
    SERVER_ERROR = "server_error"  # before anything was done
    SERVER_ERROR_AFTER = "server_error_after"  # done, then an error
    LOST_REQUEST = "lost_request"  # not done, the connection is cut
    LOST_ANSWER = "lost_answer"  # done, then the connection is cut; with `delay_s`, after that long a silence
    THROTTLE = "throttle"
    SLOW_ANSWER = "slow_answer"
    # to an order
    INVALID_ORDER = "invalid_order"  # its activation fails, as if funds were short


FRAME = frozenset({Fault.DROP, Fault.DELAY, Fault.LATE_FILL, Fault.DUPLICATE, Fault.REORDER, Fault.GARBAGE})
SOCKET = frozenset({Fault.DISCONNECT, Fault.HALF_OPEN, Fault.MUTE_HEARTBEAT, Fault.CONFIG_CHANGE})
REQUEST = frozenset(
    {
        Fault.SERVER_ERROR,
        Fault.SERVER_ERROR_AFTER,
        Fault.LOST_REQUEST,
        Fault.LOST_ANSWER,
        Fault.THROTTLE,
        Fault.SLOW_ANSWER,
    }
)
ORDER = frozenset({Fault.INVALID_ORDER})
assert set(Fault) == FRAME | SOCKET | REQUEST | ORDER


@attrs.frozen(kw_only=True)
class Rule:
    """One thing that goes wrong.

    `where` names an endpoint ("place", "cancel", "history"...) or a change type ("order", "market_selections",
    "health_check"...); None is everywhere. With `every_s` it happens by itself, at random moments that far apart on
    average; without, it is drawn at each opportunity. `times` ends it.
    """

    fault: Fault
    where: str | None = None
    probability: float = 1.0
    times: int | None = None
    every_s: float | None = None
    delay_s: float = 0.0
    code: int = 1006


def as_seldom(rules: Iterable[Rule], scale: float) -> tuple[Rule, ...]:
    """Return rules of which what happens by itself comes `scale` times as seldom."""
    return tuple(rule if rule.every_s is None else attrs.evolve(rule, every_s=rule.every_s * scale) for rule in rules)


@attrs.define(eq=False)
class _Active:
    rule: Rule
    left: int | None
    due_s: float | None = None

    @property
    def is_spent(self) -> bool:
        return self.left is not None and self.left <= 0


@attrs.define(eq=False)
class Faults:
    """Hold the rules that are in force, and draw from them."""

    random: Random
    changed: Callable[[], None] = lambda: None  # called when a timed rule was added
    happened: dict[Fault, int] = attrs.field(factory=dict, init=False)
    _active: list[_Active] = attrs.field(factory=list, init=False)

    def add(self, *rules: Rule) -> None:
        self._active.extend(_Active(rule, rule.times) for rule in rules)
        self.changed()

    def clear(self) -> None:
        self._active.clear()
        self.changed()

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(active.rule for active in self._active)

    def draw(self, kinds: frozenset[Fault], where: str) -> Rule | None:
        """Return what goes wrong now with something of these kinds, or None. The first rule that hits counts."""
        for active in self._active:
            rule = active.rule
            if rule.fault not in kinds or rule.every_s is not None or rule.where not in (None, where):
                continue
            if rule.probability >= 1 or self.random.random() < rule.probability:
                self._count(active)
                return rule
        return None

    def next_timed_s(self, now_s: float) -> float | None:
        """Return when something next happens by itself."""
        return min((self._due(active, now_s) for active in self._active if active.rule.every_s), default=None)

    def draw_timed(self, now_s: float) -> tuple[Rule, ...]:
        """Return what happens by itself by now."""
        due = [each for each in self._active if each.rule.every_s and self._due(each, now_s) <= now_s]
        for active in due:
            active.due_s = None
            self._count(active)
        return tuple(active.rule for active in due)

    def _due(self, active: _Active, now_s: float) -> float:
        if active.due_s is None:
            active.due_s = now_s + self.random.expovariate(1 / (active.rule.every_s or 1.0))
        return active.due_s

    def _count(self, active: _Active) -> None:
        self.happened[active.rule.fault] = self.happened.get(active.rule.fault, 0) + 1
        if active.left is not None:
            active.left -= 1
            if active.is_spent:
                self._active.remove(active)
