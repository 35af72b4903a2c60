"""How soon the bot promises to know what is true, by what a venue offers and what goes wrong there."""

from collections.abc import Iterable

from actors.exchange.faults import Fault, Rule
from protocol.venue import Query, Traits

HEARD_S = 200.0  # to notice that a socket is deaf, and to read what it did not tell
HEALED_S = 120.0  # the same, of a book


def book_healed_s(traits: Traits, rules: Iterable[Rule]) -> float:
    """Return how long a book may be wrong: a change that was pushed and got lost waits for the schedule."""
    scheduled = not traits.orders_pushed or _drops(rules) - {"order"}
    return HEALED_S + (traits.polls[Query.BOOKS].every_s if scheduled else 0.0)


def order_heard_s(traits: Traits, rules: Iterable[Rule]) -> float:
    """Return how long news of an order may take: what was pushed and got lost waits for the schedule."""
    schedule_s = traits.polls[Query.ORDERS].every_s
    if not traits.orders_pushed:
        return HEARD_S + schedule_s + traits.absence_after_s
    return HEARD_S + (schedule_s if _drops(rules) else 0.0)


def socket_silent_s(traits: Traits) -> float:
    """Return how long a socket may be silent and still be believed: with health checks, or with pings of ours."""
    return 30.0 if traits.orders_named else 90.0


def _drops(rules: Iterable[Rule]) -> set[str | None]:
    """Return what kinds of pushes may get lost; `None` stands for any."""
    return {rule.where for rule in rules if rule.fault is Fault.DROP}
