"""No heartbeat, no session."""

import math

import attrs
import trio

from actors.mailbox import Mailbox
from actors.messages import RestartWanted, SessionFailed
from protocol.liveness import Liveness
from protocol.venue import Reconnect


@attrs.define
class Pulse:
    """When the session was last heard. Written by the connection on every frame, which a message each would slow."""

    liveness: Liveness
    heartbeat_s: float = math.inf  # the last health check; `inf` until the private channel is up

    def heard(self, now_s: float) -> None:
        self.liveness.heard(now_s)

    def beat(self, now_s: float) -> None:
        self.heartbeat_s = now_s


@attrs.define(kw_only=True)
class Watchdog:
    """End the session when the venue has gone silent, in either of two ways, or when somebody has proof of it.

    Health checks come every 5 s, and any frame proves the peer; a socket that is open but dead gives neither.
    """

    pulse: Pulse
    heartbeat_timeout_s: float
    restarts: Mailbox[RestartWanted]
    ping: Mailbox[None]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch until something is wrong. Raises `SessionFailed`."""
        self.restarts.take_nowait()  # what was wanted of the session before this one is done
        task_status.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_restarts)
            while True:
                now_s = trio.current_time()
                self._check(now_s)
                due_s = self.pulse.liveness.ping_due_s
                if due_s is not None and due_s <= now_s:
                    self.ping.offer(None)
                    self.pulse.liveness.pinged(now_s)
                await trio.sleep_until(self._next_s())

    def _next_s(self) -> float:
        liveness = self.pulse.liveness
        silent_s = self.pulse.heartbeat_s + self.heartbeat_timeout_s
        if liveness.ping_due_s is not None:
            return min(silent_s, liveness.ping_due_s)
        assert liveness.dead_at_s is not None, "a ping is due, or one is under way"
        again_s = trio.current_time() + liveness.activity_timeout_s  # its answer may come, and the next be due
        return min(silent_s, liveness.dead_at_s, again_s)

    def _check(self, now_s: float) -> None:
        if now_s >= self.pulse.heartbeat_s + self.heartbeat_timeout_s:
            raise SessionFailed(f"no health check for {self.heartbeat_timeout_s:g} s")
        dead_at_s = self.pulse.liveness.dead_at_s
        if dead_at_s is not None and now_s >= dead_at_s:
            raise SessionFailed("no pong", Reconnect.AT_ONCE)

    async def _watch_restarts(self) -> None:
        wanted = await self.restarts.take()
        raise SessionFailed(wanted[0].reason, Reconnect.AT_ONCE)
