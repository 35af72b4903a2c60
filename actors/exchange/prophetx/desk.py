"""Requests in, answers out: who may ask, how often, and what goes wrong on the way."""

from collections.abc import Callable

import attrs
import trio

from actors.exchange.faults import REQUEST, Fault, Faults, Rule
from actors.exchange.http import Watcher
from actors.exchange.prophetx.endpoints import routes
from actors.exchange.prophetx.endpoints.routes import Route
from actors.exchange.prophetx.endpoints.visit import Asked, Venue, Visit
from actors.exchange.prophetx.refusals import Refused
from actors.exchange.prophetx.tokens import TooFast
from protocol.prophetx import wire
from protocol.prophetx.codes import CODES, refusal_body
from protocol.prophetx.wire import Dialect
from protocol.venue import Response

JSON = {"content-type": "application/json"}
BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_CONFIG = frozenset({Fault.CONFIG_CHANGE})


@attrs.define(eq=False)
class Desk:
    """Answer requests. `None` for an answer means that the connection is cut."""

    venue: Venue
    faults: Faults
    wall_ns: Callable[[], int]
    change_config: Callable[[float], None]
    watchers: list[Watcher] = attrs.field(factory=list)

    async def answer(self, asked: Asked) -> Response | None:
        route = routes.find(asked)
        if route is None or route.endpoint.method != asked.method:
            return _refusal("data_not_found", "Not found: path", Dialect.V4)
        for watcher in self.watchers:
            watcher(route.endpoint.name, asked)
        rule = self.faults.draw(REQUEST, route.endpoint.name)
        if rule is None:
            return self.answer_now(asked, route)
        return await self._answer_badly(asked, route, rule)

    def answer_now(self, asked: Asked, route: Route) -> Response:
        """Do what is asked."""
        now_ns = self.wall_ns()
        self.venue.floor.agenda.advance(now_ns)
        if route.endpoint.name == "connection_config":
            rule = self.faults.draw(_CONFIG, route.endpoint.name)
            if rule is not None:
                self.change_config(rule.delay_s)
        visit = Visit(venue=self.venue, asked=asked, dialect=route.dialect, now_ns=now_ns, argument=route.argument)
        try:
            if not route.endpoint.open:
                self.venue.gatekeeper.count_request(visit.account.account_id, now_ns)
            record = route.endpoint.answer(visit)
        except Refused as refusal:
            return _refusal(refusal.code, refusal.message, route.dialect)
        except TooFast as limit:
            return _throttled(limit, route.dialect)
        return Response(status=200, body=wire.encode(record, route.dialect), headers=JSON)

    async def _answer_badly(self, asked: Asked, route: Route, rule: Rule) -> Response | None:
        match rule.fault:
            case Fault.SERVER_ERROR if rule.code == 502:
                return Response(status=502, body=BAD_GATEWAY, headers={"content-type": "text/html"})
            case Fault.SERVER_ERROR:
                return _refusal("internal_error", "Internal error", route.dialect)
            case Fault.SERVER_ERROR_AFTER:
                self.answer_now(asked, route)
                return _refusal("internal_error", "Internal error", route.dialect)
            case Fault.THROTTLE:
                now_ms = self.wall_ns() // 1_000_000
                limit = TooFast(now_ms + int(rule.delay_s * 1000), max(1, round(rule.delay_s)))
                return _throttled(limit, route.dialect)
            case Fault.SLOW_ANSWER:
                response = self.answer_now(asked, route)
                await trio.sleep(rule.delay_s)
                return response
            case Fault.LOST_ANSWER:
                self.answer_now(asked, route)
                await trio.sleep(rule.delay_s)
                return None
            case _:  # a request that never arrived
                return None


def _refusal(code: str, message: str, dialect: Dialect) -> Response:
    status = CODES[code][0]
    return Response(status=status, body=refusal_body(code, message, dialect), headers=JSON)


def _throttled(limit: TooFast, dialect: Dialect) -> Response:
    body = refusal_body("rate_limit_reached", "Rate limit reached", dialect, limit.allowed_at_ms)
    return Response(status=429, body=body, headers={**JSON, "retry-after": str(limit.retry_after_s)})
