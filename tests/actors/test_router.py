import attrs
import trio

from actors.mailbox import Mailbox
from actors.market import Market
from actors.messages import (
    Compare,
    Doubt,
    Inherit,
    MarketView,
    RouterMessage,
    SnapshotTaken,
    SnapshotWanted,
    Stir,
    Suspend,
)
from actors.router import MARKET_BACKLOG, Router
from actors.tally import Tally
from protocol.book import BookStatus
from protocol.events import (
    About,
    BookReplaced,
    BookUnreadable,
    CompetitionListed,
    EventListed,
    EventStatus,
    EventUnlisted,
    Hinted,
    Level,
    MarketListed,
    MessageUnreadable,
    SelectionListed,
    Side,
    TradePrinted,
)
from protocol.ids import BookKey, CompetitionId, EventId, MarketId, SelectionId, Strike
from protocol.odds import Odds, generate_ladder
from protocol.prophetx.venue import ProphetX

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
OTHER = BookKey(EventId(2), MarketId(219), Strike(0))
TOTAL = BookKey(EventId(1), MarketId(225), Strike(4500))

LADDER = generate_ladder()


def event(number: int = 1, **changes: object) -> EventListed:
    known = EventListed(
        event_id=EventId(number), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED
    )
    return attrs.evolve(known, **changes)


def book(key: BookKey = KEY, sequence_ns: int = 5) -> BookReplaced:
    sides = tuple(
        Side(selection_id=SelectionId(f"{each} {key}"), levels=(Level(Odds(110), 100),)) for each in ("home", "away")
    )
    return BookReplaced(key=key, name="Moneyline", kind="moneyline", sides=sides, sequence_ns=sequence_ns)


def snapshot(*keys: BookKey, events: tuple[int, ...] = ()) -> SnapshotTaken:
    ids = events or tuple({key.event_id: None for key in keys})
    return SnapshotTaken(
        event_ids=tuple(EventId(each) for each in ids), books=tuple(book(key) for key in keys), asked_at_s=1.0
    )


def printed(selection: str = f"home {KEY}") -> TradePrinted:
    return TradePrinted(
        event_id=EventId(1),
        market_id=MarketId(219),
        selection_id=SelectionId(selection),
        price=Odds(110),
        fill_price=Odds(110),
        size=100,
        sequence_ns=6,
    )


def hint(event_id: int = 1, market_id: int | None = None) -> Hinted:
    return Hinted(
        about=About.BOOK,
        event_id=EventId(event_id),
        market_id=None if market_id is None else MarketId(market_id),
    )


class Room:
    """A router that is told things one by one, and the markets that it opened."""

    def __init__(self, room_for_wishes: int = 8, **traits: float | bool) -> None:
        self.views: list[MarketView] = []
        self.inbox = Mailbox[RouterMessage]("router", 64)
        self.snapshots = Mailbox[SnapshotWanted]("reconciler", room_for_wishes)
        self.tally = Tally()
        self.router = Router(
            epoch=3,
            inbox=self.inbox,
            snapshots=self.snapshots,
            publish=self.views.append,
            terms=lambda event: ProphetX().terms(event, LADDER),
            tally=self.tally,
            **traits,
        )
        self.markets: dict[BookKey, Market] = {}

    def hear(self, *messages: RouterMessage) -> list[BookKey]:
        opened = []
        for message in messages:
            for market in self.router.handle(message):
                self.markets[market.key] = market
                opened.append(market.key)
        return opened

    def got(self, key: BookKey = KEY) -> list[object]:
        return list(self.markets[key].inbox.take_nowait())

    def wanted(self) -> list[EventId]:
        return [event_id for wish in self.snapshots.take_nowait() for event_id in wish.event_ids]


def opened(*keys: BookKey) -> Room:
    """A router with a market for each key, each with its first snapshot read."""
    room = Room()
    room.hear(event(1), event(2), snapshot(*(keys or (KEY,))))
    for key in room.markets:
        room.got(key)
    return room


def test_a_market_opens_with_its_first_snapshot():
    room = Room()

    new = room.hear(event(), snapshot(KEY))

    assert new == [KEY]
    assert room.got() == [Compare(book=book(), asked_at_s=1.0)]
    assert (room.markets[KEY].epoch, room.markets[KEY].name, room.markets[KEY].event) == (3, "Moneyline", event())


def test_a_book_of_an_event_that_nobody_wants_opens_nothing():
    assert Room().hear(snapshot(KEY)) == []


