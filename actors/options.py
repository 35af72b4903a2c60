"""Options that several commands have."""

import math
from pathlib import Path
from typing import Any

import click

from actors.console.logs import LEVELS


class NumberRange(click.FloatRange):
    """A range of numbers. What is no number lies in none, though it is neither below nor above."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


class DirectoryPath(click.ParamType[Path]):
    """A directory, which has a name: an empty one would be the current directory."""

    name = "directory"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if not str(value).strip():
            self.fail(f"expected the name of a directory, got {value!r}", param, ctx)
        return click.Path(file_okay=False, path_type=Path).convert(value, param, ctx)


seconds_option = click.option(
    "--seconds", type=NumberRange(min=0.1), help="Stop safely after this long. [default: never]"
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the summary as one JSON line, the last of stdout."
)
log_level_option = click.option(
    "--log-level", type=click.Choice(list(LEVELS)), default="warning", show_default=True, help="Of the log on stderr."
)
