"""A market's order book, rebuilt from the venue's feed."""

import enum
from collections import deque

import attrs

from protocol.events import BookReplaced, Level, Side, TradePrinted
from protocol.ids import BookKey, SelectionId
from protocol.prices import Price, opposite
from protocol.prices import takeable as takeable_by

MAX_QUEUED = 64  # images are full replacements: the newest is enough, the rest only for order
MAX_TRADES = 256  # prints that wait for the image that shows their effect
TRADE_EXPLAINS_NS = 2_000_000_000  # a print explains a change at most this far from it
TWIN_NS = 50_000_000  # one match may be printed once per side; twins are stamped together


class BookStatus(enum.Enum):
    HYDRATING = "hydrating"  # no snapshot yet
    LIVE = "live"
    STALE = "stale"  # something was missed; wait for the next snapshot
    SUSPENDED = "suspended"  # the venue closed the market


class Cause(enum.Enum):
    """Why the liquidity at a price changed."""

    ADDED = "added"
    TRADED = "traded"
    CANCELLED = "cancelled"


@attrs.frozen
class LiquidityChange:
    """The takeable size at one price rose or fell by `size`; `size` is positive, `cause` tells the direction."""

    selection_id: SelectionId
    price: Price
    size: int
    cause: Cause


@attrs.define
class _Explanation:
    """What a print may account for. One of two places, as nothing tells which side was printed."""

    places: tuple[tuple[SelectionId, Price], ...]
    sizes: tuple[int, ...]
    sequence_ns: int
    left: list[int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.left = list(self.sizes)

    def repeats(self, other: "_Explanation") -> bool:
        """Tell whether another print is the same, brought once more."""
        return (self.places, self.sizes, self.sequence_ns) == (other.places, other.sizes, other.sequence_ns)

    def spend(self, place: tuple[SelectionId, Price], size: int) -> int:
        """Explain up to `size` at a place; a print spent on one place explains nothing at the other."""
        if place not in self.places:
            return 0
        index = self.places.index(place)
        used = min(self.left[index], size)
        if used:
            self.left = [left - used if i == index else 0 for i, left in enumerate(self.left)]
        return used


@attrs.define
class Book:
    """Hold one book, and tell whether it can be believed.

    Images that arrive before the snapshot are queued and applied on top of it. Strictly older images are dropped,
    equal ones applied. Every change of liquidity is attributed; a fall waits for its print until `settle`.
    """

    key: BookKey
    status: BookStatus = BookStatus.HYDRATING
    sides: tuple[Side, ...] = ()
    sequence_ns: int = 0
    _queued: deque[BookReplaced] = attrs.field(factory=lambda: deque(maxlen=MAX_QUEUED), repr=False)
    _falls: list[tuple[SelectionId, Price, int, int]] = attrs.field(factory=list, repr=False)
    _prints: deque[_Explanation] = attrs.field(factory=lambda: deque(maxlen=MAX_TRADES), repr=False)
    _again: list[_Explanation] = attrs.field(factory=list, repr=False)  # prints that another socket may bring again
    _changes: list[LiquidityChange] = attrs.field(factory=list, repr=False)

    def apply(self, image: BookReplaced) -> bool:
        """Take an image from the socket. Return whether the book is now what it says."""
        if self.status in (BookStatus.HYDRATING, BookStatus.STALE):
            self._queued.append(image)
            return False
        if image.sequence_ns < self.sequence_ns:
            return False
        self._replace(image)
        return True

    def hydrate(self, snapshot: BookReplaced) -> None:
        """Take the REST snapshot, then what was queued before it, oldest first."""
        self.status = BookStatus.LIVE
        self._replace(snapshot)
        for image in sorted(self._queued, key=lambda image: image.sequence_ns):
            self.apply(image)
        self._queued.clear()

    def differs(self, snapshot: BookReplaced) -> bool:
        """Tell whether what can be taken is not what the snapshot says."""
        return takeable(self.sides) != takeable(snapshot.sides) or (self.status is BookStatus.LIVE) != snapshot.active

    def doubt(self) -> None:
        """Stop believing the book until the next snapshot."""
        if self.status is not BookStatus.HYDRATING:
            self.status = BookStatus.STALE

    def best(self, selection_id: SelectionId) -> Level | None:
        """Return the level that pays a taker of the selection most."""
        for side in self.sides:
            if side.selection_id == selection_id:
                return side.levels[0] if side.levels else None
        return None

    def print_trade(self, trade: TradePrinted) -> None:
        """Take a public print, before or after the image that shows its effect."""
        places = [(trade.selection_id, trade.fill_price)]
        sizes = [trade.size]
        other = self._other(trade.selection_id)
        if other is not None:
            places.append((other, opposite(trade.fill_price)))
            sizes.append(takeable_by(trade.fill_price, trade.size))
        explanation = _Explanation(tuple(places), tuple(sizes), trade.sequence_ns)
        if not self._comes_again(explanation) and not self._has_twin(explanation):
            self._prints.append(explanation)
            self._explain()

    @property
    def image(self) -> BookReplaced:
        """Return the book as it would be pushed."""
        active = self.status is not BookStatus.SUSPENDED
        return BookReplaced(key=self.key, active=active, sides=self.sides, sequence_ns=self.sequence_ns)

    def change_sockets(self) -> None:
        """Expect each recent print once more: another socket goes on from here, and may be a little behind."""
        self._again = list(self._prints)

    @property
    def unsettled(self) -> bool:
        """Tell whether a fall still waits for its print."""
        return bool(self._falls)

    def settle(self) -> None:
        """Stop waiting for prints: what no print explained was cancelled."""
        for selection_id, price, size, _ in self._falls:
            self._changes.append(LiquidityChange(selection_id, price, size, Cause.CANCELLED))
        self._falls.clear()

    def take_changes(self) -> tuple[LiquidityChange, ...]:
        """Return what was attributed since the last call."""
        changes = tuple(self._changes)
        self._changes.clear()
        return changes

    def _replace(self, image: BookReplaced) -> None:
        known = bool(self.sides)
        before, after = takeable(self.sides), takeable(image.sides)
        self.sides = image.sides
        self.sequence_ns = max(self.sequence_ns, image.sequence_ns)
        self.status = BookStatus.LIVE if image.active else BookStatus.SUSPENDED
        if not known:
            return
        self._forget(image.sequence_ns)
        for place in dict.fromkeys([*before, *after]):
            change = after.get(place, 0) - before.get(place, 0)
            if change > 0:
                self._changes.append(LiquidityChange(*place, change, Cause.ADDED))
            elif change < 0:
                self._falls.append((*place, -change, image.sequence_ns))
        self._explain()

    def _explain(self) -> None:
        waiting = []
        for selection_id, price, size, sequence_ns in self._falls:
            left = size - self._spend((selection_id, price), size)
            if left < size:
                self._changes.append(LiquidityChange(selection_id, price, size - left, Cause.TRADED))
            if left:
                waiting.append((selection_id, price, left, sequence_ns))
        self._falls = waiting

    def _spend(self, place: tuple[SelectionId, Price], size: int) -> int:
        """Use prints up to explain a fall at a place; return how much of it they explain."""
        explained = 0
        for candidate in self._prints:
            explained += candidate.spend(place, size - explained)
        return explained

    def _forget(self, now_ns: int) -> None:
        while self._prints and self._prints[0].sequence_ns < now_ns - TRADE_EXPLAINS_NS:
            self._prints.popleft()
        overdue = [fall for fall in self._falls if fall[3] < now_ns - TRADE_EXPLAINS_NS]
        for selection_id, price, size, _ in overdue:
            self._changes.append(LiquidityChange(selection_id, price, size, Cause.CANCELLED))
        self._falls = [fall for fall in self._falls if fall not in overdue]

    def _comes_again(self, new: _Explanation) -> bool:
        known = next((old for old in self._again if old.repeats(new)), None)
        if known is not None:
            self._again.remove(known)
        return known is not None

    def _has_twin(self, new: _Explanation) -> bool:
        # Profit is rounded down, so at long odds only the larger stake tells the smaller one exactly.
        return any(
            old.places == new.places[::-1] != new.places
            and abs(old.sequence_ns - new.sequence_ns) <= TWIN_NS
            and any(abs(ours - theirs) <= 1 for ours, theirs in zip(old.sizes, new.sizes[::-1], strict=True))
            for old in self._prints
        )

    def _other(self, selection_id: SelectionId) -> SelectionId | None:
        if len(self.sides) != 2:
            return None
        first, second = self.sides
        if selection_id == first.selection_id:
            return second.selection_id
        return first.selection_id if selection_id == second.selection_id else None


def takeable(sides: tuple[Side, ...]) -> dict[tuple[SelectionId, Price], int]:
    """Return the size that can be taken at each price of each selection; prices with nothing left are not there."""
    return {
        (side.selection_id, level.price): level.takeable for side in sides for level in side.levels if level.takeable
    }
