import attrs
import pytest

from actors.decisions.accounting import Accounting
from actors.decisions.results import Results
from actors.decisions.venue_memory import VenueMemory
from actors.entries import AccountOpened
from actors.messages import FundsRead
from protocol.commands import PlaceOrder
from protocol.events import Fill, OrderStatus, Result
from protocol.ids import BookKey, ClientOrderId, ClientOrderIds, EventId, MarketId, SelectionId
from protocol.money import micro
from protocol.odds import Odds
from protocol.order import Order
from protocol.prophetx.venue import ProphetX
from protocol.venue import Balance, Holding

TRAITS = ProphetX().traits
KEY = BookKey(EventId(1), MarketId(219))
NAME = ClientOrderId("a-1-1")
HELD = (Holding(key=KEY, selection_id=SelectionId("home"), shares=5, cost_micro=0),)


def opened(cents: int, held: tuple[Holding, ...] = HELD) -> AccountOpened:
    return AccountOpened(venue=TRAITS.venue, account="mine", money_micro=micro(cents), held=held)


def accounting(
    opening: AccountOpened | None = None, *, total: int = 0, ended_in_order: bool = True, rebate_bp: int = 0
) -> Accounting:
    memory = VenueMemory(
        recalled=(), opening=opening, outcomes={}, total_micro=micro(total), ended_in_order=ended_in_order
    )
    return Accounting(
        traits=attrs.evolve(TRAITS, rebate_bp=rebate_bp),
        ids=ClientOrderIds("a-2", family="a-"),
        results=Results(total_micro=micro(total)),
        memory=memory,
        account="mine",
    )


def funds(free: int, resting: int | None = 0, held: tuple[Holding, ...] = HELD) -> FundsRead:
    balance = Balance(free_micro=micro(free), resting_micro=None if resting is None else micro(resting))
    return FundsRead(venue=TRAITS.venue, balance=balance, held=held, asked_at_s=0.0, as_of_ns=0)


def filled(cents: int, status: OrderStatus = OrderStatus.CANCELLED) -> dict[ClientOrderId, Order]:
    command = PlaceOrder(client_order_id=NAME, key=KEY, selection_id=SelectionId("home"), price=Odds(110), size=1000)
    fills = (Fill(cents, Odds(110)),)
    order = attrs.evolve(Order.placed(command), status=status, filled=cents, fills=fills, result=Result.WON)
    return {NAME: order}


def test_the_first_reading_is_what_all_is_reckoned_from():
    books = accounting()

    assert books.open(funds(900, resting=100), {}) == opened(1000)
    assert books.opening == opened(1000)


def test_what_was_opened_before_stays_while_nothing_moved():
    books = accounting(opened(1000), total=-200)

    assert books.open(funds(500, held=()), filled(300)) is None
    assert books.opening == opened(1000)


def test_a_settled_order_is_in_the_results_and_takes_nothing():
    books = accounting(opened(1000), total=330)

    assert books.open(funds(1330), filled(300, OrderStatus.SETTLED)) is None


@pytest.mark.parametrize(("free", "moved"), [(1500, 500), (700, -300)])
def test_money_that_moved_while_nobody_traded_moves_it(free, moved):
    books = accounting(opened(1000))

    assert books.open(funds(free, held=()), {}) == opened(1000 + moved)


def test_after_a_process_that_died_more_is_a_deposit_and_less_is_a_loss_that_shows():
    richer, poorer = (accounting(opened(1000), ended_in_order=False) for _ in range(2))

    assert richer.open(funds(1500), {}) == opened(1500)
    assert poorer.open(funds(700), {}) is None
    assert poorer.gap_cents({}, micro(700)) == 300


@pytest.mark.parametrize(("more", "moved"), [(630, 0), (631, 631)])  # 300 staked at +110 pay 630
def test_what_a_result_can_have_brought_that_was_not_heard_of_is_no_deposit(more, moved):
    books = accounting(opened(1000), ended_in_order=False)

    told = books.open(funds(700 + more, held=()), filled(300))

    assert told == (opened(1000 + moved) if moved else None)


def test_what_may_be_a_rebate_moves_nothing():
    books = accounting(opened(1000), rebate_bp=100)

    assert books.open(funds(1000 - 500 + 5), filled(500)) is None


def test_a_gap_is_told_in_whole_cents_once_there_is_an_opening():
    books = accounting()
    unopened = books.gap_cents({}, micro(1000))
    books.open(funds(1000), {})

    assert unopened is None
    assert [books.gap_cents(filled(300), micro(cents)) for cents in (700, 650, 701)] == [0, 50, 1]
