from fractions import Fraction

import attrs
import pytest
import trio

from actors.decisions.guard import MAX_VIEWS
from actors.decisions.quoting import Quote
from actors.mailbox import Mailbox
from actors.messages import (
    CancelIntent,
    DenialReason,
    Halt,
    Intent,
    IntentDenied,
    Kill,
    MarketView,
    OrderChanged,
    RiskMessage,
)
from actors.strategy import DENIED_REST_S, MAX_CHANGES, Desk, View, quoting
from protocol.belief import Source
from protocol.book import BookStatus, Cause, LiquidityChange
from protocol.commands import PlaceOrder, TimeInForce
from protocol.events import EventListed, EventStatus, Fill, Level, OrderStatus, Side
from protocol.exposure import Stakes
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, CompetitionId, EventId, MarketId, SelectionId, Strike
from protocol.money import micro
from protocol.odds import Odds, generate_ladder
from protocol.order import Order
from protocol.prophetx.venue import ProphetX

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
OTHER = BookKey(EventId(2), MarketId(219), Strike(0))
NEW = BookKey(EventId(-1), MarketId(219), Strike(0))
HOME, AWAY = SelectionId("home"), SelectionId("away")
X1 = ClientOrderId("x-1")
QUOTE = Quote(selection_id=HOME, price=Odds(110), size=1000)
EVENT = EventListed(event_id=EventId(1), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED)

TERMS = ProphetX().terms(EVENT, generate_ladder())


def market(key: BookKey = KEY, **changes: object) -> MarketView:
    known = MarketView(
        key=key,
        name="Moneyline",
        kind="moneyline",
        event=EVENT,
        terms=TERMS,
        epoch=1,
        status=BookStatus.LIVE,
        sides=(
            Side(selection_id=HOME, levels=(Level(Odds(-110), 2000), Level(Odds(-115), 3000))),
            Side(selection_id=AWAY, levels=(Level(Odds(-105), 4000),)),
        ),
    )
    return attrs.evolve(known, **changes)


def desk(size: int = 8) -> Desk:
    return Desk(name="maker", ids=ClientOrderIds("x"), risk=Mailbox("risk", size), epochs={TERMS.venue: 1})


def asked(working: Desk) -> list[RiskMessage]:
    return working.risk.take_nowait()


async def look(working: Desk) -> list[View]:
    with trio.fail_after(5):
        return await working.views()


async def shown(working: Desk, **changes: object) -> View:
    working.show(market(**changes))
    return (await look(working))[0]


def changed(working: Desk, order: Order) -> None:
    working.tell(
        order.client_order_id,
        OrderChanged(order=order, venue=TERMS.venue, strategy="maker", source=Source.PUSH, as_of_ns=0),
    )


def placed(**changes: object) -> Order:
    command = PlaceOrder(client_order_id=X1, key=KEY, selection_id=HOME, price=Odds(110), size=1000)
    return attrs.evolve(Order.placed(command), **changes)


def of(working: View, *orders: Order) -> View:
    return attrs.evolve(working, orders=orders)


# --- a view ------------------------------------------------------------------------------------------------------


async def test_a_view_has_the_book(autojump_clock):
    view = await shown(desk())

    assert view.key == KEY
    assert view.selections == (HOME, AWAY)
    assert (view.live, view.in_play) == (True, False)
    assert view.best(HOME) == Level(Odds(-110), 2000)
    assert view.best(SelectionId("another")) is None


async def test_the_fair_price_is_the_middle_of_what_others_buy_and_sell_at(autojump_clock):
    view = await shown(desk())

    assert view.fair(HOME) == (Fraction(110, 210) + 1 - Fraction(105, 205)) / 2
    assert view.fair(HOME) + view.fair(AWAY) == 1
    assert view.fair(SelectionId("another")) is None


async def test_our_own_orders_are_taken_out_of_the_levels(autojump_clock):
    view = await shown(desk())
    ours = placed(status=OrderStatus.OPEN, selection_id=AWAY, price=Odds(110))  # shows on HOME at -110, 1100 takeable

    assert of(view, ours).levels(HOME) == (Level(Odds(-110), 900), Level(Odds(-115), 3000))
    assert of(view, attrs.evolve(ours, filled=500)).levels(HOME)[0] == Level(Odds(-110), 1450)
    assert of(view, attrs.evolve(ours, status=OrderStatus.NEW)).levels(HOME)[0] == Level(Odds(-110), 2000)
    assert of(view, attrs.evolve(ours, size=1818)).levels(HOME) == (Level(Odds(-115), 3000),)
    assert of(view, ours).levels(AWAY) == view.levels(AWAY)


