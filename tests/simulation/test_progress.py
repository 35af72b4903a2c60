import io

from rich.console import Console

from actors.simulation.progress import LINE_EVERY_S, progress


def test_without_a_terminal_there_is_a_line_from_time_to_time():
    written = io.StringIO()
    times = iter([0.0, 1.0, LINE_EVERY_S, LINE_EVERY_S, LINE_EVERY_S + 1])

    with progress(Console(file=written), 4, lambda: next(times)) as advance:
        advance("slow")
        advance("slow [1]")
        advance("slow")

    assert written.getvalue() == "2/4  slow [1]\n"


def test_a_terminal_gets_a_bar():
    written = io.StringIO()

    with progress(Console(file=written, force_terminal=True, width=80), 4, lambda: 0.0) as advance:
        advance("fast")

    assert "1/4" in written.getvalue()
    assert "fast" in written.getvalue()
