import math

import pytest
import trio

from actors.mailbox import Mailbox
from actors.messages import RestartWanted, SessionFailed
from actors.watchdog import Pulse, Watchdog
from protocol.liveness import Liveness
from protocol.venue import Reconnect


def watchdog(**heard: float) -> Watchdog:
    return Watchdog(
        pulse=Pulse(Liveness(120.0), **heard),
        heartbeat_timeout_s=30.0,
        restarts=Mailbox("restarts", 1),
        ping=Mailbox("ping", 1),
    )


async def failure_of(watching: Watchdog) -> SessionFailed:
    with trio.fail_after(1000), pytest.RaisesGroup(pytest.RaisesExc(SessionFailed)) as raised:
        await watching.run()
    (failed,) = raised.value.exceptions
    assert isinstance(failed, SessionFailed)
    return failed


async def test_no_health_check_for_30_s_ends_the_session(autojump_clock):
    watching = watchdog(heartbeat_s=0.0)

    failed = await failure_of(watching)

    assert trio.current_time() == 30.0
    assert (str(failed), failed.reconnect) == ("no health check for 30 s", Reconnect.ORDINARY)


async def test_health_checks_keep_it_up_and_other_frames_do_not(autojump_clock):
    watching = watchdog(heartbeat_s=0.0)

    async def venue() -> None:
        for _ in range(10):
            await trio.sleep(20)
            watching.pulse.heard(trio.current_time())
            watching.pulse.beat(trio.current_time())
        while True:
            await trio.sleep(5)
            watching.pulse.heard(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(venue)
        await failure_of(watching)
        nursery.cancel_scope.cancel()

    assert trio.current_time() == 230.0


async def test_a_silent_peer_is_pinged_and_given_up_without_a_pong(autojump_clock):
    watching = watchdog()  # the private channel is not up yet

    failed = await failure_of(watching)

    assert trio.current_time() == 150.0
    assert watching.ping.take_nowait() == [None]
    assert (str(failed), failed.reconnect) == ("no pong", Reconnect.AT_ONCE)


async def test_any_frame_answers_a_ping(autojump_clock):
    watching = watchdog()

    async def venue() -> None:
        await watching.ping.take()
        await trio.sleep(29)
        watching.pulse.heard(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(venue)
        await failure_of(watching)

    assert trio.current_time() == 120 + 29 + 120 + 30


async def test_proof_of_a_deaf_session_ends_it_at_once(autojump_clock):
    watching = watchdog()
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _() -> None:
            await trio.sleep(7)
            watching.restarts.put(RestartWanted("no activation of x-1"))

        failed = await failure_of(watching)

    assert trio.current_time() == 7.0
    assert (str(failed), failed.reconnect) == ("no activation of x-1", Reconnect.AT_ONCE)


async def test_what_was_wanted_of_the_session_before_is_done(autojump_clock):
    watching = watchdog()
    watching.restarts.put(RestartWanted("an old one"))

    with trio.move_on_after(60) as alive:
        await watching.run()

    assert alive.cancelled_caught


def test_no_heartbeat_is_missed_before_the_private_channel_is_up():
    assert Pulse(Liveness(120.0)).heartbeat_s == math.inf
