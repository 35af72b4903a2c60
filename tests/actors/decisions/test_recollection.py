import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.decisions.entry_text import EntryUnreadable
from actors.decisions.recollection import HOUR_NS, KEPT_NS, Recalled, Recollection
from actors.entries import (
    AccountOpened,
    CancelSent,
    Entry,
    Latch,
    Latched,
    Lifted,
    LimitBreached,
    OrderIntended,
    OrderMoved,
    ResultBooked,
    RunEnded,
    RunStarted,
)
from protocol.belief import Source
from protocol.commands import CancelAll, PlaceOrder
from protocol.events import OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, VenueName
from protocol.odds import Odds
from protocol.order import RESTABLE, Order

VENUE, OTHER = VenueName("venue"), VenueName("other")
START_NS = 1_789_000_000 * 10**9
AT_NS = START_NS + 5  # by the venue's clock


def key(number: int = 0) -> BookKey:
    return BookKey(EventId(number % 2), MarketId(219))


def placing(number: int = 1) -> PlaceOrder:
    return PlaceOrder(
        client_order_id=ClientOrderId(f"x-{number}"),
        key=key(number),
        selection_id=SelectionId("home"),
        price=Odds(110),
        size=1_000,
    )


def order(status: OrderStatus, filled: int = 0, number: int = 1) -> Order:
    return attrs.evolve(Order.placed(placing(number)), status=status, filled=filled)


def intended(number: int = 1, strategy: str = "maker") -> OrderIntended:
    return OrderIntended(venue=VENUE, strategy=strategy, order=placing(number), at_ns=AT_NS)


def moved(status: OrderStatus, filled: int = 0, number: int = 1, strategy: str = "maker") -> OrderMoved:
    return OrderMoved(
        venue=VENUE,
        strategy=strategy,
        order=order(status, filled, number),
        source=Source.PUSH,
        as_of_ns=AT_NS + 1,
    )


def booked(
    net_micro: int, *, total_micro: int = 0, day: int = 1, day_micro: int = 0, venue: VenueName = VENUE, number: int = 1
) -> ResultBooked:
    return ResultBooked(
        venue=venue, key=key(number), net_micro=net_micro, total_micro=total_micro, day=day, day_micro=day_micro
    )


def recollection(*entries: Entry, wall_ns: int = START_NS) -> Recollection:
    recalled = Recollection()
    for entry in entries:
        recalled.apply(entry, wall_ns)
    return recalled


def kept(recalled: Recollection) -> set[str]:
    return {name for _, name in recalled.orders}


# --- runs, latches, accounts ---


def test_a_journal_without_a_run_has_nothing_to_recover():
    assert (Recollection().run, Recollection().ended_in_order) == (0, True)


def test_a_run_that_was_cut_off_has_not_ended_in_order():
    started, ended = RunStarted(run=1, version="1"), RunEnded(run=1, flat=True)

    assert recollection(started).ended_in_order is False
    assert recollection(started, ended).ended_in_order is True
    assert recollection(started, ended, RunStarted(run=2, version="1")).ended_in_order is False


def test_a_latch_keeps_its_first_reason_until_it_is_lifted():
    first = Latched(latch=Latch.KILL, reason="first")

    both = recollection(first, Latched(latch=Latch.KILL, reason="second"), Latched(latch=Latch.HALT, reason="halt"))
    both.apply(RunStarted(run=2, version="1"), START_NS)
    assert both.latches == {Latch.KILL: "first", Latch.HALT: "halt"}

    both.apply(Lifted(latch=Latch.KILL, reason="looked into"), START_NS)
    assert both.latches == {Latch.HALT: "halt"}


def test_an_account_is_reckoned_from_its_newest_opening_and_its_total_goes_on():
    first = AccountOpened(venue=VENUE, account="mine", money_micro=1)
    second = AccountOpened(venue=VENUE, account="mine", money_micro=2)
    other = AccountOpened(venue=OTHER, account="mine", money_micro=3)

    recalled = recollection(first, other, booked(5, total_micro=5), booked(7, total_micro=7, venue=OTHER), second)

    assert recalled.openings == {VENUE: second, OTHER: other}
    assert recalled.totals == {VENUE: 5, OTHER: 7}


