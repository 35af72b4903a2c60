"""Placing and cancelling share what the venue allows in a minute, and cancels always have some of it left."""

import attrs
import pytest
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.satoriex.choices import WireChoices
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.messages import DenialReason
from actors.strategy import Desk, Quote
from protocol.prices import Probability
from protocol.satoriex.names import buying, selling

PLACED, CALLS = 17, 27  # a minute: what orders may use, and what they and cancels may use together
PATIENT_S = 600.0  # no bound on how long it takes to get flat

CANCELS, PLACINGS = "POST /orders/", "POST /orders"


def quiet(**wire):
    return SatoriexSettings(markets=1, crowd_actions_per_s=0, wire=WireChoices(**wire))


@attrs.define(eq=False)
class Quoting:
    """A strategy that wants what a test told it, in all markets, at every look."""

    wanted: dict = attrs.field(factory=dict)
    views: dict = attrs.field(factory=dict)
    desk: Desk | None = None

    async def __call__(self, desk: Desk) -> None:
        self.desk = desk
        while True:
            self.views.update({view.key: view for view in await desk.views()})
            for key, quotes in self.wanted.items():
                desk.quote(key, quotes)


def bid_for(key, price_bp, shares):
    return Quote(selection_id=buying(key), price=Probability(price_bp), size=shares)


async def spend(scene, desk, orders):
    """Use a part of the budget in the book of the other outcome, no faster than requests may go out."""
    key = scene.book(outcome=1)
    names = []
    for each in range(orders):
        names.append(desk.place(key, buying(key), Probability(4000 + each), 10))
        await trio.sleep(0.4)
    await scene.until(lambda: len(scene.placings) >= orders or len(scene.placings) == PLACED)
    return names


# --- the budget ---


async def test_seventeen_orders_leave_in_a_minute(autojump_clock, open_sx):
    async with open_sx(quiet(), time_to_flat_s=PATIENT_S, limit_s=2000.0) as scene:
        names = await spend(scene, scene.desk, 20)
        first_s = scene.placings[0]
        await trio.sleep(first_s + 59 - trio.current_time())
        early = len(scene.placings)
        await trio.sleep(2)
        again = scene.buy(4100, 10)
        await scene.until(lambda: scene.status(again) == "open")

        assert early == PLACED
        assert [scene.status(each) for each in names] == ["open"] * PLACED + [""] * 3
        assert scene.hand.denied() == [DenialReason.RATE_BUDGET] * 3


async def test_cancels_still_leave_when_no_order_may(autojump_clock, open_sx):
    async with open_sx(quiet(), time_to_flat_s=PATIENT_S, limit_s=2000.0) as scene:
        names = await spend(scene, scene.desk, PLACED)
        await scene.until(lambda: {scene.status(each) for each in names} == {"open"})
        first_s = scene.placings[0]
        for name in names:
            scene.cancel(name)
        await scene.until(lambda: scene.asked(CANCELS))
        refused = scene.buy(4500, 10)
        await trio.sleep(first_s + 59 - trio.current_time())
        in_time = scene.asked(CANCELS)
        await scene.until(lambda: {scene.status(each) for each in names} == {"cancelled"}, 70.0)

        assert len(in_time) == CALLS - PLACED
        assert in_time[-1] - in_time[0] < 2.0
        assert (scene.status(refused), scene.hand.denied()) == ("", [DenialReason.RATE_BUDGET])
        assert len(scene.asked(CANCELS)) == PLACED


async def test_cancels_use_what_orders_could(autojump_clock, open_sx):
    async with open_sx(quiet(), time_to_flat_s=PATIENT_S, limit_s=2000.0) as scene:
        for each in range(8):
            name = await scene.open_buy(4000 + each, 10)
            scene.cancel(name)
            await scene.until(lambda name=name: scene.status(name) == "cancelled")
        last = scene.buy(4100, 10)
        over = scene.buy(4101, 10)
        await scene.until(scene.hand.denied)
        await scene.until(lambda: scene.status(last) == "open")

        assert (scene.status(over), scene.hand.denied()) == ("", [DenialReason.RATE_BUDGET])
        assert (len(scene.placings), len(scene.asked(CANCELS))) == (9, 8)  # 17 calls in all


async def test_a_bot_that_obeys_the_budget_is_never_refused_by_the_venue(autojump_clock, open_sx):
    async with open_sx(quiet(), time_to_flat_s=PATIENT_S, limit_s=2000.0) as scene:
        live = []
        for each in range(240):
            live.append(scene.buy(4000 + each, 10))
            if len(live) > 3:
                scene.cancel(live.pop(0))
            await trio.sleep(0.5)

        calls = sorted(scene.asked(PLACINGS))  # a cancel's path begins like a placing's
        busiest = max(sum(start <= each < start + 60 for each in calls) for start in calls)
        assert (scene.tally.rejected, busiest <= CALLS) == (0, True)


# --- a 429 ---


@pytest.mark.parametrize(("says", "hold_s"), [(True, 7.0), (False, 60.0)])
async def test_a_429_stops_placing_for_as_long_as_it_says_and_for_a_minute_otherwise(
    autojump_clock, open_sx, says, hold_s
):
    async with open_sx(quiet(retry_after=says), limit_s=2000.0) as scene:
        scene.add(Rule(fault=Fault.THROTTLE, where="place", times=1, delay_s=7.0))
        refused = scene.buy(4000, 10)
        refused_s = await scene.until(lambda: scene.status(refused) == "rejected")
        await trio.sleep(hold_s - 0.2)
        scene.buy(4000, 10, scene.book(outcome=1))
        await scene.until(scene.hand.denied, 0.1)
        reads = scene.asked("GET /", refused_s)
        await trio.sleep(0.2)
        after = await scene.open_buy(4000, 10, scene.book(outcome=1))

        assert scene.hand.denied() == [DenialReason.RATE_BUDGET]
        assert len(scene.placings) == 2
        assert reads  # nothing else is held
        assert scene.status(after) == "open"


