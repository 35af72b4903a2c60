"""The venue's objects on the wire, in the chosen reading."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import attrs
import msgspec

from actors.exchange.satoriex.accounts import Holding, Key, Transaction
from actors.exchange.satoriex.choices import Stamp, WireChoices
from actors.exchange.satoriex.markets import Market, Outcome, Stage, Trade
from actors.exchange.satoriex.money import dollars
from actors.exchange.satoriex.orders import NUMBERS, OrderView

Json = str | int | bool | None | Decimal | Sequence["Json"] | dict[str, "Json"]
Record = dict[str, Json]

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(value: Json) -> bytes:
    """Write JSON; decimals become numbers."""
    return _ENCODER.encode(value)


@attrs.frozen
class Writer:
    """Write the floor's objects."""

    wire: WireChoices

    def stamp(self, at_ns: int) -> str | int:
        match self.wire.stamp:
            case Stamp.SECONDS:
                return at_ns // 10**9
            case Stamp.MILLIS:
                return at_ns // 10**6
            case Stamp.RFC3339:
                moment = datetime.fromtimestamp(at_ns // 10**9, UTC)
                return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ns // 1000 % 10**6:06d}Z"

    def money(self, micro: int) -> Json:
        amount = dollars(micro)
        return f"{amount:f}" if self.wire.money_as_text else amount

    def order(self, order: OrderView) -> Record:
        remaining = order.shares - order.filled_shares
        return {
            self.wire.order_id_name: order.order_id,
            "market_id": order.market_id,
            "outcome_id": order.outcome_id,
            "side": int(order.side),
            "price": order.price_bp,
            "quantity": order.shares,
            self.wire.filled_name: remaining if self.wire.filled_name == "remaining_quantity" else order.filled_shares,
            "status": NUMBERS[order.status] if self.wire.status_as_number else order.status.value,
            "created_at": self.stamp(order.created_ns),
            "updated_at": self.stamp(order.updated_ns),
        }

    def market(self, market: Market) -> Record:
        record: Record = {
            self.wire.market_id_name: market.market_id,
            "event_id": market.event_id,
            "title": market.title,
            "category": market.category,
            "status": self._status(market.stage),
            "outcomes": [self._outcome(market, outcome) for outcome in market.outcomes.values()],
            "created_at": self.stamp(market.opened_ns),
            "close_time": None if market.ends_ns is None else self.stamp(market.ends_ns),
        }
        if not self.wire.market_limits_left_out:
            record |= {"min_order_size": market.min_order_shares, "tick_size": market.tick_bp}
        return record

    def result(self, market: Market) -> Record:
        """Write how a market ended, or is proposed to have."""
        return {
            "market_id": market.market_id,
            "status": self._status(market.stage),
            self.wire.winner_name: market.winner,
            "resolved_at": None if market.settled_ns is None else self.stamp(market.settled_ns),
        }

    def _status(self, stage: Stage) -> str:
        if stage is Stage.ACTIVE:
            return self.wire.active_word
        return self.wire.halted_word if stage in (Stage.HALTED, Stage.CLOSING) else stage.value

    def _outcome(self, market: Market, outcome: Outcome) -> Record:
        record: Record = {self.wire.outcome_id_name: outcome.key[1], "name": outcome.name}
        if market.stage is Stage.SETTLED:
            record["winner"] = outcome.key[1] == market.winner
        return record

    def book(self, outcome: Outcome) -> Record:
        depth = outcome.book.depth()
        sides: Record = {
            name: [{"price": price_bp, "quantity": shares} for price_bp, shares in levels]
            for name, levels in (("bids", depth.bids), ("asks", depth.asks))
        }
        return {"market_id": outcome.key[0], "outcome_id": outcome.key[1], **sides}

    def trade(self, trade: Trade) -> Record:
        return {
            "id": trade.trade_id,
            "market_id": trade.key[0],
            "outcome_id": trade.key[1],
            "price": trade.price_bp,
            "quantity": trade.shares,
            "side": int(trade.taker_side),
            "created_at": self.stamp(trade.at_ns),
        }

    def position(self, key: Key, holding: Holding) -> Record:
        digits = -2 if self.wire.average_in_bp else -4  # of what a share cost in micro-dollars
        return {
            "market_id": key[0],
            "outcome_id": key[1],
            "shares": holding.shares,
            "avg_buy_price": Decimal(holding.cost_micro // holding.shares).scaleb(digits),
            "cost_basis": self.money(holding.cost_micro),
        }

    def balance(self, available_micro: int, escrow_micro: int) -> Record:
        return {
            self.wire.balance_name: self.money(available_micro),
            "locked": self.money(escrow_micro),
            "currency": "USDC",
        }

    def transaction(self, row: Transaction) -> Record:
        market_id, outcome_id = row.key or (None, None)
        return {
            "id": row.transaction_id,
            "type": row.kind,
            "amount": self.money(row.amount_micro),
            "market_id": market_id,
            "outcome_id": outcome_id,
            "order_id": row.order_id,
            "created_at": self.stamp(row.at_ns),
        }
