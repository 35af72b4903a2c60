from random import Random

import attrs
import pytest
import trio

from actors.exchange.pipe import LIMIT, MemoryStream, open_pipe
from actors.simulation.network import CRUMB, FIRST_CRUMB, FOREVER_S, LASTING, Cut, Link, Network
from actors.simulation.process import Point, Process, ProcessKilled

HANDSHAKE = b"GET /feed HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
TEXT = bytes(range(100))
LONG_S = 3600.0  # nothing here takes so long; what takes longer never comes


@attrs.define(eq=False)
class Wire:
    """A network to a venue that is the test's own."""

    latency_s: float = 0.0
    process: Process = attrs.field(factory=lambda: Process(lambda: 0))
    venues: list[MemoryStream] = attrs.field(factory=list)  # the other ends
    notes: list[tuple[str, bytes]] = attrs.field(factory=list)
    network: Network = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.network = Network(
            dial_venue=self._accept,
            random=Random(1),
            latency_s=self.latency_s,
            note=lambda kind, data: self.notes.append((kind, data)),
        )

    async def _accept(self) -> MemoryStream:
        ours, theirs = open_pipe()
        self.venues.append(theirs)
        return ours

    async def dial(self) -> tuple[Link, MemoryStream]:
        """Return the two ends of a new connection."""
        with trio.fail_after(LONG_S):
            link = await self.network.dialler(self.process)("venue", 443)
        return link, self.venues[-1]

    async def dial_socket(self) -> tuple[Link, MemoryStream]:
        link, venue = await self.dial()
        await link.send_all(HANDSHAKE)
        assert await read(venue) == HANDSHAKE
        return link, venue


async def read(stream: trio.abc.ReceiveStream, max_bytes: int | None = None) -> bytes:
    with trio.fail_after(LONG_S):
        return await stream.receive_some(max_bytes)


async def read_all(stream: trio.abc.ReceiveStream, size: int) -> list[bytes]:
    pieces = []
    while sum(map(len, pieces)) < size:
        pieces.append(await read(stream))
    return pieces


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def far() -> Wire:
    """A venue that is a fifth of a second away."""
    return Wire(latency_s=0.2)


# --- while nothing is wrong --------------------------------------------------------------------------------------


async def test_bytes_go_both_ways_and_are_noted(autojump_clock, wire):
    link, venue = await wire.dial()

    await link.send_all(b"ask")
    asked = await read(venue)
    await venue.send_all(b"told")

    assert (asked, await read(link)) == (b"ask", b"told")
    assert wire.notes == [("send", b"ask"), ("receive", b"told")]


async def test_each_way_takes_the_latency(autojump_clock, far):
    link, venue = await far.dial()

    await link.send_all(b"ask")
    sent_s = trio.current_time()
    await venue.send_all(b"told")
    await read(link)

    assert (sent_s, trio.current_time()) == (0.2, 0.4)


async def test_the_end_of_the_venue_is_the_end_of_the_link(autojump_clock, wire):
    link, venue = await wire.dial()
    await venue.aclose()

    assert await read(link) == b""
    assert wire.network.links == []


async def test_a_link_that_was_closed_is_closed_for_the_venue_too(autojump_clock, wire):
    link, venue = await wire.dial()

    await link.aclose()

    assert await read(venue) == b""
    with pytest.raises(trio.BrokenResourceError):
        await link.send_all(b"ask")


async def test_an_answer_that_says_too_fast_is_counted(autojump_clock, wire):
    link, venue = await wire.dial()

    for status in (b"200", b"429", b"503"):
        await venue.send_all(b"HTTP/1.1 %s x\r\n\r\n" % status)
        await read(link)

    assert wire.network.throttled == 1


# --- sockets -----------------------------------------------------------------------------------------------------


async def test_a_connection_is_a_socket_from_its_handshake_on(autojump_clock, wire):
    _link, _venue = await wire.dial()
    before = wire.network.has_socket

    await wire.dial_socket()

    assert (before, wire.network.has_socket) == (False, True)


async def test_what_a_socket_says_is_noted_without_what_was_drawn_by_chance(autojump_clock, wire):
    link, venue = await wire.dial_socket()
    said = b"HTTP/1.1 101\r\nSec-WebSocket-Accept: k3y=\r\n\r\n\x81\x05frame\x8a\x04\n\x8a\x04\x01\x81\x04more"

    await link.send_all(b"masked by chance")
    await venue.send_all(said)
    await read(link)

    heard = b"HTTP/1.1 101\r\n\r\n\r\n\x81\x05frame\x81\x04more"
    assert wire.notes == [("send", b""), ("send", b""), ("receive", heard)]


async def test_when_a_socket_last_spoke_is_known(autojump_clock, wire):
    plain, server = await wire.dial()
    link, venue = await wire.dial_socket()
    await trio.sleep(7)
    await venue.send_all(b"frame")
    await read(link)

    await trio.sleep(5)
    await server.send_all(b"HTTP/1.1 200 x\r\n\r\n")
    await read(plain)

    assert wire.network.delivered_s == 7


