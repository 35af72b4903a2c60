from collections.abc import Callable
from typing import Any

import pytest
import trio

from actors.gateway import HELD_TOO_LONG_S, MAX_PAGES, Gateway
from actors.mailbox import Mailbox
from actors.messages import (
    AnswerLost,
    AskFills,
    AskHistory,
    AskOrder,
    CancelAnswered,
    FillsRead,
    HistoryRead,
    NotSent,
    OrderRead,
    PlacingAnswered,
    PlacingLost,
    PlacingStarted,
    Queued,
)
from protocol.commands import CancelAll, CancelOrder, PlaceOrder
from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.events import Fill, OrderReported, OrderStatus
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, Strike, VenueOrderId
from protocol.odds import Odds
from protocol.prophetx.rest import MAX_BATCH, ProphetXRest
from protocol.prophetx.wire import Dialect
from protocol.venue import Call, FillPage, OrderPage, Window

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
HOME = SelectionId("home")
NO = VenueError(code="internal_error", status=500, policy=Policy.OUTCOME_UNKNOWN)
UNREADABLE = RemoteProtocolError("half a body")
HISTORY = AskHistory(from_s=1, to_s=2, by=Window.CREATED)
V1 = VenueOrderId("v1")
FILL = (V1, Fill(100, Odds(110)))


def command(number: int = 1) -> PlaceOrder:
    return PlaceOrder(
        client_order_id=ClientOrderId(f"x-{number}"), key=KEY, selection_id=HOME, price=Odds(110), size=1000
    )


def cancel(number: int = 1) -> CancelOrder:
    return CancelOrder(client_order_id=ClientOrderId(f"x-{number}"), venue_order_id=VenueOrderId(f"v{number}"))


def report(number: int = 1) -> OrderReported:
    return OrderReported(
        venue_order_id=VenueOrderId(f"v{number}"),
        client_order_id=ClientOrderId(f"x-{number}"),
        key=KEY,
        selection_id=HOME,
        price=Odds(110),
        size=1000,
        filled=0,
        status=OrderStatus.PENDING,
    )


class Room:
    """A gateway at a venue that answers from a list, each after a while."""

    def __init__(self, *results: object, after_s: float = 0.0, queue_s: float = 0.0) -> None:
        self.results = list(results)
        self.after_s, self.queue_s = after_s, queue_s
        self.asked: list[str] = []
        self.answers: list[object] = []
        self.halted = False
        self.placing = Mailbox[Any]("placing", 64)
        self.cancelling = Mailbox[Any]("cancelling", 64)
        self.asking = Mailbox[Any]("asking", 64)
        self.gateway = Gateway(
            placing=self.placing,
            cancelling=self.cancelling,
            asking=self.asking,
            answers=self.answers.append,
            ask=self.ask,
            rest=ProphetXRest(Dialect.V4),
            max_batch=MAX_BATCH,
            halted=lambda: self.halted,
        )

    async def ask(self, call: Call[Any], /, sending: Callable[[], None] = lambda: None) -> Any:
        await trio.sleep(self.queue_s)
        sending()
        self.asked.append(call.request.path)
        await trio.sleep(self.after_s)
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, Exception):
            raise result
        return result

    async def run(self) -> list[object]:
        """Work until everything that waits is done; the doors are closed."""
        for mailbox in (self.placing, self.cancelling, self.asking):
            mailbox.close()
        with trio.fail_after(10_000):
            await self.gateway.run()
        return self.answers


def queued(number: int = 1) -> Queued:
    return Queued(order=command(number), at_s=trio.current_time())


def started(*numbers: int, at_s: float = 0.0) -> PlacingStarted:
    return PlacingStarted(client_order_ids=tuple(ClientOrderId(f"x-{each}") for each in numbers), at_s=at_s)


