import json
from contextlib import suppress
from itertools import pairwise

import attrs
import pytest
import trio
from structlog.testing import capture_logs

from actors.io.caller import Caller, LoginRefused, NotKept
from actors.io.clock import VenueClock
from actors.messages import AnswerLost, NotSent
from actors.tally import Tally
from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.prophetx.rest import ProphetXRest
from protocol.prophetx.venue import ProphetX
from protocol.prophetx.wire import Dialect
from protocol.satoriex.rest import SatoriExRest
from protocol.venue import ConnectionConfig, Credentials, Lane, Quota, Tokens

EPOCH_S = 1_790_000_000
REST = ProphetXRest(Dialect.V4)
CONFIG = REST.connection_config()


def wall_ns() -> int:
    return EPOCH_S * 10**9 + int(trio.current_time() * 10**9)


class Venue:
    """Answers logins and refreshes with tokens, and everything else by a list."""

    def __init__(self, byte_venue, written, life_s=600, refresh_life_s=86_400, kept=None, **traits):
        self.bytes = byte_venue
        self.written = written
        self.life_s, self.refresh_life_s = life_s, refresh_life_s
        self.logins: list[object] = []  # answers before the good ones
        self.refreshes: list[object] = []
        self.answers: list[object] = []
        self.issued = 0
        byte_venue.answer = self.answer
        self.held: list[float] = []
        self.caller = Caller(
            rest=REST,
            traits=attrs.evolve(ProphetX().traits, **traits),
            credentials=Credentials(user="k", secret="s"),
            clock=VenueClock(wall_ns),
            tally=Tally(),
            kept=NotKept() if kept is None else kept,
            held=self.held.append,
        )

    async def answer(self, asked):
        if asked.path == "/auth/login":
            return self.logins.pop(0) if self.logins else self._tokens(refresh=True)
        if asked.path == "/auth/refresh":
            return self.refreshes.pop(0) if self.refreshes else self._tokens(refresh=False)
        answer = self.answers.pop(0) if self.answers else self.ok()
        return await answer() if callable(answer) else answer

    def _tokens(self, *, refresh):
        self.issued += 1
        now_s = EPOCH_S + int(trio.current_time())
        tokens = {"access_token": f"t-{self.issued}", "access_expire_time": now_s + self.life_s}
        if refresh:
            tokens |= {"refresh_token": "r-1", "refresh_expire_time": now_s + self.refresh_life_s}
        return self.written(json.dumps({"data": tokens}).encode())

    def ok(self):
        return self.written(b'{"key": "k", "cluster": "mt1", "service": "pusher", "app_id": "1"}')

    def no(self, code, status, **headers):
        return self.written(json.dumps({"error": code, "message": "no"}).encode(), status, **headers)

    def paths(self):
        return [asked.path for asked in self.bytes.asked]

    def open(self):
        return self.caller.connections("http://venue", self.bytes.dial)


@pytest.fixture
def venue(byte_venue, written):
    return Venue(byte_venue, written)


async def ask(venue, call=CONFIG):
    with trio.fail_after(1000):
        return await venue.caller.ask(call)


# --- tokens ------------------------------------------------------------------------------------------------------


async def test_the_first_call_logs_in_and_the_next_does_not(autojump_clock, venue):
    async with venue.open():
        first = await ask(venue)
        await ask(venue)

    assert first == ConnectionConfig(key="k", cluster="mt1", service="pusher", app_id="1")
    assert venue.paths() == ["/auth/login", "/websocket/connection-config", "/websocket/connection-config"]
    assert "authorization" not in venue.bytes.asked[0].headers
    assert venue.bytes.asked[1].headers["authorization"] == "Bearer t-1"
    assert venue.caller.logged_in.is_set()
    assert venue.caller.tally.requests == 3


async def test_however_many_wait_one_login_is_made(autojump_clock, venue):
    async with venue.open(), trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(ask, venue)

    assert venue.paths().count("/auth/login") == 1


async def test_the_token_is_refreshed_before_it_expires_without_a_login(autojump_clock, venue):
    async with venue.open():
        with trio.move_on_after(3000):
            await venue.caller.keep_fresh()

    times = [round(asked.at_s) for asked in venue.bytes.asked if asked.path == "/auth/refresh"]
    assert venue.paths().count("/auth/login") == 1
    assert times == [540, 1080, 1620, 2160, 2700]


