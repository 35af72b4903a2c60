import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocol.commands import PlaceOrder, TimeInForce
from protocol.errors import RemoteProtocolError
from protocol.events import Fill, OrderReported, OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, Strike, VenueOrderId
from protocol.money import micro
from protocol.odds import Odds
from protocol.order import RESTABLE, STAKED, TRANSITIONS, UNPROVED, Order

KEY = BookKey(EventId(18756), MarketId(219), Strike(0))
HOME = SelectionId("e5957d9c37e2704d02292333ba970a5f")
COMMAND = PlaceOrder(
    client_order_id=ClientOrderId("x-1"),
    key=KEY,
    selection_id=HOME,
    price=Odds(146),
    size=1000,
    time_in_force=TimeInForce.POST_ONLY,
)
NEW = Order.placed(COMMAND)
FINAL = {OrderStatus.VOID, OrderStatus.INVALID}


def report(status: OrderStatus | None, filled: int = 0, **changes: object) -> OrderReported:
    known = OrderReported(
        venue_order_id=VenueOrderId("a1"),
        client_order_id=ClientOrderId("x-1"),
        key=KEY,
        selection_id=HOME,
        price=Odds(146),
        size=1000,
        filled=filled,
        status=status,
    )
    return attrs.evolve(known, **changes)


def after(*reports: OrderReported, order: Order = NEW) -> Order:
    for each in reports:
        order = order.reported(each)
    return order


PENDING = report(OrderStatus.PENDING)
OPEN = report(OrderStatus.OPEN)
FILLED = report(OrderStatus.FILLED, 1000)
CANCELLED = report(OrderStatus.CANCELLED)
SHRUNK = report(OrderStatus.FILLED, 300, size=300)  # how the venue says: cancelled after a partial fill

reports = st.builds(
    lambda status, filled, exact, price, sequence, shrunk, result: report(
        status,
        filled,
        last_fill=Fill(exact, Odds(price)) if exact else None,
        sequence_ns=sequence,
        size=max(filled, 1) if shrunk else 1000,
        result=result,
    ),
    st.one_of(
        st.none(),
        st.sampled_from(sorted(set(OrderStatus) - {OrderStatus.NEW, OrderStatus.UNKNOWN}, key=lambda s: s.value)),
    ),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.sampled_from([146, 150, -110]),
    st.one_of(st.none(), st.integers(1, 20)),
    st.booleans(),
    st.sampled_from(Result),
)


def reachable(status: OrderStatus) -> set[OrderStatus]:
    seen, border = {status}, [status]
    while border:
        border = [after for before in border for after in TRANSITIONS[before] if after not in seen]
        seen.update(border)
    return seen


# --- the table ---------------------------------------------------------------------------------------------------


def test_an_order_never_becomes_new_again_nor_stays_by_a_move():
    assert all(OrderStatus.NEW not in moves for moves in TRANSITIONS.values())
    assert all(status not in moves for status, moves in TRANSITIONS.items())


def test_what_ended_never_rests_again():
    ended = set(OrderStatus) - RESTABLE - {OrderStatus.REJECTED, OrderStatus.ABSENT}

    assert not [status for status in ended if reachable(status) & RESTABLE]


def test_annulled_and_invalid_orders_are_final():
    assert {status for status in OrderStatus if not TRANSITIONS[status]} == FINAL


def test_an_order_whose_fate_is_unknown_counts_as_resting():
    assert UNPROVED <= RESTABLE <= STAKED


@given(st.sampled_from(OrderStatus), st.sampled_from(OrderStatus))
def test_a_move_outside_the_table_changes_nothing(before, wanted):
    order = attrs.evolve(NEW, status=before)

    moved = order.move(wanted, "said so")

    allowed = wanted in TRANSITIONS[before]
    assert moved.status is (wanted if allowed else before)
    assert moved.reason == ("said so" if allowed else "")


# --- one life ----------------------------------------------------------------------------------------------------


def test_an_order_begins_as_it_was_asked():
    assert Order.placed(COMMAND) == Order(
        client_order_id=ClientOrderId("x-1"),
        key=KEY,
        selection_id=HOME,
        price=Odds(146),
        size=1000,
        time_in_force=TimeInForce.POST_ONLY,
    )
    assert (NEW.can_match, NEW.remaining, NEW.staked_micro) == (True, 1000, 0)


