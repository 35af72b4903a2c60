"""Whether the venue shows an order of ours that can still match."""

from collections.abc import Callable

import structlog
import trio

from actors.decisions.doubts import CLOCK_SKEW_S, younger
from actors.history import SLICE_S, read_history, read_until_now
from actors.messages import NAMED, AnswerLost, Ask
from protocol.commands import CancelOrder
from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.ids import ClientOrderId, VenueOrderId
from protocol.order import RESTABLE
from protocol.venue import RESTING, Rest, Show

log = structlog.get_logger()

LOOK_AGAIN_S = 0.2


async def prove_flat(ask: Ask, rest: Rest, from_ns: int, wall_ns: Callable[[], int]) -> None:
    """Read what rests, until copies younger than this call show nothing. The caller sets the deadline.

    It looks at every order created since `from_ns`, and at those of the days before as far as one window reaches.
    """

    async def look(window: tuple[int, int], since_s: float) -> None:
        for show in RESTING:
            while not await _shows_nothing(ask, rest, window, show, since_s, wall_ns):  # noqa: ASYNC110  # nobody tells
                await trio.sleep(LOOK_AGAIN_S)

    await read_until_now(look, lambda to_s: min(from_ns // 10**9 - CLOCK_SKEW_S, to_s - SLICE_S), wall_ns)


async def _shows_nothing(
    ask: Ask, rest: Rest, window: tuple[int, int], show: Show, since_s: float, wall_ns: Callable[[], int]
) -> bool:
    try:
        page = await read_history(ask, rest, *window, show=show)
    except (VenueError, AnswerLost, RemoteProtocolError) as error:
        log.warning("flatness_not_read", reason=str(error))
        return False
    young = younger(page, since_s, trio.current_time(), wall_ns())
    resting = page.unreadable or any(report.status in RESTABLE or report.status is None for report in page.orders)
    return young and not resting


async def cancel_everything(ask: Ask, rest: Rest, from_ns: int, wall_ns: Callable[[], int]) -> None:
    """Cancel all by REST alone, until the venue has said yes or that there is nothing. The caller sets the deadline."""
    while True:
        try:
            call = rest.cancel_all()
            if call is not None:
                await ask(call)
            else:
                await _cancel_one_by_one(ask, rest, from_ns, wall_ns)
        except VenueError as error:
            if error.policy is Policy.ALREADY_GONE:
                return
            log.warning("not_cancelled", reason=str(error))
        except (AnswerLost, RemoteProtocolError) as error:
            log.warning("not_cancelled", reason=str(error))
        else:
            return
        await trio.sleep(LOOK_AGAIN_S)


async def _cancel_one_by_one(ask: Ask, rest: Rest, from_ns: int, wall_ns: Callable[[], int]) -> None:
    now_s = wall_ns() // 10**9
    page = await read_history(ask, rest, from_ns // 10**9 - CLOCK_SKEW_S, now_s + CLOCK_SKEW_S)
    for report in page.orders:
        if report.status in RESTABLE or report.status is None:
            await cancel_one(ask, rest, report.venue_order_id, report.client_order_id)


async def cancel_one(
    ask: Ask, rest: Rest, venue_order_id: VenueOrderId, client_order_id: ClientOrderId | None = None
) -> None:
    """Cancel one order, once: a no about one shall not keep the others from being cancelled."""
    command = CancelOrder(client_order_id=client_order_id or ClientOrderId(""), venue_order_id=venue_order_id)
    try:
        await ask(rest.cancel_orders([command]))
    except NAMED as error:
        log.warning("not_cancelled", order=venue_order_id, reason=str(error))
