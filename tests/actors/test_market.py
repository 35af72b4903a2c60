import math
from collections import Counter, deque
from collections.abc import Iterable

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.mailbox import Mailbox
from actors.market import HEAL_GRACE_S, MAX_HEARD, MAX_RECHECKS, PRINT_GRACE_S, Market, MarketMessage
from actors.messages import Compare, Doubt, Inherit, MarketView, Stir, Suspend
from actors.tally import Tally
from protocol.book import Book, BookStatus, Cause, LiquidityChange
from protocol.events import BookReplaced, EventListed, EventStatus, Level, Side, TradePrinted
from protocol.ids import BookKey, CompetitionId, EventId, MarketId, SelectionId, Strike
from protocol.odds import Odds, generate_ladder
from protocol.prophetx.venue import ProphetX

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
HOME, AWAY = SelectionId("home"), SelectionId("away")
EVENT = EventListed(event_id=EventId(1), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED)

LADDER = generate_ladder()


def image(cents: int, sequence_ns: int, **changes: object) -> BookReplaced:
    known = BookReplaced(
        key=KEY,
        sides=(Side(selection_id=HOME, levels=(Level(Odds(110), cents),)), Side(selection_id=AWAY)),
        sequence_ns=sequence_ns,
    )
    return attrs.evolve(known, **changes)


def compare(cents: int, sequence_ns: int, asked_at_s: float = 0.0, **changes: object) -> Compare:
    return Compare(book=image(cents, sequence_ns, **changes), asked_at_s=asked_at_s)


def printed(cents: int, sequence_ns: int) -> TradePrinted:
    return TradePrinted(
        event_id=EventId(1),
        market_id=MarketId(219),
        selection_id=HOME,
        price=Odds(110),
        fill_price=Odds(110),
        size=cents,
        sequence_ns=sequence_ns,
    )


class Room:
    """A market actor that runs, and what it published."""

    def __init__(self, **ages_s: float) -> None:
        self.views: list[MarketView] = []
        self.told: list[tuple[float, BookStatus]] = []
        self.inbox = Mailbox[MarketMessage]("market", 64)
        self.tally = Tally()
        self.market = Market(
            key=KEY,
            epoch=3,
            inbox=self.inbox,
            publish=self.publish,
            event=EVENT,
            terms=lambda event: ProphetX().terms(event, LADDER),
            tally=self.tally,
            book=Book(KEY),
            name="Moneyline",
            kind="moneyline",
            **ages_s,
        )

    def publish(self, view: MarketView) -> None:
        self.views.append(view)
        self.told.append((trio.current_time(), view.status))

    async def hear(self, *messages: MarketMessage, wait_s: float = 0.0) -> MarketView:
        """Let it take some messages, then wait; return the newest view."""
        for message in messages:
            self.inbox.put(message)
        with trio.move_on_after(wait_s + 1e-3):
            await self.market.run()
        return self.views[-1]

    async def live(
        self, *script: tuple[float, MarketMessage], until_s: float = 100.0
    ) -> list[tuple[float, BookStatus]]:
        """Let it run and hear each message at its time; return when it told what of its status."""
        with trio.move_on_at(until_s):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.market.run)
                for at_s, message in script:
                    await trio.sleep_until(at_s)
                    self.inbox.put(message)
        return self.told

    @property
    def cents(self) -> int:
        level = self.market.book.best(HOME)
        return 0 if level is None else level.takeable


async def test_a_book_is_live_only_after_its_snapshot_with_what_came_before_on_top(autojump_clock):
    room = Room()

    before = await room.hear(image(300, 20), image(200, 10))
    after = await room.hear(compare(100, 5))

    assert (before.status, before.sides) == (BookStatus.HYDRATING, ())
    assert (after.status, after.live, room.cents) == (BookStatus.LIVE, True, 300)
    assert (after.key, after.epoch, after.name, after.event) == (KEY, 3, "Moneyline", EVENT)
    assert room.tally == Tally(updates=2)


