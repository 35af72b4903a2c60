"""The embedded exchanges as whoever runs a bot on them sees them, whichever venue they stand for."""

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Protocol

import attrs
import trio

from actors.exchange.faults import Faults
from actors.exchange.http import Watcher
from actors.exchange.pipe import MemoryStream
from actors.exchange.prophetx import presets as prophetx_presets
from actors.exchange.prophetx.catalogue import Catalogue as Catalogue
from actors.exchange.prophetx.exchange import Exchange
from actors.exchange.prophetx.loading import load_catalogue as load_catalogue
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.exchange.prophetx.truth import OrderTruth as BetTruth
from actors.exchange.prophetx.truth import order_truth as bet_truth
from actors.exchange.satoriex import presets as satoriex_presets
from actors.exchange.satoriex.book import BookTruth
from actors.exchange.satoriex.exchange import SatoriexExchange
from actors.exchange.satoriex.markets import Stage
from actors.exchange.satoriex.orders import Side as Direction
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.exchange.satoriex.truth import OrderTruth
from actors.exchange.satoriex.truth import order_truth as share_truth
from protocol.events import Level, OrderStatus, Result, Side
from protocol.ids import BookKey, ClientOrderId, EventId, MarketId, SelectionId, VenueOrderId
from protocol.money import micro
from protocol.prices import MICRO_PER_SHARE, Price, Probability, gain_micro
from protocol.prophetx.venue import ProphetX
from protocol.prophetx.wire import Dialect
from protocol.satoriex.names import buying, selling
from protocol.satoriex.venue import SatoriEx
from protocol.venue import Credentials, Venue


@attrs.frozen(kw_only=True)
class TrueOrder:
    """One order of the main account as the exchange's own ledger has it. Sizes are in the price's unit."""

    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId | None
    key: BookKey
    selection_id: SelectionId
    price: Price
    size: int
    status: OrderStatus
    filled: int
    cost_micro: int  # what its fills staked
    gain_micro: int  # what they gain when the selection wins, before fees
    settled: bool  # its result is known
    result: Result


class Served(Protocol):
    """What every embedded exchange can do."""

    async def run(self, *, task_status: trio.TaskStatus[None] = ...) -> None: ...
    async def serve_tcp(self, host: str, port: int, *, task_status: trio.TaskStatus[tuple[str, int]] = ...) -> None: ...
    async def dial(self, host: str = ..., port: int = ...) -> MemoryStream: ...
    def watch(self, watcher: Watcher) -> None: ...
    @property
    def faults(self) -> Faults: ...
    def freeze(self) -> None: ...


class Embedded(Protocol):
    """An embedded exchange, and how to get at it."""

    @property
    def exchange(self) -> Served: ...
    @property
    def venue(self) -> Venue: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def path(self) -> str:
        """Return where REST is, behind the host."""

    def addresses(self, address: str) -> dict[str, str]:
        """Return what a client needs to know: addresses, and who to be."""

    def orders(self) -> list[TrueOrder]: ...
    def order(self, venue_order_id: VenueOrderId) -> TrueOrder | None:
        """Return one of them, as it is now; `None` for what is not there."""

    def funds_micro(self) -> int:
        """Return the main account's money without what is matched."""

    def books(self) -> Mapping[BookKey, tuple[Side, ...]]: ...
    def won_micro(self) -> int | None:
        """Return what results brought the main account, commission taken off; `None` where they are no money alone."""


class Opening(Protocol):
    """Which exchange to embed, and how."""

    @property
    def venue(self) -> Venue:
        """Return what speaks with it."""

    def credentials(self, addresses: Mapping[str, str]) -> Credentials:
        """Read who to be from what `Embedded.addresses` told."""

    def open(self, wall_ns: Callable[[], int], seed: int, faults: str, fault_scale: float) -> Embedded: ...


PAPER_PROPHETX = ExchangeSettings(go_live_s=12.0, settle_s=5.0, stagger_s=30.0)
"""Events begin and end within a short run, so that the wipe and the settlement are seen."""
PAPER_SATORIEX = SatoriexSettings(trading_s=12.0, stagger_s=20.0, dispute_s=2.0)
"""The same."""
PAPER_ABSENCE_S = 8.0  # no request to an exchange in this process is on its way for longer


