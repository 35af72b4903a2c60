"""The command line."""

import time

# What ran before this line is almost all of it processor time: `--seconds` counts from the start of the process.
PROCESS_STARTED_S = time.monotonic() - time.process_time()

import contextlib
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random

import attrs
import click
import trio
from rich.console import Console

from actors.bot import Bot
from actors.config import ConfigError, load_config
from actors.console.logs import LEVELS, RecentLines, configure_logs
from actors.console.status import Status
from actors.console.summary import Summary
from actors.exchange.embedded import DIALECTS, VENUES, Catalogue, Embedded, load_catalogue, openings
from actors.io.caller import LoginRefused
from actors.maker import MarketMaker
from actors.paper import Paper
from actors.strategy import quoting
from actors.supervision import first_leaf
from protocol.errors import LocalProtocolError

SETTLED, NOT_SETTLED, MISUSED = 0, 1, 2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last when the terminal goes away
FAULTS = click.Choice(["none", "some", "all"])


class BadInput(click.ClickException):
    """Something that the person who called it can mend."""

    exit_code = MISUSED


_seconds = click.option(
    "--seconds", type=click.FloatRange(min=0.1), help="Stop safely after this long. [default: never]"
)
_seed = click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same dice.")
_catalogue = click.option(
    "--catalogue",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Open with a get_multiple_markets response: JSON, plain or gzip, in either vocabulary.",
)
_faults = click.option(
    "--faults", type=FAULTS, default="none", show_default=True, help="What goes wrong, and how often."
)
_venue = click.option(
    "--venue",
    type=click.Choice([*VENUES, "both"]),
    default=VENUES[0],
    show_default=True,
    help="Which exchange, or both at once.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON line, the last of stdout.")
_log_level = click.option(
    "--log-level", type=click.Choice(list(LEVELS)), default="warning", show_default=True, help="Of the log on stderr."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="overround")
def main() -> None:
    """A trading bot for prediction exchanges, and an exchange to prove it on.

    \b
    overround paper                  trade on the embedded exchange, here and now
    overround run --config bot.toml  trade on a venue
    overround exchange               serve the embedded exchange to any client

    Exit status: 0 when the stop was flat and the audit clean, 1 when not, 2 for a bad configuration or usage.
    """


@main.command()
@_venue
@_seconds
@_seed
@click.option(
    "--dialect", type=click.Choice(DIALECTS), default=DIALECTS[0], show_default=True, help="Of the first venue."
)
@_catalogue
@_faults
@_json
@_log_level
def paper(
    venue: str,
    seconds: float | None,
    seed: int,
    dialect: str,
    catalogue: Path | None,
    faults: str,
    as_json: bool,
    log_level: str,
) -> None:
    """Trade on the embedded exchange over loopback. Ctrl-C stops safely: orders cancelled, flat, summary."""
    paper = Paper(
        wall_ns=time.time_ns,
        seed=seed,
        venues=openings(_names(venue), served=False, dialect=dialect, catalogue=_read_catalogue(catalogue)),
        faults=faults,
    )
    title = f"overround paper  {venue}  seed {seed}  faults {faults}  (Ctrl-C stops safely)"
    run = _Run(seconds=seconds, as_json=as_json, log_level=log_level, title=title)
    run.finish(run.until_stopped(paper.run_on_loopback, paper.stop, lambda: paper.bot), paper.summary)


def _names(venue: str) -> tuple[str, ...]:
    return VENUES if venue == "both" else (venue,)


@main.command()
@_venue
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one.")
@_seconds
@_seed
@_catalogue
@click.option("--no-crowd", is_flag=True, help="Leave the books to the clients.")
@_faults
@_log_level
def exchange(
    venue: str,
    host: str,
    port: int,
    seconds: float | None,
    seed: int,
    catalogue: Path | None,
    no_crowd: bool,
    faults: str,
    log_level: str,
) -> None:
    """Serve the embedded exchange. The first line of stdout is one JSON object: addresses, and who to be.

    With both venues it has an object for each, and the second one takes the port after the first.
    """
    configure_logs(log_level)
    chosen = openings(_names(venue), served=True, crowd=not no_crowd, catalogue=_read_catalogue(catalogue))
    served = [each.open(time.time_ns, seed, faults, 1.0) for each in chosen]
    try:
        trio.run(_serve, served, host, port, seconds)
    except BaseExceptionGroup as group:
        refused, others = group.split(OSError)
        if refused is None or others is not None:
            raise
        raise BadInput(f"cannot listen on {host}:{port}: {first_leaf(refused)}") from group


