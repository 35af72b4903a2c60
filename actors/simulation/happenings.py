"""What a venue does of itself, at a moment that the world chose."""

from random import Random

from actors.exchange.embedded import Embedded, EmbeddedProphetX, EmbeddedSatoriEx
from actors.exchange.prophetx.exchange import Exchange
from actors.exchange.satoriex.exchange import SatoriexExchange
from actors.simulation.world import Happening
from protocol.events import EventStatus

CONFIG_CLOSES_S = 400.0


def happen(embedded: Embedded, what: Happening, random: Random) -> bool:
    """Do it, where there is something to do it to; tell whether there was."""
    if isinstance(embedded, EmbeddedProphetX):
        return _happen_prophetx(embedded.exchange, what, random)
    assert isinstance(embedded, EmbeddedSatoriEx), "there is no other exchange"
    return _happen_satoriex(embedded.exchange, what, random)


def _happen_prophetx(exchange: Exchange, what: Happening, random: Random) -> bool:
    events = list(exchange.floor.events)
    scheduled = [name for name, each in exchange.floor.events.items() if each.status is EventStatus.SCHEDULED]
    match what:
        case Happening.GO_LIVE if scheduled:
            exchange.go_live(random.choice(scheduled))
        case Happening.SETTLE if events:
            exchange.end(random.choice(events))
        case Happening.EXPIRE_TOKENS:
            exchange.gatekeeper.revoke_all()
        case Happening.CONFIG_CHANGE:
            exchange.change_config(CONFIG_CLOSES_S)
        case _:
            return False
    return True


def _happen_satoriex(exchange: SatoriexExchange, what: Happening, random: Random) -> bool:
    markets = exchange.floor.open_markets()
    match what:
        case Happening.HALT if markets:
            exchange.halt(random.choice(markets).market_id)
        case Happening.SETTLE if markets:
            market = random.choice(markets)
            exchange.resolve(market.market_id, random.choice(sorted(market.outcomes)))
        case Happening.EXPIRE_TOKENS:
            exchange.expire_tokens()
        case _:
            return False
    return True
