"""A file that never holds up the bot that writes to it."""

import contextlib
import io
import os
import select
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LAST_S = 0.2  # for what still waits in the end, when there is no bot any more to hold up


@contextlib.contextmanager
def never_waiting(file: TextIO) -> Iterator[TextIO]:
    """Yield a file that writes where another one does: whole texts, and none while that one takes no more."""
    fd = _descriptor(file)
    if fd is None:
        yield file
        return
    with io.TextIOWrapper(_Sink(_opened(fd), "w"), file.encoding, file.errors, write_through=True) as sink:
        yield sink


class _Sink(io.FileIO):
    """Write what is taken at once, keep the rest of that text for later, and drop what comes meanwhile."""

    _rest = b""

    def write(self, text: "ReadableBuffer", /) -> int:
        whole = bytes(text)
        self._push(0)
        if not self._rest:
            self._rest = whole
            self._push(0)
        return len(whole)

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError):
                self._push(LAST_S)
        super().close()

    def _push(self, patience_s: float) -> None:
        while self._rest and select.select([], [self], [], patience_s)[1]:
            taken = super().write(self._rest[: select.PIPE_BUF])  # a pipe that is ready takes that much
            if not taken:  # a terminal can be ready for less than the end of a line
                return
            self._rest = self._rest[taken:]


def _descriptor(file: TextIO) -> int | None:
    if sys.platform == "win32":
        return None  # only sockets can be asked there whether they take more
    try:
        return file.fileno()
    except OSError:  # it is in memory
        return None


def _opened(fd: int) -> int:
    """Open a terminal anew: it can be ready and still wait, and how it does is otherwise shared with the shell."""
    if os.isatty(fd):
        with contextlib.suppress(OSError):  # somebody else's, as under `su`: then it is only asked whether it is ready
            return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    return os.dup(fd)