def test_what_is_for_the_record_alone_changes_nothing():
    entries = (CancelSent(venue=VENUE, command=CancelAll()), LimitBreached(worst_cents=2, limit_cents=1))

    assert recollection(intended(), *entries) == recollection(intended())


# --- orders ---


def test_an_intent_is_an_order_that_may_exist():
    recalled = recollection(intended())

    assert recalled.orders == {
        (VENUE, ClientOrderId("x-1")): Recalled(
            venue=VENUE,
            strategy="maker",
            order=Order.placed(placing()),
            intended_ns=AT_NS,
            moved_ns=START_NS,
            as_of_ns=AT_NS,
        )
    }


def test_a_move_replaces_the_order_and_not_when_it_was_intended():
    recalled = recollection(intended())
    recalled.apply(moved(OrderStatus.OPEN, 400), START_NS + 9)

    (found,) = recalled.orders.values()
    assert (found.order, found.intended_ns, found.moved_ns) == (order(OrderStatus.OPEN, 400), AT_NS, START_NS + 9)
    assert found.as_of_ns == AT_NS + 1


@pytest.mark.parametrize("status", OrderStatus)
def test_an_order_without_fills_is_kept_while_it_can_match(status):
    assert bool(kept(recollection(intended(), moved(status)))) is (status in RESTABLE)


@pytest.mark.parametrize("status", OrderStatus)
def test_an_order_with_fills_is_kept_until_they_are_void(status):
    gone = {OrderStatus.VOID, OrderStatus.INVALID, OrderStatus.REJECTED, OrderStatus.ABSENT}

    assert bool(kept(recollection(intended(), moved(status, 400)))) is (status not in gone)


def test_an_order_that_we_did_not_place_is_not_kept():
    assert kept(recollection(moved(OrderStatus.OPEN, strategy=""))) == set()


def test_an_order_that_comes_back_is_kept_again():
    back = recollection(intended(), moved(OrderStatus.ABSENT), moved(OrderStatus.OPEN))

    assert kept(back) == {"x-1"}


def test_orders_of_two_venues_may_have_one_name():
    twin = attrs.evolve(intended(), venue=OTHER)

    assert set(recollection(intended(), twin).orders) == {(VENUE, "x-1"), (OTHER, "x-1")}


def test_a_settled_order_is_kept_for_a_day():
    recalled = recollection(intended(), moved(OrderStatus.SETTLED, 400))

    recalled.apply(intended(2), START_NS + KEPT_NS - 1)
    assert kept(recalled) == {"x-1", "x-2"}

    recalled.apply(moved(OrderStatus.CANCELLED, number=2), START_NS + KEPT_NS + HOUR_NS)
    assert kept(recalled) == set()


def test_a_settled_order_is_kept_while_its_book_waits_for_a_result():
    recalled = recollection(intended(1), intended(3), moved(OrderStatus.SETTLED, 400), moved(OrderStatus.FILLED, 9, 3))

    recalled.apply(RunStarted(run=2, version="1"), START_NS + 10 * KEPT_NS)

    assert kept(recalled) == {"x-1", "x-3"}


# --- results ---


def test_a_net_is_kept_as_long_as_its_book_has_an_order():
    recalled = recollection(intended(1), moved(OrderStatus.SETTLED, 400), booked(7), booked(8, number=2))
    assert recalled.nets == {(VENUE, key(1)): 7}

    recalled.apply(moved(OrderStatus.VOID, 400), START_NS)
    assert recalled.nets == {}


