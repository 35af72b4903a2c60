import attrs
import pytest

from actors.decisions.guard import DAY_S, FIRST_REST_S, MAX_SEEN, MAX_VIEWS, Guard, Limits
from actors.decisions.recollection import Recalled, Recollection
from actors.decisions.standing import Standing
from actors.entries import EventTraded, Latch, Latched, LimitBreached, ResultBooked
from actors.messages import DenialReason, FundsRead, Intent, MarketView
from actors.tally import Tally
from protocol.book import BookStatus
from protocol.commands import PlaceOrder, TimeInForce
from protocol.events import EventListed, EventStatus, Fill, Level, OrderStatus, Result, Side
from protocol.ids import BookKey, ClientOrderId, CompetitionId, EventId, MarketId, SelectionId, Strike, sale_of
from protocol.money import micro
from protocol.odds import Odds, OddsLadder, generate_ladder
from protocol.order import Order
from protocol.prices import Probability
from protocol.prophetx.venue import ProphetX
from protocol.satoriex.venue import SatoriEx
from protocol.venue import Balance, Holding, Traits

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
SPREAD = BookKey(EventId(1), MarketId(223), Strike(-350))
ELSEWHERE = BookKey(EventId(2), MarketId(219), Strike(0))
EVENT = EventListed(event_id=EventId(1), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED)
DAY = 1_790_000_000 // DAY_S
TRAITS = ProphetX(commission_bp=200).traits
FREE = ProphetX(commission_bp=0).traits
VENUE = TRAITS.venue


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
        terms=ProphetX(commission_bp=0).terms(EVENT, generate_ladder()),
        epoch=1,
        status=BookStatus.LIVE,
        sides=(
            Side(selection_id=home(key), levels=(Level(Odds(-110), 50_000),)),
            Side(selection_id=away(key), levels=(Level(Odds(-110), 50_000),)),
        ),
    )
    return attrs.evolve(known, **changes)


def guard(traits: Traits = FREE, **limits: object) -> Guard:
    standing = Standing(traits=traits, epoch=1, ready=True)
    watching = Guard(limits=Limits(**limits), tally=Tally(), standings={VENUE: standing})
    for key in (KEY, SPREAD, ELSEWHERE):
        watching.view(view(key))
    return watching


def intent(
    name: str = "x-1", *, key: BookKey = KEY, selection: SelectionId | None = None, price: int = 110, stake: int = 1000
) -> Intent:
    order = PlaceOrder(
        client_order_id=ClientOrderId(name),
        key=key,
        selection_id=home(key) if selection is None else selection,
        price=Odds(price),
        size=stake,
    )
    return Intent(strategy="maker", order=order)


def ended(asked: Intent, status: OrderStatus, filled: int = 0, **changes: object) -> Order:
    order = Order.placed(asked.order)
    fills = (Fill(filled, order.price),) if filled else ()
    return attrs.evolve(order, status=status, filled=filled, fills=fills, **changes)


def test_an_order_within_every_limit_leaves_and_is_reserved():
    watching = guard()

    assert watching.check(intent(), 0.0, DAY) is None
    assert watching.exposure.account_micro == micro(1000)
    assert watching.tally == Tally(markets=3, exposure_cents_max=1000)


def test_a_denied_order_reserves_nothing_and_is_counted():
    watching = guard(max_stake_cents=999)

    assert watching.check(intent(), 0.0, DAY) is DenialReason.STAKE_TOO_LARGE
    assert watching.exposure.account_micro == 0
    assert watching.tally.denied == 1


# --- whether it may leave at all ---------------------------------------------------------------------------------


def test_nothing_leaves_once_the_run_is_closing():
    watching = guard()
    watching.closing = True

    assert watching.halted
    assert watching.check(intent(), 0.0, DAY) is DenialReason.HALTED


@pytest.mark.parametrize(
    ("latches", "reason"),
    [
        ([Latch.HALT], DenialReason.HALTED),
        ([Latch.KILL], DenialReason.HALTED),
        ([Latch.DAILY_LOSS], DenialReason.DAILY_LOSS),
        ([Latch.DAILY_LOSS, Latch.HALT], DenialReason.HALTED),
    ],
)
def test_nothing_leaves_once_something_is_latched(latches, reason):
    watching = guard()
    for latch in latches:
        watching.latch(latch, "why")

    assert watching.halted
    assert watching.check(intent(), 0.0, DAY) is reason


