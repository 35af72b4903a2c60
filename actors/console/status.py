"""What a person sees while the bot runs."""

import contextlib
from collections.abc import Callable

import attrs
import trio
from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.segment import Segment, SegmentLines
from rich.table import Table
from rich.text import Text

from actors.bot import Bot
from actors.console.logs import RecentLines
from actors.messages import MarketView
from protocol.ids import sold_by
from protocol.money import dollars
from protocol.order import Order
from protocol.prices import Price, Probability, opposite, price_text, size_text

DRAW_EVERY_S = 0.5
PLAIN_EVERY_S = 5.0
LOOK_EVERY_S = 0.1  # at whether the bot stops
MAX_ROWS = 16
MIN_LATELY = 3  # lines: two of them are the frame
NAMES = ("event", "market", "selection")
NUMBERS = ("best", "takeable")
BESIDE_QUOTES = 26  # cells: names of 2, a price of 6, a size of 9, and 5 gaps


class StatusConsole(Console):
    """Raise `BrokenPipeError` when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise  # what rich has just caught: it would end the process, and stdout with it


@attrs.define(kw_only=True)
class Status:
    """Show a bot: a screen that is drawn anew on a terminal, a line now and then elsewhere."""

    bot: Callable[[], Bot]  # asked each time, as the bot may be built late
    console: Console
    recent: RecentLines | None = None
    title: str

    async def run(self) -> None:
        """Show the bot until cancelled, or until there is nobody to show it to."""
        with contextlib.suppress(OSError):
            await self._show()

    async def _show(self) -> None:
        if self.console.is_terminal:
            with Live(self.screen(0.0), console=self.console, auto_refresh=False, transient=True) as live:
                started_s = trio.current_time()
                while True:
                    live.update(self.screen(trio.current_time() - started_s), refresh=True)
                    await trio.sleep(DRAW_EVERY_S)
        started_s, stopping = trio.current_time(), False
        while True:
            with trio.move_on_after(PLAIN_EVERY_S):
                await self._wait_stop(stopping)
            stopping = self.bot().stop_begun
            self.console.print(self.line(trio.current_time() - started_s), highlight=False, soft_wrap=True)

    async def _wait_stop(self, told: bool) -> None:
        """Wait until the bot stops: for ever, once that was told."""
        while True:
            await trio.sleep(LOOK_EVERY_S)
            if self.bot().stop_begun is not told:
                return

    def line(self, elapsed_s: float) -> str:
        """Return the state in one line: how far the stop has got, once it has begun."""
        if self.bot().stop_begun:
            return f"{elapsed_s:6.0f} s  {self._stopping()}"
        return self._state(elapsed_s)

    def _stopping(self) -> str:
        live = len(self.bot().live_orders())
        if not live:
            return "stopping: the venue is asked whether nothing is left"
        return f"stopping: {live} order{' is' if live == 1 else 's are'} being cancelled"

    def _state(self, elapsed_s: float) -> str:
        bot = self.bot()
        tally = bot.tally
        live = len(bot.live_orders())
        return (
            f"{elapsed_s:6.0f} s  {self._session()}  books {len(bot.books())} live of {bot.open_books}  "
            f"orders {live} live, {tally.sent} sent  fills {tally.fills} {dollars(tally.fill_cents)}  "
            f"worst {dollars(bot.exposure_cents)}  settled {dollars(bot.profit_cents)}"
        )

    def screen(self, elapsed_s: float) -> SegmentLines:
        """Fit everything into the terminal: what a screen has scrolled away cannot be drawn anew."""
        room = self.console.height - 1  # the last line stays empty, for what is typed: it would move the screen
        title = self._stopping() if self.bot().stop_begun else self.title
        head = [*self._lines(Text(title, style="bold")), *self._lines(Text(self._state(elapsed_s)))]
        lately = self._lately((room - len(head)) // 3)
        table = self._lines(self._table())[: max(0, room - len(head) - len(lately))]
        return SegmentLines([*[*head, *table, *lately][:room], []], new_lines=True)

    def _session(self) -> str:
        bot = self.bot()
        if not bot.logged_in:
            return "logging in"
        lost = f", {bot.tally.sessions_lost} lost" if bot.tally.sessions_lost else ""
        down = [name for name, seat in bot.seats.items() if seat.epoch is None]
        if len(bot.seats) == 1 or not down:
            return f"session{'s' if len(bot.seats) > 1 else ''} {'DOWN' if down else 'up'}{lost}"
        return f"sessions {', '.join(down)} DOWN{lost}"

    def _lines(self, part: RenderableType) -> list[list[Segment]]:
        return self.console.render_lines(part, pad=False)

    def _lately(self, room: int) -> list[list[Segment]]:
        """Return the end of what was logged lately, as far as there is room."""
        if self.recent is None or not self.recent.lines or room < MIN_LATELY:
            return []
        lines = Text("\n".join(self.recent.lines)).wrap(self.console, self.console.width - 4)[2 - room :]
        return self._lines(Panel(Text("\n").join(lines), title="lately", title_align="left"))

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in NAMES:
            table.add_column(name)
        for name in NUMBERS:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("our quotes", no_wrap=True, max_width=max(1, self.console.width - BESIDE_QUOTES))
        bot = self.bot()
        resting: dict[str, list[Order]] = {}
        for order in bot.live_orders():
            resting.setdefault(order.selection_id, []).append(order)
        rows = 0
        for view in bot.views().values():
            if any(selection_id in resting for selection_id in view.selections) and rows < MAX_ROWS:
                rows += self._add(table, view, resting)
        return table

    def _add(self, table: Table, view: MarketView, resting: dict[str, list[Order]]) -> int:
        for index, side in enumerate(view.sides):
            best = side.levels[0] if side.levels else None
            sells = sold_by(side.selection_id) is not None
            quotes = "\n".join(
                f"{size_text(order.price, order.remaining)} at {_shown(order.price, sells)}"
                + (" (cancelling)" if order.cancel_wanted else "" if order.opened else " (pending)")
                for order in resting.get(side.selection_id, ())
            )
            table.add_row(
                _name(f"{view.event.name}{' LIVE' if view.in_play else ''}" if not index else ""),
                _name(view.name if not index else ""),
                _name(side.name or ("sell" if sells else "buy")),
                _shown(best.price, sells) if best else "-",
                size_text(best.price, best.takeable) if best else "-",
                Text(quotes, no_wrap=False),  # what is wider than its column goes on below, and is not cut
            )
        return len(view.sides)


def _name(text: str) -> Text:
    """Write a name that may be cut. Its column can be narrowed, as those that must not wrap are not."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def _shown(price: Price, sells: bool) -> str:
    """Write a price as the venue would: of the outcome itself, also where it is sold."""
    return price_text(opposite(price) if sells and isinstance(price, Probability) else price)
