"""The same over real loopback sockets and a real clock."""

import time

import pytest
import trio

from actors.exchange.embedded import OpenProphetX
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.paper import Paper
from protocol.prophetx.venue import NAME as PROPHETX
from protocol.prophetx.wire import Dialect

BUSY = ExchangeSettings(tournaments=1, events=1, crowd_actions_per_s=30, crowd_books=3)


async def until(condition) -> None:
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110  # nobody tells
            await trio.sleep(0.02)


@pytest.mark.parametrize("dialect", list(Dialect), ids=lambda dialect: dialect.value)
async def test_it_trades_loses_its_connection_comes_back_and_stops_flat(dialect):
    paper = Paper(wall_ns=time.time_ns, seed=1, venues=(OpenProphetX(settings=BUSY, dialect=dialect),))
    exchange = paper.embedded[PROPHETX].exchange
    summaries = []

    async def run() -> None:
        summaries.append(await paper.run_on_loopback())

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await until(lambda: paper.bot.tally.fills > 0)
            exchange.disconnect()
            await until(lambda: paper.bot.tally.sessions_lost == 1)
            opened = paper.bot.tally.opened
            await until(lambda: paper.bot.tally.sessions_started == 2 and paper.bot.tally.opened > opened)
            paper.stop()

    (summary,) = summaries
    assert summary.ok, summary
    assert summary.tally.restart_s_max < 5.0
    assert summary.tally.fill_cents == sum(order.filled for order in exchange.truth().orders.values())


async def test_a_stop_before_the_start_stops_at_once():
    paper = Paper(wall_ns=time.time_ns)
    paper.stop()

    with trio.fail_after(10):
        summary = await paper.run_on_loopback()

    assert summary.tally.sent == 0