def test_nothing_leaves_before_the_account_is_known():
    watching = guard()
    watching.standings[VENUE].ready = False

    assert watching.check(intent(), 0.0, DAY) is DenialReason.NOT_READY


def test_nothing_leaves_for_a_market_that_was_never_seen_before_the_account_is_known():
    watching = guard()
    watching.standings[VENUE].ready = False
    unseen = BookKey(EventId(9), MarketId(219), Strike(0))

    assert watching.check(intent(key=unseen), 0.0, DAY) is DenialReason.NOT_READY


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
    watching.standings[VENUE].epoch = epoch

    assert watching.check(intent(), 0.0, DAY) is DenialReason.BOOK_NOT_LIVE


def test_a_market_that_was_never_seen_is_not_traded_on():
    unseen = BookKey(EventId(9), MarketId(219), Strike(0))

    assert guard().check(intent(key=unseen), 0.0, DAY) is DenialReason.BOOK_NOT_LIVE


# --- form --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"selection": SelectionId("another")}, DenialReason.UNKNOWN_SELECTION),
        ({"price": 131}, DenialReason.OFF_LADDER),
        ({"price": -100}, DenialReason.OFF_LADDER),
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
    watching.change(ended(bought, OrderStatus.FILLED, 1000), VENUE, 0.0, DAY)

    assert watching.check(intent("x-2"), 0.0, DAY) is DenialReason.MARKET_EXPOSURE
    assert watching.check(intent("x-3", selection=away()), 0.0, DAY) is None


def test_what_became_of_an_order_gives_its_reservation_back():
    watching = guard(account_cents=1000, open_orders=1)
    first = intent("x-1")
    watching.check(first, 0.0, DAY)
    watching.change(ended(first, OrderStatus.CANCELLED), VENUE, 0.0, DAY)

    assert watching.check(intent("x-2"), 0.0, DAY) is None


def test_an_order_whose_fate_is_unknown_stays_reserved():
    watching = guard(account_cents=1000)
    first = intent("x-1")
    watching.check(first, 0.0, DAY)
    watching.change(ended(first, OrderStatus.UNKNOWN), VENUE, 0.0, DAY)

    assert watching.check(intent("x-2"), 0.0, DAY) is DenialReason.ACCOUNT_EXPOSURE


def test_a_reservation_that_went_no_further_is_released():
    watching = guard(account_cents=1000)
    first = intent("x-1")
    watching.check(first, 0.0, DAY)

    watching.release(first.order, 0.0, DAY)

    assert watching.exposure.account_micro == 0
    assert watching.standings[VENUE].orders == {}
    assert watching.tally.denied == 1
    assert watching.check(intent("x-2"), 0.0, DAY) is None


def test_exposure_beyond_the_limit_is_a_breach():
    watching = guard(account_cents=1000)
    foreign = ended(intent("old", stake=5000), OrderStatus.OPEN)

    watching.change(foreign, VENUE, 0.0, DAY)

    assert watching.tally.breaches == 1
    assert watching.tally.exposure_cents_max == 5000


# --- the day's loss ----------------------------------------------------------------------------------------------


def settled(
    watching: Guard, name: str, result: Result, stake: int, selection: SelectionId | None = None, *, day: int = DAY
) -> None:
    order = ended(intent(name, stake=stake, selection=selection), OrderStatus.SETTLED, stake, result=result)
    watching.change(order, VENUE, 0.0, day)


def test_the_days_loss_ends_the_day():
    watching = guard(daily_loss_cents=1000)
    settled(watching, "old-1", Result.LOST, 999)
    enough = watching.check(intent("x-1"), 0.0, DAY)
    settled(watching, "old-2", Result.LOST, 1)

    assert enough is None
    assert watching.check(intent("x-2"), 0.0, DAY) is DenialReason.DAILY_LOSS
    assert watching.latches == {Latch.DAILY_LOSS: "$10.00 lost in the UTC day, limit $10.00"}


def test_the_next_day_lifts_nothing():
    watching = guard(daily_loss_cents=1000)
    settled(watching, "old-1", Result.LOST, 1000)

    assert watching.check(intent(), 0.0, DAY + 1) is DenialReason.DAILY_LOSS