def test_an_activated_order_was_opened_and_has_a_venue_id():
    order = after(PENDING, OPEN)

    assert order == attrs.evolve(
        NEW, venue_order_id=VenueOrderId("a1"), status=OrderStatus.OPEN, opened=True, cancel_wanted=False
    )


def test_a_pending_order_was_not_opened():
    assert after(PENDING).opened is False


def test_an_order_with_a_fill_was_opened_whatever_its_status_says():
    assert after(report(OrderStatus.PENDING, 300)).opened is True


def test_an_exact_fill_does_not_make_an_earlier_guess_exact():
    order = after(OPEN, report(OrderStatus.OPEN, 300), report(OrderStatus.OPEN, 500, last_fill=Fill(200, Odds(150))))

    assert (order.fills, order.fills_exact) == ((Fill(300, Odds(146)), Fill(200, Odds(150))), False)


def test_a_fill_with_details_is_booked_at_its_own_price():
    order = after(OPEN, report(OrderStatus.OPEN, 300, last_fill=Fill(300, Odds(150))))

    assert order.fills == (Fill(300, Odds(150)),)
    assert order.fills_exact
    assert (order.remaining, order.staked_micro, order.gain_micro) == (700, micro(300), micro(450))


def test_a_fill_known_only_from_the_total_is_booked_at_the_limit_until_the_details_are_read():
    order = after(OPEN, report(OrderStatus.OPEN, 300))

    assert (order.fills, order.fills_exact) == ((Fill(300, Odds(146)),), False)


def test_a_missed_fill_is_booked_with_the_next_one():
    order = after(OPEN, report(OrderStatus.OPEN, 500, last_fill=Fill(200, Odds(150))))

    assert (order.fills, order.fills_exact) == ((Fill(500, Odds(146)),), False)


def test_exact_fills_replace_the_booked_ones_when_they_account_for_all():
    order = after(OPEN, report(OrderStatus.OPEN, 500))
    details = (Fill(300, Odds(150)), Fill(200, Odds(146)))

    assert order.with_fills(details) == attrs.evolve(order, fills=details, fills_exact=True)
    assert order.with_fills(details[:1]) == order


def test_profit_rounds_each_fill_down():
    order = attrs.evolve(after(FILLED), fills=(Fill(333, Odds(146)), Fill(667, Odds(146))))

    assert order.gain_micro == micro(486 + 973)  # 4.8618 and 9.7382


# --- cancelling --------------------------------------------------------------------------------------------------


def test_a_cancel_of_an_unfilled_order_ends_it():
    order = after(OPEN, CANCELLED)

    assert (order.status, order.remaining, order.staked_micro) == (OrderStatus.CANCELLED, 0, 0)


def test_a_cancel_after_a_partial_fill_shrinks_the_stake_and_is_a_cancel():
    order = after(OPEN, report(OrderStatus.OPEN, 300, last_fill=Fill(300, Odds(146))), SHRUNK)

    assert (order.status, order.size, order.filled) == (OrderStatus.CANCELLED, 1000, 300)
    assert (order.can_match, order.remaining, order.staked_micro) == (False, 0, micro(300))


def test_a_shrunk_order_brings_the_fill_that_was_never_told():
    order = after(OPEN, SHRUNK)

    assert (order.status, order.fills, order.fills_exact) == (
        OrderStatus.CANCELLED,
        (Fill(300, Odds(146)),),
        False,
    )


def test_a_fill_that_completes_before_the_cancel_is_a_fill():
    order = after(OPEN, FILLED)

    assert (order.status, order.filled) == (OrderStatus.FILLED, 1000)


def test_fully_matched_without_the_fills_to_show_for_it_is_still_open():
    assert after(report(OrderStatus.FILLED, 300)).status is OrderStatus.OPEN


def test_a_late_fill_is_booked_after_the_cancel():
    order = after(OPEN, CANCELLED, report(OrderStatus.OPEN, 300, last_fill=Fill(300, Odds(150))))

    assert (order.status, order.fills) == (OrderStatus.CANCELLED, (Fill(300, Odds(150)),))
    assert order.staked_micro == micro(300)


