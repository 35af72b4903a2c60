from itertools import product

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.events import Fill, OrderStatus
from protocol.exposure import NOTHING, Exposure, Stakes, stakes_of, worst_cents
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, Strike
from protocol.odds import Odds
from protocol.order import Order

EVENT = EventId(18756)
KEY = BookKey(EVENT, MarketId(219), Strike(0))
SPREAD_HOME, SPREAD_AWAY = BookKey(EVENT, MarketId(223), Strike(-350)), BookKey(EVENT, MarketId(223), Strike(350))
HOME, AWAY = SelectionId("home"), SelectionId("away")


def order(
    name: str,
    selection_id: SelectionId,
    *,
    key: BookKey = KEY,
    stake: int = 1000,
    filled: int = 0,
    odds: int = 100,
    status: OrderStatus = OrderStatus.OPEN,
) -> Order:
    return Order(
        client_order_id=ClientOrderId(name),
        key=key,
        selection_id=selection_id,
        odds=Odds(odds),
        stake_cents=stake,
        status=status,
        filled_cents=filled,
        fills=(Fill(filled, Odds(odds)),) if filled else (),
    )


def paired(*orders: Order) -> Exposure:
    exposure = Exposure()
    exposure.pair(KEY, HOME, AWAY)
    for each in orders:
        exposure.update(each)
    return exposure


# --- one market --------------------------------------------------------------------------------------------------


def test_nothing_stands_to_lose_nothing():
    assert worst_cents([], complementary=True) == worst_cents([], complementary=False) == 0


def test_an_order_that_rests_can_lose_its_whole_stake():
    exposure = paired(order("a", HOME))

    assert (exposure.market_cents(KEY), exposure.event_cents(EVENT), exposure.account_cents) == (1000, 1000, 1000)


def test_matched_stakes_on_both_selections_offset_each_other():
    exposure = paired(
        order("a", HOME, filled=1000, odds=150, status=OrderStatus.FILLED),
        order("b", AWAY, filled=1000, odds=-120, status=OrderStatus.FILLED),
    )

    assert exposure.market_cents(KEY) == 1000 - 833


def test_what_rests_does_not_offset_what_is_matched():
    exposure = paired(order("a", HOME, filled=1000, status=OrderStatus.FILLED), order("b", AWAY, odds=110))

    assert exposure.market_cents(KEY) == 1000


def test_a_sure_gain_is_no_negative_exposure():
    exposure = paired(
        order("a", HOME, filled=1000, odds=120, status=OrderStatus.FILLED),
        order("b", AWAY, filled=1000, odds=120, status=OrderStatus.FILLED),
    )

    assert exposure.market_cents(KEY) == 0


def test_selections_not_known_to_be_complementary_may_both_lose():
    exposure = Exposure()
    exposure.update(order("a", HOME, filled=1000, status=OrderStatus.FILLED))
    exposure.update(order("b", AWAY, filled=1000, status=OrderStatus.FILLED))

    assert exposure.market_cents(KEY) == 2000


def test_three_selections_in_one_market_are_not_complementary():
    exposure = paired(
        *(order(name, SelectionId(name), filled=1000, status=OrderStatus.FILLED) for name in ("home", "away", "draw"))
    )

    assert exposure.market_cents(KEY) == 3000


def test_markets_of_one_event_are_added_and_not_netted():
    exposure = paired(order("a", HOME), order("b", SelectionId("over"), key=SPREAD_HOME, stake=500))

    assert (exposure.event_cents(EVENT), exposure.account_cents) == (1500, 1500)
    assert exposure.market_cents(SPREAD_HOME) == 500


