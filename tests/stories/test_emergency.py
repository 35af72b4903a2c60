"""What makes the bot stop at one venue leaves nothing resting at the other."""

import attrs
import pytest

from actors.exchange.embedded import OpenProphetX, OpenSatoriEx
from actors.exchange.faults import Fault, Rule
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.io.caller import LoginRefused
from protocol.events import OrderStatus
from protocol.odds import Odds
from protocol.prices import Probability

BOTH = (
    OpenProphetX(settings=ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=0)),
    OpenSatoriEx(settings=SatoriexSettings(markets=1, crowd_actions_per_s=0, trading_s=None)),
)
RESTING = (OrderStatus.PENDING, OrderStatus.OPEN)


async def place_at_both(story):
    for embedded in story.paper.embedded.values():
        key = next(iter(embedded.books()))
        named = embedded.venue.traits.orders_named
        price, size = (Odds(110), 1000) if named else (Probability(4200), 100)
        story.desk.place(key, story.bot.views()[key].selections[0], price, size)
    await story.until(lambda: sum(each.status is OrderStatus.OPEN for each in story.bot.own_orders().values()) == 2)


@pytest.mark.parametrize(("refusing", "other"), [("prophetx", "satoriex"), ("satoriex", "prophetx")])
async def test_a_login_that_one_venue_refuses_leaves_nothing_at_the_other(autojump_clock, open_story, refusing, other):
    embedded = {}
    with pytest.raises(BaseExceptionGroup) as refused:  # noqa: PT012  # a story is no single statement
        async with open_story(venues=BOTH, checked=False) as story:
            embedded = story.paper.embedded
            await place_at_both(story)
            embedded[other].exchange.faults.add(Rule(fault=Fault.LOST_REQUEST, where="cancel", times=2))
            caller = story.bot.seats[refusing].caller
            caller.credentials = attrs.evolve(caller.credentials, secret="revoked")
            caller.authorisation.refresh_refused()
            await story.until(lambda: story.summary is not None, within_s=300)

    assert refused.value.subgroup(LoginRefused) is not None
    assert [each for each in embedded[other].orders() if each.status in RESTING] == []
