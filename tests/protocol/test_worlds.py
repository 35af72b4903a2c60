from collections.abc import Iterator
from itertools import chain, combinations, product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol.ids import BookKey, EventId, MarketId, SelectionId
from protocol.worlds import MAX_WORLDS, RETURNED, Book, Group, Markets

HOME, AWAY, OVER, UNDER = map(SelectionId, ("home", "away", "over", "under"))
YES, NO, DRAW = map(SelectionId, ("yes", "no", "draw"))


def sold(name: SelectionId) -> SelectionId:
    return SelectionId(f"-{name}")


def pair_of(first: SelectionId, second: SelectionId, event: int = 1) -> Book:
    key = BookKey(EventId(event), MarketId(first))
    return Book(key, first, second, frozenset((first, second)), returnable=True)


def outcomes_of(*names: SelectionId, event: str = "event") -> list[Book]:
    question = frozenset(names)
    return [Book(BookKey(EventId(event), MarketId(name)), name, sold(name), question) for name in names]


def markets_of(*books: Book) -> Markets:
    markets = Markets()
    for each in books:
        markets.learn(each)
    return markets


def endings(group: Group) -> set[frozenset[SelectionId]]:
    """Return who wins, for each world."""
    return {
        frozenset(chain(*(bloc.states[index] for bloc, index in zip(group.blocs, world, strict=True) if index >= 0)))
        for world in group.worlds
    }


HOME_OR_AWAY, OVER_OR_UNDER = pair_of(HOME, AWAY), pair_of(OVER, UNDER, event=2)

# --- books alone -----------------------------------------------------------------------------------------------------


def test_of_a_pair_one_wins():
    group = markets_of(HOME_OR_AWAY).group_of(HOME_OR_AWAY.question)

    assert endings(group) == {frozenset({HOME}), frozenset({AWAY})}


def test_of_several_outcomes_one_wins_and_so_does_what_is_sold_of_the_others():
    yes, no = outcomes_of(YES, NO)

    group = markets_of(yes, no).group_of(yes.question)

    assert endings(group) == {frozenset({YES, sold(NO)}), frozenset({NO, sold(YES)})}
    assert (group.keys, group.events) == ({yes.key, no.key}, {EventId("event")})


def test_an_outcome_that_is_not_listed_may_win():
    yes, *_ = outcomes_of(YES, NO, DRAW)

    group = markets_of(yes).group_of(yes.question)

    assert endings(group) == {frozenset({YES}), frozenset({NO, sold(YES)}), frozenset({DRAW, sold(YES)})}


def test_stakes_that_may_come_back_gain_nothing_for_sure():
    (returnable,) = markets_of(HOME_OR_AWAY).group_of(HOME_OR_AWAY.question).blocs
    yes, *_ = outcomes_of(YES, NO)
    (firm,) = markets_of(yes).group_of(yes.question).blocs

    assert returnable.outcomes({HOME_OR_AWAY: (5, -3)}) == [-3, 0, 0]  # away is the first by name
    assert firm.outcomes({yes: (5, -3)}) == [-3, 5, 0]
    assert firm.outcomes({}) == [0, 0, 0]


def test_the_worst_world_is_no_negative_loss():
    yes, no = outcomes_of(YES, NO)
    group = markets_of(yes, no).group_of(yes.question)

    assert group.loss({yes: (5, -3), no: (-1, 2)}) == 4
    assert group.loss({yes: (5, 3)}) == group.loss({}) == 0


def test_a_book_nobody_knows_ends_in_no_way():
    assert Group(frozenset((HOME_OR_AWAY.key,))).loss({HOME_OR_AWAY: (-5, -5)}) == 0


@pytest.mark.parametrize("other", [HOME_OR_AWAY, pair_of(AWAY, DRAW), pair_of(DRAW, HOME), outcomes_of(HOME, DRAW)[0]])
def test_a_book_and_a_selection_are_learnt_once(other):
    markets = markets_of(HOME_OR_AWAY)

    assert markets.has(other)
    with pytest.raises(AssertionError, match="is known"):
        markets.learn(other)


# --- links -----------------------------------------------------------------------------------------------------------


