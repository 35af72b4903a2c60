import attrs
import pytest

from actors.decisions.coverage import Coverage
from protocol.events import EventListed, EventStatus
from protocol.ids import CompetitionId, EventId
from protocol.venue import Wanted

NFL, NBA = CompetitionId(31), CompetitionId(132)


def event(number: int, competition: int = 31, **changes: object) -> EventListed:
    known = EventListed(
        event_id=EventId(number),
        competition_id=CompetitionId(competition),
        name="A at B",
        status=EventStatus.SCHEDULED,
        scheduled=f"2026-09-{number:02}T00:00:00Z",
    )
    return attrs.evolve(known, **changes)


@pytest.mark.parametrize(
    ("coverage", "listed", "wanted"),
    [
        (Coverage(), event(1), True),
        (Coverage(), event(1, status=EventStatus.ENDED), False),
        (Coverage(competitions=(NFL,)), event(1), True),
        (Coverage(competitions=(NFL,)), event(1, 132), False),
        (Coverage(competitions=(NFL,)), event(1, 0), False),
        (Coverage(competitions=(NFL,), listed={EventId(1): event(1)}), event(1, 0), True),
        (Coverage(competitions=(NFL,), events=(EventId(2),)), event(1), False),
        (Coverage(competitions=(NFL,), events=(EventId(2),)), event(2, 132), True),
    ],
)
def test_what_is_wanted(coverage, listed, wanted):
    assert coverage.wants(listed) is wanted


def test_the_subscriptions_grow_for_a_new_event_once_it_is_registered_no_more():
    coverage = Coverage(competitions=(NFL,))

    first = coverage.hear(event(1))
    coverage.register()

    assert first
    assert not coverage.hear(event(1, status=EventStatus.LIVE))
    assert not coverage.hear(event(2, 132))


def test_the_full_set_is_asked_for_and_what_starts_first_comes_first():
    coverage = Coverage(competitions=(NFL,), sub_kinds=("player_hits",))
    coverage.hear(event(2))
    coverage.hear(event(1))
    first = coverage.register()
    coverage.hear(event(3))

    assert first[1] == (1, 2)
    assert coverage.register() == (
        Wanted(
            competitions=(NFL,),
            events=(EventId(1), EventId(2), EventId(3)),
            sub_kinds=((EventId(1), "player_hits"), (EventId(2), "player_hits"), (EventId(3), "player_hits")),
        ),
        (EventId(3),),
    )


def test_the_channel_limit_counts_what_was_ever_registered():
    coverage = Coverage(limit=4, sub_kinds=("player_hits",))
    for number in (1, 2, 3):
        coverage.hear(event(number))
    _, new = coverage.register()
    coverage.forget(EventId(1))

    assert coverage.room == 2
    assert new == (1, 2)
    assert coverage.left_out == 1
    assert not coverage.hear(event(4))
    assert coverage.register()[1] == ()


def test_what_is_heard_is_subscribed_and_still_listed():
    coverage = Coverage(limit=2)
    for number in (1, 2, 3):
        coverage.hear(event(number))
    coverage.register()

    coverage.forget(EventId(1))

    assert [each.event_id for each in coverage.heard] == [EventId(2)]


def test_an_event_that_ended_is_not_listed_any_more():
    coverage = Coverage()
    coverage.hear(event(1))

    coverage.hear(event(1, status=EventStatus.ENDED))

    assert coverage.listed == {}


def test_where_all_books_come_on_one_channel_only_competitions_are_asked_for():
    coverage = Coverage(competitions=(NFL, NBA), by_event=False)
    coverage.hear(event(1))

    assert coverage.register() == (Wanted(competitions=(NFL, NBA)), (EventId(1),))