def test_nor_does_what_is_won_back():
    watching = guard(daily_loss_cents=1000)
    settled(watching, "old-1", Result.LOST, 1000)
    settled(watching, "old-2", Result.WON, 9000, away())

    assert watching.check(intent(), 0.0, DAY) is DenialReason.DAILY_LOSS


def test_a_day_of_small_losses_never_latches_the_next():
    watching = guard(daily_loss_cents=1000)
    settled(watching, "old-1", Result.LOST, 999)
    settled(watching, "old-2", Result.LOST, 999, day=DAY + 1)

    assert watching.latches == {}


def test_commission_is_taken_as_the_venue_takes_it():
    watching = guard(TRAITS)

    settled(watching, "old-1", Result.WON, 1000)  # wins 1100

    assert watching.realised_micro == micro(1100 - 22)
    assert watching.day_micro(DAY) == micro(1078)


def test_a_result_that_is_annulled_is_taken_back():
    watching = guard()
    settled(watching, "old-1", Result.LOST, 1000)
    once = watching.realised_micro

    watching.change(ended(intent("old-1"), OrderStatus.VOID, 1000, result=Result.LOST), VENUE, 0.0, DAY)

    assert once == micro(-1000)
    assert watching.realised_micro == 0


# --- what the journal is told, and tells the next process --------------------------------------------------------


def test_a_latch_is_told_once_with_its_first_reason():
    watching = guard()
    watching.latch(Latch.HALT, "first")
    watching.latch(Latch.HALT, "second")
    watching.latch(Latch.KILL, "third")

    assert watching.latches == {Latch.HALT: "first", Latch.KILL: "third"}
    assert watching.take_notes() == [
        Latched(latch=Latch.HALT, reason="first"),
        Latched(latch=Latch.KILL, reason="third"),
    ]
    assert watching.take_notes() == []


def test_closing_is_no_latch():
    watching = guard()
    watching.closing = True

    assert watching.take_notes() == []


def test_an_event_is_told_with_its_outcomes_when_an_order_on_it_first_leaves():
    watching = guard(max_stake_cents=1000)
    watching.check(intent("x-1", stake=2000), 0.0, DAY)
    denied = watching.take_notes()
    for name in ("x-2", "x-3"):
        watching.check(intent(name), 0.0, DAY)

    assert denied == []
    assert watching.take_notes() == [EventTraded(venue=VENUE, event_id=KEY.event_id, outcomes=EVENT.outcomes)]


def test_what_a_book_came_to_is_told_with_the_sums_of_its_venue():
    watching = guard()
    settled(watching, "old-1", Result.LOST, 1000)
    settled(watching, "old-2", Result.LOST, 500, away())

    assert watching.take_notes() == [
        ResultBooked(venue=VENUE, key=KEY, net_micro=lost, total_micro=lost, day=DAY, day_micro=lost)
        for lost in (micro(-1000), micro(-1500))
    ]


def test_a_result_that_changes_nothing_is_not_told():
    watching = guard()
    settled(watching, "old-1", Result.LOST, 1000)
    watching.take_notes()

    settled(watching, "old-1", Result.LOST, 1000)

    assert watching.take_notes() == []


def test_a_loss_that_ends_the_day_is_told_before_the_latch():
    watching = guard(daily_loss_cents=1000)
    settled(watching, "old-1", Result.LOST, 1000)

    assert [type(note) for note in watching.take_notes()] == [ResultBooked, Latched]


def test_a_breach_is_told():
    watching = guard(account_cents=1000)

    watching.change(ended(intent("old", stake=5000), OrderStatus.OPEN), VENUE, 0.0, DAY)

    assert watching.take_notes() == [LimitBreached(worst_cents=5000, limit_cents=1000)]


def remembering(*lost: str, day: int = DAY, forgiven: int = 0, **changes: object) -> Recollection:
    """What is left of orders of ten dollars each that lost."""
    orders = {
        (VENUE, ClientOrderId(name)): Recalled(
            venue=VENUE,
            strategy="maker",
            order=ended(intent(name), OrderStatus.SETTLED, 1000, result=Result.LOST),
            intended_ns=0,
            moved_ns=0,
            as_of_ns=0,
        )
        for name in lost
    }
    total = micro(-1000 * len(lost))
    return Recollection(
        orders=orders,
        nets={(VENUE, KEY): total},
        totals={VENUE: total},
        day=day,
        day_micro={VENUE: total},
        forgiven_micro=micro(forgiven),
        **changes,
    )