@pytest.mark.parametrize("ended", [OrderStatus.CANCELLED, OrderStatus.WIPED])
def test_a_late_fill_of_everything_makes_an_ended_order_filled(ended):
    order = after(OPEN, report(ended), report(OrderStatus.OPEN, 1000, last_fill=Fill(1000, Odds(146))))

    assert (order.status, order.staked_micro) == (OrderStatus.FILLED, micro(1000))


def test_an_order_wiped_at_go_live_keeps_its_fills():
    order = after(OPEN, report(OrderStatus.WIPED, 400))

    assert (order.status, order.opened, order.remaining) == (OrderStatus.WIPED, True, 0)
    assert order.staked_micro == micro(400)


# --- reordering --------------------------------------------------------------------------------------------------


def test_a_lagging_reading_never_moves_an_order_backwards():
    order = after(OPEN, report(OrderStatus.OPEN, 300), SHRUNK)

    assert after(PENDING, OPEN, report(OrderStatus.OPEN, 100), order=order) == order


def test_a_message_with_an_older_sequence_brings_its_fill_and_not_its_status():
    order = after(report(OrderStatus.OPEN, 0, sequence_ns=10))

    late = order.reported(report(OrderStatus.CANCELLED, 300, sequence_ns=9))

    assert (late.status, late.filled, late.sequence_ns) == (OrderStatus.OPEN, 300, 10)


def test_a_message_with_an_equal_sequence_is_taken():
    order = after(report(OrderStatus.OPEN, sequence_ns=10), report(OrderStatus.CANCELLED, sequence_ns=10))

    assert order.status is OrderStatus.CANCELLED


def test_an_unknown_status_word_changes_the_fills_alone():
    order = after(OPEN, report(None, 300))

    assert (order.status, order.filled) == (OrderStatus.OPEN, 300)


@pytest.mark.parametrize("ended", [OrderStatus.ABSENT, OrderStatus.REJECTED])
def test_an_order_believed_gone_is_resurrected_by_the_venue(ended):
    order = NEW.move(OrderStatus.UNKNOWN).move(ended, "no trace")

    assert order.can_match is False
    assert after(OPEN, order=order).status is OrderStatus.OPEN
    assert after(OPEN, order=order).remaining == 1000


def test_an_absent_order_that_filled_is_at_risk_again():
    order = NEW.move(OrderStatus.UNKNOWN).move(OrderStatus.ABSENT)

    assert after(SHRUNK, order=order).staked_micro == micro(300)


def test_absence_is_no_word_about_an_order_that_the_venue_has():
    assert after(OPEN).move(OrderStatus.ABSENT).status is OrderStatus.OPEN


# --- results -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "realised"),
    [(Result.WON, 1460), (Result.LOST, -1000), (Result.RETURNED, 0), (Result.TO_BE_DECIDED, 0)],
)
def test_a_settled_order_realises_its_result_and_stakes_nothing(result, realised):
    order = after(OPEN, FILLED, report(OrderStatus.SETTLED, 1000, result=result))

    assert (order.result, order.realised_micro, order.staked_micro) == (result, micro(realised), 0)


def test_a_result_before_the_settlement_realises_nothing():
    order = after(OPEN, report(OrderStatus.FILLED, 1000, result=Result.WON))

    assert (order.result, order.realised_micro, order.staked_micro) == (Result.TO_BE_DECIDED, 0, micro(1000))


def test_a_result_can_be_annulled():
    order = after(FILLED, report(OrderStatus.SETTLED, 1000, result=Result.WON), report(OrderStatus.VOID, 1000))

    assert (order.status, order.realised_micro, order.staked_micro) == (OrderStatus.VOID, 0, 0)


def test_settled_then_closed_keeps_the_result():
    settled = report(OrderStatus.SETTLED, 1000, result=Result.WON)
    closed = report(OrderStatus.SETTLED, 1000, result=Result.TO_BE_DECIDED)

    assert after(FILLED, settled, closed).result is Result.WON


# --- adopting ----------------------------------------------------------------------------------------------------


def test_an_order_of_the_account_is_adopted_as_it_is():
    order = Order.adopted(report(OrderStatus.OPEN, 300, sequence_ns=7))

    assert order == Order(
        client_order_id=ClientOrderId("x-1"),
        venue_order_id=VenueOrderId("a1"),
        key=KEY,
        selection_id=HOME,
        price=Odds(146),
        size=1000,
        status=OrderStatus.OPEN,
        opened=True,
        filled=300,
        fills=(Fill(300, Odds(146)),),
        fills_exact=False,
        sequence_ns=7,
    )


