import attrs
import pytest

from actors.decisions.guard import DAY_S, FIRST_REST_S, Guard, Limits
from actors.messages import DenialReason, Intent, MarketView
from actors.tally import Tally
from protocol.book import BookStatus
from protocol.commands import PlaceOrder
from protocol.events import EventListed, EventStatus, Fill, Level, OrderStatus, Result, Side
from protocol.ids import BookKey, ClientOrderId, CompetitionId, EventId, MarketId, SelectionId, Strike
from protocol.odds import Odds, OddsLadder, generate_ladder
from protocol.order import Order

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
SPREAD = BookKey(EventId(1), MarketId(223), Strike(-350))
ELSEWHERE = BookKey(EventId(2), MarketId(219), Strike(0))
EVENT = EventListed(event_id=EventId(1), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED)
DAY = 1_790_000_000 // DAY_S


def home(key: BookKey = KEY) -> SelectionId:
    return SelectionId(f"home {key}")


def away(key: BookKey = KEY) -> SelectionId:
    return SelectionId(f"away {key}")


def view(key: BookKey = KEY, **changes: object) -> MarketView:
    known = MarketView(
        key=key,
        name="Moneyline",
        kind="moneyline",
        event=EVENT,
        epoch=1,
        status=BookStatus.LIVE,
        sides=(
            Side(selection_id=home(key), levels=(Level(Odds(-110), 50_000),)),
            Side(selection_id=away(key), levels=(Level(Odds(-110), 50_000),)),
        ),
    )
    return attrs.evolve(known, **changes)


def guard(**limits: object) -> Guard:
    watching = Guard(limits=Limits(**limits), ladder=generate_ladder(), tally=Tally(), epoch=1, ready=True)
    for key in (KEY, SPREAD, ELSEWHERE):
        watching.view(view(key))
    return watching


def intent(
    name: str = "x-1", *, key: BookKey = KEY, selection: SelectionId | None = None, odds: int = 110, stake: int = 1000
) -> Intent:
    order = PlaceOrder(
        client_order_id=ClientOrderId(name),
        key=key,
        selection_id=home(key) if selection is None else selection,
        odds=Odds(odds),
        stake_cents=stake,
    )
    return Intent(strategy="maker", order=order)


def ended(asked: Intent, status: OrderStatus, filled: int = 0, **changes: object) -> Order:
    order = Order.placed(asked.order)
    fills = (Fill(filled, order.odds),) if filled else ()
    return attrs.evolve(order, status=status, filled_cents=filled, fills=fills, **changes)


def test_an_order_within_every_limit_leaves_and_is_reserved():
    watching = guard()

    assert watching.check(intent(), 0.0, DAY) is None
    assert watching.exposure.account_cents == 1000
    assert watching.tally == Tally(markets=3, exposure_cents_max=1000)


def test_a_denied_order_reserves_nothing_and_is_counted():
    watching = guard(max_stake_cents=999)

    assert watching.check(intent(), 0.0, DAY) is DenialReason.STAKE_TOO_LARGE
    assert watching.exposure.account_cents == 0
    assert watching.tally.denied == 1


# --- whether it may leave at all ---------------------------------------------------------------------------------


def test_nothing_leaves_once_halted():
    watching = guard()
    watching.halted = True

    assert watching.check(intent(), 0.0, DAY) is DenialReason.HALTED


def test_nothing_leaves_before_the_account_is_known():
    watching = guard()
    watching.ready = False

    assert watching.check(intent(), 0.0, DAY) is DenialReason.NOT_READY


def test_an_id_passes_once():
    watching = guard()
    watching.check(intent(), 0.0, DAY)

    assert watching.check(intent(), 0.0, DAY) is DenialReason.DUPLICATE_ID


@pytest.mark.parametrize("status", sorted(set(BookStatus) - {BookStatus.LIVE}, key=lambda each: each.value))
def test_a_book_that_is_not_live_is_not_traded_on(status):
    watching = guard()
    watching.view(view(status=status))

    assert watching.check(intent(), 0.0, DAY) is DenialReason.BOOK_NOT_LIVE


@pytest.mark.parametrize("epoch", [None, 2])
def test_a_book_of_another_session_is_not_traded_on(epoch):
    watching = guard()
    watching.epoch = epoch

    assert watching.check(intent(), 0.0, DAY) is DenialReason.BOOK_NOT_LIVE


def test_a_market_that_was_never_seen_is_not_traded_on():
    unseen = BookKey(EventId(9), MarketId(219), Strike(0))

    assert guard().check(intent(key=unseen), 0.0, DAY) is DenialReason.BOOK_NOT_LIVE


