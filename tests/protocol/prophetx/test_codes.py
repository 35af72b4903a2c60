import json

import attrs
import pytest

from protocol.errors import Policy, VenueError
from protocol.prophetx.codes import (
    CODES,
    LEGACY_CODES,
    V4_CODES,
    policy_of,
    refusal,
    refusal_body,
    refusal_inside,
)
from protocol.prophetx.wire import Dialect
from protocol.venue import Response

# As the venue's page lists them: the v4 code, the legacy code where it has another name, the status, what to do.
DOCUMENTED = [
    ("invalid_request", "", 400, Policy.TERMINAL),
    ("invalid_param", "", 400, Policy.TERMINAL),
    ("invalid_strike_id", "invalid_line_id", 400, Policy.TERMINAL),
    ("invalid_quantity", "invalid_stake", 400, Policy.TERMINAL),
    ("invalid_external_id", "", 400, Policy.TERMINAL),
    ("order_limit_exceeded", "wager_limit_exceeded", 400, Policy.TERMINAL),
    ("invalid_order_id", "invalid_wager_id", 400, Policy.TERMINAL),
    ("invalid_cursor", "", 400, Policy.TERMINAL),
    ("invalid_from", "", 400, Policy.TERMINAL),
    ("invalid_to", "", 400, Policy.TERMINAL),
    ("invalid_updated_at_from", "", 400, Policy.TERMINAL),
    ("invalid_updated_at_to", "", 400, Policy.TERMINAL),
    ("invalid_competitor_id", "", 400, Policy.TERMINAL),
    ("market_invalid_event", "", 400, Policy.TERMINAL),
    ("market_event_limit_exceeded", "", 400, Policy.TERMINAL),
    ("event_not_available", "", 400, Policy.TERMINAL),
    ("sport_event_competitor_blacklisted", "", 400, Policy.TERMINAL),
    ("sport_event_is_not_booked", "", 400, Policy.TERMINAL),
    ("order_ref_id_existed", "wager_ref_id_existed", 400, Policy.ALREADY_EXISTS),
    ("order_already_filled", "wager_already_matched", 400, Policy.ALREADY_GONE),
    ("order_already_cancelled", "wager_already_cancelled", 400, Policy.ALREADY_GONE),
    ("order_is_invalid", "wager_is_invalid", 400, Policy.TERMINAL),
    ("invalid_price", "wager_invalid_odds", 400, Policy.TERMINAL),
    ("order_not_matching_external_id", "wager_not_matching_external_id", 400, Policy.TERMINAL),
    ("order_quantity_exceeds_max", "wager_stake_exceeds_max", 400, Policy.TERMINAL),
    ("order_external_id_existed", "wager_external_id_existed", 400, Policy.ALREADY_EXISTS),
    ("invalid_market_id", "", 400, Policy.TERMINAL),
    ("invalid_event_id", "", 400, Policy.TERMINAL),
    ("supplemental_market_pre_match_only", "", 400, Policy.TERMINAL),
    ("strike_id_invalid", "market_line_invalid", 400, Policy.TERMINAL),
    ("order_invalid_profit", "wager_invalid_profit", 400, Policy.TERMINAL),
    ("from_date_greater_than_to_date", "", 400, Policy.TERMINAL),
    ("invalid_from_to_range", "", 400, Policy.TERMINAL),
    ("invalid_updated_at_range", "", 400, Policy.TERMINAL),
    ("missing_date_range", "", 400, Policy.TERMINAL),
    ("err_add_liquidity_only_disabled", "", 400, Policy.TERMINAL),
    ("exceed_subscription_count", "", 400, Policy.TERMINAL),
    ("self_match", "", 400, Policy.TERMINAL),
    ("unauthorized", "", 401, Policy.REAUTHENTICATE),
    ("keypair_num_exceed", "", 403, Policy.TERMINAL),
    ("session_num_exceed", "", 403, Policy.BACK_OFF),
    ("insufficient_amount", "", 403, Policy.TERMINAL),
    ("err_order_placement_disabled", "err_wager_placement_disabled", 403, Policy.TERMINAL),
    ("data_not_found", "", 404, Policy.ALREADY_GONE),
    ("sport_event_not_found", "", 404, Policy.TERMINAL),
    ("err_ref_id_invalid", "", 404, Policy.TERMINAL),
    ("wallet_not_found", "", 404, Policy.TERMINAL),
    ("no_cancellable_orders", "no_cancellable_wagers", 404, Policy.ALREADY_GONE),
    ("order_is_placing", "wager_is_placing", 409, Policy.RETRY_SOON),
    ("order_opened_retry", "wager_opened_retry", 425, Policy.RETRY_SOON),
    ("rate_limit_reached", "", 429, Policy.BACK_OFF),
    ("too_many_delayed_requests", "", 429, Policy.BACK_OFF),
    ("internal_error", "", 500, Policy.OUTCOME_UNKNOWN),
    ("unknown_error", "", 500, Policy.OUTCOME_UNKNOWN),
    ("opened_retry", "", 500, Policy.RETRY_SOON),
    ("order_not_belongs_to_user", "wager_not_belongs_to_user", 500, Policy.TERMINAL),
    ("order_balance_check_timeout", "wager_balance_check_timeout", 500, Policy.OUTCOME_UNKNOWN),
    ("order_unable_to_place", "wager_unable_place", 500, Policy.OUTCOME_UNKNOWN),
    ("order_unable_to_cancel", "wager_unable_cancel", 500, Policy.OUTCOME_UNKNOWN),
    ("reporting_not_available", "", 503, Policy.OUTCOME_UNKNOWN),
]


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status=status, body=raw, headers=headers or {})


