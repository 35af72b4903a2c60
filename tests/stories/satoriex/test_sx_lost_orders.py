"""An order whose answer was lost is found once, or proved absent; it is never placed twice, and never forgotten."""

import pytest
import structlog.testing
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.satoriex.choices import WireChoices
from actors.exchange.satoriex.orders import Side, Ticket
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.messages import DenialReason, OrdersDoubted


def quiet(**wire):
    return SatoriexSettings(markets=1, crowd_actions_per_s=0, wire=WireChoices(**wire))


def lists(scene, since_s=0.0):
    """Return when the orders were listed."""
    return [
        each.at_s
        for each in scene.story.requests
        if (each.method, each.path) == ("GET", "/orders") and each.at_s >= since_s
    ]


def place_by_hand(scene, price_bp, shares):
    """Place a purchase for the bot's account past the bot."""
    floor, now_ns = scene.exchange.floor, scene.exchange.wall_ns()
    market_id, outcome_id = str(scene.key.event_id), str(scene.key.market_id)
    ticket = Ticket(market_id=market_id, outcome_id=outcome_id, side=Side.BUY, price_bp=price_bp, shares=shares)
    return floor.enter_at_once(floor.accounts["trader-1"], ticket, now_ns)


ARRIVED = {
    "answer lost": Rule(fault=Fault.LOST_ANSWER, where="place", times=1),
    "answer lost after a silence": Rule(fault=Fault.LOST_ANSWER, where="place", times=1, delay_s=20.0),
    "error after": Rule(fault=Fault.SERVER_ERROR_AFTER, where="place", times=1),
}
NEVER_ARRIVED = {
    "request lost": Rule(fault=Fault.LOST_REQUEST, where="place", times=1),
    "error before": Rule(fault=Fault.SERVER_ERROR, where="place", times=1, code=500),
    "html": Rule(fault=Fault.SERVER_ERROR, where="place", times=1, code=502),
    "html that forbids": Rule(fault=Fault.SERVER_ERROR, where="place", times=1, code=403),
}


@pytest.mark.parametrize("rule", ARRIVED.values(), ids=ARRIVED.keys())
@pytest.mark.parametrize("deaf", [False, True], ids=["hinted", "deaf"])
async def test_an_order_that_arrived_is_found_once_in_the_list(autojump_clock, open_sx, rule, deaf):
    async with open_sx(quiet(), *([Rule(fault=Fault.DROP)] if deaf else [])) as scene:
        scene.add(rule)
        with structlog.testing.capture_logs() as logs:
            name = scene.buy(4200, 100)
            await scene.until(lambda: scene.status(name) == "open", 15.0)
            await trio.sleep(90)

        told = [each["event"] for each in logs if "order" in each and each["log_level"] != "info"]
        assert told == ["order_outcome_unknown", "lost_order_found"]
        assert len(scene.placings) == 1
        assert list(scene.venue_orders) == [scene.order(name).venue_order_id]
        assert (scene.status(name), scene.bot.exposure_cents) == ("open", 4200)


@pytest.mark.parametrize("deaf", [False, True], ids=["by what the socket hinted", "by what the account holds"])
async def test_an_order_that_was_filled_is_found_where_only_active_ones_are_listed(autojump_clock, open_sx, deaf):
    async with open_sx(quiet(closed_listed=False)) as scene:
        scene.ask(4200, 100)
        await scene.until(lambda: scene.live() and scene.view().sides[0].levels)
        lost = Rule(fault=Fault.LOST_ANSWER, where="place", times=1, delay_s=4.0)
        scene.add(lost, *([Rule(fault=Fault.DROP)] if deaf else []))
        name = scene.buy(4200, 100)
        held = []
        await scene.until(lambda: (held.append(scene.bot.exposure_cents), scene.status(name) == "filled")[1])

        assert set(held[1:]) == {4200}
        assert (scene.filled(name), scene.tally.fill_shares, len(scene.placings)) == (100, 100, 1)
        assert (scene.order(name).venue_order_id is None) == deaf


@pytest.mark.parametrize("rule", NEVER_ARRIVED.values(), ids=NEVER_ARRIVED.keys())
async def test_an_order_that_never_arrived_is_absent_when_long_enough_no_list_shows_it(autojump_clock, open_sx, rule):
    async with open_sx(quiet(), absence_after_s=40.0) as scene:
        scene.add(rule)
        name = scene.buy(4200, 100)
        lost_s = await scene.until(lambda: scene.status(name) == "unknown")
        held = []
        absent_s = await scene.until(
            lambda: (held.append(scene.bot.exposure_cents), scene.status(name) == "absent")[1], 100.0
        )

        assert 40.0 <= absent_s - lost_s < 60.0
        assert set(held[:-1]) == {4200}
        assert scene.bot.exposure_cents == 0
        assert len([each for each in lists(scene, lost_s) if each < absent_s]) >= 3
        assert (len(scene.placings), scene.venue_orders) == (1, {})