@pytest.mark.parametrize(
    ("status", "cents"),
    [
        (OrderStatus.NEW, 1000),
        (OrderStatus.UNKNOWN, 1000),
        (OrderStatus.PENDING, 1000),
        (OrderStatus.OPEN, 1000),
        (OrderStatus.FILLED, 300),
        (OrderStatus.CANCELLED, 300),
        (OrderStatus.WIPED, 300),
        (OrderStatus.INVALID, 0),
        (OrderStatus.REJECTED, 0),
        (OrderStatus.ABSENT, 0),
        (OrderStatus.VOID, 0),
        (OrderStatus.SETTLED, 0),
    ],
)
def test_what_an_order_can_lose_follows_its_status(status, cents):
    exposure = paired(order("a", HOME))

    exposure.update(order("a", HOME, filled=300, status=status))

    assert exposure.market_cents(KEY) == cents


def test_an_annulled_order_offsets_nothing():
    exposure = paired(
        order("a", HOME, filled=1000, status=OrderStatus.VOID),
        order("b", AWAY, filled=1000, status=OrderStatus.FILLED),
    )

    assert exposure.market_cents(KEY) == 1000


def test_an_order_that_is_gone_leaves_nothing_behind_and_may_return():
    exposure = paired(order("a", HOME))

    exposure.update(order("a", HOME, status=OrderStatus.ABSENT))
    assert (exposure.account_cents, exposure.stakes(KEY, HOME)) == (0, NOTHING)

    exposure.update(order("a", HOME))
    assert (exposure.account_cents, exposure.stakes(KEY, HOME)) == (1000, Stakes(resting_cents=1000))


def test_an_update_that_changes_nothing_changes_nothing():
    exposure = paired(order("a", HOME), order("b", AWAY))

    exposure.update(order("a", HOME))

    assert (exposure.account_cents, exposure.stakes(KEY, HOME)) == (1000, Stakes(resting_cents=1000))


def test_the_worst_outcome_with_one_more_stake_is_told_without_adding_it():
    exposure = paired(order("a", HOME, filled=1000, odds=100, status=OrderStatus.FILLED))

    assert exposure.market_cents_with(KEY, HOME, 500) == 1500
    assert exposure.market_cents_with(KEY, AWAY, 1000) == 1000
    assert exposure.market_cents_with(KEY, AWAY, 3000) == 2000
    assert exposure.market_cents_with(SPREAD_HOME, SelectionId("over"), 700) == 700
    assert exposure.account_cents == 1000


# --- pairing -----------------------------------------------------------------------------------------------------


def test_a_pair_learnt_late_nets_what_is_already_there():
    exposure = Exposure()
    exposure.update(order("a", HOME, key=SPREAD_HOME, filled=1000, status=OrderStatus.FILLED))
    exposure.update(order("b", AWAY, key=SPREAD_AWAY, filled=1000, status=OrderStatus.FILLED))
    assert exposure.event_cents(EVENT) == 2000

    exposure.pair(SPREAD_HOME, HOME, AWAY)

    assert (exposure.market_cents(SPREAD_HOME), exposure.market_cents(SPREAD_AWAY)) == (0, 0)
    assert (exposure.event_cents(EVENT), exposure.account_cents) == (0, 0)


def test_an_order_that_a_late_pair_moved_is_followed_there():
    exposure = Exposure()
    exposure.update(order("b", AWAY, key=SPREAD_AWAY))
    exposure.pair(SPREAD_HOME, HOME, AWAY)

    exposure.update(order("b", AWAY, key=SPREAD_AWAY, stake=600))
    assert (exposure.market_cents(SPREAD_HOME), exposure.market_cents(SPREAD_AWAY)) == (600, 0)

    exposure.update(order("b", AWAY, key=SPREAD_AWAY, status=OrderStatus.CANCELLED))
    assert (exposure.market_cents(SPREAD_HOME), exposure.account_cents) == (0, 0)


def test_the_other_outcome_of_a_spread_counts_in_the_book_of_its_pair():
    exposure = Exposure()
    exposure.pair(SPREAD_HOME, HOME, AWAY)
    exposure.update(order("b", AWAY, key=SPREAD_AWAY))

    assert (exposure.market_cents(SPREAD_HOME), exposure.market_cents(SPREAD_AWAY)) == (1000, 0)


