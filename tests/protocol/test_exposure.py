import random
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, pairwise, product

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.events import Fill, OrderStatus
from protocol.exposure import NOTHING, Exposure, Stakes, part_above, stakes_of
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, Strike
from protocol.odds import EVEN, Odds
from protocol.order import Order
from protocol.prices import Price, Probability

CENT, DOLLAR = 10_000, 1_000_000

EVENT = EventId(18756)
KEY = BookKey(EVENT, MarketId(219))
SPREAD_HOME, SPREAD_AWAY = BookKey(EVENT, MarketId(223), Strike(-350)), BookKey(EVENT, MarketId(223), Strike(350))
HOME, AWAY = SelectionId("home"), SelectionId("away")

SHARES = EventId("mkt_1")
YES_KEY, NO_KEY, DRAW_KEY = (BookKey(SHARES, MarketId(name)) for name in ("yes", "no", "draw"))
YES, SELL_YES, NO, SELL_NO, DRAW, SELL_DRAW = map(SelectionId, ("yes", "-yes", "no", "-no", "draw", "-draw"))


def order(
    name: str,
    selection_id: SelectionId,
    *,
    key: BookKey = KEY,
    size: int = 1000,
    filled: int = 0,
    price: Price = EVEN,
    status: OrderStatus = OrderStatus.OPEN,
) -> Order:
    return Order(
        client_order_id=ClientOrderId(name),
        key=key,
        selection_id=selection_id,
        price=price,
        size=size,
        status=status,
        filled=filled,
        fills=(Fill(filled, price),) if filled else (),
    )


def matched(name: str, selection_id: SelectionId, *, key: BookKey = KEY, size: int = 1000, price: Price = EVEN):
    return order(name, selection_id, key=key, size=size, filled=size, price=price, status=OrderStatus.FILLED)


def paired(*orders: Order, commission_bp: int = 0) -> Exposure:
    exposure = Exposure()
    exposure.pair(KEY, HOME, AWAY, commission_bp=commission_bp)
    for each in orders:
        exposure.update(each)
    return exposure


def yes_or_no(exposure: Exposure, *, fee_bp: int = 0) -> None:
    exposure.list_outcome(YES_KEY, (YES, NO), YES, SELL_YES, fee_bp=fee_bp)
    exposure.list_outcome(NO_KEY, (YES, NO), NO, SELL_NO, fee_bp=fee_bp)


def listed(*orders: Order, fee_bp: int = 0) -> Exposure:
    exposure = Exposure()
    yes_or_no(exposure, fee_bp=fee_bp)
    for each in orders:
        exposure.update(each)
    return exposure


# --- two complementary selections ------------------------------------------------------------------------------------


def test_nothing_stands_to_lose_nothing():
    exposure = Exposure()

    assert (exposure.market_micro(KEY), exposure.event_micro(EVENT), exposure.account_micro) == (0, 0, 0)
    assert exposure.stakes(KEY, HOME) == NOTHING


def test_an_order_that_rests_can_lose_its_whole_stake():
    exposure = paired(order("a", HOME))

    assert exposure.market_micro(KEY) == exposure.event_micro(EVENT) == exposure.account_micro == 10 * DOLLAR


def test_matched_stakes_on_both_selections_offset_each_other():
    exposure = paired(matched("a", HOME, price=Odds(150)), matched("b", AWAY, price=Odds(-120)))

    assert exposure.market_micro(KEY) == (1000 - 833) * CENT


def test_what_rests_does_not_offset_what_is_matched():
    exposure = paired(matched("a", HOME), order("b", AWAY, price=Odds(110)))

    assert exposure.market_micro(KEY) == 10 * DOLLAR


def test_a_sure_gain_is_no_negative_exposure():
    exposure = paired(matched("a", HOME, price=Odds(120)), matched("b", AWAY, price=Odds(120)))

    assert exposure.market_micro(KEY) == 0


def test_commission_is_on_what_a_book_gains_and_changes_nothing_of_what_it_loses_alone():
    orders = matched("a", HOME, price=Odds(150)), matched("b", AWAY, price=Odds(-120))

    assert paired(*orders, commission_bp=200).market_micro(KEY) == (1000 - 833) * CENT


def test_commission_is_rounded_up():
    assert (part_above(1, 200), part_above(50, 200), part_above(51, 200), part_above(-51, 200)) == (1, 1, 2, 0)


