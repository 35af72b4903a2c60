"""What a set of simulated worlds came to."""

import hashlib
import json
import textwrap
from collections import Counter
from collections.abc import Mapping

import attrs

from actors.simulation.auditor import Violation
from actors.simulation.simulate import Outcome

HOUR_S = 3600.0
WORLDS_FOR_EVERY_BRANCH = 100  # what is rare may be missing from fewer
SHOWN = 20  # failing worlds, in text
KEPT = 10  # violations of one world, among many worlds
WIDTH = 110


@attrs.frozen(kw_only=True)
class Broken:
    """A world in which a rule was broken; `more` violations are not kept."""

    seed: int
    violations: tuple[Violation, ...]
    more: int = 0


@attrs.define(kw_only=True)
class Report:
    """Sums over worlds. `faults` is as on the command line; without `required` no branch must have been reached.

    What was `interrupted` is never ok: nobody knows what the other worlds would have come to.
    """

    hours: float
    faults: str
    required: frozenset[str] = frozenset()
    kept: int = KEPT
    interrupted: bool = attrs.field(default=False, init=False)
    worlds: int = attrs.field(default=0, init=False)
    seconds: float = attrs.field(default=0.0, init=False)
    injected: Counter[str] = attrs.field(factory=Counter, init=False)
    reached: Counter[str] = attrs.field(factory=Counter, init=False)
    counts: Counter[str] = attrs.field(factory=Counter, init=False)
    rules: Counter[str] = attrs.field(factory=Counter, init=False)
    broken: list[Broken] = attrs.field(factory=list, init=False)
    _traces: dict[int, str] = attrs.field(factory=dict, init=False)

    def add(self, outcome: Outcome) -> None:
        self.worlds += 1
        self.seconds += outcome.seconds
        self.injected.update(outcome.injected)
        self.reached.update(outcome.reached)
        self.counts.update(outcome.counts)
        self._traces[outcome.seed] = outcome.trace
        if outcome.violations:
            self.rules.update(each.rule for each in outcome.violations)
            kept = outcome.violations[: self.kept]
            self.broken.append(Broken(seed=outcome.seed, violations=kept, more=len(outcome.violations) - len(kept)))

    @property
    def ok(self) -> bool:
        return not self.broken and not self.missing and not self.interrupted

    @property
    def missing(self) -> list[str]:
        """Return what should have happened by now, where everything could go wrong: rare branches, kinds of faults."""
        if self.faults != "all" or self.worlds < WORLDS_FOR_EVERY_BRANCH:
            return []
        return sorted(name for name in self.required if not self.reached[name] and not self.injected[name])

    @property
    def trace(self) -> str:
        """Return the hash of all traces: of the same seeds it is the same, in whichever order they came."""
        return hashlib.sha256("".join(self._traces[seed] for seed in sorted(self._traces)).encode()).hexdigest()

    def replay(self, seed: int) -> str:
        """Return the command that plays a world of the set again."""
        faults = "" if self.faults == "all" else f" --faults {self.faults}"
        return f"overround simulate --seed {seed} --hours {self.hours:.12g}{faults}"

    def pace(self, elapsed_s: float) -> str:
        """Say how fast it goes."""
        return (
            f"{self.worlds * 60 / max(elapsed_s, 0.001):.0f} worlds per minute, "
            f"{self.seconds / HOUR_S / max(elapsed_s, 0.001):.2f} virtual hours per second"
        )

    def as_text(self, elapsed_s: float) -> str:
        rows = [
            ("worlds", f"{self.worlds} in {elapsed_s:.1f} s: {self.pace(elapsed_s)}"),
            ("trace", self.trace),
            ("counts", listed(self.counts)),
            ("injected", listed(self.injected)),
            ("reached", listed(self.reached)),
        ]
        if self.missing:
            rows.append(("NEVER", ", ".join(self.missing)))
        if self.worlds:
            rows.append(("broken", listed(self.rules) if self.rules else "no rule in any world"))
        return "\n".join([*(_row(*row) for row in rows), *self._broken_text()])

    def _broken_text(self) -> list[str]:
        ordered = sorted(self.broken, key=lambda each: each.seed)
        lines = [line for each in ordered[:SHOWN] for line in ("", *self._world_text(each))]
        if len(ordered) > SHOWN:
            lines += ["", f"and {len(ordered) - SHOWN} more worlds: {_seeds(ordered[SHOWN:])}"]
        return lines

    def _world_text(self, broken: Broken) -> list[str]:
        more = [f"  and {broken.more} more"] if broken.more else []
        return [*(violation_text(each) for each in broken.violations), *more, f"  {self.replay(broken.seed)}"]

    def as_json(self, elapsed_s: float) -> str:
        """Return one line."""
        return json.dumps(
            {
                "worlds": self.worlds,
                "elapsed_s": round(elapsed_s, 3),
                "worlds_per_minute": round(self.worlds * 60 / max(elapsed_s, 0.001), 1),
                "virtual_hours_per_second": round(self.seconds / HOUR_S / max(elapsed_s, 0.001), 3),
                "trace": self.trace,
                "counts": dict(sorted(self.counts.items())),
                "injected": dict(sorted(self.injected.items())),
                "reached": dict(sorted(self.reached.items())),
                "missing": self.missing,
                "rules": dict(sorted(self.rules.items())),
                "violations": [
                    {"seed": each.seed, **attrs.asdict(violation), "replay": self.replay(each.seed)}
                    for each in sorted(self.broken, key=lambda each: each.seed)
                    for violation in each.violations
                ],
                "interrupted": self.interrupted,
                "ok": self.ok,
            },
            separators=(",", ":"),
        )


def violation_text(violation: Violation) -> str:
    return f"{violation.at_s:10.3f} s  {violation.rule}: {violation.text}"


def listed(counts: Mapping[str, int]) -> str:
    """Name what was counted, in the order of the alphabet."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing"


def _row(name: str, text: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=f"{name:>9}  ",
        subsequent_indent=" " * 11,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _seeds(broken: list[Broken]) -> str:
    return textwrap.shorten(" ".join(str(each.seed) for each in broken), WIDTH - 20, placeholder=" ...")
