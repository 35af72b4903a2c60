"""The journal's tables in SQLite."""

import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path

import attrs

OURS = 0x6F767264  # SQLite's application id, so that no other program's file is taken for a journal
BUSY_S = 1.0  # for a commit: we are the only writer; a program for backups may hold the file for a moment
PATIENCE_S = 30.0  # for an opening and for readers: who makes, closes or mends the file holds it over several syncs
READ_AT_ONCE = 1_000  # rows; each reading ends at once, so that the writer can reuse its log
SNAPSHOTS_KEPT = 2

MIGRATIONS: Sequence[Sequence[str]] = (
    (
        "create table entries (id integer primary key, run integer not null, wall_ns integer not null, "
        "kind text not null, venue text not null, name text not null, body text not null, sum text not null)",
        "create table snapshots (entry_id integer primary key, body text not null)",
        "create table meta (name text primary key, value text not null)",
    ),
)
"""What leads from each version of the schema to the next."""

RESTORE = "restore a copy of its directory, or move it away"
UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,  # no fault of a statement: the tables are not what we made
}
COLUMNS = (int, int, int, str, str, str, str, str)  # SQLite itself takes anything
REMEDIES = {
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_IOERR: "look after the disk",
    sqlite3.SQLITE_BUSY: "close the program that holds the file",
    sqlite3.SQLITE_LOCKED: "close the program that holds the file",
    sqlite3.SQLITE_READONLY: "make the file and its directory writable",
    sqlite3.SQLITE_CANTOPEN: "make the file and its directory writable",
    sqlite3.SQLITE_CORRUPT: RESTORE,
    sqlite3.SQLITE_NOTADB: "move the file away, or name another directory",
}


class StoreFailed(Exception):
    """The journal cannot be written or read. The text names the file, what happened and what to do."""


class StoreDamaged(StoreFailed):
    """What the file holds is not what was written."""


@attrs.frozen
class Row:
    """One entry as it is stored. `sum` is over this row and all before it."""

    id: int
    run: int
    wall_ns: int
    kind: str
    venue: str
    name: str  # the client order id, where the entry is about one
    body: str
    sum: str = ""

    @classmethod
    def none(cls) -> "Row":
        """Return what stands before the first one."""
        return cls(0, 0, 0, "", "", "", "")

    def chained(self, before: str) -> "Row":
        """Return the row with its sum, after a row with the sum `before`."""
        fields = (before, self.id, self.run, self.wall_ns, self.kind, self.venue, self.name, self.body)
        return attrs.evolve(self, sum=blake2b(ascii(fields).encode(), digest_size=8).hexdigest())


