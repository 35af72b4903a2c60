"""The Pusher 7 session as a state machine, for both of its ends."""

import enum
import hashlib
import hmac
import json
from typing import Any

import attrs
import msgspec

from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.venue import Reconnect

PROTOCOL = 7
ACTIVITY_TIMEOUT_S = 120.0  # ours; the server's is used when it is shorter
PONG_TIMEOUT_S = 30.0

ESTABLISHED = "pusher:connection_established"
ERROR = "pusher:error"
PING = "pusher:ping"
PONG = "pusher:pong"
SIGNIN = "pusher:signin"
SIGNIN_SUCCESS = "pusher:signin_success"
SUBSCRIBE = "pusher:subscribe"
UNSUBSCRIBE = "pusher:unsubscribe"
SUBSCRIBED = "pusher_internal:subscription_succeeded"
SUBSCRIPTION_ERROR = "pusher:subscription_error"


class Frame(msgspec.Struct, frozen=True):
    event: str
    channel: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


_FRAMES = msgspec.json.Decoder(Frame)
_TEXT = msgspec.json.Decoder(str)


# --- what a session learns ---------------------------------------------------------------------------------------


@attrs.frozen
class Established:
    socket_id: str
    activity_timeout_s: float


@attrs.frozen
class SignedIn:
    pass


@attrs.frozen
class Subscribed:
    channel: str


@attrs.frozen
class Refused:
    """The server refused something; the socket stays open."""

    message: str
    code: int | None = None


@attrs.frozen
class Pinged:
    pass


@attrs.frozen
class Ponged:
    pass


@attrs.frozen
class Delivered:
    """An application message. `data` is JSON, unwrapped from the string that usually holds it."""

    channel: str
    event: str
    data: bytes


@attrs.frozen
class SubscribeAsked:
    channel: str
    auth: str


@attrs.frozen
class UnsubscribeAsked:
    channel: str


@attrs.frozen
class SignInAsked:
    auth: str
    user_data: str


ClientEvent = Established | SignedIn | Subscribed | Refused | Pinged | Ponged | Delivered
ServerEvent = SubscribeAsked | UnsubscribeAsked | SignInAsked | Pinged | Ponged | Delivered


class State(enum.Enum):
    CONNECTING = "connecting"
    CONNECTED = "connected"


def frame(event: str, data: object, channel: str | None = None, *, as_string: bool = True) -> str:
    """Write a frame. Servers send `data` as a JSON string, clients as an object."""
    body: dict[str, object] = {"event": event}
    if channel is not None:
        body["channel"] = channel
    body["data"] = json.dumps(data, separators=(",", ":")) if as_string else data
    return json.dumps(body, separators=(",", ":"))


def push(channel: str, event: str, data: bytes) -> str:
    """Write an application message whose `data` is JSON already."""
    return frame_text(event, data.decode(), channel)


def frame_text(event: str, text: str, channel: str) -> str:
    return json.dumps({"event": event, "channel": channel, "data": text}, separators=(",", ":"))


def parse(text: str | bytes) -> tuple[Frame, bytes]:
    """Read a frame and unwrap its data. Raises `RemoteProtocolError`."""
    try:
        received = _FRAMES.decode(text)
        data = bytes(received.data)
        if data.startswith(b'"'):
            data = _TEXT.decode(data).encode()
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"frame: {error}") from error
    return received, data


@attrs.define
class ClientSession:
    """The client's half: handshake, sign-in, subscriptions, liveness. It holds no socket and knows no clock."""

    state: State = State.CONNECTING
    socket_id: str = ""
    activity_timeout_s: float = ACTIVITY_TIMEOUT_S
    signed_in: bool = False
    subscribed: set[str] = attrs.field(factory=set)

    def receive(self, text: str | bytes) -> ClientEvent | None:
        """Take one frame. `None` for a protocol frame that means nothing to us. Raises `RemoteProtocolError`."""
        received, data = parse(text)
        if self.state is State.CONNECTING and received.event not in (ESTABLISHED, ERROR, PING):
            raise RemoteProtocolError(f"{received.event} before the handshake")
        match received.event:
            case "pusher:connection_established":
                return self._established(data)
            case "pusher:signin_success":
                self.signed_in = True
                return SignedIn()
            case "pusher_internal:subscription_succeeded":
                channel = received.channel or ""
                self.subscribed.add(channel)
                return Subscribed(channel)
            case "pusher:error" | "pusher:subscription_error":
                return _refused(data)
            case "pusher:ping":
                return Pinged()
            case "pusher:pong":
                return Ponged()
            case event if event.startswith(("pusher:", "pusher_internal:")):
                return None
            case event:
                return Delivered(received.channel or "", event, data)

    def sign_in(self, auth: str, user_data: str) -> str:
        self._require_connected()
        return frame(SIGNIN, {"auth": auth, "user_data": user_data}, as_string=False)

    def subscribe(self, channel: str, auth: str) -> str:
        self._require_connected()
        return frame(SUBSCRIBE, {"auth": auth, "channel": channel}, as_string=False)

    def unsubscribe(self, channel: str) -> str:
        self._require_connected()
        self.subscribed.discard(channel)
        return frame(UNSUBSCRIBE, {"channel": channel}, as_string=False)

    def _require_connected(self) -> None:
        if self.state is not State.CONNECTED:
            raise LocalProtocolError("nothing can be sent before the handshake")

    def _established(self, data: bytes) -> Established:
        body = _object(data)
        socket_id, timeout = body.get("socket_id"), body.get("activity_timeout")
        if not isinstance(socket_id, str) or not socket_id:
            raise RemoteProtocolError(f"{ESTABLISHED}: no socket_id")
        if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0):
            raise RemoteProtocolError(f"{ESTABLISHED}: activity_timeout {timeout!r}")
        self.state = State.CONNECTED
        self.socket_id = socket_id
        self.activity_timeout_s = min(ACTIVITY_TIMEOUT_S, timeout or ACTIVITY_TIMEOUT_S)
        return Established(socket_id, self.activity_timeout_s)


