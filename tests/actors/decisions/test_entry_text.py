from typing import get_args

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.decisions.entry_text import KINDS, EntryUnreadable, read, read_entry, written
from actors.entries import (
    CancelSent,
    Entry,
    EventTraded,
    Latch,
    Latched,
    OrderIntended,
    OrderMoved,
    RunStarted,
)
from protocol.belief import Source
from protocol.commands import PlaceOrder
from protocol.events import Fill
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, Strike, VenueName
from protocol.odds import Odds
from protocol.order import Order
from protocol.prices import Probability
from protocol.venue import AccessToken, Channel, Credentials, Tokens

IDS = st.one_of(st.integers(), st.text(max_size=8))
KEYS = st.builds(BookKey, IDS, IDS, st.integers())
PRICES = st.one_of(st.integers(), st.builds(Probability, st.integers(1, 9999)))
PLACING = st.builds(PlaceOrder, key=KEYS, price=PRICES)
FILLS = st.lists(st.builds(Fill, st.integers(), PRICES), max_size=3).map(tuple)
ORDERS = st.builds(Order, key=KEYS, price=PRICES, fills=FILLS)
TRADED = st.builds(EventTraded, event_id=IDS)
for _kind, _values in ((BookKey, KEYS), (PlaceOrder, PLACING), (Order, ORDERS), (EventTraded, TRADED)):
    st.register_type_strategy(_kind, _values)

VENUE = VenueName("venue")
ORDER = Order(
    client_order_id=ClientOrderId("x-1"),
    key=BookKey(EventId(7), MarketId("moneyline"), Strike(-350)),
    selection_id=SelectionId("home"),
    price=Probability(4200),
    size=10,
    filled=5,
    fills=(Fill(3, Probability(4100)), Fill(2, Odds(-110))),
)
TOKENS = Tokens(access_token="s3cret", access_expires_s=1, refresh_token="s3cret", refresh_expires_s=2)
SECRETS = [TOKENS, Credentials(user="s3cret", secret="s3cret"), AccessToken(access_token="s3cret", access_expires_s=1)]


def moved(order: Order) -> OrderMoved:
    return OrderMoved(venue=VENUE, strategy="maker", order=order, source=Source.PUSH, as_of_ns=7)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_every_entry_is_read_as_it_was_written(kind, data):
    entry = data.draw(st.from_type(KINDS[kind]))

    text = written(entry)

    assert text.isascii()
    assert read_entry(kind, text) == entry


def test_prices_and_ids_keep_their_kinds():
    entry = moved(ORDER)

    order = read_entry("OrderMoved", written(entry)).order

    assert [type(fill.price) for fill in order.fills] == [Probability, int]
    assert (order.key.event_id, order.key.market_id) == (7, "moneyline")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("RunStarted", '{"run": "1", "version": ""}'),
        ("RunStarted", '{"run": 1.0, "version": ""}'),
        ("RunStarted", '{"run": true, "version": ""}'),
        ("RunStarted", '{"run": 1, "version": null}'),
        ("RunStarted", '{"run": 1}'),
        ("RunStarted", '{"run": 1, "version": "", "more": 1}'),
        ("RunStarted", '{"run": 1, "vers'),
        ("RunStarted", "[]"),
        ("RunStarted", "null"),
        ("RunEnded", '{"run": 1, "flat": 1}'),
        ("Latched", '{"latch": "door", "reason": ""}'),
        ("CancelSent", '{"venue": "v", "command": {"command": "Credentials"}}'),
        ("CancelSent", '{"venue": "v", "command": {}}'),
        ("CancelSent", '{"venue": "v", "command": 1}'),
        ("AccountOpened", '{"venue": "v", "account": "a", "money_micro": 1, "held": 1}'),
        ("AccountOpened", '{"venue": "v", "money_micro": 1, "held": []}'),
        ("OrderMoved", written(moved(ORDER)).replace('"bp":4200', '"bp":0')),
        ("OrderMoved", written(moved(ORDER)).replace('"event_id":7', '"event_id":[]')),
        ("OrderMoved", written(moved(ORDER)).replace('"push"', '"hearsay"')),
        ("RunStarted", "[" * 100_000),
    ],
)
def test_what_is_not_an_entry_is_refused_by_its_name(kind, text):
    with pytest.raises(EntryUnreadable, match=kind):
        read_entry(kind, text)


def test_a_kind_of_a_newer_version_is_refused_by_its_name():
    with pytest.raises(EntryUnreadable, match="Foretold is not a kind of entry that this version knows"):
        read_entry("Foretold", "{}")


def test_every_entry_has_a_kind_of_its_own():
    assert set(KINDS.values()) == set(get_args(Entry))
    assert read(written(RunStarted(run=1, version="a")), RunStarted) == RunStarted(run=1, version="a")


@pytest.mark.parametrize("secret", SECRETS, ids=lambda each: type(each).__name__)
def test_no_secret_can_be_written(secret):
    with pytest.raises(TypeError, match="secrets"):
        written(secret)


@pytest.mark.parametrize("secret", [*SECRETS, Channel(name="a", auth="s3cret")], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("name", [field.name for field in attrs.fields(Order)])
def test_no_secret_can_be_written_in_the_place_of_something_else(secret, name):
    entry = moved(attrs.evolve(ORDER, **{name: secret}))

    with pytest.raises((TypeError, AttributeError)):
        written(entry)


@pytest.mark.parametrize("secret", SECRETS, ids=lambda each: type(each).__name__)
def test_no_secret_hides_in_an_id_a_reason_or_a_command(secret):
    entries = [
        moved(attrs.evolve(ORDER, key=BookKey(secret, MarketId(1)))),
        Latched(latch=Latch.HALT, reason=secret),
        CancelSent(venue=VENUE, command=secret),
        OrderIntended(venue=VENUE, strategy="", order=secret, at_ns=0),
    ]

    for entry in entries:
        with pytest.raises((TypeError, AttributeError, KeyError)):
            written(entry)


def test_no_entry_has_a_place_for_a_secret():
    seen: set[object] = set()
    waiting: list[object] = list(KINDS.values())
    while waiting:
        kind = waiting.pop()
        waiting += [each for each in get_args(kind) if each not in seen]
        if attrs.has(kind) and kind not in seen:
            waiting += [field.type for field in attrs.fields(attrs.resolve_types(kind))]
        seen.add(kind)

    assert {Order, PlaceOrder, BookKey, Fill, Probability} <= seen
    assert seen.isdisjoint({Credentials, Tokens, AccessToken, Channel})
