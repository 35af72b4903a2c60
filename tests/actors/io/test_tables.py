import sqlite3
from contextlib import closing
from threading import Timer

import attrs
import pytest

from actors.io.tables import BUSY_S, MIGRATIONS, READ_AT_ONCE, Row, StoreDamaged, StoreFailed, Tables, migrate


def rows(first: int, last: int, before: Row | None = None) -> list[Row]:
    made = [Row.none() if before is None else before]
    for number in range(first, last + 1):
        kind = "Even" if number % 2 == 0 else "Odd"
        row = Row(number, 1, number * 10, kind, "venue", f"x-{number % 3}", "{}")
        made.append(row.chained(made[-1].sum))
    return made[1:]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a journal?#.db"


@pytest.fixture
def tables(path):
    opened = Tables.open_file(path)
    yield opened
    opened.close()


def foreign(path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_rows_are_there_for_whoever_opens_the_file_next(path):
    written = rows(1, 3)
    first = Tables.open_file(path)
    first.append(written)
    first.close()

    second = Tables.open_file(path)

    assert list(second.rows()) == written
    assert list(second.rows(after=2)) == written[2:]
    second.close()


def test_a_commit_is_synced_to_a_write_ahead_log(tables):
    connection = tables._connection

    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    assert connection.execute("pragma synchronous").fetchone() == (2,)


def test_more_rows_than_are_read_at_once_come_in_order(tables):
    written = rows(1, 2 * READ_AT_ONCE)
    tables.append(written)

    assert list(tables.rows()) == written
    assert tables.count() == len(written)


def test_the_newest_rows_of_a_kind_or_an_order_are_found(tables):
    written = rows(1, 12)
    tables.append(written)

    assert tables.last_rows(2) == written[-2:]
    assert tables.last_rows(2, kind="Odd") == [written[8], written[10]]
    assert tables.last_rows(9, kind="Odd", name="x-1") == [written[0], written[6]]
    assert tables.last_rows(0) == []


def test_only_the_newest_snapshots_are_kept(tables):
    written = rows(1, 4)
    for row in written:
        tables.append([row], f"up to {row.id}")

    assert tables.snapshots() == [(4, "up to 4"), (3, "up to 3")]


def test_a_journal_keeps_its_first_name(tables):
    assert tables.named() == ""
    assert tables.name("abc") == "abc"
    assert tables.name("xyz") == "abc"
    assert tables.named() == "abc"


def test_a_batch_is_written_whole_or_not_at_all(tables):
    tables.append(rows(1, 2))

    with pytest.raises(StoreFailed, match="UNIQUE constraint failed"):
        tables.append([*rows(3, 4), *rows(1, 1)], "snapshot")

    assert tables.count() == 2
    assert tables.snapshots() == []


def test_a_file_is_read_while_another_writes_it(path, tables):
    written = rows(1, 4)
    tables.append(written[:2])

    reader = Tables.read_file(path)
    assert list(reader.rows()) == written[:2]
    tables.append(written[2:])
    assert list(reader.rows()) == written
    reader.close()


def test_a_reader_between_two_rows_holds_nothing_up(path, tables):
    tables.append(rows(1, 2))
    reader = Tables.read_file(path)
    reading = reader.rows()
    next(reading)

    tables.append(rows(3, 3))

    assert tables._connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0] == 0
    reader.close()


@pytest.fixture
def unwritable(path):
    """A file with three rows, where SQLite can make none of those that it wants beside it."""
    written = Tables.open_file(path)
    written.append(rows(1, 3))
    written.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).symlink_to("missing/file")
    return path


def test_a_file_is_read_where_nothing_can_be_written(unwritable):
    with closing(Tables.read_file(unwritable)) as reader:
        assert list(reader.rows()) == rows(1, 3)


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_what_lies_beside_a_file_is_not_left_out(unwritable, suffix):
    log = unwritable.with_name(unwritable.name + suffix)
    log.unlink(missing_ok=True)
    log.write_bytes(b"some of the rows")

    with pytest.raises(StoreFailed, match="make the file and its directory writable"):
        Tables.read_file(unwritable)


def test_a_reader_writes_nothing(path, tables):
    reader = Tables.read_file(path)

    with pytest.raises(StoreFailed, match="readonly database; make the file and its directory writable"):
        reader.append(rows(1, 1))
    reader.close()


def test_a_file_that_is_held_by_another_program_is_named(path, tables):
    tables._connection.execute("pragma busy_timeout = 0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")

        with pytest.raises(StoreFailed, match=r"journal\?#.db: database is locked; close the program"):
            tables.append(rows(1, 1))


