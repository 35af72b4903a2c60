import contextlib
import os
import subprocess
import sys

import pytest
import structlog

from actors.console.summary import Summary
from actors.decisions.audit import Audit
from actors.running import Running
from actors.tally import Tally

ASKING = """
import signal
signal.signal(signal.SIGHUP, signal.{handler})
from actors.running import STOP_SIGNALS
print(*(each.name for each in STOP_SIGNALS))
"""
SUMMARY = Summary(tally=Tally(), limit_cents=1, audit=Audit(), flat_on_exit=True)


@pytest.fixture
def running():
    yield Running(seconds=None, as_json=True, log_level="info", title="")
    structlog.reset_defaults()


def test_a_stderr_that_nobody_reads_does_not_hold_up_the_bot(running):
    reader, writer = os.pipe()

    async def trade() -> Summary:
        for number in range(2000):  # more than a pipe holds
            structlog.get_logger().warning("told", number=number)
        return SUMMARY

    with open(writer, "w") as unread, contextlib.redirect_stderr(unread):
        summary = running.until_stopped(trade, lambda: None, lambda: None)

    os.close(reader)
    assert summary is SUMMARY


@pytest.mark.parametrize(("handler", "stops"), [("SIG_DFL", "SIGINT SIGTERM SIGHUP"), ("SIG_IGN", "SIGINT SIGTERM")])
def test_a_terminal_that_goes_away_stops_the_bot_unless_it_was_started_to_go_on(root, handler, stops):
    asking = [sys.executable, "-c", ASKING.format(handler=handler)]

    told = subprocess.run(asking, cwd=root, capture_output=True, text=True, check=True).stdout

    assert told == f"{stops}\n"
