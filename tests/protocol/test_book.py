from collections import Counter

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.book import MAX_QUEUED, TRADE_EXPLAINS_NS, TWIN_NS, Book, BookStatus, Cause, LiquidityChange
from protocol.events import BookReplaced, Level, Side, TradePrinted
from protocol.ids import BookKey, EventId, MarketId, SelectionId, Strike
from protocol.matching import MatchingBook
from protocol.odds import Odds, generate_ladder, profit_cents

KEY = BookKey(EventId(18756), MarketId(219), Strike(0))
HOME, AWAY = SelectionId("home"), SelectionId("away")
MS = 1_000_000

Levels = dict[int, int]


def image(sequence_ns: int, home: Levels, away: Levels | None = None, *, active: bool = True) -> BookReplaced:
    return BookReplaced(
        key=KEY, active=active, sides=(side(HOME, home), side(AWAY, away or {})), sequence_ns=sequence_ns
    )


def side(selection_id: SelectionId, levels: Levels) -> Side:
    best_first = sorted(levels.items(), key=lambda level: -level[0])
    return Side(selection_id=selection_id, levels=tuple(Level(Odds(price), cents) for price, cents in best_first))


def live(home: Levels, away: Levels | None = None, sequence_ns: int = 0) -> Book:
    book = Book(KEY)
    book.hydrate(image(sequence_ns, home, away))
    return book


def trade(selection_id: SelectionId, price: int, cents: int, sequence_ns: int = 0) -> TradePrinted:
    return TradePrinted(
        event_id=KEY.event_id,
        market_id=KEY.market_id,
        selection_id=selection_id,
        price=Odds(price),
        fill_price=Odds(price),
        size=cents,
        sequence_ns=sequence_ns,
    )


def change(selection_id: SelectionId, price: int, cents: int, cause: Cause) -> LiquidityChange:
    return LiquidityChange(selection_id, Odds(price), cents, cause)


# --- whether it can be believed ----------------------------------------------------------------------------------


def test_a_book_without_a_snapshot_is_not_believed():
    book = Book(KEY)

    taken = book.apply(image(5, {110: 500}))

    assert (taken, book.status, book.sides, book.best(HOME)) == (False, BookStatus.HYDRATING, (), None)


def test_what_came_before_the_snapshot_is_applied_on_top_of_it():
    book = Book(KEY)
    book.apply(image(7, {112: 700}))
    book.apply(image(6, {111: 600}))

    book.hydrate(image(5, {110: 500}))

    assert (book.status, book.sequence_ns, book.sides) == (BookStatus.LIVE, 7, image(7, {112: 700}).sides)


def test_what_the_snapshot_already_knows_is_not_applied_again():
    book = Book(KEY)
    book.apply(image(5, {110: 500}))

    book.hydrate(image(6, {111: 600}))

    assert (book.sequence_ns, book.sides) == (6, image(6, {111: 600}).sides)


def test_the_queue_is_applied_once():
    book = Book(KEY)
    book.apply(image(7, {112: 700}))
    book.hydrate(image(5, {110: 500}))

    book.hydrate(image(7, {113: 800}))

    assert book.sides == image(7, {113: 800}).sides


def test_what_was_queued_is_applied_in_order_and_its_changes_are_told():
    book = Book(KEY)
    book.apply(image(7, {110: 200}))
    book.apply(image(6, {110: 500}))

    book.hydrate(image(5, {}))
    book.settle()

    assert book.take_changes() == (change(HOME, 110, 500, Cause.ADDED), change(HOME, 110, 300, Cause.CANCELLED))


def test_a_snapshot_with_an_older_stamp_lets_no_older_image_in():
    book = live({110: 500}, sequence_ns=10)

    book.hydrate(image(0, {111: 600}))

    assert book.apply(image(9, {112: 700})) is False
    assert (book.sequence_ns, book.sides) == (10, image(0, {111: 600}).sides)


def test_a_full_queue_forgets_the_oldest_images():
    book = Book(KEY)
    for sequence in range(1, MAX_QUEUED + 3):
        book.apply(image(sequence, {100 + sequence: 100}))

    book.hydrate(image(0, {}))

    newest = MAX_QUEUED + 2
    assert (book.sequence_ns, book.sides) == (newest, image(newest, {100 + newest: 100}).sides)


