"""What can be heard of a run: all that goes over the wire and onto the disk, and what is logged."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import structlog
import trio

from actors.console.logs import LEVELS


@attrs.define(kw_only=True)
class Recording:
    """Hash what happens, count what is logged by its name, and see that nothing is said that nobody may read.

    Details for debugging are not counted. What is logged goes on to the processors of `log`, with the virtual time.
    """

    log: tuple[structlog.typing.Processor, ...] = ()
    secrets: set[str] = attrs.field(factory=set)
    reached: Counter[str] = attrs.field(factory=Counter)
    violate: Callable[[str, str], None] = lambda rule, text: None
    _digest: "hashlib._Hash" = attrs.field(factory=hashlib.sha256)

    @property
    def trace(self) -> str:
        """Return the hash of all that was noted."""
        return self._digest.hexdigest()

    def note(self, kind: str, data: bytes = b"") -> None:
        """Add what happens now to the hash."""
        self._digest.update(f"{trio.current_time():.6f} {kind} {len(data)} ".encode())
        self._digest.update(data)

    def look_for_secrets(self, where: str, text: str) -> None:
        if any(secret in text for secret in self.secrets):
            self.violate("secret", f"{where} tells a secret")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear what is logged meanwhile."""
        before = structlog.get_config()
        structlog.configure(
            processors=[self._logged, *self.log],
            wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
            cache_logger_on_first_use=False,
        )
        try:
            yield
        finally:
            structlog.configure(**before)

    def _logged(self, _logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if method != "debug":
            self.reached[str(event["event"])] += 1
        self.look_for_secrets(str(event["event"]), repr(event))
        if not self.log:
            raise structlog.DropEvent
        return {"at_s": round(trio.current_time(), 3), **event}


def from_level(name: str) -> structlog.typing.Processor:
    """Let events of a level and above through."""

    def passed(_logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if LEVELS[method] < LEVELS[name]:
            raise structlog.DropEvent
        return event

    return passed
