"""SatoriEx as a whole."""

import math
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

import attrs

from protocol.errors import LocalProtocolError
from protocol.events import EventListed
from protocol.ids import VenueName
from protocol.odds import OddsLadder
from protocol.prices import Ticks
from protocol.satoriex.assumptions import DEAD_AFTER_S, FEE_BP, MIN_SHARES, PING_AFTER_S, TICK_BP
from protocol.satoriex.feed import SatoriExFeed
from protocol.satoriex.rest import CANCEL, LOGIN, PLACE, READS, REFRESH, SatoriExRest
from protocol.venue import ConnectionConfig, Poll, Query, Quota, Reconnect, Terms, Traits

NAME = VenueName("satoriex")

ORDERS_EVERY_S = 15.0  # while the wallet and the books can wait for `poll_s`
ORDER_CALLS = 30  # a minute of one user, placing and cancelling together
ORDER_CALLS_PER_ADDRESS = 60
CANCELS_RESERVED = 10
READ_CALLS = 100  # a minute on one path
REFRESH_CALLS = 20
LOGIN_CALLS = 10
KEPT_BACK = 10  # one call of so many is never used, for clocks that differ
HOLD_S = 60.0  # a 429 that does not say how long
STOP_MARGIN_S = 10.0  # for the looks that prove what was lost absent
READS_APART_S = 60.0 / (READ_CALLS * 0.9)
REBATE_BP = 10  # of an order by a personal token, the larger of the two


def _quota(names: Iterable[str], calls: int, reserve: int = 0) -> Quota:
    return Quota(names=frozenset(names), calls=calls, kept_back=calls // KEPT_BACK, reserve=reserve)


@attrs.frozen(kw_only=True)
class SatoriEx:
    """Offer the dialect. Every query is made again after `poll_s`, whatever the socket says."""

    poll_s: float = 60.0
    time_to_flat_s: float = 20.0
    absence_after_s: float = 60.0
    rest: SatoriExRest = attrs.field(factory=SatoriExRest, init=False)
    traits: Traits = attrs.field(init=False)

    @traits.default
    def _traits(self) -> Traits:
        return Traits(
            venue=NAME,
            polls={
                Query.BOOKS: Poll(every_s=self.poll_s, apart_s=1.0),
                Query.MARKETS: Poll(every_s=self.poll_s),
                Query.ORDERS: Poll(every_s=min(ORDERS_EVERY_S, self.poll_s)),
                Query.FUNDS: Poll(every_s=self.poll_s, apart_s=2.0),
            },
            quotas=(
                _quota((PLACE, CANCEL), ORDER_CALLS, CANCELS_RESERVED),
                _quota((PLACE, CANCEL), ORDER_CALLS_PER_ADDRESS, CANCELS_RESERVED),
                *(_quota((name,), READ_CALLS) for name in READS),
                _quota((REFRESH,), REFRESH_CALLS),
                _quota((LOGIN,), LOGIN_CALLS),
            ),
            calls_per_s=10.0,
            reads_apart_s=READS_APART_S,
            orders_named=False,
            orders_pushed=False,
            held_by_endpoint=True,
            times_in_force=False,
            refusals_explained=False,
            socket_takes_token=True,
            second_socket=False,  # its documents do not say, and it may close the first
            cancels_all=False,
            fills_listed=False,
            connects_per_minute=10,
            max_batch=1,
            sale_fee_bp=FEE_BP,
            rebate_bp=REBATE_BP,
            cancel_settles_s=2.0,
            gap_tolerated_s=15.0,
            absence_after_s=self.absence_after_s,
            book_age_s=10.0,
            refresh_margin_s=math.inf,  # so that 80 % of the life is what counts
            stop_more_s=self.time_to_flat_s + max(self.absence_after_s, HOLD_S) + STOP_MARGIN_S,
            pong_timeout_s=DEAD_AFTER_S - PING_AFTER_S,
            time_to_flat_s=self.time_to_flat_s,
        )

    def terms(self, event: EventListed, ladder: OddsLadder) -> Terms:
        return Terms(
            venue=NAME,
            ladder=Ticks(event.tick_bp or TICK_BP),
            min_size=event.min_size or MIN_SHARES,
            named=False,
            fee_bp=FEE_BP,
        )

    def open_feed(self) -> SatoriExFeed:
        return SatoriExFeed()

    def socket_url(self, rest_url: str, config: ConnectionConfig | None, token: str, version: str) -> str:
        """Return where the socket is: on the REST address's host. The token is a part of it: keep it out of logs.

        Raises `LocalProtocolError` without a host, a known scheme or a token.
        """
        parts = urlsplit(rest_url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme)
        host = parts.netloc.rpartition("@")[2]
        if scheme is None or not host:
            raise LocalProtocolError("the REST address is not http:// or https:// and a host")
        if not token:
            raise LocalProtocolError("the socket needs a token")
        return f"{scheme}://{host}/ws?token={quote(token, safe='')}"

    def reconnect_after(self, code: int) -> Reconnect:
        return Reconnect.ORDINARY
