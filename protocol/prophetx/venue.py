"""ProphetX as a whole, in either of its vocabularies."""

import math

import attrs

from protocol.errors import LocalProtocolError
from protocol.events import EventListed
from protocol.ids import VenueName
from protocol.odds import OddsLadder
from protocol.prophetx import pusher
from protocol.prophetx.feed import ProphetXFeed
from protocol.prophetx.pushes import PushReader
from protocol.prophetx.rest import MAX_BATCH, ProphetXRest
from protocol.prophetx.session import socket_url
from protocol.prophetx.wire import Dialect
from protocol.venue import ConnectionConfig, Poll, Query, Reconnect, Terms, Traits

NAME = VenueName("prophetx")
REQUESTS_PER_S = 45.0  # the venue takes 50; the rest is for clocks that differ
HEARTBEAT_TIMEOUT_S = 30.0  # health checks come every 5 s
READS_APART_S = 1.0  # per endpoint: what its read endpoints bear in practice


@attrs.frozen(kw_only=True)
class ProphetX:
    """The venue's dialect. `reconcile_every_s` is how often every book is compared with REST.

    `list_every_s` is how often the open events are listed: a push that says "live" can be lost.
    """

    dialect: Dialect = Dialect.V4
    reconcile_every_s: float = 900.0
    list_every_s: float = 60.0
    commission_bp: int = 200

    @property
    def rest(self) -> ProphetXRest:
        return ProphetXRest(self.dialect)

    @property
    def traits(self) -> Traits:
        return Traits(
            venue=NAME,
            polls={
                Query.BOOKS: Poll(every_s=self.reconcile_every_s),
                Query.MARKETS: Poll(every_s=self.list_every_s),
                Query.ORDERS: Poll(every_s=self.reconcile_every_s),  # a result that was pushed can be lost
                Query.FUNDS: Poll(every_s=math.inf),
            },
            calls_per_s=REQUESTS_PER_S,
            reads_apart_s=READS_APART_S,
            orders_named=True,
            orders_pushed=True,
            held_by_endpoint=False,
            times_in_force=True,
            refusals_explained=True,
            socket_takes_token=False,
            second_socket=True,
            cancels_all=True,
            fills_listed=True,
            channel_by_event=self.dialect is Dialect.V4,
            max_batch=MAX_BATCH,
            commission_bp=self.commission_bp,
            heartbeat_timeout_s=HEARTBEAT_TIMEOUT_S,
        )

    def terms(self, event: EventListed, ladder: OddsLadder) -> Terms:
        return Terms(venue=NAME, ladder=ladder, commission_bp=self.commission_bp)

    def open_feed(self) -> ProphetXFeed:
        return ProphetXFeed(rest=self.rest, reader=PushReader(self.dialect))

    def socket_url(self, rest_url: str, config: ConnectionConfig | None, token: str, version: str) -> str:
        if config is None:
            raise LocalProtocolError("the connection configuration says where the socket is, and was not read")
        return socket_url(rest_url, config, version)

    def reconnect_after(self, code: int) -> Reconnect:
        return pusher.reconnect_after(code)
