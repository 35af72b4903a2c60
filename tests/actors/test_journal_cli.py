import csv
import json
import sqlite3
from contextlib import closing
from random import Random

import pytest
import structlog
from click.testing import CliRunner, Result

from actors.entries import (
    Entry,
    Latch,
    Latched,
    OrderIntended,
    OrderMoved,
    ResultBooked,
    RunEnded,
    RunStarted,
)
from actors.io.store import FILE_NAME, SPARE_NAME, Stamped, Store
from actors.journal_cli import journal
from protocol.belief import Source
from protocol.commands import PlaceOrder
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, VenueName
from protocol.odds import Odds
from protocol.order import Order

VENUE = VenueName("venue")
NOON_NS = 1_789_128_000 * 10**9  # 2026-09-11T12:00:00Z
PLACING = PlaceOrder(
    client_order_id=ClientOrderId("x-1"),
    key=BookKey(EventId(1), MarketId(219)),
    selection_id=SelectionId("home"),
    price=Odds(110),
    size=1_000,
)
DAY: tuple[Entry, ...] = (
    RunStarted(run=1, version="1.0"),
    OrderIntended(venue=VENUE, strategy="maker", order=PLACING, at_ns=NOON_NS),
    OrderMoved(venue=VENUE, strategy="maker", order=Order.placed(PLACING), source=Source.RECKONED, as_of_ns=0),
    ResultBooked(
        venue=VENUE, key=PLACING.key, net_micro=-5_000_000, total_micro=-5_000_000, day=1, day_micro=-5_000_000
    ),
    Latched(latch=Latch.DAILY_LOSS, reason="$5.00 lost"),
)


@pytest.fixture
def store(tmp_path):
    """The journal of a bot that runs, an hour between two entries."""
    opened = Store.open_directory(tmp_path, Random(1))
    opened.append([Stamped(entry, NOON_NS + hour * 3600 * 10**9) for hour, entry in enumerate(DAY)])
    yield opened
    opened.close()


@pytest.fixture
def run(tmp_path):
    def run(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(journal, [command, "--data-dir", str(tmp_path), *arguments])

    yield run
    structlog.reset_defaults()


def tampered(tmp_path, statement: str) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(statement)
        connection.commit()


# --- show ---


def test_show_says_how_things_stand_and_what_came_last(store, run, tmp_path):
    shown = run("show", "--last", "2")

    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        f"journal {store.name}  run 1 has not ended: it is under way, or was cut off",
        f"latched: daily-loss: $5.00 lost  (`overround journal lift daily-loss --data-dir {tmp_path} --reason ...`)",
        "settled today: $0.00  since the accounts were opened: -$5.00",
        "orders that can still match: 1",
        "  x-1  venue  maker  new  $10.00 at +110 on home of 1/219",
        "        4  2026-09-11T15:00:00.000Z  ResultBooked   venue  1/219 came to -$5.00; the day to -$5.00",
        "        5  2026-09-11T16:00:00.000Z  Latched        daily-loss: $5.00 lost",
    ]


def test_show_finds_the_entries_about_an_order_or_of_a_kind(store, run):
    about = run("show", "--order", "x-1").stdout.splitlines()[5:]
    of_a_kind = run("show", "--kind", "OrderMoved").stdout.splitlines()[5:]

    assert [line.split()[2] for line in about] == ["OrderIntended", "OrderMoved"]
    assert of_a_kind == about[1:]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--order", "x-2"), ["no entry about x-2"]),
        (("--order", "x-1", "--kind", "RunEnded"), ["no RunEnded about x-1"]),
        (("--kind", "RunEnded"), ["no RunEnded"]),
        (("--order", "x-2", "--last", "0"), []),
    ],
)
def test_show_says_that_it_found_nothing(store, run, arguments, words):
    shown = run("show", *arguments)

    assert (shown.exit_code, shown.stdout.splitlines()[5:]) == (0, words)


def test_show_sees_what_a_running_bot_adds(store, run):
    store.append([Stamped(RunEnded(run=1, flat=True), NOON_NS)])

    assert run("show", "--last", "0").stdout.startswith(f"journal {store.name}  run 1 has ended in order\n")


def test_show_tells_a_latch_that_the_journal_could_take_no_more(store, run, tmp_path):
    store.spare.write({Latch.HALT: "as planned"})

    assert [line for line in run("show").stdout.splitlines() if line.startswith("latched:")] == [
        f"latched: halt: as planned  (`overround journal lift halt --data-dir {tmp_path} --reason ...`)",
        f"latched: daily-loss: $5.00 lost  (`overround journal lift daily-loss --data-dir {tmp_path} --reason ...`)",
    ]


