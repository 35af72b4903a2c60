"""In which ways linked markets can end."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import attrs

from protocol.ids import BookKey, EventId, SelectionId

MAX_WORLDS = 4_096  # of one group: two events of 60 outcomes with one link; beyond it the links are not believed
RETURNED = -1  # in a world: the stakes come back

Question = frozenset[SelectionId]
"""The selections of which exactly one wins: it tells apart what is decided by itself."""
State = frozenset[SelectionId]
"""The selections that win."""
World = tuple[int, ...]
"""A state, by its index, for each bloc of a group."""
Links = Mapping[SelectionId, set[SelectionId]]


@attrs.frozen(eq=False)
class Book:
    """Two selections: the second wins when the first does not."""

    key: BookKey
    first: SelectionId
    second: SelectionId
    question: Question
    returnable: bool = False
    commission_bp: int = 0  # on what the book gains
    fee_bp: int = 0  # on what an order on the second selection gains


Results = Mapping[Book, tuple[int, int]]
"""What a book comes to when its first selection wins, and when its second one does; nothing if it is not there."""


@attrs.frozen(eq=False)
class Bloc:
    """Books that are settled together, or return their stakes together."""

    books: tuple[Book, ...]
    states: tuple[State, ...]
    returnable: bool
    selections: frozenset[SelectionId] = attrs.field(init=False)

    @selections.default
    def _every_selection(self) -> frozenset[SelectionId]:
        return frozenset(name for book in self.books for name in (book.first, book.second))

    def outcomes(self, results: Results) -> list[int]:
        """Return the least that each state comes to, where stakes may come back instead; the last is for `RETURNED`."""
        made = [(book.first, *results[book]) for book in self.books if book in results]
        if not made:  # as it is with most blocs of a large group
            return [0] * (len(self.states) + 1)
        least = [sum(won if name in state else lost for name, won, lost in made) for state in self.states]
        return [*(min(each, 0) if self.returnable else each for each in least), 0]


@attrs.frozen(eq=False)
class Group:
    """Blocs that links bind to each other. Without worlds the links are not believed: nothing nets across blocs."""

    keys: frozenset[BookKey]
    blocs: tuple[Bloc, ...] = ()
    worlds: tuple[World, ...] = ()
    events: frozenset[EventId] = attrs.field(init=False)

    @events.default
    def _every_event(self) -> frozenset[EventId]:
        return frozenset(key.event_id for key in self.keys)

    def loss(self, results: Results) -> int:
        """Return what the worst world loses; 0 when every one of them gains."""
        tables = [bloc.outcomes(results) for bloc in self.blocs]
        if not self.worlds:
            return -sum(map(min, tables))
        return -min(0, *(sum(map(list.__getitem__, tables, world)) for world in self.worlds))


@attrs.define
class Markets:
    """Every book that is known, and which of their selections are the same real-world outcome."""

    books: dict[SelectionId, Book] = attrs.field(factory=dict)  # by either selection
    _keys: set[BookKey] = attrs.field(factory=set)
    _questions: dict[Question, list[Book]] = attrs.field(factory=lambda: defaultdict(list))
    _links: dict[SelectionId, set[SelectionId]] = attrs.field(factory=lambda: defaultdict(set))
    _firm: dict[SelectionId, set[SelectionId]] = attrs.field(factory=lambda: defaultdict(set))  # without returns

    def has(self, book: Book) -> bool:
        """Tell whether the book, or one of its selections, is known already: the first word about them counts."""
        return book.key in self._keys or book.first in self.books or book.second in self.books

    def learn(self, book: Book) -> None:
        assert not self.has(book), f"{book.key} is known"
        self._keys.add(book.key)
        self.books |= dict.fromkeys((book.first, book.second), book)
        self._questions[book.question].append(book)

    def link(self, first: SelectionId, second: SelectionId, *, returns: bool) -> None:
        """Learn that one wins if and only if the other does.

        With `returns` one book may return its stakes while the other is settled; a link once made so stays so.
        """
        for each, other in ((first, second), (second, first)):
            if returns:
                self._firm[each].discard(other)
            elif other not in self._links[each]:
                self._firm[each].add(other)
            self._links[each].add(other)

    def group_of(self, question: Question) -> Group:
        """Return a question's books with all that links bind to them; the same for every order of calls."""
        first = min(self._reach(question, self._links), key=sorted)
        blocs: list[Bloc] = []
        for each in self._reach(first, self._links):
            if not any(each == book.question for bloc in blocs for book in bloc.books):
                blocs += self._settled_with(each)
        keys = frozenset(book.key for bloc in blocs for book in bloc.books)
        return Group(keys, tuple(blocs), tuple(each.states for each in _combined(blocs, self._links)))

    def _reach(self, question: Question, links: Links) -> list[Question]:
        """Return what links lead to, each after one that it is linked to."""
        found = [question]
        for each in found:
            names = [name for book in self._questions[each] for name in (book.first, book.second)]
            near = {self.books[to].question for name in names for to in links.get(name, ()) if to in self.books}
            found += sorted(near.difference(found), key=sorted)
        return found

    def _settled_with(self, question: Question) -> list[Bloc]:
        """Return one bloc of all that is settled with a question; a bloc each where the links contradict each other."""
        singles = [_single(self._questions[each]) for each in self._reach(question, self._firm)]
        if len(singles) == 1:
            return singles
        found = _combined([attrs.evolve(each, returnable=False) for each in singles], self._links)
        if not found:
            return singles
        books = tuple(book for single in singles for book in single.books)
        return [Bloc(books, tuple(each.winners for each in found), all(book.returnable for book in books))]


def _single(books: Sequence[Book]) -> Bloc:
    question = books[0].question
    states = tuple(frozenset({won} | {book.second for book in books if book.first != won}) for won in sorted(question))
    return Bloc(tuple(books), states, books[0].returnable)


@attrs.frozen
class _Combination:
    states: World = ()
    decided: frozenset[SelectionId] = frozenset()
    winners: State = frozenset()


def _combined(blocs: Sequence[Bloc], links: Links) -> list[_Combination]:
    """Return every combination of states that the links allow; none when they contradict each other, or are too many.

    That stakes come back is a state of its own only where it frees others: otherwise the bloc's outcomes have it.
    """
    found = [_Combination()]
    later = frozenset(name for bloc in blocs for name in bloc.selections)
    for bloc in blocs:
        later -= bloc.selections
        ties = [(name, to) for name in bloc.selections for to in links.get(name, ())]
        frees = any(to in later for _, to in ties)
        found = [longer for each in found for longer in _longer(each, bloc, ties, frees)]
        if len(found) > MAX_WORLDS:
            return []
    return found


def _longer(
    before: _Combination, bloc: Bloc, ties: Sequence[tuple[SelectionId, SelectionId]], frees: bool
) -> Iterator[_Combination]:
    """Put each state of a bloc that the links allow behind a combination of those before it."""
    decided = before.decided | bloc.selections
    bound = [(name, to) for name, to in ties if to in before.decided]
    settled = False
    for index, state in enumerate(bloc.states):
        winners = before.winners | state
        if all((name in state) == (to in winners) for name, to in bound):
            settled = True
            yield _Combination((*before.states, index), decided, winners)
    if bloc.returnable and (frees or not settled):
        yield _Combination((*before.states, RETURNED), before.decided, before.winners)
