"""Every rule about an order's life, on the floor alone."""

from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.exchange.prophetx import settlement
from actors.exchange.prophetx.board import Ticket
from actors.exchange.prophetx.catalogue import built_in
from actors.exchange.prophetx.floor import HOUSE, SECOND_NS, Floor
from actors.exchange.prophetx.ledger import Fill, Status, Winning
from actors.exchange.prophetx.publications import BookChanged, EventChanged, OrderChanged, Traded
from actors.exchange.prophetx.refusals import Refused
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.commands import TimeInForce
from protocol.errors import LocalProtocolError
from protocol.events import EventStatus
from protocol.odds import Odds, implied

NOW = 1_790_000_000 * SECOND_NS
LATER = NOW + SECOND_NS


class Scene:
    """A floor with two traders, and what it published."""

    def __init__(self, **changes):
        self.said = []
        self.floor = Floor(ExchangeSettings(**changes), Random(1), publish=self.said.append)
        self.floor.open_catalogue(built_in(2, 2), NOW)
        self.anna = self.floor.open_account("anna", 100_000, NOW)
        self.bob = self.floor.open_account("bob", 100_000, NOW)
        self.listing = next(self.floor.events[18756].event.listings())
        self.home, self.away = (each.selection_id for each in self.listing.selections)
        self.names = 0

    def submit(self, account, selection, odds, stake_cents, how=TimeInForce.REST, now=NOW, name=None):
        self.names += 1
        return self.floor.submit(account, ticket(selection, odds, stake_cents, how, name or f"n{self.names}"), now)

    def rest(self, account, selection, odds, stake_cents, how=TimeInForce.REST, now=NOW):
        order = self.submit(account, selection, odds, stake_cents, how, now)
        self.floor.agenda.advance(order.activation_ns)
        return order

    def of(self, kind):
        return [each for each in self.said if isinstance(each, kind)]


def ticket(selection, odds, stake_cents, how=TimeInForce.REST, name="n"):
    return Ticket(external_id=name, selection_id=selection, odds=Odds(odds), stake_cents=stake_cents, time_in_force=how)


