"""Whether the venue shows an order of ours that can still match."""

from collections.abc import Callable

import structlog
import trio

from actors.doubts import CLOCK_SKEW_S, LOOK_BACK_S
from actors.messages import AnswerLost, Ask
from protocol.commands import CancelAll
from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.events import OrderReported
from protocol.order import RESTABLE
from protocol.venue import OrderPage, Rest

log = structlog.get_logger()

MAX_PAGES = 200
LOOK_AGAIN_S = 0.5


async def read_orders(ask: Ask, rest: Rest, from_ns: int, to_ns: int) -> OrderPage:
    """Read every order created in a window. Raises what `ask` raises."""
    window = (from_ns // 10**9 - LOOK_BACK_S, to_ns // 10**9 + CLOCK_SKEW_S)
    orders: list[OrderReported] = []
    synced: list[int | None] = []
    cursor = ""
    for _ in range(MAX_PAGES):
        page = await ask(rest.history(*window, cursor))
        orders.extend(page.orders)
        synced.append(page.synced_at_ns)
        cursor = page.next_cursor
        if not cursor:
            known = [stamp for stamp in synced if stamp is not None]
            return OrderPage(orders=tuple(orders), synced_at_ns=min(known) if len(known) == len(synced) else None)
    raise AnswerLost(f"order history: more than {MAX_PAGES} pages")


async def prove_flat(ask: Ask, rest: Rest, from_ns: int, wall_ns: Callable[[], int]) -> tuple[OrderReported, ...]:
    """Read the history until a copy younger than this call shows nothing that can match; return its orders.

    It goes on for as long as it is let: whoever calls it sets the deadline.
    """
    since_ns = wall_ns()
    while True:
        try:
            page = await read_orders(ask, rest, from_ns, wall_ns())
        except (VenueError, AnswerLost, RemoteProtocolError) as error:
            log.warning("flatness_not_read", reason=str(error))
        else:
            young = page.synced_at_ns is None or page.synced_at_ns >= since_ns
            if young and not any(report.status in RESTABLE or report.status is None for report in page.orders):
                return page.orders
        await trio.sleep(LOOK_AGAIN_S)


async def cancel_everything(ask: Ask, rest: Rest) -> None:
    """Cancel all by REST alone, until the venue has said yes or that there is nothing. The caller sets the deadline."""
    while True:
        try:
            await ask(rest.cancel(CancelAll()))
        except VenueError as error:
            if error.policy is Policy.ALREADY_GONE:
                return
            log.warning("not_cancelled", reason=str(error))
        except (AnswerLost, RemoteProtocolError) as error:
            log.warning("not_cancelled", reason=str(error))
        else:
            return
        await trio.sleep(LOOK_AGAIN_S)
