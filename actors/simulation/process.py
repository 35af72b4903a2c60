"""One life of the simulated process: it can be killed at any await, and nothing of it goes on after that."""

import enum
from collections.abc import Callable

import attrs
import trio


class ProcessKilled(BaseException):
    """The process is dead. Nothing in the bot may catch this, as nothing catches SIGKILL."""


class Point(enum.Enum):
    """Where a process can be killed: at a moment, or around one of these steps."""

    MOMENT = "moment"
    SEND = "send"  # bytes on their way to a venue
    RECEIVE = "receive"  # bytes from one
    COMMIT = "commit"  # of the journal


@attrs.define(eq=False)
class Process:
    """Whether a process lives, and what is due to kill it. Every door that is handed to the bot asks here first."""

    wall: Callable[[], int]
    dead: bool = False
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    deaths: list[Callable[[], None]] = attrs.field(factory=list)  # what the operating system does when it is gone
    _point: Point = Point.MOMENT
    _left: int = 0
    _after: bool = False

    def doom(self, point: Point, nth: int, *, after: bool) -> None:
        """Have the process killed around the nth such step from now on, or at this moment."""
        self._point, self._left, self._after = point, nth, after
        if point is Point.MOMENT:
            self.kill()

    def pardon(self) -> None:
        """Let it live."""
        self._left = 0

    def check(self) -> None:
        """Let nothing be done by a dead process."""
        if self.dead:
            raise ProcessKilled

    def before(self, point: Point) -> None:
        """Begin a step; it is not done if this raises."""
        self.check()
        if point is self._point and not self._after:
            self._count()

    def after(self, point: Point) -> None:
        """End a step that was done."""
        if point is self._point and self._after:
            self._count()

    def kill(self) -> None:
        if self.dead:
            return
        self.dead = True
        self.scope.cancel()
        for happen in self.deaths:
            happen()

    def wall_ns(self) -> int:
        self.check()
        return self.wall()

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.kill()
            raise ProcessKilled
