import socket
from pathlib import Path

import pytest

from actors.decisions.entry_text import written
from actors.exchange_process import LOG_NAME, NOTE_NAME, ExchangeProcess, ExchangeUnusable, open_exchange

VENUE = "prophetx"
ARGUMENTS = ("--venue", VENUE, "--seed", "7")


@pytest.fixture
def port():
    """A port that takes connections, until the end of the test."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def note(directory: Path, port: int) -> ExchangeProcess:
    """Leave the note of an exchange that listens at a port."""
    addresses = {"rest_url": f"http://127.0.0.1:{port}/partner", "secret_key": "s3cret"}
    process = ExchangeProcess(pid=2**22 + 1, arguments=ARGUMENTS, addresses={VENUE: addresses})
    path = directory / NOTE_NAME
    path.write_text(written(process))
    path.chmod(0o600)
    return process


def test_an_exchange_that_is_alive_is_gone_on_with(tmp_path, port):
    noted = note(tmp_path, port)

    assert open_exchange(tmp_path, [VENUE], ARGUMENTS, traded=True) == noted


def test_another_exchange_than_the_one_that_is_alive_is_refused(tmp_path, port):
    noted = note(tmp_path, port)

    with pytest.raises(ExchangeUnusable) as refused:
        open_exchange(tmp_path, [VENUE], ["--venue", VENUE, "--seed", "8"], traded=True)

    assert str(refused.value) == (
        f"{tmp_path}: process {noted.pid} serves another exchange here (--venue prophetx --seed 7); "
        "trade with the same options, or name another directory"
    )


def test_orders_on_an_exchange_that_has_ended_are_not_traded_on_with(tmp_path, closed_port):
    note(tmp_path, closed_port)

    with pytest.raises(ExchangeUnusable, match=r"an exchange that has ended.*remove the directory"):
        open_exchange(tmp_path, [VENUE], ARGUMENTS, traded=True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid":"7","arguments":[],"addresses":{}}', "[" * 10_000])
def test_a_note_that_makes_no_sense_is_named(tmp_path, text):
    (tmp_path / NOTE_NAME).write_text(text)
    (tmp_path / NOTE_NAME).chmod(0o600)

    with pytest.raises(ExchangeUnusable, match=r"exchange\.json: not what was noted here; remove it"):
        open_exchange(tmp_path, [VENUE], ARGUMENTS, traded=False)


def test_a_note_that_others_may_read_is_refused(tmp_path, port):
    note(tmp_path, port)
    (tmp_path / NOTE_NAME).chmod(0o644)

    with pytest.raises(ExchangeUnusable, match="mode 0644, expected 0600"):
        open_exchange(tmp_path, [VENUE], ARGUMENTS, traded=True)


def test_an_exchange_that_does_not_start_says_where_to_look(tmp_path):
    with pytest.raises(ExchangeUnusable, match=LOG_NAME):
        open_exchange(tmp_path, [VENUE], ["--venue", "nowhere"], traded=False)

    assert "'nowhere' is not one of" in (tmp_path / LOG_NAME).read_text()
    assert not (tmp_path / NOTE_NAME).exists()


def test_an_exchange_is_started_noted_and_ended(tmp_path):
    started = open_exchange(tmp_path, [VENUE], ARGUMENTS, traded=False)
    again = open_exchange(tmp_path, [VENUE], ARGUMENTS, traded=True)
    mode = (tmp_path / NOTE_NAME).stat().st_mode & 0o777

    again.end(tmp_path)

    assert again == started
    assert (mode, (tmp_path / NOTE_NAME).exists(), started.answers()) == (0o600, False, False)
    assert started.addresses[VENUE]["secret_key"] not in repr(started)
