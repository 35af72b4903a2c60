"""Orders, escrow, matching, fees, halts: exact numbers."""

from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.exchange.satoriex.book import BookTruth
from actors.exchange.satoriex.floor import Floor
from actors.exchange.satoriex.markets import Stage
from actors.exchange.satoriex.money import fee_micro, rebate_micro
from actors.exchange.satoriex.orders import Side, Status, Ticket
from actors.exchange.satoriex.publications import BookChanged, OrderChanged, Traded, WalletChanged
from actors.exchange.satoriex.refusals import Refused
from actors.exchange.satoriex.resolution import Resolution
from actors.exchange.satoriex.settings import SatoriexSettings

DOLLAR = 1_000_000
SECOND = 10**9
BUY, SELL = Side.BUY, Side.SELL


def opened(chosen=None, **changes):
    """Return a floor with one market, a trader with cash, and a holder with shares as well."""
    floor = Floor(chosen or SatoriexSettings(**changes), Random(1))
    floor.list_market(0)
    floor.open_account("trader", 1000 * DOLLAR, 0)
    floor.open_account("holder", 1000 * DOLLAR, 0, shares=1000)
    return floor


def outcome_of(floor, number=0):
    return tuple(floor.open_markets()[0].outcomes.values())[number]


def ticket(floor, side, price_bp, shares, number=0):
    market_id, outcome_id = outcome_of(floor, number).key
    return Ticket(market_id=market_id, outcome_id=outcome_id, side=side, price_bp=price_bp, shares=shares)


def enter(floor, name, side, price_bp, shares, now_ns=0, number=0):
    return floor.enter_at_once(floor.accounts[name], ticket(floor, side, price_bp, shares, number), now_ns)


def refusal(floor, name, side, price_bp, shares):
    with pytest.raises(Refused) as refused:
        floor.place(floor.accounts[name], ticket(floor, side, price_bp, shares), 0)
    return refused.value.reason


def total(floor):
    house = floor.house
    held = sum(each.available_micro + each.escrow_micro for each in floor.accounts.values())
    return held + house.collateral_micro + house.fees_micro - house.rebates_micro


# --- matching ---


def test_the_venues_worked_example():
    floor = opened()
    trader, holder = floor.accounts["trader"], floor.accounts["holder"]
    bid = enter(floor, "trader", BUY, 6000, 100)
    ask = enter(floor, "holder", SELL, 6000, 100)

    assert (bid.status, ask.status) == (Status.FILLED, Status.FILLED)
    assert holder.available_micro == 1000 * DOLLAR + 59_100_000
    assert trader.available_micro == 1000 * DOLLAR - 59_970_000
    assert (trader.escrow_micro, trader.positions()[bid.key].shares) == (0, 100)
    assert (ask.fees_micro, bid.fees_micro, bid.rebates_micro, ask.rebates_micro) == (900_000, 0, 30_000, 0)


def test_a_trade_is_made_at_the_resting_price_and_the_difference_comes_back():
    floor = opened()
    trader = floor.accounts["trader"]
    enter(floor, "holder", SELL, 4000, 10)
    bid = enter(floor, "trader", BUY, 4500, 30)

    assert (bid.status, bid.filled_shares, bid.cost_micro) == (Status.PARTIAL, 10, 4 * DOLLAR)
    assert trader.escrow_micro == 9 * DOLLAR
    assert trader.available_micro == 1000 * DOLLAR - 4 * DOLLAR - 9 * DOLLAR
    assert outcome_of(floor).book.depth() == BookTruth(bids=((4500, 20),))


def test_a_resting_seller_pays_the_fee_and_gets_the_rebate():
    floor = opened()
    ask = enter(floor, "holder", SELL, 4000, 10)
    enter(floor, "trader", BUY, 4000, 10)

    assert (ask.fees_micro, ask.rebates_micro) == (60_000, 2_000)
    assert floor.accounts["holder"].available_micro == 1000 * DOLLAR + 4 * DOLLAR - 60_000 + 2_000


def test_price_goes_before_time_and_time_before_nothing():
    floor = opened()
    floor.open_account("second", 1000 * DOLLAR, 0, shares=100)
    dear = enter(floor, "holder", SELL, 5100, 10)
    early = enter(floor, "holder", SELL, 5000, 10)
    late = enter(floor, "second", SELL, 5000, 10)
    enter(floor, "trader", BUY, 5100, 15)

    assert [each.filled_shares for each in (dear, early, late)] == [0, 10, 5]


def test_the_two_outcomes_have_books_of_their_own():
    floor = opened()
    enter(floor, "trader", BUY, 6000, 10, number=0)
    other = enter(floor, "holder", BUY, 6000, 10, number=1)

    assert other.status is Status.OPEN