def test_a_second_snapshot_is_compared_and_opens_nothing():
    room = opened()

    assert room.hear(snapshot(KEY)) == []
    assert room.got() == [Compare(book=book(), asked_at_s=1.0)]


def test_each_message_reaches_the_market_that_it_is_about():
    room = opened(KEY, OTHER)
    closed = MarketListed(event_id=EventId(2), market_id=MarketId(219), name="Moneyline", active=False)
    begun = event(1, status=EventStatus.LIVE)

    room.hear(book(KEY, 7), printed(), closed, begun, CompetitionListed(competition_id=CompetitionId(31), name="NFL"))
    room.hear(MarketListed(event_id=EventId(2), market_id=MarketId(64), name="Half", active=False))

    assert room.got(KEY) == [book(KEY, 7), printed(), begun]
    assert room.got(OTHER) == [Suspend(active=False)]
    assert room.wanted() == []


def test_an_event_that_is_listed_as_before_is_no_news():
    room = opened()

    room.hear(event(1), event(1, status=EventStatus.LIVE), event(1, status=EventStatus.LIVE), event(1))

    assert room.got() == [event(1, status=EventStatus.LIVE), event(1)]


def test_it_is_news_where_the_listing_alone_says_that_a_market_takes_orders_again():
    room = Room(listing_lifts=True)
    room.hear(event(1), snapshot(KEY), event(1))

    assert room.got()[-1] == event(1)


def test_a_trade_on_a_selection_that_nobody_knows_is_let_go():
    room = opened()

    room.hear(printed("another"))

    assert room.got() == []


def test_a_book_or_a_selection_not_heard_of_is_asked_for():
    room = opened()
    strike = BookKey(EventId(1), MarketId(223), Strike(-350))

    room.hear(book(strike))
    room.hear(
        SelectionListed(
            event_id=EventId(2), market_id=MarketId(219), selection_id=SelectionId("new"), name="", active=True
        )
    )

    assert room.wanted() == [EventId(1), EventId(2)]


def test_nothing_is_asked_for_that_is_known_or_not_wanted():
    room = opened()
    known = SelectionListed(
        event_id=EventId(1), market_id=MarketId(219), selection_id=SelectionId(f"home {KEY}"), name="", active=True
    )

    room.hear(known, attrs.evolve(known, event_id=EventId(9)), book(BookKey(EventId(9), MarketId(219), Strike(0))))

    assert room.wanted() == []


def test_a_full_list_of_wishes_loses_only_the_wish():
    room = Room(room_for_wishes=1)
    room.hear(event(1), event(2))

    room.hear(book(KEY), book(OTHER))

    assert room.wanted() == [EventId(1)]


def test_what_nobody_could_read_makes_every_book_doubtful():
    room = opened(KEY, OTHER)

    room.hear(MessageUnreadable(private=False, reason="garbage"))

    assert room.got(KEY) == room.got(OTHER) == [Doubt()]
    assert room.wanted() == [EventId(1), EventId(2)]


async def test_an_event_that_is_over_or_unlisted_retires_its_markets(autojump_clock):
    room = opened(KEY, OTHER)
    assert room.router.open_books == 2

    room.hear(event(1, status=EventStatus.ENDED), EventUnlisted(event_id=EventId(2)))

    with trio.fail_after(5):
        await room.markets[KEY].run()
        await room.markets[OTHER].run()
    assert [(view.key, view.status) for view in room.views] == [
        (KEY, BookStatus.SUSPENDED),
        (OTHER, BookStatus.SUSPENDED),
    ]
    assert room.hear(snapshot(KEY, OTHER)) == []
    assert room.router.open_books == 0


async def test_a_market_that_rest_no_longer_has_is_retired_and_its_neighbours_are_not(autojump_clock):
    strike = BookKey(EventId(1), MarketId(223), Strike(-350))
    room = opened(KEY, strike, OTHER)

    room.hear(snapshot(KEY))
    with trio.fail_after(5):
        await room.markets[strike].run()

    room.hear(book(KEY, 9), book(OTHER, 9))
    assert room.got(KEY) == [Compare(book=book(), asked_at_s=1.0), book(KEY, 9)]
    assert room.got(OTHER) == [book(OTHER, 9)]


def test_a_retired_market_can_open_again():
    room = opened()
    room.hear(EventUnlisted(event_id=EventId(1)), event())

    assert room.hear(snapshot(KEY)) == [KEY]
    room.hear(printed())
    assert room.got() == [Compare(book=book(), asked_at_s=1.0), printed()]