async def test_when_the_last_socket_went_is_known(autojump_clock, wire):
    plain, _ = await wire.dial()
    link, _ = await wire.dial_socket()
    await trio.sleep(3)
    await plain.aclose()
    before = wire.network.socket_lost_s

    await trio.sleep(3)
    await link.aclose()

    assert (before, wire.network.socket_lost_s) == (-FOREVER_S, 6)
    assert not wire.network.has_socket


async def test_one_socket_of_two_is_enough(autojump_clock, wire):
    link, _ = await wire.dial_socket()
    await wire.dial_socket()

    await link.aclose()

    assert wire.network.has_socket


# --- cuts --------------------------------------------------------------------------------------------------------


async def test_a_reset_is_heard_at_both_ends(autojump_clock, wire):
    link, venue = await wire.dial()

    wire.network.cut(Cut.RESET, 0.0)

    assert await read(venue) == b""
    with pytest.raises(trio.BrokenResourceError):
        await read(link)
    with pytest.raises(trio.BrokenResourceError):
        await link.send_all(b"ask")
    assert wire.network.links == []


async def test_a_reset_is_heard_by_who_waits_for_bytes(autojump_clock, wire, nursery):
    link, _ = await wire.dial()

    async def cut() -> None:
        await trio.sleep(1)
        wire.network.cut(Cut.RESET, 0.0)

    nursery.start_soon(cut)

    with pytest.raises(trio.BrokenResourceError):
        await read(link)


async def test_a_reset_is_heard_by_who_waits_for_room(autojump_clock, wire, nursery):
    link, _ = await wire.dial()

    async def cut() -> None:
        await trio.sleep(1)
        wire.network.cut(Cut.RESET, 0.0)

    nursery.start_soon(cut)

    with trio.fail_after(LONG_S), pytest.raises(trio.BrokenResourceError):
        await link.send_all(bytes(LIMIT + 1))


