"""Whether what the bot's mailboxes hold is bounded, and taken."""

import math
from collections.abc import Iterable, Iterator

import attrs

from actors.bot import Bot
from actors.mailbox import Mailbox

BELLS = 8  # a mailbox that is no larger may be full: what waits there says it all
HOUSE = "actors."


def overfull(mailboxes: Iterable[Mailbox[object]]) -> str | None:
    """Say which mailbox has no size, or is more than half full; `None` where none is."""
    for mailbox in mailboxes:
        if mailbox.size == math.inf:
            return f"{mailbox.name} has no size"
        if len(mailbox) > max(mailbox.size / 2, BELLS):
            return f"{len(mailbox)} messages wait for {mailbox.name}, {mailbox.size} are the most"
    return None


def mailboxes_of(bot: Bot) -> Iterator[Mailbox[object]]:
    """Return the mailboxes of what a bot is made of. Those of single markets are not among them."""
    waiting: list[object] = [bot, *bot.seats.values()]
    seen = set(map(id, waiting))
    while waiting:
        owner = waiting.pop()
        for name in _names(type(owner)):
            part: object = getattr(owner, name, None)  # what is not up yet is not there
            if id(part) in seen or not type(part).__module__.startswith(HOUSE):
                continue
            seen.add(id(part))
            if isinstance(part, Mailbox):
                yield part
            else:
                waiting.append(part)


def _names(kind: type) -> list[str]:
    return [field.name for field in attrs.fields(kind)] if attrs.has(kind) else []
