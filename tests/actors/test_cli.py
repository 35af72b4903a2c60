import json
import os
import re
import signal
import subprocess
from contextlib import closing
from pathlib import Path
from random import Random

import click
import pytest
from click.testing import CliRunner

from actors.cli import Interruptible, main
from actors.entries import AccountOpened
from actors.io.store import FILE_NAME, Stamped, Store, recall
from actors.io.tables import Tables
from protocol.events import OrderStatus
from protocol.ids import VenueName

KEYS = {
    "orders": {"sent", "opened", "denied", "rejected", "cancelled"},
    "fills": {"count", "stake_cents", "shares"},
    "sessions": {"started", "lost", "restart_ms_max"},
    "books": {"markets", "updates", "healed"},
    "events": {"unknown"},
    "risk": {"exposure_cents_max", "limit_cents", "breaches"},
    "audit": {"orders", "fills", "balance_cents", "books"},
}
CLEAN = {"orders": 0, "fills": 0, "balance_cents": 0, "books": 0}
LIMIT_S = 30


@pytest.fixture
def start(overround):
    """Start the command in a process of its own; it is gone at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*overround, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def write_config(tmp_path):
    def write_config(rest_url: str, *lines: str) -> str:
        path = tmp_path / "bot.toml"
        keys = ('access_key = "env:ACCESS"', 'secret_key = "env:SECRET"')
        data_dir = f'data_dir = "{tmp_path / "data"}"'
        path.write_text("\n".join((data_dir, "[venue.prophetx]", f'rest_url = "{rest_url}"', *keys, *lines)))
        return str(path)

    return write_config


@pytest.fixture
def invoke():
    def invoke(*arguments: str):
        return CliRunner().invoke(main, arguments)

    return invoke


def test_paper_trades_over_loopback_and_says_how_it_went(start):
    process = start("paper", "--seconds", "10", "--seed", "7", "--json")

    out, _ = process.communicate(timeout=LIMIT_S)

    summary = json.loads(out.splitlines()[-1])
    assert process.returncode == 0
    assert {key: set(summary[key]) for key in KEYS} == KEYS
    assert summary["flat_on_exit"] is True
    assert summary["audit"] == CLEAN
    assert summary["orders"]["opened"] > 0
    assert summary["books"]["markets"] == 21


def test_an_interrupt_stops_safely(start):
    process = start("paper", "--log-level", "info")
    while "session_ready" not in process.stderr.readline():
        assert process.poll() is None

    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=12)

    assert process.returncode == 0
    assert "flat: nothing of ours can still match" in out


def test_an_interrupt_before_there_is_a_bot_ends_without_a_traceback(start):
    process = start("paper", PYTHONPROFILEIMPORTTIME="1")
    while "actors.started" not in process.stderr.readline():
        assert process.poll() is None

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT_S)

    assert process.returncode == -signal.SIGINT
    assert out == ""
    assert "Traceback" not in err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BaseExceptionGroup("", [KeyboardInterrupt()])])
def test_an_interrupt_that_means_nothing_else_is_told_in_one_line(error):
    @click.command()
    def command() -> None:
        raise error

    result = CliRunner().invoke(Interruptible(commands={"command": command}), ["command"])

    assert (result.exit_code, result.output) == (130, "interrupted\n")


def all_rests(directory: Path) -> bool:
    """Tell whether a bot's journal has many orders, and all of them are open."""
    with closing(Tables.read_file(directory / FILE_NAME)) as tables:
        _, recollection = recall(tables)
    statuses = [each.order.status for each in recollection.orders.values()]
    return len(statuses) > 20 and set(statuses) == {OrderStatus.OPEN}


def test_a_bot_that_was_killed_goes_on_with_its_account_and_its_latches(start, invoke, tmp_path):
    data_dir = ("--data-dir", str(tmp_path))
    killed = start("paper", *data_dir, "--seconds", "20", "--seed", "7", "--log-level", "info")
    assert any("session_ready" in line for line in killed.stderr)
    while not all_rests(tmp_path):
        assert killed.poll() is None
    killed.kill()
    killed.wait()
    verified = invoke("journal", "verify", *data_dir)
    latched = invoke("journal", "latch", "halt", "--reason", "looked into", *data_dir)

    process = start("paper", *data_dir, "--seed", "7", "--json", "--log-level", "info")
    told = next(line for line in process.stderr if "no new order leaves: halt (looked into)" in line)
    assert any('"halted"' in line for line in process.stderr)  # the account is known by now, and an order was denied
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=LIMIT_S)

    summary = json.loads(out.splitlines()[-1])
    assert (verified.exit_code, latched.exit_code, process.returncode) == (0, 0, 0)
    assert (summary["audit"], summary["flat_on_exit"], summary["orders"]["sent"]) == (CLEAN, True, 0)
    assert summary["orders"]["cancelled"] > 0
    assert f"overround journal lift halt --data-dir {tmp_path} --reason" in told
    assert not (tmp_path / "exchange.json").exists()


def test_a_journal_whose_exchange_has_ended_is_not_traded_on(start, invoke, tmp_path):
    with closing(Store.open_directory(tmp_path, Random(1))) as store:
        store.append([Stamped(AccountOpened(venue=VenueName("venue"), account="x", money_micro=0), 0)])

    result = invoke("paper", "--data-dir", str(tmp_path))

    assert result.exit_code == 2
    assert "the journal is about an exchange that has ended" in result.output
    assert "remove the directory, or name another one" in result.output


