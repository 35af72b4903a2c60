"""One bot on two venues: what happens to one session is no business of the other's, and risk is over both."""

import attrs
import pytest
import trio

from actors.bot import Pair
from actors.decisions.guard import Limits
from actors.exchange.embedded import OpenProphetX, OpenSatoriEx
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.exchange.satoriex.orders import Side, Ticket
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.messages import DenialReason
from protocol.prices import Probability
from protocol.prophetx.venue import NAME as PROPHETX
from protocol.satoriex.names import book_key, buying
from protocol.satoriex.venue import NAME as SATORIEX
from protocol.satoriex.venue import SatoriEx

BOTH = (
    OpenProphetX(settings=ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=0, commission_bp=0)),
    OpenSatoriEx(settings=SatoriexSettings(markets=1, crowd_actions_per_s=0), venue=SatoriEx(absence_after_s=8.0)),
)
SEED = 1  # the same one gives the same ids


@attrs.frozen
class Names:
    """What the books of both venues are called."""

    home: str
    yes: str
    no: str


def names():
    prophetx, satoriex = (each.open(lambda: 10**18, SEED, "none", 1.0).exchange for each in BOTH)
    listing = next(iter(prophetx.floor.books.values())).listing
    (market,) = satoriex.floor.markets.values()
    yes, no = (buying(book_key(*each.key)) for each in market.outcomes.values())
    return Names(listing.selections[0].selection_id, yes, no)


def outcome(story, index=0):
    (market,) = story.paper.embedded[SATORIEX].exchange.floor.markets.values()
    return book_key(*tuple(market.outcomes.values())[index].key)


def buy(story, price_bp=4200, shares=100, index=0):
    key = outcome(story, index)
    return story.desk.place(key, buying(key), Probability(price_bp), shares)


def sell_to(story, price_bp, shares, index):
    """Let somebody sell into our order."""
    exchange, key = story.paper.embedded[SATORIEX].exchange, outcome(story, index)
    exchange.open_account("other", 10**10, shares=10**4)
    ticket = Ticket(
        market_id=str(key.event_id),
        outcome_id=str(key.market_id),
        side=Side.SELL,
        price_bp=price_bp,
        shares=shares,
    )
    exchange.floor.enter_at_once(exchange.floor.accounts["other"], ticket, exchange.wall_ns())


async def open_both(story, price_bp=4200, shares=100, index=0):
    """Have an order of 10 dollars at even odds rest on the one, and a purchase on the other."""
    here, there = story.place(100, 1000), buy(story, price_bp, shares, index)
    await story.until(lambda: [story.status(each) for each in (here, there)] == ["open", "open"])
    return here, there


def disconnect(story, venue):
    """Cut the sockets of one venue, and let nobody in again."""

    async def refuse(host, port):
        await trio.lowlevel.checkpoint()
        raise ConnectionRefusedError(f"nobody listens at {host}:{port}")

    seat = story.bot.seats[venue]
    before, seat.dial = seat.dial, refuse
    story.paper.embedded[venue].exchange.disconnect()
    return lambda: setattr(seat, "dial", before)


async def test_a_session_that_is_lost_on_one_venue_leaves_the_other_trading(autojump_clock, open_story):
    async with open_story(venues=BOTH) as story:
        here, there = await open_both(story)
        reconnect = disconnect(story, PROPHETX)
        await story.until(lambda: story.status(here) == "cancelled")  # there the socket is all that is known of orders
        more = buy(story, 4100, 50)
        await story.until(lambda: story.status(more) == "open")
        await trio.sleep(20)
        resting = [story.status(each) for each in (there, more)]
        reconnect()
        await story.until(lambda: story.bot.connected)

        assert resting == ["open", "open"]
        assert story.asked("/orders/" + story.order(there).venue_order_id + "/cancel", venue=SATORIEX) == []


async def test_the_other_way_round(autojump_clock, open_story):
    async with open_story(venues=BOTH) as story:
        here, there = await open_both(story)
        reconnect = disconnect(story, SATORIEX)
        await story.until(lambda: story.status(there) == "cancelled", 25.0)
        more = story.place(102, 1000)
        await story.until(lambda: story.status(more) == "open")
        refused = buy(story, 4100, 50)
        await story.until(story.hand.denied)
        resting = [story.status(each) for each in (here, more)]
        reconnect()
        await story.until(lambda: story.bot.connected)
        await story.until(lambda: outcome(story) in story.bot.books())
        again = buy(story, 4100, 50)
        await story.until(lambda: story.status(again) == "open")

        assert resting == ["open", "open"]
        assert (story.status(refused), story.hand.denied()) == ("", [DenialReason.BOOK_NOT_LIVE])


async def test_exposure_is_over_both_venues(autojump_clock, open_story):
    async with open_story(venues=BOTH, limits=Limits(account_cents=6000)) as story:
        await open_both(story)
        over = [buy(story, 4200, 20, index=0), story.place(102, 900)]
        await story.until(lambda: len(story.hand.denied()) == 2)

        assert story.bot.exposure_cents == 1000 + 4200
        assert [story.status(each) for each in over] == ["", ""]
        assert story.hand.denied() == [DenialReason.ACCOUNT_EXPOSURE] * 2


@pytest.mark.parametrize(
    ("pairs", "exposure_cents"), [((False,), 1000), ((True,), 1000), ((), 2000)], ids=["net", "returns", "no pair"]
)
async def test_of_two_orders_that_rest_on_a_pair_one_alone_can_lose(autojump_clock, open_story, pairs, exposure_cents):
    known = names()
    linked = tuple(Pair(first=known.home, second=known.yes, returns=returns) for returns in pairs)
    async with open_story(venues=BOTH, pairs=linked) as story:
        await open_both(story, 5000, 20, index=1)  # ten dollars on "home", ten on "no"

        assert story.home == known.home
        assert story.bot.exposure_cents == exposure_cents


@pytest.mark.parametrize(
    ("pairs", "exposure_cents"), [((False,), 0), ((True,), 1000), ((), 2000)], ids=["net", "returns", "no pair"]
)
async def test_a_pair_nets_what_is_filled_and_a_leg_stands_alone_where_stakes_can_come_back(
    autojump_clock, open_story, pairs, exposure_cents
):
    known = names()
    linked = tuple(Pair(first=known.home, second=known.yes, returns=returns) for returns in pairs)
    async with open_story(venues=BOTH, pairs=linked) as story:
        here, there = await open_both(story, 5000, 20, index=1)
        story.hit(100, 1000)
        sell_to(story, 5000, 20, index=1)
        await story.until(lambda: [story.status(each) for each in (here, there)] == ["filled", "filled"])

        assert story.bot.exposure_cents == exposure_cents


async def test_limits_count_a_hedge_only_where_the_pair_does(autojump_clock, open_story):
    known = names()
    linked = (Pair(first=known.home, second=known.yes, returns=False),)
    async with open_story(venues=BOTH, pairs=linked, limits=Limits(account_cents=1000)) as story:
        await open_both(story, 5000, 20, index=1)
        more = buy(story, 4900, 5, index=0)  # the same way as the one on the other venue
        await story.until(story.hand.denied)

        assert (story.status(more), story.bot.exposure_cents) == ("", 1000)
