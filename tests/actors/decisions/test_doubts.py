import math

from actors.decisions.doubts import Doubts
from actors.messages import AskHistory
from protocol.venue import OrderPage, Show, Window

WALL_NS = 1_790_000_000 * 10**9
WALL_S = 1_790_000_000


def page(age_s: float | None = 0.0) -> OrderPage:
    return OrderPage(orders=(), synced_at_ns=None if age_s is None else WALL_NS - int(age_s * 1e9))


def test_nothing_is_asked_without_a_doubt():
    doubts = Doubts()

    assert doubts.question(1000.0, WALL_NS) is None
    assert doubts.ask_at_s == math.inf
    assert not doubts.open


def test_the_opening_comes_first_then_the_gap_then_what_was_lost():
    doubts = Doubts()
    doubts.lost(WALL_NS - 5 * 10**9, 0.0)
    doubts.missed(WALL_NS, 0.0, WALL_NS)
    doubts.start(0.0, WALL_NS)

    asked = []
    for now_s in (0.0, 1.0, 2.0):
        asked.append(doubts.question(now_s, WALL_NS))
        doubts.answered(page(), now_s)

    assert asked == [
        AskHistory(from_s=WALL_S - 6 * 86_400, to_s=WALL_S + 60, show=(Show.PENDING, Show.OPEN)),
        AskHistory(from_s=WALL_S - 45, to_s=WALL_S + 60, by=Window.UPDATED),
        AskHistory(from_s=WALL_S - 5 - 60, to_s=WALL_S + 60, by=Window.CREATED),
    ]
    assert doubts.question(1000.0, WALL_NS) is None


def test_one_question_is_under_way_at_a_time():
    doubts = Doubts()
    doubts.start(0.0, WALL_NS)
    doubts.question(0.0, WALL_NS)

    doubts.missed(WALL_NS, 0.0, WALL_NS)

    assert doubts.question(0.0, WALL_NS) is None


def test_gaps_that_overlap_are_read_as_one_from_the_oldest_on():
    doubts = Doubts()
    doubts.missed(WALL_NS - 100 * 10**9, 0.0, WALL_NS - 90 * 10**9)
    doubts.missed(WALL_NS - 50 * 10**9, 0.0, WALL_NS)

    question = doubts.question(0.0, WALL_NS)

    assert question is not None
    assert question.from_s == WALL_S - 100 - 45


def test_a_gap_is_never_read_beyond_the_venues_two_days():
    doubts = Doubts()
    doubts.missed(0, 0.0, WALL_NS)

    question = doubts.question(0.0, WALL_NS)

    assert question is not None
    assert question.to_s - question.from_s < 2 * 86_400


def test_a_lost_request_is_never_looked_for_beyond_the_venues_seven_days():
    doubts = Doubts()
    doubts.lost(0, 0.0)

    question = doubts.question(0.0, WALL_NS)

    assert question is not None
    assert question.to_s - question.from_s < 7 * 86_400


def test_the_oldest_lost_request_counts():
    doubts = Doubts()
    doubts.lost(WALL_NS, 0.0)
    doubts.lost(WALL_NS - 9 * 10**9, 0.0)
    doubts.lost(WALL_NS - 3 * 10**9, 0.0)

    question = doubts.question(0.0, WALL_NS)

    assert question is not None
    assert question.from_s == WALL_S - 9 - 60


def test_only_a_copy_younger_than_the_doubt_settles_it():
    doubts = Doubts()
    doubts.start(0.0, WALL_NS)
    doubts.question(0.0, WALL_NS)

    assert not doubts.answered(page(age_s=1.0), 0.0)
    assert doubts.open
    assert doubts.question(0.9, WALL_NS) is None
    assert doubts.question(1.0, WALL_NS) is not None
    assert doubts.answered(page(), 1.0)
    assert not doubts.open


def test_a_copy_of_unknown_age_settles_a_doubt_as_well_as_anything_can():
    doubts = Doubts()
    doubts.missed(WALL_NS, 0.0, WALL_NS)
    doubts.question(0.0, WALL_NS)

    doubts.answered(page(age_s=None), 0.0)

    assert not doubts.open


def test_a_question_that_failed_is_asked_again_in_a_second():
    doubts = Doubts()
    doubts.missed(WALL_NS, 0.0, WALL_NS)
    first = doubts.question(0.0, WALL_NS)

    doubts.unanswered(0.0)

    assert doubts.question(0.5, WALL_NS) is None
    assert doubts.question(1.0, WALL_NS) == first


def test_an_answer_nobody_asked_for_settles_nothing():
    doubts = Doubts()
    doubts.missed(WALL_NS, 0.0, WALL_NS)

    doubts.answered(page(), 0.0)

    assert doubts.open
