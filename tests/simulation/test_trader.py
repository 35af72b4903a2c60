import math
from collections import Counter
from random import Random

import attrs
import pytest
import trio

from actors.mailbox import Mailbox
from actors.messages import CancelIntent, Intent, MarketView, OrderChanged, RiskMessage
from actors.simulation.determinism import run_pinned
from actors.simulation.trader import CROWD, INSISTING_S, Asked, Trader
from actors.strategy import Desk
from protocol.belief import Source
from protocol.book import BookStatus
from protocol.commands import TimeInForce
from protocol.events import EventListed, EventStatus, Fill, Level, OrderStatus, Side
from protocol.ids import (
    BookKey,
    ClientOrderId,
    ClientOrderIds,
    CompetitionId,
    EventId,
    MarketId,
    SelectionId,
    VenueName,
)
from protocol.odds import Odds, generate_ladder
from protocol.order import Order
from protocol.prices import Probability
from protocol.prophetx.venue import ProphetX

SPAN_S = 1200.0
HOME, AWAY = SelectionId("home"), SelectionId("away")
EVENT = EventListed(event_id=EventId(1), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED)
TERMS = ProphetX().terms(EVENT, generate_ladder())
ODDS = (Level(Odds(-110), 2000),), (Level(Odds(-105), 4000),)


@attrs.define
class Span:
    """What a trader did in twenty minutes."""

    asked: list[Asked]
    messages: list[RiskMessage]
    wanted: list[VenueName]
    filled: Counter[SelectionId]
    told: list[ClientOrderId]  # of the orders that it cancelled

    @property
    def placed(self) -> list[Intent]:
        return [each for each in self.messages if isinstance(each, Intent)]

    @property
    def cancelled(self) -> list[CancelIntent]:
        return [each for each in self.messages if isinstance(each, CancelIntent)]


def market(number: int = 219, levels: tuple[tuple[Level, ...], ...] = ODDS) -> MarketView:
    sides = tuple(Side(selection_id=each, levels=some) for each, some in zip((HOME, AWAY), levels, strict=False))
    key = BookKey(EventId(1), MarketId(number))
    return MarketView(key=key, name="", kind="", event=EVENT, terms=TERMS, epoch=1, status=BookStatus.LIVE, sides=sides)


def crowd(*markets: MarketView) -> list[Asked]:
    """Have orders rest in these markets at once."""
    asked: list[Asked] = []
    trader = Trader(random=Random(1), actions_per_hour=1.0, asked=asked.append, cancelled=lambda name: None)
    desk = Desk(name="trader", ids=ClientOrderIds("x"), risk=Mailbox("risk", 10_000))
    desk.markets = {each.key: each for each in markets}

    async def run() -> None:
        trader.crowd(desk)

    run_pinned(1, run)
    return asked


def trade(
    seed: int, *markets: MarketView, calls_left: float = math.inf, fills: tuple[int, ...] = (), hurried: bool = False
) -> Span:
    """Have a trader trade for twenty minutes in markets that never move. Each of `fills` fills an order of its own."""
    asked: list[Asked] = []
    wanted: list[VenueName] = []
    told: list[ClientOrderId] = []
    trader = Trader(random=Random(seed), actions_per_hour=600.0, asked=asked.append, cancelled=told.append)
    desk = Desk(
        name="trader",
        ids=ClientOrderIds("x"),
        calls_left=lambda _venue, _now_s: calls_left,
        want=lambda venue, competitions=(), events=(): wanted.append(venue),
        risk=Mailbox("risk", 10_000),
        epochs={TERMS.venue: 1},
    )

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trader, desk)
            for view in markets:
                desk.show(view)
            for number, size in enumerate(fills):
                tell_filled(desk, markets[0].key, number, size)
            await trio.sleep(SPAN_S)
            if hurried:
                trader.stopping.set()
                await trio.sleep(1.0)
            nursery.cancel_scope.cancel()

    run_pinned(seed, run)
    messages = []
    while batch := desk.risk.take_nowait():
        messages += batch
    return Span(asked, messages, wanted, trader.filled, told)


def tell_filled(desk: Desk, key: BookKey, number: int, size: int) -> None:
    name = ClientOrderIds(f"before-{number}").next()
    order = Order(
        client_order_id=name,
        key=key,
        selection_id=HOME,
        price=Odds(100),
        size=size,
        status=OrderStatus.FILLED,
        filled=size,
        fills=(Fill(size, Odds(100)),),
    )
    told = OrderChanged(order=order, venue=TERMS.venue, strategy="trader", source=Source.PUSH, as_of_ns=0)
    desk.tell(name, told)