def test_an_exchange_that_nobody_asks_for_anything_ends(start):
    exchange = start("exchange", "--idle-exit", "0.2")

    assert exchange.wait(timeout=LIMIT_S) == 0


@pytest.mark.parametrize("dialect", ["v4", "legacy"])
def test_run_trades_on_a_served_exchange(start, write_config, dialect):
    exchange = start("exchange", "--seed", "3")
    addresses = json.loads(exchange.stdout.readline())
    config = write_config(addresses["rest_url"], f'dialect = "{dialect}"', "tournaments = [31]")

    bot = start(
        "run",
        *("--config", config, "--json"),
        ACCESS=addresses["access_key"],
        SECRET=addresses["secret_key"],
    )
    told = next(line for line in bot.stderr if re.search("orders [1-9]", line))  # it has some that are live
    bot.send_signal(signal.SIGINT)
    out, err = bot.communicate(timeout=LIMIT_S)
    exchange.send_signal(signal.SIGTERM)

    summary = json.loads(out.splitlines()[-1])
    assert (bot.returncode, summary["flat_on_exit"], summary["audit"]) == (0, True, CLEAN), err
    assert summary["orders"]["opened"] > 0
    assert addresses["ws_url"].startswith("ws://127.0.0.1:")
    assert exchange.wait(timeout=10) == 0
    assert addresses["secret_key"] not in out + told + err


def test_a_venue_that_does_not_answer_is_no_clean_end(start, write_config):
    config = write_config("http://127.0.0.1:9")

    bot = start("run", "--config", config, "--seconds", "1", "--json", ACCESS="a", SECRET="b")
    out, _ = bot.communicate(timeout=12)

    summary = json.loads(out.splitlines()[-1])
    assert bot.returncode == 1
    assert summary["orders"]["sent"] == 0
    assert summary["flat_on_exit"] is False


def test_a_refused_key_pair_says_so_and_shows_no_secret(start, write_config):
    exchange = start("exchange")
    addresses = json.loads(exchange.stdout.readline())
    config = write_config(addresses["rest_url"])

    bot = start("run", "--config", config, "--seconds", "20", ACCESS="wrong-key", SECRET="wrong-secret")
    out, err = bot.communicate(timeout=12)

    assert bot.returncode == 1
    assert "prophetx refused the login" in err
    assert "wrong-" not in out + err


def test_a_production_host_is_refused_without_live(invoke, write_config):
    config = write_config("https://cash.api.prophetx.co/partner")

    result = invoke("run", "--config", config)

    assert result.exit_code == 2
    assert "is a production host" in result.output
    assert "--live" in result.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("run", "--config", "nowhere.toml"), "nowhere.toml: No such file"),
        (("run",), "Missing option '--config'"),
        (("paper", "--faults", "many"), "'many' is not one of"),
        (("paper", "--seconds", "0"), "0.0 is not in the range"),
        (("paper", "--seconds", "nan"), "'nan' is not a number"),
        (("exchange", "--seconds", "nan"), "'nan' is not a number"),
        (("exchange", "--idle-exit", "NaN"), "'NaN' is not a number"),
        (("paper", "--data-dir="), "'--data-dir': expected the name of a directory, got ''"),
        (("paper", "--catalogue", "nowhere.json"), "nowhere.json: No such file"),
        (("exchange", "--port", "70000"), "70000 is not in the range"),
        (("exchange", "--venue", "both", "--port", "65535"), "--port 65535: there is no port after it"),
        (("trade",), "No such command 'trade'"),
    ],
)
def test_a_wrong_word_is_misuse(invoke, arguments, text):
    result = invoke(*arguments)

    assert result.exit_code == 2
    assert text in result.output


def test_a_catalogue_that_is_none_is_named(invoke, tmp_path):
    path = tmp_path / "catalogue.json"
    path.write_text('{"data": 7}')

    result = invoke("exchange", "--catalogue", str(path), "--seconds", "1")

    assert result.exit_code == 2
    assert str(path) in result.output


def test_a_port_that_is_taken_is_named(start, invoke):
    address = json.loads(start("exchange").stdout.readline())["rest_url"]
    port = address.removesuffix("/partner").rpartition(":")[2]

    result = invoke("exchange", "--port", port, "--seconds", "1")

    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in result.output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_addresses_that_cannot_be_written_are_no_fault_of_the_port(overround):
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [*overround, "exchange"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False
        )

    assert (ran.returncode, ran.stderr) == (2, "Error: stdout: No space left on device\n")


def test_the_overview_has_every_command(invoke):
    result = invoke("--help")

    assert [name for name in main.commands if f"  overround {name} " not in result.output] == []


@pytest.mark.parametrize("name", ["run", "paper", "exchange", "simulate"])
def test_what_a_command_is_for_is_not_cut(invoke, name):
    told = next(line for line in invoke("--help").output.splitlines() if line.startswith(f"  {name} "))

    assert told.endswith(".")
    assert not told.endswith("...")


@pytest.mark.parametrize("command", [(), ("paper",), ("exchange",), ("run",), ("journal",), ("simulate",)])
def test_every_command_has_its_help(invoke, command):
    result = invoke(*command, "--help")

    assert result.exit_code == 0
    assert "Usage: " in result.output
