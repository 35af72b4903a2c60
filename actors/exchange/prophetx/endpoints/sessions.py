"""Logging in, and being let onto the socket."""

from collections.abc import Sequence
from urllib.parse import parse_qs

from actors.exchange.prophetx import registration
from actors.exchange.prophetx.endpoints.visit import Visit
from actors.exchange.prophetx.refusals import Refused
from actors.exchange.prophetx.registration import private_channel
from actors.exchange.prophetx.socket import Socket
from protocol.errors import RemoteProtocolError
from protocol.prophetx import wire
from protocol.prophetx.wire import Dialect

CLUSTER = "mt1"
APP_ID = "overround"


def log_in(visit: Visit) -> wire.TokensAnswer:
    return visit.venue.gatekeeper.log_in(visit.form(wire.LoginForm), visit.now_ns)


def refresh(visit: Visit) -> wire.TokensAnswer:
    return visit.venue.gatekeeper.refresh(visit.form(wire.RefreshForm), visit.now_ns)


def connection_config(visit: Visit) -> wire.ConnectionConfig:
    return wire.ConnectionConfig(
        app_id=APP_ID, key=visit.venue.feed.key, cluster=CLUSTER, ws_host=visit.asked.headers.get("host", "")
    )


def register(visit: Visit) -> wire.RegistrationAnswer:
    """Name the whole set of wanted channels of a socket."""
    form = visit.form(wire.RegistrationForm)
    subscriptions = form.subscriptions if isinstance(form.subscriptions, list) else []
    socket = _socket(visit, form.socket_id)
    answer = _grant(visit, socket, Dialect.V4, subscriptions)
    return wire.RegistrationAnswer(auth=socket.signer.channel(private_channel(visit.account.account_id)), data=answer)


def register_legacy(visit: Visit) -> wire.RegistrationAnswer:
    """List a socket's channels; with a channel's name, authorise that one, as Pusher libraries ask."""
    socket_id, channel = _socket_form(visit)
    socket = _socket(visit, socket_id)
    data = _grant(visit, socket, Dialect.LEGACY, _header_subscriptions(visit))
    account_id = visit.account.account_id
    allowed = [each.channel_name for each in data.authorized_channel or ()]
    if channel and channel not in allowed:
        raise Refused("unauthorized", f"Channel {channel[:200]} is not authorized")
    return wire.RegistrationAnswer(auth=socket.signer.channel(channel or private_channel(account_id)), data=data)


def _grant(
    visit: Visit, socket: Socket, dialect: Dialect, subscriptions: Sequence[wire.Subscription]
) -> wire.RegistrationData:
    granted = registration.register(
        registration.Request(
            account_id=visit.account.account_id,
            dialect=dialect,
            registered=socket.registered,
            subscriptions=subscriptions,
            competitions=visit.venue.floor.competitions(),
            channel_limit=visit.venue.settings.channel_limit,
            now_s=visit.now_ns // 10**9,
        ),
        socket.signer,
    )
    socket.account_id = visit.account.account_id
    socket.dialect = dialect
    socket.registered = granted.registered
    return granted.data


def _socket(visit: Visit, socket_id: str) -> Socket:
    socket = visit.venue.feed.sockets.get(socket_id)
    if socket is None or socket.account_id not in (None, visit.account.account_id):
        raise Refused("invalid_request", f"Unknown socket id {socket_id[:100]}")
    return socket


def _socket_form(visit: Visit) -> tuple[str, str]:
    """Read a socket id and perhaps a channel, from JSON or from a form."""
    if visit.asked.body.lstrip()[:1] == b"{":
        form = visit.form(_LegacyForm)
        return form.socket_id, form.channel_name
    try:
        fields = parse_qs(visit.asked.body.decode(), max_num_fields=100)
    except ValueError as error:
        raise Refused("invalid_request", "Invalid request: not a form") from error
    return fields.get("socket_id", [""])[0], fields.get("channel_name", [""])[0]


class _LegacyForm(wire.Record, frozen=True, kw_only=True):
    socket_id: str
    channel_name: str = ""


def _header_subscriptions(visit: Visit) -> list[wire.Subscription]:
    text = visit.asked.headers.get("header-subscriptions", "") or "[]"
    try:
        return wire.decode(list[wire.Subscription], text, Dialect.V4)
    except RemoteProtocolError as error:
        raise Refused("invalid_request", f"Invalid request: header-subscriptions: {error}") from error