async def test_a_refused_refresh_is_followed_by_a_login(autojump_clock, venue):
    venue.refreshes = [venue.no("unauthorized", 401)]
    async with venue.open():
        await ask(venue)
        await trio.sleep(601)
        await ask(venue)

    assert venue.paths()[2:4] == ["/auth/refresh", "/auth/login"]


async def test_a_refresh_token_that_expired_needs_a_login(autojump_clock, venue):
    async with venue.open():
        await ask(venue)
        await trio.sleep(86_000 + 4_000)
        await ask(venue)

    assert venue.paths()[2:] == ["/auth/login", "/websocket/connection-config"]


async def test_a_refresh_without_an_answer_is_tried_again(autojump_clock, venue):
    venue.refreshes = [None, venue.no("internal_error", 500)]
    async with venue.open():
        await ask(venue)
        await trio.sleep(601)
        await ask(venue)

    assert venue.paths()[2:5] == ["/auth/refresh"] * 3


async def test_the_session_cap_is_waited_for_10_s_doubling(autojump_clock, venue):
    venue.logins = [venue.no("session_num_exceed", 403)] * 3
    async with venue.open():
        await ask(venue)

    assert [round(asked.at_s) for asked in venue.bytes.asked if asked.path == "/auth/login"] == [0, 10, 30, 70]


async def test_a_login_without_an_answer_is_tried_again_ever_later(autojump_clock, venue):
    venue.logins = [None, b"<html>", venue.no("internal_error", 500), venue.written(b"[]")]
    async with venue.open():
        await ask(venue)

    times = [asked.at_s for asked in venue.bytes.asked if asked.path == "/auth/login"]
    waits = [after - before for before, after in pairwise(times)]
    assert len(times) == 5
    assert waits == sorted(waits)


async def test_a_key_pair_that_is_not_taken_ends_it(autojump_clock, venue):
    venue.logins = [venue.no("unauthorized", 401)]
    async with venue.open():
        with pytest.raises(LoginRefused, match="unauthorized"):
            await ask(venue)

    assert not venue.caller.logged_in.is_set()


async def test_a_401_is_answered_by_one_refresh_and_one_more_try(autojump_clock, venue):
    venue.answers = [venue.no("unauthorized", 401)]
    async with venue.open():
        await ask(venue)

    assert venue.paths()[1:] == ["/websocket/connection-config", "/auth/refresh", "/websocket/connection-config"]
    assert venue.bytes.asked[-1].headers["authorization"] == "Bearer t-2"


async def test_a_second_401_is_the_answer(autojump_clock, venue):
    venue.answers = [venue.no("unauthorized", 401)] * 2
    async with venue.open():
        with pytest.raises(VenueError) as refused:
            await ask(venue)

    assert refused.value.policy is Policy.REAUTHENTICATE


async def test_a_second_401_is_followed_by_a_login_before_the_next_call(autojump_clock, venue):
    venue.answers = [venue.no("unauthorized", 401)] * 2
    async with venue.open():
        await _outcome(venue)
        await ask(venue)

    assert venue.paths()[-2:] == ["/auth/login", "/websocket/connection-config"]
    assert venue.bytes.asked[-1].headers["authorization"] == "Bearer t-3"


async def test_however_often_two_401s_come_they_force_one_login_a_minute(autojump_clock, venue):
    venue.answers = [venue.no("unauthorized", 401)] * 100
    async with venue.open():
        for _ in range(10):
            await _outcome(venue)
            await trio.sleep(15)

    times = [round(asked.at_s) for asked in venue.bytes.asked if asked.path == "/auth/login"]
    assert times == [0, 15, 75, 135]


async def test_a_token_is_had_by_a_login_and_then_stays(autojump_clock, venue):
    async with venue.open():
        tokens = [await venue.caller.token() for _ in range(3)]

    assert tokens == ["t-1", "t-1", "t-1"]
    assert venue.paths() == ["/auth/login"]


@pytest.mark.parametrize(("after_s", "token"), [(599, "t-1"), (601, "t-2")])
async def test_a_token_is_renewed_for_who_asks_once_it_has_expired(autojump_clock, venue, after_s, token):
    async with venue.open():
        await venue.caller.token()
        await trio.sleep(after_s)

        assert await venue.caller.token() == token


