import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.decisions.limits import READ_BURST, RateLimit
from protocol.prophetx.venue import ProphetX
from protocol.venue import Lane, Quota


def test_a_burst_goes_at_once_and_the_rest_at_the_rate():
    limit = RateLimit(per_s=10.0, burst=3, reads_apart_s=1.0)

    waits = []
    for _ in range(5):
        waits.append(max(0.0, limit.earliest_s(Lane.PLACING, "place", 0.0)))
        limit.spend(Lane.PLACING, "place", waits[-1])

    assert waits == pytest.approx([0, 0, 0, 0.1, 0.2])


@given(st.lists(st.tuples(st.sampled_from(Lane), st.floats(0, 0.3)), min_size=1, max_size=200))
def test_no_second_carries_more_than_the_rate_and_a_burst(requests):
    limit, now_s, sent = RateLimit(per_s=45.0, burst=10, reads_apart_s=0.0), 0.0, []
    for lane, idle_s in requests:
        now_s = max(now_s + idle_s, limit.earliest_s(lane, "a", now_s + idle_s))
        limit.spend(lane, "a", now_s)
        sent.append(now_s)

    for start_s in sent:
        assert len([each for each in sent if start_s <= each < start_s + 1]) <= 45 + 10


def test_reads_of_one_endpoint_are_a_second_apart_after_a_few_and_of_two_are_not():
    limit = RateLimit.of(ProphetX().traits)
    for _ in range(READ_BURST):
        assert limit.earliest_s(Lane.READING, "history", 5.0) <= 5.0
        limit.spend(Lane.READING, "history", 5.0)

    assert limit.earliest_s(Lane.READING, "history", 5.0) == 6.0
    assert limit.earliest_s(Lane.READING, "order", 5.0) <= 5.0
    assert limit.earliest_s(Lane.PLACING, "history", 5.0) <= 5.0


def test_a_hold_stops_every_lane_until_the_latest_moment():
    limit = RateLimit.of(ProphetX().traits)
    limit.hold("a", 9.0)
    limit.hold("a", 7.0)

    assert [limit.earliest_s(lane, "a", 1.0) for lane in Lane] == [9.0, 9.0, 9.0]


def test_cancels_that_wait_go_first():
    limit = RateLimit(per_s=10.0, burst=1, reads_apart_s=1.0)
    limit.hold("a", 9.0)
    limit.cancels_waiting = 2

    assert limit.earliest_s(Lane.CANCELLING, "cancel", 1.0) == 9.0
    assert limit.earliest_s(Lane.PLACING, "place", 1.0) == pytest.approx(9.2)
    assert limit.earliest_s(Lane.READING, "order", 10.0) == pytest.approx(10.2)


def test_a_fresh_limit_lets_anything_go():
    assert RateLimit.of(ProphetX().traits).earliest_s(Lane.READING, "a", 0.0) == -math.inf


# --- quotas ------------------------------------------------------------------------------------------------------

ORDERS = Quota(names=frozenset({"place", "cancel"}), calls=10, kept_back=2, reserve=3)  # 5 orders, 8 cancels
BOOKS = Quota(names=frozenset({"book"}), calls=2, window_s=30.0)


def counted(*quotas: Quota, **changes: object) -> RateLimit:
    traits = attrs.evolve(ProphetX().traits, quotas=quotas or (ORDERS, BOOKS), **changes)
    return RateLimit.of(traits)


def spent(limit: RateLimit, lane: Lane, name: str, *times_s: float) -> RateLimit:
    for now_s in times_s:
        assert limit.earliest_s(lane, name, now_s) <= now_s
        limit.spend(lane, name, now_s)
    return limit


def test_a_quota_lets_so_many_go_and_the_next_when_the_first_has_left_the_window():
    limit = spent(counted(), Lane.PLACING, "place", 0.0, 1.0, 2.0, 3.0, 4.0)

    assert limit.earliest_s(Lane.PLACING, "place", 5.0) == 60.0


def test_the_window_slides():
    limit = spent(counted(), Lane.PLACING, "place", 0.0, 1.0, 2.0, 3.0, 4.0, 60.0, 61.0)

    assert limit.earliest_s(Lane.PLACING, "place", 61.5) == 62.0


def test_a_window_can_be_of_another_length():
    limit = spent(counted(), Lane.READING, "book", 0.0, 1.0)

    assert limit.earliest_s(Lane.READING, "book", 2.0) == 30.0


def test_a_reserve_is_for_cancels_alone():
    limit = spent(counted(), Lane.PLACING, "place", 0.0, 1.0, 2.0, 3.0, 4.0)

    spent(limit, Lane.CANCELLING, "cancel", 5.0, 5.0, 5.0)

    assert limit.earliest_s(Lane.CANCELLING, "cancel", 6.0) == 60.0


