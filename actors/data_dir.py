"""What outlives a process, in a directory of its own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random

import attrs

from actors.decisions.recollection import Recollection
from actors.io.store import JournalUnusable, Store
from actors.io.token_file import TokenFile
from actors.journal import Journal
from actors.seat import SeatSettings
from protocol.ids import VenueName


@attrs.frozen
class Kept:
    """A journal, and the tokens of each venue."""

    journal: Journal
    tokens: Mapping[VenueName, TokenFile]


@contextmanager
def open_store(directory: Path, random: Random) -> Iterator[Store]:
    """Open a directory's journal, for one process at a time. Raises `JournalUnusable`."""
    store = Store.open_directory(directory, random)
    try:
        yield store
    finally:
        store.close()


def kept_in(directory: Path, store: Store, seats: tuple[SeatSettings, ...], wall_ns: Callable[[], int]) -> Kept:
    """Return what is kept of some accounts. Raises `JournalUnusable` where it is about others."""
    for seat in seats:
        _check_account(directory, seat, store.recalled)
    tokens = {seat.name: TokenFile(directory / f"tokens-{seat.name}.json", seat.account) for seat in seats}
    return Kept(Journal(store=store, wall_ns=wall_ns), tokens)


def _check_account(directory: Path, seat: SeatSettings, memory: Recollection) -> None:
    opening = memory.openings.get(seat.name)
    if opening is not None and opening.account != seat.account:
        raise JournalUnusable(
            f"{directory}: the journal is about another account at {seat.name}; name another data_dir for this one"
        )
