from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError
from protocol.odds import (
    EVEN,
    Odds,
    OddsLadder,
    generate_ladder,
    implied,
    is_american,
    opposite,
    profit_cents,
    stake_for_cents,
)

LADDER = generate_ladder()
american = st.one_of(st.integers(100, 25_000), st.integers(-25_000, -101)).map(Odds)
on_ladder = st.sampled_from(LADDER.steps)
cents = st.integers(0, 10**10)


@pytest.mark.parametrize(
    ("odds", "american"),
    [(100, True), (101, True), (-101, True), (25_000, True), (-100, False), (99, False), (0, False), (-1, False)],
)
def test_american_odds_stop_at_a_hundred_and_even_money_is_plus(odds, american):
    assert is_american(odds) is american


@pytest.mark.parametrize(
    ("odds", "probability"),
    [(100, Fraction(1, 2)), (146, Fraction(100, 246)), (-132, Fraction(132, 232)), (-25_000, Fraction(25_000, 25_100))],
)
def test_implied_probabilities_are_exact(odds, probability):
    assert implied(Odds(odds)) == probability


@given(american)
def test_opposite_is_an_involution(odds):
    assert opposite(opposite(odds)) == odds


@given(american)
def test_odds_and_their_opposite_make_a_fair_book(odds):
    assert implied(odds) + implied(opposite(odds)) == 1


@given(american, american)
def test_a_longer_price_has_a_smaller_probability(first, second):
    assert (first < second) == (implied(first) > implied(second))


def test_even_money_is_its_own_opposite():
    assert opposite(EVEN) == EVEN


@pytest.mark.parametrize(
    ("stake", "odds", "profit"),
    [
        (1000, 146, 1460),
        (1320, -132, 1000),  # the level "-132, quantity 10, value 13.20"
        (1000, 100, 1000),
        (1, -25_000, 0),
        (249, -25_000, 0),
        (250, -25_000, 1),
        (1, 199, 1),  # rounded down
    ],
)
def test_profit_is_rounded_down_to_the_cent(stake, odds, profit):
    assert profit_cents(stake, Odds(odds)) == profit


@given(cents, american)
def test_profit_is_the_fair_payout_less_a_part_of_a_cent(stake, odds):
    exact = stake * (1 - implied(odds)) / implied(odds)

    assert 0 <= exact - profit_cents(stake, odds) < 1


@given(st.integers(1, 10**9), american)
def test_the_stake_for_a_profit_is_the_smallest_that_gains_it(profit, odds):
    stake = stake_for_cents(profit, odds)

    assert profit_cents(stake, odds) >= profit
    assert profit_cents(stake - 1, odds) < profit


@given(cents, american)
def test_what_a_stake_gains_never_needs_more_than_the_stake(stake, odds):
    assert stake_for_cents(profit_cents(stake, odds), odds) <= stake


def test_the_generated_ladder_is_the_captured_one():
    positive = [step for step in LADDER if step > 0]
    negative = [step for step in LADDER if step < 0]

    assert (len(LADDER), len(positive), len(negative)) == (555, 278, 277)
    assert (LADDER.steps[0], LADDER.steps[-1]) == (-25_000, 25_000)
    assert list(LADDER) == sorted(LADDER)
    assert {-step for step in negative} == set(positive) - {100}
    for step in (
        100,
        101,
        130,
        132,
        200,
        205,
        500,
        510,
        1000,
        1050,
        2000,
        2100,
        2250,
        2750,
        5000,
        5250,
        10_000,
        10_500,
    ):
        assert step in LADDER
    for step in (-100, 0, 131, 202, 505, 1010, 2050, 2350, 5100, 10_250, 25_500, -25_500):
        assert step not in LADDER


def test_the_coarser_ladder_of_the_old_sample_lies_on_it():
    runs = [(100, 120, 1), (120, 200, 2), (200, 300, 5), (300, 500, 10), (500, 1000, 20), (1000, 2000, 100)]
    runs += [(2000, 3000, 250), (3000, 5000, 500), (7500, 10_000, 2500)]
    coarse = {step for first, last, width in runs for step in range(first, last + 1, width)}

    assert all(step in LADDER for step in coarse)
    assert all(-step in LADDER for step in coarse if step != 100)


@given(on_ladder)
def test_the_opposite_of_a_step_is_a_step(odds):
    assert opposite(odds) in LADDER


def test_a_ladder_sorts_what_it_is_given_and_forgets_repeats():
    assert OddsLadder.of([110, -110, 110, 100]) == OddsLadder((Odds(-110), Odds(100), Odds(110)))


@pytest.mark.parametrize("values", [[], [0], [110, -100], [99]])
def test_a_ladder_of_nothing_or_of_other_numbers_is_refused(values):
    with pytest.raises(LocalProtocolError):
        OddsLadder.of(values)


@given(st.fractions(0, 1, max_denominator=10_000))
def test_paying_at_least_is_the_shortest_step_that_costs_no_more(probability):
    chosen = LADDER.paying_at_least(probability)

    affordable = [step for step in LADDER if implied(step) <= probability]
    assert chosen == (min(affordable) if affordable else None)


@given(on_ladder)
def test_a_step_pays_at_least_its_own_probability(odds):
    assert LADDER.paying_at_least(implied(odds)) == odds


@pytest.mark.parametrize(
    ("odds", "ticks", "better"),
    [
        (100, 1, 101),
        (100, -1, -101),
        (-101, 1, 100),
        (130, 1, 132),
        (130, 0, 130),
        (131, 0, 130),  # between two steps: counted from the one that pays less
        (131, 1, 132),
        (25_000, 1, 25_000),
        (-25_000, -3, -25_000),
        (-30_000, 1, -25_000),
        (30_000, 0, 25_000),
        (100, 1000, 25_000),
    ],
)
def test_better_moves_by_ticks_and_stays_on_the_ladder(odds, ticks, better):
    assert LADDER.better(Odds(odds), ticks) == better


@given(on_ladder, st.integers(0, 20))
def test_ticks_there_and_back_end_where_they_began(odds, ticks):
    there = LADDER.better(odds, ticks)

    assert LADDER.better(there, -ticks) == odds or there == LADDER.steps[-1]