async def test_an_older_image_changes_nothing(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5), image(200, 10))

    await room.hear(image(300, 9))

    assert room.cents == 200


async def test_a_fall_is_a_trade_when_it_was_printed_and_a_cancel_when_it_was_not(autojump_clock):
    room = Room()
    await room.hear(compare(500, 5))

    traded = await room.hear(image(400, 10), printed(100, 10))
    waiting = await room.hear(image(300, 20))
    cancelled = await room.hear(wait_s=PRINT_GRACE_S)

    assert traded.changes == (LiquidityChange(HOME, Odds(110), 100, Cause.TRADED),)
    assert waiting.changes == ()
    assert cancelled.changes == (LiquidityChange(HOME, Odds(110), 100, Cause.CANCELLED),)


async def test_a_difference_from_rest_heals_after_a_moment_and_is_counted(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5))

    early = await room.hear(compare(700, 9, asked_at_s=1.0), wait_s=HEAL_GRACE_S - 0.1)
    early_cents = early.sides[0].levels[0].takeable
    await room.hear(wait_s=0.2)

    assert early_cents == 100
    assert room.cents == 700
    assert room.tally.healed == 1


async def test_an_equal_book_heals_nothing(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5))

    await room.hear(compare(100, 5, asked_at_s=1.0), wait_s=10)

    assert room.tally.healed == 0


async def test_a_book_that_moved_since_rest_was_asked_was_not_wrong(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5))
    await trio.sleep(5)
    await room.hear(image(200, 10))

    await room.hear(compare(700, 9, asked_at_s=4.0), wait_s=10)

    assert room.cents == 200
    assert room.tally.healed == 0


async def test_a_book_that_moved_on_and_still_differs_is_compared_again_a_few_times(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5))
    wanted = []
    room.market.recheck = lambda: wanted.append(trio.current_time())

    for sequence_ns in range(10, 10 + 2 * MAX_RECHECKS):
        await trio.sleep(5)
        await room.hear(image(200, sequence_ns))
        await room.hear(compare(700, 9, asked_at_s=trio.current_time() - 1))

    assert len(wanted) == MAX_RECHECKS
    assert room.tally.healed == 0


async def test_a_late_image_that_is_older_than_the_reading_does_not_hide_the_difference(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5))
    wanted = []
    room.market.recheck = lambda: wanted.append(trio.current_time())
    await trio.sleep(5)

    await room.hear(compare(700, 9, asked_at_s=4.0))
    await room.hear(image(200, 12))
    again = len(wanted)
    await room.hear(compare(700, 9, asked_at_s=trio.current_time() + 1), wait_s=10)

    assert again == 1
    assert room.cents == 700
    assert room.tally.healed == 1


async def test_a_newer_image_within_the_moment_settles_the_difference(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5))
    await room.hear(compare(700, 9, asked_at_s=1.0))

    await room.hear(image(700, 9), wait_s=10)

    assert room.cents == 700
    assert room.tally.healed == 0


async def test_an_image_older_than_the_difference_does_not_settle_it(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5))
    await room.hear(compare(700, 9, asked_at_s=1.0))

    await room.hear(image(200, 7), wait_s=10)

    assert room.cents == 700
    assert room.tally.healed == 1


async def test_a_doubted_book_is_stale_until_the_next_snapshot(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5))

    stale = await room.hear(Doubt(), image(300, 20))
    live = await room.hear(compare(200, 10))

    assert stale.status is BookStatus.STALE
    assert (live.status, room.cents) == (BookStatus.LIVE, 300)


async def test_a_comparison_from_before_a_doubt_heals_nothing(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5), compare(700, 9, asked_at_s=1.0))

    stale = await room.hear(Doubt(), wait_s=10)

    assert stale.status is BookStatus.STALE


async def test_a_closed_market_is_suspended_until_it_opens_again(autojump_clock):
    room = Room()
    await room.hear(compare(100, 5))

    closed = await room.hear(Suspend(active=False))
    opened = await room.hear(Suspend(active=True))

    assert (closed.status, opened.status) == (BookStatus.SUSPENDED, BookStatus.LIVE)


