import json

import pytest

from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.satoriex.codes import Purpose, opened
from protocol.venue import Response

TERMINAL, AGAIN, BACK_OFF = Policy.TERMINAL, Policy.REAUTHENTICATE, Policy.BACK_OFF
GONE, UNKNOWN = Policy.ALREADY_GONE, Policy.OUTCOME_UNKNOWN
LOGIN, PLACING, CANCELLING, READING = Purpose
HTML = b"<!DOCTYPE html><html><head><title>Attention Required!</title></head></html>"


def answer(status: int, body: object, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status=status, body=raw, headers={"retry-after": headers["after"]} if headers else {})


def refused(response: Response, purpose: Purpose = READING) -> VenueError:
    with pytest.raises(VenueError) as caught:
        opened(response, purpose)
    return caught.value


def envelope(code: object, **more: object) -> dict[str, object]:
    return {"code": code, "msg": "no", "data": None, **more}


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize(
    ("body", "data"),
    [
        ({"code": 0, "msg": "ok", "data": {"a": 1}}, b'{"a": 1}'),
        ({"code": 0, "data": [1]}, b"[1]"),  # `msg` is missing in some of the venue's samples
        ({"code": 0, "msg": None, "data": None}, b"null"),
        ({"code": 0}, b"null"),
    ],
)
def test_a_yes_is_code_zero_with_any_2xx(status, body, data):
    assert bytes(opened(answer(status, body))) == data


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize(
    ("status", "code", "login", "placing", "cancelling", "reading"),
    [
        (200, 2002, TERMINAL, AGAIN, AGAIN, AGAIN),
        (202, 50000, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (202, 99030, TERMINAL, TERMINAL, TERMINAL, TERMINAL),
        (200, "BUILDER_CODE_INVALID", TERMINAL, TERMINAL, TERMINAL, TERMINAL),
        (302, 1, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (400, 99010, TERMINAL, TERMINAL, TERMINAL, TERMINAL),
        (401, 2002, TERMINAL, AGAIN, AGAIN, AGAIN),
        (401, 99001, TERMINAL, AGAIN, AGAIN, AGAIN),
        (403, 4003, TERMINAL, TERMINAL, TERMINAL, TERMINAL),
        (404, 99022, TERMINAL, TERMINAL, GONE, TERMINAL),
        (408, 1, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (409, 99035, TERMINAL, TERMINAL, GONE, TERMINAL),
        (418, 1, TERMINAL, TERMINAL, TERMINAL, TERMINAL),
        (422, 99030, TERMINAL, TERMINAL, TERMINAL, TERMINAL),
        (429, 99040, BACK_OFF, BACK_OFF, BACK_OFF, BACK_OFF),
        (500, 50000, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (502, 1, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (503, 1, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_what_to_do_about_a_refusal(purpose, status, code, login, placing, cancelling, reading):
    error = refused(answer(status, envelope(code)), purpose)

    policies = {LOGIN: login, PLACING: placing, CANCELLING: cancelling, READING: reading}
    assert (error.policy, error.status, error.code, error.message) == (policies[purpose], status, str(code), "no")


def test_the_trace_of_an_internal_error_is_kept():
    error = refused(answer(500, {"code": 50000, "msg": "internal error", "data": None, "trace_id": "t-1"}))

    assert str(error) == "50000 (500): internal error, trace t-1"


@pytest.mark.parametrize("body", [{"code": 0, "msg": None}, {"code": "0"}, {"error": "x"}, [], "no"])
def test_a_refusal_without_a_code_goes_by_its_status(body):
    error = refused(answer(400, body))

    assert (error.code, error.policy, error.message) == ("http_400", TERMINAL, "")


@pytest.mark.parametrize("body", [{"data": {}}, [], "ok", 0, {"code": None}, {"code": 0.0}])
def test_json_that_is_no_envelope_is_not_a_yes(body):
    with pytest.raises(RemoteProtocolError, match="Envelope"):
        opened(answer(200, body))


@pytest.mark.parametrize("body", [HTML, b"", b"{", b"\xff", b'{"code": 0', b"[" * 5000])
@pytest.mark.parametrize(
    ("status", "login", "placing", "cancelling", "reading"),
    [
        (200, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (202, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (400, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (401, TERMINAL, AGAIN, AGAIN, AGAIN),  # whoever wrote it, nothing was done
        (403, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (404, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (429, BACK_OFF, BACK_OFF, BACK_OFF, BACK_OFF),
        (502, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_a_block_at_the_edge_tells_nothing_of_what_happened(body, status, login, placing, cancelling, reading):
    policies = {LOGIN: login, PLACING: placing, CANCELLING: cancelling, READING: reading}
    for purpose, policy in policies.items():
        error = refused(answer(status, body), purpose)

        assert (error.code, error.policy) == ("not_json", policy)


@pytest.mark.parametrize(
    ("after", "seconds", "at_ms"),
    [
        ("7", 7.0, None),
        ("0.5", 0.5, None),
        ("", 60.0, None),
        ("soon", 60.0, None),
        ("-1", 60.0, None),
        ("nan", 60.0, None),
        ("1e9", 60.0, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None, 1_792_567_680_000),
    ],
)
def test_how_long_a_429_asks_to_wait(after, seconds, at_ms):
    for body in (envelope(99040), HTML):
        error = refused(answer(429, body, after=after))

        assert (error.policy, error.retry_after_s, error.allowed_at_ms) == (BACK_OFF, seconds, at_ms)


def test_a_429_that_asks_for_nothing_gets_a_minute():
    assert refused(answer(429, envelope(1))).retry_after_s == 60.0


def test_only_a_429_has_a_time():
    error = refused(answer(500, envelope(1), after="7"))

    assert (error.retry_after_s, error.allowed_at_ms) == (None, None)