@pytest.mark.parametrize("where", ["balance", "positions"])
async def test_nothing_is_absent_before_the_accounts_money_says_so(autojump_clock, open_sx, where):
    async with open_sx() as scene:
        scene.add(Rule(fault=Fault.LOST_REQUEST, where="place", times=1))
        scene.add(Rule(fault=Fault.SERVER_ERROR, where=where))
        name = scene.buy(4200, 100)
        await scene.until(lambda: scene.status(name) == "unknown")
        await trio.sleep(60)
        unproved = scene.status(name)
        scene.exchange.faults.clear()
        await scene.until(lambda: scene.status(name) == "absent", 20.0)

        assert unproved == "unknown"


async def test_nothing_is_absent_before_the_orders_were_listed(autojump_clock, open_sx):
    async with open_sx() as scene:
        scene.add(Rule(fault=Fault.LOST_REQUEST, where="place", times=1))
        scene.add(Rule(fault=Fault.SERVER_ERROR, where="orders"))
        name = scene.buy(4200, 100)
        await scene.until(lambda: scene.status(name) == "unknown")
        await trio.sleep(60)
        unproved = scene.status(name)
        scene.exchange.faults.clear()
        await scene.until(lambda: scene.status(name) == "absent", 30.0)

        assert unproved == "unknown"


async def test_a_list_that_lags_is_no_proof_of_absence(autojump_clock, open_sx):
    deaf = Rule(fault=Fault.DROP)
    async with open_sx(quiet(list_lag_s=30.0), deaf, absence_after_s=8.0) as scene:
        scene.add(Rule(fault=Fault.LOST_ANSWER, where="place", times=1))
        name = scene.buy(4200, 100)
        seen = []
        await scene.until(lambda: (seen.append(scene.status(name)), seen[-1] in ("pending", "open"))[1])
        await scene.until(lambda: scene.status(name) == "open")

        assert set(seen[:-1]) <= {"", "new", "unknown"}
        assert (len(scene.placings), len(scene.venue_orders)) == (1, 1)
        assert scene.bot.exposure_cents == 4200
        await trio.sleep(35)  # for the list to show what the stop cancels


async def test_no_order_on_its_selection_leaves_while_one_is_unknown(autojump_clock, open_sx):
    async with open_sx() as scene:
        scene.add(Rule(fault=Fault.LOST_REQUEST, where="place", times=1))
        name = scene.buy(4200, 100)
        await scene.until(lambda: scene.status(name) == "unknown")
        scene.buy(4300, 50)
        await scene.until(scene.hand.denied)
        other = await scene.open_buy(4200, 100, scene.book(outcome=1))
        await scene.until(lambda: scene.status(name) == "absent")
        again = await scene.open_buy(4200, 100)

        assert scene.hand.denied() == [DenialReason.OUTCOME_UNKNOWN]
        assert [scene.status(each) for each in (other, again)] == ["open", "open"]
        assert len(scene.placings) == 3


async def test_two_orders_that_both_look_like_the_lost_one_are_cancelled(autojump_clock, open_sx):
    async with open_sx() as scene:
        with structlog.testing.capture_logs() as logs:
            scene.add(Rule(fault=Fault.LOST_ANSWER, where="place", times=1))
            place_by_hand(scene, 4200, 100)
            scene.buy(4200, 100)
            await scene.until(lambda: len(scene.venue_orders) == 2)
            await scene.until(lambda: not any(each.can_match for each in scene.venue_orders.values()))
            await scene.until(lambda: scene.bot.exposure_cents == 0)

        errors = [each["event"] for each in logs if each["log_level"] == "error"]
        assert errors == ["orders_ambiguous"]
        assert {each.status.value for each in scene.venue_orders.values()} == {"cancelled"}
        assert len(scene.placings) == 1


async def test_what_can_prove_absence_is_read_again_when_something_was_in_doubt_meanwhile(autojump_clock, start_sx):
    slow = Rule(fault=Fault.SLOW_ANSWER, where="balance", delay_s=0.5, times=3)
    async with start_sx(quiet(), slow, poll_s=600.0) as scene:
        await scene.until(lambda: len(scene.asked("GET /wallet/balance")) == 2)
        scene.seat.inbox.put(OrdersDoubted("a frame that cannot be read"))
        await scene.bot.ready.wait()
        scene.add(NEVER_ARRIVED["request lost"])
        name = scene.buy(4200, 100)

        await scene.until(lambda: scene.status(name) == "absent", 40.0)
