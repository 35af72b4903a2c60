"""Application messages: the venue's envelope, and the ways in which it can be spoilt."""

import base64
import enum
from random import Random

import attrs
import msgspec

from protocol.prophetx import pusher, wire
from protocol.prophetx.wire import Dialect


@attrs.frozen(kw_only=True)
class Message:
    """One message of one channel, before it is a frame."""

    channel: str
    event: str
    change_type: str  # in the v4 words, whatever the envelope says
    envelope: wire.Envelope
    is_fill: bool = False

    def frame(self) -> str:
        return pusher.push(self.channel, self.event, wire.encode(self.envelope, Dialect.V4))


def envelope(change_type: str, op: str, record: wire.Record, dialect: Dialect, now_ns: int) -> wire.Envelope:
    """Wrap a record in its envelope, in a dialect's words."""
    name = wire.V4_CHANGE_TYPES.get(change_type, change_type) if dialect is Dialect.LEGACY else change_type
    payload = wire.encode(_worded(record, dialect), dialect)
    return wire.Envelope(change_type=name, op=op, payload=base64.b64encode(payload).decode(), timestamp=now_ns)


def heartbeat(channel: str, now_ns: int) -> Message:
    return Message(
        channel=channel,
        event=wire.HEALTH_CHECK,
        change_type=wire.HEALTH_CHECK,
        envelope=wire.Envelope(change_type=wire.PRIVATE_SIGNAL, op="u", payload="e30=", timestamp=now_ns),
    )


def worded(order: wire.Order, dialect: Dialect) -> wire.Order:
    """Write the values of an order in a dialect's words; its field names are the encoder's."""
    if dialect is Dialect.V4:
        return order
    winning = order.winning_status or ""
    return msgspec.structs.replace(order, winning_status=wire.LEGACY_WINNING.get(winning, winning))


def _worded(record: wire.Record, dialect: Dialect) -> wire.Record:
    return wire.OrderPush(info=worded(record.info, dialect)) if isinstance(record, wire.OrderPush) else record


class Spoiling(enum.Enum):
    NOT_JSON = "not_json"
    BAD_BASE64 = "bad_base64"
    ENCODED_TWICE = "encoded_twice"  # a careful reader understands this one
    NULL_LISTS = "null_lists"


def spoilt(message: Message, random: Random) -> str:
    """Write a frame that is wrong in one of the ways seen."""
    payload = base64.b64decode(message.envelope.payload)
    match random.choice(tuple(Spoiling)):
        case Spoiling.NOT_JSON:
            return message.frame()[:-2]
        case Spoiling.BAD_BASE64:
            text = message.envelope.payload[:-3] + "*"
        case Spoiling.ENCODED_TWICE:
            text = base64.b64encode(msgspec.json.encode(payload.decode())).decode()
        case Spoiling.NULL_LISTS:
            text = base64.b64encode(_without_lists(payload)).decode()
    changed = msgspec.structs.replace(message.envelope, payload=text)
    return attrs.evolve(message, envelope=changed).frame()


def _without_lists(payload: bytes) -> bytes:
    record = msgspec.json.decode(payload)
    info = record.get("info")
    if isinstance(info, dict):
        record["info"] = {name: None if isinstance(value, list) else value for name, value in info.items()}
    return msgspec.json.encode(record)
