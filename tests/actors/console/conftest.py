import contextlib
import os
from collections.abc import Iterator
from typing import TextIO

import pytest

Ends = tuple[int, TextIO]
"""What is read from, and what is written to."""


@pytest.fixture
def pipe() -> Iterator[Ends]:
    yield from _open(*os.pipe())


@pytest.fixture
def full_pipe(pipe: Ends) -> Ends:
    _, writer = pipe
    os.set_blocking(writer.fileno(), False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer.fileno(), b"." * 4096)
    os.set_blocking(writer.fileno(), True)
    return pipe


@pytest.fixture
def terminal() -> Iterator[Ends]:
    yield from _open(*os.openpty())


def _open(reader: int, writer: int) -> Iterator[Ends]:
    with open(writer, "w", encoding="utf-8", errors="backslashreplace") as file:
        yield reader, file
    with contextlib.suppress(OSError):  # a test may have closed it
        os.close(reader)