def test_selections_not_known_to_be_complementary_may_both_lose():
    exposure = Exposure()
    exposure.update(matched("a", HOME))
    exposure.update(matched("b", AWAY))

    assert exposure.market_micro(KEY) == 20 * DOLLAR


def test_an_unknown_selection_is_at_risk_beside_a_pair_in_its_book():
    exposure = paired(matched("a", HOME, price=Odds(120)), matched("b", AWAY, price=Odds(120)))

    exposure.update(matched("c", SelectionId("draw")))

    assert exposure.market_micro(KEY) == 10 * DOLLAR


def test_books_of_one_event_are_added_and_not_netted():
    exposure = paired(order("a", HOME), order("b", SelectionId("over"), key=SPREAD_HOME, size=500))

    assert (exposure.event_micro(EVENT), exposure.account_micro) == (15 * DOLLAR, 15 * DOLLAR)
    assert exposure.market_micro(SPREAD_HOME) == 5 * DOLLAR


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

    assert exposure.market_micro(KEY) == cents * CENT


def test_an_annulled_order_offsets_nothing():
    exposure = paired(order("a", HOME, filled=1000, status=OrderStatus.VOID), matched("b", AWAY))

    assert exposure.market_micro(KEY) == 10 * DOLLAR


def test_an_order_that_is_gone_leaves_nothing_behind_and_may_return():
    exposure = paired(order("a", HOME))

    exposure.update(order("a", HOME, status=OrderStatus.ABSENT))
    assert (exposure.account_micro, exposure.stakes(KEY, HOME)) == (0, NOTHING)

    exposure.update(order("a", HOME))
    assert (exposure.account_micro, exposure.stakes(KEY, HOME)) == (10 * DOLLAR, Stakes(resting_micro=10 * DOLLAR))


def test_an_update_that_changes_nothing_changes_nothing():
    exposure = paired(order("a", HOME), order("b", AWAY))

    exposure.update(order("a", HOME))

    assert (exposure.account_micro, exposure.stakes(KEY, HOME)) == (10 * DOLLAR, Stakes(resting_micro=10 * DOLLAR))


def test_the_worst_outcome_with_more_stakes_is_told_without_adding_them():
    exposure = paired(matched("a", HOME))

    assert exposure.micro_with(KEY, HOME, Stakes(resting_micro=5 * DOLLAR)) == 15 * DOLLAR
    assert exposure.micro_with(KEY, AWAY, Stakes(resting_micro=10 * DOLLAR)) == 10 * DOLLAR
    assert exposure.micro_with(KEY, AWAY, Stakes(resting_micro=30 * DOLLAR)) == 20 * DOLLAR
    assert exposure.micro_with(SPREAD_HOME, SelectionId("over"), Stakes(resting_micro=7 * DOLLAR)) == 7 * DOLLAR
    assert exposure.micro_with(KEY, HOME, NOTHING) == exposure.account_micro == 10 * DOLLAR


# --- books that are learnt late --------------------------------------------------------------------------------------


def test_a_pair_learnt_late_nets_what_is_already_there():
    exposure = Exposure()
    exposure.update(matched("a", HOME, key=SPREAD_HOME))
    exposure.update(matched("b", AWAY, key=SPREAD_AWAY))
    assert exposure.event_micro(EVENT) == 20 * DOLLAR

    exposure.pair(SPREAD_HOME, HOME, AWAY)

    assert (exposure.market_micro(SPREAD_HOME), exposure.market_micro(SPREAD_AWAY)) == (0, 0)
    assert (exposure.event_micro(EVENT), exposure.account_micro) == (0, 0)


def test_an_order_that_a_late_pair_moved_is_followed_there():
    exposure = Exposure()
    exposure.update(order("b", AWAY, key=SPREAD_AWAY))
    exposure.pair(SPREAD_HOME, HOME, AWAY)

    exposure.update(order("b", AWAY, key=SPREAD_AWAY, size=600))
    assert (exposure.market_micro(SPREAD_HOME), exposure.market_micro(SPREAD_AWAY)) == (6 * DOLLAR, 0)

    exposure.update(order("b", AWAY, key=SPREAD_AWAY, status=OrderStatus.CANCELLED))
    assert (exposure.market_micro(SPREAD_HOME), exposure.account_micro) == (0, 0)


