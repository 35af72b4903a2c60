from fractions import Fraction

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.decisions.quoting import Quote
from actors.maker import MakerSettings, MarketMaker
from actors.messages import MarketView
from actors.strategy import View
from protocol.book import BookStatus
from protocol.commands import PlaceOrder, TimeInForce
from protocol.events import EventListed, EventStatus, Level, OrderStatus, Side
from protocol.exposure import NOTHING, Stakes
from protocol.ids import BookKey, ClientOrderId, CompetitionId, EventId, MarketId, SelectionId, Strike
from protocol.money import micro
from protocol.odds import Odds, generate_ladder, implied, opposite
from protocol.order import Order
from protocol.prophetx.venue import ProphetX

KEY = BookKey(EventId(1), MarketId(219), Strike(0))
HOME, AWAY = SelectionId("home"), SelectionId("away")
EVENT = EventListed(event_id=EventId(1), competition_id=CompetitionId(31), name="A at B", status=EventStatus.SCHEDULED)
LADDER = generate_ladder()


def side(selection: SelectionId, *levels: tuple[int, int]) -> Side:
    return Side(selection_id=selection, levels=tuple(Level(Odds(price), cents) for price, cents in levels))


def view(
    home: int | None = -110,
    away: int | None = -110,
    *,
    key: BookKey = KEY,
    orders: tuple[Order, ...] = (),
    stakes: tuple[Stakes, Stakes] = (NOTHING, NOTHING),
    takeable: int = 50_000,
    **changes: object,
) -> View:
    market = MarketView(
        key=key,
        name="Moneyline",
        kind="moneyline",
        event=EVENT,
        terms=ProphetX().terms(EVENT, LADDER),
        epoch=1,
        status=BookStatus.LIVE,
        sides=(
            side(HOME, *[(home, takeable)] if home else []),
            side(AWAY, *[(away, takeable)] if away else []),
        ),
    )
    return View(market=attrs.evolve(market, **changes), orders=orders, stakes=stakes)