@pytest.mark.parametrize(("value", "fee", "rebate"), [(100, 2, 0), (1, 1, 0), (20_000, 300, 10), (19_999, 300, 9)])
def test_a_fee_is_rounded_up_and_a_rebate_down(value, fee, rebate):
    assert (fee_micro(value, 150), rebate_micro(value, 5)) == (fee, rebate)


def test_an_order_is_matched_after_its_delay_and_in_its_turn():
    floor = opened(match_delay_s=(0.05, 0.5))
    trader = floor.accounts["trader"]
    placed = [floor.place(trader, ticket(floor, BUY, 4000 + index, 1), index) for index in range(20)]
    floor.agenda.advance(49_000_000)
    early = {each.status for each in placed}
    seen = []
    floor.publish = lambda each: seen.append(each.order.order_id) if isinstance(each, OrderChanged) else None
    floor.agenda.advance(SECOND)

    assert early == {Status.PENDING}
    assert seen == [each.order_id for each in placed]


def test_what_is_told_of_a_fill():
    floor = opened()
    enter(floor, "trader", BUY, 4000, 10)
    told = []
    floor.publish = told.append
    enter(floor, "holder", SELL, 4000, 4)

    assert [type(each) for each in told] == [
        OrderChanged,  # accepted
        WalletChanged,
        Traded,
        OrderChanged,
        WalletChanged,
        OrderChanged,
        WalletChanged,
        BookChanged,
    ]
    assert [each.is_transition for each in told if isinstance(each, OrderChanged)] == [True, True, True]


# --- the door ---


@pytest.mark.parametrize(
    ("side", "price_bp", "shares", "reason"),
    [
        (BUY, 0, 1, "price_invalid"),
        (BUY, 10_000, 1, "price_invalid"),
        (BUY, -100, 1, "price_invalid"),
        (BUY, 5050, 10, "price_off_tick"),
        (BUY, 5000, 0, "quantity_invalid"),
        (BUY, 5000, -5, "quantity_invalid"),
        (BUY, 5000, 2**63, "quantity_invalid"),
        (BUY, 5000, 4, "quantity_below_minimum"),
        (BUY, 5000, 2001, "balance_insufficient"),
        (SELL, 5000, 5, "shares_insufficient"),
    ],
)
def test_what_cannot_be_ordered(side, price_bp, shares, reason):
    floor = opened(tick_bp=100, min_order_shares=5)
    told = []
    floor.publish = told.append

    assert refusal(floor, "trader", side, price_bp, shares) == reason
    assert (floor.orders, floor.accounts["trader"].available_micro, told) == ({}, 1000 * DOLLAR, [])


def test_what_is_locked_cannot_be_used_twice():
    floor = opened()
    enter(floor, "trader", BUY, 5000, 2000)
    enter(floor, "holder", SELL, 9000, 600)

    assert refusal(floor, "trader", BUY, 100, 1) == "balance_insufficient"
    assert refusal(floor, "holder", SELL, 9000, 401) == "shares_insufficient"


def test_a_trader_cannot_trade_with_himself_not_even_with_a_pending_order():
    floor = opened()
    enter(floor, "holder", BUY, 4000, 10)
    floor.place(floor.accounts["holder"], ticket(floor, BUY, 4500, 10), 0)

    assert refusal(floor, "holder", SELL, 4500, 1) == "self_trade"
    assert refusal(floor, "holder", SELL, 4000, 1) == "self_trade"
    assert enter(floor, "holder", SELL, 4501, 1).status is Status.OPEN


def test_a_self_trade_can_be_found_out_later():
    floor = opened(self_trade_async=True)
    bid = enter(floor, "holder", BUY, 4000, 10)
    ask = floor.place(floor.accounts["holder"], ticket(floor, SELL, 4000, 10), 0)
    floor.agenda.advance(SECOND)

    assert (bid.status, ask.status) == (Status.OPEN, Status.CANCELLED)
    assert floor.accounts["holder"].holding(ask.key).free_shares == 1000


def test_a_later_validation_can_fail():
    floor = opened()
    floor.fails_validation = lambda order: True
    order = floor.place(floor.accounts["trader"], ticket(floor, BUY, 4000, 10), 0)
    floor.agenda.advance(SECOND)

    assert (order.status, floor.accounts["trader"].available_micro) == (Status.CANCELLED, 1000 * DOLLAR)


# --- cancelling ---


def test_a_pending_order_that_is_cancelled_is_never_matched():
    floor = opened()
    enter(floor, "holder", SELL, 4000, 10)
    order = floor.place(floor.accounts["trader"], ticket(floor, BUY, 4000, 10), 0)
    floor.cancel(order, 1)
    floor.agenda.advance(SECOND)

    assert (order.status, order.filled_shares) == (Status.CANCELLED, 0)
    assert floor.accounts["trader"].available_micro == 1000 * DOLLAR


