"""Where log events go."""

import contextlib
import logging
import sys
from collections import deque

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
SHOWN = 6  # the latest events, beside a live status


class Lines:
    """Write log lines to stderr. A sink that takes no more never stops the bot: it has orders to cancel."""

    def msg(self, message: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()

    log = debug = info = warn = warning = error = critical = exception = msg


class RecentLines:
    """Keep the latest log lines, for a terminal whose screen is drawn anew all the time."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=SHOWN)

    def msg(self, message: str) -> None:
        self.lines.append(message)

    log = debug = info = warn = warning = error = critical = exception = msg


def configure_logs(level: str, recent: RecentLines | None = None) -> None:
    """Send events of a level and above to stderr: as JSON when it is not a terminal, or to `recent` when given."""
    human = recent is not None or sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0) if human else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if human else "iso", utc=not human),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: Lines() if recent is None else recent,
        cache_logger_on_first_use=False,
    )