@pytest.mark.parametrize("opening", [Tables.open_file, Tables.read_file])
def test_an_opening_waits_longer_than_a_commit_for_whoever_makes_or_mends_the_file(path, opening):
    Tables.open_file(path).close()
    foreign(path, "pragma journal_mode = delete")
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("begin exclusive")
        release = Timer(BUSY_S + 0.3, other.rollback)
        release.start()

        opened = opening(path)

        release.join()
    assert opened.count() == 0
    opened.close()


def test_a_commit_is_refused_before_trading_halts_for_it_and_a_reader_is_patient(path, tables):
    with closing(Tables.read_file(path)) as reader:
        patience_ms = [each._connection.execute("pragma busy_timeout").fetchone()[0] for each in (tables, reader)]

    assert patience_ms == [1_000, 30_000]


def test_there_must_be_a_file_to_read(path):
    with pytest.raises(StoreFailed, match="there is no journal here"):
        Tables.read_file(path)


@pytest.mark.parametrize("statements", [("create table their (own)",), ("pragma user_version = 1",)])
@pytest.mark.parametrize("opening", [Tables.open_file, Tables.read_file])
def test_another_programs_database_is_left_alone(path, opening, statements):
    foreign(path, *statements)

    with pytest.raises(StoreFailed, match="another program's database"):
        opening(path)


@pytest.mark.parametrize("opening", [Tables.open_file, Tables.read_file])
def test_what_is_no_database_is_left_alone(path, opening):
    path.write_bytes(b"no database, but long enough to be looked at" * 99)

    with pytest.raises(StoreFailed, match="not a database; move the file away"):
        opening(path)


def test_a_place_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(StoreFailed, match=r"missing/journal\.db: unable to open"):
        Tables.open_file(tmp_path / "missing" / "journal.db")


@pytest.mark.parametrize("opening", [Tables.open_file, Tables.read_file])
def test_a_newer_schema_is_left_alone(path, tables, opening):
    foreign(path, f"pragma user_version = {len(MIGRATIONS) + 1}")

    with pytest.raises(StoreFailed, match="a newer one is needed"):
        opening(path)


def test_an_older_schema_is_not_read_before_a_writer_has_brought_it_up(path, tables):
    foreign(path, "pragma user_version = 0")

    with pytest.raises(StoreFailed, match="start the bot once"):
        Tables.read_file(path)


def test_an_empty_file_is_not_an_older_schema(path):
    path.touch()

    with pytest.raises(StoreDamaged, match="it is empty; restore a copy"):
        Tables.read_file(path)


def test_an_older_schema_is_brought_up_with_what_it_holds():
    newer = [
        *MIGRATIONS,
        ("alter table entries add column more text default 'none'", "create index at on entries (wall_ns)"),
    ]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, "here")
        Tables("here", connection).append(rows(1, 1))

        migrate(connection, "here", newer)
        migrate(connection, "here", newer)

        assert connection.execute("pragma user_version").fetchone() == (len(newer),)
        assert connection.execute("select id, more from entries").fetchall() == [(1, "none")]


def test_a_migration_that_fails_leaves_the_schema_as_it_was():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, "here")

        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, "here", [*MIGRATIONS, ("create table more (a)", "no statement")])

        assert connection.execute("pragma user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("select count(*) from sqlite_master where name = 'more'").fetchone() == (0,)


def test_damage_is_told(path):
    first = Tables.open_file(path)
    first.append(rows(1, 500))
    assert first.damage() is None
    first.close()
    content = bytearray(path.read_bytes())
    content[8192:12288] = bytes(4096)
    path.write_bytes(content)

    second = Tables.read_file(path)

    assert "8192" in str(second.damage()) or "page" in str(second.damage()).lower()
    second.close()


def test_damage_that_quotes_what_is_no_text_is_told(path):
    Tables.open_file(path).close()
    foreign(path, "pragma writable_schema = on", "update sqlite_master set sql = cast('create ' || x'ff' as text)")

    with pytest.raises(StoreDamaged, match="restore a copy"):
        Tables.read_file(path)


def test_a_sum_is_over_every_field_and_all_rows_before():
    row = Row(1, 1, 1, "Kind", "venue", "name", "{}").chained("")

    changed = [attrs.evolve(row, **{field.name: "9" if field.type is str else 9}) for field in attrs.fields(Row)[:-1]]

    assert row == Row(1, 1, 1, "Kind", "venue", "name", "{}", row.sum)
    assert len({row.sum, row.chained("other").sum, *(each.chained("").sum for each in changed)}) == 9