async def test_of_a_torn_piece_a_part_arrives_then_both_ends_know(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.network.cut(Cut.TORN, 0.0)

    with pytest.raises(trio.BrokenResourceError):
        await link.send_all(TEXT)
    arrived = await read(venue)

    assert TEXT.startswith(arrived)
    assert len(arrived) < len(TEXT)
    assert await read(venue) == b""
    with pytest.raises(trio.BrokenResourceError):
        await read(link)


async def test_on_a_half_open_line_nothing_arrives_and_nobody_hears_of_it(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.network.cut(Cut.HALF_OPEN, 0.0)

    await link.send_all(b"ask")
    await venue.send_all(b"told")
    with trio.move_on_after(LONG_S) as ours:
        await link.receive_some()
    with trio.move_on_after(LONG_S) as theirs:
        await venue.receive_some()

    assert ours.cancelled_caught
    assert theirs.cancelled_caught


async def test_the_end_of_a_half_open_line_is_not_heard_either(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.network.cut(Cut.HALF_OPEN, 0.0)
    await venue.aclose()

    with trio.move_on_after(LONG_S) as scope:
        await link.receive_some()

    assert scope.cancelled_caught


async def test_a_half_open_line_stays_so_and_new_ones_are_whole(autojump_clock, wire):
    link, _ = await wire.dial()
    wire.network.cut(Cut.HALF_OPEN, 0.0)
    wire.network.heal()

    _, venue = await wire.dial()
    await venue.send_all(b"told")

    assert [each.deaf for each in wire.network.links] == [True, False]
    assert await read(wire.network.links[1]) == b"told"
    assert link.deaf


async def test_who_waits_on_a_half_open_line_is_woken_by_its_closing(autojump_clock, wire, nursery):
    link, venue = await wire.dial()
    wire.network.cut(Cut.HALF_OPEN, 0.0)
    await venue.send_all(b"told")

    async def close() -> None:
        await trio.sleep(1)
        await link.aclose()

    nursery.start_soon(close)

    with pytest.raises(trio.BrokenResourceError):
        await read(link)


async def test_while_connections_are_refused_the_old_ones_go_on(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.network.cut(Cut.REFUSED, 10.0)

    with pytest.raises(ConnectionRefusedError, match=r"^nobody listens at venue:443$"):
        await wire.dial()
    await link.send_all(b"ask")
    asked = await read(venue)
    await trio.sleep(10)
    await wire.dial()

    assert asked == b"ask"
    assert len(wire.network.links) == 2


async def test_in_a_blackout_everything_waits_and_then_passes(autojump_clock, wire, nursery):
    link, venue = await wire.dial()
    wire.network.cut(Cut.BLACKOUT, 10.0)
    passed: list[tuple[float, str]] = []

    async def send() -> None:
        await link.send_all(b"ask")
        passed.append((trio.current_time(), "sent"))

    async def dial() -> None:
        await wire.dial()
        passed.append((trio.current_time(), "dialled"))

    nursery.start_soon(send)
    nursery.start_soon(dial)
    await venue.send_all(b"told")
    passed.append((trio.current_time(), "told"))
    told = await read(link)

    assert (told, await read(venue)) == (b"told", b"ask")
    assert trio.current_time() == 10
    assert sorted(passed) == [(0, "told"), (10, "dialled"), (10, "sent")]


async def test_a_second_blackout_makes_the_first_longer(autojump_clock, wire):
    link, venue = await wire.dial()
    await venue.send_all(b"told")
    wire.network.cut(Cut.BLACKOUT, 10.0)
    wire.network.cut(Cut.BLACKOUT, 15.0)

    await read(link)

    assert trio.current_time() == 15


async def test_while_it_is_stalled_only_the_venue_waits(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.network.cut(Cut.STALLED, 10.0)

    await link.send_all(b"ask")
    await read(venue)
    asked_s = trio.current_time()
    await venue.send_all(b"told")
    told = await read(link)

    assert told == b"told"
    assert (asked_s, trio.current_time()) == (0, 10)


async def test_crumbs_are_small_and_lose_no_byte(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.network.cut(Cut.CHOPPED, 10.0)
    await venue.send_all(TEXT)

    pieces = await read_all(link, len(TEXT))

    assert b"".join(pieces) == TEXT
    assert 0 < len(pieces[0]) <= FIRST_CRUMB
    assert all(0 < len(piece) <= CRUMB for piece in pieces)
    assert wire.notes == [("receive", TEXT)]


async def test_a_crumb_is_never_more_than_was_asked_for(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.network.cut(Cut.CHOPPED, 10.0)
    await venue.send_all(TEXT)

    pieces = [await read(link, 2) for _ in range(10)]

    assert TEXT.startswith(b"".join(pieces))
    assert max(map(len, pieces)) <= 2


async def test_what_follows_crumbs_comes_after_them(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.network.cut(Cut.CHOPPED, 10.0)
    await venue.send_all(TEXT)
    first = await read(link)

    await trio.sleep(10)
    await venue.send_all(TEXT)
    pieces = await read_all(link, 2 * len(TEXT) - len(first))

    assert first + b"".join(pieces) == TEXT + TEXT
    assert pieces[-1] == TEXT


async def test_of_a_line_that_was_reset_no_crumbs_are_left(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.network.cut(Cut.CHOPPED, 10.0)
    await venue.send_all(TEXT)
    await read(link)

    wire.network.cut(Cut.RESET, 0.0)

    with pytest.raises(trio.BrokenResourceError):
        await read(link)


@pytest.mark.parametrize("cut", sorted(LASTING, key=lambda cut: cut.value))
async def test_what_lasts_ends(autojump_clock, wire, cut):
    wire.network.cut(cut, 10.0)
    lasts = [wire.network.lasts(cut)]
    await trio.sleep(10)

    assert [*lasts, wire.network.lasts(cut)] == [True, False]


@pytest.mark.parametrize("cut", sorted(LASTING, key=lambda cut: cut.value))
async def test_what_was_healed_lasts_no_longer(autojump_clock, wire, cut):
    wire.network.cut(cut, 10.0)

    wire.network.heal()

    assert not wire.network.lasts(cut)


# --- the process at this end -------------------------------------------------------------------------------------


async def test_the_links_of_a_dead_process_are_cut(autojump_clock, wire):
    link, venue = await wire.dial_socket()
    await trio.sleep(4)

    wire.process.kill()

    assert await read(venue) == b""
    assert wire.network.links == []
    assert wire.network.socket_lost_s == 4
    for door in (link.send_all(b"ask"), read(link), wire.dial()):
        with pytest.raises(ProcessKilled):
            await door


async def test_a_process_that_dies_while_it_dials_has_no_link(autojump_clock, wire, nursery):
    wire.network.cut(Cut.BLACKOUT, 10.0)

    async def die() -> None:
        await trio.sleep(1)
        wire.process.kill()

    nursery.start_soon(die)

    with pytest.raises(ProcessKilled):
        await wire.dial()
    assert wire.network.links == []


async def test_killed_before_it_sends_nothing_has_left(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.process.doom(Point.SEND, 1, after=False)

    with pytest.raises(ProcessKilled):
        await link.send_all(b"ask")

    assert await read(venue) == b""


async def test_killed_after_it_sent_all_has_arrived(autojump_clock, wire):
    link, venue = await wire.dial()
    wire.process.doom(Point.SEND, 1, after=True)

    with pytest.raises(ProcessKilled):
        await link.send_all(b"ask")

    assert await read(venue) == b"ask"


@pytest.mark.parametrize("after", [False, True])
async def test_killed_around_what_it_receives_it_has_nothing(autojump_clock, wire, after):
    link, venue = await wire.dial()
    await venue.send_all(b"told")
    wire.process.doom(Point.RECEIVE, 1, after=after)

    with pytest.raises(ProcessKilled):
        await read(link)

    assert [kind for kind, _ in wire.notes] == (["receive"] if after else [])
