"""Sessions that do what they are told, and the relay that they run in."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import attrs
import pytest
import trio

from actors.messages import SessionFailed
from actors.relay import SUCCESSION_S, Relay
from actors.supervision import Backoff, first_named
from actors.tally import Tally
from protocol.book import BookStatus
from protocol.prophetx.venue import ProphetX
from protocol.venue import Reconnect

TRAITS = ProphetX().traits


@attrs.define(eq=False)
class Turn:
    """A session: ready after a while, then it lasts until it is told to fail."""

    before: "Turn | None"
    ready_after_s: float = 1.0
    failure: BaseException | None = None  # instead of being ready
    opened_s: float = 0.0
    closed_s: float | None = None
    succeeded: bool = False
    last_words: BaseException | None = None
    _fail: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, epoch: int, ready: Callable[[int], None]) -> None:
        self.opened_s = trio.current_time()
        try:
            await trio.sleep(self.ready_after_s)
            if self.failure is not None:
                raise self.failure
            ready(epoch)
            await self._fail.wait()
            raise SessionFailed("told to")
        finally:
            self.closed_s = trio.current_time()
            if self.last_words is not None:
                raise self.last_words

    def fail(self) -> None:
        self._fail.set()

    def succeed(self) -> None:
        assert self.before is not None
        assert self.before.closed_s is None
        self.succeeded, self.before = True, None


@attrs.define(eq=False)
class Race:
    """A relay, the sessions that it opened, and what it told."""

    script: list[dict]
    traits: object = TRAITS
    turns: list[Turn] = attrs.field(factory=list)
    told: list[tuple] = attrs.field(factory=list)
    shown: list[object] = attrs.field(factory=list)
    tally: Tally = attrs.field(factory=Tally)
    relay: Relay = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.relay = Relay(
            traits=self.traits,
            build=self._build,
            publish=self.shown.append,
            ready=lambda epoch: self.told.append(("ready", epoch)),
            lost=self._lost,
            backoff=Backoff(Random(1), self.traits.connects_per_minute),
            tally=self.tally,
        )

    def _build(self, before: Turn | None) -> Turn:
        how = self.script.pop(0) if self.script else {}
        self.turns.append(Turn(before, **how))
        return self.turns[-1]

    def _lost(self, epoch: int, failure: Exception) -> Reconnect:
        self.told.append(("lost", epoch))
        return failure.reconnect

    async def run(self, *acts: tuple[float, Callable[[], None]], until_s: float = 100.0) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.relay.run)
            for at_s, act in acts:
                await trio.sleep_until(at_s)
                act()
            await trio.sleep_until(until_s)
            nursery.cancel_scope.cancel()

    def renew(self) -> None:
        self.relay.renew("it changed")


async def test_a_successor_is_ready_before_the_one_that_serves_goes(autojump_clock):
    race = Race([{}, {"ready_after_s": 5.0}])

    await race.run((10.0, race.renew))

    first, second = race.turns
    assert (second.opened_s, first.closed_s, second.closed_s) == (10.0, 15.0, 100.0)
    assert second.succeeded
    assert race.told == [("ready", 1), ("ready", 2)]
    assert (race.tally.sessions_started, race.tally.sessions_lost) == (2, 0)


async def test_where_there_is_one_socket_it_goes_first(autojump_clock):
    race = Race([], traits=attrs.evolve(TRAITS, second_socket=False))

    await race.run((10.0, race.renew))

    first, second = race.turns
    assert first.closed_s == 10.0 < second.opened_s < 11.0
    assert race.told == [("ready", 1), ("lost", 1), ("ready", 2)]
    assert (race.tally.sessions_started, race.tally.sessions_lost) == (2, 1)


@attrs.frozen
class Shown:
    """What a relay sees of a view of a book."""

    key: str
    epoch: int
    status: BookStatus = BookStatus.LIVE
    changes: tuple = ()


async def test_only_the_books_of_the_session_that_serves_are_shown(autojump_clock):
    race = Race([{}, {"ready_after_s": 5.0}])

    def show() -> None:
        race.relay.show(Shown("a", 1))
        race.relay.show(Shown("a", 2))

    await race.run((10.0, race.renew), (12.0, show), (20.0, show))

    assert race.shown == [Shown("a", 1), Shown("a", 2)]


@pytest.mark.parametrize("second_socket", [True, False])
async def test_books_that_the_next_session_does_not_hear_are_let_go_once(autojump_clock, second_socket):
    race = Race([], traits=attrs.evolve(TRAITS, second_socket=second_socket))

    def show() -> None:
        for each in (Shown("a", 1), Shown("b", 1, changes=("one",)), Shown("a", 2)):
            race.relay.show(each)

    def complete() -> None:
        race.relay.complete(2)

    await race.run((5.0, show), (10.0, race.renew), (15.0, show), (16.0, complete), (17.0, complete))

    first = [Shown("a", 1), Shown("b", 1, changes=("one",))]
    assert race.shown == [*first, Shown("a", 2), Shown("b", 2, BookStatus.SUSPENDED)]


async def test_a_successor_that_fails_is_tried_again_ever_more_slowly_and_ends_nothing(autojump_clock):
    race = Race([{}, *[{"failure": SessionFailed("no")}] * 12])

    await race.run((10.0, race.renew), until_s=700.0)

    opened_s = [turn.opened_s for turn in race.turns[1:]]
    waits_s = [later - earlier for earlier, later in pairwise(opened_s)]
    assert len(race.turns) == 14
    assert waits_s[0] < 6.0
    assert 30.0 <= waits_s[-1] <= 61.0
    assert race.told == [("ready", 1), ("ready", 14)]
    assert race.tally.sessions_lost == 0


async def test_a_successor_that_is_never_ready_is_given_up(autojump_clock):
    race = Race([{}, {"ready_after_s": 10_000.0}])

    await race.run((10.0, race.renew), until_s=200.0)

    assert race.turns[1].closed_s == 10.0 + SUCCESSION_S
    assert race.told == [("ready", 1), ("ready", 3)]


async def test_the_failure_of_the_session_that_serves_ends_its_successor_too(autojump_clock):
    race = Race([{}, {"ready_after_s": 50.0}])

    await race.run((10.0, race.renew), (20.0, lambda: race.turns[0].fail()))

    assert [turn.closed_s for turn in race.turns] == [20.0, 20.0, 100.0]
    assert race.told == [("ready", 1), ("lost", 1), ("ready", 3)]
    assert race.turns[2].before is None


async def test_the_last_words_of_a_superseded_session_end_nothing(autojump_clock):
    race = Race([{"last_words": SessionFailed("the socket broke")}, {}])

    await race.run((10.0, race.renew), until_s=50.0)

    assert race.told == [("ready", 1), ("ready", 2)]


async def test_the_failure_of_a_successor_that_serves_is_a_loss(autojump_clock):
    race = Race([])

    await race.run((10.0, race.renew), (20.0, lambda: race.turns[1].fail()))

    assert race.told == [("ready", 1), ("ready", 2), ("lost", 2), ("ready", 3)]


async def test_a_bug_in_a_successor_is_a_bug(autojump_clock):
    race = Race([{}, {"failure": KeyError("bug")}])

    with pytest.raises(BaseExceptionGroup) as raised:
        await race.run((10.0, race.renew))

    assert isinstance(first_named(raised.value, (KeyError,)), KeyError)


async def test_what_changes_before_a_successor_opens_is_one_change_and_what_changes_later_another(autojump_clock):
    race = Race([{}, {"ready_after_s": 5.0}])

    await race.run((10.0, race.renew), (10.0, race.renew), (12.0, race.renew), (13.0, race.renew))

    assert [turn.opened_s for turn in race.turns] == [0.0, 10.0, 15.0]


async def test_a_session_that_is_not_up_has_no_successor(autojump_clock):
    race = Race([{"ready_after_s": 30.0}])

    await race.run((10.0, race.renew))

    assert [turn.opened_s for turn in race.turns] == [0.0, 30.0]


async def test_successors_count_among_the_connections_that_the_venue_bears(autojump_clock):
    race = Race([], traits=attrs.evolve(TRAITS, connects_per_minute=3))

    await race.run(*((2.0 + 2 * n, race.renew) for n in range(10)), until_s=59.0)

    assert len(race.turns) == 3
