"""A small file that only its owner can read."""

import os
import stat
from contextlib import suppress
from pathlib import Path

OWNER_ONLY = 0o600
MAX_BYTES = 65_536


def read_private(path: Path) -> bytes:
    """Read a file. Raises `OSError`, also for one that others may read."""
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & ~OWNER_ONLY:
            raise PermissionError(
                0, f"others may read it (mode {mode:04o}, expected 0600): they may have what is in it"
            )
        return file.read(MAX_BYTES)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that is always whole, the old one or the new one. Raises `OSError`."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        _write(fresh, content)
        os.replace(fresh, path)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # what a process that died left may have another mode
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
