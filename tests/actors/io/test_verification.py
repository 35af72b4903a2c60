import sqlite3
from contextlib import closing
from random import Random

import pytest

from actors.entries import Latch, Latched, LimitBreached, RunStarted
from actors.io.store import FILE_NAME, SNAPSHOT_EVERY, Stamped, Store
from actors.io.tables import Row, Tables
from actors.io.verification import NotWhole, Verified, verify

LENGTH = SNAPSHOT_EVERY + 10


@pytest.fixture
def path(tmp_path):
    """A journal with a snapshot."""
    store = Store.open_directory(tmp_path, Random(1))
    store.append([Stamped(RunStarted(run=1, version="1"), 1), Stamped(Latched(latch=Latch.HALT, reason="why"), 2)])
    store.append([Stamped(LimitBreached(worst_cents=2, limit_cents=1), 3)] * (SNAPSHOT_EVERY - 2))
    store.append([Stamped(LimitBreached(worst_cents=2, limit_cents=1), 3)] * 10)
    store.close()
    return tmp_path / FILE_NAME


def verified(path) -> Verified:
    tables = Tables.read_file(path)
    try:
        return verify(tables, lambda _: None)
    finally:
        tables.close()


def tampered(path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement, values)
        connection.commit()


def test_a_journal_that_nobody_touched_is_whole(path):
    assert verified(path) == Verified(entries=LENGTH, runs=1, snapshots=1)


def test_an_empty_journal_is_whole(tmp_path):
    Store.open_directory(tmp_path, Random(1)).close()

    assert verified(tmp_path / FILE_NAME) == Verified(entries=0, runs=0, snapshots=0)


def test_each_row_is_told_as_it_is_read(path):
    tables = Tables.read_file(path)
    told: list[int] = []

    verify(tables, told.append)
    tables.close()

    assert told == list(range(1, LENGTH + 1))


@pytest.mark.parametrize(
    "change",
    [
        "body = replace(body, ':2', ':3')",
        "wall_ns = wall_ns + 1",
        "run = 9",
        "kind = 'RunEnded'",
        "venue = 'x'",
        "name = 'x'",
        "sum = ''",
    ],
)
def test_a_row_that_was_changed_is_named(path, change):
    tampered(path, f"update entries set {change} where id = 1500")

    with pytest.raises(NotWhole, match="row 1500 or one before it was changed"):
        verified(path)


def test_rows_that_were_lost_are_named(path):
    tampered(path, "delete from entries where id between 7 and 9")

    with pytest.raises(NotWhole, match="row 10 comes after row 6"):
        verified(path)


def test_a_lost_beginning_is_named(path):
    tampered(path, "delete from entries where id = 1")

    with pytest.raises(NotWhole, match="row 2 comes after row 0"):
        verified(path)


def test_rows_lost_at_the_end_are_missed_by_the_snapshot(path):
    tampered(path, "delete from entries where id > 1000")

    with pytest.raises(NotWhole, match="row 1000 is the last one, and there is a snapshot of row 2000"):
        verified(path)


def test_a_snapshot_that_says_something_else_is_named(path):
    tampered(path, "update snapshots set body = replace(body, 'why', 'who')")

    with pytest.raises(NotWhole, match="the snapshot of row 2000 is not what the rows come to"):
        verified(path)


def test_a_snapshot_that_cannot_be_read_is_named(path):
    tampered(path, "update snapshots set body = '{}'")

    with pytest.raises(NotWhole, match="the snapshot of row 2000: _Image"):
        verified(path)


def test_an_entry_that_cannot_be_read_is_named_though_its_sum_is_right(path):
    tables = Tables.read_file(path)
    (last,) = tables.last_rows(1)
    tables.close()
    forged = Row(last.id + 1, 1, 3, "Foretold", "", "", "{}").chained(last.sum)
    tampered(
        path,
        "insert into entries values (?, ?, ?, ?, ?, ?, ?, ?)",
        forged.id,
        1,
        3,
        "Foretold",
        "",
        "",
        "{}",
        forged.sum,
    )

    with pytest.raises(NotWhole, match=f"row {forged.id}: Foretold is not a kind"):
        verified(path)


def test_a_damaged_file_is_named(path):
    content = bytearray(path.read_bytes())
    content[8192:12288] = bytes(4096)
    path.write_bytes(content)

    with pytest.raises(NotWhole, match=rf"(?s){FILE_NAME}: .*; restore a copy"):
        verified(path)