@attrs.define
class ServerSession:
    """The server's half. Whether an auth string is right is for `verify` and the holder of the secret."""

    socket_id: str
    activity_timeout_s: float | None = ACTIVITY_TIMEOUT_S
    user_data: str | None = None
    subscribed: set[str] = attrs.field(factory=set)

    def establish(self) -> str:
        body: dict[str, object] = {"socket_id": self.socket_id}
        if self.activity_timeout_s is not None:
            body["activity_timeout"] = self.activity_timeout_s
        return frame(ESTABLISHED, body)

    def receive(self, text: str | bytes) -> ServerEvent | None:
        """Take one frame of the client's. Raises `RemoteProtocolError`."""
        received, data = parse(text)
        match received.event:
            case "pusher:subscribe":
                body = _object(data)
                return SubscribeAsked(_text(body, "channel"), _text(body, "auth", ""))
            case "pusher:unsubscribe":
                channel = _text(_object(data), "channel")
                self.subscribed.discard(channel)
                return UnsubscribeAsked(channel)
            case "pusher:signin":
                body = _object(data)
                return SignInAsked(_text(body, "auth"), _text(body, "user_data"))
            case "pusher:ping":
                return Pinged()
            case "pusher:pong":
                return Ponged()
            case event if event.startswith("client-"):
                return Delivered(received.channel or "", event, data)
            case _:
                return None

    def accept_subscription(self, channel: str) -> str:
        self.subscribed.add(channel)
        return frame(SUBSCRIBED, {}, channel)

    def accept_sign_in(self, user_data: str) -> str:
        """Bind the socket to its user. Raises `LocalProtocolError` when it is bound to another."""
        if self.user_data not in (None, user_data):
            raise LocalProtocolError("the socket is signed in as another user")
        self.user_data = user_data
        return frame(SIGNIN_SUCCESS, {"user_data": user_data})

    @staticmethod
    def refuse(message: str, code: int | None = None) -> str:
        return frame(ERROR, {"message": message, "code": code})


def ping() -> str:
    return frame(PING, {}, as_string=False)


def pong() -> str:
    return frame(PONG, {}, as_string=False)


# --- authorisation -----------------------------------------------------------------------------------------------


def channel_auth(key: str, secret: str, socket_id: str, channel: str) -> str:
    """Sign a subscription: `<key>:<hex HMAC-SHA256>`."""
    return _signed(key, secret, f"{socket_id}:{channel}")


def sign_in_auth(key: str, secret: str, socket_id: str, user_data: str) -> str:
    """Sign a user sign-in."""
    return _signed(key, secret, f"{socket_id}::user::{user_data}")


def same(given: str, expected: str) -> bool:
    """Compare two auth strings in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _signed(key: str, secret: str, text: str) -> str:
    return f"{key}:{hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()}"


# --- closing -----------------------------------------------------------------------------------------------------


def reconnect_after(code: int) -> Reconnect:
    """Return the policy for a websocket close code (Pusher protocol 7, connection closure)."""
    if 4000 <= code <= 4099 or code >= 4300:
        return Reconnect.CHANGED
    if 4100 <= code <= 4199:
        return Reconnect.AFTER_A_SECOND
    if 4200 <= code <= 4299:
        return Reconnect.AT_ONCE
    return Reconnect.ORDINARY


def _refused(data: bytes) -> Refused:
    body = _object(data)
    code = body.get("code", body.get("status"))
    text = body.get("message", body.get("error", ""))
    return Refused(str(text), code if type(code) is int else None)


def _object(data: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(data)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"data: {error}") from error
    if not isinstance(body, dict):
        raise RemoteProtocolError(f"data: expected an object, got {type(body).__name__}")
    return body


def _text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise RemoteProtocolError(f"{name}: expected a string, got {type(value).__name__}")
    return value