# --- ProphetX ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class OpenProphetX:
    settings: ExchangeSettings = PAPER_PROPHETX
    dialect: Dialect = Dialect.V4
    catalogue: Catalogue | None = None
    list_every_s: float = 60.0  # how often a bot asks what is open

    @property
    def venue(self) -> ProphetX:
        commission_bp = self.settings.commission_bp
        return ProphetX(dialect=self.dialect, list_every_s=self.list_every_s, commission_bp=commission_bp)

    def credentials(self, addresses: Mapping[str, str]) -> Credentials:
        return Credentials(user=addresses["access_key"], secret=addresses["secret_key"])

    def open(self, wall_ns: Callable[[], int], seed: int, faults: str, fault_scale: float) -> "EmbeddedProphetX":
        rules = Faults(Random(f"faults {seed}"))
        rules.add(*prophetx_presets.preset(faults, fault_scale))
        exchange = Exchange.create(
            wall_ns=wall_ns,
            random=Random(f"exchange {seed}"),
            settings=self.settings,
            faults=rules,
            catalogue=self.catalogue,
        )
        return EmbeddedProphetX(exchange, self.venue)


@attrs.frozen
class EmbeddedProphetX:
    exchange: Exchange
    venue: ProphetX

    @property
    def credentials(self) -> Credentials:
        return self.exchange.credentials

    @property
    def path(self) -> str:
        return "/partner"

    def addresses(self, address: str) -> dict[str, str]:
        return {
            "rest_url": f"http://{address}{self.path}",
            "ws_url": f"ws://{address}/app/{self.exchange.feed.key}",
            "access_key": self.credentials.user,
            "secret_key": self.credentials.secret,
        }

    def orders(self) -> list[TrueOrder]:
        return [_true_bet(name, order) for name, order in self.exchange.orders().items()]

    def order(self, venue_order_id: VenueOrderId) -> TrueOrder | None:
        found = self.exchange.floor.orders.get(venue_order_id)
        return None if found is None else _true_bet(found.external_id, bet_truth(found))

    def funds_micro(self) -> int:
        account = self.exchange.account()
        return micro(account.cash_cents - account.matched_cents)

    def won_micro(self) -> int:
        return micro(self.exchange.account().cash_cents - self.exchange.settings.opening_balance_cents)

    def books(self) -> Mapping[BookKey, tuple[Side, ...]]:
        return self.exchange.books()


def _true_bet(name: ClientOrderId, order: BetTruth) -> TrueOrder:
    return TrueOrder(
        venue_order_id=order.venue_order_id,
        client_order_id=name,
        key=order.key,
        selection_id=order.selection_id,
        price=order.odds,
        size=order.size,
        status=order.status,
        filled=order.filled,
        cost_micro=micro(order.filled),
        gain_micro=sum(gain_micro(fill.price, fill.size) for fill in order.fills),
        settled=order.status in (OrderStatus.SETTLED, OrderStatus.VOID),
        result=order.result,
    )


# --- SatoriEx ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class OpenSatoriEx:
    settings: SatoriexSettings = PAPER_SATORIEX
    venue: SatoriEx = SatoriEx(absence_after_s=PAPER_ABSENCE_S)  # noqa: RUF009  # frozen

    def credentials(self, addresses: Mapping[str, str]) -> Credentials:
        return Credentials(user=addresses["email"], secret=addresses["password"])

    def open(self, wall_ns: Callable[[], int], seed: int, faults: str, fault_scale: float) -> "EmbeddedSatoriEx":
        rules = Faults(Random(f"satoriex faults {seed}"))
        rules.add(*satoriex_presets.preset(faults, fault_scale))
        exchange = SatoriexExchange.create(
            wall_ns=wall_ns, random=Random(f"satoriex exchange {seed}"), settings=self.settings, faults=rules
        )
        return EmbeddedSatoriEx(exchange, self.venue)