def test_a_pair_is_learnt_once():
    exposure = paired(order("a", HOME), order("b", AWAY))

    exposure.pair(KEY, HOME, AWAY)
    exposure.pair(KEY, AWAY, HOME)

    assert (exposure.market_cents(KEY), exposure.account_cents) == (1000, 1000)


# --- against brute force -----------------------------------------------------------------------------------------

snapshots = st.builds(
    lambda name, selection, stake, filled, odds, status: order(
        name, selection, key=KEY, stake=stake, filled=min(filled, stake), odds=odds, status=status
    ),
    st.sampled_from(["a", "b", "c", "d"]),
    st.just(HOME),
    st.integers(1, 1000),
    st.integers(0, 1000),
    st.sampled_from([-400, -110, 100, 150, 900]),
    st.sampled_from(OrderStatus),
).map(lambda each: attrs.evolve(each, selection_id=HOME if each.client_order_id in ("a", "b") else AWAY))


def brute_force_cents(orders: list[Order]) -> int:
    """Try every outcome with every subset of what rests matched at its limit."""
    worst = 0
    for winner, matched in product((HOME, AWAY), product((False, True), repeat=len(orders))):
        loss = 0
        for each, also_matched in zip(orders, matched, strict=True):
            stakes = stakes_of(each)
            if each.selection_id == winner:
                rest = stakes_of(filled_up(each)).profit_cents if also_matched else stakes.profit_cents
                loss -= rest
            else:
                loss += stakes.matched_cents + (stakes.resting_cents if also_matched else 0)
        worst = max(worst, loss)
    return worst


def filled_up(each: Order) -> Order:
    rest = each.remaining_cents
    return attrs.evolve(each, filled_cents=each.filled_cents + rest, fills=(*each.fills, Fill(rest, each.odds)))


@given(st.lists(snapshots, max_size=10), st.integers(0, 10))
def test_the_kept_exposure_is_the_worst_of_all_outcomes_and_matches(updates, pair_after):
    exposure = Exposure()
    for index, each in enumerate(updates):
        if index == pair_after:
            exposure.pair(KEY, HOME, AWAY)
        exposure.update(each)
    exposure.pair(KEY, HOME, AWAY)

    latest = list({each.client_order_id: each for each in updates}.values())
    expected = brute_force_cents(latest)
    assert (exposure.market_cents(KEY), exposure.event_cents(EVENT), exposure.account_cents) == (expected,) * 3


keys = [BookKey(EventId(event), MarketId(market), Strike(0)) for event in (1, 2) for market in (1, 2)]
scattered = st.builds(
    lambda name, filled, status: order(
        name, SelectionId(f"s{int(name) % 8}"), key=keys[int(name) % 4], filled=filled, status=status
    ),
    st.integers(0, 15).map(str),
    st.integers(0, 1000),
    st.sampled_from(OrderStatus),
)


@given(st.lists(scattered, max_size=30), st.sets(st.integers(0, 3)))
def test_the_sums_kept_order_by_order_are_those_made_from_scratch(updates, pairs):
    exposure, afresh = Exposure(), Exposure()
    for index in pairs:
        afresh.pair(keys[index], SelectionId(f"s{index}"), SelectionId(f"s{index + 4}"))
    for each in {each.client_order_id: each for each in updates}.values():
        afresh.update(each)

    for each in updates:
        exposure.update(each)
        assert exposure.account_cents >= 0
    for index in pairs:
        exposure.pair(keys[index], SelectionId(f"s{index}"), SelectionId(f"s{index + 4}"))

    assert [exposure.market_cents(key) for key in keys] == [afresh.market_cents(key) for key in keys]
    assert exposure.account_cents == sum(exposure.market_cents(key) for key in keys) == afresh.account_cents
    assert exposure.event_cents(EventId(1)) == exposure.market_cents(keys[0]) + exposure.market_cents(keys[1])
    for index, key in enumerate(keys):
        for name in (f"s{index}", f"s{index + 4}"):
            assert exposure.stakes(key, SelectionId(name)) == afresh.stakes(key, SelectionId(name))