def said(error: VenueError) -> dict[str, object]:
    """Return what an error says: as exceptions, two of them are never equal."""
    return attrs.asdict(error)


@pytest.mark.parametrize(("code", "legacy", "status", "policy"), DOCUMENTED)
def test_every_documented_refusal_has_its_status_and_policy_in_both_vocabularies(code, legacy, status, policy):
    expected = said(VenueError(code=code, message="said so", status=status, policy=policy))

    read = [said(refusal(answer(status, {"error": name, "message": "said so"}))) for name in (code, legacy or code)]

    assert CODES[code] == (status, policy)
    assert read == [expected, expected]


def test_the_table_has_what_is_documented_and_the_suspended_user():
    assert CODES.keys() == {code for code, *_ in DOCUMENTED} | {"user_suspended"}
    assert CODES["user_suspended"] == (403, Policy.TERMINAL)


def test_the_legacy_names_are_those_documented():
    assert dict(LEGACY_CODES) == {legacy: code for code, legacy, *_ in DOCUMENTED if legacy}
    assert {V4_CODES[code]: code for code in V4_CODES} == dict(LEGACY_CODES)


@pytest.mark.parametrize(
    ("status", "policy"),
    [
        (400, Policy.TERMINAL),
        (401, Policy.REAUTHENTICATE),
        (403, Policy.TERMINAL),
        (404, Policy.TERMINAL),
        (409, Policy.RETRY_SOON),
        (425, Policy.RETRY_SOON),
        (429, Policy.BACK_OFF),
        (499, Policy.TERMINAL),
        (500, Policy.OUTCOME_UNKNOWN),
        (504, Policy.OUTCOME_UNKNOWN),
        (302, Policy.OUTCOME_UNKNOWN),
    ],
)
def test_an_unknown_code_is_judged_by_its_status(status, policy):
    assert policy_of("never_heard_of", status) is policy


def test_too_many_requests_is_a_reason_to_back_off_whatever_the_code():
    assert policy_of("internal_error", 429) is Policy.BACK_OFF


