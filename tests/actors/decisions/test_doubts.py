import math

import pytest

from actors.decisions.doubts import Doubts, covers, younger
from actors.messages import AskHistory
from protocol.venue import OrderPage, Show, Window

NOW_S = 1000.0
WALL_NS = 1_790_000_000 * 10**9
WALL_S = 1_790_000_000
HOUR_NS = 3600 * 10**9


def page(age_s: float | None = 0.0) -> OrderPage:
    return OrderPage(orders=(), synced_at_ns=None if age_s is None else WALL_NS - int(age_s * 1e9))


def test_nothing_is_asked_without_a_doubt():
    doubts = Doubts()

    assert doubts.question(NOW_S, WALL_NS) is None
    assert doubts.ask_at_s == math.inf
    assert not doubts.open


def test_the_opening_comes_first_then_the_gap_then_what_was_lost():
    doubts = Doubts()
    doubts.lost(NOW_S - 5, NOW_S)
    doubts.missed(NOW_S, NOW_S)
    doubts.start(NOW_S)

    asked = []
    for now_s in (NOW_S, NOW_S + 1, NOW_S + 2):
        wall_ns = WALL_NS + int((now_s - NOW_S) * 1e9)
        asked.append(doubts.question(now_s, wall_ns))
        doubts.answered(OrderPage(orders=(), synced_at_ns=wall_ns), now_s, wall_ns)

    assert asked == [
        AskHistory(from_s=WALL_S - 6 * 86_400, to_s=WALL_S + 60, show=(Show.PENDING, Show.OPEN)),
        AskHistory(from_s=WALL_S - 45, to_s=WALL_S + 61, by=Window.UPDATED),
        AskHistory(from_s=WALL_S - 5 - 60, to_s=WALL_S + 62, by=Window.CREATED),
    ]
    assert doubts.question(NOW_S + 1000, WALL_NS) is None


def test_one_question_is_under_way_at_a_time():
    doubts = Doubts()
    doubts.start(NOW_S)
    doubts.question(NOW_S, WALL_NS)

    doubts.missed(NOW_S, NOW_S)

    assert doubts.question(NOW_S, WALL_NS) is None


def test_gaps_that_overlap_are_read_as_one_from_the_oldest_on():
    doubts = Doubts()
    doubts.missed(NOW_S - 100, NOW_S - 90)
    doubts.missed(NOW_S - 50, NOW_S)

    question = doubts.question(NOW_S, WALL_NS)

    assert question is not None
    assert question.from_s == WALL_S - 100 - 45


def test_a_gap_is_never_read_beyond_the_venues_two_days():
    doubts = Doubts()
    doubts.missed(NOW_S - 10 * 86_400, NOW_S)

    question = doubts.question(NOW_S, WALL_NS)

    assert question is not None
    assert question.to_s - question.from_s < 2 * 86_400


def test_a_gap_that_is_longer_than_that_is_settled_by_the_whole_window():
    doubts = Doubts()
    doubts.missed(NOW_S - 10 * 86_400, NOW_S)
    doubts.question(NOW_S, WALL_NS)

    doubts.answered(page(), NOW_S, WALL_NS)

    assert not doubts.open


def test_a_lost_request_is_never_looked_for_beyond_the_venues_seven_days():
    doubts = Doubts()
    doubts.lost(NOW_S - 10 * 86_400, NOW_S)

    question = doubts.question(NOW_S, WALL_NS)

    assert question is not None
    assert question.to_s - question.from_s < 7 * 86_400


def test_the_oldest_lost_request_counts():
    doubts = Doubts()
    for ago_s in (0, 9, 3):
        doubts.lost(NOW_S - ago_s, NOW_S)

    question = doubts.question(NOW_S, WALL_NS)

    assert question is not None
    assert question.from_s == WALL_S - 9 - 60


def test_only_a_copy_younger_than_the_doubt_settles_it():
    doubts = Doubts()
    doubts.start(NOW_S)
    doubts.question(NOW_S, WALL_NS)

    assert not doubts.answered(page(age_s=1.0), NOW_S, WALL_NS)
    assert doubts.open
    assert doubts.question(NOW_S + 0.9, WALL_NS) is None
    assert doubts.question(NOW_S + 1.0, WALL_NS + 10**9) is not None
    assert doubts.answered(page(), NOW_S + 1.0, WALL_NS + 10**9)
    assert not doubts.open


def test_a_copy_of_unknown_age_settles_a_doubt_as_well_as_anything_can():
    doubts = Doubts()
    doubts.missed(NOW_S, NOW_S)
    doubts.question(NOW_S, WALL_NS)

    doubts.answered(page(age_s=None), NOW_S, WALL_NS)

    assert not doubts.open