async def test_rest_can_say_that_a_market_is_closed(autojump_clock):
    room = Room()

    closed = await room.hear(compare(100, 5, active=False))
    opened = await room.hear(compare(100, 5, asked_at_s=1.0), wait_s=10)

    assert (closed.status, opened.status) == (BookStatus.SUSPENDED, BookStatus.LIVE)


async def test_the_view_has_the_newest_event(autojump_clock):
    begun = attrs.evolve(EVENT, status=EventStatus.LIVE)
    room = Room()

    view = await room.hear(begun)

    assert view.event == begun
    assert view.in_play


async def test_a_listing_that_is_not_active_suspends_until_it_is(autojump_clock):
    room = Room()
    halted = attrs.evolve(EVENT, active=False)

    told = await room.live((0, compare(100, 5)), (1, halted), (2, EVENT))

    assert told == [(0.0, BookStatus.LIVE), (1.0, BookStatus.SUSPENDED), (2.0, BookStatus.LIVE)]


async def test_a_listing_that_is_not_active_does_not_hide_that_a_book_is_stale(autojump_clock):
    room = Room()

    told = await room.live((0, compare(100, 5)), (1, attrs.evolve(EVENT, active=False)), (2, Doubt()))

    assert told[-1] == (2.0, BookStatus.STALE)


async def test_the_view_says_when_the_listing_spoke_last(autojump_clock):
    room = Room()

    await room.live((0, compare(100, 5)), (3, EVENT), (4, Suspend(active=True)))

    assert [view.listed_s for view in room.views] == [-math.inf, 3.0, 3.0]


# --- hints -------------------------------------------------------------------------------------------------------


async def test_a_hinted_book_is_believed_for_its_age_and_stale_then(autojump_clock):
    room = Room(book_age_s=10.0)

    told = await room.live((0, compare(100, 5)), (1, Stir()))

    assert told == [(0.0, BookStatus.LIVE), (11.0, BookStatus.STALE)]


async def test_the_first_of_many_hints_counts(autojump_clock):
    room = Room(book_age_s=10.0)

    told = await room.live((0, compare(100, 5)), (1, Stir()), (5, Stir()), (9, Stir()))

    assert told == [(0.0, BookStatus.LIVE), (11.0, BookStatus.STALE)]


async def test_a_hint_alone_publishes_nothing(autojump_clock):
    room = Room(book_age_s=10.0)

    told = await room.live((0, compare(100, 5)), (1, Stir()), (2, Stir()), until_s=10.0)

    assert told == [(0.0, BookStatus.LIVE)]


async def test_a_reading_that_was_asked_for_after_the_hint_clears_it(autojump_clock):
    room = Room(book_age_s=10.0)
    room.market.recheck = lambda: pytest.fail("nothing is open")

    told = await room.live((0, compare(100, 5)), (1, Stir()), (3, compare(100, 5, asked_at_s=2.0)))

    assert told == [(0.0, BookStatus.LIVE), (3.0, BookStatus.LIVE)]


async def test_a_reading_that_was_asked_for_before_the_hint_is_taken_and_asks_again(autojump_clock):
    room = Room(book_age_s=10.0)
    wanted: list[float] = []
    room.market.recheck = lambda: wanted.append(trio.current_time())

    told = await room.live((0, compare(100, 5)), (2, Stir()), (3, compare(700, 5, asked_at_s=1.0)))

    assert (wanted, room.cents) == ([3.0], 700)
    assert told == [(0.0, BookStatus.LIVE), (3.0, BookStatus.LIVE), (12.0, BookStatus.STALE)]


async def test_a_stale_hinted_book_is_live_with_the_next_reading(autojump_clock):
    room = Room(book_age_s=10.0)

    told = await room.live((0, compare(100, 5)), (1, Stir()), (20, compare(700, 5, asked_at_s=19.0)))

    assert told == [(0.0, BookStatus.LIVE), (11.0, BookStatus.STALE), (20.0, BookStatus.LIVE)]
    assert room.cents == 700


