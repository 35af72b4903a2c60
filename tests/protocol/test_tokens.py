import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.tokens import Authorisation, Need
from protocol.venue import AccessToken, Tokens

NOW_S = 1_789_000_000
TOKENS = Tokens(
    access_token="access-1",
    access_expires_s=NOW_S + 1200,
    refresh_token="refresh-1",
    refresh_expires_s=NOW_S + 259_200,
)


def logged_in(tokens: Tokens = TOKENS) -> Authorisation:
    authorisation = Authorisation()
    authorisation.logged_in(tokens, NOW_S)
    return authorisation


def test_the_first_need_is_a_login():
    assert Authorisation().need(NOW_S) is Need.LOGIN


def test_there_is_no_token_before_the_login():
    with pytest.raises(AssertionError, match="before the login"):
        _ = Authorisation().access_token
    with pytest.raises(AssertionError, match="before the login"):
        _ = Authorisation().refresh_token
    with pytest.raises(AssertionError, match="before the login"):
        _ = Authorisation().tokens


@pytest.mark.parametrize(
    ("after_s", "need"),
    [
        (0, Need.NOTHING),
        (1139, Need.NOTHING),
        (1140, Need.REFRESH),  # 60 s before the access token ends
        (1200, Need.REFRESH),
        (259_199, Need.REFRESH),
        (259_200, Need.LOGIN),
    ],
)
def test_what_is_needed_as_time_goes_by(after_s, need):
    authorisation = logged_in()

    assert authorisation.need(NOW_S + after_s) is need
    assert (authorisation.access_token, authorisation.refresh_token) == ("access-1", "refresh-1")


def test_a_short_token_is_renewed_after_four_fifths_of_its_life():
    authorisation = logged_in(attrs.evolve(TOKENS, access_expires_s=NOW_S + 100))

    assert authorisation.renew_at_s == NOW_S + 80


@given(st.integers(-(10**6), 10**6))
def test_a_token_is_used_at_least_once_and_renewed_before_it_ends(life_s):
    authorisation = logged_in(attrs.evolve(TOKENS, access_expires_s=NOW_S + life_s))

    assert authorisation.need(NOW_S) is Need.NOTHING
    assert NOW_S < authorisation.renew_at_s < NOW_S + max(life_s, 1)


def test_a_refresh_renews_the_access_token_and_keeps_the_refresh_token():
    authorisation = logged_in()

    authorisation.refreshed(AccessToken(access_token="access-2", access_expires_s=NOW_S + 2400), NOW_S + 1200)

    assert (authorisation.access_token, authorisation.refresh_token) == ("access-2", "refresh-1")
    assert authorisation.renew_at_s == NOW_S + 2340
    assert authorisation.need(NOW_S + 259_200) is Need.LOGIN


def test_a_refresh_may_bring_a_new_refresh_token():
    authorisation = logged_in()

    authorisation.refreshed(
        AccessToken(access_token="access-2", access_expires_s=NOW_S + 2400, refresh_token="refresh-2"), NOW_S
    )

    assert authorisation.refresh_token == "refresh-2"


def test_a_token_that_is_refused_needs_a_refresh_whatever_its_expiry_says():
    authorisation = logged_in()

    authorisation.access_refused("access-1")

    assert authorisation.need(NOW_S) is Need.REFRESH


def test_the_refusal_of_an_older_token_says_nothing_about_this_one():
    authorisation = logged_in()

    authorisation.access_refused("access-0")

    assert authorisation.need(NOW_S) is Need.NOTHING


def test_a_refused_refresh_needs_a_login():
    authorisation = logged_in()

    authorisation.refresh_refused()
    authorisation.access_refused("access-1")

    assert authorisation.need(NOW_S) is Need.LOGIN


def test_what_is_held_can_be_kept_for_a_later_process():
    authorisation = logged_in()
    assert authorisation.tokens == TOKENS

    authorisation.refreshed(AccessToken(access_token="access-2", access_expires_s=None), NOW_S)

    assert authorisation.tokens == attrs.evolve(TOKENS, access_token="access-2", access_expires_s=None)


@pytest.mark.parametrize(
    ("after_s", "need"),
    [(0, Need.NOTHING), (1139, Need.NOTHING), (1200, Need.REFRESH), (200_000, Need.REFRESH), (259_200, Need.LOGIN)],
)
def test_tokens_of_a_process_before_serve_as_far_as_they_reach(after_s, need):
    authorisation = Authorisation()

    authorisation.resumed(TOKENS, NOW_S + after_s)

    assert authorisation.need(NOW_S + after_s) is need
    assert authorisation.usable(NOW_S + after_s) is (after_s < 1200)


def test_the_text_form_shows_no_token():
    assert "access-1" not in repr(logged_in())
    assert "refresh-1" not in repr(logged_in())
