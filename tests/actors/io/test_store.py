import sqlite3
from contextlib import closing
from random import Random

import pytest

from actors.entries import (
    AccountOpened,
    CancelSent,
    Entry,
    Latch,
    Latched,
    LimitBreached,
    OrderIntended,
    OrderMoved,
    RunEnded,
    RunStarted,
)
from actors.io.store import FILE_NAME, SNAPSHOT_EVERY, JournalUnusable, Stamped, Store, Work
from actors.io.tables import Tables
from protocol.belief import Source
from protocol.commands import CancelAll, CancelOrder, PlaceOrder
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, VenueName, VenueOrderId
from protocol.odds import Odds
from protocol.order import Order

VENUE = VenueName("venue")
PLACING = PlaceOrder(
    client_order_id=ClientOrderId("x-1"),
    key=BookKey(EventId(1), MarketId(219)),
    selection_id=SelectionId("home"),
    price=Odds(110),
    size=1_000,
)
BREACH = LimitBreached(worst_cents=2, limit_cents=1)


def stamped(*entries: Entry) -> list[Stamped]:
    return [Stamped(entry, 1_000 + number) for number, entry in enumerate(entries)]


@pytest.fixture
def open_store(tmp_path):
    opened = []

    def open_store() -> Store:
        opened.append(Store.open_directory(tmp_path / "data", Random(1)))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


def test_a_process_knows_what_those_before_it_wrote(open_store):
    first = open_store()
    assert (first.run, first.recalled.run) == (1, 0)
    intent = OrderIntended(venue=VENUE, strategy="maker", order=PLACING, at_ns=5)
    first.append(stamped(RunStarted(run=1, version="1"), intent))
    first.append(stamped(Latched(latch=Latch.HALT, reason="why")))
    first.close()

    second = open_store()

    assert (second.run, second.name) == (2, first.name)
    assert second.recalled.latches == {Latch.HALT: "why"}
    assert [each.order for each in second.recalled.orders.values()] == [Order.placed(PLACING)]


def test_what_was_recalled_does_not_change_with_what_is_written(open_store):
    store = open_store()

    store.append(stamped(RunStarted(run=1, version="1"), Latched(latch=Latch.HALT, reason="why")))

    assert (store.recalled.run, store.recalled.latches) == (0, {})


def test_a_name_serves_as_the_beginning_of_client_order_ids(open_store):
    store = open_store()

    assert len(store.name) == 6
    assert store.name.isascii()
    assert store.name.isalnum()


def test_rows_say_which_run_venue_and_order_they_are_about(open_store):
    store = open_store()
    cancel = CancelOrder(client_order_id=ClientOrderId("x-1"), venue_order_id=VenueOrderId("v"))
    store.append(
        stamped(
            RunStarted(run=1, version="1"),
            OrderIntended(venue=VENUE, strategy="maker", order=PLACING, at_ns=5),
            OrderMoved(venue=VENUE, strategy="maker", order=Order.placed(PLACING), source=Source.RECKONED, as_of_ns=0),
            CancelSent(venue=VENUE, command=cancel),
            CancelSent(venue=VENUE, command=CancelAll()),
            AccountOpened(venue=VENUE, account="mine", money_micro=1),
            RunEnded(run=1, flat=True),
        )
    )

    assert [(row.id, row.run, row.wall_ns, row.kind, row.venue, row.name) for row in store.tables.rows()] == [
        (1, 1, 1_000, "RunStarted", "", ""),
        (2, 1, 1_001, "OrderIntended", "venue", "x-1"),
        (3, 1, 1_002, "OrderMoved", "venue", "x-1"),
        (4, 1, 1_003, "CancelSent", "venue", "x-1"),
        (5, 1, 1_004, "CancelSent", "venue", ""),
        (6, 1, 1_005, "AccountOpened", "venue", ""),
        (7, 1, 1_006, "RunEnded", "", ""),
    ]


