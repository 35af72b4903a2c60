"""Orders of ours can be told apart by what they look like, and nobody else's rest on the account."""

import attrs
import trio

from actors.exchange.satoriex.orders import Side, Ticket
from actors.messages import DenialReason
from actors.strategy import Desk
from protocol.prices import Probability
from protocol.satoriex.names import buying


@attrs.define(eq=False)
class Looker:
    """A strategy that looks on until a test uses its desk."""

    desk: Desk | None = None
    denied: list[DenialReason] = attrs.field(factory=list)

    async def __call__(self, desk: Desk) -> None:
        self.desk = desk
        while True:
            self.denied.extend(reason for view in await desk.views() for reason in view.denied)


def place_by_hand(scene, side, price_bp, shares):
    """Place an order for the bot's account past the bot."""
    floor = scene.exchange.floor
    market_id, outcome_id = str(scene.key.event_id), str(scene.key.market_id)
    ticket = Ticket(market_id=market_id, outcome_id=outcome_id, side=side, price_bp=price_bp, shares=shares)
    return floor.enter_at_once(floor.accounts["trader-1"], ticket, scene.exchange.wall_ns())


async def test_equal_orders_of_one_strategy_differ_by_a_share(autojump_clock, open_sx):
    async with open_sx() as scene:
        names = [scene.buy(4200, 100) for _ in range(3)]
        elsewhere = [scene.buy(4300, 100), scene.buy(4200, 100, scene.book(outcome=1))]
        await scene.until(lambda: {scene.status(each) for each in (*names, *elsewhere)} == {"open"})

        assert [scene.order(each).size for each in names] == [100, 99, 98]
        assert [scene.order(each).size for each in elsewhere] == [100, 100]
        assert {each.shares for each in scene.venue_orders.values()} == {98, 99, 100}


async def test_a_size_is_free_again_when_its_order_has_ended(autojump_clock, open_sx):
    async with open_sx() as scene:
        first = await scene.open_buy(4200, 100)
        scene.cancel(first)
        await scene.until(lambda: scene.status(first) == "cancelled")
        second = await scene.open_buy(4200, 100)

        assert scene.order(second).size == 100


async def test_a_twin_of_another_strategys_order_is_denied(autojump_clock, open_sx):
    one, two = Looker(), Looker()
    async with open_sx(strategies={"one": one, "two": two}) as scene:
        selection = buying(scene.key)
        first = one.desk.place(scene.key, selection, Probability(4200), 100)
        two.desk.place(scene.key, selection, Probability(4200), 100)
        await scene.until(lambda: two.denied and scene.status(first) == "open")
        third = two.desk.place(scene.key, selection, Probability(4200), 99)
        await scene.until(lambda: scene.status(third) == "open")

        assert (one.denied, two.denied) == ([], [DenialReason.INDISTINGUISHABLE])
        assert len(scene.placings) == 2


async def test_orders_that_rest_from_before_are_cancelled_before_the_first_one_leaves(autojump_clock, start_sx):
    def rest(scene):
        for price_bp in (3000, 3100, 3200):
            place_by_hand(scene, Side.BUY, price_bp, 10)

    async with start_sx(before=rest) as scene:
        await scene.until(lambda: scene.hand.desk is not None)
        names = []
        while not scene.placings:
            names.append(scene.buy(4200, 100))
            await trio.sleep(0.05)
        await scene.until(lambda: scene.status(names[-1]) == "open" or scene.status(names[-2]) == "open")

        gone = scene.asked("POST /orders/")
        assert len(gone) == 3
        assert max(gone) < scene.placings[0]
        *before, ours = [each.status.value for each in scene.venue_orders.values()]
        assert (before, ours) == (["cancelled"] * 3, "open")
        assert set(scene.hand.denied()) <= {DenialReason.NOT_READY, DenialReason.BOOK_NOT_LIVE}


async def test_a_stranger_that_appears_later_is_cancelled(autojump_clock, open_sx):
    async with open_sx() as scene:
        ours = await scene.open_buy(4200, 100)
        place_by_hand(scene, Side.BUY, 4100, 50)
        await scene.until(lambda: len([each for each in scene.venue_orders.values() if not each.can_match]) == 1, 20.0)

        assert scene.status(ours) == "open"
        assert len(scene.placings) == 1
