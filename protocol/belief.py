"""What is believed, with whose word it is."""

import enum
from typing import Generic, TypeVar

import attrs

T = TypeVar("T")


class Source(enum.Enum):
    """Whose word a belief is."""

    PUSH = "push"  # the private channel
    ANSWER = "answer"  # to a request of ours
    READ = "read"  # of the order, by its id
    HISTORY = "history"  # of orders, or the list of those that rest
    FILLS = "fills"  # each fill, by its order's id
    RESULT = "result"  # of the market
    FUNDS = "funds"  # the account's money, and what it holds
    JOURNAL = "journal"  # of the processes before this one
    RECKONED = "reckoned"  # by ourselves


class Proof(enum.Enum):
    """What proves that an order never came to be. The venue's no to an id that it has already proves the opposite."""

    SYNCED = "absent from a history that is younger than the request"
    PAGED = "absent from every page of the history, again and again"
    FUNDS = "the account has all that it would have without it"
    UNSENT = "the request never left"
    TWIN = "it is an order that has another name"


@attrs.frozen
class Known(Generic[T]):
    """What somebody said, and of which moment: unix nanoseconds by the venue's clock. It may have changed since."""

    value: T
    source: Source
    as_of_ns: int


@attrs.frozen
class Unknown:
    """Nothing is proved, and why."""

    reason: str


NEVER_READ = Unknown("never read")


Belief = Known[T] | Unknown
