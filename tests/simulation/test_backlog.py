import math
from random import Random

import pytest

from actors.bot import Bot, BotSettings
from actors.exchange.embedded import OpenProphetX, OpenSatoriEx
from actors.mailbox import Mailbox
from actors.seat import SeatSettings
from actors.session import SessionSettings
from actors.simulation.backlog import BELLS, mailboxes_of, overfull

NOW_NS = 1_790_000_000 * 10**9


def holding(count: int, size: float) -> Mailbox[object]:
    mailbox = Mailbox[object]("orders", size)
    for _ in range(count):
        mailbox.put(None)
    return mailbox


def seat(opening: OpenProphetX | OpenSatoriEx) -> SeatSettings:
    embedded = opening.open(lambda: NOW_NS, 1, "none", 1.0)
    return SeatSettings(
        venue=embedded.venue,
        session=SessionSettings(rest_url=f"http://exchange{embedded.path}"),
        credentials=embedded.credentials,
    )


@pytest.fixture
def bot() -> Bot:
    """A bot on two venues that has not begun."""
    settings = BotSettings(seats=(seat(OpenProphetX()), seat(OpenSatoriEx())))
    return Bot(settings=settings, strategies={}, random=Random(1), wall_ns=lambda: NOW_NS, id_prefix="x")


def test_every_mailbox_is_found_once(bot):
    found = list(mailboxes_of(bot))

    assert len(set(map(id, found))) == len(found)
    names = [mailbox.name for mailbox in found]
    assert (names.count("risk"), names.count("journal")) == (1, 1)
    assert [names.count(each) for each in ("tracker", "placing", "cancelling", "asking", "restarts")] == [2] * 5


def test_the_mailboxes_of_a_bot_have_a_size_and_are_empty_at_first(bot):
    assert overfull(mailboxes_of(bot)) is None


@pytest.mark.parametrize(("count", "size"), [(0, 64), (32, 64), (BELLS, BELLS), (1, 1)])
def test_what_is_half_full_or_a_bell_that_rings_is_fine(count, size):
    assert overfull([holding(count, size)]) is None


def test_one_that_is_more_than_half_full_is_told():
    told = overfull([holding(0, 64), holding(33, 64)])

    assert told == "33 messages wait for orders, 64 are the most"


def test_one_without_a_size_is_told_though_nothing_waits():
    assert overfull([holding(0, math.inf)]) == "orders has no size"