@attrs.frozen
class EmbeddedSatoriEx:
    exchange: SatoriexExchange
    venue: SatoriEx

    @property
    def credentials(self) -> Credentials:
        who = self.exchange.credentials
        return Credentials(user=who.email, secret=who.password)

    @property
    def path(self) -> str:
        return "/api/v1"

    def addresses(self, address: str) -> dict[str, str]:
        return {
            "rest_url": f"http://{address}{self.path}",
            "ws_url": f"ws://{address}/ws",
            "email": self.credentials.user,
            "password": self.credentials.secret,
        }

    def orders(self) -> list[TrueOrder]:
        return [self._true(name, order) for name, order in self.exchange.orders().items()]

    def order(self, venue_order_id: VenueOrderId) -> TrueOrder | None:
        found = self.exchange.floor.orders.get(venue_order_id)
        return None if found is None else self._true(found.order_id, share_truth(found))

    def _true(self, name: str, order: OrderTruth) -> TrueOrder:
        market = self.exchange.floor.markets[order.market_id]
        return _true(name, order, market.winner if market.stage is Stage.SETTLED else None)

    def funds_micro(self) -> int:
        account = self.exchange.account()
        return account.available_micro + account.escrow_micro

    def won_micro(self) -> None:
        return None  # shares are bought and sold, so that money moves without a result

    def books(self) -> Mapping[BookKey, tuple[Side, ...]]:
        found = {}
        for (market_id, outcome_id), book in self.exchange.books().items():
            key = BookKey(EventId(market_id), MarketId(outcome_id))
            found[key] = _sides(key, book)
        return found


def _true(name: str, order: OrderTruth, winner: str | None) -> TrueOrder:
    key, buys = BookKey(EventId(order.market_id), MarketId(order.outcome_id)), order.side is Direction.BUY
    won = (winner == order.outcome_id) is buys
    paid, rest = order.cost_micro, order.filled_shares * MICRO_PER_SHARE - order.cost_micro
    return TrueOrder(
        venue_order_id=VenueOrderId(name),
        client_order_id=None,
        key=key,
        selection_id=buying(key) if buys else selling(key),
        price=Probability(order.price_bp if buys else 10_000 - order.price_bp),
        size=order.shares,
        status=order.status,
        filled=order.filled_shares,
        cost_micro=paid if buys else rest,
        gain_micro=rest if buys else paid,
        settled=winner is not None,
        result=Result.TO_BE_DECIDED if winner is None else Result.WON if won else Result.LOST,
    )


def _sides(key: BookKey, book: BookTruth) -> tuple[Side, ...]:
    asks = tuple(Level(Probability(price), shares) for price, shares in book.asks)
    bids = tuple(Level(Probability(10_000 - price), shares) for price, shares in book.bids)
    return Side(selection_id=buying(key), levels=asks), Side(selection_id=selling(key), levels=bids)


# --- which of them -----------------------------------------------------------------------------------------------

VENUES = ("prophetx", "satoriex")
FIRST: tuple[Opening, ...] = (OpenProphetX(),)
DIALECTS = tuple(dialect.value for dialect in Dialect)
SERVED_PROPHETX = ExchangeSettings(go_live_s=900.0, settle_s=600.0, stagger_s=900.0)
SERVED_SATORIEX = SatoriexSettings(trading_s=1800.0, stagger_s=600.0)


def openings(
    names: Iterable[str],
    *,
    served: bool,
    dialect: str = DIALECTS[0],
    catalogue: Catalogue | None = None,
    crowd: bool = True,
) -> tuple[Opening, ...]:
    """Return what opens the named exchanges: as they are served to any client, or for a short run on paper."""
    chosen: list[Opening] = []
    for name in names:
        if name == VENUES[0]:
            prophetx = SERVED_PROPHETX if served else PAPER_PROPHETX
            chosen.append(
                OpenProphetX(
                    settings=prophetx if crowd else attrs.evolve(prophetx, crowd_actions_per_s=0.0),
                    dialect=Dialect(dialect),
                    catalogue=catalogue,
                )
            )
        else:
            satoriex = SERVED_SATORIEX if served else PAPER_SATORIEX
            chosen.append(OpenSatoriEx(settings=satoriex if crowd else attrs.evolve(satoriex, crowd_actions_per_s=0.0)))
    return tuple(chosen)