# --- form --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"selection": SelectionId("another")}, DenialReason.UNKNOWN_SELECTION),
        ({"odds": 131}, DenialReason.OFF_LADDER),
        ({"odds": -100}, DenialReason.OFF_LADDER),
        ({"stake": 99}, DenialReason.STAKE_TOO_SMALL),
        ({"stake": 100}, None),
        ({"stake": 10_000}, None),
        ({"stake": 10_001}, DenialReason.STAKE_TOO_LARGE),
    ],
)
def test_the_form_of_an_order_is_checked(changes, reason):
    assert guard().check(intent(**changes), 0.0, DAY) is reason


# --- money -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "key", "reason"),
    [
        ({"market_cents": 1999}, KEY, DenialReason.MARKET_EXPOSURE),
        ({"market_cents": 2000}, KEY, None),
        ({"event_cents": 1999}, SPREAD, DenialReason.EVENT_EXPOSURE),
        ({"event_cents": 2000}, SPREAD, None),
        ({"event_cents": 1999}, ELSEWHERE, None),
        ({"account_cents": 1999}, ELSEWHERE, DenialReason.ACCOUNT_EXPOSURE),
        ({"account_cents": 2000}, ELSEWHERE, None),
        ({"open_orders": 1}, ELSEWHERE, DenialReason.OPEN_ORDERS),
    ],
)
def test_a_second_order_is_held_against_every_limit(limits, key, reason):
    watching = guard(**limits)
    watching.check(intent("x-1"), 0.0, DAY)

    assert watching.check(intent("x-2", key=key), 0.0, DAY) is reason


def test_a_hedge_is_never_denied_for_exposure():
    watching = guard(market_cents=1000, event_cents=1000, account_cents=1000)
    bought = intent("x-1")
    watching.check(bought, 0.0, DAY)
    watching.change(ended(bought, OrderStatus.FILLED, 1000), 0.0, DAY)

    assert watching.check(intent("x-2"), 0.0, DAY) is DenialReason.MARKET_EXPOSURE
    assert watching.check(intent("x-3", selection=away()), 0.0, DAY) is None


def test_what_became_of_an_order_gives_its_reservation_back():
    watching = guard(account_cents=1000, open_orders=1)
    first = intent("x-1")
    watching.check(first, 0.0, DAY)
    watching.change(ended(first, OrderStatus.CANCELLED), 0.0, DAY)

    assert watching.check(intent("x-2"), 0.0, DAY) is None


def test_an_order_whose_fate_is_unknown_stays_reserved():
    watching = guard(account_cents=1000)
    first = intent("x-1")
    watching.check(first, 0.0, DAY)
    watching.change(ended(first, OrderStatus.UNKNOWN), 0.0, DAY)

    assert watching.check(intent("x-2"), 0.0, DAY) is DenialReason.ACCOUNT_EXPOSURE


def test_a_reservation_that_went_no_further_is_released():
    watching = guard(account_cents=1000)
    first = intent("x-1")
    watching.check(first, 0.0, DAY)

    watching.release(first.order, 0.0, DAY)

    assert watching.exposure.account_cents == 0
    assert watching.orders == {}
    assert watching.tally.denied == 1
    assert watching.check(intent("x-2"), 0.0, DAY) is None


def test_exposure_beyond_the_limit_is_a_breach():
    watching = guard(account_cents=1000)
    foreign = ended(intent("old", stake=5000), OrderStatus.OPEN)

    watching.change(foreign, 0.0, DAY)

    assert watching.tally.breaches == 1
    assert watching.tally.exposure_cents_max == 5000


# --- the day's loss ----------------------------------------------------------------------------------------------


def settled(watching: Guard, name: str, result: Result, stake: int, selection: SelectionId | None = None) -> None:
    order = ended(intent(name, stake=stake, selection=selection), OrderStatus.SETTLED, stake, result=result)
    watching.change(order, 0.0, DAY)


def test_the_days_loss_ends_the_day():
    watching = guard(daily_loss_cents=1000)
    settled(watching, "old-1", Result.LOST, 999)
    enough = watching.check(intent("x-1"), 0.0, DAY)
    settled(watching, "old-2", Result.LOST, 1)

    assert enough is None
    assert watching.check(intent("x-2"), 0.0, DAY) is DenialReason.DAILY_LOSS
    assert watching.check(intent("x-3"), 0.0, DAY + 1) is None


def test_commission_is_taken_of_a_markets_net_winnings():
    watching = guard(commission_bp=200)

    settled(watching, "old-1", Result.WON, 1000)  # wins 1100
    winner = watching.realised_cents
    settled(watching, "old-2", Result.LOST, 600, away())

    assert winner == 1100 - 22
    assert watching.realised_cents == 500 - 10
    assert watching.day_cents(DAY) == 490


def test_a_result_is_booked_once_and_taken_back_when_it_is_annulled():
    watching = guard()
    settled(watching, "old-1", Result.LOST, 1000)
    settled(watching, "old-1", Result.LOST, 1000)
    once = watching.realised_cents

    watching.change(ended(intent("old-1"), OrderStatus.VOID, 1000, result=Result.LOST), 0.0, DAY)

    assert once == -1000
    assert watching.realised_cents == 0