@pytest.mark.parametrize("latch", Latch)
def test_a_latch_outlives_the_process(latch):
    watching = guard()
    watching.recall(Recollection(latches={latch: "before"}))
    watching.latch(latch, "now")

    assert watching.halted
    assert watching.latches == {latch: "before"}
    assert watching.take_notes() == []  # the journal knows


def test_the_days_loss_goes_on_where_it_was():
    watching = guard(daily_loss_cents=2000)
    watching.recall(remembering("a-1", "a-2"))
    before = dict(watching.latches)
    settled(watching, "b-1", Result.LOST, 1)

    assert before == {}  # it was below the limit, which may have been another
    assert watching.day_micro(DAY) == micro(-2001)
    assert watching.check(intent(), 0.0, DAY) is DenialReason.DAILY_LOSS


def test_a_process_that_died_between_a_loss_and_its_latch_leaves_the_latch_to_the_next():
    watching = guard(daily_loss_cents=2000)
    watching.recall(remembering("a-1", "a-2", ended_in_order=False))

    assert watching.latches == {Latch.DAILY_LOSS: "$20.00 lost in the UTC day, limit $20.00"}
    assert [type(each) for each in watching.take_notes()] == [Latched]


def test_but_not_one_that_an_operator_has_lifted():
    watching = guard(daily_loss_cents=2000)
    watching.recall(remembering("a-1", "a-2", ended_in_order=False, forgiven=-2000))

    assert watching.latches == {}


def test_a_loss_of_another_day_is_no_loss_of_this_one():
    watching = guard(daily_loss_cents=2000)
    watching.recall(remembering("a-1", "a-2"))
    settled(watching, "b-1", Result.LOST, 1, day=DAY + 1)

    assert watching.check(intent(), 0.0, DAY + 1) is None
    assert watching.realised_micro == micro(-2001)


def test_an_order_that_was_booked_before_is_not_booked_again():
    watching = guard()
    watching.recall(remembering("a-1"))
    settled(watching, "a-1", Result.LOST, 1000)

    assert watching.realised_micro == micro(-1000)
    assert watching.take_notes() == []


def test_after_an_operator_lifted_it_the_days_loss_counts_from_there_on():
    watching = guard(daily_loss_cents=1000)
    watching.recall(remembering("a-1", "a-2", forgiven=-2000))
    settled(watching, "b-1", Result.LOST, 999)
    enough = dict(watching.latches)
    settled(watching, "b-2", Result.LOST, 1)

    assert enough == {}
    assert watching.latches == {Latch.DAILY_LOSS: "$10.00 lost in the UTC day, limit $10.00"}


def test_what_was_forgiven_of_one_day_is_not_of_the_next():
    watching = guard(daily_loss_cents=1000)
    watching.recall(remembering("a-1", "a-2", forgiven=-2000))
    settled(watching, "b-1", Result.LOST, 1000, day=DAY + 1)

    assert watching.check(intent(), 0.0, DAY + 1) is DenialReason.DAILY_LOSS


# --- room -------------------------------------------------------------------------------------------------------


def test_of_too_many_markets_the_dead_ones_without_an_order_are_forgotten():
    watching = guard()
    watching.check(intent(key=SPREAD), 0.0, DAY)
    for number in range(MAX_VIEWS - len(watching.views)):
        watching.view(view(attrs.evolve(KEY, event_id=EventId(f"over {number}")), status=BookStatus.SUSPENDED))
    watching.view(view(SPREAD, status=BookStatus.SUSPENDED))

    watching.view(view(attrs.evolve(KEY, event_id=EventId("new"))))

    assert [key.event_id for key in watching.views] == [KEY.event_id, SPREAD.event_id, ELSEWHERE.event_id, "new"]
    assert watching.check(intent("x-2"), 1.0, DAY) is None


def test_the_oldest_ids_are_forgotten():
    watching = guard(open_orders=10**6, orders_per_s=10**6, account_cents=10**9, market_cents=10**9, event_cents=10**9)
    watching.view(view())
    for number in range(MAX_SEEN + 1):
        watching._see(ClientOrderId(f"x-{number}"))

    assert watching.check(intent(f"x-{MAX_SEEN}"), 0.0, DAY) is DenialReason.DUPLICATE_ID
    assert watching.check(intent("x-0"), 0.0, DAY) is None