@pytest.mark.parametrize(("sequence_ns", "taken"), [(4, False), (5, True), (6, True)])
def test_strictly_older_images_are_dropped_and_equal_ones_applied(sequence_ns, taken):
    book = live({110: 500}, sequence_ns=5)

    assert book.apply(image(sequence_ns, {111: 600})) is taken
    assert book.sides == image(0, {111: 600} if taken else {110: 500}).sides


@given(st.permutations(range(1, 9)), st.integers(0, 8))
def test_in_whatever_order_images_come_the_newest_stays(sequences, before_the_snapshot):
    book = Book(KEY)
    for sequence in sequences[:before_the_snapshot]:
        book.apply(image(sequence, {100 + sequence: 100}))
    book.hydrate(image(0, {}))
    for sequence in sequences[before_the_snapshot:]:
        book.apply(image(sequence, {100 + sequence: 100}))

    assert (book.sequence_ns, book.sides) == (8, image(8, {108: 100}).sides)


def test_doubt_makes_a_book_stale_until_the_next_snapshot():
    book = live({110: 500}, sequence_ns=5)

    book.doubt()
    taken = book.apply(image(7, {112: 700}))

    assert (book.status, taken, book.sides) == (BookStatus.STALE, False, image(5, {110: 500}).sides)
    book.hydrate(image(6, {111: 600}))
    assert (book.status, book.sides) == (BookStatus.LIVE, image(7, {112: 700}).sides)


def test_a_book_that_was_never_believed_cannot_be_doubted():
    book = Book(KEY)

    book.doubt()

    assert book.status is BookStatus.HYDRATING


def test_a_market_that_is_closed_suspends_its_book_and_opens_it_again():
    book = live({110: 500})

    book.apply(image(1, {110: 500}, active=False))

    assert book.status is BookStatus.SUSPENDED
    assert book.apply(image(2, {110: 500})) is True
    assert book.status is BookStatus.LIVE


def test_best_is_the_level_that_pays_most():
    book = live({110: 500, 105: 900}, {-120: 300})

    assert [book.best(HOME), book.best(AWAY), book.best(SelectionId("draw"))] == [
        Level(Odds(110), 500),
        Level(Odds(-120), 300),
        None,
    ]
    assert live({110: 500}).best(AWAY) is None


def test_a_book_differs_by_what_can_be_taken_and_by_whether_it_is_open():
    book = live({110: 500}, {-120: 300}, sequence_ns=5)

    assert not book.differs(image(9, {110: 500}, {-120: 300}))
    assert not book.differs(image(9, {110: 500, 105: 0}, {-120: 300}))
    assert book.differs(image(9, {110: 501}, {-120: 300}))
    assert book.differs(image(9, {110: 500}, {-120: 300}, active=False))


# --- why liquidity changed ---------------------------------------------------------------------------------------


def test_the_first_image_is_no_change():
    assert live({110: 500}).take_changes() == ()


def test_more_at_a_price_was_added():
    book = live({110: 500})

    book.apply(image(1, {110: 700, 105: 100}, {-120: 50}))

    assert book.take_changes() == (
        change(HOME, 110, 200, Cause.ADDED),
        change(HOME, 105, 100, Cause.ADDED),
        change(AWAY, -120, 50, Cause.ADDED),
    )
    assert book.take_changes() == ()


def test_a_fall_that_no_print_explains_was_cancelled():
    book = live({110: 500})
    book.apply(image(1, {110: 200}))

    assert book.unsettled
    assert book.take_changes() == ()
    book.settle()
    assert not book.unsettled
    assert book.take_changes() == (change(HOME, 110, 300, Cause.CANCELLED),)


@pytest.mark.parametrize("print_first", [True, False])
def test_a_trade_explains_a_fall_before_and_after_the_image(print_first):
    book = live({110: 500})
    steps = [lambda: book.print_trade(trade(HOME, 110, 300, 1)), lambda: book.apply(image(2, {110: 200}))]

    for step in steps if print_first else reversed(steps):
        step()

    assert book.take_changes() == (change(HOME, 110, 300, Cause.TRADED),)
    assert not book.unsettled


