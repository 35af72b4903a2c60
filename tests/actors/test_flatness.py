from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import trio

from actors.flatness import cancel_everything, prove_flat
from actors.messages import AnswerLost
from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.events import OrderReported, OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, Strike, VenueOrderId
from protocol.odds import Odds
from protocol.prophetx.rest import ProphetXRest
from protocol.prophetx.wire import Dialect
from protocol.venue import Call, OrderPage

EPOCH_NS = 1_790_000_000 * 10**9
REST = ProphetXRest(Dialect.V4)
FAILURES = [
    VenueError(code="internal_error", status=500, policy=Policy.OUTCOME_UNKNOWN),
    AnswerLost("none"),
    RemoteProtocolError("half a body"),
]


def wall_ns() -> int:
    return EPOCH_NS + int(trio.current_time() * 1e9)


def order(status: OrderStatus | None) -> OrderReported:
    return OrderReported(
        venue_order_id=VenueOrderId("v1"),
        client_order_id=ClientOrderId("x-1"),
        key=BookKey(EventId(1), MarketId(219), Strike(0)),
        selection_id=SelectionId("home"),
        price=Odds(110),
        size=1000,
        filled=0,
        status=status,
    )


class Venue:
    """Answer each call with the next answer; the last one serves for ever."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def ask(self, call: Call[Any], /, sending: Callable[[], None] = lambda: None) -> Any:
        await trio.lowlevel.checkpoint()
        self.asked.append(call.request.path)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def page(*orders: OrderReported, synced_s: float | None = 1000.0) -> OrderPage:
    return OrderPage(orders=orders, synced_at_ns=None if synced_s is None else EPOCH_NS + int(synced_s * 1e9))


async def proved(venue: Venue) -> bool:
    with trio.move_on_after(30) as deadline:
        await prove_flat(venue.ask, REST, EPOCH_NS, wall_ns)
    return not deadline.cancelled_caught


@pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.FILLED])
async def test_an_account_where_nothing_can_match_is_flat(autojump_clock, status):
    venue = Venue(page(order(status)))

    assert await proved(venue)
    assert ["inactive" in path or "open" in path for path in venue.asked] == [True, True, True]


@pytest.mark.parametrize("wrong_s", [3600.0, 30.0, -30.0, -3600.0])
async def test_a_clock_that_is_put_right_meanwhile_proves_nothing_and_keeps_nothing_from_being_proved(
    autojump_clock, wrong_s
):
    venue = Venue(page(order(OrderStatus.CANCELLED), synced_s=1.0))
    wrong_ns = int(wrong_s * 1e9)

    def put_right_after_an_answer() -> int:
        return wall_ns() + (0 if venue.asked else wrong_ns)

    with trio.move_on_after(30) as deadline:
        await prove_flat(venue.ask, REST, EPOCH_NS, put_right_after_an_answer)

    assert not deadline.cancelled_caught
    times = [int(value) for path in venue.asked for key, value in parse_qsl(urlsplit(path).query) if key == "to"]
    assert times[-1] >= EPOCH_NS // 10**9


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.PENDING, None])
async def test_an_order_that_may_match_is_not_flat(autojump_clock, status):
    assert not await proved(Venue(page(order(status))))


async def test_it_looks_again_until_nothing_rests(autojump_clock):
    venue = Venue(page(order(OrderStatus.OPEN)), *FAILURES, page())

    assert await proved(venue)
    assert trio.current_time() == pytest.approx(0.4)  # what was lost is asked again at once, what is said is not


async def test_a_copy_from_before_the_question_proves_nothing(autojump_clock):
    await trio.sleep(5)

    assert not await proved(Venue(page(synced_s=4.9)))
    assert await proved(Venue(page(synced_s=None)))


async def test_cancelling_everything_is_repeated_until_the_venue_said_yes(autojump_clock):
    venue = Venue(*FAILURES, None)

    with trio.fail_after(30):
        await cancel_everything(venue.ask, REST, EPOCH_NS, wall_ns)

    assert len(venue.asked) == 4


async def test_nothing_to_cancel_is_a_yes(autojump_clock):
    venue = Venue(VenueError(code="no_cancellable_orders", status=404, policy=Policy.ALREADY_GONE))

    with trio.fail_after(30):
        await cancel_everything(venue.ask, REST, EPOCH_NS, wall_ns)

    assert len(venue.asked) == 1
