from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError
from protocol.odds import Odds
from protocol.prices import (
    Probability,
    Ticks,
    cost_micro,
    gain_micro,
    implied,
    meets,
    opposite,
    size_costing,
    size_paying,
    takeable,
)

DOLLAR = 1_000_000
basis_points = st.integers(1, 9_999)
odds = st.one_of(st.integers(100, 25_000), st.integers(-25_000, -101)).map(Odds)
prices = st.one_of(basis_points.map(Probability), odds)


@pytest.mark.parametrize("bp", [-1, 0, 10_000, 10_001])
def test_what_is_certain_or_impossible_is_no_price(bp):
    with pytest.raises(LocalProtocolError, match="is not a probability in basis points, 1 to 9999"):
        Probability(bp)


@pytest.mark.parametrize(("bp", "text"), [(5500, "55%"), (5525, "55.25%"), (1, "0.01%")])
def test_a_probability_reads_as_a_percentage(bp, text):
    assert str(Probability(bp)) == text


@pytest.mark.parametrize(
    ("price", "probability"),
    [
        (Probability(4000), Fraction(2, 5)),
        (Odds(100), Fraction(1, 2)),
        (Odds(110), Fraction(100, 210)),
        (Odds(-110), Fraction(110, 210)),
    ],
)
def test_both_forms_imply_a_probability(price, probability):
    assert implied(price) == probability


@pytest.mark.parametrize(
    ("price", "other"), [(Probability(4000), Probability(6000)), (Odds(110), Odds(-110)), (Odds(-150), Odds(150))]
)
def test_who_takes_an_order_gets_the_opposite_price(price, other):
    assert opposite(price) == other


@given(basis_points)
def test_the_opposite_of_a_probability_is_what_is_missing_to_one(bp):
    assert implied(Probability(bp)) + implied(opposite(Probability(bp))) == 1


@pytest.mark.parametrize(
    ("price", "other", "match"),
    [
        (Probability(4000), Probability(6000), True),
        (Probability(4000), Probability(5999), False),
        (Odds(110), Odds(-110), True),
        (Odds(110), Odds(-109), False),
        (Odds(100), Odds(100), True),
        (Probability(5000), Odds(100), True),
        (Probability(4999), Odds(100), False),
    ],
)
def test_orders_meet_when_together_they_pay_for_what_is_won(price, other, match):
    assert meets(price, other) is meets(other, price) is match


@pytest.mark.parametrize(
    ("price", "size", "cost", "gain"),
    [
        (Probability(4000), 25, 10 * DOLLAR, 15 * DOLLAR),
        (Probability(1), 1, 100, 999_900),
        (Probability(6000), 0, 0, 0),
        (Odds(110), 1000, 10 * DOLLAR, 11 * DOLLAR),
        (Odds(-110), 1000, 10 * DOLLAR, 9_090_000),  # 9.0909 dollars, less what is below a cent
    ],
)
def test_a_size_costs_and_gains_money(price, size, cost, gain):
    assert (cost_micro(price, size), gain_micro(price, size)) == (cost, gain)


@given(basis_points, st.integers(0, 10**6))
def test_a_share_that_wins_pays_a_dollar(bp, shares):
    price = Probability(bp)

    assert cost_micro(price, shares) + gain_micro(price, shares) == shares * DOLLAR


@pytest.mark.parametrize(("price", "size", "cost"), [(Probability(4000), 7, 7), (Odds(110), 1000, 1100)])
def test_a_taker_places_as_many_shares_or_the_stake_that_the_order_gains(price, size, cost):
    assert takeable(price, size) == cost


@pytest.mark.parametrize(
    ("price", "micro", "size"),
    [
        (Probability(4000), 10 * DOLLAR, 25),
        (Probability(4000), 10 * DOLLAR - 1, 24),
        (Odds(110), 10 * DOLLAR, 1000),
        (Odds(110), 10 * DOLLAR - 1, 999),
    ],
)
def test_a_size_that_costs_no_more_is_found(price, micro, size):
    assert size_costing(price, micro) == size


@given(prices, st.integers(0, 10**12))
def test_one_more_of_a_size_that_costs_no_more_would_cost_more(price, micro):
    size = size_costing(price, micro)

    assert cost_micro(price, size) <= micro < cost_micro(price, size + 1)


@pytest.mark.parametrize(
    ("price", "micro", "size"),
    [
        (Probability(4000), 10 * DOLLAR, 10),
        (Probability(4000), 10 * DOLLAR - 1, 9),
        (Odds(100), 10 * DOLLAR, 500),
        (Odds(-110), 35 * DOLLAR, 1833),
    ],
)
def test_a_size_that_pays_back_no_more_is_found(price, micro, size):
    assert size_paying(price, micro) == size


@given(prices, st.integers(0, 10**12))
def test_a_size_that_pays_back_no_more_pays_back_no_more(price, micro):
    size = size_paying(price, micro)

    assert cost_micro(price, size) + gain_micro(price, size) <= micro


# --- ticks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "there"),
    [(Probability(4500), True), (Probability(4550), False), (Odds(100), False), (4500, False)],
)
def test_a_book_takes_every_multiple_of_its_tick(price, there):
    assert (price in Ticks(100)) is there


@pytest.mark.parametrize("tick_bp", [-100, 0, 300, 10_000])
def test_a_tick_divides_a_dollar(tick_bp):
    with pytest.raises(LocalProtocolError, match=f"a tick of {tick_bp} basis points does not divide 10000"):
        Ticks(tick_bp)


@pytest.mark.parametrize(
    ("probability", "price"),
    [
        (Fraction(45, 100), Probability(4500)),
        (Fraction(4599, 10_000), Probability(4500)),
        (Fraction(1, 100), Probability(100)),
        (Fraction(99, 10_000), None),
        (Fraction(-1, 2), None),
        (Fraction(1), Probability(9900)),
        (Fraction(2), Probability(9900)),
    ],
)
def test_the_dearest_tick_within_a_probability_is_found(probability, price):
    assert Ticks(100).paying_at_least(probability) == price


@pytest.mark.parametrize(
    ("bp", "ticks", "better"),
    [(4500, 1, 4400), (4500, 3, 4200), (4500, -2, 4700), (100, 1, 100), (9900, -1, 9900), (4500, 0, 4500)],
)
def test_a_better_price_is_ticks_cheaper_within_the_ends(bp, ticks, better):
    assert Ticks(100).better(Probability(bp), ticks) == Probability(better)


def test_american_odds_have_no_place_between_ticks():
    with pytest.raises(LocalProtocolError, match="is not a probability"):
        Ticks(100).better(Odds(110))