async def test_orders_that_wait_together_leave_together(autojump_clock, nursery):
    room = Room((NO,), (NO,), (NO,), (report(4), NO), after_s=1.0)
    await nursery.start(room.gateway.run)
    for number in (1, 2, 3, 4, 5):  # three are on their way, two wait
        room.placing.put(queued(number))
        await trio.sleep(0.01)
    await trio.sleep(5)

    assert room.asked == ["/v4/mm/submit_order"] * 3 + ["/v4/mm/submit_multiple_orders"]
    assert room.answers[-2:] == [
        PlacingAnswered(client_order_id=ClientOrderId("x-4"), result=report(4)),
        PlacingAnswered(client_order_id=ClientOrderId("x-5"), result=NO),
    ]
    nursery.cancel_scope.cancel()


async def test_a_refused_batch_refuses_each_of_its_orders(autojump_clock):
    room = Room(NO)
    for number in range(30):
        room.placing.put(queued(number))

    answers = await room.run()

    results = [answer for answer in answers if isinstance(answer, PlacingAnswered)]
    assert {answer.client_order_id for answer in results} == {f"x-{number}" for number in range(30)}
    assert all(answer.result is NO for answer in results)
    assert len(room.asked) < 30


@pytest.mark.parametrize(("failure", "sent"), [(AnswerLost("none"), True), (UNREADABLE, True), (NotSent("no"), False)])
async def test_an_order_without_an_answer_is_lost_and_whether_it_left_is_told(autojump_clock, failure, sent):
    room = Room(failure, after_s=2.0)
    room.placing.put(queued())

    answers = await room.run()

    assert answers == [
        started(1),
        PlacingLost(client_order_ids=(ClientOrderId("x-1"),), sent=sent, reason=str(failure)),
    ]


async def test_an_order_that_was_held_back_too_long_does_not_leave(autojump_clock):
    room = Room((report(),), queue_s=HELD_TOO_LONG_S + 0.5)
    room.placing.put(queued())

    (lost,) = await room.run()

    assert (room.asked, lost.sent, lost.reason) == ([], False, "held back for 3.5 s")


async def test_an_order_that_had_to_wait_does_not_leave_after_a_halt(autojump_clock):
    room = Room((report(),), queue_s=1.0)
    room.placing.put(queued())
    room.halted = True

    (lost,) = await room.run()

    assert (room.asked, lost.sent, lost.reason) == ([], False, "halted")


async def test_placing_cancelling_and_reading_never_wait_for_each_other(autojump_clock):
    room = Room(AnswerLost("none"), after_s=5.0)
    room.placing.put(queued())
    room.cancelling.put(cancel())
    room.asking.put(AskOrder(V1))

    await room.run()

    assert trio.current_time() == 5.0


@pytest.mark.parametrize("result", [None, report(), NO])
async def test_a_cancel_is_answered(autojump_clock, result):
    room = Room((result,) if not isinstance(result, VenueError) else result)
    room.cancelling.put(cancel())

    assert await room.run() == [CancelAnswered(command=cancel(), result=result)]
    assert room.asked == ["/v4/mm/cancel_order"]


@pytest.mark.parametrize("failure", [AnswerLost("none"), UNREADABLE])
async def test_cancels_without_an_answer_are_each_told(autojump_clock, failure):
    room = Room(failure)
    for number in range(10):
        room.cancelling.put(cancel(number))

    answers = await room.run()

    assert {answer.command.client_order_id for answer in answers} == {f"x-{number}" for number in range(10)}
    assert all(isinstance(answer.result, AnswerLost) for answer in answers)
    assert "/v4/mm/cancel_multiple_orders" in room.asked


async def test_a_refused_batch_of_cancels_refuses_each(autojump_clock):
    room = Room(NO)
    for number in range(10):
        room.cancelling.put(cancel(number))

    answers = await room.run()

    assert [answer.result for answer in answers] == [NO] * 10


