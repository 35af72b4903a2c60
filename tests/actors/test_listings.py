from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio

from actors.listings import MAX_PAGES, MAX_TRIES, Listings
from actors.messages import AnswerLost, SessionFailed
from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.events import CompetitionListed, EventListed, EventStatus, EventUnlisted
from protocol.ids import CompetitionId, EventId
from protocol.prophetx.rest import ProphetXRest
from protocol.prophetx.venue import ProphetX
from protocol.prophetx.wire import Dialect
from protocol.satoriex.rest import SatoriExRest
from protocol.venue import Call, EventPage, Poll, Query

NFL, NBA = CompetitionId(31), CompetitionId(132)
FAILURES = [
    VenueError(code="internal_error", status=500, policy=Policy.OUTCOME_UNKNOWN),
    AnswerLost("none"),
    RemoteProtocolError("half a body"),
]
NOT_FOUND = VenueError(code="sport_event_not_found", status=404, policy=Policy.TERMINAL)


def event(number: int, competition: int = 31) -> EventListed:
    return EventListed(
        event_id=EventId(number),
        competition_id=CompetitionId(competition),
        name="A at B",
        status=EventStatus.SCHEDULED,
    )


def page(*events: EventListed, following: str = "") -> EventPage:
    return EventPage(events=events, next_cursor=following)


class Venue:
    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.asked_s: list[float] = []

    async def ask(self, call: Call[Any], /, sending: Callable[[], None] = lambda: None) -> Any:
        await trio.lowlevel.checkpoint()
        self.asked.append(call.request.path)
        self.asked_s.append(trio.current_time())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def listings(venue: Venue, competitions: tuple[int, ...] = (), events: tuple[int, ...] = ()) -> Listings:
    return Listings(
        ask=venue.ask,
        rest=ProphetXRest(Dialect.V4),
        competitions=tuple(CompetitionId(each) for each in competitions),
        events=tuple(EventId(each) for each in events),
        poll=ProphetX().traits.polls[Query.MARKETS],
    )


def uncompeting(venue: Venue, *names: str, **given: object) -> Listings:
    """Listings of a venue that has pages, and no competitions."""
    known = Listings(
        ask=venue.ask,
        rest=SatoriExRest(),
        competitions=(),
        events=tuple(EventId(each) for each in names),
        poll=Poll(every_s=60.0, apart_s=2.0),
    )
    return attrs.evolve(known, **given)


async def test_without_configuration_every_competition_with_open_events_is_heard(autojump_clock):
    venue = Venue(*FAILURES, (CompetitionListed(competition_id=NFL, name="NFL"),), page(event(1)))
    reading = listings(venue)

    await reading.open()

    assert venue.asked == ["/mm/get_tournaments?has_active_events=true"] * 4 + ["/mm/get_sport_events?tournament_id=31"]
    assert (reading.competitions, reading.known) == ((NFL,), {EventId(1): event(1)})


async def test_named_events_tell_which_competitions_to_hear(autojump_clock):
    venue = Venue(page(event(1, 132), event(2, 31), event(3, 0)))
    reading = listings(venue, (), (1, 2, 3))

    await reading.open()

    assert reading.competitions == (NFL, NBA)
    assert venue.asked == ["/mm/get_sport_events?event_ids=1,2,3"]


async def test_what_is_known_is_not_asked_for_again(autojump_clock):
    venue = Venue(page(event(1)))
    reading = listings(venue, (31,))

    await reading.open()
    await reading.open()

    assert len(venue.asked) == 1


@pytest.mark.parametrize(
    ("competitions", "events", "paths"),
    [
        ((31, 132), (), ["/mm/get_sport_events?tournament_id=31", "/mm/get_sport_events?tournament_id=132"]),
        ((31,), (1, 2), ["/mm/get_sport_events?event_ids=1,2"]),
    ],
)
async def test_events_are_read_by_what_is_configured(autojump_clock, competitions, events, paths):
    venue = Venue(page(event(1)))

    await listings(venue, competitions, events).read()

    assert venue.asked == paths


async def test_an_event_told_without_its_competition_has_the_one_that_was_asked_for(autojump_clock):
    reading = listings(Venue(page(event(1, 0))), (31,))

    await reading.read()

    assert reading.known == {EventId(1): event(1)}


async def test_not_found_is_nothing_open(autojump_clock):
    reading = listings(Venue(NOT_FOUND), (31,))

    await reading.read()

    assert reading.known == {}


async def test_a_failed_reading_is_tried_again(autojump_clock):
    reading = listings(Venue(*FAILURES, page(event(1))), (31,))

    await reading.read()

    assert reading.known == {EventId(1): event(1)}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_venue_that_never_answers_ends_the_session(autojump_clock, failure):
    venue = Venue(failure)

    with pytest.raises(SessionFailed, match="the events could not be read in 5 tries"):
        await listings(venue, (31,)).read()
    with pytest.raises(SessionFailed, match="the competitions could not be read in 5 tries"):
        await listings(venue).open()
    assert len(venue.asked) == 2 * MAX_TRIES


async def test_the_events_are_read_at_once_and_every_minute_and_what_is_gone_is_told(autojump_clock):
    begun = attrs.evolve(event(1), status=EventStatus.LIVE)
    venue = Venue(page(event(1), event(2)), page(begun))
    heard: list[tuple[float, EventListed | EventUnlisted]] = []

    with trio.move_on_after(70):
        await listings(venue, (31,)).run(lambda each: heard.append((round(trio.current_time()), each)))

    assert heard == [(0, event(1)), (0, event(2)), (60, EventUnlisted(event_id=EventId(2))), (60, begun)]


