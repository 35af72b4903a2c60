"""The emergency stop, by itself; the others are told as stories."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio

from actors.decisions.ledger import ABSENCE_MARGIN_S, OrderLedger
from actors.messages import Intent, PlacingLost, PlacingStarted
from actors.safe_stop import STOP_S, SafeStop
from actors.tally import Tally
from protocol.commands import PlaceOrder
from protocol.errors import Policy, VenueError
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, SelectionId, Strike
from protocol.odds import Odds
from protocol.prophetx.rest import ProphetXRest
from protocol.prophetx.venue import ProphetX
from protocol.prophetx.wire import Dialect
from protocol.venue import Call, OrderPage

EPOCH_NS = 1_790_000_000 * 10**9
X1 = ClientOrderId("x-1")
UNUSED: Any = None  # in an emergency


def wall_ns() -> int:
    return EPOCH_NS + int(trio.current_time() * 1e9)


@attrs.define
class EmptyVenue:
    """A caller at a venue where nothing rests, and every copy is of this moment."""

    logged_in: trio.Event = attrs.field(factory=trio.Event)

    def hurry(self) -> None:
        self.logged_in.set()

    async def ask(self, call: Call[Any], /, sending: Callable[[], None] = lambda: None) -> Any:
        await trio.sleep(0.05)
        if "cancel" in call.request.path:
            raise VenueError(code="no_cancellable_orders", status=404, policy=Policy.ALREADY_GONE)
        return OrderPage(orders=(), synced_at_ns=wall_ns())


@pytest.mark.parametrize("lost", [False, True])
async def test_an_emergency_stop_is_not_flat_while_an_order_may_still_arrive(autojump_clock, lost):
    ledger = OrderLedger(traits=ProphetX().traits, ids=ClientOrderIds("x"), activation_timeout_s=10.0, tally=Tally())
    order = PlaceOrder(
        client_order_id=X1,
        key=BookKey(EventId("1"), MarketId("219"), Strike(0)),
        selection_id=SelectionId("home"),
        price=Odds(110),
        size=1000,
    )
    started = PlacingStarted(client_order_ids=(X1,), at_s=trio.current_time())
    answers = [PlacingLost(client_order_ids=(X1,), sent=True, reason="cut")] if lost else []
    for message in (Intent(strategy="maker", order=order), started, *answers):
        list(ledger.handle(message, trio.current_time(), wall_ns()))
    venue: Any = EmptyVenue()
    stop = SafeStop(
        traits=ledger.traits,
        rest=ProphetXRest(Dialect.V4),
        caller=venue,
        ledger=ledger,
        tracker=UNUSED,
        funds=UNUSED,
        inbox=UNUSED,
        compare=UNUSED,
        reckon=UNUSED,
        wall_ns=wall_ns,
    )
    began_s = trio.current_time()

    await stop.emergency()

    assert stop.flat
    assert ABSENCE_MARGIN_S <= trio.current_time() - began_s < STOP_S