def test_the_same_dice_do_the_same():
    first, again, other = (trade(seed, market(), market(220)) for seed in (1, 1, 2))

    assert first == again
    assert first.asked != other.asked


def test_it_does_what_a_strategy_may_do():
    span = trade(1, market(), market(220))

    assert {each.order.time_in_force for each in span.placed} == {
        TimeInForce.REST,
        TimeInForce.FILL_OR_KILL,
        TimeInForce.POST_ONLY,
    }
    assert {each.order.selection_id for each in span.placed} == {HOME, AWAY}
    assert len({each.order.key for each in span.placed}) == 2
    assert span.cancelled
    assert span.wanted


def test_every_order_is_told_as_it_was_asked_for():
    span = trade(1, market())

    told = [(each.client_order_id, each.key, each.selection_id, each.price, each.size) for each in span.asked]
    orders = [each.order for each in span.placed]
    assert told == [(each.client_order_id, each.key, each.selection_id, each.price, each.size) for each in orders]
    assert [each.market for each in span.asked] == [market()] * len(told)
    assert all(0 < each.at_s < SPAN_S for each in span.asked)


def test_some_of_its_orders_make_no_sense():
    sizes = [each.order.size for seed in range(4) for each in trade(seed, market()).placed]

    assert 0 in sizes
    assert max(sizes) > 100_000


def test_most_of_its_orders_are_near_the_best_price():
    prices = Counter(each.order.price for each in trade(1, market()).placed if each.order.selection_id == HOME)

    assert {price for price, _ in prices.most_common(2)} == {-110, 105}  # taken, or rested beside the other side


def test_where_prices_are_probabilities_it_asks_for_shares():
    levels = (Level(Probability(5_100), 40),), (Level(Probability(5_000), 40),)

    span = trade(1, market(levels=levels))

    assert {type(each.price) for each in span.asked} == {Probability}
    assert sum(5 <= each.size <= 120 for each in span.asked) > 0.8 * len(span.asked)


@pytest.mark.parametrize("levels", [(ODDS[0],), ((), ())], ids=["one selection", "no levels"])
def test_where_there_is_nothing_to_price_by_it_places_nothing(levels):
    assert trade(1, market(levels=levels)).placed == []


def test_without_markets_it_waits():
    assert trade(1).messages == []


def test_where_calls_are_counted_it_places_by_hand_and_does_not_quote():
    free, counted = trade(1, market()), trade(1, market(), calls_left=20.0)

    assert quotes(free)
    assert not quotes(counted)
    assert counted.placed


def quotes(span: Span) -> list[float]:
    """Return when it asked for orders on both sides at once, and not for any three."""
    times = Counter(each.at_s for each in span.asked)
    return [at_s for at_s, count in times.items() if count == 2]


def test_every_cancel_is_told():
    span = trade(1, market())

    cancelled = {each.client_order_id for each in span.cancelled}
    assert span.told
    assert cancelled.issuperset(span.told)  # a quote cancels too


def test_a_book_that_dies_is_sometimes_traded_on():
    dead = attrs.evolve(market(), status=BookStatus.STALE)

    spans = [trade(seed, dead) for seed in range(20)]

    assert 0 < sum(any(each.dead for each in span.asked) for span in spans) < 20
    assert {each.at_s for span in spans for each in span.asked if each.dead} == {INSISTING_S}


def test_on_demand_orders_rest_in_every_market_at_once():
    asked = crowd(market(), market(220), market(221, (ODDS[0],)))

    assert Counter(each.key.market_id for each in asked) == {219: CROWD, 220: CROWD}
    assert {each.price for each in asked} <= {-110, -105, 105, 110}


def test_it_trades_where_books_live_and_seldom_elsewhere():
    over = [attrs.evolve(market(number), status=BookStatus.STALE) for number in range(220, 230)]

    asked = [each for seed in range(8) for each in trade(seed, market(), *over).asked if not each.dead]

    elsewhere = sum(each.key.market_id != 219 for each in asked)
    assert 0 < elsewhere < len(asked) / 10


def test_while_the_bot_stops_it_hurries():
    asked = [each.at_s for seed in range(4) for each in trade(seed, market(), hurried=True).asked]

    assert sum(at_s > SPAN_S for at_s in asked) > 4


def test_what_it_was_told_of_its_fills_is_kept():
    assert trade(1, market(), fills=(300, 200)).filled == {HOME: 500}
