"""Options that several commands have."""

import click

from actors.console.logs import LEVELS

seconds_option = click.option(
    "--seconds", type=click.FloatRange(min=0.1), help="Stop safely after this long. [default: never]"
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the summary as one JSON line, the last of stdout."
)
log_level_option = click.option(
    "--log-level", type=click.Choice(list(LEVELS)), default="warning", show_default=True, help="Of the log on stderr."
)