def bought(selection: SelectionId, cents: int) -> tuple[Stakes, Stakes]:
    """Stakes at even money that make one selection worth `cents` more than the other."""
    held = Stakes(matched_micro=micro(cents // 2), gain_micro=micro(cents // 2))
    return (held, NOTHING) if selection == HOME else (NOTHING, held)


def resting(selection: SelectionId, price: int, **changes: object) -> Order:
    command = PlaceOrder(
        client_order_id=ClientOrderId(f"x {selection}"),
        key=KEY,
        selection_id=selection,
        price=Odds(price),
        size=1000,
    )
    return attrs.evolve(Order.placed(command), **{"status": OrderStatus.OPEN, **changes})


def prices(quotes: list[Quote]) -> dict[SelectionId, Odds]:
    return {quote.selection_id: quote.price for quote in quotes}


def test_both_selections_are_quoted_a_margin_from_fair():
    quotes = MarketMaker(MakerSettings(margin_bp=200))(view(-110, -110))

    assert quotes == [
        Quote(selection_id=HOME, price=Odds(109), size=1000),
        Quote(selection_id=AWAY, price=Odds(109), size=1000),
    ]


@given(
    st.integers(100, 900).map(Odds),
    st.integers(-1500, -110).map(Odds),
    st.integers(0, 800),
    st.integers(-6000, 6000),
)
def test_what_it_quotes_never_costs_more_than_it_is_worth(home, away, margin_bp, net_cents):
    settings = MakerSettings(margin_bp=margin_bp, slack_bp=0)
    seen = view(home, away, stakes=bought(HOME if net_cents > 0 else AWAY, abs(net_cents)))
    fair = seen.fair(HOME)
    assert fair is not None

    quotes = [each for each in MarketMaker(settings)(seen) if each.time_in_force is TimeInForce.REST]

    skew = Fraction(seen.net_micro(HOME), micro(settings.hedge_at_cents)) * Fraction(settings.skew_bp, 10_000)
    worth = {HOME: fair - skew, AWAY: 1 - fair + skew}
    for quote in quotes:
        assert quote.price in LADDER
        assert implied(quote.price) <= worth[quote.selection_id] - Fraction(margin_bp, 10_000)
    if len(quotes) == 2:
        assert sum(implied(quote.price) for quote in quotes) <= 1 - Fraction(2 * margin_bp, 10_000)


@pytest.mark.parametrize("held", [HOME, AWAY])
def test_what_was_bought_is_valued_less_and_the_other_side_more(held):
    other = AWAY if held == HOME else HOME
    level = prices(MarketMaker()(view()))

    leaning = prices(MarketMaker()(view(stakes=bought(held, 3000))))

    assert leaning[held] > level[held]  # asks for more before it buys more of it
    assert leaning[other] < level[other]


def test_past_the_limit_it_takes_the_side_that_it_lacks():
    quotes = MarketMaker(MakerSettings(hedge_at_cents=5000))(view(stakes=bought(HOME, 6000)))

    # the excess is 6000 - 2500: at -110 a stake of 1833 brings back 3499, and one of 1834 brings back 3501
    assert quotes == [Quote(selection_id=AWAY, price=Odds(-110), size=1833, time_in_force=TimeInForce.FILL_OR_KILL)]


def test_the_other_side_is_hedged_alike():
    quotes = MarketMaker(MakerSettings(hedge_at_cents=5000))(view(100, 120, stakes=bought(AWAY, 5000)))

    assert quotes == [Quote(selection_id=HOME, price=Odds(100), size=1250, time_in_force=TimeInForce.FILL_OR_KILL)]


def test_a_hedge_takes_no_more_than_is_offered_nor_five_stakes():
    small = MarketMaker()(view(stakes=bought(HOME, 6000), takeable=300))
    large = MarketMaker()(view(stakes=bought(HOME, 60_000)))

    assert [quote.size for quote in small] == [300]
    assert [quote.size for quote in large] == [5000]


def test_too_little_to_take_leaves_a_quote_on_the_side_that_it_lacks():
    quotes = MarketMaker()(view(stakes=bought(HOME, 6000), takeable=50))

    assert [(quote.selection_id, quote.time_in_force) for quote in quotes] == [(AWAY, TimeInForce.REST)]


@pytest.mark.parametrize(("home", "away"), [(None, -110), (-110, None), (None, None)])
def test_without_two_sides_there_is_no_fair_price_and_no_quote(home, away):
    assert MarketMaker()(view(home, away)) == []


def test_a_market_without_two_selections_is_left_alone():
    assert MarketMaker()(view(sides=(side(HOME, (110, 100)),))) == []


@pytest.mark.parametrize("status", [BookStatus.HYDRATING, BookStatus.STALE, BookStatus.SUSPENDED])
def test_a_book_that_is_not_live_is_not_quoted(status):
    assert MarketMaker()(view(status=status)) == []


@pytest.mark.parametrize("status", [EventStatus.LIVE, EventStatus.UNKNOWN])
def test_an_event_that_may_have_begun_is_quoted_only_if_wanted(status):
    begun = view(event=attrs.evolve(EVENT, status=status))

    assert MarketMaker()(begun) == []
    assert len(MarketMaker(MakerSettings(in_play=True))(begun)) == 2


def test_so_many_markets_and_no_more_until_one_ends():
    maker = MarketMaker(MakerSettings(max_markets=1))
    second = BookKey(EventId(2), MarketId(219), Strike(0))

    first = maker(view())
    too_many = maker(view(key=second))
    maker(view(status=BookStatus.SUSPENDED))
    now_there_is_room = maker(view(key=second))

    assert [len(quotes) for quotes in (first, too_many, now_there_is_room)] == [2, 0, 2]


@pytest.mark.parametrize(("price", "stays"), [(110, True), (111, True), (109, True), (118, False), (102, False)])
def test_a_quote_that_rests_near_its_best_price_keeps_its_place(price, stays):
    book = view(-112, -112, orders=(resting(HOME, price),))

    assert (prices(MarketMaker()(book))[HOME] == price) == stays


def test_a_quote_on_its_way_out_keeps_no_place():
    kept = MarketMaker()(view(orders=(resting(HOME, 111),)))
    going = MarketMaker()(view(orders=(resting(HOME, 111, cancel_wanted=True),)))

    assert prices(kept)[HOME] == 111
    assert prices(going)[HOME] == 109


def test_a_certain_loser_is_not_quoted():
    quotes = MarketMaker()(view(-25_000, 20_000))

    assert [quote.selection_id for quote in quotes] == [HOME]


def test_its_own_quotes_do_not_move_its_fair_price():
    alone = MarketMaker()(view(-110, -110))
    mine = tuple(resting(quote.selection_id, quote.price) for quote in alone)
    with_mine = view(orders=mine)
    crowded = attrs.evolve(
        with_mine.market,
        sides=(
            side(HOME, (opposite(mine[1].price), 1100), (-112, 50_000)),
            side(AWAY, (opposite(mine[0].price), 1100), (-112, 50_000)),
        ),
    )

    again = MarketMaker()(attrs.evolve(with_mine, market=crowded))

    assert prices(again) == prices(alone)
