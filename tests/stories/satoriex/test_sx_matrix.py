"""Whole runs under everything that goes wrong, and under every reading of what the venue's pages leave open."""

from random import Random

import attrs
import pytest

from actors.exchange.embedded import PAPER_ABSENCE_S, PAPER_SATORIEX, OpenSatoriEx
from actors.exchange.satoriex.choices import WireChoices
from actors.exchange.satoriex.exchange import ACCOUNT
from actors.maker import MarketMaker
from actors.strategy import quoting
from protocol.satoriex.venue import NAME as SATORIEX
from protocol.satoriex.venue import SatoriEx

RUN_S = 24.0


def maker():
    return {"maker": quoting(MarketMaker())}


def opening(wire=None):
    settings = attrs.evolve(PAPER_SATORIEX, wire=wire or WireChoices())
    return (OpenSatoriEx(settings=settings, venue=SatoriEx(absence_after_s=PAPER_ABSENCE_S)),)


def traded(story):
    """Return how many shares the account has really traded."""
    orders = story.paper.embedded[SATORIEX].exchange.floor.orders.values()
    return sum(order.filled_shares for order in orders if order.account.account_id == ACCOUNT)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_fault_at_once_ends_clean_and_flat(run_story, seed):
    story = run_story(RUN_S, venues=opening(), strategies=maker(), faults="all", seed=seed, pinned=seed)

    assert story.bot.tally.fills > 0
    assert story.bot.tally.fill_shares == traded(story)


@pytest.mark.parametrize("seed", range(6))
def test_any_reading_of_the_unknowns_ends_clean_and_flat(run_story, seed):
    wire = attrs.evolve(WireChoices.drawn(Random(f"reading {seed}")), retry_after=True)
    story = run_story(RUN_S, venues=opening(wire), strategies=maker(), faults="some", seed=seed, pinned=seed)

    assert story.bot.tally.fills > 0
    assert story.bot.tally.fill_shares == traded(story)
