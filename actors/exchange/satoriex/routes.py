"""Which endpoint a path is."""

import enum
from collections.abc import Callable

import attrs

from actors.exchange.http import Asked
from actors.exchange.satoriex import endpoints
from actors.exchange.satoriex.records import Json
from actors.exchange.satoriex.visit import Visit

PREFIX = "/api/v1"


class Budget(enum.Enum):
    """Which limits count a call."""

    PUBLIC = "public"
    PRIVATE = "private"
    ORDERS = "orders"
    LOGIN = "login"
    REFRESH = "refresh"


@attrs.frozen
class Endpoint:
    method: str
    pattern: str  # a star stands for one part of a path
    name: str
    answer: Callable[[Visit], Json]
    budget: Budget = Budget.PUBLIC
    status: int = 200

    @property
    def is_open(self) -> bool:
        return self.budget not in (Budget.PRIVATE, Budget.ORDERS)


@attrs.frozen
class Route:
    endpoint: Endpoint
    arguments: tuple[str, ...]


ENDPOINTS = (
    Endpoint("POST", "/auth/login", "login", endpoints.log_in, Budget.LOGIN),
    Endpoint("POST", "/auth/refresh", "refresh", endpoints.refresh, Budget.REFRESH),
    Endpoint("GET", "/markets", "markets", endpoints.markets),
    Endpoint("GET", "/markets/*", "market", endpoints.market),
    Endpoint("GET", "/markets/*/trades", "trades", endpoints.trades),
    Endpoint("GET", "/markets/*/orderbook", "book", endpoints.market_book),
    Endpoint("GET", "/orderbook/*/*", "book", endpoints.book),
    Endpoint("GET", "/feed", "feed", endpoints.feed),
    Endpoint("GET", "/oracle/verify", "verify", endpoints.in_dispute),
    Endpoint("GET", "/oracle/settled", "results", endpoints.settled),
    Endpoint("POST", "/orders", "place", endpoints.place, Budget.ORDERS, 202),
    Endpoint("POST", "/orders/*/cancel", "cancel", endpoints.cancel, Budget.ORDERS, 202),
    Endpoint("GET", "/orders", "orders", endpoints.orders, Budget.PRIVATE),
    Endpoint("GET", "/orders/*", "order", endpoints.order, Budget.PRIVATE),
    Endpoint("GET", "/me/orders", "orders", endpoints.my_orders, Budget.PRIVATE),
    Endpoint("GET", "/me/positions", "positions", endpoints.positions, Budget.PRIVATE),
    Endpoint("GET", "/wallet/balance", "balance", endpoints.balance, Budget.PRIVATE),
    Endpoint("GET", "/me/balance", "balance", endpoints.balance, Budget.PRIVATE),
    Endpoint("GET", "/users/me/balance", "balance", endpoints.balance, Budget.PRIVATE),
    Endpoint("GET", "/wallet/transactions", "transactions", endpoints.transactions, Budget.PRIVATE),
)
_PARTS = tuple((endpoint, endpoint.pattern.split("/")) for endpoint in ENDPOINTS)


def find(asked: Asked) -> Route | None:
    if not asked.path.startswith(f"{PREFIX}/"):
        return None
    parts = asked.path.removeprefix(PREFIX).split("/")
    for endpoint, pattern in _PARTS:
        if endpoint.method == asked.method and len(parts) == len(pattern):
            pairs = list(zip(parts, pattern, strict=True))
            if all(wanted in ("*", part) for part, wanted in pairs):
                return Route(endpoint, tuple(part for part, wanted in pairs if wanted == "*"))
    return None