def test_books_that_are_not_linked_are_no_group():
    group = markets_of(HOME_OR_AWAY, OVER_OR_UNDER).group_of(HOME_OR_AWAY.question)

    assert group.keys == {HOME_OR_AWAY.key}


def test_a_link_to_what_is_not_known_yet_binds_once_it_is():
    markets = markets_of(HOME_OR_AWAY)
    markets.link(HOME, OVER, returns=False)
    assert markets.group_of(HOME_OR_AWAY.question).keys == {HOME_OR_AWAY.key}

    markets.learn(OVER_OR_UNDER)

    assert markets.group_of(OVER_OR_UNDER.question).keys == {HOME_OR_AWAY.key, OVER_OR_UNDER.key}


def test_without_returns_linked_books_are_one_bloc():
    markets = markets_of(HOME_OR_AWAY, OVER_OR_UNDER)
    markets.link(HOME, OVER, returns=False)

    group = markets.group_of(HOME_OR_AWAY.question)

    assert [(bloc.books, bloc.returnable) for bloc in group.blocs] == [((HOME_OR_AWAY, OVER_OR_UNDER), True)]
    assert endings(group) == {frozenset({HOME, OVER}), frozenset({AWAY, UNDER})}


def test_a_pair_that_is_settled_with_what_never_returns_does_not_return():
    yes, no = outcomes_of(YES, NO)
    markets = markets_of(HOME_OR_AWAY, yes, no)
    markets.link(HOME, YES, returns=False)

    (bloc,) = markets.group_of(yes.question).blocs

    assert not bloc.returnable


def test_with_returns_one_book_may_be_settled_as_it_could_not_be_beside_the_other():
    yes, no, draw = outcomes_of(YES, NO, DRAW)
    markets = markets_of(HOME_OR_AWAY, yes, no, draw)
    markets.link(HOME, YES, returns=True)
    markets.link(AWAY, NO, returns=True)

    group = markets.group_of(yes.question)

    assert [sorted(book.key.market_id for book in bloc.books) for bloc in group.blocs] == [[HOME], [DRAW, NO, YES]]
    free = {(RETURNED, 0), (RETURNED, 1), (RETURNED, 2)}
    assert set(group.worlds) == {(0, 1), (1, 2), *free}  # away and no, home and yes


@pytest.mark.parametrize("first", [True, False])
def test_a_link_that_was_once_made_with_returns_keeps_them(first):
    markets = markets_of(HOME_OR_AWAY, OVER_OR_UNDER)

    markets.link(HOME, OVER, returns=first)
    markets.link(OVER, HOME, returns=not first)

    assert len(markets.group_of(HOME_OR_AWAY.question).blocs) == 2


@pytest.mark.parametrize("returns", [True, False])
def test_links_that_contradict_each_other_are_not_believed(returns):
    one, other = outcomes_of(YES, NO)[0], outcomes_of(HOME, AWAY, event="other")[0]
    markets = markets_of(one, other)
    markets.link(HOME, YES, returns=returns)
    markets.link(HOME, sold(YES), returns=returns)

    group = markets.group_of(one.question)

    assert (group.keys, group.worlds) == ({one.key, other.key}, ())
    assert group.loss({one: (6, -4), other: (-5, 5)}) == 9


def test_where_links_cannot_all_hold_some_stakes_come_back():
    up_or_down = pair_of(SelectionId("up"), SelectionId("down"))
    markets = markets_of(HOME_OR_AWAY, OVER_OR_UNDER, up_or_down)
    for first, second in ((HOME, OVER), (OVER, up_or_down.first), (HOME, up_or_down.second)):
        markets.link(first, second, returns=True)

    group = markets.group_of(up_or_down.question)

    assert all(RETURNED in world for world in group.worlds)
    for one, other in combinations((HOME_OR_AWAY, OVER_OR_UNDER, up_or_down), 2):
        assert group.loss({one: (-5, -5), other: (-4, -4)}) == 9