def test_an_order_without_our_id_is_adopted_under_its_own():
    assert Order.adopted(report(OrderStatus.OPEN, client_order_id=None)).client_order_id == "venue:a1"


def test_an_order_that_was_shrunk_before_it_was_adopted_counts_as_filled():
    assert Order.adopted(SHRUNK).status is OrderStatus.FILLED


# --- what cannot be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"venue_order_id": VenueOrderId("b2")}, "venue id b2 after a1"),
        ({"selection_id": SelectionId("away")}, f"selection away, expected {HOME}"),
        ({"filled": 1001}, "1001 filled of 1000"),
        ({"filled": -1}, "-1 filled of 1000"),
    ],
)
def test_a_report_that_cannot_be_about_this_order_is_the_venues_fault(changes, reason):
    order = after(OPEN)

    with pytest.raises(RemoteProtocolError, match=f"^order x-1: {reason}$"):
        order.reported(report(OrderStatus.OPEN, **changes))


# --- whatever arrives --------------------------------------------------------------------------------------------


@given(st.lists(reports, max_size=8))
def test_applying_every_report_twice_changes_nothing_more(told):
    once = after(*told)

    twice = NEW
    for each in told:
        twice = twice.reported(each).reported(each)
    assert twice == once


@given(st.lists(reports, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_no_order_of_arrival_loses_a_fill(told, chance):
    shuffled = [*told, *chance.choices(told, k=len(told))]
    chance.shuffle(shuffled)

    assert after(*shuffled).filled == max(each.filled for each in told)


@given(st.lists(st.integers(1, 200), max_size=5), st.randoms(use_true_random=False))
def test_a_life_told_in_any_order_ends_filled_the_same(stakes, chance):
    told, total = [report(OrderStatus.OPEN, sequence_ns=1)], 0
    for sequence, stake in enumerate(stakes, start=2):
        total += stake
        told.append(report(OrderStatus.OPEN, total, last_fill=Fill(stake, Odds(150)), sequence_ns=sequence))
    told.append(report(OrderStatus.FILLED, total, size=total, sequence_ns=100) if total else CANCELLED)
    in_order = after(*told)
    chance.shuffle(told)

    shuffled = after(*told)

    expected = OrderStatus.FILLED if total == 1000 else OrderStatus.CANCELLED
    assert (in_order.status, in_order.filled, in_order.fills_exact) == (expected, total, True)
    assert (shuffled.status, shuffled.filled) == (expected, total)


class OrderLife(RuleBasedStateMachine):
    """Whatever the venue says, and whatever we decide, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.order = NEW
        self.most_filled = 0

    @rule(told=reports)
    def the_venue_reports(self, told: OrderReported) -> None:
        self.become(self.order.reported(told))
        self.most_filled = max(self.most_filled, told.filled)

    @rule(status=st.sampled_from([OrderStatus.UNKNOWN, OrderStatus.REJECTED, OrderStatus.ABSENT]))
    def we_conclude(self, status: OrderStatus) -> None:
        self.become(self.order.move(status))

    def become(self, order: Order) -> None:
        assert order.status in reachable(self.order.status)
        assert order.filled >= self.order.filled
        assert order.sequence_ns >= self.order.sequence_ns
        assert order.opened or not self.order.opened
        if self.order.status in FINAL:
            assert order.status is self.order.status
        self.order = order

    @invariant()
    def no_fill_is_lost_and_none_is_invented(self) -> None:
        assert self.order.filled == self.most_filled
        assert sum(fill.size for fill in self.order.fills) == self.order.filled
        assert all(fill.size > 0 for fill in self.order.fills)

    @invariant()
    def the_stake_is_never_exceeded(self) -> None:
        assert 0 <= self.order.filled <= self.order.size == 1000
        assert self.order.filled + self.order.remaining <= 1000
        assert 0 <= self.order.staked_micro <= micro(self.order.filled)

    @invariant()
    def what_cannot_match_has_nothing_left(self) -> None:
        assert self.order.can_match or self.order.remaining == 0


TestOrderLife = OrderLife.TestCase