@pytest.fixture
def scene():
    return Scene()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"odds": 131}, "invalid_price"),
        ({"odds": -100}, "invalid_price"),
        ({"selection_id": "nothing"}, "invalid_strike_id"),
        ({"stake_cents": 99}, "invalid_request"),
        ({"stake_cents": 10**10 + 1}, "order_quantity_exceeds_max"),
        ({"stake_cents": 100, "odds": -25_000}, "order_invalid_profit"),
        ({"external_id": "taken"}, "order_external_id_existed"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(scene, change, code):
    scene.submit(scene.anna, scene.home, 110, 1000, name="taken")

    with pytest.raises(Refused) as refusal:
        scene.floor.submit(scene.anna, attrs.evolve(ticket(scene.home, 110, 1000, name="new"), **change), NOW)

    assert refusal.value.code == code


def test_a_refused_order_leaves_its_id_free(scene):
    with pytest.raises(Refused):
        scene.submit(scene.anna, scene.home, 131, 1000, name="again")

    assert scene.submit(scene.anna, scene.home, 130, 1000, name="again").status is Status.INACTIVE


def test_orders_are_activated_in_the_order_of_arrival(scene):
    orders = [scene.submit(scene.anna, scene.home, 110, 1000) for _ in range(20)]

    scene.floor.agenda.advance(LATER)

    opened = [said.order for said in scene.of(OrderChanged) if said.order.status is Status.OPEN]
    assert opened[-20:] == orders
    assert all(order.status is Status.OPEN for order in orders)


def test_an_order_beyond_the_funds_becomes_invalid_at_activation(scene):
    scene.rest(scene.anna, scene.home, 110, 60_000)

    order = scene.rest(scene.anna, scene.home, 110, 60_000)

    assert order.status is Status.INVALID
    assert scene.anna.balance().unmatched_cents == 60_000


def test_a_taker_gets_the_resting_price(scene):
    maker = scene.rest(scene.anna, scene.home, -110, 1100)

    taker = scene.rest(scene.bob, scene.away, -130, 400)

    assert [each.fill for each in taker.fills] == [Fill(400, 110)]
    assert [each.fill for each in maker.fills] == [Fill(440, -110)]
    assert taker.matching_status == "fully_matched"
    assert maker.matching_status == "partially_matched"
    assert scene.bob.balance() == attrs.evolve(scene.bob.balance(), matched_cents=400, unmatched_cents=0)
    assert taker.profit_cents == 440


def test_trades_are_told_before_the_book(scene):
    scene.rest(scene.anna, scene.home, -110, 1100)
    scene.said.clear()

    scene.rest(scene.bob, scene.away, 110, 400)

    kinds = [type(each) for each in scene.said]
    assert kinds == [OrderChanged, OrderChanged, OrderChanged, Traded, OrderChanged, Traded, BookChanged]
    sequence = [each.sequence_ns for each in scene.said]
    assert sequence == sorted(set(sequence))


def test_post_only_never_takes(scene):
    scene.rest(scene.anna, scene.home, -110, 1100)

    crossing = scene.rest(scene.bob, scene.away, 110, 400, TimeInForce.POST_ONLY)
    resting = scene.rest(scene.bob, scene.away, 112, 400, TimeInForce.POST_ONLY)

    assert crossing.status is Status.INVALID
    assert resting.is_resting


def test_nobody_trades_with_himself(scene):
    resting = scene.rest(scene.anna, scene.home, -110, 1100)

    newcomer = scene.rest(scene.anna, scene.away, 110, 400)

    assert newcomer.status is Status.INVALID
    assert resting.is_resting
    assert resting.fills == []


def test_fill_or_kill_keeps_its_partial_fill(scene):
    scene.rest(scene.anna, scene.home, -110, 110)

    order = scene.rest(scene.bob, scene.away, 110, 400, TimeInForce.FILL_OR_KILL)
    before = order.matching_status
    scene.floor.agenda.advance(NOW + 3 * SECOND_NS)

    assert before == "partially_matched"
    assert (order.status, order.stake_cents, order.filled_cents) == (Status.OPEN, 100, 100)
    assert order.matching_status == "fully_matched"
    assert scene.bob.unmatched_cents == 0


def test_fill_or_kill_without_a_fill_is_canceled_after_two_seconds(scene):
    order = scene.rest(scene.bob, scene.away, 110, 400, TimeInForce.FILL_OR_KILL)
    opened_ns = order.updated_ns

    scene.floor.agenda.advance(opened_ns + 2 * SECOND_NS - 1)
    early = order.status
    scene.floor.agenda.advance(opened_ns + 2 * SECOND_NS)

    assert (early, order.status) == (Status.OPEN, Status.CANCELED)


def code_of_cancel(scene, order, now, account=None, order_id=None, external_id=None):
    with pytest.raises(Refused) as refusal:
        scene.floor.cancel(account or order.account, order_id or order.order_id, external_id or order.external_id, now)
    return refusal.value.code


def test_a_cancel_in_the_placing_window_is_to_be_tried_again(scene):
    order = scene.submit(scene.anna, scene.home, 110, 1000)

    early = code_of_cancel(scene, order, NOW)
    late = code_of_cancel(scene, order, order.activation_ns - 1)

    assert (early, late) == ("order_opened_retry", "order_is_placing")


def test_a_cancel_needs_both_ids_and_the_owner(scene):
    order = scene.rest(scene.anna, scene.home, 110, 1000)

    assert code_of_cancel(scene, order, LATER, external_id="other") == "order_not_matching_external_id"
    assert code_of_cancel(scene, order, LATER, account=scene.bob) == "order_not_belongs_to_user"
    assert code_of_cancel(scene, order, LATER, order_id="none") == "data_not_found"
    assert order.is_resting


def test_an_order_is_cancelled_once(scene):
    order = scene.rest(scene.anna, scene.home, 110, 1000)

    scene.floor.cancel(scene.anna, order.order_id, order.external_id, LATER)

    assert order.status is Status.CANCELED
    assert scene.anna.unmatched_cents == 0
    assert code_of_cancel(scene, order, LATER) == "order_already_cancelled"


def test_what_cannot_be_cancelled_says_why(scene):
    filled = scene.rest(scene.anna, scene.home, -110, 1100)
    scene.rest(scene.bob, scene.away, 110, 1000)
    invalid = scene.rest(scene.anna, scene.home, 110, 10**9)

    assert code_of_cancel(scene, filled, LATER) == "order_already_filled"
    assert code_of_cancel(scene, invalid, LATER) == "order_is_invalid"


def test_a_cancel_after_a_partial_fill_shrinks_the_quantity(scene):
    order = scene.rest(scene.anna, scene.home, 110, 1000)
    scene.rest(scene.bob, scene.away, -110, 330)

    scene.floor.cancel(scene.anna, order.order_id, order.external_id, LATER)

    assert (order.status, order.stake_cents, order.original_cents) == (Status.OPEN, 300, 1000)
    assert order.matching_status == "fully_matched"
    assert code_of_cancel(scene, order, LATER) == "order_already_cancelled"


def test_cancelling_all_also_stops_what_is_not_active_yet(scene):
    resting = scene.rest(scene.anna, scene.home, 110, 1000)
    coming = scene.submit(scene.anna, scene.home, 112, 1000, now=LATER)
    others = scene.rest(scene.bob, scene.home, 110, 1000)

    count = scene.floor.cancel_where(scene.anna, lambda _: True, LATER)
    scene.floor.agenda.advance(LATER + SECOND_NS)

    assert count == 2
    assert (resting.status, coming.status) == (Status.CANCELED, Status.CANCELED)
    assert others.is_resting


def test_a_market_that_trades_before_the_match_only(scene):
    book, _ = scene.floor.selections[scene.home]
    book.market = attrs.evolve(book.market, pre_match_only=True)
    settlement.go_live(scene.floor, 18756, NOW)

    with pytest.raises(Refused, match="supplemental_market_pre_match_only"):
        scene.submit(scene.anna, scene.home, 110, 1000)


# --- live, and the end ---


def test_going_live_wipes_everything_that_rests_or_is_about_to(scene):
    resting = scene.rest(scene.anna, scene.home, 110, 1000)
    partial = scene.rest(scene.anna, scene.home, 108, 1000)
    scene.rest(scene.bob, scene.away, -108, 324)
    coming = scene.submit(scene.anna, scene.home, 112, 1000, now=LATER)

    settlement.go_live(scene.floor, 18756, LATER)
    scene.floor.agenda.advance(LATER + SECOND_NS)

    assert [order.status for order in (resting, partial, coming)] == [Status.WIPED] * 3
    assert partial.filled_cents == 300
    assert scene.anna.balance() == attrs.evolve(scene.anna.balance(), unmatched_cents=0, matched_cents=300)
    assert scene.floor.events[18756].status is EventStatus.LIVE
    assert [each.change for each in scene.of(EventChanged)] == ["u"]
    with pytest.raises(LocalProtocolError, match="live already"):
        settlement.go_live(scene.floor, 18756, LATER)


def matched(scene):
    maker = scene.rest(scene.anna, scene.home, -110, 1100)
    taker = scene.rest(scene.bob, scene.away, 110, 1000)
    return maker, taker


def test_the_winner_is_paid_less_commission(scene):
    maker, taker = matched(scene)

    settlement.settle(scene.floor, 18756, {scene.listing.key: scene.home}, LATER)

    assert (maker.status, maker.winning) == (Status.CLOSED, Winning.PROFIT)
    assert (taker.status, taker.winning) == (Status.CLOSED, Winning.LOSS)
    assert scene.anna.balance() == attrs.evolve(scene.anna.balance(), cash_cents=100_980, matched_cents=0)
    assert scene.bob.cash_cents == 99_000
    assert scene.floor.accounts[HOUSE].cash_cents == 20
    kinds = [row.kind for row in scene.floor.transactions["anna"]]
    assert kinds == ["DEPOSIT", "TRADE", "PAY", "COMMISSION"]
    with pytest.raises(LocalProtocolError, match="ended already"):
        settlement.settle(scene.floor, 18756, {}, LATER)


def test_a_winner_is_settled_before_it_is_closed(scene):
    statuses = []
    scene.floor.publish = lambda said: statuses.append(said.order.status) if isinstance(said, OrderChanged) else None
    matched(scene)
    statuses.clear()

    settlement.settle(scene.floor, 18756, {scene.listing.key: scene.home}, LATER)

    assert statuses == [Status.SETTLED, Status.CLOSED, Status.CLOSED]


def test_a_push_returns_the_stakes(scene):
    orders = matched(scene)

    settlement.settle(scene.floor, 18756, {scene.listing.key: None}, LATER)

    assert [order.winning for order in orders] == [Winning.PUSH] * 2
    assert (scene.anna.balance(), scene.bob.balance()) == (
        attrs.evolve(scene.anna.balance(), cash_cents=100_000, matched_cents=0),
        attrs.evolve(scene.bob.balance(), cash_cents=100_000, matched_cents=0),
    )


def test_commission_is_of_the_net_of_a_book(scene):
    matched(scene)
    scene.rest(scene.anna, scene.away, 110, 600)
    scene.rest(scene.bob, scene.home, -110, 660)

    settlement.settle(scene.floor, 18756, {scene.listing.key: scene.home}, LATER)

    assert scene.anna.cash_cents == 100_000 + 400 - 8  # won 1000, lost 600


def test_nothing_can_be_placed_on_an_event_that_ended(scene):
    settlement.settle(scene.floor, 18756, {}, LATER)

    with pytest.raises(Refused, match="event_not_available"):
        scene.submit(scene.anna, scene.home, 110, 1000)
    with pytest.raises(LocalProtocolError, match="not listed"):
        scene.floor.event(1)


STEP = st.tuples(
    st.sampled_from(["anna", "bob", "carl"]),
    st.booleans(),
    st.sampled_from([-250, -121, -110, -101, 100, 101, 110, 121, 250, 2500]),
    st.integers(100, 40_000),
    st.sampled_from(list(TimeInForce)),
    st.integers(0, 3),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(STEP, max_size=40), st.sampled_from([0, 1, None]))
def test_money_is_conserved_whatever_is_ordered(steps, winner):
    scene = Scene()
    floor = scene.floor
    floor.open_account("carl", 30_000, NOW)
    total = sum(account.cash_cents for account in floor.accounts.values())
    now = NOW
    for index, (owner, first, odds, stake, how, pause) in enumerate(steps):
        now += pause * SECOND_NS
        floor.agenda.advance(now)
        account = floor.accounts[owner]
        if index % 7 == 6:
            floor.cancel_where(account, lambda _: True, now)
        scene.submit(account, scene.home if first else scene.away, odds, stake, how, now)
        check_ledger(scene)
    floor.agenda.advance(now + 10 * SECOND_NS)
    check_ledger(scene)

    selection = None if winner is None else scene.listing.selections[winner].selection_id
    settlement.settle(floor, 18756, {scene.listing.key: selection}, now + 11 * SECOND_NS)

    assert sum(account.cash_cents for account in floor.accounts.values()) == total
    assert all(account.matched_cents == account.unmatched_cents == 0 for account in floor.accounts.values())
    floor.unlist_event(18756, now)
    assert scene.home not in floor.selections


def check_ledger(scene):
    for account in (each for each in scene.floor.accounts.values() if not each.silent):
        orders = [each for each in scene.floor.orders.values() if each.account is account]
        assert account.spendable_cents >= 0
        assert account.unmatched_cents == sum(each.open_cents for each in orders if each.status is Status.OPEN)
        assert account.matched_cents == sum(each.filled_cents for each in orders if each.is_staked)
    book = scene.floor.books[scene.listing.key].matching
    best = [book.shown(each, 1) for each in (scene.home, scene.away)]
    if all(best):
        assert sum(implied(levels[0].odds) for levels in best) > 1