def test_a_group_with_too_many_worlds_is_not_believed():
    names = [[SelectionId(f"{event}.{index}") for index in range(20)] for event in range(3)]
    markets = markets_of(*(book for event, each in enumerate(names) for book in outcomes_of(*each, event=str(event))))
    markets.link(names[0][0], names[1][0], returns=True)
    assert len(markets.group_of(frozenset(names[0])).worlds) == 1 + 19 * 19

    markets.link(names[1][1], names[2][1], returns=True)
    assert MAX_WORLDS < 19**3  # about what two links leave of 20 ** 3

    assert markets.group_of(frozenset(names[0])).worlds == ()


def test_an_event_with_a_pair_for_each_of_its_outcomes_has_few_worlds():
    names = [SelectionId(f"{index:02}") for index in range(30)]
    pairs = [pair_of(SelectionId(f"{name} wins"), SelectionId(f"{name} fails")) for name in names]
    listed = outcomes_of(*names)
    markets = markets_of(*listed, *pairs)
    for name, each in zip(names, pairs, strict=True):
        markets.link(each.first, name, returns=True)

    group = markets.group_of(listed[0].question)

    assert len(group.worlds) == 30
    assert group.loss({listed[7]: (20, -20), pairs[7]: (-10, 10)}) == 20  # 7 wins: 20 - 10; another: -20, and 0 or 10


# --- against every settlement ----------------------------------------------------------------------------------------

Settled = dict[SelectionId, bool | None]  # None comes back
Linked = tuple[SelectionId, SelectionId, bool]


@st.composite
def listings(draw: st.DrawFn) -> tuple[list[list[Book]], list[Linked]]:
    """Draw a few questions, and links between them."""
    questions = []
    for n in range(draw(st.integers(1, 4))):
        names = [SelectionId(f"{n}{letter}") for letter in "abc"]
        count = draw(st.integers(1, 3))  # one is a pair
        questions.append([pair_of(names[0], names[1])] if count == 1 else outcomes_of(*names[:count], event=str(n)))
    links = []
    for one, other in combinations(questions, 2):
        for _ in range(draw(st.integers(0, 2))):
            first, second = (
                draw(st.sampled_from([name for b in q for name in (b.first, b.second)])) for q in (one, other)
            )
            links.append((first, second, draw(st.booleans())))
    return questions, links


def settlements(questions: list[list[Book]]) -> Iterator[Settled]:
    every: list[list[Settled]] = []
    for books in questions:
        names = [name for book in books for name in (book.first, book.second)]
        every.append([dict.fromkeys(names)] if books[0].returnable else [])
        for won in sorted(books[0].question):
            every[-1].append({name: name == won for name in names})
            every[-1][-1].update({book.second: book.first != won for book in books})
    for parts in product(*every):
        yield {name: won for part in parts for name, won in part.items()}


def allowed(settled: Settled, links: list[Linked]) -> bool:
    return all(
        settled[first] == settled[second] or (returns and None in (settled[first], settled[second]))
        for first, second, returns in links
    )


@given(listings(), st.data())
def test_what_all_groups_lose_is_the_worst_of_all_settlements_that_links_allow(listing, data):
    questions, links = listing
    links = [(a, b, any(r for c, d, r in links if (a, b) == (c, d))) for a, b, _ in links]
    books = [book for each in questions for book in each]
    results = {book: data.draw(st.tuples(*[st.integers(-9, 9)] * 2)) for book in books}
    every = [settled for settled in settlements(questions) if allowed(settled, links)]
    assume(any(None not in settled.values() for settled in every))  # the links do not contradict each other

    markets = Markets()
    for book in data.draw(st.permutations(books)):
        markets.learn(book)
    for first, second, returns in data.draw(st.permutations(links)):
        markets.link(first, second, returns=returns)

    groups = {group.keys: group for group in (markets.group_of(book.question) for book in books)}.values()
    worst = [
        min(0, *(sum(net(settled, book, results) for book in books if book.key in group.keys) for settled in every))
        for group in groups
    ]
    assert [group.loss(results) for group in groups] == [-each for each in worst]


def net(settled: Settled, book: Book, results: dict[Book, tuple[int, int]]) -> int:
    won = settled[book.first]
    return 0 if won is None else results[book][0 if won else 1]
