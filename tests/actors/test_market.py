import math

import attrs
import pytest
import trio

from actors.mailbox import Mailbox
from actors.market import HEAL_GRACE_S, MAX_RECHECKS, PRINT_GRACE_S, Market, MarketMessage
from actors.messages import Compare, Doubt, MarketView, Stir, Suspend
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