def test_the_other_outcome_of_a_spread_counts_in_the_book_of_its_pair():
    exposure = Exposure()
    exposure.pair(SPREAD_HOME, HOME, AWAY)
    exposure.update(order("b", AWAY, key=SPREAD_AWAY))

    assert (exposure.market_micro(SPREAD_HOME), exposure.market_micro(SPREAD_AWAY)) == (10 * DOLLAR, 0)
    assert exposure.stakes(SPREAD_AWAY, AWAY) == exposure.stakes(SPREAD_HOME, AWAY) == Stakes(0, 0, 10 * DOLLAR)


def test_a_pair_is_learnt_once():
    exposure = paired(order("a", HOME), order("b", AWAY))

    exposure.pair(KEY, HOME, AWAY)
    exposure.pair(KEY, AWAY, HOME)
    exposure.pair(KEY, SelectionId("over"), SelectionId("under"))
    exposure.pair(SPREAD_HOME, AWAY, SelectionId("under"))

    assert (exposure.market_micro(KEY), exposure.account_micro) == (10 * DOLLAR, 10 * DOLLAR)


# --- books about one outcome -----------------------------------------------------------------------------------------


def test_a_sale_carries_its_fee_in_what_it_costs_and_in_what_it_gains():
    sale = matched("a", SELL_YES, key=YES_KEY, size=100, price=Probability(4000))  # 100 shares sold at 0.60

    exposure = listed(sale, fee_bp=150)

    assert exposure.stakes(YES_KEY, SELL_YES) == Stakes(40_900_000, 59_100_000)
    assert exposure.market_micro(YES_KEY) == 40_900_000


def test_a_sale_that_rests_carries_its_fee_too():
    exposure = listed(order("a", SELL_YES, key=YES_KEY, size=100, filled=40, price=Probability(4000)), fee_bp=150)

    assert exposure.stakes(YES_KEY, SELL_YES) == Stakes(16_360_000, 23_640_000, 24_540_000)
    assert exposure.market_micro(YES_KEY) == 40_900_000


def test_each_fill_rounds_its_own_fee_up():
    sale = attrs.evolve(
        matched("a", SELL_YES, key=YES_KEY, size=2, price=Probability(4000)),
        fills=(Fill(1, Probability(4001)), Fill(1, Probability(3999))),
    )

    assert stakes_of(sale, fee_bp=1) == Stakes(800_000 + 60 + 61, 1_200_000 - 60 - 61)
    assert (
        stakes_of(attrs.evolve(sale, fills=(Fill(1, Probability(4033)),) * 2), fee_bp=1).gain_micro == 1_193_400 - 120
    )


def test_a_purchase_pays_no_fee():
    exposure = listed(matched("a", YES, key=YES_KEY, size=100, price=Probability(4000)), fee_bp=150)

    assert (exposure.fee_bp(YES), exposure.fee_bp(SELL_YES), exposure.fee_bp(HOME)) == (0, 150, 0)
    assert exposure.stakes(YES_KEY, YES) == Stakes(40 * DOLLAR, 60 * DOLLAR)


def test_a_fee_that_is_learnt_late_counts_from_then_on():
    exposure = Exposure()
    exposure.update(matched("a", SELL_YES, key=YES_KEY, size=100, price=Probability(4000)))
    assert exposure.account_micro == 40 * DOLLAR

    yes_or_no(exposure, fee_bp=150)

    assert (exposure.account_micro, exposure.stakes(YES_KEY, SELL_YES).gain_micro) == (40_900_000, 59_100_000)


def test_selling_what_is_held_closes_it_but_for_the_fee():
    exposure = listed(fee_bp=150)
    exposure.hold(YES_KEY, YES, 100, 60 * DOLLAR)
    assert exposure.market_micro(YES_KEY) == 60 * DOLLAR

    exposure.update(matched("a", SELL_YES, key=YES_KEY, size=100, price=Probability(4000)))

    assert exposure.market_micro(YES_KEY) == 900_000


def test_what_is_held_is_replaced_and_not_added():
    exposure = listed()
    exposure.hold(YES_KEY, YES, 100, 60 * DOLLAR)

    exposure.hold(YES_KEY, YES, 50, 30 * DOLLAR)
    assert exposure.stakes(YES_KEY, YES) == Stakes(30 * DOLLAR, 20 * DOLLAR)

    exposure.hold(YES_KEY, YES, 0, 0)
    assert exposure.account_micro == 0


