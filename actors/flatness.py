"""Whether the venue shows an order of ours that can still match."""

from collections.abc import Callable

import structlog
import trio

from actors.doubts import CLOCK_SKEW_S
from actors.messages import AnswerLost, Ask
from protocol.commands import CancelAll
from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.order import RESTABLE
from protocol.venue import Call, OrderPage, Rest

log = structlog.get_logger()

LOOK_AGAIN_S = 0.2


async def prove_flat(ask: Ask, rest: Rest, from_ns: int, wall_ns: Callable[[], int]) -> None:
    """Read what rests, until copies younger than this call show nothing. The caller sets the deadline."""
    since_ns = wall_ns()
    window = (from_ns // 10**9 - CLOCK_SKEW_S, wall_ns() // 10**9 + CLOCK_SKEW_S)
    for call in rest.resting(*window):
        while not await _shows_nothing(ask, call, since_ns):  # noqa: ASYNC110  # nobody tells; it must be read again
            await trio.sleep(LOOK_AGAIN_S)


async def _shows_nothing(ask: Ask, call: Call[OrderPage], since_ns: int) -> bool:
    try:
        page = await ask(call)
    except (VenueError, AnswerLost, RemoteProtocolError) as error:
        log.warning("flatness_not_read", reason=str(error))
        return False
    young = page.synced_at_ns is None or page.synced_at_ns >= since_ns
    return young and not any(report.status in RESTABLE or report.status is None for report in page.orders)


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
