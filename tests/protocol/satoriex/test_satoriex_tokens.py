import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.satoriex.tokens import expires_s


def jwt(payload: object) -> str:
    parts = [{"alg": "RS256", "typ": "JWT"}, payload]
    written = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts]
    return ".".join([*written, "signature"])


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"exp": 1_789_000_000, "sub": "1"}, 1_789_000_000),
        ({"exp": 1_789_000_000.75}, 1_789_000_000),
        ({"sub": "?>?>"}, None),  # needs the other alphabet of base64
        ({"exp": "1789000000"}, None),
        ({"exp": True}, None),
        ({"exp": None}, None),
        ({"exp": 0}, None),
        ({"exp": -1}, None),
        ({"exp": 10**11}, None),
        ({"exp": 1e300}, None),
        ([1], None),
        ("text", None),
    ],
)
def test_the_end_that_a_token_says(payload, expected):
    assert expires_s(jwt(payload)) == expected


@pytest.mark.parametrize(
    "token",
    ["", "opaque", "a.b", "a.b.c", "a.b.c.d", "..", "a.é.c", "a.!!!!.c", "a.e30.c", "pat_1234567890", "a.eyJ9.c"],
)
def test_a_token_of_another_kind_says_nothing(token):
    assert expires_s(token) is None


@given(token=st.text() | st.lists(st.text(), min_size=3, max_size=3).map(".".join) | st.builds(jwt, st.text()))
def test_no_token_is_an_error(token):
    assert expires_s(token) is None or expires_s(token) > 0
