from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.money import MAX_CENTS, cents_given, cents_received, decimal, dollars, hundredths

amounts = st.integers(-MAX_CENTS, MAX_CENTS)


@pytest.mark.parametrize(
    ("number", "count"),
    [
        (10, 1000),
        (0, 0),
        (-3, -300),
        (Decimal("13.20"), 1320),
        (Decimal("13.2"), 1320),
        (Decimal("0.01"), 1),
        (Decimal("-3.5"), -350),
        (Decimal("1E+3"), 100_000),
        (Decimal("116.71"), 11_671),
        (Decimal("5.0000"), 500),
    ],
)
def test_hundredths_of_a_number_are_exact(number, count):
    assert hundredths(number) == count


@given(amounts)
def test_hundredths_come_back_from_their_decimal(count):
    assert hundredths(decimal(count)) == count


@given(amounts, st.integers(0, 6))
def test_trailing_zeros_change_nothing(count, zeros):
    assert hundredths(Decimal(f"{decimal(count):f}" + "0" * zeros)) == count


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9))
def test_a_decimal_is_read_exactly_or_refused(number):
    exact = number * 100 == (number * 100).to_integral_value() and number.as_tuple().exponent >= -15

    if exact:
        assert decimal(hundredths(number)) == number
    elif number.as_tuple().exponent >= -15:
        with pytest.raises(ValueError, match="more than two decimals"):
            hundredths(number)


@pytest.mark.parametrize("number", [1.5, 0.0, True, False, "10", "13.20", None, [], {}, 1j])
def test_only_whole_and_decimal_numbers_are_numbers(number):
    with pytest.raises(ValueError, match="expected a number"):
        hundredths(number)


@pytest.mark.parametrize(
    "number",
    [
        Decimal("0.001"),
        Decimal("13.205"),
        Decimal("1e-999999999"),
        Decimal("-0.005"),
        Decimal("10000000000.000000000000000001"),  # more digits than the context keeps
        Decimal("9999999999.999999999999999999"),
    ],
)
def test_more_than_two_decimals_are_an_error_and_no_rounding(number):
    with pytest.raises(ValueError, match="more than two decimals"):
        hundredths(number)


@pytest.mark.parametrize(
    "number",
    [
        10**10 + 1,
        -(10**10) - 1,
        Decimal("10000000000.01"),
        Decimal("1e999999999"),
        Decimal("-1e999999999"),
        Decimal("Infinity"),
        Decimal("NaN"),
        Decimal("sNaN"),
    ],
)
def test_a_number_out_of_range_is_refused_before_any_arithmetic(number):
    with pytest.raises(ValueError, match="out of range"):
        hundredths(number)


def test_a_number_of_ten_thousand_digits_is_refused():
    with pytest.raises(ValueError):  # noqa: PT011  # the number is too long even to be quoted
        hundredths(10**10_000)


def test_the_limit_itself_is_within_range():
    assert hundredths(10**10) == MAX_CENTS
    assert hundredths(Decimal("-10000000000.00")) == -MAX_CENTS
    assert hundredths(Decimal("1.50"), limit=150) == 150
    with pytest.raises(ValueError, match="out of range"):
        hundredths(Decimal("1.51"), limit=150)


def test_what_the_venue_sent_wrong_is_its_fault_and_has_a_path():
    assert cents_received(Decimal("0.5"), "order.quantity") == 50
    with pytest.raises(RemoteProtocolError, match=r"^order\.quantity: expected a number, got str$"):
        cents_received("0.5", "order.quantity")


@pytest.mark.parametrize(("number", "cents"), [(0.1, 10), (13.2, 1320), (25, 2500), (Decimal("7.25"), 725)])
def test_a_person_may_write_dollars_as_a_float(number, cents):
    assert cents_given(number, "max_stake") == cents


@pytest.mark.parametrize("number", [0.001, float("nan"), float("inf"), "5", True, 1e300])
def test_what_a_person_wrote_wrong_is_ours_and_names_the_setting(number):
    with pytest.raises(LocalProtocolError, match=r"^max_stake: "):
        cents_given(number, "max_stake")


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "$0.00"), (1320, "$13.20"), (-1230, "-$12.30"), (123_456_789, "$1,234,567.89")]
)
def test_dollars_are_written_as_people_read_them(cents, text):
    assert dollars(cents) == text
