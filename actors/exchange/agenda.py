"""What falls due, and when."""

import heapq
from collections.abc import Callable

import attrs

Action = Callable[[int], None]
"""Do what was due, given the present in unix nanoseconds."""


@attrs.define
class Agenda:
    """Keep actions in the order of their moments; those of one moment in the order in which they came."""

    changed: Callable[[], None] = lambda: None  # called when something may be due earlier than before
    _due: list[tuple[int, int, Action]] = attrs.field(factory=list, init=False)
    _added: int = attrs.field(default=0, init=False)

    def add(self, due_ns: int, action: Action) -> None:
        self._added += 1
        heapq.heappush(self._due, (due_ns, self._added, action))
        self.changed()

    @property
    def next_ns(self) -> int | None:
        return self._due[0][0] if self._due else None

    def advance(self, now_ns: int) -> None:
        """Do everything that is due, each at its own moment, also what that adds."""
        while self._due and self._due[0][0] <= now_ns:
            due_ns, _, action = heapq.heappop(self._due)
            action(due_ns)