async def test_a_token_that_was_refused_is_renewed_for_who_asks(autojump_clock, venue):
    async with venue.open():
        token = await venue.caller.token()
        venue.caller.authorisation.access_refused(token)

        assert await venue.caller.token() == "t-2"


async def test_who_waits_for_a_renewal_waits_until_there_was_one(autojump_clock, venue):
    async with venue.open(), trio.open_nursery() as nursery:
        token = await venue.caller.token()
        nursery.start_soon(venue.caller.keep_fresh)

        with trio.fail_after(1000):
            await venue.caller.wait_renewed(token)

        assert trio.current_time() == pytest.approx(540, abs=1)
        assert await venue.caller.token() == "t-2"
        nursery.cancel_scope.cancel()


async def test_who_waits_for_a_renewal_that_was_need_not_wait(autojump_clock, venue):
    async with venue.open():
        token = await venue.caller.token()
        await trio.sleep(601)
        await venue.caller.token()

        with trio.fail_after(1):
            await venue.caller.wait_renewed(token)


async def test_who_waits_for_a_renewal_while_a_login_is_forced_gets_its_token(autojump_clock, venue):
    venue.answers = [venue.no("unauthorized", 401)] * 2
    async with venue.open(), trio.open_nursery() as nursery:
        await _outcome(venue)
        nursery.start_soon(venue.caller.wait_renewed, "t-2")
        await trio.sleep(1)
        await ask(venue)

    assert venue.caller.authorisation.access_token == "t-3"


# --- tokens of a process before this one -------------------------------------------------------------------------


@attrs.define
class Kept:
    """Where tokens stay while processes come and go."""

    tokens: Tokens | None = None

    def load(self, now_s: float) -> Tokens | None:
        return self.tokens

    async def save(self, tokens: Tokens) -> None:
        self.tokens = tokens


def kept(access_life_s: int = 600, refresh_life_s: int = 86_400) -> Kept:
    return Kept(
        Tokens(
            access_token="t-0",
            access_expires_s=EPOCH_S + access_life_s,
            refresh_token="r-0",
            refresh_expires_s=EPOCH_S + refresh_life_s,
        )
    )


async def test_kept_tokens_cost_no_login(autojump_clock, byte_venue, written):
    venue = Venue(byte_venue, written, kept=kept())
    async with venue.open():
        await ask(venue)

    assert venue.paths() == ["/websocket/connection-config"]
    assert byte_venue.asked[0].headers["authorization"] == "Bearer t-0"
    assert venue.caller.logged_in.is_set()


async def test_a_kept_token_that_is_over_is_refreshed(autojump_clock, byte_venue, written):
    venue = Venue(byte_venue, written, kept=kept(access_life_s=-1))
    async with venue.open():
        await ask(venue)

    assert venue.paths() == ["/auth/refresh", "/websocket/connection-config"]


async def test_a_kept_token_that_is_refused_is_renewed(autojump_clock, byte_venue, written):
    keeper = kept()
    venue = Venue(byte_venue, written, kept=keeper)
    venue.answers = [venue.no("unauthorized", 401)]
    async with venue.open():
        await ask(venue)

    assert venue.paths()[1:] == ["/auth/refresh", "/websocket/connection-config"]
    assert keeper.tokens == attrs.evolve(kept().tokens, access_token="t-1")


async def test_kept_tokens_that_are_worth_nothing_end_with_one_login(autojump_clock, byte_venue, written):
    keeper = kept()
    venue = Venue(byte_venue, written, kept=keeper)
    venue.answers = [venue.no("unauthorized", 401)]
    venue.refreshes = [venue.no("unauthorized", 401)]
    async with venue.open():
        await ask(venue)

    assert venue.paths()[1:] == ["/auth/refresh", "/auth/login", "/websocket/connection-config"]
    assert (keeper.tokens.access_token, keeper.tokens.refresh_token) == ("t-1", "r-1")


async def test_what_a_login_and_a_refresh_give_is_kept(autojump_clock, byte_venue, written):
    keeper = Kept()
    venue = Venue(byte_venue, written, kept=keeper)
    async with venue.open():
        await ask(venue)
        after_login = keeper.tokens
        await trio.sleep(601)
        await ask(venue)

    assert (after_login.access_token, after_login.refresh_token) == ("t-1", "r-1")
    assert (keeper.tokens.access_token, keeper.tokens.refresh_token) == ("t-2", "r-1")