def test_a_back_off_brings_its_deadline_from_the_body_and_the_header():
    body = {"error": "rate_limit_reached", "message": "slow", "details": {"next_allow_at": 1_789_000_000_123}}

    assert said(refusal(answer(429, body, {"retry-after": "1.5"}))) == {
        "code": "rate_limit_reached",
        "message": "slow",
        "status": 429,
        "policy": Policy.BACK_OFF,
        "allowed_at_ms": 1_789_000_000_123,
        "retry_after_s": 1.5,
    }


@pytest.mark.parametrize("details", [{}, None, {"next_allow_at": "soon"}, {"next_allow_at": True}, {"other": 1}])
def test_a_deadline_that_cannot_be_read_is_none(details):
    assert refusal(answer(429, {"error": "rate_limit_reached", "details": details})).allowed_at_ms is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("30", 30.0),
        ("-1", None),
        ("86400", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_taken_in_seconds_within_a_day(header, seconds):
    assert refusal(answer(429, {"error": "rate_limit_reached"}, {"retry-after": header})).retry_after_s == seconds


def test_only_a_back_off_has_a_deadline():
    body = {"error": "internal_error", "details": {"next_allow_at": 1_789_000_000_123}}

    told = refusal(answer(500, body, {"retry-after": "5"}))
    untold = refusal(answer(503, b"<html>", {"retry-after": "5"}))

    assert (told.allowed_at_ms, told.retry_after_s) == (None, None)
    assert (untold.allowed_at_ms, untold.retry_after_s) == (None, None)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><h1>502 Bad Gateway</h1></html>", b'{"error":"inter', b"[]", b'{"message":"no code"}', b"\xff\xfe"],
)
def test_a_body_that_is_not_the_venues_tells_nothing_about_what_happened(body):
    assert [said(refusal(answer(status, body))) for status in (400, 502)] == [
        said(VenueError(code="http_400", status=400, policy=Policy.OUTCOME_UNKNOWN)),
        said(VenueError(code="http_502", status=502, policy=Policy.OUTCOME_UNKNOWN)),
    ]


def test_a_back_off_is_believed_without_a_body():
    error = refusal(answer(429, b"<html>", {"retry-after": "5"}))

    assert said(error) == said(VenueError(code="http_429", status=429, policy=Policy.BACK_OFF, retry_after_s=5.0))


@pytest.mark.parametrize(
    ("code", "v4_code", "policy"),
    [
        ("invalid_price", "invalid_price", Policy.TERMINAL),
        ("wager_invalid_odds", "invalid_price", Policy.TERMINAL),
        ("wager_external_id_existed", "order_external_id_existed", Policy.ALREADY_EXISTS),
        ("order_unable_to_place", "order_unable_to_place", Policy.OUTCOME_UNKNOWN),
        ("rate_limit_reached", "rate_limit_reached", Policy.BACK_OFF),
        ("never_heard_of", "never_heard_of", Policy.TERMINAL),
    ],
)
def test_a_refusal_inside_a_batch_is_judged_by_its_code(code, v4_code, policy):
    assert said(refusal_inside(code, "m")) == said(VenueError(code=v4_code, message="m", status=0, policy=policy))


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("code", sorted(CODES))
def test_a_written_refusal_is_read_back(code, dialect):
    status, policy = CODES[code]

    body = refusal_body(code, "m", dialect, 1_789_000_000_123)

    expected_at = 1_789_000_000_123 if policy is Policy.BACK_OFF else None
    assert said(refusal(Response(status=status, body=body))) == said(
        VenueError(code=code, message="m", status=status, policy=policy, allowed_at_ms=expected_at)
    )
    assert json.loads(body)["error"] == (V4_CODES.get(code, code) if dialect is Dialect.LEGACY else code)


def test_a_refusal_without_a_deadline_has_no_details():
    assert json.loads(refusal_body("unauthorized", "Unauthorized", Dialect.V4)) == {
        "error": "unauthorized",
        "message": "Unauthorized",
    }
