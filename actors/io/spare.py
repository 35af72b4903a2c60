"""A few bytes that are there before they are needed: a full disk still takes what overwrites them."""

import json
import os
from pathlib import Path
from typing import Protocol

import attrs
import structlog

from actors.entries import Latch
from actors.io.private_file import write_private

log = structlog.get_logger()

SIZE = 4096  # bytes: three latches with their reasons
REASON = 1_000  # characters that are kept of one, where they take a byte each
NAMES = {latch.value for latch in Latch}


class Spare(Protocol):
    """Where a latch goes that the journal can take no more."""

    def read(self) -> dict[Latch, str]:
        """Return what was kept, with the reasons."""

    def write(self, latches: dict[Latch, str]) -> None:
        """Keep these in place of those before."""


@attrs.define
class SpareFile:
    """The bytes in a file of its own. What cannot be read or written is told; the journal's failure stops the bot."""

    path: Path

    def __attrs_post_init__(self) -> None:
        try:
            if not self.path.exists() or self.path.stat().st_size != SIZE:
                write_private(self.path, _padded(read_spare(self.path)))
        except OSError as error:
            log.warning("spare_not_made", path=str(self.path), reason=error.strerror)

    def read(self) -> dict[Latch, str]:
        return read_spare(self.path)

    def write(self, latches: dict[Latch, str]) -> None:
        try:
            with self.path.open("r+b") as file:
                file.write(_padded(latches))
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            log.error("spare_not_written", path=str(self.path), reason=error.strerror)


@attrs.define
class SpareMemory:
    """The same in memory."""

    latches: dict[Latch, str] = attrs.field(factory=dict)

    def read(self) -> dict[Latch, str]:
        return dict(self.latches)

    def write(self, latches: dict[Latch, str]) -> None:
        self.latches = dict(latches)


def read_spare(path: Path) -> dict[Latch, str]:
    """Return what a file keeps, nothing if there is none. What cannot be read is told."""
    try:
        kept = json.loads(path.read_bytes())
        unknown = sorted(kept.keys() - NAMES)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        log.error("spare_not_read", path=str(path), reason=str(error))
        return {}
    if unknown:
        log.error("spare_not_known", path=str(path), latches=unknown)
    return {Latch(name): str(reason) for name, reason in kept.items() if name in NAMES}


def _padded(latches: dict[Latch, str]) -> bytes:
    """Return as many bytes as ever, with as much of each reason as fits in."""
    length = REASON
    while len(text := _text(latches, length)) > SIZE:
        length //= 2
    return text.ljust(SIZE)


def _text(latches: dict[Latch, str], length: int) -> bytes:
    return json.dumps({latch.value: reason[:length] for latch, reason in latches.items()}).encode()
