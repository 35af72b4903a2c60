"""The venue's order history, read to the end."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from actors.decisions.doubts import CLOCK_SKEW_S, put_right
from actors.messages import AnswerLost, Ask
from protocol.errors import Policy, VenueError
from protocol.events import OrderReported
from protocol.ids import VenueOrderId
from protocol.venue import Call, OrderPage, Rest, Show, Window

T = TypeVar("T")

MAX_PAGES = 200  # of 100 orders
PAGE_TRIES = 3
SLICE_S = 6 * 86_400  # the venue's widest window is 7 days


async def read_history(
    ask: Ask, rest: Rest, from_s: int, to_s: int, *, by: Window = Window.CREATED, show: Show = Show.ALL
) -> OrderPage:
    """Read every page of a window. The copy is as old as its oldest page.

    It ends at a page without a next one, one without anything new, or a cursor that comes again. Raises what `ask`
    raises, and `AnswerLost` past the bound.
    """
    orders: list[OrderReported] = []
    ages: list[int | None] = []
    cursors = {""}
    seen: set[VenueOrderId] = set()
    unreadable = 0
    cursor = ""
    for _ in range(MAX_PAGES):
        page = await _page(ask, rest.history(from_s, to_s, cursor, by=by, show=show))
        new = {report.venue_order_id for report in page.orders} - seen
        seen |= new
        orders.extend(page.orders)
        unreadable += page.unreadable
        ages.append(page.synced_at_ns)
        cursor = page.next_cursor
        if cursor in cursors or not (new or page.unreadable):
            known = [age for age in ages if age is not None]
            synced_at_ns = min(known) if len(known) == len(ages) else None
            return OrderPage(orders=tuple(orders), synced_at_ns=synced_at_ns, unreadable=unreadable)
        cursors.add(cursor)
    raise AnswerLost(f"order history: more than {MAX_PAGES} pages")


async def _page(ask: Ask, call: Call[OrderPage]) -> OrderPage:
    """Read one page, again when no answer came: one that is lost must not cost the pages before it."""
    for _ in range(PAGE_TRIES - 1):
        try:
            return await ask(call)
        except AnswerLost:
            continue
        except VenueError as error:
            if error.policy is not Policy.OUTCOME_UNKNOWN:
                raise
    return await ask(call)


async def read_until_now(
    read: Callable[[tuple[int, int], float], Awaitable[T]], from_s: Callable[[int], int], wall_ns: Callable[[], int]
) -> list[T]:
    """Have every window read that the venue takes, the newest first, and return what each gave.

    `read` is told a window and when this began, on trio's clock; `from_s` where to begin, of where the windows end.
    When the clock was put right meanwhile they may not hold all, and are read again.
    """
    while True:
        since_s, since_ns = trio.current_time(), wall_ns()
        to_s = since_ns // 10**9 + CLOCK_SKEW_S
        found = [await read(window, since_s) for window in slices(from_s(to_s), to_s)]
        if not put_right(since_s, since_ns, trio.current_time(), wall_ns()):
            return found


def slices(from_s: int, to_s: int) -> list[tuple[int, int]]:
    """Cut a window into those that the venue takes, the newest first."""
    cut = []
    while to_s > from_s:
        start = max(from_s, to_s - SLICE_S)
        cut.append((start, to_s))
        to_s = start
    return cut
