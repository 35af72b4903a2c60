"""The command line."""

from actors.started import left_s as left_s  # before all else: it looks at the clock

# isort: split
import sys
import time
from pathlib import Path
from random import Random

import click

from actors.config import ConfigError, load_config
from actors.console.misuse import BadInput
from actors.data_dir import kept_in, open_store
from actors.io.store import JournalUnusable
from actors.journal_cli import journal
from actors.options import json_option, log_level_option, seconds_option
from actors.paper_cli import exchange, paper
from actors.running import Running, open_bot, summary_of
from actors.simulate_cli import INTERRUPTED, simulate


class Interruptible(click.Group):
    """Commands that Ctrl-C ends in one line, unless it means something else to them."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except* KeyboardInterrupt:
            click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)


@click.group(cls=Interruptible, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="overround")
def main() -> None:
    """A trading bot for prediction exchanges, and an exchange to prove it on.

    \b
    overround paper                  trade on the embedded exchange, here and now
    overround run --config bot.toml  trade on a venue
    overround exchange               serve the embedded exchange to any client
    overround journal show           say what a bot has kept
    overround simulate               play whole worlds in virtual time

    Exit status: 0 when the stop was flat and the audit clean, 1 when not, 2 for a bad configuration or usage, 130
    after a Ctrl-C that stopped no bot.
    """


@main.command()
@click.option("--config", "path", type=click.Path(dir_okay=False, path_type=Path), required=True)
@seconds_option
@click.option("--live", is_flag=True, help="Allow a production host: real money.")
@json_option
@log_level_option
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
    title = f"overround run  {'  '.join(config.rest_urls)}  (Ctrl-C stops safely)"
    running = Running(seconds=seconds, as_json=as_json, log_level=log_level, title=title)
    directory = Path(config.data_dir)
    try:
        with open_store(directory, Random()) as store:
            kept = kept_in(directory, store, settings.seats, time.time_ns)
            bot = open_bot(settings, config.maker(), kept, directory)
            running.finish(running.trade(bot), lambda: summary_of(bot))
    except JournalUnusable as error:
        raise BadInput(str(error)) from error


for _command in (paper, exchange, journal, simulate):
    main.add_command(_command)
