"""The commands on the embedded exchanges."""

import json
import math
import os
import sys
import time
from pathlib import Path
from random import Random

import click
import trio

from actors.bot import BotSettings
from actors.console.logs import configure_logs
from actors.console.misuse import BadInput
from actors.data_dir import kept_in, open_store
from actors.exchange.embedded import (
    DIALECTS,
    VENUES,
    Catalogue,
    Embedded,
    Opening,
    load_catalogue,
    openings,
)
from actors.exchange.http import Asked
from actors.exchange_process import ExchangeProcess, ExchangeUnusable, open_exchange
from actors.io.store import JournalUnusable, Store
from actors.maker import MakerSettings
from actors.options import DirectoryPath, NumberRange, json_option, log_level_option, seconds_option
from actors.paper import Paper
from actors.running import STOP_SIGNALS, Running, open_bot, summary_of
from actors.seat import SeatSettings
from actors.session import SessionSettings
from actors.started import left_s
from actors.supervision import first_leaf
from protocol.errors import LocalProtocolError

FAULTS = click.Choice(["none", "some", "all"])
MAX_PORT = 65_535
IDLE_EXIT_S = 120  # twice as long as a bot that is connected asks for nothing

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


@click.command()
@_venue
@seconds_option
@_seed
@click.option(
    "--dialect", type=click.Choice(DIALECTS), default=DIALECTS[0], show_default=True, help="Of the first venue."
)
@_catalogue
@_faults
@click.option(
    "--data-dir",
    "directory",
    type=DirectoryPath(),
    help="Keep a journal here, and the exchange in a process of its own: a bot that was killed goes on. [default: "
    "keep nothing]",
)
@json_option
@log_level_option
def paper(
    venue: str,
    seconds: float | None,
    seed: int,
    dialect: str,
    catalogue: Path | None,
    faults: str,
    directory: Path | None,
    as_json: bool,
    log_level: str,
) -> None:
    """Trade on the embedded exchange over loopback. Ctrl-C stops safely: orders cancelled, flat, summary."""
    title = f"overround paper  {venue}  seed {seed}  faults {faults}  (Ctrl-C stops safely)"
    running = Running(seconds=seconds, as_json=as_json, log_level=log_level, title=title)
    chosen = openings(_names(venue), served=False, dialect=dialect, catalogue=_read_catalogue(catalogue))
    if directory is None:
        paper = Paper(wall_ns=time.time_ns, seed=seed, venues=chosen, faults=faults)
        running.finish(running.until_stopped(paper.run_on_loopback, paper.stop, lambda: paper.bot), paper.summary)
        return
    arguments = ["--quick", "--venue", venue, "--seed", str(seed), "--faults", faults]
    if catalogue is not None:
        arguments += ["--catalogue", str(catalogue.absolute())]
    try:
        with open_store(directory, Random()) as store:
            _trade_on(running, directory, store, chosen, [*arguments, "--idle-exit", str(IDLE_EXIT_S)])
    except (JournalUnusable, ExchangeUnusable) as error:
        raise BadInput(str(error)) from error


def _trade_on(
    running: Running, directory: Path, store: Store, chosen: tuple[Opening, ...], arguments: list[str]
) -> None:
    """Trade on an exchange in a process of its own. One that was not left flat stays, for the next bot."""
    traded = bool(store.recalled.openings or store.recalled.orders)
    names = [each.venue.traits.venue for each in chosen]
    serving = open_exchange(directory, names, arguments, traded=traded)
    seats = tuple(_seat(each, serving) for each in chosen)
    kept = kept_in(directory, store, seats, time.time_ns)
    bot = open_bot(BotSettings(seats=seats), MakerSettings(), kept, directory)
    summary = running.trade(bot)
    if summary is not None and summary.flat_on_exit:
        serving.end(directory)
    running.finish(summary, lambda: summary_of(bot))


def _seat(opening: Opening, serving: ExchangeProcess) -> SeatSettings:
    addresses = serving.addresses[opening.venue.traits.venue]
    return SeatSettings(
        venue=opening.venue,
        session=SessionSettings(rest_url=addresses["rest_url"]),
        credentials=opening.credentials(addresses),
    )


def _names(venue: str) -> tuple[str, ...]:
    return VENUES if venue == "both" else (venue,)


@click.command()
@_venue
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, MAX_PORT), default=0, show_default=True, help="0 takes a free one.")
@seconds_option
@click.option(
    "--idle-exit",
    "idle_s",
    type=NumberRange(min=0.1),
    help="Stop when nobody has asked for anything for this long. [default: never]",
)
@_seed
@_catalogue
@click.option("--quick", is_flag=True, help="Let events begin and end within a minute, as under paper.")
@click.option("--no-crowd", is_flag=True, help="Leave the books to the clients.")
@_faults
@log_level_option
def exchange(
    venue: str,
    host: str,
    port: int,
    seconds: float | None,
    idle_s: float | None,
    seed: int,
    catalogue: Path | None,
    quick: bool,
    no_crowd: bool,
    faults: str,
    log_level: str,
) -> None:
    """Serve the embedded exchange. The first line of stdout is one JSON object: addresses, and who to be.

    With both venues it has an object for each, and the second one takes the port after the first.
    """
    names = _names(venue)
    if port + len(names) - 1 > MAX_PORT:
        raise BadInput(f"--port {port}: there is no port after it for the second exchange")
    configure_logs(log_level)
    chosen = openings(names, served=not quick, crowd=not no_crowd, catalogue=_read_catalogue(catalogue))
    served = [each.open(time.time_ns, seed, faults, 1.0) for each in chosen]
    try:
        trio.run(_serve, served, host, port, seconds, idle_s)
    except BaseExceptionGroup as group:
        refused, others = group.split(BadInput)
        if refused is None or others is not None:
            raise
        raise first_leaf(refused) from group


async def _serve(served: list[Embedded], host: str, port: int, seconds: float | None, idle_s: float | None) -> None:
    with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
        async with trio.open_nursery() as nursery:

            def hear(endpoint: str = "", asked: Asked | None = None) -> None:
                nursery.cancel_scope.deadline = trio.current_time() + (math.inf if idle_s is None else idle_s)

            hear()
            found: dict[str, dict[str, str]] = {}
            for number, each in enumerate(served):
                each.exchange.watch(hear)
                await nursery.start(each.exchange.run)
                address = await _listen(nursery, each, host, port and port + number)
                found[each.venue.traits.venue] = each.addresses(address)
            try:
                click.echo(json.dumps(found if len(found) > 1 else next(iter(found.values()))))
            except BrokenPipeError:  # who would have read it is gone, and nobody else can know where to come
                nursery.cancel_scope.cancel()
            except OSError as error:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in it fails no more
                raise BadInput(f"stdout: {error.strerror or error}") from error
            with trio.move_on_after(math.inf if seconds is None else left_s(seconds)):
                await anext(signals)
            nursery.cancel_scope.cancel()


async def _listen(nursery: trio.Nursery, served: Embedded, host: str, port: int) -> str:
    try:
        bound_host, bound_port = await nursery.start(served.exchange.serve_tcp, host, port)
    except OSError as error:
        raise BadInput(f"cannot listen on {host}:{port}: {error}") from error
    return f"[{bound_host}]:{bound_port}" if ":" in bound_host else f"{bound_host}:{bound_port}"


def _read_catalogue(path: Path | None) -> Catalogue | None:
    if path is None:
        return None
    try:
        return load_catalogue(path.read_bytes(), str(path))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    except LocalProtocolError as error:
        raise BadInput(str(error)) from error
