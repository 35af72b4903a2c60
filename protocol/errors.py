"""Whose fault it is, as a type."""

import enum

import attrs


class LocalProtocolError(Exception):
    """We asked for something that can never be right. Ours to fix; nothing was sent."""


class RemoteProtocolError(Exception):
    """The venue said something that cannot be read. Its meaning is lost, so what it was about must be asked anew."""


class Policy(enum.Enum):
    """What to do about a venue's no."""

    TERMINAL = "terminal"  # the answer will not change
    RETRY_SOON = "retry_soon"  # the same request again after 300 ms
    BACK_OFF = "back_off"  # nothing at all until the venue's own deadline
    REAUTHENTICATE = "reauthenticate"  # the token is not accepted; nothing was done
    ALREADY_EXISTS = "already_exists"  # proof that an earlier attempt with this id arrived
    ALREADY_GONE = "already_gone"  # probably not resting any more; only the order's own state proves it
    OUTCOME_UNKNOWN = "outcome_unknown"  # it may or may not have happened


NOT_JSON = "not_json"  # the code of an answer that whoever stands before the venue gave in its place
RETRY_SOON_S = 0.3  # the venue's own figure for 425, 409 and opened_retry


@attrs.frozen(kw_only=True, slots=False)
class VenueError(Exception):
    """The venue said no, in its own words.

    `status` is the HTTP status, or 0 where the refusal came inside a batch. `allowed_at_ms` is unix milliseconds and
    `retry_after_s` seconds; both only with `Policy.BACK_OFF`.
    """

    code: str
    message: str = ""
    status: int
    policy: Policy
    allowed_at_ms: int | None = None
    retry_after_s: float | None = None

    def __str__(self) -> str:
        return f"{self.code} ({self.status}): {self.message}" if self.message else f"{self.code} ({self.status})"