def test_what_cancels_took_of_the_reserve_is_waited_for_by_orders():
    limit = spent(counted(), Lane.PLACING, "place", 0.0, 1.0, 2.0, 3.0, 4.0)

    spent(limit, Lane.CANCELLING, "cancel", 5.0, 6.0)

    assert limit.earliest_s(Lane.PLACING, "place", 7.0) == 62.0


def test_another_endpoint_has_its_own_quota():
    limit = spent(counted(), Lane.PLACING, "place", 0.0, 1.0, 2.0, 3.0, 4.0)

    assert limit.earliest_s(Lane.READING, "book", 5.0) <= 5.0
    assert limit.earliest_s(Lane.READING, "balance", 5.0) <= 5.0


def test_of_two_quotas_on_one_endpoint_the_narrower_counts():
    narrow = Quota(names=frozenset({"place"}), calls=2, window_s=10.0)
    limit = spent(counted(ORDERS, narrow), Lane.PLACING, "place", 0.0, 1.0)

    assert limit.earliest_s(Lane.PLACING, "place", 2.0) == 10.0


@given(st.lists(st.tuples(st.sampled_from([Lane.PLACING, Lane.CANCELLING]), st.floats(0, 20)), max_size=60))
def test_no_window_ever_holds_more_than_the_quota_has(requests):
    limit, now_s, sent = counted(), 0.0, []
    for lane, idle_s in requests:
        name = "place" if lane is Lane.PLACING else "cancel"
        now_s += idle_s
        now_s = max(now_s, limit.earliest_s(lane, name, now_s))
        limit.spend(lane, name, now_s)
        sent.append(now_s)

    for start_s in sent:
        assert len([each for each in sent if start_s <= each < start_s + 60]) <= 8


# --- what is left ------------------------------------------------------------------------------------------------


def test_what_orders_may_still_take_falls_with_each_call_and_comes_back():
    limit = spent(counted(), Lane.PLACING, "place", 0.0, 1.0)

    assert [limit.placing_left(now_s) for now_s in (2.0, 59.9, 60.0, 61.0)] == [3, 3, 4, 5]


def test_cancels_are_counted_too_beyond_what_is_left():
    limit = spent(counted(), Lane.CANCELLING, "cancel", *(6 * (0.0,)))

    assert limit.placing_left(1.0) == -1


def test_the_narrowest_quota_says_how_many_orders_are_left():
    narrow = Quota(names=frozenset({"place"}), calls=2)

    assert counted(ORDERS, narrow).placing_left(0.0) == 2


def test_without_a_quota_any_number_of_orders_is_left():
    assert counted(BOOKS).placing_left(0.0) == math.inf


@pytest.mark.parametrize(("orders", "seconds"), [(0, 0.0), (1, 6.0), (8, 48.0)])
def test_cancelling_one_by_one_takes_its_share_of_the_window(orders, seconds):
    assert counted().flat_in_s(orders, 0.0) == seconds


def test_what_was_used_makes_cancelling_slower():
    limit = spent(counted(), Lane.PLACING, "place", 0.0, 0.0)

    assert [limit.flat_in_s(8, now_s) for now_s in (1.0, 60.0)] == [60.0, 48.0]


def test_calls_that_are_about_to_be_used_count_as_used():
    assert [counted().flat_in_s(8, 0.0, coming) for coming in (0, 2)] == [48.0, 60.0]


def test_once_all_is_used_cancelling_takes_for_ever():
    limit = counted(attrs.evolve(ORDERS, kept_back=0, reserve=0))

    spent(limit, Lane.CANCELLING, "cancel", *(10 * (0.0,)))

    assert limit.flat_in_s(1, 1.0) == math.inf


def test_without_a_quota_cancelling_takes_no_time():
    assert counted(BOOKS).flat_in_s(1000, 0.0) == 0.0


# --- a hold of one endpoint --------------------------------------------------------------------------------------


def test_a_hold_can_be_about_one_endpoint():
    limit = counted(held_by_endpoint=True)
    limit.hold("balance", 9.0)

    assert limit.earliest_s(Lane.READING, "balance", 1.0) == 9.0
    assert limit.earliest_s(Lane.READING, "holdings", 1.0) <= 1.0
    assert limit.earliest_s(Lane.PLACING, "place", 1.0) <= 1.0


@pytest.mark.parametrize("name", ["place", "cancel"])
def test_endpoints_that_share_a_quota_are_held_together(name):
    limit = counted(held_by_endpoint=True)
    limit.hold(name, 9.0)

    assert limit.earliest_s(Lane.PLACING, "place", 1.0) == 9.0
    assert limit.earliest_s(Lane.CANCELLING, "cancel", 1.0) == 9.0
    assert limit.earliest_s(Lane.READING, "book", 1.0) <= 1.0


def test_a_shorter_hold_does_not_end_a_longer_one_of_its_endpoint():
    limit = counted(held_by_endpoint=True)
    limit.hold("book", 9.0)
    limit.hold("book", 7.0)

    assert limit.earliest_s(Lane.READING, "book", 1.0) == 9.0
