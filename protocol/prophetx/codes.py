"""Every refusal that the venue documents, with what to do about it."""

import contextlib
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType

import msgspec

from protocol.errors import Policy, RemoteProtocolError, VenueError
from protocol.prophetx import wire
from protocol.prophetx.wire import Dialect
from protocol.venue import Response

LEGACY_CODES: Mapping[str, str] = MappingProxyType(
    {
        "invalid_line_id": "invalid_strike_id",
        "invalid_stake": "invalid_quantity",
        "wager_limit_exceeded": "order_limit_exceeded",
        "invalid_wager_id": "invalid_order_id",
        "wager_ref_id_existed": "order_ref_id_existed",
        "wager_already_matched": "order_already_filled",
        "wager_already_cancelled": "order_already_cancelled",
        "wager_is_invalid": "order_is_invalid",
        "wager_invalid_odds": "invalid_price",
        "wager_not_matching_external_id": "order_not_matching_external_id",
        "wager_stake_exceeds_max": "order_quantity_exceeds_max",
        "wager_external_id_existed": "order_external_id_existed",
        "market_line_invalid": "strike_id_invalid",
        "wager_invalid_profit": "order_invalid_profit",
        "err_wager_placement_disabled": "err_order_placement_disabled",
        "no_cancellable_wagers": "no_cancellable_orders",
        "wager_is_placing": "order_is_placing",
        "wager_opened_retry": "order_opened_retry",
        "wager_not_belongs_to_user": "order_not_belongs_to_user",
        "wager_balance_check_timeout": "order_balance_check_timeout",
        "wager_unable_place": "order_unable_to_place",
        "wager_unable_cancel": "order_unable_to_cancel",
    }
)
V4_CODES: Mapping[str, str] = MappingProxyType({new: old for old, new in LEGACY_CODES.items()})

_TERMINAL_400 = (
    "invalid_request invalid_param invalid_strike_id invalid_quantity invalid_external_id order_limit_exceeded "
    "invalid_order_id invalid_cursor invalid_from invalid_to invalid_updated_at_from invalid_updated_at_to "
    "invalid_competitor_id market_invalid_event market_event_limit_exceeded event_not_available "
    "sport_event_competitor_blacklisted sport_event_is_not_booked order_is_invalid invalid_price "
    "order_not_matching_external_id order_quantity_exceeds_max invalid_market_id invalid_event_id "
    "supplemental_market_pre_match_only strike_id_invalid order_invalid_profit from_date_greater_than_to_date "
    "invalid_from_to_range invalid_updated_at_range missing_date_range err_add_liquidity_only_disabled "
    "exceed_subscription_count self_match"
)


def _each(codes: str, status: int, policy: Policy) -> Iterable[tuple[str, tuple[int, Policy]]]:
    return ((code, (status, policy)) for code in codes.split())


CODES: Mapping[str, tuple[int, Policy]] = MappingProxyType(
    dict(
        [
            *_each(_TERMINAL_400, 400, Policy.TERMINAL),
            *_each("order_external_id_existed order_ref_id_existed", 400, Policy.ALREADY_EXISTS),
            *_each("order_already_filled order_already_cancelled", 400, Policy.ALREADY_GONE),
            *_each("unauthorized", 401, Policy.REAUTHENTICATE),
            *_each(
                "keypair_num_exceed insufficient_amount err_order_placement_disabled user_suspended",
                403,
                Policy.TERMINAL,
            ),
            *_each("session_num_exceed", 403, Policy.BACK_OFF),
            *_each("sport_event_not_found err_ref_id_invalid wallet_not_found", 404, Policy.TERMINAL),
            *_each("data_not_found no_cancellable_orders", 404, Policy.ALREADY_GONE),
            *_each("order_is_placing", 409, Policy.RETRY_SOON),
            *_each("order_opened_retry", 425, Policy.RETRY_SOON),
            *_each("rate_limit_reached too_many_delayed_requests", 429, Policy.BACK_OFF),
            *_each("opened_retry", 500, Policy.RETRY_SOON),
            *_each("order_not_belongs_to_user", 500, Policy.TERMINAL),
            *_each(
                "internal_error unknown_error order_balance_check_timeout order_unable_to_place order_unable_to_cancel",
                500,
                Policy.OUTCOME_UNKNOWN,
            ),
            *_each("reporting_not_available", 503, Policy.OUTCOME_UNKNOWN),
        ]
    )
)
"""Code to its HTTP status and policy, in the v4 words (venue document, section on error codes)."""

_BY_STATUS = {401: Policy.REAUTHENTICATE, 409: Policy.RETRY_SOON, 425: Policy.RETRY_SOON, 429: Policy.BACK_OFF}


def policy_of(code: str, status: int) -> Policy:
    """Return what to do about a refusal; an unknown code is judged by its status."""
    known = CODES.get(LEGACY_CODES.get(code, code))
    if status == 429:
        return Policy.BACK_OFF
    if known is not None:
        return known[1]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Policy.TERMINAL if 400 <= status < 500 else Policy.OUTCOME_UNKNOWN


def refusal_inside(code: str, message: str) -> VenueError:
    """Make the error of one order inside a batch that as a whole was answered 200."""
    name = LEGACY_CODES.get(code, code)
    policy = policy_of(name, CODES[name][0] if name in CODES else 400)
    return VenueError(code=name, message=message, status=0, policy=policy)


def refusal(response: Response) -> VenueError:
    """Read an answer outside 2xx. A body that is not the venue's own tells nothing about what happened."""
    try:
        body = wire.decode(wire.Refusal, response.body, Dialect.V4)
    except RemoteProtocolError:
        refused = response.status in (401, 429)  # whoever wrote it, nothing was done
        policy = _BY_STATUS[response.status] if refused else Policy.OUTCOME_UNKNOWN
        return VenueError(
            code=f"http_{response.status}",
            status=response.status,
            policy=policy,
            retry_after_s=_retry_after_s(response) if policy is Policy.BACK_OFF else None,
        )
    code = LEGACY_CODES.get(body.error, body.error)
    policy = policy_of(code, response.status)
    details = body.details if isinstance(body.details, dict) else {}
    allowed_at = details.get("next_allow_at")
    return VenueError(
        code=code,
        message=body.message,
        status=response.status,
        policy=policy,
        allowed_at_ms=_allowed_at_ms(allowed_at, response) if policy is Policy.BACK_OFF else None,
        retry_after_s=_retry_after_s(response) if policy is Policy.BACK_OFF else None,
    )


def refusal_body(code: str, message: str, dialect: Dialect, next_allow_at_ms: int | None = None) -> bytes:
    """Write the body of a refusal, as the venue does."""
    name = V4_CODES.get(code, code) if dialect is Dialect.LEGACY else code
    details = msgspec.UNSET if next_allow_at_ms is None else {"next_allow_at": next_allow_at_ms}
    return wire.encode(wire.Refusal(error=name, message=message, details=details), Dialect.V4)


def _allowed_at_ms(detail: object, response: Response) -> int | None:
    """Return the later of the body's moment and a Retry-After that is written as a date."""
    moments = [detail] if type(detail) is int else []
    with contextlib.suppress(ValueError, OverflowError):  # absent, or seconds
        moments.append(int(parsedate_to_datetime(response.headers.get("retry-after", "")).timestamp()) * 1000)
    return max(moments, default=None)


def _retry_after_s(response: Response) -> float | None:
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:  # absent, or a date
        return None
    return seconds if 0 <= seconds < 86_400 else None
