"""Commands to REST, answers to events."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs
import structlog
import trio

from actors.history import MAX_PAGES, read_history
from actors.mailbox import Mailbox
from actors.messages import (
    AnswerLost,
    Ask,
    AskFills,
    AskHistory,
    AskOrder,
    CancelAnswered,
    CancelWork,
    FillsRead,
    GatewayAnswer,
    HistoryRead,
    NotSent,
    OrderRead,
    PlacingAnswered,
    PlacingLost,
    PlacingStarted,
    Question,
    Queued,
)
from protocol.commands import CancelAll, CancelOrder
from protocol.errors import RemoteProtocolError, VenueError
from protocol.events import Fill
from protocol.ids import VenueOrderId
from protocol.venue import FillPage, OrderPage, Rest

T = TypeVar("T")
log = structlog.get_logger()

PLACING_WORKERS = 3  # as many as the lane has connections
CANCELLING_WORKERS = 2
ASKING_WORKERS = 3  # two for orders, so that the history is never behind them
HELD_TOO_LONG_S = 3.0  # an order that waited longer is about a market that has moved on


@attrs.define(kw_only=True)
class Gateway:
    """Carry commands to the venue and its answers back. It decides nothing.

    Orders that wait together leave together, in one batch. Placing, cancelling and reading never wait for each other.
    """

    placing: Mailbox[Queued]
    cancelling: Mailbox[CancelWork]
    asking: Mailbox[Question]
    answers: Callable[[GatewayAnswer], None]
    ask: Ask
    rest: Rest
    max_batch: int
    halted: Callable[[], bool]  # no order leaves, also none that had to wait

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(PLACING_WORKERS):
                nursery.start_soon(self._serve, self.placing, self._place, self.max_batch)
            for _ in range(CANCELLING_WORKERS):
                nursery.start_soon(self._serve, self.cancelling, self._cancel, self.max_batch)
            for _ in range(ASKING_WORKERS):
                nursery.start_soon(self._serve, self.asking, self._answer, 1)
            task_status.started()

    async def _serve(self, mailbox: Mailbox[T], serve: Callable[[list[T]], Awaitable[None]], limit: int) -> None:
        while True:
            try:
                work = await mailbox.take(limit)
            except trio.EndOfChannel:
                return
            await serve(work)

    # --- placing ---

    async def _place(self, work: list[Queued]) -> None:
        orders = [each.order for each in work]
        ids = tuple(order.client_order_id for order in orders)
        oldest_s = min(each.at_s for each in work)

        def sending() -> None:
            now_s = trio.current_time()
            if self.halted():
                raise NotSent("halted")
            if now_s - oldest_s > HELD_TOO_LONG_S:
                raise NotSent(f"held back for {now_s - oldest_s:.1f} s")
            self.answers(PlacingStarted(client_order_ids=ids, at_s=now_s))

        try:
            results = await self.ask(self.rest.place(orders), sending=sending)
        except VenueError as error:
            results = (error,) * len(orders)
        except (AnswerLost, RemoteProtocolError) as error:
            sent = not isinstance(error, NotSent)
            self.answers(PlacingLost(client_order_ids=ids, sent=sent, reason=str(error)))
            return
        for client_order_id, result in zip(ids, results, strict=True):
            self.answers(PlacingAnswered(client_order_id=client_order_id, result=result))

    # --- cancelling ---

    async def _cancel(self, work: list[CancelWork]) -> None:
        for command in work:
            if isinstance(command, CancelAll):
                await self._cancel_all(command)
        orders = [command for command in work if isinstance(command, CancelOrder)]
        if not orders:
            return
        try:
            results = await self.ask(self.rest.cancel_orders(orders))
        except VenueError as error:
            results = (error,) * len(orders)
        except (AnswerLost, RemoteProtocolError) as error:
            for order in orders:
                self.answers(CancelAnswered(command=order, result=AnswerLost(str(error))))
            return
        for order, result in zip(orders, results, strict=True):
            self.answers(CancelAnswered(command=order, result=result))

    async def _cancel_all(self, command: CancelAll) -> None:
        call = self.rest.cancel_all()
        assert call is not None, "asked of a venue that cancels one by one"
        result: VenueError | AnswerLost | None
        try:
            result = await self.ask(call)
        except VenueError as error:
            result = error
        except (AnswerLost, RemoteProtocolError) as error:
            result = AnswerLost(str(error))
        self.answers(CancelAnswered(command=command, result=result))

    # --- reading ---

    async def _answer(self, work: list[Question]) -> None:
        for question in work:
            match question:
                case AskOrder(venue_order_id=venue_order_id):
                    order = await _outcome(f"order {venue_order_id}", self.ask(self.rest.order(venue_order_id)))
                    self.answers(OrderRead(venue_order_id=venue_order_id, result=order))
                case AskHistory():
                    page = await _outcome("order history", self._history(question))
                    self.answers(HistoryRead(question=question, result=page))
                case AskFills():
                    fills = await _outcome("fills", self._fills(question))
                    self.answers(FillsRead(question=question, result=fills))

    async def _history(self, asked: AskHistory) -> OrderPage:
        pages = [
            await read_history(self.ask, self.rest, asked.from_s, asked.to_s, by=asked.by, show=show)
            for show in asked.show
        ]
        ages = [page.synced_at_ns for page in pages if page.synced_at_ns is not None]
        orders = tuple(report for page in pages for report in page.orders)
        return OrderPage(
            orders=orders,
            synced_at_ns=min(ages) if len(ages) == len(pages) else None,
            unreadable=sum(page.unreadable for page in pages),
        )

    async def _fills(self, asked: AskFills) -> FillPage:
        fills: list[tuple[VenueOrderId, Fill]] = []
        cursor = ""
        for _ in range(MAX_PAGES):
            call = self.rest.fills(asked.venue_order_ids, cursor)
            assert call is not None, "asked of a venue that does not list fills"
            page = await self.ask(call)
            fills.extend(page.fills)
            cursor = page.next_cursor
            if not cursor:
                return attrs.evolve(page, fills=tuple(fills))
        raise AnswerLost(f"matching details: more than {MAX_PAGES} pages")


async def _outcome(what: str, reading: Awaitable[T]) -> T | VenueError | AnswerLost:
    try:
        return await reading
    except (VenueError, AnswerLost) as error:
        log.warning("not_read", what=what, reason=str(error))
        return error
    except RemoteProtocolError as error:
        log.warning("unreadable", what=what, reason=str(error))
        return AnswerLost(str(error))