# --- price -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "reason"), [(100, None), (148, None), (152, DenialReason.PRICE_COLLAR), (-152, DenialReason.PRICE_COLLAR)]
)
def test_a_price_far_from_the_markets_middle_is_denied(price, reason):
    assert guard(collar_bp=1000).check(intent(price=price), 0.0, DAY) is reason


def test_one_side_of_the_book_is_a_middle_too_and_none_is_not():
    watching = guard(collar_bp=500)
    one_sided = (Side(selection_id=home()), Side(selection_id=away(), levels=(Level(Odds(-300), 1),)))
    watching.view(view(sides=one_sided))
    far = watching.check(intent("x-1", price=110), 0.0, DAY)
    watching.view(view(sides=(Side(selection_id=home()), Side(selection_id=away()))))
    unknown = watching.check(intent("x-2", price=110), 0.0, DAY)

    assert far is DenialReason.PRICE_COLLAR
    assert unknown is None


@pytest.mark.parametrize(
    ("price", "reason"), [(-110, DenialReason.CROSSES_OWN), (-112, DenialReason.CROSSES_OWN), (-109, None)]
)
def test_an_order_never_meets_our_own(price, reason):
    watching = guard()
    watching.check(intent("x-1", price=110), 0.0, DAY)

    assert watching.check(intent("x-2", selection=away(), price=price), 0.0, DAY) is reason


def test_even_money_meets_even_money():
    watching = guard()
    watching.check(intent("x-1", price=100), 0.0, DAY)

    assert watching.check(intent("x-2", selection=away(), price=100), 0.0, DAY) is DenialReason.CROSSES_OWN


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
        watching.change(ended(asked, status, reason=reason), VENUE, now_s, DAY)
        wait_s = min(FIRST_REST_S * 2**count, 640.0)
        early = watching.check(intent(f"early-{count}"), now_s + wait_s - 0.01, DAY)
        assert early is DenialReason.COOLING_DOWN
        now_s += wait_s


def test_the_other_selection_does_not_rest():
    watching = guard()
    asked = intent("x-1")
    watching.change(ended(asked, OrderStatus.INVALID), VENUE, 0.0, DAY)

    assert watching.check(intent("x-2", selection=away()), 0.0, DAY) is None


def test_an_order_that_opens_ends_the_rest():
    watching = guard()
    watching.change(ended(intent("x-1"), OrderStatus.INVALID), VENUE, 0.0, DAY)
    watching.change(ended(intent("x-2"), OrderStatus.OPEN, opened=True), VENUE, 1.0, DAY)

    assert watching.check(intent("x-3"), 1.0, DAY) is None


def test_another_refusal_is_no_reason_to_rest():
    watching = guard()
    watching.change(ended(intent("x-1"), OrderStatus.REJECTED, reason="invalid_price"), VENUE, 0.0, DAY)

    assert watching.check(intent("x-2"), 0.0, DAY) is None


def test_the_rate_budget_is_spent_and_comes_back():
    watching = guard(orders_per_s=1.0, open_orders=100, market_cents=10**6)
    burst = [watching.check(intent(f"x-{number}", stake=100), 0.0, DAY) for number in range(4)]

    assert burst == [None, None, None, DenialReason.RATE_BUDGET]
    assert watching.check(intent("x-9", stake=100), 1.0, DAY) is None


def test_no_order_leaves_while_the_venue_wants_silence():
    watching = guard()
    watching.standings[VENUE].held_until_s = 5.0

    assert watching.check(intent("x-1"), 4.9, DAY) is DenialReason.RATE_BUDGET
    assert watching.check(intent("x-2"), 5.0, DAY) is None


def test_a_fetched_ladder_counts():
    watching = guard()
    watching.view(view(terms=ProphetX().terms(EVENT, OddsLadder.of([100, 120]))))

    assert watching.check(intent(price=110), 0.0, DAY) is DenialReason.OFF_LADDER


# --- a venue without names, where every call counts --------------------------------------------------------------

SHARES = SatoriEx().traits
OUTCOME = BookKey(EventId("m"), MarketId("yes"))
YES = SelectionId("m/yes")
NO = sale_of(YES)
DOLLAR = 1_000_000


