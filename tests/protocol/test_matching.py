import copy
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError
from protocol.ids import SelectionId
from protocol.matching import Match, MatchingBook, SelfMatch, ShownLevel
from protocol.odds import Odds, generate_ladder, opposite, profit_cents, stake_for_cents

HOME, AWAY = SelectionId("home"), SelectionId("away")


def book(*orders: tuple[str, SelectionId, int, int]) -> MatchingBook[str]:
    made = MatchingBook[str](HOME, AWAY)
    for name, selection_id, odds, cents in orders:
        assert made.enter(name, f"owner of {name}", selection_id, Odds(odds), cents) == []
    return made


def rests(made: MatchingBook[str]) -> dict[str, int]:
    return {each.order_id: each.remaining_cents for each in made}


# --- what is shown -----------------------------------------------------------------------------------------------


def test_a_resting_order_is_shown_mirrored_under_the_other_selection():
    made = book(("a", HOME, 132, 1000))

    assert made.shown(AWAY) == (ShownLevel(Odds(-132), 1320, 1000),)
    assert made.shown(HOME) == ()


def test_a_minus_price_is_shown_as_plus_on_the_other_selection():
    assert book(("a", HOME, -117, 1000)).shown(AWAY) == (ShownLevel(Odds(117), 854, 1000),)


def test_levels_are_shown_best_first_and_add_up_their_orders():
    made = book(("a", HOME, 110, 1000), ("b", HOME, 105, 500), ("c", HOME, 110, 300), ("d", HOME, -110, 110))

    assert made.shown(AWAY) == (
        ShownLevel(Odds(110), 100, 110),
        ShownLevel(Odds(-105), 525, 500),
        ShownLevel(Odds(-110), 1430, 1300),
    )


def test_no_more_levels_are_shown_than_asked_for():
    made = book(*((f"o{odds}", HOME, odds, 1000) for odds in range(100, 115)))

    assert [level.odds for level in made.shown(AWAY)] == [100, *range(-101, -110, -1)]
    assert [level.odds for level in made.shown(AWAY, 1)] == [100]


def test_the_last_level_shown_is_shown_whole():
    made = book(("a", HOME, 110, 1000), ("b", HOME, 110, 1000), ("c", HOME, 120, 1000))

    assert made.shown(AWAY, 1) == (ShownLevel(Odds(-110), 2200, 2000),)


def test_an_order_that_can_win_no_cent_is_neither_shown_nor_matched():
    made = book(("dust", HOME, -25_000, 249))

    assert made.shown(AWAY) == ()
    assert not made.crosses(AWAY, Odds(-25_000))
    assert made.enter("taker", "x", AWAY, Odds(25_000), 100) == []
    assert made.remove("dust") == 249


# --- matching ----------------------------------------------------------------------------------------------------


def test_a_taker_gets_the_mirror_of_the_resting_price():
    made = book(("maker", HOME, 132, 1000))

    matches = made.enter("taker", "x", AWAY, Odds(-150), 1320)

    assert matches == [
        Match(
            maker="maker",
            taker="taker",
            maker_cents=1000,
            taker_cents=1320,
            maker_odds=Odds(132),
            taker_odds=Odds(-132),
        )
    ]
    assert rests(made) == {}


def test_a_maker_that_is_not_used_up_gives_the_smallest_stake_that_wins_the_takers():
    made = book(("maker", HOME, -164, 3187))

    matches = made.enter("taker", "x", AWAY, Odds(164), 1000)

    assert [(match.maker_cents, match.taker_cents) for match in matches] == [(1640, 1000)]
    assert rests(made) == {"maker": 1547}


def test_a_maker_whose_last_cent_is_taken_for_less_than_it_would_win_is_gone():
    made = book(("maker", HOME, 300, 1))

    matches = made.enter("taker", "x", AWAY, Odds(-300), 1)

    assert [(match.maker_cents, match.taker_cents) for match in matches] == [(1, 1)]
    assert "maker" not in made


def test_what_a_taker_cannot_get_rests():
    made = book(("maker", HOME, 100, 500))

    matches = made.enter("taker", "x", AWAY, Odds(100), 800)

    assert [match.taker_cents for match in matches] == [500]
    assert rests(made) == {"taker": 300}
    assert made.shown(HOME) == (ShownLevel(Odds(100), 300, 300),)


def test_prices_that_do_not_meet_both_rest():
    made = book(("a", HOME, 110, 1000), ("b", AWAY, 100, 1000))

    assert rests(made) == {"a": 1000, "b": 1000}


def test_the_best_price_is_taken_first_and_then_the_oldest_order():
    made = book(("late", HOME, 110, 100), ("later", HOME, 110, 100), ("best", HOME, 105, 100))

    matches = made.enter("taker", "x", AWAY, Odds(-110), 250)

    assert [(match.maker, match.taker_odds, match.taker_cents) for match in matches] == [
        ("best", -105, 105),
        ("late", -110, 110),
        ("later", -110, 35),
    ]


def test_an_order_crosses_what_it_would_take():
    made = book(("a", HOME, 110, 1000))

    assert made.crosses(AWAY, Odds(-110))
    assert made.crosses(AWAY, Odds(-120))
    assert not made.crosses(AWAY, Odds(-108))
    assert not made.crosses(HOME, Odds(-10_000))


