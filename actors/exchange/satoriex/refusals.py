"""How the embedded SatoriEx says no."""

import attrs

EXPIRED, INTERNAL = 2002, 50000  # the codes that the venue documents; the others are ours

CODES: dict[str, tuple[int, int]] = {
    "token_expired": (401, EXPIRED),
    "token_unknown": (401, 99001),
    "login_refused": (401, 99002),
    "refresh_refused": (401, 99003),
    "path_unknown": (404, 99004),
    "body_invalid": (400, 99010),
    "query_invalid": (400, 99011),
    "side_invalid": (400, 99012),
    "price_invalid": (400, 99013),
    "price_off_tick": (400, 99014),
    "quantity_invalid": (400, 99015),
    "quantity_below_minimum": (400, 99016),
    "market_unknown": (404, 99020),
    "outcome_unknown": (404, 99021),
    "order_unknown": (404, 99022),
    "balance_insufficient": (422, 99030),
    "shares_insufficient": (422, 99031),
    "market_halted": (409, 99032),
    "market_closed": (409, 99033),
    "self_trade": (409, 99034),
    "order_filled": (409, 99035),
    "rate_limited": (429, 99040),
    "session_has_socket": (409, 99041),
}
"""HTTP status and body code by reason."""  # U-08, U-20

assert all(code == EXPIRED or 99_000 <= code <= 99_999 for _, code in CODES.values())


@attrs.frozen(slots=False)
class Refused(Exception):
    """A request was refused; nothing has changed. `reason` is a key of CODES."""

    reason: str
    retry_after_s: int | None = None

    def __str__(self) -> str:
        return self.reason.replace("_", " ")

    @property
    def status(self) -> int:
        return CODES[self.reason][0]

    @property
    def code(self) -> int:
        return CODES[self.reason][1]
