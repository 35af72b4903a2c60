"""One socket's conversation, as the venue holds it over Pusher."""

from collections.abc import Iterator

import attrs

from protocol.errors import RemoteProtocolError
from protocol.events import MessageUnreadable
from protocol.prophetx import pusher
from protocol.prophetx.pusher import ClientSession
from protocol.prophetx.pushes import PushReader
from protocol.prophetx.rest import ProphetXRest
from protocol.venue import Call, Heard, Registration, Say, SocketRefused, Wanted


@attrs.define(kw_only=True)
class ProphetXFeed:
    """Handshake, registration by REST, sign-in, one subscription a channel, then messages."""

    rest: ProphetXRest
    reader: PushReader
    session: ClientSession = attrs.field(factory=ClientSession)
    _awaiting: set[str] = attrs.field(factory=set)

    @property
    def established(self) -> bool:
        return self.session.state is pusher.State.CONNECTED

    @property
    def awaiting(self) -> bool:
        return bool(self._awaiting)

    @property
    def activity_timeout_s(self) -> float:
        return self.session.activity_timeout_s

    @property
    def ping(self) -> str | None:
        return pusher.ping()

    def registering(self, wanted: Wanted) -> Call[Registration] | None:
        return self.rest.register(self.session.socket_id, wanted)

    def subscribe(self, wanted: Wanted, registration: Registration | None) -> tuple[str, ...]:
        """Return the frames for the granted channels. What is wanted stands in the registration already."""
        assert registration is not None, "the venue grants channels by REST"
        channels = [each for each in registration.channels if each.name not in self.session.subscribed]
        self.reader.broadcast |= {each.name for each in registration.channels if not each.private}
        self._awaiting = {each.name for each in channels}
        frames = [self.session.subscribe(each.name, each.auth) for each in channels]
        if registration.sign_in is not None and not self.session.signed_in:
            frames.insert(0, self.session.sign_in(*registration.sign_in))
        return tuple(frames)

    def receive(self, frame: str | bytes) -> tuple[Heard, ...]:
        try:
            return tuple(self._heard(self.session.receive(frame)))
        except RemoteProtocolError as error:
            return tuple(MessageUnreadable(private=private, reason=str(error)) for private in (True, False))

    def _heard(self, event: pusher.ClientEvent | None) -> Iterator[Heard]:
        match event:
            case pusher.Delivered(channel=channel, event=name, data=data):
                yield from self.reader.read(channel, name, data)
            case pusher.Subscribed(channel=channel):
                self._awaiting.discard(channel)
            case pusher.Pinged():
                yield Say(pusher.pong())
            case pusher.Refused(message=message, code=code):
                yield SocketRefused(message, code)
            case pusher.Established() | pusher.SignedIn() | pusher.Ponged() | None:
                pass