def test_an_event_told_without_its_competition_keeps_the_one_that_is_known():
    room = opened()

    room.hear(event(competition_id=CompetitionId(0), status=EventStatus.LIVE))

    assert room.got() == [event(status=EventStatus.LIVE)]


def test_a_market_that_does_not_keep_up_sees_the_newest_image_and_every_doubt():
    room = opened()
    images = [book(KEY, number) for number in range(MARKET_BACKLOG)]
    room.hear(MessageUnreadable(private=False, reason="garbage"), *images)
    after_image = len(room.markets[KEY].inbox)

    assert after_image < MARKET_BACKLOG
    assert room.got() == [Doubt(), images[-1]]
    assert room.tally.conflated == MARKET_BACKLOG - 1


def test_news_that_are_no_image_fit_into_a_full_backlog():
    room = opened()
    images = [book(KEY, number) for number in range(MARKET_BACKLOG)]

    room.hear(*images, MessageUnreadable(private=False, reason="garbage"))

    assert room.got() == [images[-1], Doubt()]


# --- hints -------------------------------------------------------------------------------------------------------


def test_a_hint_about_one_book_stirs_that_one():
    room = opened(KEY, TOTAL, OTHER)

    room.hear(hint(market_id=225))

    assert (room.got(KEY), room.got(TOTAL), room.got(OTHER)) == ([], [Stir()], [])


def test_a_hint_without_a_market_stirs_every_book_of_the_event():
    room = opened(KEY, TOTAL, OTHER)

    room.hear(hint())

    assert (room.got(KEY), room.got(TOTAL), room.got(OTHER)) == ([Stir()], [Stir()], [])


def test_a_hinted_book_is_wanted_by_its_event_where_the_listing_names_no_books():
    room = opened(KEY, OTHER)

    room.hear(hint(market_id=219))

    assert room.snapshots.take_nowait() == [SnapshotWanted(event_ids=(EventId(1),))]


def test_a_hinted_book_is_wanted_by_its_name_where_the_listing_has_it():
    room = opened(KEY, TOTAL)
    room.hear(event(keys=(KEY, TOTAL)))

    room.hear(hint(market_id=225))

    assert room.snapshots.take_nowait() == [SnapshotWanted(keys=(TOTAL,))]


def test_every_book_of_an_event_is_wanted_by_the_names_that_the_listing_has():
    room = opened(KEY)
    room.hear(event(keys=(KEY, TOTAL)))

    room.hear(BookUnreadable(key=KEY))

    assert room.got()[-1] == Doubt()
    assert room.snapshots.take_nowait() == [SnapshotWanted(keys=(KEY, TOTAL))]


def test_a_market_that_wants_to_be_compared_again_is_wanted_by_its_name():
    room = opened(KEY)
    room.hear(event(keys=(KEY, TOTAL)))

    room.markets[KEY].recheck()

    assert room.snapshots.take_nowait() == [SnapshotWanted(keys=(KEY,))]


def test_a_hint_before_the_first_snapshot_is_kept_for_it():
    room = Room()
    room.hear(event(keys=(KEY, TOTAL)), hint(market_id=219))
    before = room.snapshots.take_nowait()

    room.hear(snapshot(KEY), snapshot(TOTAL, events=(2,)))

    assert before == []
    assert room.got(KEY) == [Compare(book=book(), asked_at_s=1.0), Stir()]
    assert room.got(TOTAL) == [Compare(book=book(TOTAL), asked_at_s=1.0)]
    assert room.snapshots.take_nowait() == [SnapshotWanted(keys=(KEY,))]


def test_a_kept_hint_is_told_once():
    room = Room()
    room.hear(event(keys=(KEY,)), hint(market_id=219), snapshot(KEY))
    room.got()

    room.hear(snapshot(KEY))

    assert room.got() == [Compare(book=book(), asked_at_s=1.0)]


def test_a_hint_without_a_market_is_kept_for_every_book_that_waits():
    room = Room()
    room.hear(event(keys=(KEY, TOTAL)), hint())

    room.hear(snapshot(KEY, TOTAL))

    assert (room.got(KEY)[-1], room.got(TOTAL)[-1]) == (Stir(), Stir())


