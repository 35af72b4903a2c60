import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.decisions.limits import READ_BURST, RateLimit
from protocol.venue import Lane


def test_a_burst_goes_at_once_and_the_rest_at_the_rate():
    limit = RateLimit(per_s=10.0, burst=3)

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
    limit = RateLimit()
    for _ in range(READ_BURST):
        assert limit.earliest_s(Lane.READING, "history", 5.0) <= 5.0
        limit.spend(Lane.READING, "history", 5.0)

    assert limit.earliest_s(Lane.READING, "history", 5.0) == 6.0
    assert limit.earliest_s(Lane.READING, "order", 5.0) <= 5.0
    assert limit.earliest_s(Lane.PLACING, "history", 5.0) <= 5.0


def test_a_hold_stops_every_lane_until_the_latest_moment():
    limit = RateLimit()
    limit.hold(9.0)
    limit.hold(7.0)

    assert [limit.earliest_s(lane, "a", 1.0) for lane in Lane] == [9.0, 9.0, 9.0]


def test_cancels_that_wait_go_first():
    limit = RateLimit(per_s=10.0, burst=1)
    limit.hold(9.0)
    limit.cancels_waiting = 2

    assert limit.earliest_s(Lane.CANCELLING, "cancel", 1.0) == 9.0
    assert limit.earliest_s(Lane.PLACING, "place", 1.0) == pytest.approx(9.2)
    assert limit.earliest_s(Lane.READING, "order", 10.0) == pytest.approx(10.2)


def test_a_fresh_limit_lets_anything_go():
    assert RateLimit().earliest_s(Lane.READING, "a", 0.0) == -math.inf