def outcome(**changes: object) -> MarketView:
    """Buyable at 50 cents, and saleable at 48."""
    event = attrs.evolve(EVENT, event_id=EventId("m"), outcomes=(YES, SelectionId("m/no")))
    known = MarketView(
        key=OUTCOME,
        name="Yes",
        kind="outcome",
        event=event,
        terms=SatoriEx().terms(event, generate_ladder()),
        epoch=1,
        status=BookStatus.LIVE,
        sides=(
            Side(selection_id=YES, levels=(Level(Probability(5000), 100),)),
            Side(selection_id=NO, levels=(Level(Probability(5200), 100),)),
        ),
    )
    return attrs.evolve(known, **changes)


def watch(standing: Standing | None = None) -> Guard:
    standing = standing or Standing(traits=SHARES)
    standing.epoch, standing.ready = 1, True
    watching = Guard(limits=Limits(), tally=Tally(), standings={SHARES.venue: standing})
    watching.view(outcome())
    return watching


def wish(name: str = "x-1", *, bp: int = 4500, shares: int = 10, selection: SelectionId = YES, **how: object) -> Intent:
    order = PlaceOrder(
        client_order_id=ClientOrderId(name),
        key=OUTCOME,
        selection_id=selection,
        price=Probability(bp),
        size=shares,
        **how,
    )
    return Intent(strategy="maker", order=order)


def became(watching: Guard, asked: Intent, status: OrderStatus, now_s: float = 0.0, **changes: object) -> None:
    watching.change(ended(asked, status, **changes), SHARES.venue, now_s, DAY)


def reading(free: int, shares: int = 0, cost: int = 0) -> FundsRead:
    held = (Holding(key=OUTCOME, selection_id=YES, shares=shares, cost_micro=cost),)
    return FundsRead(
        venue=SHARES.venue,
        balance=Balance(free_micro=free, resting_micro=None),
        held=held if shares else (),
        asked_at_s=1.0,
        as_of_ns=0,
    )


def test_an_order_of_shares_leaves_and_is_reserved():
    watching = watch()

    assert watching.check(wish(), 0.0, DAY) is None
    assert watching.exposure.account_micro == 4_500_000


@pytest.mark.parametrize(("free", "reason"), [(9 * DOLLAR, None), (9 * DOLLAR - 1, DenialReason.NO_FUNDS)])
def test_no_order_leaves_that_the_wallet_is_too_small_for(free, reason):
    watching = watch()
    watching.funds(reading(free))

    assert watching.check(wish(shares=20), 2.0, DAY) is reason


def test_a_wallet_pays_an_order_once():
    watching = watch()
    watching.funds(reading(9 * DOLLAR - 1))
    watching.check(wish("x-1", shares=10), 2.0, DAY)

    assert watching.check(wish("x-2", bp=4400, shares=11), 2.0, DAY) is DenialReason.NO_FUNDS


@pytest.mark.parametrize(("shares", "reason"), [(30, None), (31, DenialReason.NOT_HELD)])
def test_no_more_is_sold_than_is_held(shares, reason):
    watching = watch()
    watching.funds(reading(100 * DOLLAR, shares=30))

    assert watching.check(wish(bp=5300, shares=shares, selection=NO), 2.0, DAY) is reason


def test_what_was_held_before_is_at_risk():
    watching = watch()

    watching.funds(reading(100 * DOLLAR, shares=30, cost=12 * DOLLAR))

    assert watching.exposure.account_micro == 12 * DOLLAR


def test_of_what_was_held_before_only_what_this_run_did_not_buy_is_at_risk_twice():
    watching = watch()
    asked = wish(shares=20)
    watching.check(asked, 0.0, DAY)
    became(watching, asked, OrderStatus.FILLED, filled=20)  # 9 dollars

    watching.funds(reading(100 * DOLLAR, shares=30, cost=12 * DOLLAR))

    assert watching.exposure.account_micro == 9 * DOLLAR + 4 * DOLLAR


@pytest.mark.parametrize(("bp", "reason"), [(5000, DenialReason.WOULD_TAKE), (4900, None)])
def test_an_order_that_shall_not_take_is_held_back_here_where_the_venue_does_not_check(bp, reason):
    asked = wish(bp=bp, time_in_force=TimeInForce.POST_ONLY)

    assert watch().check(asked, 0.0, DAY) is reason


