"""When the process began."""

import time

# What ran before this line is almost all of it processor time.
PROCESS_STARTED_S = time.monotonic() - time.process_time()


def left_s(seconds: float) -> float:
    """Return how much is left of so many seconds from the start of the process."""
    return max(seconds - (time.monotonic() - PROCESS_STARTED_S), 0.0)