def test_a_name_that_is_no_text_of_any_language_is_written_all_the_same(open_store):
    store = open_store()
    order = Order.placed(PLACING)
    strange = Order(
        client_order_id=ClientOrderId("venue:\ud800"),
        key=order.key,
        selection_id=order.selection_id,
        price=order.price,
        size=1,
    )

    store.append(stamped(OrderMoved(venue=VENUE, strategy="", order=strange, source=Source.PUSH, as_of_ns=0)))

    assert [row.name for row in store.tables.rows()] == ["venue:\\ud800"]


def test_the_chain_of_sums_goes_on_from_process_to_process(open_store):
    for _ in range(2):
        store = open_store()
        store.append(stamped(BREACH, BREACH))
        rows = list(store.tables.rows())
        store.close()

    assert [row.id for row in rows] == [1, 2, 3, 4]
    assert rows[2] == rows[2].chained(rows[1].sum)


def test_a_snapshot_comes_with_so_many_entries_and_spares_reading_them(open_store, tmp_path):
    store = open_store()
    store.append(stamped(Latched(latch=Latch.HALT, reason="why")))
    store.append(stamped(*[BREACH] * (SNAPSHOT_EVERY - 2)))
    assert store.tables.snapshots() == []
    store.append(stamped(BREACH, BREACH))
    store.close()
    with closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as connection:
        connection.execute("update entries set body = 'unreadable'")
        connection.commit()

    reopened = open_store()

    assert [row_id for row_id, _ in reopened.tables.snapshots()] == [SNAPSHOT_EVERY + 1]
    assert reopened.recalled.latches == {Latch.HALT: "why"}


def test_a_snapshot_that_cannot_be_read_is_done_without(open_store, tmp_path):
    store = open_store()
    store.append(stamped(Latched(latch=Latch.HALT, reason="why"), *[BREACH] * SNAPSHOT_EVERY))
    store.close()
    with closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as connection:
        connection.execute("update snapshots set body = '{}'")
        connection.commit()

    assert open_store().recalled.latches == {Latch.HALT: "why"}


def test_an_entry_that_cannot_be_read_stops_the_opening(open_store, tmp_path):
    store = open_store()
    store.append(stamped(BREACH, BREACH))
    store.close()
    with closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as connection:
        connection.execute("update entries set kind = 'Foretold' where id = 2")
        connection.commit()

    for _ in range(2):
        with pytest.raises(
            JournalUnusable, match=r"journal.db: row 2: Foretold is not a kind .* that this version knows"
        ):
            open_store()


def test_two_processes_never_have_one_journal(open_store):
    store = open_store()

    with pytest.raises(JournalUnusable, match="is at work here"):
        open_store()
    store.close()
    assert open_store().run == 1


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")

    with pytest.raises(JournalUnusable, match="data: File exists; name another directory"):
        Store.open_directory(tmp_path / "data", Random(1))


def test_another_programs_file_is_left_alone_and_nothing_stays_locked(open_store, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE_NAME).write_bytes(b"not a database" * 99)

    for _ in range(2):
        with pytest.raises(JournalUnusable, match="not a database"):
            open_store()


def test_a_disk_that_a_thread_still_writes_on_is_not_let_go():
    let_go = []
    tables = Tables.in_memory()

    async def carry(_: Work) -> None:
        raise AssertionError("nothing is committed here")

    store = Store.on(tables, Random(1), carry=carry, let_go=lambda: let_go.append(True))
    tables._connection.set_progress_handler(store.close, 1)  # as if the loop had given the thread up
    store.append(stamped(BREACH))
    tables._connection.set_progress_handler(None, 1)
    assert let_go == []

    store.close()
    assert let_go == [True]
    tables.close()


async def test_a_commit_to_a_file_is_made_beside_the_loop(open_store):
    store = open_store()

    await store.commit(stamped(RunStarted(run=1, version="1"), BREACH))
    store.close()

    assert open_store().recalled.run == 1
