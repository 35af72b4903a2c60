import pytest

from protocol.events import About, Fill, Hinted, MessageUnreadable, UnknownReceived
from protocol.ids import EventId, MarketId, VenueOrderId
from protocol.prices import Probability
from protocol.satoriex import pushes
from protocol.satoriex.hints import hints_of
from protocol.satoriex.pushes import Moved, Stage

EVENT, YES = EventId("mkt_a"), MarketId("out_yes")
PLACE = {"market_id": "mkt_a", "outcome_id": "out_yes"}
BOOK = Hinted(about=About.BOOK, event_id=EVENT, market_id=YES)
FUNDS = Hinted(about=About.FUNDS)
MARKET = Hinted(about=About.MARKET, event_id=EVENT)
FILL = Fill(3, Probability(4200))


def ours(order_id: str | None = None, fill: Fill | None = None) -> Hinted:
    name = None if order_id is None else VenueOrderId(order_id)
    return Hinted(about=About.ORDERS, event_id=EVENT, venue_order_id=name, fill=fill)


@pytest.mark.parametrize(
    ("push", "hints"),
    [
        (pushes.OrderMoved(moved=Moved.TRANSITION, **PLACE, order_id="o1", price=4200, quantity=3), (ours("o1"),)),
        (pushes.OrderMoved(moved=Moved.MODIFIED, **PLACE), (ours(),)),
        (pushes.OrderFilled(**PLACE, order_id="o1", price=4200, quantity=3), (ours("o1"),)),
        (pushes.OrderFilled(order_id="o1"), (Hinted(about=About.ORDERS, venue_order_id=VenueOrderId("o1")),)),
        (
            pushes.Trade(**PLACE, trade_id="t", maker_order_id="o1", taker_order_id="o2", price=4200, quantity=3),
            (ours("o1", FILL), ours("o2", FILL), BOOK),
        ),
        (pushes.Trade(**PLACE, order_id="o3", price=4200, quantity=3), (ours("o3", FILL), BOOK)),
        (pushes.Trade(**PLACE, maker_order_id="o1", order_id="o1"), (ours("o1"), BOOK)),
        (pushes.Trade(**PLACE, price=4200, quantity=3), (ours(), BOOK)),
        (pushes.Trade(), (Hinted(about=About.ORDERS), Hinted(about=About.BOOK))),
        (pushes.PriceUpdate(**PLACE, mid=4250), (BOOK,)),
        (pushes.PriceUpdate(market_id="mkt_a"), (Hinted(about=About.BOOK, event_id=EVENT),)),
        (pushes.PriceUpdate(outcome_id="out_yes"), (Hinted(about=About.BOOK),)),
        (pushes.BookMoved(kind="orderbook", **PLACE, snapshot=True), (BOOK,)),
        (pushes.BookMoved(kind="book", market_id="mkt_a"), (Hinted(about=About.BOOK, event_id=EVENT),)),
        (pushes.Settlement(**PLACE), (MARKET, FUNDS)),
        (pushes.MarketResolved(**PLACE), (MARKET, FUNDS)),
        (pushes.DisputeFiled(market_id="mkt_a"), (MARKET, FUNDS)),
        (pushes.DisputeFiled(), (Hinted(about=About.MARKET), FUNDS)),
        (pushes.WalletChanged(), (FUNDS,)),
        (pushes.DepositConfirmed(), (FUNDS,)),
        *((pushes.Withdrawal(stage), (FUNDS,)) for stage in Stage),
        (pushes.KycDecided(approved=True), ()),
        (pushes.ProposalDecided(approved=False, market_id="mkt_a"), ()),
        (pushes.ReferralBonus(), ()),
        (pushes.Mention(market_id="mkt_a"), ()),
        (pushes.Comment(market_id="mkt_a"), ()),
        (pushes.Unknown("subscribed"), (UnknownReceived(kind="subscribed"),)),
        (
            pushes.Unreadable("not UTF-8"),
            (
                MessageUnreadable(private=True, reason="not UTF-8"),
                MessageUnreadable(private=False, reason="not UTF-8"),
            ),
        ),
    ],
)
def test_what_an_event_says_must_be_read_again(push, hints):
    assert hints_of(push) == hints


@pytest.mark.parametrize(
    ("price", "quantity"), [(None, 3), (4200, None), (0, 3), (10_000, 3), (-5, 3), (4200, 0), (4200, -1)]
)
def test_a_trade_that_cannot_be_is_only_a_hint(price, quantity):
    push = pushes.Trade(**PLACE, maker_order_id="o1", price=price, quantity=quantity)

    assert hints_of(push) == (ours("o1"), BOOK)
