"""What is traded, built in or loaded."""

import gzip
import json
from pathlib import Path
from random import Random

import pytest

from actors.exchange.prophetx.catalogue import built_in
from actors.exchange.prophetx.exchange import Exchange
from actors.exchange.prophetx.loading import CatalogueError, load_catalogue
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.events import Level
from protocol.ids import BookKey

DATA = Path(__file__).parents[4] / "shared" / "data"
LEVEL = {"outcome_id": 4, "strike": 0, "strike_id": "a", "name": "A", "price": -132, "quantity": 10, "value": 13.2}
EMPTY = {"outcome_id": 5, "strike": 0, "strike_id": "b", "name": "B", "price": None, "quantity": 0, "value": 0}
MARKET = {"id": 219, "name": "Moneyline", "type": "moneyline", "strike": 0, "selections": [[LEVEL], [EMPTY]]}


def recorded(*markets, event="7"):
    return json.dumps({"data": {event: list(markets)}}).encode()


def test_the_built_in_catalogue_has_seven_books_an_event():
    catalogue = built_in(2, 3)

    listings = [listing for event in catalogue.events for listing in event.listings()]
    assert [event.event_id for event in catalogue.events] == [18756, 18757, 18758]
    assert len(listings) == 21
    assert len({each.selection_id for listing in listings for each in listing.selections}) == 42
    assert {len(each.selection_id) for listing in listings for each in listing.selections} == {32}
    assert built_in(2, 3) == catalogue


def test_the_two_sides_of_a_spread_have_opposite_strikes():
    spread = built_in(1, 1).events[0].markets[1]

    pairs = [tuple(each.strike for each in listing.selections) for listing in spread.listings]
    assert pairs == [(-450, 450), (-350, 350), (-250, 250)]
    assert [listing.favourite for listing in spread.listings] == [False, True, False]


def test_a_recorded_level_rests_on_the_other_selection():
    exchange = Exchange.create(wall_ns=lambda: 10**18, random=Random(1), catalogue=load_catalogue(recorded(MARKET)))
    exchange.pause_crowd()

    order = exchange.catalogue.opening_orders[0]
    assert (order.selection_id, order.odds, order.stake_cents) == ("b", 132, 1000)


@pytest.mark.parametrize("word", ["v4", "legacy"])
@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded catalogues are not here")
def test_a_whole_recorded_catalogue_is_opened(word):
    catalogue = load_catalogue((DATA / f"prophetx-catalogue-{word}.json.gz").read_bytes(), word)

    exchange = Exchange.create(wall_ns=lambda: 10**18, random=Random(1), catalogue=catalogue)

    books = exchange.truth().books
    assert sum(len(event.markets) for event in catalogue.events) == 1721
    assert len(books) == 2302
    two_sided = [key for key, sides in books.items() if all(side.levels for side in sides)]
    assert set(list(books)[:40]) <= set(two_sided)


def test_a_recorded_level_is_shown_as_it_was():
    exchange = Exchange.create(
        wall_ns=lambda: 10**18,
        random=Random(1),
        catalogue=load_catalogue(gzip.compress(recorded(MARKET))),
        settings=ExchangeSettings(crowd_actions_per_s=0),
    )

    first, second = exchange.truth().books[BookKey(7, 219, 0)]
    assert first.levels == (Level(-132, 1320, 1000),)
    assert second.levels == ()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"{", "name"),
        (b"\x1f\x8bnothing", "name"),
        (recorded(), "x"),
        (b'{"data":{}}', "no events"),
        (recorded(MARKET, event="x"), "'x' is not an event id"),
        (recorded(MARKET, MARKET), "selection a is in name: market 7/219"),
        (recorded({**MARKET, "market_strikes": [MARKET, MARKET]}), "strike 0 is there twice"),
        (recorded({**MARKET, "selections": [[{**LEVEL, "price": 50}], [EMPTY]]}), "50 is not American odds"),
        (recorded({**MARKET, "strike": "x"}), "expected a number"),
    ],
)
def test_a_bad_file_is_named_with_the_place(data, complaint):
    if data == recorded():
        assert load_catalogue(data).events[0].markets == ()
        return
    with pytest.raises(CatalogueError, match=complaint):
        load_catalogue(data, "name")


def test_a_market_of_three_groups_is_left_out():
    catalogue = load_catalogue(recorded({**MARKET, "selections": [[LEVEL], [EMPTY], [EMPTY]]}))

    assert catalogue.events[0].markets == ()
