"""Proof that a journal is whole."""

from collections.abc import Callable

import attrs

from actors.decisions.entry_text import EntryUnreadable, read_entry
from actors.decisions.recollection import Recollection
from actors.io.tables import RESTORE, Row, Tables


class NotWhole(Exception):
    """Something in the journal was changed or lost. The text names the first bad row."""


@attrs.frozen(kw_only=True)
class Verified:
    """What was found whole."""

    entries: int
    runs: int
    snapshots: int  # compared with what the rows before them come to


def verify(tables: Tables, advanced: Callable[[int], None]) -> Verified:
    """Read everything: the file, the sums, every entry, and what they come to. Raises `NotWhole`, or `StoreFailed`.

    `advanced` is told the number of each row. What is added meanwhile is read as well.
    """
    damage = tables.damage()
    if damage is not None:
        raise NotWhole(f"{tables.place}: {damage}; {RESTORE}")
    snapshots = dict(tables.snapshots())
    compared = 0
    recollection = Recollection()
    before = Row.none()
    for row in tables.rows():
        _check(row, before)
        _apply(row, recollection)
        if row.id in snapshots:
            _compare(row, snapshots[row.id], recollection)
            compared += 1
        before = row
        advanced(row.id)
    if compared < len(snapshots):
        raise NotWhole(
            f"row {before.id} is the last one, and there is a snapshot of row {max(snapshots)}: rows are lost"
        )
    return Verified(entries=before.id, runs=recollection.run, snapshots=compared)


def _check(row: Row, before: Row) -> None:
    if row.id != before.id + 1:
        raise NotWhole(f"row {row.id} comes after row {before.id}: rows between them are lost")
    if row.chained(before.sum) != row:
        raise NotWhole(f"row {row.id} or one before it was changed: its sum is {row.sum}, and not what it comes to")


def _apply(row: Row, recollection: Recollection) -> None:
    try:
        recollection.apply(read_entry(row.kind, row.body), row.wall_ns)
    except EntryUnreadable as error:
        raise NotWhole(f"row {row.id}: {error}") from error


def _compare(row: Row, snapshot: str, recollection: Recollection) -> None:
    try:
        same = Recollection.from_snapshot(snapshot) == recollection
    except EntryUnreadable as error:
        raise NotWhole(f"the snapshot of row {row.id}: {error}") from error
    if not same:
        raise NotWhole(f"the snapshot of row {row.id} is not what the rows come to")