def test_a_kept_hint_goes_with_its_event():
    room = Room()
    room.hear(event(keys=(KEY,)), hint(), EventUnlisted(event_id=EventId(1)), event(keys=(KEY,)))

    room.hear(snapshot(KEY))

    assert room.got() == [Compare(book=book(), asked_at_s=1.0)]


def test_a_hint_about_what_nobody_wants_does_nothing():
    room = opened(KEY)

    room.hear(hint(9), hint(1, 64), Hinted(about=About.BOOK))

    assert room.got() == []
    assert room.snapshots.take_nowait() == []


def test_a_named_book_that_is_read_alone_retires_no_neighbour():
    room = opened(KEY, TOTAL)

    room.hear(SnapshotTaken(event_ids=(), books=(book(KEY),), asked_at_s=2.0), book(TOTAL, 9))

    assert room.got(TOTAL) == [book(TOTAL, 9)]


def test_a_book_without_a_name_has_the_one_that_the_listing_gives_it():
    room = Room()
    room.hear(event(keys=(KEY, TOTAL), names=("Yes", "No")))

    room.hear(SnapshotTaken(event_ids=(), books=(attrs.evolve(book(TOTAL), name=""),), asked_at_s=1.0))

    assert room.markets[TOTAL].name == "No"


def test_a_market_believes_its_book_for_as_long_as_it_is_told():
    room = Room(book_age_s=10.0, unread_age_s=70.0)

    room.hear(event(), snapshot(KEY))

    assert (room.markets[KEY].book_age_s, room.markets[KEY].unread_age_s) == (10.0, 70.0)


# --- its life ----------------------------------------------------------------------------------------------------


async def test_it_runs_its_markets_and_ends_with_its_inbox(autojump_clock):
    room = Room()
    room.inbox.put(event())
    room.inbox.put(snapshot(KEY))
    room.inbox.close()

    with trio.fail_after(5):
        await room.router.run()

    assert [view.status for view in room.views] == [BookStatus.LIVE, BookStatus.SUSPENDED]


async def test_it_is_cancelled_cleanly_with_its_markets(autojump_clock):
    room = Room()
    room.inbox.put(event())
    room.inbox.put(snapshot(KEY))

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            await nursery.start(room.router.run)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()

    assert [view.status for view in room.views] == [BookStatus.LIVE]


# --- succeeding another session's router -------------------------------------------------------------------------


def heard(room: Room, key: BookKey = KEY) -> None:
    """Let a market take what waits for it."""
    for message in room.got(key):
        room.markets[key].handle(message, 1.0)


def succeeding(before: Room) -> Room:
    room = Room()
    room.router.epoch, room.router.before = 4, before.router
    return room


def test_books_are_believed_when_every_event_was_read_and_every_market_has_its_snapshot():
    room = Room()
    events = (event(1), event(2, keys=(OTHER,)))
    answers = []

    for step in (lambda: room.hear(*events), lambda: room.hear(snapshot(KEY)), lambda: room.hear(snapshot(OTHER))):
        step()
        answers.append(room.router.believes(events))
    for key in (KEY, OTHER):
        heard(room, key)
        answers.append(room.router.believes(events))
    room.hear(MessageUnreadable(private=False, reason="garbage"))
    heard(room)
    answers.append(room.router.believes(events))

    assert answers == [False, False, False, False, True, False]


def test_an_event_without_books_is_read_too():
    room = Room()
    room.hear(event(), snapshot(events=(1,)))

    assert room.router.believes((event(),))


def test_a_successor_shows_every_book_at_once_and_inherits_those_that_were_shown():
    before = opened(KEY)
    told = before.markets[KEY].book
    after = succeeding(before)
    after.hear(event(1), event(2), snapshot(KEY, OTHER))
    for key in (KEY, OTHER):
        heard(after, key)

    after.router.succeed()

    assert [(view.key, view.epoch, view.status) for view in after.views] == [
        (KEY, 4, BookStatus.LIVE),
        (OTHER, 4, BookStatus.LIVE),
    ]
    assert (after.got(KEY), after.got(OTHER)) == ([Inherit(told)], [Inherit(None)])
    assert before.markets[KEY].book is not told


async def test_who_waits_for_the_books_is_told(autojump_clock):
    room = Room()
    async with trio.open_nursery() as nursery:
        await nursery.start(room.router.run)
        for message in (event(), snapshot(KEY)):
            room.inbox.put(message)
        with trio.fail_after(1):
            await room.router.wait_believed((event(),))
        nursery.cancel_scope.cancel()

    assert [view.status for view in room.views] == [BookStatus.LIVE]
