"""Who hears what is published."""

from collections.abc import Callable, Iterable
from random import Random

import attrs

from actors.exchange.prophetx import frames, records
from actors.exchange.prophetx.catalogue import Event, Market
from actors.exchange.prophetx.floor import Floor
from actors.exchange.prophetx.publications import (
    BookChanged,
    EventChanged,
    MarketListed,
    OrderChanged,
    Publication,
    StrikeListed,
    Traded,
)
from actors.exchange.prophetx.registration import MAIN, canonical, event_channel, private_channel, sub_channel
from actors.exchange.prophetx.socket import Socket
from protocol.ids import number
from protocol.prophetx import wire
from protocol.prophetx.wire import Dialect

PROPS = ("player_", "team_", "both_teams")  # sub-types with a channel of their own start so


@attrs.frozen(kw_only=True)
class _Address:
    """Where a message goes in one dialect."""

    channel: str
    event: str


@attrs.frozen(kw_only=True)
class _Letter:
    change_type: str
    v4: _Address
    legacy: _Address
    write: Callable[[], Iterable[wire.Record]]  # not called when nobody listens
    op: str = "u"
    is_fill: bool = False

    def address(self, dialect: Dialect) -> _Address:
        return self.v4 if dialect is Dialect.V4 else self.legacy


@attrs.define(eq=False)
class Feed:
    """Turn publications into messages for the sockets that are subscribed to them."""

    floor: Floor
    random: Random
    wall_ns: Callable[[], int]
    sockets: dict[str, Socket] = attrs.field(factory=dict, init=False)
    key: str = attrs.field(default="", init=False)
    secret: str = attrs.field(default="", init=False, repr=False)
    _muted_until_ns: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.change_key()

    def change_key(self) -> None:
        """Take a new application key: the next handshake needs it. Sockets that are open stay so."""
        self.key, self.secret = self.random.randbytes(10).hex(), self.random.randbytes(16).hex()

    def new_socket_id(self) -> str:
        return f"{self.random.randrange(1, 10**6)}.{self.random.randrange(1, 10**9)}"

    def mute_heartbeat(self, until_ns: int) -> None:
        self._muted_until_ns = until_ns

    def beat(self) -> None:
        """Send the heartbeat of every private channel."""
        now_ns = self.wall_ns()
        if now_ns < self._muted_until_ns:
            return
        for socket in tuple(self.sockets.values()):
            if socket.account_id is not None and socket.hears(private_channel(socket.account_id)):
                socket.send(frames.heartbeat(private_channel(socket.account_id), now_ns))

    def publish(self, publication: Publication) -> None:
        if self.sockets:
            self._deliver(self._letter(publication))

    def _deliver(self, letter: _Letter) -> None:
        written: dict[Dialect, list[frames.Message]] = {}
        for socket in tuple(self.sockets.values()):
            if not socket.hears(letter.address(socket.dialect).channel):
                continue
            if socket.dialect not in written:
                written[socket.dialect] = self._messages(letter, socket.dialect)
            for message in written[socket.dialect]:
                socket.send(message)

    def _messages(self, letter: _Letter, dialect: Dialect) -> list[frames.Message]:
        address, now_ns = letter.address(dialect), self.wall_ns()
        return [
            frames.Message(
                channel=address.channel,
                event=address.event,
                change_type=letter.change_type,
                envelope=frames.envelope(letter.change_type, letter.op, record, dialect, now_ns),
                is_fill=letter.is_fill,
            )
            for record in letter.write()
        ]

    def _letter(self, publication: Publication) -> _Letter:
        match publication:
            case OrderChanged(order=order, fill=fill, sequence_ns=sequence_ns):
                channel = private_channel(order.account.account_id)
                return _Letter(
                    change_type="order",
                    v4=_Address(channel=channel, event="orders"),
                    legacy=_Address(channel=channel, event="wagers"),
                    write=lambda: [records.order_push(order, fill, sequence_ns)],
                    is_fill=fill is not None,
                )
            case Traded(order=order, fill=fill, sequence_ns=sequence_ns):
                event = self.floor.events[order.listing.key.event_id].event
                return _broadcast("matched_order", event, lambda: [records.matched_push(order, fill, sequence_ns)], "c")
            case BookChanged(listing=listing, sequence_ns=sequence_ns):
                book = self.floor.books[listing.key]
                letter = _broadcast(
                    "market_selections", book.event.event, lambda: [records.selections_push(book, sequence_ns)]
                )
                channel = _market_channel(book.event.event, book.market)
                return attrs.evolve(letter, v4=_Address(channel=channel, event="market_selections"))
            case EventChanged():
                return self._event_letter(publication)
            case MarketListed(event=event, market=market, sequence_ns=sequence_ns):
                return _broadcast("market", event, lambda: [records.market_push(event, market, sequence_ns)], "c")
            case StrikeListed(event=event, market=market, listing=listing, sequence_ns=sequence_ns):
                return _broadcast(
                    "market_strike", event, lambda: records.strike_pushes(market, listing, sequence_ns), "c"
                )

    def _event_letter(self, publication: EventChanged) -> _Letter:
        event, sequence_ns = publication.event, publication.sequence_ns
        opened = self.floor.events.get(event.event_id)
        if publication.change == "d" or opened is None:
            return _broadcast(
                "sport_event", event, lambda: [records.unlisted_push(event.event_id, event.competition)], "d"
            )
        return _broadcast(
            "sport_event", event, lambda: [records.sport_event_push(opened, sequence_ns)], publication.change
        )


def _broadcast(change_type: str, event: Event, write: Callable[[], Iterable[wire.Record]], op: str = "u") -> _Letter:
    address = _Address(channel=MAIN, event=f"tournament_{event.competition.competition_id}")
    return _Letter(change_type=change_type, v4=address, legacy=address, write=write, op=op)


def _market_channel(event: Event, market: Market) -> str:
    sub_kind = canonical(market.sub_kind)
    if sub_kind.startswith(PROPS):
        return sub_channel(number(event.event_id), sub_kind)
    return event_channel(number(event.event_id))
