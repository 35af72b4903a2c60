"""An embedded exchange in a process of its own, which outlives the bot's."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

import attrs

from actors.decisions.entry_text import EntryUnreadable, read, written
from actors.io.private_file import OWNER_ONLY, read_private, write_private

NOTE_NAME, LOG_NAME = "exchange.json", "exchange.log"
START_S = 20.0
CONNECT_S = 2.0
END_S = 5.0


class ExchangeUnusable(Exception):
    """There is no exchange to trade on. The text says where, why and what to do."""


@attrs.frozen(kw_only=True)
class ExchangeProcess:
    """A process that serves one exchange or several, as the note in its directory names it.

    It has a session of its own, so that what a terminal sends to the bot does not end it.
    """

    pid: int
    arguments: tuple[str, ...]  # of the command that it runs
    addresses: Mapping[str, Mapping[str, str]] = attrs.field(repr=False)  # of each venue, and who to be there

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        try:
            self._connect().close()
        except OSError:
            return False
        return True

    def end(self, directory: Path) -> None:
        """Ask it to end, wait until it has let go of its connections, and forget it. Bounded."""
        with suppress(OSError), self._connect() as line:
            os.kill(self.pid, signal.SIGTERM)
            line.settimeout(END_S)
            line.recv(1)
        (directory / NOTE_NAME).unlink(missing_ok=True)

    def _connect(self) -> socket.socket:
        at = urlsplit(next(iter(self.addresses.values()))["rest_url"])
        return socket.create_connection((at.hostname, at.port), CONNECT_S)


def open_exchange(directory: Path, venues: Sequence[str], arguments: Sequence[str], *, traded: bool) -> ExchangeProcess:
    """Go on with the exchange that is alive in a directory, or start one there. Raises `ExchangeUnusable`.

    `traded` is whether orders or money on an exchange are remembered there: another one knows nothing of them.
    """
    found = _noted(directory / NOTE_NAME)
    if found is not None and found.answers():
        if found.arguments != tuple(arguments):
            raise ExchangeUnusable(
                f"{directory}: process {found.pid} serves another exchange here ({shlex.join(found.arguments)}); "
                "trade with the same options, or name another directory"
            )
        return found
    if traded:
        raise ExchangeUnusable(
            f"{directory}: the journal is about an exchange that has ended, with every order and all money; "
            "remove the directory, or name another one"
        )
    try:
        return _start(directory, venues, tuple(arguments))
    except OSError as error:
        raise ExchangeUnusable(f"{directory}: {error.strerror}; name another directory") from error
    except EntryUnreadable as error:
        said = directory / LOG_NAME
        raise ExchangeUnusable(f"the exchange did not start within {START_S:g} s; {said} says why") from error


def _noted(path: Path) -> ExchangeProcess | None:
    try:
        return read(read_private(path).decode(), ExchangeProcess)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ExchangeUnusable(f"{path}: {error.strerror or error}; remove it") from error
    except (UnicodeDecodeError, EntryUnreadable) as error:
        raise ExchangeUnusable(f"{path}: not what was noted here; remove it") from error


def _start(directory: Path, venues: Sequence[str], arguments: tuple[str, ...]) -> ExchangeProcess:
    with open(os.open(directory / LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "actors", "exchange", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            text=True,
        )
    try:
        addresses = _told(_first_line(child), venues)
        process = ExchangeProcess(pid=child.pid, arguments=arguments, addresses=addresses)
        write_private(directory / NOTE_NAME, written(process).encode())
    except (OSError, EntryUnreadable):
        child.kill()
        child.wait()
        raise
    child.returncode = 0  # nobody waits for it: it goes on without us
    return process


def _first_line(child: "subprocess.Popen[str]") -> str:
    """Return the first line of what it says, or what there is of it when it takes too long."""
    assert child.stdout is not None, "it is a pipe"
    too_late = Timer(START_S, child.kill)
    too_late.start()
    try:
        with child.stdout as out:
            return out.readline()
    finally:
        too_late.cancel()


def _told(line: str, venues: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    return read(line, dict[str, dict[str, str]]) if len(venues) > 1 else {venues[0]: read(line, dict[str, str])}
