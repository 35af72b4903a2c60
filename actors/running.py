"""A bot on the command line, from its start to its exit status."""

import contextlib
import gc
import signal
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random

import attrs
import click
import trio

from actors.bot import Bot, BotSettings
from actors.console.logs import RecentLines, configure_logs
from actors.console.sink import never_waiting
from actors.console.status import Status, StatusConsole
from actors.console.summary import Summary
from actors.data_dir import Kept
from actors.io.caller import LoginRefused
from actors.journal import JournalFailed
from actors.maker import MakerSettings, MarketMaker
from actors.started import left_s
from actors.strategy import quoting
from actors.supervision import first_leaf

SETTLED, NOT_SETTLED = 0, 1
STOP_SIGNALS: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
    STOP_SIGNALS += (signal.SIGHUP,)  # the terminal goes away, and nobody said that the bot shall go on, as nohup does


def open_bot(settings: BotSettings, maker: MakerSettings, kept: Kept, directory: Path) -> Bot:
    """Build a bot with the shipped market maker, which goes on from what is kept in a directory."""
    bot = Bot(
        settings=settings,
        strategies={"maker": quoting(MarketMaker(maker))},
        random=Random(),
        wall_ns=time.time_ns,
        id_prefix="",
        journal=kept.journal,
        kept_tokens=kept.tokens,
    )
    for latch, reason in bot.latches.items():
        click.echo(
            f"overround: no new order leaves: {latch.value} ({reason}); "
            f"`overround journal lift {latch.value} --data-dir {directory} --reason ...` lifts it once the bot has "
            "stopped",
            err=True,
        )
    return bot


def summary_of(bot: Bot) -> Summary:
    """Hold what the bot believes against what REST says."""
    return Summary(
        tally=bot.tally,
        limit_cents=bot.settings.limits.account_cents,
        audit=bot.audit(),
        flat_on_exit=bot.flat,
        profit_cents=bot.profit_cents,
        logged_in=bot.stop_logged_in,
    )


@attrs.define(kw_only=True)
class Running:
    """Run a bot until a signal, a deadline, or a failure; then say how it went."""

    seconds: float | None
    as_json: bool
    log_level: str
    title: str

    def trade(self, bot: Bot) -> Summary | None:
        """Run a bot on a venue, as `until_stopped` does."""

        async def trade() -> Summary:
            await bot.run()
            return summary_of(bot)

        return self.until_stopped(trade, bot.stop, lambda: bot)

    def until_stopped(
        self, trade: Callable[[], Awaitable[Summary]], stop: Callable[[], None], bot: Callable[[], Bot]
    ) -> Summary | None:
        """Return the summary, or `None` when the bot ended by a failure, which is then told."""
        console = StatusConsole(stderr=True)
        recent = RecentLines() if console.is_terminal else None
        configure_logs(self.log_level, recent)
        status = Status(bot=bot, console=console, recent=recent, title=self.title)
        try:
            with never_waiting(sys.stderr) as stderr, contextlib.redirect_stderr(stderr):
                return trio.run(self._trade, trade, stop, status)
        except BaseExceptionGroup as group:
            refused, others = group.split(LoginRefused)
            failed, others = (None, None) if others is None else others.split(JournalFailed)
            if others is not None:
                with contextlib.suppress(OSError):
                    traceback.print_exception(others)
            if refused is not None:
                click.echo(f"overround: {first_leaf(refused)}; check the secrets in the configuration", err=True)
            if failed is not None:
                click.echo(f"overround: trading was stopped: {first_leaf(failed)}", err=True)
            return None

    def finish(self, summary: Summary | None, after_failure: Callable[[], Summary]) -> None:
        """Print the summary and end the process with its status."""
        shown = summary or after_failure()
        click.echo(shown.as_json() if self.as_json else shown.as_text())
        sys.exit(SETTLED if summary is not None and summary.ok else NOT_SETTLED)

    async def _trade(
        self, trade: Callable[[], Awaitable[Summary]], stop: Callable[[], None], status: Status
    ) -> Summary:
        with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._stop_when_due, stop)
                nursery.start_soon(_stop_on_signal, signals, stop)
                nursery.start_soon(status.run)
                gc.collect()
                gc.freeze()  # what start-up made stays: a full collection later need not look at it
                summary = await trade()
                nursery.cancel_scope.cancel()
        return summary

    async def _stop_when_due(self, stop: Callable[[], None]) -> None:
        if self.seconds is not None:
            await trio.sleep(left_s(self.seconds))
            stop()


async def _stop_on_signal(signals: AsyncIterator[int], stop: Callable[[], None]) -> None:
    """Stop safely, however many signals come: a service manager may send several, and the stop is bounded anyhow."""
    async for _ in signals:
        stop()