async def test_the_net_position_counts_both_selections(autojump_clock):
    view = await shown(desk())

    held = attrs.evolve(view, stakes=(Stakes(micro(1000), micro(1100)), Stakes(micro(400), micro(300))))

    assert held.net_micro(HOME) == micro((1100 - 400) - (300 - 1000))
    assert held.net_micro(AWAY) == -held.net_micro(HOME)


async def test_a_market_of_three_outcomes_has_no_net_position(autojump_clock):
    sides = tuple(Side(selection_id=SelectionId(each)) for each in ("home", "draw", "away"))

    view = await shown(desk(), sides=sides)

    assert view.net_micro(HOME) == 0
    assert view.fair(HOME) is None


# --- seeing ------------------------------------------------------------------------------------------------------


async def test_a_desk_sees_the_newest_book_with_every_change_since_the_last(autojump_clock):
    working = desk()
    first = LiquidityChange(HOME, Odds(-110), 100, Cause.ADDED)
    second = LiquidityChange(HOME, Odds(-110), 50, Cause.TRADED)

    working.show(market(changes=(first,)))
    view = await shown(working, changes=(second,), status=BookStatus.STALE)

    assert view.market.changes == (first, second)
    assert not view.live


async def test_changes_that_nobody_looks_at_do_not_pile_up(autojump_clock):
    working = desk()
    for _ in range(MAX_CHANGES + 10):
        working.show(market(changes=(LiquidityChange(HOME, Odds(-110), 100, Cause.ADDED),)))

    assert len((await look(working))[0].market.changes) == MAX_CHANGES


async def test_fills_are_seen_once(autojump_clock):
    working = desk()
    await shown(working)
    fill, more = Fill(300, Odds(110)), Fill(200, Odds(115))
    changed(working, placed(status=OrderStatus.OPEN, filled=300, fills=(fill,)))
    first = await look(working)
    changed(working, placed(status=OrderStatus.OPEN, filled=500, fills=(fill, more)))
    second = await look(working)
    changed(working, placed(status=OrderStatus.CANCELLED, filled=500, fills=(Fill(500, Odds(112)),)))
    exact = await look(working)

    assert [view.fills for view in (*first, *second, *exact)] == [((HOME, fill),), ((HOME, more),), ()]
    assert exact[0].stakes[0] == Stakes(micro(500), micro(560))
    assert working.orders == {}


async def test_an_order_that_ended_is_seen_once_with_the_venues_reason(autojump_clock):
    working = desk()
    await shown(working)
    order = placed()
    changed(working, order)
    await look(working)
    refused = order.move(OrderStatus.REJECTED, "insufficient_amount")

    changed(working, refused)
    (first,) = await look(working)
    changed(working, refused)
    (again,) = await look(working)

    assert first.ended == (refused,)
    assert first.ended[0].reason == "insufficient_amount"
    assert again.ended == ()


async def test_news_of_a_market_that_was_never_shown_wait_for_it(autojump_clock):
    working = desk()
    changed(working, placed(status=OrderStatus.FILLED, filled=1000, fills=(Fill(1000, Odds(110)),)))
    with trio.move_on_after(1) as nothing:
        await working.views()

    view = await shown(working)

    assert nothing.cancelled_caught
    assert view.fills == ((HOME, Fill(1000, Odds(110))),)


async def test_of_too_many_markets_the_dead_ones_without_an_order_are_forgotten(autojump_clock):
    working = desk()
    await shown(working)
    working.place(KEY, HOME, Odds(110), 1000)
    dead = [BookKey(EventId(1_000 + number), MarketId(219), Strike(0)) for number in range(MAX_VIEWS)]
    for key in (KEY, *dead):
        working.show(market(key, status=BookStatus.SUSPENDED))
    await look(working)
    before = len(working.markets)

    working.show(market(NEW))
    await look(working)

    assert before == MAX_VIEWS + 1
    assert list(working.markets) == [KEY, NEW]


async def test_every_market_is_looked_at_again_when_a_session_comes(autojump_clock):
    working = desk()
    await shown(working)
    await shown(working, key=OTHER)

    working.connect(TERMS.venue, None)
    working.connect(TERMS.venue, 2)
    views = await look(working)

    assert working.epochs == {TERMS.venue: 2}
    assert {view.key for view in views} == {KEY, OTHER}


async def test_a_book_that_waits_is_not_overwritten_by_a_connection(autojump_clock):
    working = desk()
    await shown(working)
    working.show(market(epoch=2))

    working.connect(TERMS.venue, 2)

    assert [view.market.epoch for view in await look(working)] == [2]


# --- asking ------------------------------------------------------------------------------------------------------


