import os

import attrs
import pytest
import trio

from actors.console.sink import never_waiting
from actors.console.status import Status, StatusConsole
from actors.tally import Tally


@attrs.define
class IdleBot:
    """A bot that has not logged in."""

    tally: Tally = attrs.field(factory=Tally)
    logged_in: bool = False
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
