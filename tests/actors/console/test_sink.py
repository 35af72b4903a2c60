import io
import os

import pytest

from actors.console.sink import never_waiting

LONG = "".join(f"{n} {'x' * 100}\n" for n in range(3000))  # more than a pipe holds


def drained(reader: int) -> bytes:
    """Return what is in a pipe."""
    os.set_blocking(reader, False)
    parts = []
    try:
        while part := os.read(reader, 65_536):
            parts.append(part)
    except BlockingIOError:
        pass
    return b"".join(parts)


def test_what_is_written_is_there_at_once(pipe):
    reader, writer = pipe

    with never_waiting(writer) as sink:
        sink.write("one\n")
        sink.write("tw\u00f6 \udc80\n")

        assert drained(reader) == b"one\ntw\xc3\xb6 \\udc80\n"


def test_a_full_pipe_is_not_waited_for(full_pipe):
    reader, writer = full_pipe

    with never_waiting(writer) as sink:
        sink.write("kept\n")
        sink.write("dropped\n")
        drained(reader)
        sink.write("next\n")

        assert drained(reader) == b"kept\nnext\n"


def test_a_text_that_was_begun_is_ended_before_the_next_one(pipe):
    reader, writer = pipe

    with never_waiting(writer) as sink:
        sink.write(LONG)
        sink.write("dropped\n")
        seen = drained(reader)
        while not seen.endswith(b"next\n"):
            sink.write("next\n")
            seen += drained(reader)

    assert seen == LONG.encode() + b"next\n"


def test_what_waits_in_the_end_is_still_written(full_pipe):
    reader, writer = full_pipe

    with never_waiting(writer) as sink:
        sink.write("kept\n")
        drained(reader)

    assert drained(reader) == b"kept\n"


def test_a_pipe_that_stays_full_does_not_hold_up_the_end(full_pipe):
    _, writer = full_pipe

    with never_waiting(writer) as sink:
        sink.write("kept\n")

    assert sink.closed
    assert not writer.closed


def test_nobody_who_reads_is_an_error(pipe):
    reader, writer = pipe
    os.close(reader)

    with never_waiting(writer) as sink, pytest.raises(BrokenPipeError):
        sink.write("one\n")


def test_a_terminal_that_nobody_reads_is_not_waited_for(terminal):
    _, writer = terminal

    with never_waiting(writer) as sink:
        sink.write(LONG)

        assert sink.isatty()
    assert os.get_blocking(writer.fileno())  # it is shared with the shell


def test_a_terminal_that_went_away_is_an_error(terminal):
    reader, writer = terminal
    os.close(reader)

    with pytest.raises(OSError, match="Input/output error"), never_waiting(writer) as sink:
        sink.write("one\n")


def test_a_file_in_memory_is_written_as_it_is():
    file = io.StringIO()

    with never_waiting(file) as sink:
        assert sink is file