@attrs.define
class Tables:
    """Rows, snapshots and a few words in one SQLite database. Every method raises `StoreFailed`."""

    place: str  # for messages: the file
    _connection: sqlite3.Connection = attrs.field(repr=False)

    @classmethod
    def open_file(cls, path: Path) -> "Tables":
        """Open or make a file, to read and to write."""
        with _translated(str(path)), ExitStack() as unless_opened:
            # The writer's thread is not always the same one; two never write at once.
            connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
            unless_opened.callback(connection.close)
            migrate(connection, str(path))
            if connection.execute("pragma journal_mode = wal").fetchone() != ("wal",):
                raise StoreFailed(f"{path}: no write-ahead log here; use a directory on a local disk")
            connection.execute("pragma synchronous = full")
            connection.execute("pragma fullfsync = on")  # where a plain sync leaves it in the disk's own memory
            connection.execute(f"pragma busy_timeout = {BUSY_S * 1000:.0f}")
            unless_opened.pop_all()
        return cls(str(path), connection)

    @classmethod
    def read_file(cls, path: Path) -> "Tables":
        """Open a file that exists, to read it, also while another process writes it or where nothing can be written."""
        if not path.is_file():
            raise StoreFailed(f"{path}: there is no journal here; name its directory")
        with _translated(str(path)):
            try:
                return cls(str(path), _reader(path, "mode=ro"))
            except sqlite3.Error as error:
                if _code(error) not in UNWRITABLE or _is_logged(path):
                    raise
            # Everything is in the file, and SQLite wants to write beside it only for the sake of a writer.
            return cls(str(path), _reader(path, "mode=ro&immutable=1"))

    @classmethod
    def in_memory(cls) -> "Tables":
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        connection.execute("pragma page_size = 512")  # an entry or two, so that a full disk is full at once
        migrate(connection, "memory")
        return cls("memory", connection)._dying()

    def moved(self) -> "Tables":
        """Move what is committed out of the reach of whoever holds these. In memory only."""
        other = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.backup(other)
        self._connection.close()
        return Tables(self.place, other)._dying()

    def _dying(self) -> "Tables":
        """Let the database go with these: nobody else knows of it."""
        weakref.finalize(self, self._connection.close)
        return self

    def close(self) -> None:
        with _translated(self.place):
            self._connection.close()

    # --- writing ---

    def append(self, rows: Sequence[Row], snapshot: str | None = None) -> None:
        """Add rows in one transaction, with what they and all before them come to."""
        with _translated(self.place), _transaction(self._connection):
            self._connection.executemany(
                "insert into entries values (?, ?, ?, ?, ?, ?, ?, ?)",
                [attrs.astuple(row, recurse=False) for row in rows],
            )
            if snapshot is not None:
                self._connection.execute("insert into snapshots values (?, ?)", (rows[-1].id, snapshot))
                self._connection.execute(
                    "delete from snapshots where entry_id not in "
                    "(select entry_id from snapshots order by entry_id desc limit ?)",
                    (SNAPSHOTS_KEPT,),
                )

    def name(self, new: str) -> str:
        """Return the journal's name; `new` from now on if it has none."""
        with _translated(self.place):
            self._connection.execute("insert or ignore into meta values ('name', ?)", (new,))
        return self.named()

    # --- reading ---

    def named(self) -> str:
        """Return the journal's name; nothing before it has one."""
        return str(self._value("select coalesce(max(value), '') from meta where name = 'name'"))

    def rows(self, after: int = 0) -> Iterator[Row]:
        """Read every row with a higher number, in order, however many there are."""
        while True:
            found = self._rows("select * from entries where id > ? order by id limit ?", after, READ_AT_ONCE)
            yield from found
            if len(found) < READ_AT_ONCE:
                return
            after = found[-1].id

    def last_rows(self, count: int, *, kind: str | None = None, name: str | None = None) -> list[Row]:
        """Read the newest rows, of a kind or about an order, in order."""
        found = self._rows(
            "select * from entries where kind = coalesce(?, kind) and name = coalesce(?, name) "
            "order by id desc limit ?",
            kind,
            name,
            count,
        )
        return found[::-1]

    def snapshots(self) -> list[tuple[int, str]]:
        """Read what the rows up to some came to, newest first."""
        with _translated(self.place):
            found = self._connection.execute("select entry_id, body from snapshots order by entry_id desc").fetchall()
        return [(row_id, body) for row_id, body in found]

    def count(self) -> int:
        return int(self._value("select count(*) from entries"))

    def damage(self) -> str | None:
        """Return what SQLite finds wrong with the file, or `None`."""
        found = str(self._value("pragma integrity_check(1)"))
        return None if found == "ok" else found

    # --- how much room there is, in memory ---

    def fill(self) -> None:
        """Leave no room for another page."""
        pages = int(self._value("pragma page_count"))
        self._connection.execute(f"pragma max_page_count = {pages}")

    def free(self) -> None:
        """Make room again."""
        self._connection.execute("pragma max_page_count = 1073741823")

    def _rows(self, query: str, *values: object) -> list[Row]:
        with _translated(self.place):
            found = self._connection.execute(query, values).fetchall()
        for each in found:
            if tuple(map(type, each)) != COLUMNS:
                raise StoreDamaged(f"{self.place}: row {each[0]} holds what was never written; {RESTORE}")
        return [Row(*each) for each in found]

    def _value(self, query: str) -> int | str:
        with _translated(self.place):
            found: int | str = self._connection.execute(query).fetchone()[0]
        return found


def migrate(connection: sqlite3.Connection, place: str, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring a database to the newest schema, one version at a time. Raises `StoreFailed` for one that is not ours."""
    for version in range(_version(connection, place, len(migrations)), len(migrations)):
        with _transaction(connection):
            for statement in migrations[version]:
                connection.execute(statement)
            connection.execute(f"pragma application_id = {OURS}")
            connection.execute(f"pragma user_version = {version + 1}")


def _text(stored: bytes) -> str:
    """Return a text as it stands in the file, also where it is damaged."""
    return stored.decode(errors="backslashreplace")


def _reader(path: Path, how: str) -> sqlite3.Connection:
    with ExitStack() as unless_opened:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=PATIENCE_S)
        unless_opened.callback(connection.close)
        connection.text_factory = _text
        if _version(connection, str(path), len(MIGRATIONS)) < len(MIGRATIONS):
            if path.stat().st_size == 0:
                raise StoreDamaged(f"{path}: it is empty; {RESTORE}")
            raise StoreFailed(f"{path}: an older version wrote it; start the bot once, which brings it up")
        unless_opened.pop_all()
    return connection


def _is_logged(path: Path) -> bool:
    """Say whether something that belongs to the file is still beside it."""
    beside = [Path(f"{path.resolve()}{suffix}") for suffix in ("-wal", "-journal")]
    return any(each.exists() and each.stat().st_size for each in beside)


def _version(connection: sqlite3.Connection, place: str, newest: int) -> int:
    version = int(connection.execute("pragma user_version").fetchone()[0])
    tables = connection.execute("select count(*) from sqlite_master").fetchone()[0]
    ours = connection.execute("pragma application_id").fetchone()[0] == OURS
    if not ours and (tables or version):
        raise StoreFailed(f"{place}: another program's database; name another directory")
    if version > newest:
        raise StoreFailed(f"{place}: schema {version}, and this version knows {newest}: a newer one is needed")
    return version


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    finally:
        if connection.in_transaction:
            connection.execute("rollback")


@contextmanager
def _translated(place: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = _code(error)
        remedy = REMEDIES.get(code, "run `overround journal verify`")
        failed = StoreDamaged if code in DAMAGE else StoreFailed
        raise failed(f"{place}: {error}; {remedy}") from error
    except UnicodeDecodeError as error:  # what SQLite says of damage may quote it
        raise StoreDamaged(f"{place}: {error}; {RESTORE}") from error


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF  # the rest of it says in which of its parts
