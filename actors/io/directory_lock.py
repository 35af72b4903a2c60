"""One process at a time in a directory."""

import os
import sys
from io import FileIO
from pathlib import Path

import attrs

if sys.platform != "win32":
    import fcntl


class DirectoryTaken(Exception):
    """Another process is at work in the directory, or nothing can be locked there. The text says which and where."""


@attrs.frozen
class DirectoryLock:
    """The right to write in a directory, for as long as the process lives or until `release`."""

    _file: FileIO

    @classmethod
    def take(cls, directory: Path) -> "DirectoryLock":
        """Take it at once, or raise `DirectoryTaken`. The file `lock` then holds our process id."""
        path = directory / "lock"
        try:
            file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
        except OSError as error:
            raise DirectoryTaken(f"{path}: {error.strerror}") from error
        try:
            _lock(file)
        except BlockingIOError as error:
            holder = file.read(32).decode(errors="replace").strip()
            file.close()
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise DirectoryTaken(f"{directory}: {who} is at work here; stop it first, or name another one") from error
        except OSError as error:
            file.close()
            raise DirectoryTaken(f"{path}: cannot be locked: {error.strerror}; use a local disk") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        return cls(file)

    def release(self) -> None:
        """Let others take it. A second time changes nothing."""
        self._file.close()


def _lock(file: FileIO) -> None:
    if sys.platform == "win32":
        return  # two writers still cannot both go on: the second finds its row's number taken
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
