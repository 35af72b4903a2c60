import math

import attrs
import pytest
import trio

from actors.funds import MAX_TRIES, Funds
from actors.messages import AnswerLost, FundsRead
from protocol.belief import Unknown
from protocol.events import MarketSettled
from protocol.ids import EventId, VenueName
from protocol.venue import Balance, Poll

VENUE = VenueName("somewhere")
BALANCE = Balance(free_micro=5_000_000, resting_micro=None)
SETTLED = MarketSettled(event_id=EventId("mkt_1"), winners=frozenset())


@attrs.define
class Desk:
    """A venue's REST half and the port to it: each call is its own name, and answers what is laid down for it."""

    answers: dict = attrs.field(factory=lambda: {"results": (SETTLED,), "holdings": (), "balance": BALANCE})
    asked: list = attrs.field(factory=list)

    def results(self):
        return "results" if "results" in self.answers else None

    def holdings(self):
        return "holdings" if "holdings" in self.answers else None

    def balance(self):
        return "balance"

    async def ask(self, call):
        await trio.lowlevel.checkpoint()
        self.asked.append((trio.current_time(), call))
        answer = self.answers[call]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@attrs.define
class Room:
    desk: Desk = attrs.field(factory=Desk)
    poll: Poll = Poll(every_s=60.0, apart_s=2.0)  # noqa: RUF009  # frozen
    heard: list = attrs.field(factory=list)

    @property
    def funds(self) -> Funds:
        return Funds(
            venue=VENUE, ask=self.desk.ask, rest=self.desk, poll=self.poll, heard=self.heard.append, wall_ns=lambda: 7
        )

    def times(self, call: str) -> list[float]:
        return [at_s for at_s, asked in self.desk.asked if asked == call]


def reading(asked_at_s: float = 0.0, held=()) -> FundsRead:
    return FundsRead(venue=VENUE, balance=BALANCE, held=held, asked_at_s=asked_at_s, as_of_ns=7)


async def run_for(funds: Funds, seconds: float) -> None:
    with trio.move_on_after(seconds):
        await funds.run()


async def test_everything_is_read_at_the_start_the_results_first(autojump_clock):
    room = Room()

    await run_for(room.funds, 1)

    assert [call for _, call in room.desk.asked] == ["results", "holdings", "balance"]
    assert room.heard == [SETTLED, reading()]


async def test_it_is_read_again_on_schedule(autojump_clock):
    room = Room()

    await run_for(room.funds, 130)

    assert room.times("balance") == [0.0, 60.0, 120.0]


async def test_being_woken_brings_it_forward_but_not_nearer_than_allowed(autojump_clock):
    room = Room()
    funds = room.funds

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_for, funds, 20)
        await trio.sleep(0.5)
        for _ in range(10):
            funds.woken.offer(None)
        await trio.sleep(9.5)
        funds.woken.offer(None)

    assert room.times("balance") == [0.0, 2.0, 10.0]


async def test_a_venue_without_a_schedule_is_not_asked(autojump_clock):
    room = Room(poll=Poll(every_s=math.inf))

    with trio.fail_after(5):
        await room.funds.run()

    assert room.desk.asked == []


async def test_results_that_cannot_be_read_do_not_hold_the_money_back(autojump_clock):
    room = Room()
    room.desk.answers["results"] = AnswerLost("none")

    await run_for(room.funds, 1)

    assert room.heard == [reading()]


async def test_what_could_not_be_read_is_asked_again_soon(autojump_clock):
    room = Room()
    room.desk.answers["balance"] = [AnswerLost("none"), BALANCE]

    await run_for(room.funds, 3)

    assert room.times("balance") == [0.0, 2.0]


async def test_where_there_are_no_holdings_they_are_unknown(autojump_clock):
    room = Room()
    del room.desk.answers["holdings"], room.desk.answers["results"]

    assert await room.funds.read() == reading(held=Unknown("the venue does not list it"))


async def test_one_whole_reading_is_tried_a_few_times(autojump_clock):
    room = Room()
    room.desk.answers["balance"] = [AnswerLost("none"), AnswerLost("none"), BALANCE]

    assert await room.funds.read_all() == reading(asked_at_s=2.0)


@pytest.mark.parametrize("call", ["results", "holdings", "balance"])
async def test_and_then_given_up(autojump_clock, call):
    room = Room()
    room.desk.answers[call] = AnswerLost("none")

    assert await room.funds.read_all() is None
    assert len(room.times(call)) == MAX_TRIES