def test_a_warning_is_not_among_what_is_shown(store, run, tmp_path):
    shown = run("show").stdout
    (tmp_path / SPARE_NAME).write_text("no latches")

    warned = run("show")

    assert warned.stdout == shown
    assert json.loads(warned.stderr)["event"] == "spare_not_read"


def test_show_makes_no_file(store, run, tmp_path):
    (tmp_path / SPARE_NAME).unlink()

    shown = run("show")

    assert (shown.exit_code, shown.stdout.count("latched:")) == (0, 1)
    assert not (tmp_path / SPARE_NAME).exists()


def test_what_a_newer_version_wrote_is_shown_as_it_stands(store, run, tmp_path):
    tampered(tmp_path, """update entries set kind = 'Foretold', body = '{"rain":true}' where id = 5""")

    shown = run("show", "--last", "1")

    assert shown.exit_code == 1
    assert "row 5: Foretold is not a kind of entry that this version knows" in shown.stderr
    assert shown.stdout == '        5  2026-09-11T16:00:00.000Z  Foretold       {"rain":true}\n'


def test_what_is_left_of_a_damaged_file_is_shown(store, run, tmp_path):
    tampered(tmp_path, "update entries set body = cast(x'7bff7d' as text) where id = 4")

    shown = run("show", "--last", "2")

    assert shown.exit_code == 1
    assert "not readable as a whole" in shown.stderr
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["4", "5"]


@pytest.mark.parametrize("command", ["show", "export", "verify"])
def test_a_file_that_was_cut_short_is_not_whole(store, run, tmp_path, command):
    store.close()
    with (tmp_path / FILE_NAME).open("r+b") as file:
        file.truncate(5_000)

    asked = run(command)

    assert (asked.exit_code, asked.stdout) == (1, "")
    assert asked.stderr == (
        f"not whole: {tmp_path / FILE_NAME}: database disk image is malformed; "
        "restore a copy of its directory, or move it away\n"
    )


@pytest.mark.parametrize("command", ["show", "export", "verify"])
def test_a_table_that_is_gone_is_not_whole(store, run, tmp_path, command):
    tampered(tmp_path, "alter table entries rename to others")

    asked = run(command)

    assert asked.exit_code == 1
    assert f"not whole: {tmp_path / FILE_NAME}: no such table: entries" in asked.stderr


@pytest.mark.parametrize("command", ["show", "export", "verify"])
def test_a_row_of_other_types_is_not_whole(store, run, tmp_path, command):
    tampered(tmp_path, "update entries set wall_ns = 'noon' where id = 4")

    asked = run(command)

    assert asked.exit_code == 1
    assert "not whole: " in asked.stderr
    assert "row 4 holds what was never written; restore a copy" in asked.stderr


@pytest.mark.parametrize("command", ["show", "export", "verify"])
def test_a_directory_without_a_journal_is_wrong_usage(run, tmp_path, command):
    asked = run(command)

    assert asked.exit_code == 2
    assert asked.stderr == f"Error: {tmp_path / FILE_NAME}: there is no journal here; name its directory\n"
    assert list(tmp_path.iterdir()) == []


# --- export ---


def test_export_writes_one_json_object_for_each_entry(store, run):
    lines = [json.loads(line) for line in run("export").stdout.splitlines()]

    assert [line["kind"] for line in lines] == [type(entry).__name__ for entry in DAY]
    assert lines[4] == {
        "id": 5,
        "run": 1,
        "wall_ns": NOON_NS + 4 * 3600 * 10**9,
        "kind": "Latched",
        "venue": "",
        "name": "",
        "body": {"latch": "daily-loss", "reason": "$5.00 lost"},
        "sum": next(store.tables.rows(after=4)).sum,
    }


def test_export_writes_tables_for_other_programs(store, run):
    lines = list(csv.DictReader(run("export", "--format", "csv").stdout.splitlines()))

    assert [line["kind"] for line in lines] == [type(entry).__name__ for entry in DAY]
    assert json.loads(lines[4]["body"]) == {"latch": "daily-loss", "reason": "$5.00 lost"}