def test_the_books_of_an_event_are_one_group():
    exposure = listed(
        matched("a", YES, key=YES_KEY, size=100, price=Probability(4000)),
        matched("b", NO, key=NO_KEY, size=100, price=Probability(6200)),
    )

    assert exposure.market_micro(YES_KEY) == exposure.market_micro(NO_KEY) == exposure.account_micro == 2 * DOLLAR


def test_a_sale_of_one_outcome_offsets_a_purchase_of_another():
    exposure = listed(
        matched("a", NO, key=NO_KEY, size=100, price=Probability(3000)),
        matched("b", SELL_YES, key=YES_KEY, size=100, price=Probability(3000)),
    )

    assert exposure.market_micro(YES_KEY) == 60 * DOLLAR  # both are stakes on the same outcome


def three_outcomes(exposure: Exposure) -> None:
    every = (YES, NO, DRAW)
    for key, buying, selling in zip((YES_KEY, NO_KEY, DRAW_KEY), every, (SELL_YES, SELL_NO, SELL_DRAW), strict=True):
        exposure.list_outcome(key, every, buying, selling)


def test_of_three_outcomes_one_wins():
    exposure = Exposure()
    three_outcomes(exposure)
    for key, buying in ((YES_KEY, YES), (NO_KEY, NO)):
        exposure.update(matched(buying, buying, key=key, size=100, price=Probability(3000)))
    assert exposure.account_micro == 60 * DOLLAR

    exposure.update(matched("c", DRAW, key=DRAW_KEY, size=100, price=Probability(3000)))
    assert exposure.account_micro == 0

    exposure.update(matched("d", SELL_DRAW, key=DRAW_KEY, size=100, price=Probability(9000)))
    assert exposure.account_micro == 80 * DOLLAR


def test_an_outcome_that_is_not_listed_yet_is_at_risk():
    exposure = Exposure()
    exposure.list_outcome(YES_KEY, (YES, NO), YES, SELL_YES)
    exposure.update(matched("a", YES, key=YES_KEY, size=100, price=Probability(4000)))
    exposure.update(matched("b", NO, key=NO_KEY, size=100, price=Probability(6000)))
    assert (exposure.market_micro(NO_KEY), exposure.account_micro) == (60 * DOLLAR, 100 * DOLLAR)

    exposure.list_outcome(NO_KEY, (YES, NO), NO, SELL_NO)
    assert exposure.account_micro == 0


# --- links -----------------------------------------------------------------------------------------------------------

HEDGED = (
    matched("a", HOME),  # $10 to gain $10
    matched("b", NO, key=NO_KEY, size=20, price=Probability(5500)),  # $11 to gain $9
)


def test_a_hedge_at_the_other_venue_nets_where_nothing_is_returned():
    exposure = paired(*HEDGED)
    yes_or_no(exposure)
    assert exposure.account_micro == 21 * DOLLAR

    exposure.link(HOME, YES, returns=False)

    assert exposure.market_micro(KEY) == exposure.market_micro(NO_KEY) == exposure.account_micro == DOLLAR
    assert exposure.event_micro(EVENT) == exposure.event_micro(SHARES) == DOLLAR


def test_where_stakes_may_come_back_the_other_leg_stands_alone():
    exposure = paired(*HEDGED)
    yes_or_no(exposure)

    exposure.link(HOME, YES)

    assert exposure.account_micro == 11 * DOLLAR


def test_commission_and_sale_fee_are_part_of_a_hedge():
    exposure = paired(matched("a", HOME), commission_bp=200)
    yes_or_no(exposure, fee_bp=150)
    exposure.link(HOME, YES, returns=False)
    exposure.hold(YES_KEY, YES, 20, 10 * DOLLAR)

    exposure.update(matched("b", SELL_YES, key=YES_KEY, size=40, price=Probability(5000)))

    # home: 10 - 0.20 + 10 - 20.30; away: -10 - 10 + 19.70
    assert exposure.account_micro == 500_000


def test_stakes_come_back_from_one_pair_while_the_other_is_settled():
    over, under = SelectionId("over"), SelectionId("under")
    exposure = paired(matched("a", HOME), matched("b", under, key=SPREAD_HOME))
    exposure.pair(SPREAD_HOME, over, under)

    exposure.link(HOME, over)

    assert (exposure.account_micro, exposure.event_micro(EVENT)) == (10 * DOLLAR, 10 * DOLLAR)


