"""Integer money, read from and written to decimal numbers exactly."""

from decimal import Decimal

from protocol.errors import LocalProtocolError, RemoteProtocolError

CENTS = 100
MAX_CENTS = 10_000_000_000 * CENTS  # a hundred times the venue's largest stake; beyond it a number is a mistake
BASIS_POINTS = 10_000
MICRO_PER_CENT = 10_000


def micro(cents: int) -> int:
    """Turn cents into micro-dollars."""
    return cents * MICRO_PER_CENT


def cents_below(micro: int) -> int:
    """Turn micro-dollars into whole cents, rounded towards zero."""
    return micro // MICRO_PER_CENT if micro >= 0 else -(-micro // MICRO_PER_CENT)


def cents_above(micro: int) -> int:
    """Turn micro-dollars into whole cents, rounded up."""
    return -(-micro // MICRO_PER_CENT)


def hundredths(number: object, *, limit: int = MAX_CENTS) -> int:
    """Read a JSON number as an integer count of hundredths.

    Only `int` and `Decimal` are numbers here: no float, no string, no boolean. Raises `ValueError` for anything else,
    for more than two decimals, and for a magnitude above `limit`.
    """
    if type(number) is int:
        if abs(number) > limit // CENTS:
            raise ValueError(f"{number} is out of range")
        return number * CENTS
    if type(number) is not Decimal:
        raise ValueError(f"expected a number, got {type(number).__name__}")
    if not number.is_finite() or number.adjusted() > 12:  # before any arithmetic: 1e999999999 is valid JSON
        raise ValueError(f"{number:.3e} is out of range")
    # 13 digits and 15 decimals are the 28 that arithmetic keeps; with more it would round.
    if number.as_tuple().exponent < -15:  # type: ignore[operator]  # finite, so the exponent is an int
        raise ValueError(f"{number:.3e} has more than two decimals")
    scaled = number * CENTS
    if scaled != int(scaled):
        raise ValueError(f"{number} has more than two decimals")
    if abs(scaled) > limit:
        raise ValueError(f"{number} is out of range")
    return int(scaled)


def cents_received(number: object, path: str) -> int:
    """Read dollars that the venue sent, as cents. Raises `RemoteProtocolError` naming the `path`."""
    try:
        return hundredths(number)
    except ValueError as error:
        raise RemoteProtocolError(f"{path}: {error}") from error


def cents_given(number: object, name: str) -> int:
    """Read dollars that a person wrote, as cents. Raises `LocalProtocolError` naming the setting."""
    try:
        return hundredths(Decimal(repr(number)) if type(number) is float else number)
    except ValueError as error:
        raise LocalProtocolError(f"{name}: {error}") from error


def decimal(count: int) -> Decimal:
    """Write hundredths as the exact decimal: 1320 is 13.20."""
    return Decimal(count).scaleb(-2)


def dollars(cents: int) -> str:
    """Write cents as people read them: `-$12.30`."""
    return f"{'-' if cents < 0 else ''}${decimal(abs(cents)):,.2f}"
