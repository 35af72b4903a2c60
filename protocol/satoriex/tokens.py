"""When a token ends, as far as it says so itself."""

import base64
import binascii

from protocol.errors import RemoteProtocolError
from protocol.satoriex import wire

MAX_EXPIRY_S = 10**11  # beyond it a number is no moment in seconds


def expires_s(token: str) -> int | None:
    """Return the `exp` of a JWT in unix seconds; `None` for anything else."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = wire.decode(wire.Claims, payload)
    except (binascii.Error, ValueError, RemoteProtocolError):
        return None
    if isinstance(claims.exp, bool) or not isinstance(claims.exp, wire.NUMBERS):
        return None
    return int(claims.exp) if 0 < claims.exp < MAX_EXPIRY_S else None