def test_a_draw_that_returns_one_venues_stakes_is_an_outcome_at_the_other():
    exposure = paired(matched("a", HOME))
    three_outcomes(exposure)
    exposure.link(HOME, YES)
    exposure.link(AWAY, NO)

    exposure.update(matched("b", SELL_DRAW, key=DRAW_KEY, size=100, price=Probability(9000)))
    assert exposure.account_micro == 90 * DOLLAR

    exposure.update(matched("c", NO, key=NO_KEY, size=10, price=Probability(5000)))
    assert exposure.account_micro == 95 * DOLLAR


@pytest.mark.parametrize("returns", [True, False])
def test_links_that_contradict_each_other_net_nothing(returns):
    exposure = Exposure()
    three_outcomes(exposure)
    exposure.list_outcome(key := BookKey(EVENT, MarketId(1)), (HOME, AWAY), HOME, SelectionId("-home"))
    exposure.link(HOME, YES, returns=returns)
    exposure.update(matched("a", YES, key=YES_KEY, size=10, price=Probability(4000)))
    exposure.update(matched("b", SelectionId("-home"), key=key, size=10, price=Probability(5000)))
    assert exposure.account_micro == 0

    exposure.link(HOME, SELL_YES, returns=returns)

    assert exposure.market_micro(key) == exposure.account_micro == 9 * DOLLAR


# --- against brute force ---------------------------------------------------------------------------------------------

Call = Callable[[Exposure], None]


@attrs.frozen
class Pair:
    key: BookKey
    names: tuple[SelectionId, SelectionId]
    commission_bp: int


@attrs.frozen
class Outcomes:
    keys: tuple[BookKey, ...]
    names: tuple[SelectionId, ...]
    fee_bp: int


@attrs.frozen
class Books:
    """What two venues may list: pairs and American odds at one, shares and sale fees at the other."""

    pairs: tuple[Pair, ...]
    events: tuple[Outcomes, ...]
    links: tuple[tuple[SelectionId, SelectionId, bool], ...]

    def calls(self) -> list[Call]:
        return [
            *(lambda it, p=p: it.pair(p.key, *p.names, commission_bp=p.commission_bp) for p in self.pairs),
            *(
                lambda it, e=e, key=key, name=name: it.list_outcome(key, e.names, name, sold(name), fee_bp=e.fee_bp)
                for e in self.events
                for key, name in zip(e.keys, e.names, strict=True)
            ),
            *(lambda it, a=a, b=b, r=r: it.link(a, b, returns=r) for a, b, r in self.links),
        ]


@attrs.frozen
class Portfolio:
    """What an account may have at both of them."""

    books: Books
    unknown: tuple[tuple[BookKey, SelectionId], ...]
    held: tuple[tuple[BookKey, SelectionId, int, int], ...]
    orders: tuple[Order, ...]

    def calls(self) -> list[Call]:
        """Return all that an exposure is told of it beside its books, each to be called in whatever order."""
        return [
            *(lambda it, each=each: it.hold(*each) for each in self.held),
            *(lambda it, each=each: it.update(each) for each in self.orders),
        ]

    def every_key(self) -> list[BookKey]:
        listed = [key for event in self.books.events for key in event.keys]
        return [*(pair.key for pair in self.books.pairs), *listed, *(key for key, _ in self.unknown)]


def sold(name: SelectionId) -> SelectionId:
    return SelectionId(f"-{name}")


STATUSES = (OrderStatus.OPEN,) * 3 + (OrderStatus.UNKNOWN,) * 2 + (OrderStatus.NEW, OrderStatus.PENDING)
ENDED = (OrderStatus.FILLED,) * 4 + (OrderStatus.CANCELLED, OrderStatus.WIPED, OrderStatus.VOID, OrderStatus.REJECTED)
PORTFOLIOS_PER_BOOKS = 8  # putting books together costs more than what is staked on them
ODDS = (-400, -145, -110, 100, 117, 150, 900)