async def test_a_429_on_placing_does_not_stop_reads(autojump_clock, open_sx):
    async with open_sx(quiet(retry_after=False)) as scene:
        name = await scene.open_buy(4000, 10)
        scene.add(Rule(fault=Fault.THROTTLE, where="place", times=1))
        refused = scene.buy(4100, 10)
        await scene.until(lambda: scene.status(refused) == "rejected")
        scene.ask(4000, 10)
        filled_s = trio.current_time()
        await scene.until(lambda: scene.status(name) == "filled", 1.0)

        assert scene.asked(f"GET /orders/{scene.order(name).venue_order_id}", filled_s)


# --- time to flat ---


async def test_an_order_that_would_take_too_long_to_cancel_is_denied(autojump_clock, open_sx):
    async with open_sx(quiet(), time_to_flat_s=20.0) as scene:
        names = [await scene.open_buy(4000 + each, 10) for each in range(7)]
        eighth = scene.buy(4100, 10)
        await scene.until(scene.hand.denied)

        assert {scene.status(each) for each in names} == {"open"}
        assert (scene.status(eighth), scene.hand.denied()) == ("", [DenialReason.TIME_TO_FLAT])


async def test_orders_that_leave_together_count_for_the_time_to_flat_as_well(autojump_clock, open_sx):
    async with open_sx(quiet(), time_to_flat_s=20.0) as scene:
        names = [scene.buy(4000 + each, 10) for each in range(12)]
        await scene.until(lambda: len(scene.hand.denied()) + len(scene.placings) == len(names))
        live = len(scene.placings)

        assert set(scene.hand.denied()) == {DenialReason.TIME_TO_FLAT}
        assert live * 60.0 / (30 - live) <= 20.0


async def test_a_cancelled_order_makes_room(autojump_clock, open_sx):
    async with open_sx(quiet(), time_to_flat_s=6.0) as scene:
        names = [await scene.open_buy(4000 + each, 10) for each in range(2)]
        scene.buy(4100, 10)
        await scene.until(scene.hand.denied)
        scene.cancel(names[0])
        await scene.until(lambda: scene.status(names[0]) == "cancelled")
        third = await scene.open_buy(4100, 10)

        assert scene.hand.denied() == [DenialReason.TIME_TO_FLAT]
        assert scene.status(third) == "open"


# --- what a strategy is told, and what leaves first ---


async def test_a_view_tells_what_a_requote_costs(autojump_clock, open_sx):
    async with open_sx(quiet()) as scene:
        await scene.open_buy(4000, 10)
        view = scene.desk.view(scene.key)

        same, moved = bid_for(scene.key, 4000, 10), bid_for(scene.key, 4100, 10)
        sale = Quote(selection_id=selling(scene.key), price=Probability(5000), size=10)
        assert view.calls_left == PLACED - 1
        assert [view.calls_for(each) for each in ((same,), (same, sale), (moved,), ())] == [0, 1, 1, 1]


async def test_quotes_of_several_markets_wait_for_each_other_and_the_most_valuable_leave_first(autojump_clock, open_sx):
    settings = SatoriexSettings(markets=4, crowd_actions_per_s=0)
    quoting = Quoting()
    async with open_sx(settings, strategies={"quoting": quoting}, time_to_flat_s=PATIENT_S, limit_s=2000.0) as scene:
        keys = [scene.book(market=each) for each in range(4)]
        for key in keys:
            scene.bid(3000, 1000, key)
            scene.ask(5000, 1000, key)
        await scene.until(lambda: all(len(scene.view(key).sides[0].levels) == 1 for key in keys))
        await spend(scene, quoting.desk, PLACED - 2)
        prices = dict(zip(keys, (3900, 3600, 3800, 3500), strict=True))
        quoting.wanted = {key: (bid_for(key, price_bp, 100),) for key, price_bp in prices.items()}
        for key in keys:
            scene.bid(2900, 10, key)  # so that every market is looked at again
        await scene.until(lambda: len(scene.placings) == PLACED)
        await trio.sleep(5)
        there = {each.market_id for each in scene.venue_orders.values() if each.shares == 100}

        assert there == {str(keys[1].event_id), str(keys[3].event_id)}  # what is fair is 40 %: the cheapest gain most


async def test_a_quote_that_is_replaced_before_it_could_leave_never_does(autojump_clock, open_sx):
    quoting = Quoting()
    async with open_sx(quiet(), strategies={"quoting": quoting}, time_to_flat_s=PATIENT_S, limit_s=2000.0) as scene:
        scene.bid(3000, 1000)
        scene.ask(5000, 1000)
        await scene.until(lambda: len(scene.view().sides[0].levels) == 1)
        await spend(scene, quoting.desk, PLACED)
        for price_bp in (3500, 3600, 3700):
            quoting.wanted = {scene.key: (bid_for(scene.key, price_bp, 100),)}
            scene.bid(2900 - price_bp // 100, 10)
            await trio.sleep(5)
        await scene.until(lambda: len(scene.placings) > PLACED, 70.0)

        assert [each.price_bp for each in scene.venue_orders.values() if each.shares == 100] == [3700]
