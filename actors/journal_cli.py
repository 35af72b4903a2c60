"""The commands on a journal."""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import attrs
import click
from rich.console import Console
from rich.progress import Progress

from actors.console.logs import configure_logs
from actors.console.misuse import BadInput
from actors.console.told import DAY_NS, NS, told_row, told_state
from actors.decisions.entry_text import KINDS
from actors.entries import Latch, Latched, Lifted
from actors.io.spare import read_spare
from actors.io.store import FILE_NAME, SPARE_NAME, JournalUnusable, Stamped, Store, recall
from actors.io.tables import Row, StoreDamaged, StoreFailed, Tables
from actors.io.verification import NotWhole, verify
from actors.options import DirectoryPath

DATA_DIR = Path("overround-data")
NOT_WHOLE = 1
DRAWN_EVERY = 2_000  # rows
MOMENTS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ")

_data_dir = click.option(
    "--data-dir",
    "directory",
    type=DirectoryPath(),
    default=DATA_DIR,
    show_default=True,
    help="Where the bot keeps its journal.",
)


def _some_words(context: click.Context, parameter: click.Parameter, reason: str) -> str:
    if not reason.strip():
        raise BadInput("--reason: expected some words: they are kept")
    return reason.strip()


_reason = click.option("--reason", required=True, callback=_some_words, help="Why; it is kept.")


@click.group()
def journal() -> None:
    """Read the journal, or keep the next bot from trading.

    Exit status: 0 when all is well, 1 when the journal is not whole, 2 for wrong usage.
    """
    configure_logs("warning")


@journal.command()
@_data_dir
@click.option("--last", type=click.IntRange(min=0), default=20, show_default=True, help="So many entries.")
@click.option("--order", "name", help="Only entries about the order with this client order id.")
@click.option("--kind", type=click.Choice(sorted(KINDS), case_sensitive=False), help="Only entries of one kind.")
def show(directory: Path, last: int, name: str | None, kind: str | None) -> None:
    """Show what the entries come to, then the newest ones. Times are UTC."""
    with _reading(directory) as tables:
        whole = _show_state(directory, tables)
        rows = tables.last_rows(last, kind=kind, name=name)
        for row in rows:
            click.echo(told_row(row))
        if last and not rows:
            click.echo(f"no {kind or 'entry'}{f' about {name}' if name else ''}")
    if not whole:
        sys.exit(NOT_WHOLE)


def _show_state(directory: Path, tables: Tables) -> bool:
    """Show what the entries come to, and return whether all of them can be read."""
    kept = read_spare(directory / SPARE_NAME)  # before the entries: a latch is let go of here once it is one
    try:
        _, recollection = recall(tables)
    except StoreFailed as error:
        click.echo(f"not readable as a whole: {error}", err=True)
        return False
    recollection.latches = kept | recollection.latches
    for line in told_state(tables.named(), directory, recollection, time.time_ns() // DAY_NS):
        click.echo(line)
    return True


@journal.command()
@_data_dir
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--since", type=click.DateTime(MOMENTS), help="Only what was written from this time on, UTC.")
def export(directory: Path, form: str, since: datetime | None) -> None:
    """Write every entry to stdout, oldest first."""
    since_ns = 0 if since is None else int(since.replace(tzinfo=UTC).timestamp()) * NS
    with _reading(directory) as tables:
        write = _json_lines() if form == "jsonl" else _csv_lines()
        for row in tables.rows():
            if row.wall_ns >= since_ns:
                write(row)


@journal.command("verify")
@_data_dir
def verify_command(directory: Path) -> None:
    """Prove that nothing in the journal was changed or lost. It takes a minute for a million entries."""
    console = Console(stderr=True)
    with (
        _reading(directory) as tables,
        Progress(console=console, auto_refresh=False, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task("entries", total=tables.count())

        def advanced(row_id: int) -> None:
            if row_id % DRAWN_EVERY == 0:
                bar.update(task, completed=row_id, refresh=True)

        try:
            found = verify(tables, advanced)
        except (NotWhole, StoreFailed) as error:
            click.echo(f"not whole: {error}", err=True)
            sys.exit(NOT_WHOLE)
    click.echo(f"whole: entries {found.entries}, runs {found.runs}, snapshots that agree {found.snapshots}")


@journal.command()
@_data_dir
@click.argument("latch", type=click.Choice([Latch.HALT.value, Latch.KILL.value]))
@_reason
def latch(directory: Path, latch: str, reason: str) -> None:
    """Let no new order leave, from the bot's next start on. The bot must not run meanwhile."""
    asked = Latch(latch)
    with _writing(directory) as store:
        held = store.recalled.latches
        if asked in held:
            raise BadInput(f"{latch} is latched already: {held[asked]}")
        store.append([Stamped(Latched(latch=asked, reason=reason), time.time_ns())])
    click.echo(f"latched: {latch}: {reason}")


@journal.command()
@_data_dir
@click.argument("latch", type=click.Choice([each.value for each in Latch]))
@_reason
def lift(directory: Path, latch: str, reason: str) -> None:
    """Let trading go on after a halt, a kill or a day's loss. The bot must not run meanwhile."""
    asked = Latch(latch)
    with _writing(directory) as store:
        held = store.recalled.latches
        if asked not in held:
            raise BadInput(f"{latch} is not latched; latched: {', '.join(each.value for each in held) or 'nothing'}")
        store.append([Stamped(Lifted(latch=asked, reason=reason), time.time_ns())])
        store.forget(asked)
    click.echo(f"lifted: {latch}: {held[asked]}")


@contextmanager
def _writing(directory: Path) -> Iterator[Store]:
    with _reading(directory):
        pass  # there is one: it is not made here
    try:
        store = Store.open_directory(directory, Random())
    except JournalUnusable as error:
        raise BadInput(str(error)) from error
    try:
        yield store
    except StoreFailed as error:
        raise BadInput(str(error)) from error
    finally:
        store.close()


@contextmanager
def _reading(directory: Path) -> Iterator[Tables]:
    try:
        tables = Tables.read_file(directory / FILE_NAME)
        try:
            yield tables
        finally:
            tables.close()
    except StoreDamaged as error:
        click.echo(f"not whole: {error}", err=True)
        sys.exit(NOT_WHOLE)
    except StoreFailed as error:
        raise BadInput(str(error)) from error


def _json_lines() -> Callable[[Row], None]:
    def write(row: Row) -> None:
        click.echo(json.dumps({**attrs.asdict(row), "body": _parsed(row.body)}))

    return write


def _parsed(body: str) -> object:
    try:
        parsed: object = json.loads(body)
    except ValueError:
        return body  # damaged: as it stands
    return parsed


def _csv_lines() -> Callable[[Row], None]:
    lines = csv.writer(sys.stdout)
    lines.writerow([field.name for field in attrs.fields(Row)])

    def write(row: Row) -> None:
        lines.writerow(attrs.astuple(row))

    return write
