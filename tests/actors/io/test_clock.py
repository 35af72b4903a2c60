from email.utils import formatdate

import pytest

from actors.io.clock import VenueClock

SECOND_NS = 10**9
NOW_NS = 1_790_000_000 * SECOND_NS + 400_000_000


def heard(date: str) -> VenueClock:
    clock = VenueClock(lambda: NOW_NS)
    clock.heard({"date": date}, NOW_NS)
    return clock


def test_a_date_of_this_second_is_our_time():
    clock = heard(formatdate(NOW_NS // SECOND_NS, usegmt=True))

    assert clock.now_ns() == NOW_NS


def test_a_venue_that_is_ahead_is_believed_with_the_second_it_does_not_tell():
    clock = heard(formatdate(NOW_NS // SECOND_NS + 30, usegmt=True))

    assert clock.now_ns() == NOW_NS // SECOND_NS * SECOND_NS + 31 * SECOND_NS


def test_a_venue_that_is_behind_is_believed_too():
    clock = heard(formatdate(NOW_NS // SECOND_NS - 300, usegmt=True))

    assert clock.now_ns() == NOW_NS // SECOND_NS * SECOND_NS - 299 * SECOND_NS  # the end of the second that it told


def test_a_slow_answer_does_not_set_the_clock_back():
    clock = VenueClock(lambda: NOW_NS)

    clock.heard({"date": formatdate(NOW_NS // SECOND_NS - 8, usegmt=True)}, NOW_NS - 8 * SECOND_NS)

    assert clock.now_ns() == NOW_NS


def test_the_newest_answer_counts():
    clock = heard(formatdate(NOW_NS // SECOND_NS + 30, usegmt=True))

    clock.heard({"date": formatdate(NOW_NS // SECOND_NS, usegmt=True)}, NOW_NS)

    assert clock.ahead_ns == 0


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}, {"date": ""}, {"date": "Mon, 99 Foo 2026 00:00:00"}])
def test_an_answer_without_a_readable_date_teaches_nothing(headers):
    clock = VenueClock(lambda: NOW_NS, ahead_ns=7)

    clock.heard(headers, NOW_NS)

    assert clock.ahead_ns == 7