@pytest.mark.parametrize("result", [None, NO, AnswerLost("none"), UNREADABLE])
async def test_cancelling_everything_is_answered(autojump_clock, result):
    room = Room(result)
    room.cancelling.put(CancelAll())

    (answer,) = await room.run()

    assert room.asked == ["/v4/mm/cancel_all_orders"]
    assert answer.command == CancelAll()
    assert answer.result is result or isinstance(answer.result, AnswerLost)


@pytest.mark.parametrize("result", [report(), NO])
async def test_an_order_is_read(autojump_clock, result):
    room = Room(result)
    room.asking.put(AskOrder(V1))

    assert await room.run() == [OrderRead(venue_order_id=V1, result=result)]


async def test_every_page_of_a_history_is_read_and_is_as_old_as_the_oldest(autojump_clock):
    pages = [
        OrderPage(orders=(report(1),), next_cursor="a", synced_at_ns=7),
        OrderPage(orders=(report(2),), next_cursor="b", synced_at_ns=5),
        OrderPage(orders=(report(3),), synced_at_ns=9),
    ]
    room = Room(*pages)
    room.asking.put(HISTORY)

    answers = await room.run()

    whole = OrderPage(orders=(report(1), report(2), report(3)), synced_at_ns=5)
    assert answers == [HistoryRead(question=HISTORY, result=whole)]
    assert [path.partition("next_cursor=")[2] for path in room.asked] == ["", "a", "b"]


async def test_rows_that_nobody_can_read_are_told(autojump_clock):
    page = OrderPage(orders=(report(),), unreadable=2)
    room = Room(page)
    room.asking.put(HISTORY)

    assert await room.run() == [HistoryRead(question=HISTORY, result=page)]


async def test_one_page_of_unknown_age_makes_the_age_unknown(autojump_clock):
    room = Room(OrderPage(orders=(report(),), next_cursor="a", synced_at_ns=7), OrderPage(orders=()))
    room.asking.put(HISTORY)

    assert await room.run() == [HistoryRead(question=HISTORY, result=OrderPage(orders=(report(),)))]


@pytest.mark.parametrize("failure", [NO, AnswerLost("none"), UNREADABLE])
async def test_a_page_that_fails_fails_the_whole_history(autojump_clock, failure):
    room = Room(OrderPage(orders=(report(),), next_cursor="a"), failure)
    room.asking.put(HISTORY)

    (answer,) = await room.run()

    assert answer.result is failure or isinstance(answer.result, AnswerLost)


async def test_fills_without_end_are_given_up(autojump_clock):
    room = Room(FillPage(fills=(), next_cursor="a"))
    room.asking.put(AskFills((V1,)))

    (answer,) = await room.run()

    assert isinstance(answer.result, AnswerLost)
    assert len(room.asked) in (MAX_PAGES, MAX_PAGES + 1)


@pytest.mark.parametrize(
    "pages",
    [
        [OrderPage(orders=(report(),), next_cursor="a"), OrderPage(orders=(report(),), next_cursor="a")],
        [OrderPage(orders=(report(),), next_cursor="a"), OrderPage(orders=(), next_cursor="b")],
    ],
    ids=["a cursor that comes again", "an empty page"],
)
async def test_a_history_ends_where_nothing_new_comes(autojump_clock, pages):
    room = Room(*pages)
    room.asking.put(HISTORY)

    (answer,) = await room.run()

    assert answer.result.orders == tuple(order for page in pages for order in page.orders)
    assert len(room.asked) == 2


async def test_every_page_of_fills_is_read(autojump_clock):
    room = Room(FillPage(fills=(FILL,), next_cursor="a"), FillPage(fills=(FILL,)))
    room.asking.put(AskFills((V1,)))

    assert await room.run() == [FillsRead(question=AskFills((V1,)), result=FillPage(fills=(FILL, FILL)))]


async def test_it_is_cancelled_cleanly_in_the_middle_of_a_request(autojump_clock):
    room = Room((report(),), after_s=100.0)
    room.placing.put(queued())

    with trio.move_on_after(5) as deadline:
        await room.gateway.run()

    assert deadline.cancelled_caught
    assert room.answers == [started(1)]