async def test_where_there_are_no_competitions_the_events_are_all_there_is_to_read(autojump_clock):
    venue = Venue(page(event(1, 0)))
    reading = uncompeting(venue)

    await reading.open()

    assert venue.asked == ["/markets?page=1&size=50"]
    assert (reading.competitions, reading.known) == ((), {EventId(1): event(1, 0)})


async def test_pages_are_walked_to_the_end(autojump_clock):
    venue = Venue(page(event(1, 0), following="2"), page(event(2, 0), following="3"), page(event(3, 0)))
    reading = uncompeting(venue)

    await reading.read()

    assert venue.asked == [f"/markets?page={number}&size=50" for number in (1, 2, 3)]
    assert list(reading.known) == [EventId(1), EventId(2), EventId(3)]


async def test_an_event_that_moved_to_the_next_page_meanwhile_is_known_once_as_it_is_there(autojump_clock):
    begun = attrs.evolve(event(1, 0), status=EventStatus.LIVE)
    reading = uncompeting(Venue(page(event(1, 0), following="2"), page(begun)))

    await reading.read()

    assert reading.known == {EventId(1): begun}


async def test_pages_that_never_end_are_given_up(autojump_clock):
    venue = Venue(page(event(1, 0), following="2"))

    await uncompeting(venue).read()

    assert len(venue.asked) == MAX_PAGES


async def test_a_page_that_failed_is_asked_for_again_and_not_the_ones_before(autojump_clock):
    venue = Venue(page(event(1, 0), following="2"), AnswerLost("none"), page(event(2, 0)))
    reading = uncompeting(venue)

    await reading.read()

    assert venue.asked == [f"/markets?page={number}&size=50" for number in (1, 2, 2)]
    assert list(reading.known) == [EventId(1), EventId(2)]


async def test_no_more_events_are_known_than_is_wanted(autojump_clock):
    venue = Venue(page(event(1, 0), event(2, 0), following="2"), page(event(3, 0), event(4, 0)))
    reading = uncompeting(venue, most=3)

    await reading.read()

    assert list(reading.known) == [EventId(1), EventId(2), EventId(3)]


async def test_named_events_are_read_one_by_one_where_the_venue_has_no_list_of_them(autojump_clock):
    venue = Venue(page(event(1, 0)), page(event(2, 0)))
    reading = uncompeting(venue, "mkt_a", "mkt_b")

    await reading.read()

    assert venue.asked == ["/markets/mkt_a", "/markets/mkt_b"]
    assert list(reading.known) == [EventId(1), EventId(2)]


async def test_a_named_event_that_is_gone_hides_no_other(autojump_clock):
    reading = uncompeting(Venue(NOT_FOUND, page(event(2, 0))), "mkt_a", "mkt_b")

    await reading.read()

    assert list(reading.known) == [EventId(2)]


async def test_an_event_that_is_known_keeps_its_place_when_others_are_listed_before_it(autojump_clock):
    newer = page(event(3, 0), event(2, 0), event(1, 0))
    reading = uncompeting(Venue(page(event(2, 0), event(1, 0)), newer), most=2)

    await reading.read()
    await reading.read()

    assert list(reading.known) == [EventId(2), EventId(1)]


async def test_being_woken_brings_the_next_reading_forward_but_not_nearer_than_allowed(autojump_clock):
    venue = Venue(page(event(1, 0)))
    reading = uncompeting(venue)

    with trio.move_on_after(80):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reading.run, lambda _: None)
            await trio.sleep(10)
            reading.woken.offer(None)

    assert venue.asked_s == [0.0, 12.0, 72.0]


async def test_wakings_that_come_together_are_one_reading(autojump_clock):
    venue = Venue(page(event(1, 0)))
    reading = uncompeting(venue)

    with trio.move_on_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reading.run, lambda _: None)
            await trio.sleep(10)
            for _ in range(5):
                reading.woken.offer(None)

    assert venue.asked_s == [0.0, 12.0]


async def test_two_sessions_at_a_time_are_both_told_what_is_gone(autojump_clock):
    venue = Venue(page(event(1), event(2)), page(event(1)))
    reading = listings(venue, (31,))
    await reading.open()
    told = reading.known
    heard: list[tuple[str, EventListed | EventUnlisted]] = []

    with trio.move_on_after(1):
        async with trio.open_nursery() as nursery:
            for name in "ab":
                nursery.start_soon(reading.run, lambda each, name=name: heard.append((name, each)), told)

    gone = [name for name, each in heard if each == EventUnlisted(event_id=EventId(2))]
    assert sorted(gone) == ["a", "b"]


async def test_wanting_something_else_leaves_those_alone_who_read_the_first(autojump_clock):
    venue = Venue(page(event(1)), page(event(2)))
    reading = listings(venue, (31,))
    await reading.open()

    other = reading.wanting((), (EventId(2),))
    await other.open()

    assert (reading.competitions, list(reading.known)) == ((31,), [EventId(1)])
    assert (other.events, list(other.known)) == ((EventId(2),), [EventId(2)])
    assert other.woken is reading.woken