# --- pace --------------------------------------------------------------------------------------------------------


async def test_reads_of_one_endpoint_are_a_second_apart_after_a_few(autojump_clock, venue):
    async with venue.open():
        for _ in range(5):
            await ask(venue)

    times = [asked.at_s for asked in venue.bytes.asked[1:]]
    assert times == pytest.approx([0, 0, 0, 1, 2], abs=0.1)


async def test_in_a_hurry_it_waits_less(autojump_clock, venue):
    async def silence():
        await trio.sleep_forever()

    async with venue.open():
        venue.caller.hurry()
        for _ in range(4):
            await ask(venue)
        venue.answers = [silence]
        with pytest.raises(AnswerLost):
            await ask(venue)

    assert venue.bytes.asked[-1].at_s - venue.bytes.asked[-2].at_s == pytest.approx(0.1, abs=0.05)
    assert trio.current_time() - venue.bytes.asked[-1].at_s == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize(
    ("headers", "details", "wait_s"),
    [
        ({"retry_after": "3"}, {}, 3),
        ({}, {"next_allow_at": 7000}, 7),
        ({"retry_after": "3"}, {"next_allow_at": 7000}, 7),
        ({"retry_after": "9"}, {"next_allow_at": 7000}, 9),
        ({}, {}, 1),
        ({}, {"next_allow_at": -5000}, 1),
        ({"retry_after": "400"}, {}, 400),
    ],
)
async def test_a_429_holds_every_request_until_the_later_of_its_two_times(
    autojump_clock, venue, headers, details, wait_s
):
    if details:
        details = {"next_allow_at": EPOCH_S * 1000 + details["next_allow_at"]}
    body = json.dumps({"error": "rate_limit_reached", "message": "", "details": details}).encode()
    venue.answers = [venue.written(body, 429, **headers)]
    async with venue.open():
        with pytest.raises(VenueError) as refused:
            await ask(venue)
        await ask(venue)

    assert refused.value.policy is Policy.BACK_OFF
    assert venue.bytes.asked[-1].at_s == pytest.approx(max(wait_s, 1), abs=0.1)
    assert venue.held == [pytest.approx(wait_s, abs=0.1)]


async def test_after_a_hold_cancels_go_first(autojump_clock, venue):
    async with venue.open():
        await ask(venue)
        venue.caller.limit.hold(CONFIG.name, trio.current_time() + 5)
        async with trio.open_nursery() as nursery:
            for call in (REST.connection_config(), REST.balance(), REST.cancel_all(), REST.cancel_all()):
                nursery.start_soon(_outcome, venue, call)
                await trio.sleep(0.01)

    cancels = [asked.at_s for asked in venue.bytes.asked[2:] if "cancel" in asked.path]
    others = [asked.at_s for asked in venue.bytes.asked[2:] if "cancel" not in asked.path]
    assert len(cancels) == len(others) == 2
    assert 5 <= max(cancels) <= min(others)


@pytest.mark.parametrize(("held_by_endpoint", "at_s"), [(True, 0), (False, 30)])
async def test_a_429_is_about_its_own_endpoint_only_where_the_venue_means_it_so(
    autojump_clock, byte_venue, written, held_by_endpoint, at_s
):
    venue = Venue(byte_venue, written, held_by_endpoint=held_by_endpoint)
    venue.answers = [venue.no("rate_limit_reached", 429, retry_after="30")]
    async with venue.open():
        await _outcome(venue)
        await _outcome(venue, REST.balance())
        await ask(venue)

    balance, config = venue.bytes.asked[-2:]
    assert balance.path == REST.balance().request.path
    assert (round(balance.at_s), round(config.at_s)) == (at_s, 30)


async def test_endpoints_that_share_a_quota_are_held_together(autojump_clock, byte_venue, written):
    quota = Quota(names=frozenset({CONFIG.name, REST.balance().name}), calls=100)
    venue = Venue(byte_venue, written, held_by_endpoint=True, quotas=(quota,))
    venue.answers = [venue.no("rate_limit_reached", 429, retry_after="30")]
    async with venue.open():
        await _outcome(venue)
        await _outcome(venue, REST.balance())

    assert round(venue.bytes.asked[-1].at_s) == 30