@pytest.mark.parametrize("print_first", [True, False])
def test_a_print_of_the_maker_explains_the_fall_on_the_other_selection(print_first):
    book = live({-120: 600})  # behind it rests a back of AWAY at +120 for 5.00
    steps = [lambda: book.print_trade(trade(AWAY, 120, 500, 1)), lambda: book.apply(image(2, {}))]

    for step in steps if print_first else reversed(steps):
        step()

    assert book.take_changes() == (change(HOME, -120, 600, Cause.TRADED),)


def test_a_trade_explains_no_more_than_its_size():
    book = live({110: 500})
    book.print_trade(trade(HOME, 110, 200, 1))

    book.apply(image(2, {}))
    book.settle()

    assert book.take_changes() == (change(HOME, 110, 200, Cause.TRADED), change(HOME, 110, 300, Cause.CANCELLED))


def test_a_trade_explains_two_falls_as_far_as_it_goes():
    book = live({110: 500})
    book.print_trade(trade(HOME, 110, 400, 1))

    book.apply(image(2, {110: 300}))
    book.apply(image(3, {110: 50}))
    book.settle()

    assert book.take_changes() == (
        change(HOME, 110, 200, Cause.TRADED),
        change(HOME, 110, 200, Cause.TRADED),
        change(HOME, 110, 50, Cause.CANCELLED),
    )


def test_a_print_spent_on_one_side_explains_nothing_on_the_other():
    book = live({-120: 600}, {120: 500})
    book.print_trade(trade(AWAY, 120, 500, 1))

    book.apply(image(2, {}, {}))
    book.settle()

    causes = Counter(each.cause for each in book.take_changes())
    assert causes == {Cause.TRADED: 1, Cause.CANCELLED: 1}


def test_a_trade_at_another_price_explains_nothing():
    book = live({110: 500})
    book.print_trade(trade(HOME, 112, 500, 1))

    book.apply(image(2, {}))
    book.settle()

    assert book.take_changes() == (change(HOME, 110, 500, Cause.CANCELLED),)


def test_a_trade_on_a_selection_of_another_book_explains_nothing():
    book = live({110: 500})
    book.print_trade(trade(SelectionId("draw"), -110, 550, 1))

    book.apply(image(2, {}))
    book.settle()

    assert book.take_changes() == (change(HOME, 110, 500, Cause.CANCELLED),)


def test_a_print_that_is_long_past_explains_nothing():
    book = live({110: 500})
    book.print_trade(trade(HOME, 110, 500, 1))

    book.apply(image(2 + TRADE_EXPLAINS_NS, {}))
    book.settle()

    assert book.take_changes() == (change(HOME, 110, 500, Cause.CANCELLED),)


def test_a_fall_that_is_long_past_was_cancelled_without_being_asked():
    book = live({110: 500})
    book.apply(image(1, {110: 200}))

    book.apply(image(2 + TRADE_EXPLAINS_NS, {110: 200}))

    assert book.take_changes() == (change(HOME, 110, 300, Cause.CANCELLED),)
    assert not book.unsettled


@pytest.mark.parametrize("twin_first", [True, False])
def test_the_twin_of_a_print_is_counted_once(twin_first):
    book = live({-120: 1200})
    prints = [trade(AWAY, 120, 500, 10 * MS), trade(HOME, -120, 600, 11 * MS)]
    for each in reversed(prints) if twin_first else prints:
        book.print_trade(each)

    book.apply(image(12 * MS, {}))
    book.settle()

    assert book.take_changes() == (change(HOME, -120, 600, Cause.TRADED), change(HOME, -120, 600, Cause.CANCELLED))


def test_two_prints_of_one_side_are_two_trades():
    book = live({110: 1000})
    book.print_trade(trade(HOME, 110, 500, 10 * MS))
    book.print_trade(trade(HOME, 110, 500, 10 * MS))

    book.apply(image(11 * MS, {}))

    assert sum(each.size for each in book.take_changes() if each.cause is Cause.TRADED) == 1000