@pytest.mark.parametrize(
    ("changes", "reason"), [({}, DenialReason.INDISTINGUISHABLE), ({"shares": 11}, None), ({"bp": 4400}, None)]
)
def test_no_two_orders_look_alike(changes, reason):
    watching = watch()
    watching.check(wish("x-1"), 0.0, DAY)

    assert watching.check(wish("x-2", **changes), 0.0, DAY) is reason


def test_while_an_order_is_lost_none_leaves_on_its_selection():
    watching = watch()
    asked = wish("x-1")
    watching.check(asked, 0.0, DAY)
    became(watching, asked, OrderStatus.UNKNOWN)

    assert watching.check(wish("x-2", bp=4400, shares=7), 0.0, DAY) is DenialReason.OUTCOME_UNKNOWN


def test_a_market_that_refused_an_order_for_no_known_reason_waits_for_the_listing():
    watching = watch()
    asked = wish("x-1")
    watching.check(asked, 0.0, DAY)
    became(watching, asked, OrderStatus.REJECTED, 1.0)

    at_once = watching.check(wish("x-2", bp=5300, selection=NO), 1.0, DAY)
    watching.view(outcome(listed_s=0.9))
    too_old = watching.check(wish("x-3", bp=4400), 100.0, DAY)
    watching.view(outcome(listed_s=1.1))

    assert at_once is too_old is DenialReason.MARKET_HALTED
    assert watching.check(wish("x-4", bp=4400), 100.0, DAY) is None


def test_a_market_that_is_listed_as_halted_goes_on_waiting():
    watching = watch()
    asked = wish("x-1")
    watching.check(asked, 0.0, DAY)
    became(watching, asked, OrderStatus.REJECTED, 1.0)

    halted = attrs.evolve(outcome().event, active=False)
    watching.view(outcome(listed_s=1.1, event=halted))

    assert watching.check(wish("x-2", bp=4400), 100.0, DAY) is DenialReason.MARKET_HALTED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({}, DenialReason.COOLING_DOWN), ({"opened": True}, None), ({"cancel_wanted": True}, None)],
)
def test_an_order_that_the_venue_dropped_before_it_opened_lets_its_selection_rest(changes, reason):
    watching = watch()
    asked = wish("x-1")
    watching.check(asked, 0.0, DAY)
    became(watching, asked, OrderStatus.CANCELLED, **changes)

    assert watching.check(wish("x-2"), FIRST_REST_S - 0.01, DAY) is reason
    assert watching.check(wish("x-3", bp=4400), FIRST_REST_S, DAY) is None


def test_orders_that_await_their_answers_are_counted_against_the_quota():
    watching = watch(Standing(traits=SHARES, placing_left=lambda _: 2.0))

    denied = [watching.check(wish(f"x-{number}", shares=number), 0.0, DAY) for number in (3, 4, 5)]

    assert denied == [None, None, DenialReason.RATE_BUDGET]


def test_no_more_rests_than_can_be_cancelled_in_time():
    slow = SatoriEx(time_to_flat_s=20.0).traits
    watching = watch(Standing(traits=slow, flat_in_s=lambda orders, _now_s, _coming: orders * 10.0))

    denied = [watching.check(wish(f"x-{number}", shares=number), 0.0, DAY) for number in (3, 4, 5)]

    assert denied == [None, None, DenialReason.TIME_TO_FLAT]


def test_each_venue_has_its_own_session_and_all_share_the_limits():
    watching = Guard(
        limits=Limits(account_cents=1000, open_orders=2),
        tally=Tally(),
        standings={
            VENUE: Standing(traits=TRAITS, epoch=1, ready=True),
            SHARES.venue: Standing(traits=SHARES, epoch=None, ready=True),
        },
    )
    watching.view(view())
    watching.view(outcome())

    alone = watching.check(wish("x-1"), 0.0, DAY)
    watching.standings[SHARES.venue].epoch = 1
    denied = [
        watching.check(intent("x-2", stake=600), 0.0, DAY),
        watching.check(wish("x-3", shares=10), 0.0, DAY),
        watching.check(wish("x-4", shares=5), 0.0, DAY),
        watching.check(wish("x-5", shares=4), 0.0, DAY),
    ]

    assert alone is DenialReason.BOOK_NOT_LIVE
    assert denied == [None, DenialReason.ACCOUNT_EXPOSURE, None, DenialReason.OPEN_ORDERS]
