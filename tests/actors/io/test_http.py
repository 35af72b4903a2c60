import pytest
import trio
import trio.testing

from actors.io.http import open_lane
from actors.messages import AnswerLost, NotSent
from protocol.venue import Request, Response

GET = Request(method="GET", path="/mm/get_tournaments?has_active_events=true")
POST = Request(method="POST", path="/auth/login", body=b'{"a":1}', headers={"content-type": "application/json"})


async def ask(dial, request=GET, token=None, timeout_s=10.0, base="http://venue:81/partner/"):
    async with open_lane(base, dial, None) as lane:
        with trio.fail_after(100):
            return await lane.send(request, token, timeout_s)


async def test_a_request_goes_below_the_base_address_with_its_token(autojump_clock, byte_venue, written):
    async def answer(asked):
        return written(b'{"a": 1}', 201, X_Thing="b")

    byte_venue.answer = answer
    response = await ask(byte_venue.dial, POST, token="t-1")

    (asked,) = byte_venue.asked
    assert byte_venue.dialled == [("venue", 81)]
    assert (asked.method, asked.path, asked.body) == ("POST", "/partner/auth/login", b'{"a":1}')
    assert (asked.headers["authorization"], asked.headers["content-type"]) == ("Bearer t-1", "application/json")
    assert response == Response(status=201, body=b'{"a": 1}', headers={"content-length": "8", "x-thing": "b"})


async def test_without_a_token_nothing_is_authorised(autojump_clock, byte_venue):
    response = await ask(byte_venue.dial)

    assert "authorization" not in byte_venue.asked[0].headers
    assert byte_venue.asked[0].path == "/partner/mm/get_tournaments?has_active_events=true"
    assert response.status == 404


async def test_two_requests_share_one_connection(autojump_clock, byte_venue):
    async with open_lane("http://venue", byte_venue.dial, None) as lane, trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(lane.send, GET, None, 10.0)

    assert len(byte_venue.asked) == 2
    assert byte_venue.dialled == [("venue", 80)]


async def test_a_connection_that_was_closed_is_made_anew(autojump_clock, byte_venue, written):
    async def answer(asked):
        return written(connection="close")

    byte_venue.answer = answer
    async with open_lane("http://venue", byte_venue.dial, None) as lane:
        for _ in range(2):
            assert (await lane.send(GET, None, 10.0)).status == 200

    assert len(byte_venue.dialled) == 2


@pytest.mark.parametrize(
    "answered",
    [
        None,
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf a body",
        b"<html>no http at all</html>\r\n\r\n",
    ],
)
async def test_no_answer_or_half_of_one_is_lost(autojump_clock, byte_venue, answered):
    async def answer(asked):
        return answered

    byte_venue.answer = answer

    with pytest.raises(AnswerLost, match="GET /mm/get_tournaments: ") as lost:
        await ask(byte_venue.dial)
    assert not isinstance(lost.value, NotSent)


async def test_silence_is_lost_at_the_deadline(autojump_clock, byte_venue):
    async def answer(asked):
        await trio.sleep_forever()

    byte_venue.answer = answer

    with pytest.raises(AnswerLost) as lost:
        await ask(byte_venue.dial, timeout_s=7.0)
    assert not isinstance(lost.value, NotSent)
    assert trio.current_time() == 7.0


async def test_a_body_that_drips_is_lost_at_the_same_deadline(autojump_clock, nursery):
    async def dial(host, port):
        ours, theirs = trio.testing.memory_stream_pair()

        async def drip():
            await ours.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            while True:
                await trio.sleep(1)
                await ours.send_all(b"x")

        nursery.start_soon(drip)
        return theirs

    with pytest.raises(AnswerLost):
        await ask(dial, timeout_s=7.0)
    assert trio.current_time() == 7.0
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("error", [ConnectionRefusedError("nobody"), trio.BrokenResourceError("cut")])
async def test_what_could_not_connect_was_not_sent(autojump_clock, error):
    async def dial(host, port):
        raise error

    with pytest.raises(NotSent):
        await ask(dial)


async def test_a_connection_that_takes_too_long_was_not_sent(autojump_clock):
    async def dial(host, port):
        await trio.sleep_forever()

    with pytest.raises(NotSent):
        await ask(dial)
    assert trio.current_time() == 5.0