def test_a_cancel_takes_the_remainder_and_can_be_repeated():
    floor = opened()
    order = enter(floor, "trader", BUY, 4000, 10)
    enter(floor, "holder", SELL, 4000, 4)
    floor.cancel(order, 1)
    floor.cancel(order, 2)

    assert (order.status, order.filled_shares) == (Status.CANCELLED, 4)
    assert outcome_of(floor).book.depth() == BookTruth()
    assert floor.accounts["trader"].escrow_micro == 0


def test_a_filled_order_is_not_cancelled():
    floor = opened()
    order = enter(floor, "trader", BUY, 4000, 10)
    enter(floor, "holder", SELL, 4000, 10)
    with pytest.raises(Refused, match="order filled"):
        floor.cancel(order, 1)


def test_a_cancel_can_lose_the_race_with_a_fill():
    floor = opened(cancel_delay_s=(1.0, 1.0))
    order = enter(floor, "trader", BUY, 4000, 10)
    floor.cancel(order, 0)
    floor.cancel(order, 0)
    enter(floor, "holder", SELL, 4000, 4)
    floor.agenda.advance(2 * SECOND)

    assert (order.status, order.filled_shares) == (Status.CANCELLED, 4)


# --- halts ---


def test_a_price_that_moves_by_thirty_percent_halts_the_market_and_the_rest_is_cancelled():
    floor = opened(halt_s=30.0)
    market = floor.open_markets()[0]
    for price_bp in (5000, 6499, 6500, 6600):
        enter(floor, "holder", SELL, price_bp, 10)
    rest = enter(floor, "trader", BUY, 1000, 10)
    sweep = enter(floor, "trader", BUY, 7000, 40)

    assert market.stage is Stage.HALTED
    assert (sweep.status, sweep.filled_shares) == (Status.CANCELLED, 30)
    assert outcome_of(floor).book.depth() == BookTruth(bids=((1000, 10),), asks=((6600, 10),))
    assert refusal(floor, "trader", BUY, 1000, 1) == "market_halted"
    floor.cancel(rest, 1)
    assert rest.status is Status.CANCELLED


def test_a_halt_ends_by_itself_and_the_breaker_begins_anew():
    floor = opened(halt_s=30.0)
    market = floor.open_markets()[0]
    floor.halt(market, 0)
    pending = ticket(floor, BUY, 9000, 1)
    floor.agenda.advance(29 * SECOND)
    halted = market.stage
    floor.agenda.advance(30 * SECOND)
    enter(floor, "holder", SELL, 9000, 1, 31 * SECOND)
    bid = floor.enter_at_once(floor.accounts["trader"], pending, 31 * SECOND)

    assert (halted, market.stage, bid.status) == (Stage.HALTED, Stage.ACTIVE, Status.FILLED)


def test_a_halt_by_hand_outlasts_the_end_of_an_older_one():
    floor = opened(halt_s=30.0)
    market = floor.open_markets()[0]
    floor.halt(market, 0)
    floor.resume(market, 10 * SECOND)
    floor.halt(market, 20 * SECOND)
    floor.agenda.advance(31 * SECOND)

    assert market.stage is Stage.HALTED


def test_an_order_that_was_accepted_before_a_halt_is_cancelled_by_it():
    floor = opened()
    order = floor.place(floor.accounts["trader"], ticket(floor, BUY, 4000, 10), 0)
    floor.halt(floor.open_markets()[0], 0)
    floor.agenda.advance(SECOND)

    assert (order.status, floor.accounts["trader"].escrow_micro) == (Status.CANCELLED, 0)


# --- settlement ---


def resolved(floor, winner=0, until_s=10):
    resolution = Resolution(floor)
    market = floor.open_markets()[0]
    resolution.begin(market, outcome_of(floor, winner).key[1], 0)
    floor.agenda.advance(until_s * SECOND)
    return resolution, market


def test_a_winning_share_pays_a_dollar_and_the_others_nothing():
    floor = opened()
    trader, holder = floor.accounts["trader"], floor.accounts["holder"]
    enter(floor, "trader", BUY, 6000, 100)
    enter(floor, "holder", SELL, 6000, 100)
    rest = enter(floor, "trader", BUY, 1000, 50)
    before = total(floor)
    _, market = resolved(floor)

    assert market.stage is Stage.SETTLED
    assert rest.status is Status.CANCELLED
    assert (trader.escrow_micro, trader.available_micro) == (0, 1000 * DOLLAR - 59_970_000 + 100 * DOLLAR)
    assert holder.available_micro == 1000 * DOLLAR + 59_100_000 + 900 * DOLLAR
    assert (trader.positions(), holder.positions().keys() & market.outcomes.keys()) == ({}, set())
    assert total(floor) == floor.house.deposits_micro == before + 1000 * DOLLAR
    assert [each.amount_micro for each in trader.transactions if each.kind == "settlement"] == [100 * DOLLAR]


