"""What a socket may hear: channel names, their authorisation, and the limit on them."""

import re
from collections.abc import Sequence

import attrs
import msgspec

from actors.exchange.prophetx.catalogue import Competition
from actors.exchange.prophetx.refusals import Refused
from protocol.prophetx import pusher, wire
from protocol.prophetx.wire import Dialect

MAIN = "private-broadcast-service=6-device_type=5"
MAX_EVENT_ID = 2**31 - 1


def event_channel(event_id: int) -> str:
    return f"{MAIN}-event={event_id}"


def sub_channel(event_id: int, sub_kind: str) -> str:
    return f"{MAIN}-event={event_id}-subtype={sub_kind}"


def private_channel(account_id: str) -> str:
    return f"private-service=6-device_type=5-user={account_id}"


def canonical(sub_kind: str) -> str:
    """Write a sub-type as channel names do: lower case, `_` for a space, `/` or `-`, nothing else that is odd."""
    return re.sub(r"[^a-z0-9_]", "", re.sub(r"[ /-]", "_", sub_kind.lower()))


@attrs.frozen
class Signer:
    """Sign for one socket with the application's key."""

    key: str
    secret: str = attrs.field(repr=False)
    socket_id: str

    def channel(self, name: str) -> str:
        return pusher.channel_auth(self.key, self.secret, self.socket_id, name)

    def user(self, user_data: str) -> str:
        return pusher.sign_in_auth(self.key, self.secret, self.socket_id, user_data)


@attrs.frozen(kw_only=True)
class Request:
    """A socket's wish, with what it registered before."""

    account_id: str
    dialect: Dialect
    registered: tuple[tuple[int, str], ...]  # events and their sub-markets, "" for the event itself
    subscriptions: Sequence[wire.Subscription]
    competitions: Sequence[Competition]
    channel_limit: int
    now_s: int


@attrs.frozen(kw_only=True)
class Granted:
    data: wire.RegistrationData
    registered: tuple[tuple[int, str], ...]


def register(request: Request, signer: Signer) -> Granted:
    """Grant the whole wish or refuse it. Raises `Refused` when the socket would hear too much."""
    wanted: dict[tuple[int, str], None] = {}
    tournaments: dict[int, None] = {}
    rejected: list[wire.Rejected] = []
    for subscription in request.subscriptions:
        for text in subscription.ids:
            _read(subscription.type, text, wanted, tournaments, rejected)
        if subscription.type not in ("event", "event_subtype", "tournament") and not subscription.ids:
            rejected.append(wire.Rejected(type=subscription.type, reason="unknown_type"))
    registered = tuple(dict.fromkeys((*request.registered, *wanted)))
    if len(registered) > request.channel_limit:
        raise Refused("exceed_subscription_count", f"{len(registered)} channels, at most {request.channel_limit}")
    channels = [_main(request, tournaments, signer), _private(request, signer)]
    channels += [_scoped(event_id, sub_kind, signer) for event_id, sub_kind in wanted]
    user_data = msgspec.json.encode({"id": request.account_id}).decode()
    data = wire.RegistrationData(
        updated_at=request.now_s,
        subscriptions=list(request.subscriptions) or None,
        authorized_channel=channels,
        channel_count=len(registered),
        channel_limit=request.channel_limit,
        authenticated=wire.Authenticated(auth=signer.user(user_data), user_data=user_data),
        rejected=rejected or msgspec.UNSET,
    )
    return Granted(data=data, registered=registered)


def _read(
    kind: str,
    text: str,
    wanted: dict[tuple[int, str], None],
    tournaments: dict[int, None],
    rejected: list[wire.Rejected],
) -> None:
    reason = ""
    number, _, sub_kind = text.partition(":")
    if kind not in ("event", "event_subtype", "tournament"):
        reason = "unknown_type"
    elif text == "all":
        reason = "wildcard_not_allowed"
    elif not _is_id(number) or (kind == "event_subtype") != bool(canonical(sub_kind)):
        reason = "malformed_id"
    elif kind == "tournament":
        tournaments[int(number)] = None
    else:
        wanted[int(number), canonical(sub_kind)] = None
    if reason:
        rejected.append(wire.Rejected(type=kind, id=text, reason=reason))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and 0 < int(text) <= MAX_EVENT_ID


def _main(request: Request, tournaments: dict[int, None], signer: Signer) -> wire.AuthorizedChannel:
    ids = list(tournaments) or [each.competition_id for each in request.competitions]
    bindings = [wire.Binding(name=f"tournament_{each}", type="tournament") for each in ids]
    return wire.AuthorizedChannel(
        channel_name=MAIN,
        auth=signer.channel(MAIN),
        binding_events=[*bindings, wire.Binding(name="general", type="general")],
    )


def _private(request: Request, signer: Signer) -> wire.AuthorizedChannel:
    name = private_channel(request.account_id)
    orders = "orders" if request.dialect is Dialect.V4 else "wagers"
    return wire.AuthorizedChannel(
        channel_name=name,
        auth=signer.channel(name),
        binding_events=[
            wire.Binding(name=orders, type=orders),
            wire.Binding(name=wire.HEALTH_CHECK, type=wire.PRIVATE_SIGNAL),
        ],
    )


def _scoped(event_id: int, sub_kind: str, signer: Signer) -> wire.AuthorizedChannel:
    name = sub_channel(event_id, sub_kind) if sub_kind else event_channel(event_id)
    return wire.AuthorizedChannel(
        channel_name=name,
        auth=signer.channel(name),
        binding_events=[wire.Binding(name="market_selections", type="market_selections")],
        scope=wire.Scope(event_id=event_id, sub_type=sub_kind or msgspec.UNSET),
    )