@pytest.mark.parametrize(
    ("held_by_endpoint", "lane", "held"),
    [
        (True, Lane.READING, []),
        (True, Lane.PLACING, [pytest.approx(30, abs=0.1)]),
        (True, Lane.CANCELLING, [pytest.approx(30, abs=0.1)]),
        (False, Lane.READING, [pytest.approx(30, abs=0.1)]),
    ],
)
async def test_that_no_order_may_leave_is_told_unless_only_a_reading_is_held(
    autojump_clock, byte_venue, written, held_by_endpoint, lane, held
):
    venue = Venue(byte_venue, written, held_by_endpoint=held_by_endpoint)
    venue.answers = [venue.no("rate_limit_reached", 429, retry_after="30")]
    async with venue.open():
        await _outcome(venue, attrs.evolve(CONFIG, lane=lane))

    assert venue.held == held


async def _outcome(venue, call=CONFIG):
    with suppress(RemoteProtocolError, VenueError):
        await ask(venue, call)


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, b"<html>502 Bad Gateway</html>"), (500, b""), (500, b'{"error": "unknown_error", "message": ""}')],
)
async def test_an_answer_that_says_nothing_leaves_the_outcome_unknown(autojump_clock, venue, status, body):
    venue.answers = [venue.written(body, status)]
    async with venue.open():
        with pytest.raises(VenueError) as refused:
            await ask(venue)

    assert refused.value.policy is Policy.OUTCOME_UNKNOWN


@pytest.mark.parametrize("body", [b"<html>", b'{"key": "k", "clus', b"", b"[]"])
async def test_a_yes_that_cannot_be_read_is_an_error_of_theirs(autojump_clock, venue, body):
    venue.answers = [venue.written(body)]
    async with venue.open():
        with pytest.raises(RemoteProtocolError):
            await ask(venue)


async def test_an_answer_that_is_no_json_is_logged_as_an_error(autojump_clock, venue):
    venue.answers = [venue.written(b"<html>502 Bad Gateway</html>", 502)]
    async with venue.open():
        await venue.caller.token()
        with capture_logs() as logs:
            await _outcome(venue, SatoriExRest().balance())

    assert logs == [{"event": "answer_not_json", "endpoint": "balance", "status": 502, "log_level": "error"}]


async def test_a_refusal_in_json_is_no_error_to_log(autojump_clock, venue):
    venue.answers = [venue.written(b'{"code": 50000, "msg": "internal"}', 500)]
    async with venue.open():
        await venue.caller.token()
        with capture_logs() as logs:
            await _outcome(venue, SatoriExRest().balance())

    assert logs == []


async def test_no_answer_is_counted(autojump_clock, venue):
    venue.answers = [None]
    async with venue.open():
        with pytest.raises(AnswerLost):
            await ask(venue)

    assert venue.caller.tally.answers_lost == 1


async def test_a_lost_connection_is_made_anew_by_the_next_call(autojump_clock, venue):
    venue.answers = [None]
    async with venue.open():
        with pytest.raises(AnswerLost):
            await ask(venue)

        assert (await ask(venue)).key == "k"


async def test_sending_is_told_when_the_request_goes_out_and_can_keep_it_back(autojump_clock, venue):
    told = []

    def sending():
        told.append(trio.current_time())
        if len(told) > 1:
            raise NotSent("too late")

    async with venue.open():
        await ask(venue)
        venue.caller.limit.hold(CONFIG.name, trio.current_time() + 5)
        await venue.caller.ask(REST.connection_config(), sending=sending)
        with pytest.raises(NotSent):
            await venue.caller.ask(REST.connection_config(), sending=sending)
        await ask(venue)

    assert told[0] == pytest.approx(5, abs=0.1)
    assert venue.paths().count("/websocket/connection-config") == 3


async def test_a_cancelled_call_gives_its_connection_back(autojump_clock, venue):
    async def silence():
        await trio.sleep_forever()

    venue.answers = [silence] * 5
    async with venue.open():
        for _ in range(5):
            with trio.move_on_after(2):
                await venue.caller.ask(CONFIG)

        assert (await ask(venue)).key == "k"
