"""Every way in which the venue says no, with what to do about it."""

import enum
from email.utils import parsedate_to_datetime

import msgspec

from protocol.errors import NOT_JSON, Policy, RemoteProtocolError, VenueError
from protocol.satoriex import wire
from protocol.satoriex.assumptions import GONE_STATUSES, RETRY_AFTER_S
from protocol.venue import Response

OK = "0"
TOKEN_EXPIRED = "2002"
INTERNAL = "50000"
UNREADABLE = "unreadable"  # ours
NO_ORDER_ID = "no_order_id"  # ours
LOGIN_SHAPE = "login_shape"  # ours

MAX_RETRY_AFTER_S = 86_400.0  # more is not believed

_BY_CODE = {TOKEN_EXPIRED: Policy.REAUTHENTICATE, INTERNAL: Policy.OUTCOME_UNKNOWN}


class Purpose(enum.Enum):
    """What was asked, as far as a no means something else."""

    LOGIN = "login"
    PLACING = "placing"
    CANCELLING = "cancelling"
    READING = "reading"


def opened(response: Response, purpose: Purpose = Purpose.READING) -> msgspec.Raw:
    """Return what a yes carries. Raises `VenueError`, and `RemoteProtocolError` for JSON that is no envelope."""
    try:
        envelope = wire.decode(wire.Envelope, response.body)
    except RemoteProtocolError:
        if _is_yes(response) and wire.is_json(response.body):
            raise
        raise refusal(response, purpose) from None
    if _is_yes(response) and str(envelope.code) == OK:
        return envelope.data
    raise refusal(response, purpose, envelope)


def refusal(response: Response, purpose: Purpose, envelope: wire.Envelope | None = None) -> VenueError:
    """Read an answer that is no yes. A body that is not JSON tells nothing about what happened."""
    status = response.status
    code = f"http_{status}" if envelope is None or str(envelope.code) == OK else str(envelope.code)
    policy = policy_of(status, code, purpose)
    if envelope is None and not wire.is_json(response.body):
        code = NOT_JSON
        if status != 401 and policy in (Policy.TERMINAL, Policy.ALREADY_GONE):
            policy = Policy.OUTCOME_UNKNOWN
    return VenueError(
        code=code,
        message=_message(envelope),
        status=status,
        policy=policy,
        allowed_at_ms=_allowed_at_ms(response) if policy is Policy.BACK_OFF else None,
        retry_after_s=_retry_after_s(response) if policy is Policy.BACK_OFF else None,
    )


def policy_of(status: int, code: str, purpose: Purpose) -> Policy:
    """Return what to do about a refusal, by its HTTP status first."""
    if 200 <= status < 300:
        policy = _BY_CODE.get(code, Policy.TERMINAL)
        return Policy.TERMINAL if purpose is Purpose.LOGIN and policy is Policy.REAUTHENTICATE else policy
    if status == 401:
        return Policy.TERMINAL if purpose is Purpose.LOGIN else Policy.REAUTHENTICATE
    if status == 429:
        return Policy.BACK_OFF
    if status in GONE_STATUSES and purpose is Purpose.CANCELLING:
        return Policy.ALREADY_GONE
    if status == 408 or not 400 <= status < 500:
        return Policy.OUTCOME_UNKNOWN
    return Policy.TERMINAL


def unknown(response: Response, code: str) -> VenueError:
    """Make the error of an order that may or may not have been placed."""
    return VenueError(code=code, status=response.status, policy=Policy.OUTCOME_UNKNOWN)


def _message(envelope: wire.Envelope | None) -> str:
    if envelope is None:
        return ""
    trace = f"trace {envelope.trace_id}" if envelope.trace_id else ""
    return ", ".join(each for each in (envelope.msg, trace) if each)


def _allowed_at_ms(response: Response) -> int | None:
    try:
        return int(parsedate_to_datetime(response.headers.get("retry-after", "")).timestamp()) * 1000
    except (ValueError, OverflowError):  # absent, or seconds
        return None


def _retry_after_s(response: Response) -> float | None:
    """Return the seconds that the answer asks for; 60 where it asks for nothing, and none where it names a date."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None if _allowed_at_ms(response) is not None else RETRY_AFTER_S
    return seconds if 0 <= seconds < MAX_RETRY_AFTER_S else RETRY_AFTER_S


def _is_yes(response: Response) -> bool:
    return 200 <= response.status < 300
