import io
import os

import attrs
import pytest
import trio
from rich.console import Console

from actors.console.logs import SHOWN, RecentLines
from actors.console.sink import never_waiting
from actors.console.status import Status, StatusConsole
from actors.messages import MarketView
from actors.tally import Tally
from protocol.book import BookStatus
from protocol.events import EventListed, EventStatus, Level, Side
from protocol.ids import BookKey, ClientOrderId, CompetitionId, EventId, MarketId, SelectionId, Strike
from protocol.odds import Odds, generate_ladder
from protocol.order import Order
from protocol.prophetx.venue import ProphetX

EVENT = EventListed(
    event_id=EventId(1),
    competition_id=CompetitionId(31),
    name="Green Bay Packers at Chicago Bears",
    status=EventStatus.LIVE,
)
KEYS = tuple(BookKey(EventId(1), MarketId(223), Strike(350 + 100 * number)) for number in range(12))
TEAMS = ("Green Bay Packers +3.5", "Chicago Bears -3.5")


def view(key: BookKey) -> MarketView:
    levels = (Level(Odds(-1000), 123_456),)
    return MarketView(
        key=key,
        name="Spread: Fixed home -3.5",
        kind="spread",
        event=EVENT,
        terms=ProphetX().terms(EVENT, generate_ladder()),
        epoch=1,
        status=BookStatus.LIVE,
        sides=tuple(Side(selection_id=SelectionId(f"{team} {key}"), name=team, levels=levels) for team in TEAMS),
    )


def orders(key: BookKey) -> list[Order]:
    """Return two on each selection, one of which makes way for the other."""
    return [
        Order(
            client_order_id=ClientOrderId(f"x-{wanted}-{team}-{key}"),
            key=key,
            selection_id=SelectionId(f"{team} {key}"),
            price=Odds(154 if wanted else 150),
            size=5_000,
            opened=wanted,
            cancel_wanted=wanted,
        )
        for team in TEAMS
        for wanted in (True, False)
    ]


@attrs.define
class IdleBot:
    """A bot that has not logged in."""

    tally: Tally = attrs.field(factory=Tally)
    logged_in: bool = False
    stop_begun: bool = False
    open_books: int = 0
    exposure_cents: int = 0
    profit_cents: int = 0

    def live_orders(self):
        return []

    def books(self):
        return {}

    def views(self):
        return {}


@pytest.mark.parametrize("on_terminal", [True, False])
async def test_the_status_ends_when_nobody_is_left_to_see_it(pipe, on_terminal, autojump_clock):
    reader, writer = pipe
    os.close(reader)

    with never_waiting(writer) as sink, trio.fail_after(60):
        console = StatusConsole(file=sink, force_terminal=on_terminal)
        await Status(bot=IdleBot, console=console, title="idle").run()


@attrs.define
class BusyBot(IdleBot):
    """A bot that quotes in many markets."""

    def live_orders(self):
        return [order for key in KEYS for order in orders(key)]

    def views(self):
        return {key: view(key) for key in KEYS}


def screen(width: int, height: int, *logged: str, bot: IdleBot | None = None) -> list[str]:
    """Return the lines that a terminal of that size shows of a bot, a busy one where none is given."""
    console = Console(width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False)
    recent = RecentLines()
    recent.lines.extend(logged)
    with console.capture() as shown:
        console.print(
            Status(bot=lambda: bot or BusyBot(), console=console, recent=recent, title="busy").screen(5.0), end=""
        )
    return shown.get().splitlines()


@pytest.mark.parametrize("width", [40, 80, 100, 160])
def test_no_price_and_no_money_is_cut_where_names_are(width):
    lines = screen(width, 24)

    header = next(line for line in lines if "takeable" in line)
    row = lines[lines.index(header) + 1]
    assert "best" in header
    assert "our quotes" in header
    assert "-1000  $1,234.56  $50.00 at +154" in row
    assert any("$50.00 at +150" in line for line in lines)
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(("width", "height"), [(40, 12), (80, 24), (100, 30), (40, 3)])
def test_a_screen_fits_its_terminal_and_its_last_line_is_free(width, height):
    lines = screen(width, height, *["session_lost reason='the socket closed with 4200' venue=prophetx " * 2] * SHOWN)

    assert len(lines) <= height
    assert not lines[-1]
    assert height < 12 or any("$1,234.56" in line for line in lines)


def test_what_was_logged_last_is_shown_as_it_was_written():
    lines = screen(80, 24, *["12:00:00 [info] one"] * SHOWN, "12:00:01 [/warning] two")

    assert any("[/warning] two" in line for line in lines)


async def test_a_stop_is_told_at_once_and_then_how_far_it_has_got(autojump_clock):
    bot = BusyBot()
    console = Console(file=io.StringIO())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(Status(bot=lambda: bot, console=console, title="busy").run)
        await trio.sleep(6)
        bot.stop_begun = True
        await trio.sleep(0.2)
        (trading, stopping) = console.file.getvalue().splitlines()
        await trio.sleep(5)
        nursery.cancel_scope.cancel()

    assert trading.startswith("     5 s  logging in  books 0 live")
    assert stopping == "     6 s  stopping: 48 orders are being cancelled"
    assert len(console.file.getvalue().splitlines()) == 3


def test_a_screen_says_that_the_bot_stops():
    assert screen(80, 24)[0].strip() == "busy"
    assert screen(80, 24, bot=BusyBot(stop_begun=True))[0].strip() == "stopping: 48 orders are being cancelled"
    assert screen(80, 24, bot=IdleBot(stop_begun=True))[0].strip() == (
        "stopping: the venue is asked whether nothing is left"
    )


def test_the_books_are_those_that_there_are_now():
    bot = IdleBot(tally=Tally(markets=784), open_books=21)

    assert "books 0 live of 21 " in Status(bot=lambda: bot, console=Console(), title="idle").line(5.0)
