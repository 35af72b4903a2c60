"""How far a long command has come, on stderr."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 10.0  # where there is no terminal to draw on

Advance = Callable[[str], None]
"""Told after each step what there is to say."""


@contextlib.contextmanager
def progress(console: Console, steps: int, now: Callable[[], float]) -> Iterator[Advance]:
    """Draw a bar on a terminal; elsewhere write a line from time to time. `now` is in seconds."""
    yield from _bar(console, steps) if console.is_terminal else _lines(console, steps, now)


def _bar(console: Console, steps: int) -> Iterator[Advance]:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as shown:
        task = shown.add_task("", total=steps)

        def advance(text: str) -> None:
            shown.update(task, advance=1, description=text, refresh=True)

        shown.refresh()
        yield advance


def _lines(console: Console, steps: int, now: Callable[[], float]) -> Iterator[Advance]:
    done = 0
    told_s = now()

    def advance(text: str) -> None:
        nonlocal done, told_s
        done += 1
        if now() - told_s >= LINE_EVERY_S:
            told_s = now()
            console.print(f"{done}/{steps}  {text}", highlight=False, markup=False, soft_wrap=True)

    yield advance
