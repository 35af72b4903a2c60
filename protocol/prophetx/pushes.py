"""What the socket carries, read as the house's events."""

import base64
import binascii

import attrs

from protocol.errors import RemoteProtocolError
from protocol.events import (
    BookReplaced,
    BookUnreadable,
    EventListed,
    EventUnlisted,
    HeartbeatReceived,
    MarketListed,
    MessageUnreadable,
    SelectionListed,
    TradePrinted,
    UnknownReceived,
    VenueEvent,
)
from protocol.ids import BookKey, EventId, MarketId, SelectionId
from protocol.money import cents_received
from protocol.prophetx import wire
from protocol.prophetx.reading import competition_of, event_of, given, is_active, odds_of, order_of, sides_of, strike_of
from protocol.prophetx.wire import Dialect


@attrs.define
class PushReader:
    """Read what one socket carries. It counts the payloads whose base64 only a lenient reader could take."""

    dialect: Dialect
    broadcast: frozenset[str] = frozenset()  # every other channel counts as private: the careful reading
    lenient: int = 0

    def read(self, channel: str, event: str, data: bytes) -> tuple[VenueEvent, ...]:
        """Read one application message. What cannot be read is a value too, and names what must be asked anew."""
        if event == wire.HEALTH_CHECK:
            return (HeartbeatReceived(),)
        try:
            change_type, op, payload = self._open(data)
            return self._translate(wire.CHANGE_TYPE_ALIASES.get(change_type, change_type), op, payload)
        except RemoteProtocolError as error:
            return (MessageUnreadable(private=channel not in self.broadcast, reason=f"{event}: {error}"),)

    def _open(self, data: bytes) -> tuple[str, str, bytes]:
        try:
            strict = wire.decode(wire.StrictEnvelope, data, Dialect.V4)
            change_type, op, payload = strict.change_type, strict.op, strict.payload
        except RemoteProtocolError:
            loose = wire.decode(wire.Envelope, data, Dialect.V4)
            change_type, op, payload = loose.change_type, loose.op, _lenient_base64(loose.payload)
            self.lenient += 1
        if payload.startswith(b'"'):  # encoded twice
            payload = wire.decode(str, payload, Dialect.V4).encode()
        return change_type, op, payload

    def _translate(self, change_type: str, op: str, payload: bytes) -> tuple[VenueEvent, ...]:
        match change_type:
            case "market_selections":
                return _selections(wire.decode(wire.SelectionsPush, payload, self.dialect))
            case "matched_order":
                return (_trade(wire.decode(wire.MatchedPush, payload, self.dialect).info),)
            case "order":
                return (order_of(wire.decode(wire.OrderPush, payload, self.dialect).info),)
            case "sport_event":
                return (_event_push(wire.decode(wire.SportEventPush, payload, self.dialect), op),)
            case "market":
                return (_market_push(wire.decode(wire.MarketPush, payload, self.dialect).info),)
            case "market_strike":
                return (_strike_push(wire.decode(wire.StrikePush, payload, self.dialect).info, op),)
            case "tournament":
                return (competition_of(wire.decode(wire.TournamentPush, payload, self.dialect).info),)
            case wire.PRIVATE_SIGNAL:
                return (HeartbeatReceived(),)
            case _:
                return (UnknownReceived(kind=change_type),)


def _lenient_base64(text: str) -> bytes:
    plain = "".join(text.split()).rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RemoteProtocolError(f"payload: {error}") from error


def _selections(push: wire.SelectionsPush) -> tuple[VenueEvent, ...]:
    path = f"market {push.sport_event_id}/{push.market_id}"
    sides = sides_of(push.info.selections, f"{path}.selections")
    key = BookKey(EventId(push.sport_event_id), MarketId(push.market_id), strike_of(push.info.strike, path))
    if not sides:
        return (BookUnreadable(key=key),)
    return (
        BookReplaced(
            key=key, name=push.info.name, kind=push.info.type, sides=sides, sequence_ns=push.info.sequence_number
        ),
    )


def _trade(info: wire.MatchedInfo) -> TradePrinted:
    path = f"matched order {info.sport_event_id}/{info.market_id}"
    return TradePrinted(
        event_id=EventId(info.sport_event_id),
        market_id=MarketId(info.market_id),
        selection_id=SelectionId(info.strike_id),
        price=odds_of(info.price, f"{path}.price"),
        fill_price=odds_of(info.fill_price, f"{path}.fill_price"),
        size=cents_received(info.filled_quantity, f"{path}.filled_quantity"),
        sequence_ns=info.sequence_number,
    )


def _event_push(push: wire.SportEventPush, op: str) -> EventListed | EventUnlisted:
    if op == "d" or not isinstance(push.info, wire.SportEvent):
        return EventUnlisted(event_id=EventId(_number(push.id, "sport_event.id")))
    tournament = given(push.tournament_id, None)
    return event_of(push.info, None if tournament is None else _number(tournament, "sport_event.tournament_id"))


def _number(text: str | int, path: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise RemoteProtocolError(f"{path}: {text!r} is not an id") from error


def _market_push(info: wire.MarketInfo) -> MarketListed:
    return MarketListed(
        event_id=EventId(info.sport_event_id),
        market_id=MarketId(info.id),
        name=info.name,
        active=is_active(info.status),
    )


def _strike_push(info: wire.StrikeInfo, op: str) -> SelectionListed:
    return SelectionListed(
        event_id=EventId(info.sport_event_id),
        market_id=MarketId(info.market_id),
        selection_id=SelectionId(info.strike_id),
        name=info.name,
        active=op != "d" and is_active(info.status),
    )
