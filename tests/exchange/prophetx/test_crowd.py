"""The other traders."""

from fractions import Fraction
from random import Random

from actors.exchange.prophetx.board import Ticket
from actors.exchange.prophetx.exchange import Exchange
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.ids import ClientOrderId
from protocol.odds import implied

NOW = 1_790_000_000 * 10**9


def open_exchange(seed=1, **changes):
    return Exchange.create(wall_ns=lambda: NOW, random=Random(seed), settings=ExchangeSettings(**changes))


def test_every_book_opens_two_sided():
    books = open_exchange().truth().books

    assert len(books) == 21
    assert all(side.levels for sides in books.values() for side in sides)


def test_no_book_is_ever_crossed_and_trade_goes_on():
    exchange = open_exchange()

    for step in range(2000):
        exchange.crowd.act(NOW + step * 10**8)

    for sides in exchange.truth().books.values():
        assert sum(implied(side.levels[0].price) for side in sides if side.levels) > 1 or not all(
            side.levels for side in sides
        )
    assert all(book.traded_cents for book in exchange.floor.books.values())


def test_a_maker_inside_the_spread_is_filled():
    exchange = open_exchange()
    account = exchange.floor.accounts["trader-1"]
    orders = []
    for selection, fair in fair_prices(exchange.crowd):
        ticket = Ticket(
            external_id=ClientOrderId(f"a{len(orders)}"),
            selection_id=selection.selection_id,
            odds=exchange.floor.ladder.paying_at_least(Fraction(fair - 10, 1000)),
            stake_cents=2000,
        )
        orders.append(exchange.floor.enter_at_once(account, ticket, NOW))

    for step in range(150):
        exchange.crowd.act(NOW + step * 10**8)

    assert sum(len(order.fills) for order in orders) >= 5


def fair_prices(crowd):
    for listing in crowd._books:
        fair = crowd._fair[listing.key]
        yield listing.selections[0], fair
        yield listing.selections[1], 1000 - fair


def test_the_same_seed_gives_the_same_run():
    runs = []
    for seed in (1, 1, 2):
        exchange = open_exchange(seed)
        said = []
        exchange.listeners.append(lambda each, said=said: said.append(repr(each)))
        for step in range(300):
            exchange.crowd.act(NOW + step * 10**8)
        runs.append(said)

    assert len(runs[0]) > 300
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
