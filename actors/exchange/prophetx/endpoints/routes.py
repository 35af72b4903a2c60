"""Which path leads to which endpoint, in which words."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs

from actors.exchange.prophetx.endpoints import markets, orders, queries, sessions
from actors.exchange.prophetx.endpoints.visit import Asked, Visit
from protocol.prophetx import wire
from protocol.prophetx.wire import Dialect

SWITCH = "x-cftc-terminology"


@attrs.frozen
class Endpoint:
    """An endpoint. `name` is what faults are aimed at."""

    name: str
    method: str
    answer: Callable[[Visit], wire.Record]
    open: bool = False  # needs no token


@attrs.frozen(kw_only=True)
class Route:
    endpoint: Endpoint
    dialect: Dialect
    argument: str = ""


_OUTSIDE = {
    "/auth/login": Endpoint("login", "POST", sessions.log_in, open=True),
    "/auth/refresh": Endpoint("refresh", "POST", sessions.refresh, open=True),
    "/websocket/connection-config": Endpoint("connection_config", "GET", sessions.connection_config),
}
_SAME: Mapping[str, Endpoint] = {  # one name in either vocabulary
    "get_tournaments": Endpoint("competitions", "GET", markets.tournaments),
    "get_sport_events": Endpoint("events", "GET", markets.sport_events),
    "get_markets": Endpoint("markets", "GET", markets.markets),
    "get_multiple_markets": Endpoint("markets", "GET", markets.multiple_markets),
    "get_players": Endpoint("players", "GET", markets.nothing),
    "search_markets": Endpoint("search", "GET", markets.nothing),
    "get_balance": Endpoint("balance", "GET", markets.balance),
    "get_transactions": Endpoint("transactions", "GET", markets.transactions),
    "pusher": Endpoint("register", "POST", sessions.register_legacy),
}
_CURRENT = {
    "get_price_ladder": Endpoint("ladder", "GET", markets.ladder),
    "get_strikes": Endpoint("strikes", "GET", markets.strikes),
    "submit_order": Endpoint("place", "POST", orders.place),
    "submit_multiple_orders": Endpoint("place", "POST", orders.place_many),
    "cancel_order": Endpoint("cancel", "POST", orders.cancel),
    "cancel_multiple_orders": Endpoint("cancel", "POST", orders.cancel_many),
    "cancel_all_orders": Endpoint("cancel", "POST", orders.cancel_all),
    "cancel_orders_by_event": Endpoint("cancel", "POST", orders.cancel_event),
    "cancel_orders_by_market": Endpoint("cancel", "POST", orders.cancel_market),
    "get_order": Endpoint("order", "GET", queries.order),
    "get_order_history": Endpoint("history", "GET", queries.history),
    "get_order_matched_detail": Endpoint("fills", "GET", queries.fills),
    "get_trades": Endpoint("trades", "GET", queries.trades),
    "websocket": Endpoint("register", "POST", sessions.register),
}
_LEGACY_NAMES = {
    "get_odds_ladder": "get_price_ladder",
    "place_wager": "submit_order",
    "place_multiple_wagers": "submit_multiple_orders",
    "cancel_wager": "cancel_order",
    "cancel_multiple_wagers": "cancel_multiple_orders",
    "cancel_all_wagers": "cancel_all_orders",
    "cancel_wagers_by_event": "cancel_orders_by_event",
    "cancel_wagers_by_market": "cancel_orders_by_market",
    "get_wager": "get_order",
    "get_wager_histories": "get_order_history",
    "get_wager_matching_detail": "get_order_matched_detail",
    "get_matched_bets": "get_trades",
}
_DRAFT_NAMES = {  # words that only ever stood in drafts
    "place_order": "submit_order",
    "place_multiple_orders": "submit_multiple_orders",
    "get_order_histories": "get_order_history",
}
_NEW: Mapping[str, Endpoint] = MappingProxyType(
    {**_CURRENT, **{name: _CURRENT[current] for name, current in _DRAFT_NAMES.items()}}
)
_OLD: Mapping[str, Endpoint] = MappingProxyType({name: _CURRENT[current] for name, current in _LEGACY_NAMES.items()})
_WITH_ARGUMENT = frozenset({"get_order", "get_wager", "get_players"})


def find(asked: Asked) -> Route | None:
    """Return where a request leads; None for nowhere."""
    path = asked.path.removeprefix("/partner").rstrip("/")
    if path in _OUTSIDE:
        return Route(endpoint=_OUTSIDE[path], dialect=Dialect.V4)
    version, slash, rest = path.removeprefix("/").partition("mm/")
    name, _, argument = rest.partition("/")
    if not slash or (argument and name not in _WITH_ARGUMENT):
        return None
    if version == "v4/":
        return _route({**_SAME, **_NEW}, name, Dialect.V4, argument)
    if version == "v2/":
        switched = asked.headers.get(SWITCH, "").lower() == "true"
        return _route({**_SAME, **_OLD}, name, Dialect.V4 if switched else Dialect.LEGACY, argument)
    if version == "":
        return _route({**_SAME, **_OLD}, name, Dialect.LEGACY, argument) or _route(_NEW, name, Dialect.V4, argument)
    return None


def _route(table: Mapping[str, Endpoint], name: str, dialect: Dialect, argument: str) -> Route | None:
    endpoint = table.get(name)
    return None if endpoint is None else Route(endpoint=endpoint, dialect=dialect, argument=argument)