def test_but_not_one_that_came_up_while_it_was_being_read():
    doubts = Doubts()
    doubts.missed(NOW_S, NOW_S)
    doubts.question(NOW_S, WALL_NS)
    doubts.missed(NOW_S + 1, NOW_S + 1)

    doubts.answered(page(age_s=None), NOW_S + 2, WALL_NS + 2 * 10**9)

    assert doubts.open


def test_a_question_that_failed_is_asked_again_in_a_second():
    doubts = Doubts()
    doubts.missed(NOW_S, NOW_S)
    doubts.question(NOW_S, WALL_NS)

    doubts.unanswered(NOW_S)

    assert doubts.question(NOW_S + 0.5, WALL_NS) is None
    again = doubts.question(NOW_S + 1.0, WALL_NS + 10**9)
    assert again == AskHistory(from_s=WALL_S - 45, to_s=WALL_S + 61, by=Window.UPDATED)


def test_an_answer_nobody_asked_for_settles_nothing():
    doubts = Doubts()
    doubts.missed(NOW_S, NOW_S)

    doubts.answered(page(), NOW_S, WALL_NS)

    assert doubts.open


def test_what_shall_be_looked_at_again_is_asked_from_now_on():
    doubts = Doubts()
    doubts.look_again(NOW_S)

    question = doubts.question(NOW_S, WALL_NS)

    assert question is not None
    assert question.to_s == WALL_S + 60
    doubts.answered(page(), NOW_S, WALL_NS)
    assert not doubts.open


# --- a clock that is not to be trusted ---------------------------------------------------------------------------


@pytest.mark.parametrize("wrong_ns", [-48 * HOUR_NS, 48 * HOUR_NS])
def test_a_window_that_was_asked_with_a_wrong_clock_settles_no_gap(wrong_ns):
    doubts = Doubts()
    doubts.missed(NOW_S - 20, NOW_S)
    doubts.question(NOW_S, WALL_NS + wrong_ns)

    doubts.answered(page(), NOW_S + 0.5, WALL_NS)

    assert doubts.open


@pytest.mark.parametrize("wrong_ns", [-HOUR_NS, 3 * 24 * HOUR_NS, 30 * 24 * HOUR_NS])
def test_nor_the_opening(wrong_ns):
    doubts = Doubts()
    doubts.start(NOW_S)
    doubts.question(NOW_S, WALL_NS + wrong_ns)

    assert not doubts.answered(page(age_s=-1.0), NOW_S + 0.5, WALL_NS + 5 * 10**8)

    assert doubts.question(NOW_S + 1.5, WALL_NS + 15 * 10**8) is not None
    assert doubts.answered(page(age_s=-2.0), NOW_S + 2.0, WALL_NS + 2 * 10**9)


@pytest.mark.parametrize("jump_ns", [-5 * 10**9, 5 * 10**9])
def test_a_clock_that_is_put_right_by_seconds_changes_nothing(jump_ns):
    doubts = Doubts()
    doubts.missed(NOW_S - 20, NOW_S)
    doubts.question(NOW_S, WALL_NS)

    wall_ns = WALL_NS + jump_ns + 10**9
    doubts.answered(OrderPage(orders=(), synced_at_ns=wall_ns), NOW_S + 1, wall_ns)

    assert not doubts.open


def test_a_jump_while_nothing_is_asked_changes_nothing():
    doubts = Doubts()
    doubts.missed(NOW_S - 20, NOW_S)

    question = doubts.question(NOW_S + 1, WALL_NS + HOUR_NS)

    assert question is not None
    assert question.from_s == WALL_S + 3600 - 21 - 45


@pytest.mark.parametrize(
    ("from_s", "until_s", "wall_ns", "covered"),
    [
        (NOW_S - 60, NOW_S, WALL_NS, True),
        (NOW_S - 61, NOW_S, WALL_NS, False),  # it begins too late
        (NOW_S, NOW_S + 60, WALL_NS, True),
        (NOW_S, NOW_S + 61, WALL_NS, False),  # it ends too early
        (NOW_S - 60, NOW_S, WALL_NS - 10**9, False),  # asked while the clock was a second ahead
        (NOW_S, NOW_S + 60, WALL_NS + 10**9, False),
    ],
)
def test_a_window_covers_what_it_would_show(from_s, until_s, wall_ns, covered):
    asked = AskHistory(from_s=WALL_S - 60, to_s=WALL_S + 60, by=Window.UPDATED)

    assert covers(asked, from_s, until_s, NOW_S, wall_ns) is covered


@pytest.mark.parametrize(("age_s", "since_s", "is_younger"), [(5, 995, True), (5, 996, False), (None, NOW_S, True)])
def test_a_copy_is_younger_than_a_moment_on_trios_clock(age_s, since_s, is_younger):
    assert younger(page(age_s), since_s, NOW_S, WALL_NS) is is_younger