def test_prints_far_apart_are_no_twins():
    book = live({-120: 1200})
    book.print_trade(trade(AWAY, 120, 500, MS))
    book.print_trade(trade(HOME, -120, 600, 2 * MS + TWIN_NS))

    book.apply(image(2 * MS + TWIN_NS, {}))

    assert sum(each.size for each in book.take_changes()) == 1200


def test_two_prints_of_one_side_are_two_trades_where_the_other_side_is_not_known():
    book = Book(KEY)
    book.hydrate(BookReplaced(key=KEY, sides=(side(HOME, {110: 1000}),), sequence_ns=0))
    book.print_trade(trade(HOME, 110, 500, 10 * MS))
    book.print_trade(trade(HOME, 110, 500, 10 * MS))

    book.apply(BookReplaced(key=KEY, sides=(side(HOME, {}),), sequence_ns=11 * MS))

    assert sum(each.size for each in book.take_changes() if each.cause is Cause.TRADED) == 1000


@given(st.sampled_from(generate_ladder().steps), st.integers(1, 100_000), st.integers(1, 100_000))
def test_both_prints_of_any_match_are_twins(price, maker_cents, taker_cents):
    market = MatchingBook[str](HOME, AWAY)
    market.enter("maker", "one", HOME, price, maker_cents)
    matches = market.enter("taker", "two", AWAY, Odds(-25_000), taker_cents)
    book = live({}, {})

    for match in matches:
        book.print_trade(trade(HOME, match.maker_odds, match.maker_cents, MS))
        book.print_trade(trade(AWAY, match.taker_odds, match.taker_cents, MS))
    book.apply(image(2 * MS, {}, {}))
    book.apply(image(3 * MS, {}, {match.taker_odds: 10**9 for match in matches}))
    book.take_changes()
    book.apply(image(4 * MS, {}, {}))

    traded = sum(each.size for each in book.take_changes() if each.cause is Cause.TRADED)
    assert traded <= sum(profit_cents(match.maker_cents, match.maker_odds) for match in matches)


levels = st.dictionaries(st.sampled_from([-120, -110, 100, 105, 110, 120]), st.integers(0, 1000), max_size=4)
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("image"), levels, levels),
        st.tuples(st.just("print"), st.sampled_from([HOME, AWAY]), st.sampled_from([-120, 110, 100, 120])),
        st.tuples(st.just("doubt"), st.just(None), st.just(None)),
        st.tuples(st.just("settle"), st.just(None), st.just(None)),
    ),
    max_size=12,
)


@given(levels, levels, happenings, st.lists(st.integers(0, TRADE_EXPLAINS_NS), min_size=12, max_size=12))
def test_every_cent_of_a_change_has_exactly_one_cause(home, away, happened, steps):
    book = live(home, away)
    start = takeable(book)
    now = 0

    for (what, first, second), step in zip(happened, steps, strict=False):
        now += step
        if what == "image" and book.status is BookStatus.STALE:
            book.hydrate(image(now, first, second))
        elif what == "image":
            book.apply(image(now, first, second))
        elif what == "print":
            book.print_trade(trade(first, second, 250, now))
        elif what == "doubt":
            book.doubt()
        else:
            book.settle()
    book.settle()

    net: Counter[tuple[SelectionId, Odds]] = Counter()
    for each in book.take_changes():
        assert each.size > 0
        net[each.selection_id, each.price] += each.size if each.cause is Cause.ADDED else -each.size
    end = takeable(book)
    assert {place: net[place] for place in net | start | end} == {
        place: end.get(place, 0) - start.get(place, 0) for place in net | start | end
    }


def takeable(book: Book) -> Counter[tuple[SelectionId, Odds]]:
    return Counter(
        {
            (each.selection_id, level.price): level.takeable
            for each in book.sides
            for level in each.levels
            if level.takeable
        }
    )


def test_an_image_equal_to_the_book_changes_nothing():
    book = live({110: 500}, sequence_ns=5)

    book.apply(attrs.evolve(image(6, {110: 500}), name="renamed"))
    book.settle()

    assert book.take_changes() == ()
