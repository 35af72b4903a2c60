"""Authorised, paced REST calls."""

import math
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import attrs
import structlog
import trio

from actors.decisions.limits import RateLimit
from actors.io.clock import VenueClock
from actors.io.http import HttpLane, open_lane
from actors.io.transport import Dial
from actors.messages import AnswerLost
from actors.tally import Tally
from protocol.errors import NOT_JSON, Policy, RemoteProtocolError, VenueError
from protocol.tokens import Authorisation, Need
from protocol.venue import Call, Credentials, Lane, Response, Rest, Tokens, Traits

T = TypeVar("T")
log = structlog.get_logger()

LANES: Mapping[Lane, int] = {Lane.PLACING: 3, Lane.CANCELLING: 2, Lane.READING: 3}
"""Connections a lane: one lost answer must not block the next order."""

HURRY_S = 1.5
HURRIED_READS_APART_S = 0.1
DEFAULT_HOLD_S = 1.0  # a 429 that does not say how long
MAX_HOLD_S = 3600.0
SESSION_WAIT_S = 10.0  # after session_num_exceed, doubling
MAX_SESSION_WAIT_S = 600.0
LOGIN_WAIT_S = 0.5  # after a login without an answer, doubling
MAX_LOGIN_WAIT_S = 15.0
FORCED_APART_S = 60.0  # a login that a 401 forces, though the token was new


def _nothing() -> None:
    pass


class LoginRefused(Exception):
    """The venue does not take who we say we are. Nothing can heal that from here."""


class TokenKeeper(Protocol):
    """Where tokens outlive the process: a login costs a session, and a restart need not."""

    def load(self, now_s: float) -> Tokens | None:
        """Return the tokens that were kept last, unless they are over."""

    async def save(self, tokens: Tokens) -> None:
        """Keep tokens in place of those before. Bounded; what cannot be kept costs a login at the next start."""


class NotKept:
    """Keep no tokens."""

    def load(self, now_s: float) -> None:
        return None

    async def save(self, tokens: Tokens) -> None:
        pass


