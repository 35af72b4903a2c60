import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError
from protocol.events import EventListed, EventStatus
from protocol.ids import CompetitionId, EventId
from protocol.odds import generate_ladder
from protocol.prices import Ticks
from protocol.satoriex.feed import SatoriExFeed
from protocol.satoriex.rest import SatoriExRest
from protocol.satoriex.venue import SatoriEx
from protocol.venue import Poll, Query, Quota, Reconnect, Terms, Venue

STAGING = "https://staging.satoriex.io/api/v1"
READS = ("events", "event", "book", "balance", "holdings", "results", "order", "history")


def listed(**fields: int) -> EventListed:
    return EventListed(
        event_id=EventId("m"), competition_id=CompetitionId(0), name="m", status=EventStatus.SCHEDULED, **fields
    )


def test_the_parts_of_the_dialect():
    venue: Venue = SatoriEx()

    assert isinstance(venue.rest, SatoriExRest)
    assert isinstance(venue.open_feed(), SatoriExFeed)
    assert venue.open_feed() is not venue.open_feed()


def test_what_is_different_about_the_venue():
    traits = SatoriEx().traits

    assert traits.venue == "satoriex"
    assert not traits.orders_named
    assert not traits.orders_pushed
    assert not traits.times_in_force
    assert not traits.refusals_explained
    assert not traits.cancels_all
    assert not traits.fills_listed
    assert traits.held_by_endpoint
    assert traits.socket_takes_token
    assert (traits.max_batch, traits.connects_per_minute) == (1, 10)
    assert (traits.calls_per_s, traits.reads_apart_s) == (10.0, pytest.approx(60 / 90))
    assert (traits.sale_fee_bp, traits.rebate_bp) == (150, 10)
    assert (traits.cancel_settles_s, traits.gap_tolerated_s, traits.book_age_s) == (2.0, 15.0, 10.0)
    assert (traits.absence_after_s, traits.time_to_flat_s) == (60.0, 20.0)
    assert (traits.refresh_margin_s, traits.pong_timeout_s) == (math.inf, 25.0)


def test_the_limits_less_a_tenth():
    ordering = frozenset({"place", "cancel"})

    assert SatoriEx().traits.quotas == (
        Quota(names=ordering, calls=30, kept_back=3, reserve=10),
        Quota(names=ordering, calls=60, kept_back=6, reserve=10),
        *(Quota(names=frozenset({name}), calls=100, kept_back=10) for name in READS),
        Quota(names=frozenset({"refresh"}), calls=20, kept_back=2),
        Quota(names=frozenset({"login"}), calls=10, kept_back=1),
    )
    assert {quota.window_s for quota in SatoriEx().traits.quotas} == {60.0}


@pytest.mark.parametrize(("poll_s", "orders_s"), [(60.0, 15.0), (30.0, 15.0), (5.0, 5.0)])
def test_everything_is_polled(poll_s, orders_s):
    assert SatoriEx(poll_s=poll_s).traits.polls == {
        Query.BOOKS: Poll(every_s=poll_s, apart_s=1.0),
        Query.MARKETS: Poll(every_s=poll_s, apart_s=1.0),
        Query.ORDERS: Poll(every_s=orders_s, apart_s=1.0),
        Query.FUNDS: Poll(every_s=poll_s, apart_s=2.0),
    }


def test_what_the_operator_chooses():
    traits = SatoriEx(time_to_flat_s=5.0, absence_after_s=90.0).traits

    assert (traits.time_to_flat_s, traits.stop_more_s, traits.absence_after_s) == (5.0, 105.0, 90.0)


@pytest.mark.parametrize(
    ("event", "tick_bp", "min_size"),
    [(listed(), 100, 1), (listed(tick_bp=1, min_size=5), 1, 5), (listed(tick_bp=50), 50, 1)],
)
def test_under_which_rules_a_market_is_traded(event, tick_bp, min_size):
    expected = Terms(venue=SatoriEx().traits.venue, ladder=Ticks(tick_bp), min_size=min_size, named=False, fee_bp=150)

    assert SatoriEx().terms(event, generate_ladder()) == expected


@pytest.mark.parametrize(
    ("rest_url", "token", "expected"),
    [
        (STAGING, "a.b-c_d", "wss://staging.satoriex.io/ws?token=a.b-c_d"),
        (f"{STAGING}/", "t", "wss://staging.satoriex.io/ws?token=t"),
        ("http://127.0.0.1:8080/api/v1", "t", "ws://127.0.0.1:8080/ws?token=t"),
        ("http://[::1]:8080", "t", "ws://[::1]:8080/ws?token=t"),
        ("https://user:pass@host/api", "t", "wss://host/ws?token=t"),
        (STAGING, "a/b+c=&d#e é", "wss://staging.satoriex.io/ws?token=a%2Fb%2Bc%3D%26d%23e%20%C3%A9"),
    ],
)
def test_the_socket_is_on_the_same_host(rest_url, token, expected):
    assert SatoriEx().socket_url(rest_url, None, token, "1.0") == expected


@pytest.mark.parametrize(
    ("rest_url", "token"), [("staging.satoriex.io/api", "t"), ("ftp://host", "t"), ("https://", "t"), (STAGING, "")]
)
def test_a_socket_needs_a_host_and_a_token(rest_url, token):
    with pytest.raises(LocalProtocolError):
        SatoriEx().socket_url(rest_url, None, token, "1.0")


def test_the_token_is_in_nothing_else():
    venue = SatoriEx()
    venue.socket_url(STAGING, None, "hunter2", "1.0")

    assert "hunter2" not in repr((venue, venue.traits, venue.rest, venue.open_feed()))


@given(code=st.integers(0, 65_535))
def test_every_close_is_ordinary(code):
    assert SatoriEx().reconnect_after(code) is Reconnect.ORDINARY