async def test_a_book_that_nobody_has_read_for_long_is_stale(autojump_clock):
    room = Room(book_age_s=10.0, unread_age_s=70.0)

    told = await room.live((0, compare(100, 5)))

    assert told == [(0.0, BookStatus.LIVE), (70.0, BookStatus.STALE)]


async def test_every_reading_lets_a_book_be_believed_anew_from_when_it_was_asked_for(autojump_clock):
    room = Room(book_age_s=10.0, unread_age_s=70.0)

    told = await room.live((0, compare(100, 5)), (62, compare(100, 5, asked_at_s=60.0)), until_s=200.0)

    assert told == [(0.0, BookStatus.LIVE), (62.0, BookStatus.LIVE), (130.0, BookStatus.STALE)]


async def test_a_hinted_book_is_what_rest_says_at_once_and_nothing_is_healed(autojump_clock):
    room = Room(book_age_s=10.0)

    await room.live((0, compare(100, 5)), (5, compare(700, 5, asked_at_s=4.0)), until_s=5.5)

    assert room.cents == 700
    assert room.tally == Tally(updates=2)


async def test_a_reading_that_shows_nothing_new_has_moved_nothing(autojump_clock):
    room = Room(book_age_s=10.0)

    await room.live((1, compare(100, 5)), (5, compare(100, 5, asked_at_s=4.0)))

    assert [view.moved_s for view in room.views] == [1.0, 1.0]
    assert room.tally == Tally(updates=1)


async def test_where_images_are_pushed_a_hint_makes_nothing_stale(autojump_clock):
    room = Room()

    told = await room.live((0, compare(100, 5)), (1, Stir()), until_s=10_000.0)

    assert told == [(0.0, BookStatus.LIVE)]


# --- its life ----------------------------------------------------------------------------------------------------


async def test_it_ends_suspended_when_its_inbox_closes(autojump_clock):
    room = Room()
    room.inbox.put(compare(100, 5))
    room.inbox.close()

    with trio.fail_after(5):
        await room.market.run()

    assert [view.status for view in room.views] == [BookStatus.LIVE, BookStatus.SUSPENDED]


@pytest.mark.parametrize(("messages", "wakes"), [((), 0), ((compare(100, 5),), 1)])
async def test_it_does_not_spin(autojump_clock, messages, wakes):
    room = Room()
    for message in messages:
        room.inbox.put(message)

    with trio.move_on_after(1000):
        await room.market.run()

    assert len(room.views) == wakes


# --- succeeding another session's market -------------------------------------------------------------------------


def market(*, successor: bool = False) -> Market:
    return Market(
        key=KEY,
        epoch=4 if successor else 3,
        inbox=Mailbox[MarketMessage]("market", 64),
        publish=lambda view: None,
        event=EVENT,
        terms=lambda event: ProphetX().terms(event, LADDER),
        tally=Tally(),
        book=Book(KEY),
        heard=deque(maxlen=MAX_HEARD) if successor else None,
    )


def told(one: Market, *messages: MarketMessage) -> list[LiquidityChange]:
    """Return what a market tells of changes while it hears some messages one by one."""
    changes = []
    for message in messages:
        one.handle(message, 1.0)
        changes += one.view().changes
    return changes


def summed(changes: Iterable[LiquidityChange]) -> Counter[tuple[object, ...]]:
    total: Counter[tuple[object, ...]] = Counter()
    for each in changes:
        total[each.selection_id, each.price, each.cause] += each.size
    return total


def net(changes: Iterable[LiquidityChange]) -> dict[object, int]:
    total: Counter[object] = Counter()
    for each in changes:
        total[each.selection_id, each.price] += each.size if each.cause is Cause.ADDED else -each.size
    return {place: size for place, size in total.items() if size}


happenings = st.lists(
    st.one_of(st.integers(0, 5), st.tuples(st.sampled_from([100, 200]))), max_size=12
)  # images of so many hundred cents, and prints