def test_a_returned_stake_and_an_open_result_are_no_loss():
    watching = guard()

    settled(watching, "old-1", Result.RETURNED, 1000)
    settled(watching, "old-2", Result.TO_BE_DECIDED, 1000)

    assert watching.realised_cents == 0


def test_a_new_day_starts_at_nothing():
    watching = guard()
    settled(watching, "old-1", Result.LOST, 1000)

    order = ended(intent("old-2", stake=10), OrderStatus.SETTLED, 10, result=Result.LOST)
    watching.change(order, 0.0, DAY + 1)

    assert watching.day_cents(DAY + 1) == -10
    assert watching.realised_cents == -1010


# --- price -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("odds", "reason"), [(100, None), (148, None), (152, DenialReason.PRICE_COLLAR), (-152, DenialReason.PRICE_COLLAR)]
)
def test_a_price_far_from_the_markets_middle_is_denied(odds, reason):
    assert guard(collar_bp=1000).check(intent(odds=odds), 0.0, DAY) is reason


def test_one_side_of_the_book_is_a_middle_too_and_none_is_not():
    watching = guard(collar_bp=500)
    one_sided = (Side(selection_id=home()), Side(selection_id=away(), levels=(Level(Odds(-300), 1),)))
    watching.view(view(sides=one_sided))
    far = watching.check(intent("x-1", odds=110), 0.0, DAY)
    watching.view(view(sides=(Side(selection_id=home()), Side(selection_id=away()))))
    unknown = watching.check(intent("x-2", odds=110), 0.0, DAY)

    assert far is DenialReason.PRICE_COLLAR
    assert unknown is None


@pytest.mark.parametrize(
    ("odds", "reason"), [(-110, DenialReason.CROSSES_OWN), (-112, DenialReason.CROSSES_OWN), (-109, None)]
)
def test_an_order_never_meets_our_own(odds, reason):
    watching = guard()
    watching.check(intent("x-1", odds=110), 0.0, DAY)

    assert watching.check(intent("x-2", selection=away(), odds=odds), 0.0, DAY) is reason


def test_even_money_meets_even_money():
    watching = guard()
    watching.check(intent("x-1", odds=100), 0.0, DAY)

    assert watching.check(intent("x-2", selection=away(), odds=100), 0.0, DAY) is DenialReason.CROSSES_OWN


# --- pace --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason"), [(OrderStatus.INVALID, ""), (OrderStatus.REJECTED, "insufficient_amount")]
)
def test_a_selection_rests_after_a_failed_order_longer_each_time(status, reason):
    watching = guard()
    now_s = 0.0
    for count in range(10):
        asked = intent(f"x-{count}")
        assert watching.check(asked, now_s, DAY) is None
        watching.change(ended(asked, status, reason=reason), now_s, DAY)
        wait_s = min(FIRST_REST_S * 2**count, 640.0)
        early = watching.check(intent(f"early-{count}"), now_s + wait_s - 0.01, DAY)
        assert early is DenialReason.COOLING_DOWN
        now_s += wait_s


def test_the_other_selection_does_not_rest():
    watching = guard()
    asked = intent("x-1")
    watching.change(ended(asked, OrderStatus.INVALID), 0.0, DAY)

    assert watching.check(intent("x-2", selection=away()), 0.0, DAY) is None


def test_an_order_that_opens_ends_the_rest():
    watching = guard()
    watching.change(ended(intent("x-1"), OrderStatus.INVALID), 0.0, DAY)
    watching.change(ended(intent("x-2"), OrderStatus.OPEN, opened=True), 1.0, DAY)

    assert watching.check(intent("x-3"), 1.0, DAY) is None


def test_another_refusal_is_no_reason_to_rest():
    watching = guard()
    watching.change(ended(intent("x-1"), OrderStatus.REJECTED, reason="invalid_price"), 0.0, DAY)

    assert watching.check(intent("x-2"), 0.0, DAY) is None


def test_the_rate_budget_is_spent_and_comes_back():
    watching = guard(orders_per_s=1.0, open_orders=100, market_cents=10**6)
    burst = [watching.check(intent(f"x-{number}", stake=100), 0.0, DAY) for number in range(4)]

    assert burst == [None, None, None, DenialReason.RATE_BUDGET]
    assert watching.check(intent("x-9", stake=100), 1.0, DAY) is None


def test_no_order_leaves_while_the_venue_wants_silence():
    watching = guard()
    watching.held_until_s = 5.0

    assert watching.check(intent("x-1"), 4.9, DAY) is DenialReason.RATE_BUDGET
    assert watching.check(intent("x-2"), 5.0, DAY) is None


def test_a_fetched_ladder_counts():
    watching = guard()
    watching.ladder = OddsLadder.of([100, 120])

    assert watching.check(intent(odds=110), 0.0, DAY) is DenialReason.OFF_LADDER