def test_an_order_that_would_meet_its_owners_own_changes_nothing():
    made = MatchingBook[str](HOME, AWAY)
    made.enter("theirs", "them", HOME, Odds(105), 100)
    made.enter("ours", "us", HOME, Odds(110), 100)
    before = copy.deepcopy(made)

    with pytest.raises(SelfMatch, match="'ours' rests on the other side"):
        made.enter("taker", "us", AWAY, Odds(-110), 500)

    assert made == before


def test_an_order_that_is_filled_before_it_meets_its_owners_own_is_filled():
    made = MatchingBook[str](HOME, AWAY)
    made.enter("theirs", "them", HOME, Odds(105), 100)
    made.enter("ours", "us", HOME, Odds(110), 100)

    assert [match.maker for match in made.enter("taker", "us", AWAY, Odds(-110), 105)] == ["theirs"]


def test_orders_of_one_owner_rest_side_by_side():
    made = MatchingBook[str](HOME, AWAY)
    made.enter("a", "us", HOME, Odds(110), 100)

    assert made.enter("b", "us", HOME, Odds(-110), 100) == []


def test_a_removed_order_is_neither_shown_nor_matched_and_is_given_back_once():
    made = book(("a", HOME, 110, 1000), ("b", HOME, 110, 700))

    assert made.remove("a") == 1000
    assert made.remove("a") == 0
    assert "a" not in made
    assert "b" in made
    assert made.shown(AWAY) == (ShownLevel(Odds(-110), 770, 700),)


def test_an_order_is_entered_once_and_with_a_stake():
    made = book(("a", HOME, 110, 1000))

    with pytest.raises(LocalProtocolError, match="'a' is in the book already"):
        made.enter("a", "x", HOME, Odds(110), 1000)
    with pytest.raises(LocalProtocolError, match="a stake of 0 cents"):
        made.enter("b", "x", HOME, Odds(110), 0)


def test_each_selection_has_the_other_as_its_opposite():
    made = book()

    assert (made.other(HOME), made.other(AWAY)) == (AWAY, HOME)


# --- any flow of orders ------------------------------------------------------------------------------------------

near_even = [step for step in generate_ladder() if abs(step) <= 116]
entries = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cy"]),
        st.sampled_from([HOME, AWAY]),
        st.one_of(st.sampled_from(near_even), st.sampled_from(generate_ladder().steps)),
        st.integers(1, 50_000),
        st.integers(0, 9),  # 0: one of the earlier orders is removed first
    ),
    max_size=25,
)


@given(entries)
def test_no_cent_is_lost_and_every_match_keeps_its_rules(flow):
    made = MatchingBook[int](HOME, AWAY)
    owners: dict[int, str] = {}
    limits: dict[int, Odds] = {}
    entered: dict[int, int] = {}
    spent: defaultdict[int, int] = defaultdict(int)

    for number, (owner, selection_id, odds, cents, dice) in enumerate(flow):
        if dice == 0 and entered:
            oldest = min(entered)
            spent[oldest] += made.remove(oldest)
        before = {each.order_id: (each.odds, each.arrival, each.takeable_cents) for each in made}
        crossed = made.crosses(selection_id, odds)
        try:
            matches = made.enter(number, owner, selection_id, odds, cents)
        except SelfMatch:
            after = {each.order_id: (each.odds, each.arrival, each.takeable_cents) for each in made}
            assert after == before
            continue
        owners[number], limits[number], entered[number] = owner, odds, cents
        assert bool(matches) == crossed
        served = [before[match.maker][:2] for match in matches]
        assert served == sorted(served)
        for match in matches:
            spent[match.maker] += match.maker_cents
            spent[match.taker] += match.taker_cents
            assert match.taker == number
            assert owners[match.maker] != owner
            assert match.maker_odds == limits[match.maker]
            assert match.taker_odds == opposite(match.maker_odds) >= odds
            assert match.taker_cents <= profit_cents(match.maker_cents, match.maker_odds)
            assert match.taker_cents <= before[match.maker][2]
            if match.taker_cents < before[match.maker][2]:
                assert match.maker_cents == stake_for_cents(match.taker_cents, match.maker_odds)
            else:
                assert match.taker_cents == profit_cents(match.maker_cents, match.maker_odds)
                assert match.maker not in made
        assert not uncrossed_violations(made)

    left = {each.order_id: each.remaining_cents for each in made}
    assert all(cents > 0 for cents in left.values())
    assert {number: spent[number] + left.get(number, 0) for number in entered} == entered


def uncrossed_violations(made: MatchingBook[int]) -> list[int]:
    """Return the orders that could be matched by another one and were not."""
    live = [each for each in made if each.takeable_cents]
    return [
        each.order_id
        for each in live
        for other in live
        if each.selection_id != other.selection_id
        and each.arrival < other.arrival
        and opposite(each.odds) >= other.odds
    ]


@given(entries)
def test_what_is_shown_is_what_rests(flow):
    made = MatchingBook[int](HOME, AWAY)
    for number, (_, selection_id, odds, cents, _dice) in enumerate(flow):
        made.enter(number, str(number), selection_id, odds, cents)

    for selection_id in (HOME, AWAY):
        levels = made.shown(selection_id, 1000)
        makers = [each for each in made if each.selection_id != selection_id and each.takeable_cents]
        assert [level.odds for level in levels] == sorted({opposite(each.odds) for each in makers}, reverse=True)
        assert sum(level.takeable_cents for level in levels) == sum(each.takeable_cents for each in makers)
        assert sum(level.payout_cents for level in levels) == sum(each.remaining_cents for each in makers)