async def test_an_order_that_is_asked_for_is_seen_at_once(autojump_clock):
    working = desk()
    await shown(working)

    name = working.place(KEY, HOME, Odds(110), 1000, TimeInForce.POST_ONLY)

    assert name == X1
    assert asked(working) == [
        Intent(strategy="maker", order=attrs.evolve(_command(), time_in_force=TimeInForce.POST_ONLY))
    ]
    assert [order.status for order in working.view(KEY).orders] == [OrderStatus.NEW]


def _command() -> PlaceOrder:
    return PlaceOrder(client_order_id=X1, key=KEY, selection_id=HOME, price=Odds(110), size=1000)


async def test_a_denied_order_is_gone_and_its_reason_seen_once(autojump_clock):
    working = desk()
    await shown(working)
    working.place(KEY, HOME, Odds(110), 1000)

    working.tell(X1, IntentDenied(client_order_id=X1, key=KEY, reason=DenialReason.HALTED))
    first, again = (await look(working))[0], working.view(KEY)

    assert (first.denied, again.denied) == ((DenialReason.HALTED,), ())
    assert first.orders == ()
    assert first.stakes == (Stakes(), Stakes())


async def test_an_order_that_risk_has_no_room_for_is_denied(autojump_clock):
    working = desk(size=1)
    await shown(working)
    working.place(KEY, HOME, Odds(110), 1000)
    working.place(KEY, HOME, Odds(115), 1000)

    (view,) = await look(working)

    assert view.denied == (DenialReason.QUEUE_FULL,)
    assert [order.price for order in view.orders] == [110]


async def test_a_cancel_is_asked_for_and_remembered(autojump_clock):
    working = desk()
    await shown(working)
    working.place(KEY, HOME, Odds(110), 1000)
    asked(working)

    working.cancel(X1)
    working.cancel(ClientOrderId("x-9"))
    changed(working, placed(status=OrderStatus.OPEN))  # told before our wish arrived
    (view,) = await look(working)

    assert asked(working) == [CancelIntent(strategy="maker", client_order_id=X1, key=KEY)]
    assert [order.cancel_wanted for order in view.orders] == [True]


async def test_halt_and_kill_go_to_risk_with_a_reason(autojump_clock):
    working = desk()

    working.halt()
    working.kill("the model has gone mad")

    assert asked(working) == [Halt("strategy maker"), Kill("the model has gone mad")]


# --- quoting -----------------------------------------------------------------------------------------------------


async def test_quotes_become_orders_once(autojump_clock):
    working = desk()
    await shown(working)

    working.quote(KEY, [QUOTE])
    working.quote(KEY, [QUOTE])

    assert asked(working) == [Intent(strategy="maker", order=_command())]


async def test_quotes_that_are_no_longer_wanted_are_cancelled(autojump_clock):
    working = desk()
    await shown(working)
    working.quote(KEY, [QUOTE])
    asked(working)

    working.quote(KEY, [])

    assert asked(working) == [CancelIntent(strategy="maker", client_order_id=X1, key=KEY)]


@pytest.mark.parametrize("changes", [{"epoch": 2}, {"status": BookStatus.STALE}])
async def test_a_book_that_cannot_be_believed_gets_no_order_but_cancels(autojump_clock, changes):
    working = desk()
    await shown(working)
    working.quote(KEY, [QUOTE])
    asked(working)
    await shown(working, **changes)

    working.quote(KEY, [attrs.evolve(QUOTE, selection_id=AWAY)])

    assert asked(working) == [CancelIntent(strategy="maker", client_order_id=X1, key=KEY)]


async def test_a_denied_selection_rests_a_second(autojump_clock):
    working = desk()
    await shown(working)
    working.quote(KEY, [QUOTE])
    working.tell(X1, IntentDenied(client_order_id=X1, key=KEY, reason=DenialReason.RATE_BUDGET))
    await look(working)
    asked(working)

    working.quote(KEY, [QUOTE])
    early = asked(working)
    await trio.sleep(DENIED_REST_S)
    working.quote(KEY, [QUOTE])

    assert early == []
    assert len(asked(working)) == 1


async def test_a_pure_function_is_a_strategy(autojump_clock):
    working = desk()
    seen: list[View] = []

    def quote(view: View) -> list[Quote]:
        seen.append(view)
        return [QUOTE]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(quoting(quote), working)
        working.show(market())
        await trio.sleep(1)
        changed(working, placed(status=OrderStatus.OPEN))
        await trio.sleep(1)
        nursery.cancel_scope.cancel()

    assert [view.key for view in seen] == [KEY, KEY]
    assert asked(working) == [Intent(strategy="maker", order=_command())]
