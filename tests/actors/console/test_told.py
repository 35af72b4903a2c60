from pathlib import Path

import attrs
import pytest

from actors.console.told import DAY_NS, moment, told_entry, told_row, told_state
from actors.decisions.entry_text import KINDS
from actors.decisions.recollection import Recollection
from actors.entries import (
    AccountOpened,
    CancelSent,
    EventTraded,
    Latch,
    Latched,
    Lifted,
    LimitBreached,
    OrderIntended,
    OrderMoved,
    ResultBooked,
    RunEnded,
    RunStarted,
)
from actors.io.tables import Row
from protocol.belief import Source
from protocol.commands import CancelAll, CancelOrder, PlaceOrder
from protocol.events import OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, VenueName, VenueOrderId
from protocol.order import Order
from protocol.prices import Probability

HERE = Path("the data")
VENUE = VenueName("venue")
PLACING = PlaceOrder(
    client_order_id=ClientOrderId("x-1"),
    key=BookKey(EventId("cup"), MarketId("final")),
    selection_id=SelectionId("yes"),
    price=Probability(4200),
    size=25,
)
ORDER = Order.placed(PLACING)
SETTLED = attrs.evolve(ORDER, status=OrderStatus.SETTLED, filled=5, result=Result.WON)
REJECTED = attrs.evolve(ORDER, status=OrderStatus.REJECTED, reason="no funds")


def moved(strategy: str, order: Order, source: Source = Source.RECKONED) -> OrderMoved:
    return OrderMoved(venue=VENUE, strategy=strategy, order=order, source=source, as_of_ns=DAY_NS + 7_000_000)


TOLD = [
    (RunStarted(run=3, version="1.2"), "run 3, version 1.2"),
    (RunEnded(run=3, flat=True), "run 3, flat"),
    (RunEnded(run=3, flat=False), "run 3, not proved flat"),
    (AccountOpened(venue=VENUE, account="mine", money_micro=12_340_000), "$12.34, 0 holdings"),
    (
        EventTraded(venue=VENUE, event_id=EventId("cup"), outcomes=(SelectionId("yes"), SelectionId("no"))),
        "cup, 2 outcomes",
    ),
    (
        OrderIntended(venue=VENUE, strategy="maker", order=PLACING, at_ns=1),
        "maker  25 shares at 42% on yes of cup/final",
    ),
    (moved("", ORDER), "not ours  new  25 shares at 42% on yes of cup/final"),
    (
        moved("maker", SETTLED, Source.RESULT),
        "maker  settled, 5 shares filled, won  25 shares at 42% on yes of cup/final"
        "  by result as of 1970-01-02T00:00:00.007Z",
    ),
    (
        moved("maker", REJECTED, Source.ANSWER),
        "maker  rejected (no funds)  25 shares at 42% on yes of cup/final  by answer as of 1970-01-02T00:00:00.007Z",
    ),
    (
        CancelSent(
            venue=VENUE,
            command=CancelOrder(client_order_id=ClientOrderId("x-1"), venue_order_id=VenueOrderId("v")),
        ),
        "",
    ),
    (CancelSent(venue=VENUE, command=CancelAll()), "everything"),
    (
        ResultBooked(venue=VENUE, key=PLACING.key, net_micro=10_000, total_micro=1, day=1, day_micro=-1_990_000),
        "cup/final came to $0.01; the day to -$1.99",
    ),
    (LimitBreached(worst_cents=250, limit_cents=200), "the worst outcome is $2.50, the limit $2.00"),
    (Latched(latch=Latch.DAILY_LOSS, reason="$5 lost"), "daily-loss: $5 lost"),
    (Lifted(latch=Latch.HALT, reason="seen"), "halt: seen"),
]


@pytest.mark.parametrize(("entry", "words"), TOLD)
def test_an_entry_in_words(entry, words):
    assert told_entry(entry) == words


def test_every_kind_of_entry_has_words():
    assert {type(entry) for entry, _ in TOLD} == set(KINDS.values())


def test_a_moment_has_its_milliseconds():
    assert moment(1_789_128_000_007_999_999) == "2026-09-11T12:00:00.007Z"


def test_what_a_venue_wrote_does_not_steer_the_terminal():
    row = Row(1, 1, 0, "OrderMoved", "venue", "x\x1b[2J\n\ud800é", "{}")

    assert told_row(row).endswith("OrderMoved     venue  x\\x1b[2J\\n\\ud800é  {}")


def test_a_journal_without_entries_says_so():
    assert list(told_state("abc", HERE, Recollection(), 7)) == [
        "journal abc  no run yet",
        "settled today: $0.00  since the accounts were opened: $0.00",
        "orders that can still match: 0",
    ]


def test_the_result_of_a_day_is_shown_on_that_day():
    recollection = Recollection(day=7, day_micro={VENUE: -10_000_000, VenueName("other"): 2_000_000})

    assert any("settled today: -$8.00" in line for line in told_state("abc", HERE, recollection, 7))
    assert any("settled today: $0.00" in line for line in told_state("abc", HERE, recollection, 8))


def test_a_latch_is_shown_with_the_command_that_lifts_it_there():
    recollection = Recollection(latches={Latch.HALT: "why"})

    assert "latched: halt: why  (`overround journal lift halt --data-dir 'the data' --reason ...`)" in told_state(
        "abc", HERE, recollection, 7
    )
