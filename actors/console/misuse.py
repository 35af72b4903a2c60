"""The error of a command that was called wrongly."""

import click

MISUSED = 2


class BadInput(click.ClickException):
    """Something that the person who called it can mend."""

    exit_code = MISUSED
