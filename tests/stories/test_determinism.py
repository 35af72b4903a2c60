"""A run is a function of its seed."""

from collections.abc import Callable

import trio

from actors.exchange.prophetx.publications import (
    BookChanged,
    EventChanged,
    MarketListed,
    OrderChanged,
    StrikeListed,
    Traded,
)
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.maker import MarketMaker
from actors.strategy import quoting

SETTINGS = ExchangeSettings(tournaments=1, events=2, go_live_s=12.0, settle_s=5.0, stagger_s=10.0)


def record(trace: list) -> Callable:
    def heard(publication) -> None:
        match publication:
            case OrderChanged(order=order, fill=fill):
                what = (order.order_id, order.external_id, order.status, order.filled_cents, fill)
            case Traded(order=order, fill=fill):
                what = (order.order_id, order.odds, fill)
            case BookChanged(listing=listing) | StrikeListed(listing=listing):
                what = (listing.key,)
            case EventChanged(event=event, change=change):
                what = (event.event_id, change)
            case MarketListed(market=market):
                what = (market.market_id,)
        trace.append((trio.current_time(), type(publication), publication.sequence_ns, *what))

    return heard


def test_the_same_seed_gives_the_same_run(run_story):
    def run(seed: int):
        trace: list = []
        story = run_story(
            14,
            settings=SETTINGS,
            strategies={"maker": quoting(MarketMaker())},
            faults="all",
            seed=seed,
            pinned=seed,
            before=lambda story: story.exchange.listeners.append(record(trace)),
        )
        return trace, story.bot.tally, story.summary.as_json(), story.exchange.faults.happened

    first, second, other = run(5), run(5), run(6)

    assert first == second
    assert first[0]
    assert first != other
    assert first[0] != other[0]
