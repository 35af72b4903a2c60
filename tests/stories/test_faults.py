"""Everything goes wrong at once, and the books, orders and money are what the venue's ledger says."""

import pytest

from actors.exchange.embedded import PAPER_PROPHETX
from actors.exchange.faults import Fault
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.maker import MarketMaker
from actors.session import SessionSettings
from actors.strategy import quoting
from protocol.prophetx.wire import Dialect

DAY_S = 86_400
LONG = ExchangeSettings(
    tournaments=1,
    events=1,
    heartbeat_s=10.0,
    go_live_s=7_000.0,
    settle_s=3_000.0,
    stagger_s=1_700.0,
    crowd_actions_per_s=0.015,
    crowd_books=2,
)
"""Little happens, as the day is long: what is traded is two books, and a heart beats half as often."""


def maker():
    return {"maker": quoting(MarketMaker())}


@pytest.mark.parametrize(
    ("seed", "dialect"), [(1, Dialect.V4), (2, Dialect.LEGACY)], ids=lambda value: getattr(value, "value", value)
)
def test_a_minute_of_every_fault_ends_clean(run_story, seed, dialect):
    story = run_story(
        45, settings=PAPER_PROPHETX, strategies=maker(), faults="all", seed=seed, pinned=seed, dialect=dialect
    )

    assert story.bot.tally.fills > 0
    assert story.bot.tally.sessions_lost > 0


def test_a_day_of_every_fault_ends_clean(run_story):
    session = SessionSettings(rest_url="")  # every interval as documented
    story = run_story(
        DAY_S, settings=LONG, strategies=maker(), faults="all", fault_scale=200.0, seed=1, pinned=1, session=session
    )

    assert set(story.exchange.faults.happened) == set(Fault)
    assert story.bot.tally.fills > 0
    assert story.bot.tally.sessions_lost > 50
    assert len(story.asked("/auth/login")) <= 3  # one, unless its answer was lost
    assert story.bot.tally.sent < 3_000  # quotes that chase their own shadow would be ten times as many
