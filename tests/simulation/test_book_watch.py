import attrs
import pytest

from actors.messages import MarketView
from actors.simulation.book_watch import BookWatch
from protocol.book import BookStatus
from protocol.events import EventListed, EventStatus, Level, Side
from protocol.ids import BookKey, CompetitionId, EventId, MarketId, SelectionId
from protocol.odds import Odds, generate_ladder
from protocol.prophetx.venue import ProphetX

KEY = BookKey(EventId(1), MarketId(219))
OTHER = BookKey(EventId(1), MarketId(223))
HOME, AWAY = SelectionId("home"), SelectionId("away")
EVENT = EventListed(event_id=EventId(1), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED)
TERMS = ProphetX().terms(EVENT, generate_ladder())
SIDES = (Side(selection_id=HOME, levels=(Level(Odds(-110), 2000),)), Side(selection_id=AWAY))
WRONG = (Side(selection_id=HOME, levels=(Level(Odds(-110), 1000),)), Side(selection_id=AWAY))
HEALED_S = 120.0


@pytest.fixture
def watch() -> BookWatch:
    return BookWatch({TERMS.venue: HEALED_S})


def view(key: BookKey = KEY, **changes: object) -> MarketView:
    known = MarketView(
        key=key, name="", kind="", event=EVENT, terms=TERMS, epoch=1, status=BookStatus.LIVE, sides=SIDES
    )
    return attrs.evolve(known, **changes)


def test_a_book_that_is_right_may_be_shown_for_ever(watch):
    assert watch.look([view()], {KEY: SIDES}, 0.0) is None
    assert watch.look([view()], {KEY: SIDES}, 9 * HEALED_S) is None


def test_a_book_may_be_wrong_as_long_as_its_venue_takes_to_heal_it(watch):
    watch.look([view()], {KEY: WRONG}, 10.0)

    assert watch.look([view()], {KEY: WRONG}, 10.0 + HEALED_S) is None
    assert watch.look([view()], {KEY: WRONG}, 11.0 + HEALED_S) == (KEY, HEALED_S + 1)


def test_a_book_that_nobody_has_is_wrong(watch):
    watch.look([view()], {}, 0.0)

    assert watch.look([view()], {}, HEALED_S + 1) == (KEY, HEALED_S + 1)


def test_a_book_that_was_right_in_between_begins_anew(watch):
    watch.look([view()], {KEY: WRONG}, 0.0)
    watch.look([view()], {KEY: SIDES}, 100.0)
    watch.look([view()], {KEY: WRONG}, 110.0)

    assert watch.look([view()], {KEY: WRONG}, 200.0) is None


@pytest.mark.parametrize("status", [each for each in BookStatus if each is not BookStatus.LIVE])
def test_a_book_that_is_not_called_live_may_be_wrong(watch, status):
    shown = [view(status=status)]
    watch.look(shown, {KEY: WRONG}, 0.0)

    assert watch.look(shown, {KEY: WRONG}, 9 * HEALED_S) is None


def test_each_book_has_a_clock_of_its_own(watch):
    shown = [view(), view(OTHER)]
    watch.look(shown, {KEY: SIDES, OTHER: WRONG}, 0.0)
    watch.look(shown, {KEY: WRONG, OTHER: WRONG}, 100.0)

    assert watch.look(shown, {KEY: WRONG, OTHER: WRONG}, HEALED_S + 1) == (OTHER, HEALED_S + 1)


def test_levels_with_nothing_left_make_no_difference(watch):
    empty = (Side(selection_id=HOME, levels=(Level(Odds(-110), 0),)), Side(selection_id=AWAY))
    none = (Side(selection_id=HOME), Side(selection_id=AWAY))
    watch.look([view(sides=none)], {KEY: empty}, 0.0)

    assert watch.look([view(sides=none)], {KEY: empty}, 9 * HEALED_S) is None
