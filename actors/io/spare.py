"""A few bytes that are there before they are needed: a full disk still takes what overwrites them."""

import json
import os
from pathlib import Path
from typing import Protocol

import attrs
import structlog

from actors.entries import Latch

log = structlog.get_logger()

SIZE = 4096  # bytes: three latches with their reasons
REASON = 1_000  # characters that are kept of one


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
            if not self.path.exists():
                self.path.write_bytes(_padded({}))
        except OSError as error:
            log.warning("spare_not_made", path=str(self.path), reason=error.strerror)

    def read(self) -> dict[Latch, str]:
        try:
            kept = json.loads(self.path.read_bytes())
            return {Latch(name): str(reason) for name, reason in kept.items()}
        except (OSError, ValueError, AttributeError) as error:
            log.error("spare_not_read", path=str(self.path), reason=str(error))
            return {}

    def write(self, latches: dict[Latch, str]) -> None:
        try:
            with self.path.open("r+b") as file:
                file.write(_padded(latches))
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


def _padded(latches: dict[Latch, str]) -> bytes:
    text = json.dumps({latch.value: reason[:REASON] for latch, reason in latches.items()})
    return text.encode().ljust(SIZE)
