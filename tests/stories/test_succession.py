"""A session is followed by another without a gap: nothing is lost, and nothing is told twice."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import structlog.testing
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.session import SessionSettings
from protocol.book import Cause, takeable
from protocol.errors import LocalProtocolError
from protocol.ids import CompetitionId, VenueName
from protocol.prophetx.venue import NAME as PROPHETX
from protocol.prophetx.wire import Dialect

REFRESH_S = 20.0
LOOK_S = 0.02
SESSION = SessionSettings(rest_url="", config_refresh_s=REFRESH_S)
CROWDED = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=40, crowd_books=2)


def quiet(**how):
    return ExchangeSettings(**{"tournaments": 1, "events": 1, "crowd_actions_per_s": 0, **how})


@pytest.fixture(params=list(Dialect), ids=lambda dialect: dialect.value)
def dialect(request):
    return request.param


async def superseded(story, within_s=2 * REFRESH_S):
    """Wait until another session serves; return when it does."""
    before = story.bot.tally.sessions_started
    return await story.until(lambda: story.bot.tally.sessions_started > before, within_s)


@asynccontextmanager
async def watched(look) -> AsyncIterator[list]:
    """Look again and again while the block runs."""
    seen = []

    async def watch():
        while True:
            seen.append(look())
            await trio.sleep(LOOK_S)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        yield seen
        nursery.cancel_scope.cancel()


def last_seen(story, key):
    return next(view.market for view in reversed(story.hand.views) if view.key == key)


def net(changes):
    """Return by how much each place grew, as the changes say."""
    total = Counter()
    for each in changes:
        total[each.selection_id, each.price] += each.size if each.cause is Cause.ADDED else -each.size
    return {place: size for place, size in total.items() if size}


async def test_a_changed_config_moves_the_session_without_a_gap(autojump_clock, open_story, dialect):
    async with open_story(session=SESSION, dialect=dialect) as story:
        name = await story.place_open()
        old = set(story.exchange.feed.sockets)
        async with watched(lambda: (len(story.bot.books()), story.desk.epochs[PROPHETX])) as seen:
            story.exchange.change_config(10_000.0)
            changed_s = trio.current_time()
            moved_s = await superseded(story)
            await trio.sleep(1)

        assert moved_s - changed_s <= REFRESH_S + 1.5
        assert not old & set(story.exchange.feed.sockets)
        assert len(story.exchange.feed.sockets) == 1
        assert set(seen) == {(7, 1), (7, 2)}
        assert (story.bot.tally.sessions_started, story.bot.tally.sessions_lost) == (2, 0)
        assert story.status(name) == "open"


async def test_orders_leave_and_quotes_stay_while_the_socket_is_changed(autojump_clock, open_story):
    async with open_story(session=SESSION) as story:
        resting = await story.place_open(120)
        story.exchange.change_config(10_000.0)
        moved = False
        for _ in range(60):
            name = story.place(130, 100)
            await trio.sleep(REFRESH_S / 100)
            story.desk.cancel(name)
            await trio.sleep(REFRESH_S / 100)
            moved = moved or story.bot.tally.sessions_started == 2

        assert moved
        assert (story.hand.denied(), story.bot.tally.sessions_lost) == ([], 0)
        assert story.status(resting) == "open"


@pytest.mark.parametrize("rules", [(), (Rule(fault=Fault.DELAY, where="order", delay_s=1.0, probability=0.5),)])
async def test_a_config_change_loses_no_fill_and_doubles_none(autojump_clock, open_story, dialect, rules):
    async with open_story(session=SESSION, dialect=dialect) as story:
        name = await story.place_open(110, 10_000)
        story.add(*rules)
        story.exchange.change_config(10_000.0)
        for _ in range(90):
            story.hit(110, 100)
            await trio.sleep(REFRESH_S / 60)
        await trio.sleep(2)

        assert story.bot.tally.sessions_started == 2
        assert story.order(name).filled == 9_000
        assert sum(fill.size for _, fill in story.hand.fills()) == 9_000


async def test_a_fill_that_was_on_its_way_on_the_old_socket_is_read(autojump_clock, open_story):
    async with open_story(session=SESSION) as story:
        name = await story.place_open(110, 1000)
        story.add(Rule(fault=Fault.LATE_FILL, where="order", times=1, delay_s=30.0))
        story.hit(110, 400)
        story.bot.want(PROPHETX)
        moved_s = await superseded(story)
        filled_s = await story.until(lambda: story.order(name).filled == 400)

        assert filled_s - moved_s < 5.0


@attrs.define(eq=False)
class Witness:
    """A strategy that writes down the changes it is told of, and has the session move so many times."""

    moves: int
    told: Counter = attrs.field(factory=Counter)

    async def __call__(self, desk):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._move, desk)
            while True:
                for view in await desk.views():
                    self.told.update(view.market.changes)

    async def _move(self, desk):
        for _ in range(self.moves):
            await trio.sleep(1.3)
            desk.want(PROPHETX)


def test_liquidity_changes_are_told_once_however_often_the_session_moves(run_story):
    def pause(story):
        story.exchange.floor.agenda.add(story.paper.wall_ns() + 8 * 10**9, lambda _: story.exchange.pause_crowd())

    def run(moves):
        witness = Witness(moves)
        story = run_story(11, pinned=1, settings=CROWDED, strategies={"witness": witness}, before=pause)
        assert story.bot.tally.sessions_started == 1 + moves
        return witness.told

    still, moved = run(0), run(5)

    assert still.total() > 200
    assert {each.cause for each in still} == set(Cause)
    assert moved == still


async def test_changes_add_up_when_one_socket_is_behind_the_other(autojump_clock, open_story):
    skew = Rule(fault=Fault.DELAY, where="market_selections", probability=0.3, delay_s=0.3)
    async with open_story(CROWDED) as story:
        key = story.key
        story.exchange.pause_crowd()
        await trio.sleep(3.0)
        story.exchange.resume_crowd()
        story.add(skew, Rule(fault=Fault.DUPLICATE, where="matched_order", probability=0.3))
        seen = len(story.hand.views)
        before = takeable(last_seen(story, key).sides)
        for _ in range(5):
            story.bot.want(PROPHETX)
            await trio.sleep(1.5)
        story.exchange.pause_crowd()
        await trio.sleep(4.0)
        told = [change for view in story.hand.views[seen:] if view.key == key for change in view.market.changes]
        after = takeable(last_seen(story, key).sides)

        assert story.bot.tally.sessions_started == 6
        places = {*before, *after}
        assert net(told) == {each: n for each in places if (n := after.get(each, 0) - before.get(each, 0))}


async def test_a_successor_that_cannot_connect_leaves_the_old_session_trading(autojump_clock, open_story):
    async with open_story(session=SESSION) as story:
        await story.place_open()  # on a connection that stays
        story.reachable = False
        with structlog.testing.capture_logs() as logs:
            story.exchange.change_config(10_000.0)
            async with watched(lambda: len(story.bot.books())) as seen:
                await trio.sleep(60)
                name = await story.place_open()
                story.reachable = True
                await superseded(story, 61.0)

        failed = [each for each in logs if each["event"] == "successor_failed"]
        assert 4 <= len(failed) <= 8  # ever more slowly
        assert set(seen) == {7}
        assert (story.bot.tally.sessions_started, story.bot.tally.sessions_lost) == (2, 0)
        assert story.status(name) == "open"


async def test_a_successor_whose_books_cannot_be_read_leaves_the_old_session_trading(autojump_clock, open_story):
    async with open_story() as story:
        story.add(Rule(fault=Fault.SERVER_ERROR, where="markets", times=5))
        story.bot.want(PROPHETX)
        with structlog.testing.capture_logs() as logs:
            await superseded(story, 100.0)

        assert [each["event"] for each in logs if each["event"].startswith("succ")] == ["successor_failed"]
        assert story.bot.tally.sessions_lost == 0
        assert len(story.exchange.feed.sockets) == 1


async def test_a_session_that_is_lost_before_its_successor_is_ready_is_restarted(autojump_clock, open_story):
    async with open_story() as story:
        story.add(Rule(fault=Fault.SLOW_ANSWER, where="markets", times=1, delay_s=5.0))
        story.bot.want(PROPHETX)
        await story.until(lambda: len(story.exchange.feed.sockets) == 2)
        story.exchange.disconnect()
        await story.until(lambda: story.bot.tally.sessions_lost == 1)
        await story.until(lambda: len(story.bot.books()) == 7)

        assert story.bot.tally.sessions_started == 2
        assert len(story.exchange.feed.sockets) == 1


async def test_the_old_socket_may_be_closed_once_its_successor_is_ready(autojump_clock, open_story):
    async with open_story(session=SESSION) as story:
        async with watched(lambda: len(story.bot.books())) as seen:
            story.exchange.change_config(REFRESH_S + 5.0)
            await trio.sleep(REFRESH_S + 10.0)

        assert set(seen) == {7}
        assert (story.bot.tally.sessions_started, story.bot.tally.sessions_lost) == (2, 0)


async def test_wanted_markets_can_be_changed_while_orders_rest(autojump_clock, open_story, dialect):
    async with open_story(quiet(events=2), dialect=dialect) as story:
        first, second = story.exchange.floor.events
        name = await story.place_open()
        async with watched(lambda: {key.event_id for key in story.bot.books()}) as seen:
            story.bot.want(PROPHETX, events=[second])
            await superseded(story)
            await trio.sleep(1)
        denied = story.place()
        await story.until(story.hand.denied)

        assert story.key.event_id == first
        assert {second} in seen
        assert all(second in each for each in seen)
        assert [reason.value for reason in story.hand.denied()] == ["book_not_live"]
        assert (story.status(name), story.status(denied)) == ("open", "")
        story.hit(110, 300)
        await story.until(lambda: story.order(name).filled == 300)
        story.desk.cancel(name)
        await story.until(lambda: story.status(name) == "cancelled")


async def test_a_strategy_can_want_more_and_trades_there(autojump_clock, open_story):
    async with open_story(quiet(events=2)) as story:
        first, second = story.exchange.floor.events
        story.desk.want(PROPHETX, events=[second])
        await superseded(story)
        story.desk.want(PROPHETX, events=[first, second])
        await story.until(lambda: story.bot.books().keys() == story.books.keys())
        name = await story.place_open()

        assert story.status(name) == "open"
        assert (story.bot.tally.sessions_started, story.bot.tally.sessions_lost) == (3, 0)


async def test_a_wish_that_is_wanted_at_once_with_another_is_one_with_it(autojump_clock, open_story):
    async with open_story(quiet(events=2)) as story:
        first, second = story.exchange.floor.events
        story.bot.want(PROPHETX, events=[first])
        story.bot.want(PROPHETX, events=[second])
        await superseded(story)
        await trio.sleep(10)

        assert {key.event_id for key in story.bot.books()} == {second}
        assert story.bot.tally.sessions_started == 2


async def test_what_cannot_be_wanted_is_refused_with_a_reason(autojump_clock, open_story):
    async with open_story() as story:
        with pytest.raises(LocalProtocolError, match="nowhere is none of prophetx"):
            story.bot.want(VenueName("nowhere"))
        story.bot.want(PROPHETX, competitions=[CompetitionId(999)])
        await superseded(story)

        assert story.bot.books() == {}
        story.bot.want(PROPHETX)
        await story.until(lambda: len(story.bot.books()) == 7)
