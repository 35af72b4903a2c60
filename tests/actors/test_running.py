import subprocess
import sys

import pytest

ASKING = """
import signal
signal.signal(signal.SIGHUP, signal.{handler})
from actors.running import STOP_SIGNALS
print(*(each.name for each in STOP_SIGNALS))
"""


@pytest.mark.parametrize(("handler", "stops"), [("SIG_DFL", "SIGINT SIGTERM SIGHUP"), ("SIG_IGN", "SIGINT SIGTERM")])
def test_a_terminal_that_goes_away_stops_the_bot_unless_it_was_started_to_go_on(root, handler, stops):
    asking = [sys.executable, "-c", ASKING.format(handler=handler)]

    told = subprocess.run(asking, cwd=root, capture_output=True, text=True, check=True).stdout

    assert told == f"{stops}\n"