@given(happenings, st.data())
def test_each_change_is_told_once_whichever_socket_is_ahead(happened, data):
    news = [
        image(100 * each, 1000 * n) if isinstance(each, int) else printed(each[0], 1000 * n)
        for n, each in enumerate(happened, 1)
    ]
    subscribed = data.draw(st.integers(0, len(news)), "the second socket hears from")
    shown = data.draw(st.integers(subscribed, len(news)), "the first one has brought so much at the change")
    heard = data.draw(st.integers(subscribed, len(news)), "the second one so much")
    read = data.draw(st.integers(subscribed, len(news)), "and REST")
    images = [each for each in news[:read] if isinstance(each, BookReplaced)]
    snapshot = Compare(book=images[-1] if images else image(300, 0), asked_at_s=0.0)

    alone, first, second = market(), market(), market(successor=True)
    expected = told(alone, compare(300, 0), *news)
    changes = told(first, compare(300, 0), *news[:shown])
    silent = told(second, *news[subscribed:heard], snapshot)
    changes += told(second, first.give(), *news[heard:])
    for one, its in ((alone, expected), (second, changes)):
        one.book.settle()
        its += one.view().changes

    assert silent == []
    assert second.book.sides == alone.book.sides
    assert net(changes) == net(expected)
    if read <= heard:  # otherwise the snapshot is ahead of both sockets, and hides what came in between
        assert summed(changes) == summed(expected)


def test_what_the_first_socket_still_brings_does_not_touch_the_book():
    first, second = market(), market(successor=True)
    told(first, compare(100, 1))
    told(second, compare(100, 1), first.give())

    assert told(first, image(500, 9)) == []
    assert second.view().sides == image(100, 1).sides


def test_a_book_that_was_in_doubt_is_what_the_successor_read():
    first, second = market(), market(successor=True)
    told(first, compare(100, 1), Doubt())

    changes = told(second, compare(300, 1), first.give())

    assert (second.view().status, changes) == (
        BookStatus.LIVE,
        [LiquidityChange(HOME, Odds(110), 200, Cause.ADDED)],
    )


def test_a_book_that_the_successor_doubts_is_doubted():
    first, second = market(), market(successor=True)
    told(first, compare(100, 1))

    told(second, compare(100, 1), Doubt(), first.give())

    assert second.view().status is BookStatus.STALE


def test_a_new_book_begins_with_its_first_image():
    second = market(successor=True)

    changes = told(second, compare(100, 1), image(300, 2), Inherit(None), image(400, 3))

    assert changes == [LiquidityChange(HOME, Odds(110), 100, Cause.ADDED)]


async def test_a_successor_that_lags_is_right_once_its_socket_has_caught_up(autojump_clock):
    first, room = market(), Room()
    room.market.heard = deque()
    told(first, compare(100, 1), image(300, 9))

    behind = await room.hear(compare(100, 1), first.give())
    after = await room.hear(image(300, 9), wait_s=2 * HEAL_GRACE_S)

    assert (behind.sides, after.sides, room.tally.healed) == (image(300, 9).sides, image(300, 9).sides, 0)


async def test_a_first_socket_that_was_wrong_is_put_right(autojump_clock):
    first, room = market(), Room()
    room.market.heard = deque()
    told(first, compare(300, 9))

    await room.hear(compare(100, 1), first.give())
    after = await room.hear(wait_s=2 * HEAL_GRACE_S)

    assert (after.sides, after.status, room.tally.healed) == (image(100, 1).sides, BookStatus.LIVE, 1)


async def test_a_fall_waits_for_its_print_no_longer_than_without_a_successor(autojump_clock):
    first, second = Room(), Room()
    second.market.heard = deque()
    await first.hear(compare(300, 1), image(100, 2), wait_s=PRINT_GRACE_S / 2)

    await second.hear(compare(100, 2), first.market.give(), wait_s=PRINT_GRACE_S * 0.51)

    assert [change for view in second.views for change in view.changes] == [
        LiquidityChange(HOME, Odds(110), 200, Cause.CANCELLED)
    ]
