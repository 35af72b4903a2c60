"""Application events as frames."""

from random import Random

import attrs

from actors.exchange.satoriex.choices import Nesting, WireChoices
from actors.exchange.satoriex.records import Json, Record, encode

_NUMBERS = ("price", "quantity", "mid", "best_bid", "best_ask", "shares")
_WRONG: tuple[Json, ...] = (0, -5, 10_000, "4200")


@attrs.frozen(kw_only=True)
class Message:
    """One event on its way to one socket. `where` is its name for what goes wrong, whatever the wire calls it."""

    where: str
    kind: str
    channel: str
    data: Record
    market_id: str | None = None
    outcome_id: str | None = None
    at: str | int

    def body(self, wire: WireChoices) -> Record:
        ids: Record = {}
        if self.market_id is not None:
            ids["market_id"] = self.market_id
        if self.outcome_id is not None:
            ids["outcome_id"] = self.outcome_id
        match wire.nesting:
            case Nesting.ASSUMED:
                return {"type": self.kind, "channel": self.channel, **ids, "data": self.data, "ts": self.at}
            case Nesting.FLAT:
                return {**self.data, **ids, "type": self.kind, "channel": self.channel, "ts": self.at}
            case Nesting.DATA:
                return {"type": self.kind, "data": {**self.data, **ids}}
            case Nesting.PAYLOAD:
                return {"type": self.kind, "channel": self.channel, "payload": {**self.data, **ids}}

    def frame(self, wire: WireChoices) -> str:
        return encode(self.body(wire)).decode()

    def spoilt(self, wire: WireChoices, random: Random) -> str:
        """Return a frame whose meaning is lost."""
        frame = self.frame(wire)
        wrong: Json = random.choice(_WRONG)
        spoilt: Json = _poisoned(self.body(wire), wrong)
        return random.choice(
            (
                frame[: len(frame) // 2],
                "[1, 2]",
                '{"type": 7}',
                encode({**self.body(wire), "type": "unheard_of"}).decode(),
                encode(spoilt).decode(),
                encode(spoilt).decode().replace('"4200"', "42.5"),
            )
        )


def _poisoned(value: Json, wrong: Json) -> Json:
    """Return the same with every size and price wrong."""
    if isinstance(value, dict):
        return {
            name: wrong if name in _NUMBERS and each is not None else _poisoned(each, wrong)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [wrong if isinstance(each, int) else _poisoned(each, wrong) for each in value]
    return value