@pytest.mark.parametrize(("since", "count"), [("2026-09-11", 5), ("2026-09-11T15:00", 2), ("2026-09-12", 0)])
def test_export_begins_where_it_is_told(store, run, since, count):
    assert len(run("export", "--since", since).stdout.splitlines()) == count


def test_export_passes_damage_on_as_it_stands(store, run, tmp_path):
    tampered(tmp_path, "update entries set body = '{' where id = 5")

    assert json.loads(run("export").stdout.splitlines()[4])["body"] == "{"


# --- verify ---


def test_verify_counts_what_is_whole(store, run):
    verified = run("verify")

    assert (verified.exit_code, verified.stdout) == (0, "whole: entries 5, runs 1, snapshots that agree 0\n")


def test_verify_names_the_first_bad_row(store, run, tmp_path):
    tampered(tmp_path, "update entries set name = 'y' where id in (2, 4)")

    verified = run("verify")

    assert (verified.exit_code, verified.stdout) == (1, "")
    assert verified.stderr.startswith("not whole: row 2 or one before it was changed")


def test_verify_names_a_row_whose_text_is_none(store, run, tmp_path):
    tampered(tmp_path, "update entries set body = cast(x'7bff7d' as text) where id = 4")

    verified = run("verify")

    assert verified.exit_code == 1
    assert verified.stderr.startswith("not whole: row 4 or one before it was changed")


# --- lift ---


def test_a_latch_is_lifted_with_a_reason_that_is_kept(store, run, tmp_path):
    store.close()

    lifted = run("lift", "daily-loss", "--reason", "looked into")

    assert (lifted.exit_code, lifted.stdout) == (0, "lifted: daily-loss: $5.00 lost\n")
    reopened = Store.open_directory(tmp_path, Random(1))
    (last,) = reopened.tables.last_rows(1)
    reopened.close()
    assert (last.kind, json.loads(last.body)["reason"]) == ("Lifted", "looked into")
    assert reopened.recalled.latches == {}
    assert reopened.recalled.forgiven_micro == -5_000_000
    assert run("verify").exit_code == 0


def test_nothing_is_lifted_while_the_bot_runs(store, run):
    lifted = run("lift", "daily-loss", "--reason", "looked into")

    assert lifted.exit_code == 2
    assert "is at work here; stop it first" in lifted.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("kill", "--reason", "looked into"), "kill is not latched; latched: daily-loss"),
        (("daily-loss", "--reason", " "), "--reason: expected some words"),
        (("daily-loss",), "Missing option '--reason'"),
        (("door", "--reason", "looked into"), "'door' is not one of"),
    ],
)
def test_what_cannot_be_lifted_is_wrong_usage(store, run, arguments, words):
    store.close()

    lifted = run("lift", *arguments)

    assert lifted.exit_code == 2
    assert words in lifted.stderr
    assert run("show").stdout.count("Lifted") == 0


def test_no_journal_is_made_by_lifting(run, tmp_path):
    assert run("lift", "halt", "--reason", "looked into").exit_code == 2
    assert list(tmp_path.iterdir()) == []


# --- latch ---


def test_a_latch_holds_from_the_next_start_on(store, run, tmp_path):
    store.close()

    latched = run("latch", "halt", "--reason", "maintenance")

    assert (latched.exit_code, latched.stdout) == (0, "latched: halt: maintenance\n")
    with closing(Store.open_directory(tmp_path, Random(1))) as reopened:
        assert reopened.recalled.latches == {Latch.DAILY_LOSS: "$5.00 lost", Latch.HALT: "maintenance"}
    assert run("verify").exit_code == 0


def test_nothing_is_latched_while_the_bot_runs(store, run):
    latched = run("latch", "halt", "--reason", "maintenance")

    assert latched.exit_code == 2
    assert "is at work here; stop it first" in latched.stderr


def test_the_first_reason_of_a_latch_stays(store, run):
    store.close()
    run("latch", "kill", "--reason", "maintenance")

    latched = run("latch", "kill", "--reason", "something else")

    assert latched.exit_code == 2
    assert "kill is latched already: maintenance" in latched.stderr
    assert run("show").stdout.count("Latched") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("halt", "--reason", " "), "--reason: expected some words"),
        (("halt",), "Missing option '--reason'"),
        (("daily-loss", "--reason", "maintenance"), "'daily-loss' is not one of"),
    ],
)
def test_what_cannot_be_latched_is_wrong_usage(store, run, arguments, words):
    store.close()

    latched = run("latch", *arguments)

    assert latched.exit_code == 2
    assert words in latched.stderr