@attrs.define
class Caller:
    """Make REST calls: with a token that is renewed in time, within the venue's limits, each with a deadline.

    However many calls wait, one login or refresh is under way at most.
    """

    rest: Rest
    traits: Traits
    credentials: Credentials
    clock: VenueClock
    tally: Tally
    kept: TokenKeeper = attrs.field(factory=NotKept)
    held: Callable[[float], None] = lambda _until_s: None  # called when no order may leave for a while
    limit: RateLimit = attrs.field(init=False)
    authorisation: Authorisation = attrs.field(init=False)
    logged_in: trio.Event = attrs.field(factory=trio.Event, repr=False)
    hurry_s: float = math.inf  # no call takes longer
    heard_s: float = -math.inf  # when the venue last answered, on trio's clock
    lost_s: float = -math.inf  # when it last did not
    _lanes: Mapping[Lane, Sequence[HttpLane]] = attrs.field(factory=dict, repr=False)
    _free: dict[Lane, trio.Semaphore] = attrs.field(factory=dict, repr=False)
    _idle: dict[Lane, list[HttpLane]] = attrs.field(factory=dict, repr=False)
    _under_way: dict[trio.CancelScope, None] = attrs.field(factory=dict, repr=False)
    _authorising: trio.Lock = attrs.field(factory=trio.Lock, repr=False)
    _renewed: trio.Event = attrs.field(factory=trio.Event, repr=False)
    _forced_s: float = -math.inf  # when a login was last forced, on trio's clock

    def __attrs_post_init__(self) -> None:
        self.limit = RateLimit.of(self.traits)
        self.authorisation = Authorisation(self.traits.refresh_margin_s)
        tokens = self.kept.load(self._now_s())
        if tokens is not None:
            self.authorisation.resumed(tokens, self._now_s())
            self.logged_in.set()

    @asynccontextmanager
    async def connections(self, rest_url: str, dial: Dial) -> AsyncIterator[None]:
        """Hold every lane's connections open."""
        context = ssl.create_default_context() if urlsplit(rest_url).scheme == "https" else None
        async with AsyncExitStack() as stack:
            for lane, count in LANES.items():
                opened = [await stack.enter_async_context(open_lane(rest_url, dial, context)) for _ in range(count)]
                self._idle[lane] = opened
                self._free[lane] = trio.Semaphore(count)
            yield

    async def ask(self, call: Call[T], /, sending: Callable[[], None] = _nothing) -> T:
        """Make one call. Raises `VenueError`, `RemoteProtocolError`, `AnswerLost` or `LoginRefused`.

        A 401 is answered by one refresh and one more try: it says that nothing was done. A second one means a login
        before the next call.
        """
        token = await self.token()
        try:
            return await self._once(call, token, sending)
        except VenueError as error:
            if error.policy is not Policy.REAUTHENTICATE:
                raise
            self.authorisation.access_refused(token)
        try:
            return await self._once(call, await self.token(), sending)
        except VenueError as error:
            if error.policy is Policy.REAUTHENTICATE:
                self._force_login()
            raise

    async def token(self) -> str:
        """Return a token that serves, renewed if need be. Raises `LoginRefused`."""
        if not self.authorisation.usable(self._now_s()):
            await self._renew()
        return self.authorisation.access_token

    async def wait_renewed(self, token: str) -> None:
        """Wait until another token has come in this one's place."""
        while self.authorisation.current in (None, token):
            await self._renewed.wait()

    def _force_login(self) -> None:
        now_s = trio.current_time()
        if now_s - self._forced_s >= FORCED_APART_S:
            self._forced_s = now_s
            self.authorisation.refresh_refused()

    def hurry(self) -> None:
        """Wait less, for the little while that a stop takes: a few dozen requests more are no load for the venue."""
        self.hurry_s = HURRY_S
        for scope in self._under_way:
            scope.deadline = min(scope.deadline, trio.current_time() + HURRY_S)
        self.limit.reads_apart_s = HURRIED_READS_APART_S

    async def keep_fresh(self) -> None:
        """Refresh the token before anybody has to wait for it."""
        while True:
            await self._renew()
            wait_s = self.authorisation.renew_at_s - self._now_s()
            await trio.sleep(min(max(wait_s, 1.0), 86_400.0))

    async def _once(self, call: Call[T], token: str | None, sending: Callable[[], None] = _nothing) -> T:
        response = await self._send(call, token, sending)
        try:
            return call.read(response)
        except VenueError as error:
            if error.policy is Policy.BACK_OFF and error.status == 429:
                self._hold(call, error)
            if error.code == NOT_JSON:
                log.error("answer_not_json", endpoint=call.name, status=error.status)
            raise

    async def _send(self, call: Call[T], token: str | None, sending: Callable[[], None]) -> Response:
        await self._turn(call.lane, call.name)  # before a connection is taken: who waits for long shall not hold one
        async with self._free[call.lane]:
            http = self._idle[call.lane].pop()
            try:
                sending()
                self.tally.requests += 1
                sent_ns = self.clock.wall_ns()
                response = await self._exchange(http, call, token)
            except AnswerLost:
                self.tally.answers_lost += 1
                self.lost_s = trio.current_time()
                raise
            finally:
                self._idle[call.lane].append(http)
        self.clock.heard(response.headers, sent_ns)
        self.heard_s = trio.current_time()
        return response

    async def _exchange(self, http: HttpLane, call: Call[T], token: str | None) -> Response:
        with trio.CancelScope() as scope:  # its deadline comes closer when the bot is in a hurry
            self._under_way[scope] = None
            try:
                return await http.send(call.request, token, min(call.timeout_s, self.hurry_s))
            finally:
                del self._under_way[scope]
        raise AnswerLost(f"{call.name}: given up in a hurry")

    async def _turn(self, lane: Lane, name: str) -> None:
        """Wait for the rate limit. Bounded: a hold ends, and the budget comes back."""
        cancelling = lane is Lane.CANCELLING
        self.limit.cancels_waiting += cancelling
        try:
            while (at_s := self.limit.earliest_s(lane, name, trio.current_time())) > trio.current_time():  # noqa: ASYNC110
                await trio.sleep_until(at_s)
        finally:
            self.limit.cancels_waiting -= cancelling
        self.limit.spend(lane, name, trio.current_time())

    def _hold(self, call: Call[T], error: VenueError) -> None:
        waits_s = [error.retry_after_s or 0.0]
        if error.allowed_at_ms is not None:
            waits_s.append(error.allowed_at_ms / 1e3 - self.clock.now_ns() / 1e9)
        longest_s = max(waits_s)
        until_s = trio.current_time() + min(longest_s if longest_s > 0 else DEFAULT_HOLD_S, MAX_HOLD_S)
        self.limit.hold(call.name, until_s)
        if not self.limit.by_endpoint or call.lane is not Lane.READING:
            self.held(until_s)
        log.warning(
            "requests_held", endpoint=call.name, code=error.code, seconds=round(until_s - trio.current_time(), 3)
        )

    async def _renew(self) -> None:
        if self.authorisation.need(self._now_s()) is not Need.NOTHING:
            async with self._authorising:
                await self._authorise()

    async def _authorise(self) -> None:
        wait_s, session_wait_s = LOGIN_WAIT_S, SESSION_WAIT_S
        while (need := self.authorisation.need(self._now_s())) is not Need.NOTHING:
            try:
                await (self._refresh() if need is Need.REFRESH else self._log_in())
            except VenueError as error:
                if error.code == "session_num_exceed":
                    log.warning("session_cap_reached", retry_s=session_wait_s)
                    await trio.sleep(session_wait_s)
                    session_wait_s = min(session_wait_s * 2, MAX_SESSION_WAIT_S)
                    continue
                if error.policy in (Policy.TERMINAL, Policy.REAUTHENTICATE):
                    raise LoginRefused(f"{self.traits.venue} refused the login: {error}") from error
                log.warning("login_failed", reason=str(error), retry_s=wait_s)
            except (AnswerLost, RemoteProtocolError) as error:
                log.warning("login_failed", reason=str(error), retry_s=wait_s)
            else:
                continue
            await trio.sleep(wait_s)
            wait_s = min(wait_s * 2, MAX_LOGIN_WAIT_S)
        self.logged_in.set()
        self._renewed.set()
        self._renewed = trio.Event()

    async def _log_in(self) -> None:
        tokens = await self._once(self.rest.log_in(self.credentials), None)
        self.authorisation.logged_in(tokens, self._now_s())
        await self.kept.save(tokens)
        log.info("logged_in")

    async def _refresh(self) -> None:
        try:
            token = await self._once(self.rest.refresh(self.authorisation.refresh_token), None)
        except VenueError as error:
            if error.policy not in (Policy.TERMINAL, Policy.REAUTHENTICATE, Policy.ALREADY_GONE):
                raise
            self.authorisation.refresh_refused()
        else:
            self.authorisation.refreshed(token, self._now_s())
            await self.kept.save(self.authorisation.tokens)
            log.info("token_refreshed")

    def _now_s(self) -> float:
        return self.clock.now_ns() / 1e9
