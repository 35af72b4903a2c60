"""A cancel that was answered is believed when the order was read again, and not before."""

import pytest
import trio

from actors.exchange.faults import Fault, Rule
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.messages import DenialReason

SLOW = SatoriexSettings(markets=1, crowd_actions_per_s=0, cancel_delay_s=(1.0, 1.0))  # the answer comes first


def reads(scene, name, since_s):
    return scene.asked(f"GET /orders/{scene.order(name).venue_order_id}", since_s)


async def test_risk_is_released_when_the_order_was_read_again_two_seconds_later(autojump_clock, open_sx):
    async with open_sx() as scene:
        name = await scene.open_buy(4200, 100)
        scene.cancel(name)
        held = []
        gone_s = await scene.until(
            lambda: (held.append(scene.bot.exposure_cents), scene.status(name) == "cancelled")[1]
        )

        (asked_s,) = scene.asked("POST /orders/")
        assert 2.0 <= gone_s - asked_s < 3.0
        assert reads(scene, name, asked_s + 2.0)
        assert set(held[:-1]) == {4200}
        assert scene.bot.exposure_cents == 0


@pytest.mark.parametrize("shares", [30, 100])
@pytest.mark.parametrize("deaf", [False, True], ids=["hinted", "deaf"])
async def test_a_fill_that_follows_the_answer_of_a_cancel_is_booked(autojump_clock, open_sx, shares, deaf):
    async with open_sx(SLOW) as scene:
        name = await scene.open_buy(4200, 100)
        if deaf:
            scene.add(Rule(fault=Fault.DROP))
        scene.cancel(name)
        await scene.until(lambda: scene.asked("POST /orders/"))
        await trio.sleep(0.5)  # it is answered, and the matcher does not know yet
        scene.ask(4200, shares)
        held = []
        await scene.until(lambda: (held.append(scene.bot.exposure_cents), not scene.order(name).can_match)[1])

        assert scene.status(name) == ("filled" if shares == 100 else "cancelled")
        assert (scene.filled(name), scene.tally.fill_shares) == (shares, shares)
        assert set(held[:-1]) == {4200}
        assert scene.bot.exposure_cents == 42 * shares


async def test_a_cancel_of_a_filled_order_books_the_fill(autojump_clock, open_sx):
    async with open_sx() as scene:
        name = await scene.open_buy(4200, 100)
        scene.add(Rule(fault=Fault.DROP))
        scene.ask(4200, 100)
        scene.cancel(name)
        await scene.until(lambda: scene.status(name) == "filled", 5.0)

        assert (scene.filled(name), len(scene.asked("POST /orders/"))) == (100, 1)


@pytest.mark.parametrize(
    "rule",
    [
        Rule(fault=Fault.LOST_REQUEST, where="cancel", times=1),
        Rule(fault=Fault.LOST_ANSWER, where="cancel", times=1),
        Rule(fault=Fault.SERVER_ERROR, where="cancel", times=1, code=500),
        Rule(fault=Fault.SERVER_ERROR, where="cancel", times=1, code=403),  # a page of the edge's
        Rule(fault=Fault.SERVER_ERROR_AFTER, where="cancel", times=1),
    ],
    ids=["request lost", "answer lost", "error before", "html", "error after"],
)
async def test_a_cancel_without_an_answer_is_made_again_until_the_order_is_gone(autojump_clock, open_sx, rule):
    async with open_sx() as scene:
        name = await scene.open_buy(4200, 100)
        scene.add(rule)
        scene.cancel(name)
        await scene.until(lambda: scene.status(name) == "cancelled", 15.0)

        assert scene.true_order(name).status.value == "cancelled"
        assert scene.bot.exposure_cents == 0


async def test_an_order_that_later_validation_cancels_holds_nothing_and_its_selection_rests(autojump_clock, open_sx):
    async with open_sx() as scene:
        scene.add(Rule(fault=Fault.INVALID_ORDER, times=1))
        name = scene.buy(4200, 100)
        await scene.until(lambda: scene.status(name) == "cancelled", 5.0)
        scene.buy(4200, 100)
        await scene.until(scene.hand.denied)
        other = await scene.open_buy(4200, 100, scene.book(outcome=1))
        await trio.sleep(5)
        again = await scene.open_buy(4200, 100)

        assert scene.asked("POST /orders/") == []
        assert scene.hand.denied() == [DenialReason.COOLING_DOWN]
        assert [scene.status(each) for each in (other, again)] == ["open", "open"]
        assert scene.bot.exposure_cents == 4200  # one of the two wins


async def test_a_selection_whose_orders_fail_again_rests_longer(autojump_clock, open_sx):
    async with open_sx() as scene:
        scene.add(Rule(fault=Fault.INVALID_ORDER, times=2))
        for wait_s in (6.0, 6.0):
            name = scene.buy(4200, 100)
            await scene.until(lambda name=name: scene.status(name) == "cancelled", 5.0)
            await trio.sleep(wait_s)
        scene.buy(4200, 100)
        await scene.until(scene.hand.denied)

        assert (len(scene.placings), scene.hand.denied()) == (2, [DenialReason.COOLING_DOWN])


async def test_an_order_is_cancelled_while_it_is_pending(autojump_clock, open_sx):
    async with open_sx(SatoriexSettings(markets=1, crowd_actions_per_s=0, match_delay_s=(3.0, 3.0))) as scene:
        name = scene.buy(4200, 100)
        await scene.until(lambda: scene.status(name) == "pending")
        scene.cancel(name)
        scene.ask(4200, 100)
        await scene.until(lambda: scene.status(name) == "cancelled")

        assert (scene.filled(name), scene.bot.exposure_cents) == (0, 0)


# --- a socket that is gone ---


def refuse_sockets(scene):
    scene.alter("GET /ws", lambda _: (503, b'{"code": 50000, "msg": "no", "data": null}'), times=10**6)
    scene.exchange.disconnect()


@pytest.mark.parametrize("gone_s", [1.0, 5.0])
async def test_a_socket_that_is_gone_for_less_than_15_s_leaves_the_orders_resting(autojump_clock, open_sx, gone_s):
    async with open_sx() as scene:
        name = await scene.open_buy(4200, 100)
        scene.story.reachable = False
        scene.exchange.disconnect()
        await trio.sleep(gone_s)
        scene.story.reachable = True
        await scene.until(lambda: scene.tally.sessions_started == 2, 14.9 - gone_s)
        await trio.sleep(20)

        assert (scene.status(name), scene.asked("POST /orders/")) == ("open", [])


async def test_a_socket_that_is_gone_for_longer_has_everything_cancelled(autojump_clock, open_sx):
    async with open_sx() as scene:
        names = [await scene.open_buy(4200 + each, 100) for each in range(3)]
        lost_s = trio.current_time()
        refuse_sockets(scene)
        await scene.until(lambda: {scene.status(each) for each in names} == {"cancelled"}, 20.0)
        gone = scene.asked("POST /orders/")
        scene.alterations.clear()

        assert len(gone) == 3
        assert gone[0] - lost_s == pytest.approx(15.0, abs=0.5)


async def test_a_fill_while_the_socket_is_gone_is_found_by_the_poll(autojump_clock, open_sx):
    async with open_sx() as scene:
        name = await scene.open_buy(4200, 100)
        refuse_sockets(scene)
        scene.ask(4200, 40)
        await scene.until(lambda: scene.filled(name) == 40, 16.0)
        scene.alterations.clear()

        assert scene.tally.sessions_started == 1
