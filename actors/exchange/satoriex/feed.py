"""Who hears what is published."""

from collections.abc import Callable, Iterator

import attrs

from actors.exchange.satoriex.accounts import Key
from actors.exchange.satoriex.book import BookTruth, Levels
from actors.exchange.satoriex.floor import Floor
from actors.exchange.satoriex.frames import Message
from actors.exchange.satoriex.markets import Market, Outcome
from actors.exchange.satoriex.orders import Status
from actors.exchange.satoriex.publications import (
    BookChanged,
    DisputeFiled,
    MarketSettled,
    OrderChanged,
    Publication,
    Traded,
    WalletChanged,
)
from actors.exchange.satoriex.records import Json, Record, Writer
from actors.exchange.satoriex.socket import Socket

USER = "user"


def market_channel(market_id: str) -> str:
    return f"market:{market_id}"


def marketdata_channel(market_id: str) -> str:
    return f"marketdata:{market_id}"


@attrs.define(eq=False)
class Feed:
    """Turn publications into messages for the sockets that are to hear them."""

    floor: Floor
    writer: Writer
    wall_ns: Callable[[], int]
    sockets: list[Socket] = attrs.field(factory=list, init=False)
    _told: dict[Key, BookTruth] = attrs.field(factory=dict, init=False)

    def publish(self, publication: Publication) -> None:
        if self.sockets:
            self._tell(publication)

    def _tell(self, publication: Publication) -> None:
        match publication:
            case OrderChanged():
                self._order_changed(publication)
            case Traded():
                self._traded(publication)
            case BookChanged(outcome=outcome):
                self._book_changed(outcome)
            case WalletChanged(account_id=account_id, available_micro=available, escrow_micro=escrow):
                data = self.writer.balance(available, escrow)
                self._to_user(account_id, self._message("wallet_changed", USER, data))
            case MarketSettled(market=market):
                self._settled(market)
            case DisputeFiled(market=market):
                message = self._message("dispute_filed", USER, {}, market.market_id)
                for socket in tuple(self.sockets):
                    socket.send(message)

    def subscribe(self, socket: Socket, kind: object, market_id: object) -> None:
        """Do what a client asked for; what is not known is ignored."""  # U-31, U-33
        market = self.floor.markets.get(market_id) if isinstance(market_id, str) else None
        if market is None:
            return
        if kind == "subscribe":
            socket.channels.add(market_channel(market.market_id))
        elif kind == "subscribe_marketdata":
            socket.channels.add(marketdata_channel(market.market_id))
            if self.writer.wire.snapshot_first:
                for outcome in market.outcomes.values():
                    socket.send(self._book(outcome, "snapshot", outcome.book.depth()))

    # --- what happened, to whom it is told ---

    def _order_changed(self, changed: OrderChanged) -> None:
        order = changed.order
        if changed.is_new:
            return
        data = self.writer.order(order)
        kind = "order" if changed.is_transition else "order_update"
        message = self._message(kind, market_channel(order.market_id), data, order.market_id, order.outcome_id)
        for socket in tuple(self.sockets):
            if self.writer.wire.everyones_orders or socket.account_id == order.account_id:
                self._offer(socket, message)
        if changed.was_filled and (self.writer.wire.filled_each or order.status is Status.FILLED):
            message = self._message("order_filled", USER, data, order.market_id, order.outcome_id)
            self._to_user(order.account_id, message)

    def _traded(self, traded: Traded) -> None:
        trade = traded.trade
        data: Record = {
            "trade_id": trade.trade_id,
            "price": trade.price_bp,
            "quantity": trade.shares,
            "side": int(trade.taker_side),
            "maker_order_id": trade.maker_order_id,
            "taker_order_id": trade.taker_order_id,
        }
        self._to_channel(self._message("trade", market_channel(trade.key[0]), data, *trade.key))

    def _book_changed(self, outcome: Outcome) -> None:
        before, depth = self._told.get(outcome.key, BookTruth()), outcome.book.depth()
        if depth == before:
            return
        self._told[outcome.key] = depth
        if self.writer.wire.book_deltas:
            change = BookTruth(
                bids=tuple(_changes(before.bids, depth.bids)), asks=tuple(_changes(before.asks, depth.asks))
            )
            self._to_channel(self._book(outcome, "delta", change))
        else:
            self._to_channel(self._book(outcome, "snapshot", depth))
        if (before.bids[:1], before.asks[:1]) != (depth.bids[:1], depth.asks[:1]):
            self._price_moved(outcome, depth)

    def _price_moved(self, outcome: Outcome, depth: BookTruth) -> None:
        bid_bp = depth.bids[0][0] if depth.bids else None
        ask_bp = depth.asks[0][0] if depth.asks else None
        mid_bp = None if bid_bp is None or ask_bp is None else (bid_bp + ask_bp) // 2
        data: Record = {"mid": mid_bp, "best_bid": bid_bp, "best_ask": ask_bp}
        self._to_channel(self._marketdata("price_update", "price_update", outcome, data))

    def _settled(self, market: Market) -> None:
        data: Record = {"winning_outcome_id": market.winner, "payout": self.writer.money(1_000_000)}
        self._to_channel(self._message("settlement", market_channel(market.market_id), data, market.market_id))
        message = self._message("market_resolved", USER, data, market.market_id)
        for socket in tuple(self.sockets):
            socket.send(message)

    # --- messages ---

    def _book(self, outcome: Outcome, kind: str, depth: BookTruth) -> Message:
        data: Record = {"kind": kind, "bids": _pairs(depth.bids), "asks": _pairs(depth.asks)}
        return self._marketdata("book", self.writer.wire.book_event, outcome, data)

    def _marketdata(self, where: str, kind: str, outcome: Outcome, data: Record) -> Message:
        market_id, outcome_id = outcome.key
        shown = None if self.writer.wire.outcome_left_out else outcome_id
        message = self._message(kind, marketdata_channel(market_id), data, market_id, shown)
        return attrs.evolve(message, where=where)

    def _message(
        self, kind: str, channel: str, data: Record, market_id: str | None = None, outcome_id: str | None = None
    ) -> Message:
        return Message(
            where=kind,
            kind=kind,
            channel=channel,
            data=data,
            market_id=market_id,
            outcome_id=outcome_id,
            at=self.writer.stamp(self.wall_ns()),
        )

    def _to_user(self, account_id: str, message: Message) -> None:
        for socket in tuple(self.sockets):
            if socket.account_id == account_id:
                socket.send(message)

    def _to_channel(self, message: Message) -> None:
        for socket in tuple(self.sockets):
            self._offer(socket, message)

    def _offer(self, socket: Socket, message: Message) -> None:
        if message.channel in socket.channels:
            socket.send(message)


def _pairs(levels: Levels) -> Json:
    return [[price_bp, shares] for price_bp, shares in levels]


def _changes(before: Levels, after: Levels) -> Iterator[tuple[int, int]]:
    """Return the levels that are not what they were, with their size now; none is zero."""
    old, new = dict(before), dict(after)
    for price_bp in dict.fromkeys((*old, *new)):
        if old.get(price_bp) != new.get(price_bp):
            yield price_bp, new.get(price_bp, 0)