def test_a_day_is_summed_by_venue_and_ends_with_the_next_one():
    recalled = recollection(booked(1, total_micro=4, day=7, day_micro=4), booked(1, day=7, day_micro=-6, venue=OTHER))
    assert (recalled.day, recalled.day_micro) == (7, {VENUE: 4, OTHER: -6})

    recalled.apply(booked(1, total_micro=5, day=8, day_micro=1), START_NS)
    assert (recalled.day, recalled.day_micro) == (8, {VENUE: 1})
    assert recalled.totals == {VENUE: 5, OTHER: 0}


def test_a_loss_that_an_operator_forgave_is_forgiven_that_day():
    recalled = recollection(booked(1, day=7, day_micro=-90), booked(1, day=7, day_micro=-6, venue=OTHER))
    recalled.apply(Latched(latch=Latch.DAILY_LOSS, reason="$1 lost"), START_NS)
    recalled.apply(Lifted(latch=Latch.HALT, reason="no"), START_NS)
    assert recalled.forgiven_micro == 0

    recalled.apply(Lifted(latch=Latch.DAILY_LOSS, reason="seen"), START_NS)
    assert recalled.forgiven_micro == -96

    recalled.apply(booked(1, day=8, day_micro=-1), START_NS)
    assert recalled.forgiven_micro == 0


# --- snapshots ---

NUMBERS = st.integers(1, 6)
VENUES = st.sampled_from((VENUE, OTHER))
LATCHES = st.sampled_from(Latch)
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    NUMBERS.map(intended),
    st.builds(moved, st.sampled_from(OrderStatus), st.sampled_from((0, 400)), NUMBERS, st.sampled_from(("maker", ""))),
    st.builds(
        booked,
        st.integers(),
        total_micro=st.integers(),
        day=st.integers(1, 3),
        day_micro=st.integers(),
        venue=VENUES,
        number=NUMBERS,
    ),
    st.builds(AccountOpened, venue=VENUES, account=st.just("mine"), money_micro=st.integers()),
    st.builds(Latched, latch=LATCHES, reason=st.text()),
    st.builds(Lifted, latch=LATCHES, reason=st.text()),
    st.builds(RunStarted, run=st.integers(1, 3), version=st.just("1")),
    st.builds(RunEnded, run=st.integers(1, 3), flat=st.booleans()),
)
TIMED = st.lists(st.tuples(ENTRIES, st.sampled_from((0, 1, HOUR_NS, KEPT_NS, -HOUR_NS))), max_size=30)


def replayed(recalled: Recollection, steps: list[tuple[Entry, int]], wall_ns: int) -> tuple[Recollection, int]:
    for entry, later_ns in steps:
        wall_ns += later_ns
        recalled.apply(entry, wall_ns)
    return recalled, wall_ns


@given(steps=TIMED, cut=st.integers(0, 30))
def test_a_snapshot_with_the_rest_is_what_all_comes_to(steps, cut):
    whole, _ = replayed(Recollection(), steps, START_NS)

    before, wall_ns = replayed(Recollection(), steps[:cut], START_NS)
    after, _ = replayed(Recollection.from_snapshot(before.snapshot()), steps[cut:], wall_ns)

    assert after == whole
    assert after.snapshot() == whole.snapshot()


@given(steps=TIMED)
def test_every_net_has_an_order_and_every_order_matters(steps):
    recalled, _ = replayed(Recollection(), steps, START_NS)

    assert recalled.nets.keys() <= {each.book for each in recalled.orders.values()}
    assert all(each.order.can_match or each.order.filled for each in recalled.orders.values())


def test_a_copy_does_not_change_with_what_it_was_taken_from():
    recalled = recollection(intended(), booked(1))
    copy = recalled.copy()
    assert copy == recalled

    for entry in (moved(OrderStatus.ABSENT), booked(9, day=2), Latched(latch=Latch.HALT, reason="")):
        recalled.apply(entry, START_NS)

    assert copy == recollection(intended(), booked(1))


def test_a_snapshot_that_lacks_something_is_not_read():
    text = Recollection().snapshot()

    with pytest.raises(EntryUnreadable, match="forgiven_micro"):
        Recollection.from_snapshot(text.replace('"forgiven_micro":0,', ""))