async def _serve(served: list[Embedded], host: str, port: int, seconds: float | None) -> None:
    with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
        async with trio.open_nursery() as nursery:
            found: dict[str, dict[str, str]] = {}
            for number, each in enumerate(served):
                await nursery.start(each.exchange.run)
                bound_host, bound_port = await nursery.start(each.exchange.serve_tcp, host, port and port + number)
                address = f"[{bound_host}]:{bound_port}" if ":" in bound_host else f"{bound_host}:{bound_port}"
                found[each.venue.traits.venue] = each.addresses(address)
            print(json.dumps(found if len(found) > 1 else next(iter(found.values()))), flush=True)
            with trio.move_on_after(float("inf") if seconds is None else _left_s(seconds)):
                await anext(signals)
            nursery.cancel_scope.cancel()


@main.command()
@click.option("--config", "path", type=click.Path(dir_okay=False, path_type=Path), required=True)
@_seconds
@click.option("--live", is_flag=True, help="Allow a production host: real money.")
@_json
@_log_level
def run(path: Path, seconds: float | None, live: bool, as_json: bool, log_level: str) -> None:
    """Trade on a venue, as a configuration file says. A production host needs --live."""
    try:
        config = load_config(path)
        if config.production_urls and not live:
            raise ConfigError(
                f"{path}: rest_url: {config.production_urls[0]} is a production host, where orders are real money; "
                "give --live if that is meant, or name a sandbox host"
            )
        settings = config.bot(path)
    except ConfigError as error:
        raise BadInput(str(error)) from error
    bot = Bot(
        settings=settings,
        strategies={"maker": quoting(MarketMaker(config.maker()))},
        random=Random(),
        wall_ns=time.time_ns,
        id_prefix=f"{time.time_ns() // 10**6:x}-{os.urandom(4).hex()}",  # never the same for two processes
    )

    async def trade() -> Summary:
        await bot.run()
        return _summary(bot)

    title = f"overround run  {'  '.join(config.rest_urls)}  (Ctrl-C stops safely)"
    running = _Run(seconds=seconds, as_json=as_json, log_level=log_level, title=title)
    running.finish(running.until_stopped(trade, bot.stop, lambda: bot), lambda: _summary(bot))


def _summary(bot: Bot) -> Summary:
    """Hold what the bot believes against what REST says."""
    return Summary(
        tally=bot.tally,
        limit_cents=bot.settings.limits.account_cents,
        audit=bot.audit(),
        flat_on_exit=bot.flat,
        profit_cents=bot.profit_cents,
    )


def _read_catalogue(path: Path | None) -> Catalogue | None:
    if path is None:
        return None
    try:
        return load_catalogue(path.read_bytes(), str(path))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    except LocalProtocolError as error:
        raise BadInput(str(error)) from error


def _left_s(seconds: float) -> float:
    return max(seconds - (time.monotonic() - PROCESS_STARTED_S), 0.0)


@attrs.define(kw_only=True)
class _Run:
    """Run a bot until a signal, a deadline, or a failure; then say how it went."""

    seconds: float | None
    as_json: bool
    log_level: str
    title: str

    def until_stopped(
        self, trade: Callable[[], Awaitable[Summary]], stop: Callable[[], None], bot: Callable[[], Bot]
    ) -> Summary | None:
        """Return the summary, or `None` when the bot ended by a failure, which is then told."""
        console = Console(stderr=True)
        recent = RecentLines() if console.is_terminal else None
        configure_logs(self.log_level, recent)
        status = Status(bot=bot, console=console, recent=recent, title=self.title)
        try:
            return trio.run(self._trade, trade, stop, status)
        except BaseExceptionGroup as group:
            refused, others = group.split(LoginRefused)
            if others is not None:
                with contextlib.suppress(OSError):
                    traceback.print_exception(others)
            if refused is not None:
                click.echo(f"overround: {first_leaf(refused)}; check the secrets in the configuration", err=True)
            return None

    def finish(self, summary: Summary | None, after_failure: Callable[[], Summary]) -> None:
        """Print the summary and end the process with its status."""
        shown = summary or after_failure()
        print(shown.as_json() if self.as_json else shown.as_text(), flush=True)
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
            await trio.sleep(_left_s(self.seconds))
            stop()


async def _stop_on_signal(signals: AsyncIterator[int], stop: Callable[[], None]) -> None:
    """Stop safely, however many signals come: a service manager may send several, and the stop is bounded anyhow."""
    async for _ in signals:
        stop()