def test_settlement_can_cost_the_fee():
    floor = opened(settlement_fee_bp=150)
    resolved(floor)

    assert floor.accounts["holder"].available_micro == 1000 * DOLLAR + 985 * DOLLAR


@pytest.mark.parametrize(
    ("until_s", "stage"), [(0, Stage.CLOSING), (1, Stage.PROPOSED), (5, Stage.PROPOSED), (6, Stage.SETTLED)]
)
def test_the_way_to_settlement_has_stages(until_s, stage):
    floor = opened(proposal_s=1.0, dispute_s=5.0)
    order = enter(floor, "trader", BUY, 1000, 1)
    _, market = resolved(floor, until_s=until_s)

    assert market.stage is stage
    assert order.status is (Status.CANCELLED if stage is Stage.SETTLED else Status.OPEN)
    with pytest.raises(Refused, match="market closed"):
        floor.place(
            floor.accounts["trader"], attrs.evolve(ticket(floor, BUY, 1, 1), **dict_of(market)), until_s * SECOND
        )


def dict_of(market):
    return {"market_id": market.market_id, "outcome_id": next(iter(market.outcomes))}


def test_a_dispute_that_is_upheld_sends_the_market_back():
    floor = opened()
    resolution, market = resolved(floor, until_s=2)
    resolution.uphold_dispute(market, 2 * SECOND)
    floor.agenda.advance(100 * SECOND)

    assert (market.stage, market.winner) == (Stage.ACTIVE, None)


def test_a_settled_market_is_replaced():
    floor = opened()
    _, market = resolved(floor)

    (successor,) = floor.open_markets()
    assert successor.market_id != market.market_id
    assert floor.accounts["holder"].positions().keys() == {each.key for each in successor.outcomes.values()}


# --- whatever is ordered ---

ACTIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("enter"),
            st.sampled_from(["trader", "holder", "third"]),
            st.sampled_from(Side),
            st.integers(1, 9999),
            st.integers(1, 400),
            st.integers(0, 1),
        ),
        st.tuples(st.just("place"), st.sampled_from(["trader", "third"]), st.sampled_from(Side), st.integers(40, 60)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("pass"), st.integers(1, 40)),
        st.tuples(st.just("resolve"), st.integers(0, 1)),
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(ACTIONS)
def test_money_and_shares_are_conserved_whatever_is_ordered(actions):
    floor = opened(cancel_delay_s=(0.0, 1.0), settlement_fee_bp=150)
    floor.open_account("third", 500 * DOLLAR, 0, shares=100)
    resolution, now_ns = Resolution(floor), 0
    for action in actions:
        try:
            match action:
                case ("enter", name, side, price_bp, shares, number):
                    enter(floor, name, side, price_bp, shares, now_ns, number)
                case ("place", name, side, cents):
                    floor.place(floor.accounts[name], ticket(floor, side, cents * 100, 7), now_ns)
                case ("cancel", index) if index < len(floor.orders):
                    floor.cancel(tuple(floor.orders.values())[index], now_ns)
                case ("pass", seconds):
                    now_ns += seconds * SECOND
                    floor.agenda.advance(now_ns)
                case ("resolve", number):
                    resolution.begin(floor.open_markets()[0], outcome_of(floor, number).key[1], now_ns)
        except Refused:
            pass
        assert_sound(floor)


def assert_sound(floor):
    assert total(floor) == floor.house.deposits_micro
    for account in floor.accounts.values():
        bids = [each for each in floor.live(account) if each.side is BUY]
        assert account.escrow_micro == sum(each.price_bp * each.remaining_shares * 100 for each in bids)
        assert sum(each.amount_micro for each in account.transactions) == account.available_micro + account.escrow_micro
        for key, holding in account.holdings.items():
            asks = [each for each in floor.live(account) if each.side is SELL and each.key == key]
            assert holding.locked_shares == sum(each.remaining_shares for each in asks) <= holding.shares
            assert holding.cost_micro >= 0
    for market in floor.open_markets():
        for outcome in market.outcomes.values():
            held = sum(each.holding(outcome.key).shares for each in floor.accounts.values())
            depth = outcome.book.depth()
            assert held == 1100
            assert not depth.bids or not depth.asks or depth.bids[0][0] < depth.asks[0][0]
