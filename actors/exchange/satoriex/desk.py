"""Requests in, answers out: who may ask, how often, and what goes wrong on the way."""

from collections.abc import Callable
from random import Random

import attrs
import trio

from actors.exchange.faults import REQUEST, Fault, Faults, Rule
from actors.exchange.http import Asked, Watcher
from actors.exchange.satoriex import routes
from actors.exchange.satoriex.limits import Limit, Limits
from actors.exchange.satoriex.records import Json, encode
from actors.exchange.satoriex.refusals import CODES, INTERNAL, Refused
from actors.exchange.satoriex.routes import Budget, Route
from actors.exchange.satoriex.visit import Venue, Visit
from protocol.venue import Response

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}
EDGE_PAGES = {403: "403 Forbidden", 502: "502 Bad Gateway"}  # U-42


@attrs.define(eq=False)
class Desk:
    """Answer requests. `None` for an answer means that the connection is cut."""

    venue: Venue
    limits: Limits
    faults: Faults
    random: Random
    wall_ns: Callable[[], int]
    watchers: list[Watcher] = attrs.field(factory=list)

    async def answer(self, asked: Asked, address: str) -> Response | None:
        """Answer a request that came from an address."""
        route = routes.find(asked)
        if route is None:
            return self.refuse(Refused("path_unknown"))
        for watcher in self.watchers:
            watcher(route.endpoint.name, asked)
        rule = self.faults.draw(REQUEST, route.endpoint.name)
        if rule is None:
            return self._answer_now(asked, address, route)
        return await self._answer_badly(asked, address, route, rule)

    def refuse(self, refusal: Refused) -> Response:
        body: Json = {"code": refusal.code, "msg": str(refusal), "data": None}
        headers = JSON
        if refusal.retry_after_s is not None and self.venue.settings.wire.retry_after:
            headers = {**JSON, "retry-after": str(refusal.retry_after_s)}
        return Response(status=refusal.status, body=encode(body), headers=headers)

    def _answer_now(self, asked: Asked, address: str, route: Route) -> Response:
        """Do what is asked."""
        now_ns = self.wall_ns()
        self.venue.floor.agenda.advance(now_ns)
        try:
            account_id = self._account_id(asked, route, now_ns)
            visit = Visit(
                venue=self.venue, asked=asked, now_ns=now_ns, arguments=route.arguments, account_id=account_id
            )
            self.limits.count(now_ns, *self._limits_of(visit, address, route))
            data = route.endpoint.answer(visit)
        except Refused as refusal:
            return self.refuse(refusal)
        body: Json = {"code": 0, "msg": "ok", "data": data}
        return Response(status=route.endpoint.status, body=encode(body), headers=JSON)

    def _account_id(self, asked: Asked, route: Route, now_ns: int) -> str:
        """Return who asks; a token that comes with an open request only says whose budget it is."""
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise Refused("token_unknown")
            return self.venue.gatekeeper.identify(token.strip(), now_ns).account_id
        except Refused:
            if route.endpoint.is_open:
                return ""
            raise

    def _limits_of(self, visit: Visit, address: str, route: Route) -> tuple[Limit, ...]:
        settings, who, path = self.venue.settings, visit.account_id or address, visit.asked.path
        kind = "orders" if settings.orders_shared else route.endpoint.name
        match route.endpoint.budget:
            case Budget.PUBLIC | Budget.PRIVATE:
                return (Limit(("path", path, who), settings.calls_per_path),)
            case Budget.ORDERS:
                return (
                    Limit((kind, "user", who), settings.orders_per_user),
                    Limit((kind, "address", address), settings.orders_per_address),
                )
            case Budget.LOGIN:
                email = visit.body().get("email")
                return (Limit(("login", email if isinstance(email, str) else ""), settings.logins_per_email),)
            case Budget.REFRESH:
                return (Limit(("refresh", address), settings.refreshes_per_address),)

    async def _answer_badly(self, asked: Asked, address: str, route: Route, rule: Rule) -> Response | None:
        match rule.fault:
            case Fault.SERVER_ERROR if rule.code in EDGE_PAGES:
                return _edge_page(rule.code)
            case Fault.SERVER_ERROR:
                return self._internal_error()
            case Fault.SERVER_ERROR_AFTER:
                self._answer_now(asked, address, route)
                return self._internal_error()
            case Fault.THROTTLE:
                return self.refuse(Refused("rate_limited", retry_after_s=max(1, round(rule.delay_s))))
            case Fault.SLOW_ANSWER:
                response = self._answer_now(asked, address, route)
                await trio.sleep(rule.delay_s)
                return response
            case Fault.LOST_ANSWER:
                self._answer_now(asked, address, route)
                await trio.sleep(rule.delay_s)
                return None
            case _:  # a request that never arrived
                return None

    def _internal_error(self) -> Response:
        trace_id = self.random.randbytes(16).hex()
        body: Json = {"code": INTERNAL, "msg": "internal error", "data": None, "trace_id": trace_id}
        return Response(status=500, body=encode(body), headers=JSON)


def not_http(reason: str) -> bytes:
    """Write the body for what could not be read as a request."""
    return encode({"code": CODES["body_invalid"][1], "msg": reason, "data": None})


def _edge_page(status: int) -> Response:
    words = EDGE_PAGES[status]
    body = f"<html><head><title>{words}</title></head><body><h1>{words}</h1></body></html>"
    return Response(status=status, body=body.encode(), headers=HTML)