def random_books(dice: random.Random) -> Books:
    pairs = tuple(
        Pair(BookKey(EventId(n // 2), MarketId(n)), (SelectionId(f"p{n}a"), SelectionId(f"p{n}b")), commission_bp)
        for n, commission_bp in enumerate(dice.choices((0, 200, 333), k=dice.choice((1, 1, 2))))
    )
    events = []
    for n in range(dice.choice((1, 1, 1, 2))):
        names = tuple(SelectionId(f"e{n}{letter}") for letter in "abc"[: dice.choice((2, 2, 3))])
        keys = tuple(BookKey(EventId(f"e{n}"), MarketId(name)) for name in names)
        events.append(Outcomes(keys, names, dice.choice((0, 150, 151))))
    links = random_links(dice, [pair.names for pair in pairs] + [event.names for event in events])
    return Books(pairs, tuple(events), tuple(links))


def random_links(
    dice: random.Random, every: list[tuple[SelectionId, ...]]
) -> Iterator[tuple[SelectionId, SelectionId, bool]]:
    for one, other in combinations(every, 2):
        draw = dice.random()
        if draw < 0.45:
            sales = (sold(other[0]),) if other[0].startswith("e") else ()
            yield one[0], dice.choice((other[0], other[-1], *sales)), dice.random() < 0.7
        if draw < 0.15 and len(other) == 3:
            yield one[1], other[1], dice.random() < 0.7


def random_order(
    dice: random.Random, index: int, key: BookKey, name: SelectionId, price: Price, unit: int, rests: bool
) -> Order:
    size = dice.randint(1, 30) * unit
    filled = dice.choice((0, dice.randint(0, size))) if rests else dice.randint(1, size)
    before = dice.randint(0, filled)
    fills = tuple(Fill(part, price) for part in (before, filled - before) if part)
    return Order(
        client_order_id=ClientOrderId(str(index)),
        key=key,
        selection_id=name,
        price=price,
        size=size,
        status=dice.choice(STATUSES if rests else ENDED),
        filled=filled,
        fills=fills,
    )


def random_portfolio(dice: random.Random, books: Books) -> Portfolio:
    return next(random_portfolios(dice, books, 1))


def random_portfolios(dice: random.Random, books: Books, count: int) -> Iterator[Portfolio]:
    """Yield portfolios that differ by one order each: the oldest goes, another comes."""
    dollars = [(pair.key, name) for pair in books.pairs for name in pair.names]
    shares = [
        (key, name)
        for event in books.events
        for key, buying in zip(event.keys, event.names, strict=True)
        for name in (buying, sold(buying))
    ]
    unknown = [(books.pairs[0].key, SelectionId("u0")), (BookKey(EventId("e0"), MarketId("u")), SelectionId("u1"))]
    unknown = dice.sample(unknown, 1) if dice.random() < 0.2 else []
    orders = []
    size, resting = dice.choice((1, 2, 3, 3, 4, 4, 5, 6, 7)), dice.choice((0, 0.4, 0.6, 0.6, 0.8, 1))
    for index in range(size + count - 1):
        at_odds = dice.random() < 0.5
        key, name = dice.choice(dollars + unknown if at_odds else shares + unknown)
        price: Price = Odds(dice.choice(ODDS)) if at_odds else Probability(dice.randint(1, 9999))
        orders.append(random_order(dice, index, key, name, price, 37 if at_odds else 1, dice.random() < resting))
    held = tuple(
        (key, name, count, dice.randint(0, count * DOLLAR))
        for key, name in dice.sample(shares[::2], dice.choice((0, 0, 1, 2)))
        for count in (dice.randint(1, 50),)
    )
    for index in range(count):
        yield Portfolio(books, tuple(unknown), held, tuple(orders[index : index + size]))


World = dict[SelectionId, int | None]  # 1 wins, 0 loses, None comes back


def settlements(listed: Books) -> Iterator[tuple[set[BookKey], list[World]]]:
    """Return the groups of books, and every way in which each of them can be settled."""
    questions = [[dict(zip(pair.names, won, strict=True)) for won in ((1, 0), (0, 1))] for pair in listed.pairs]
    questions = [[*states, dict.fromkeys(states[0])] for states in questions]
    for event in listed.events:
        states = []
        for winner in event.names:
            states.append({name: int(name == winner) for name in event.names})
            states[-1].update({sold(name): int(name != winner) for name in event.names})
        questions.append(states)
    keys = [{pair.key} for pair in listed.pairs] + [set(event.keys) for event in listed.events]
    groups = [([states], books, set(states[0])) for states, books in zip(questions, keys, strict=True)]
    for first, second, _ in listed.links:
        bound = [group for group in groups if group[2] & {first, second}]
        groups = [group for group in groups if group not in bound]
        parts = [states for group in bound for states in group[0]]
        groups.append((parts, set().union(*(g[1] for g in bound)), set().union(*(g[2] for g in bound))))
    for parts, books, names in groups:
        links = [link for link in listed.links if link[0] in names]
        worlds = [{name: won for state in states for name, won in state.items()} for states in product(*parts)]
        yield books, [world for world in worlds if all(allows(world, *link) for link in links)]


def allows(world: World, first: SelectionId, second: SelectionId, returns: bool) -> bool:
    one, other = world[first], world[second]
    if one is None or other is None:
        return returns or one is other
    return one == other


def micro(price: Price, size: int) -> tuple[int, int]:
    """Return what is paid, and what is paid out beyond it."""
    if isinstance(price, Probability):
        return size * price.bp * 100, size * (10_000 - price.bp) * 100
    return size * CENT, (size * price // 100 if price > 0 else size * 100 // -price) * CENT


def fate(price: Price, size: int, fee_bp: int, won: int | None) -> int:
    """Return what a match comes to. A stake that comes back comes back whole."""
    cost, gain = micro(price, size)
    fee = -(-gain * fee_bp // 10_000)
    return 0 if won is None else (gain if won else -cost) - fee


By = dict[int | None, int]  # what a stake comes to, by whether its selection won
Staked = list[tuple[SelectionId, By]]


def by_result(matches: Iterable[tuple[int, Price]], fee_bp: int) -> By:
    every = list(matches)
    return {won: sum(fate(price, size, fee_bp, won) for size, price in every) for won in (1, 0, None)}


def worst_of(portfolio: Portfolio, books: set[BookKey], worlds: list[World]) -> int:
    """Return the largest loss over all settlements and all fates of what rests: each order matched wholly or not."""
    commissions = {pair.key: pair.commission_bp for pair in portfolio.books.pairs}
    fees = {sold(name): event.fee_bp for event in portfolio.books.events for name in event.names}
    sure: dict[BookKey, Staked] = {book: [] for book in books}
    resting: dict[BookKey, Staked] = {book: [] for book in books}
    for key, name, count, cost in portfolio.held:
        if key in books:
            sure[key].append((name, {1: count * DOLLAR - cost, 0: -cost}))
    lost = 0
    for each in portfolio.orders:
        if each.key not in books or each.status in (OrderStatus.VOID, OrderStatus.REJECTED):
            continue
        if each.selection_id[0] == "u":
            lost += unknown_at_risk(each)
            continue
        fee_bp = fees.get(each.selection_id, 0)
        fills = ((fill.size, fill.price) for fill in each.fills)
        sure[each.key].append((each.selection_id, by_result(fills, fee_bp)))
        if each.status in STATUSES:
            rest = (each.size - each.filled, each.price)
            resting[each.key].append((each.selection_id, by_result([rest], fee_bp)))
    lots = [(commissions.get(book, 0), sure[book], resting[book]) for book in books if sure[book] or resting[book]]
    return lost + max(0, *(-worst_fate(lots, world) for world in worlds))


def worst_fate(lots: list[tuple[int, Staked, Staked]], world: World) -> int:
    by_book: list[list[int]] = []
    for commission_bp, sure, resting in lots:
        results = [sum(by[world[name]] for name, by in sure)]
        for name, by in resting:
            results += [so_far + by[world[name]] for so_far in results]
        by_book.append([net - -(-net * commission_bp // 10_000) if net > 0 else net for net in results])
    return min(map(sum, product(*by_book)))  # 2 ** n of them


def unknown_at_risk(each: Order) -> int:
    matched = sum(micro(fill.price, fill.size)[0] for fill in each.fills)
    return matched + (micro(each.price, each.size - each.filled)[0] if each.status in STATUSES else 0)


def check(exposure: Exposure, portfolio: Portfolio, groups: list[tuple[set[BookKey], list[World]]]) -> None:
    grouped = set().union(*(books for books, _ in groups))
    alone = [({key}, [{}]) for key, _ in portfolio.unknown if key not in grouped]
    total, events = 0, dict.fromkeys((key.event_id for key in portfolio.every_key()), 0)
    for books, worlds in [*groups, *alone]:
        worst = worst_of(portfolio, books, worlds)
        assert {exposure.market_micro(key) for key in books} == {worst}, portfolio
        total += worst
        for event_id in {key.event_id for key in books}:
            events[event_id] += worst
    assert exposure.account_micro == total, portfolio
    assert {event_id: exposure.event_micro(event_id) for event_id in events} == events, portfolio


def tell(exposure: Exposure, calls: list[Call], dice: random.Random) -> None:
    dice.shuffle(calls)
    for call in calls:
        call(exposure)


@pytest.mark.parametrize("seed", range(5))
def test_the_worst_outcome_of_10_000_portfolios_is_that_of_all_settlements_and_all_fates(seed):
    dice = random.Random(seed)
    count = 0

    while count < 2_000:
        books = random_books(dice)
        groups = list(settlements(books))
        if not all(worlds for _, worlds in groups):
            continue  # links that contradict each other
        portfolios = list(random_portfolios(dice, books, PORTFOLIOS_PER_BOOKS))
        exposure = Exposure()
        tell(exposure, books.calls() + portfolios[0].calls(), dice)
        check(exposure, portfolios[0], groups)
        for before, portfolio in pairwise(portfolios):
            exposure.update(attrs.evolve(before.orders[0], status=OrderStatus.ABSENT))
            exposure.update(portfolio.orders[-1])
            check(exposure, portfolio, groups)
        count += PORTFOLIOS_PER_BOOKS


# --- every order of calls --------------------------------------------------------------------------------------------

seeds = st.integers(0, 2**32).map(random.Random)
any_portfolio = seeds.map(lambda dice: random_portfolio(dice, random_books(dice)))


def told_all(portfolio: Portfolio) -> Exposure:
    exposure = Exposure()
    for call in portfolio.books.calls() + portfolio.calls():
        call(exposure)
    return exposure


def answers(exposure: Exposure, portfolio: Portfolio) -> list[object]:
    """Return everything that can be asked."""
    keys = portfolio.every_key()
    names = [name for pair in portfolio.books.pairs for name in pair.names]
    names += [name for event in portfolio.books.events for each in event.names for name in (each, sold(each))]
    return [
        exposure.account_micro,
        [exposure.market_micro(key) for key in keys],
        [exposure.event_micro(key.event_id) for key in keys],
        [exposure.stakes(key, name) for key in keys for name in [*names, *(name for _, name in portfolio.unknown)]],
    ]


@given(any_portfolio, st.randoms(use_true_random=False))
def test_the_order_of_calls_does_not_matter(portfolio, dice):
    exposure, afresh = Exposure(), told_all(portfolio)

    tell(exposure, portfolio.books.calls() + portfolio.calls(), dice)

    assert answers(exposure, portfolio) == answers(afresh, portfolio)


@given(any_portfolio, st.data())
def test_what_is_added_and_removed_leaves_what_was_there(portfolio, data):
    exposure = told_all(portfolio)
    before = answers(exposure, portfolio)
    more = [attrs.evolve(each, client_order_id=ClientOrderId(f"+{each.client_order_id}")) for each in portfolio.orders]
    gone = data.draw(st.permutations(more))

    for each in more:
        exposure.update(each)
    for each in gone:
        exposure.update(attrs.evolve(each, status=OrderStatus.ABSENT))

    assert answers(exposure, portfolio) == before


@given(any_portfolio)
def test_what_would_be_is_what_is_once_it_is_there(portfolio):
    exposure = told_all(portfolio)

    for each in portfolio.orders:
        more = attrs.evolve(each, client_order_id=ClientOrderId(f"+{each.client_order_id}"))
        stakes = stakes_of(more, exposure.fee_bp(more.selection_id))
        would_be = exposure.micro_with(more.key, more.selection_id, stakes)
        exposure.update(more)
        assert would_be == exposure.market_micro(more.key)


@given(any_portfolio)
def test_an_order_that_moves_through_its_life_counts_as_it_is_last(portfolio):
    exposure, afresh = Exposure(), told_all(portfolio)

    for each in portfolio.orders:
        exposure.update(attrs.evolve(each, status=OrderStatus.NEW, filled=0, fills=()))
    for call in portfolio.books.calls() + portfolio.calls():
        call(exposure)

    assert answers(exposure, portfolio) == answers(afresh, portfolio)
