"""One request, with what is needed to answer it."""

import re
from typing import TypeVar

import attrs

from actors.exchange.http import Asked as Asked
from actors.exchange.prophetx.feed import Feed
from actors.exchange.prophetx.floor import Floor
from actors.exchange.prophetx.ledger import Account
from actors.exchange.prophetx.refusals import Refused
from actors.exchange.prophetx.replica import Replica
from actors.exchange.prophetx.settings import ExchangeSettings
from actors.exchange.prophetx.tokens import Gatekeeper
from protocol.errors import RemoteProtocolError
from protocol.prophetx import wire
from protocol.prophetx.wire import Dialect

R = TypeVar("R", bound=wire.Record)

MAX_IDS = 100
_DIGITS = re.compile(r"[0-9]{1,18}")


@attrs.frozen(kw_only=True, eq=False)
class Venue:
    """Everything that an endpoint can look at or change."""

    settings: ExchangeSettings
    floor: Floor
    feed: Feed
    gatekeeper: Gatekeeper
    replica: Replica


@attrs.frozen(kw_only=True, eq=False)
class Visit:
    """A request of a known endpoint."""

    venue: Venue
    asked: Asked
    dialect: Dialect
    now_ns: int
    argument: str = ""  # what follows the endpoint's name in the path

    @property
    def account(self) -> Account:
        """Return who asks. Raises `Refused` without a token that holds."""
        account_id = self.venue.gatekeeper.account_of(self.asked.headers.get("authorization", ""), self.now_ns)
        return self.venue.floor.accounts[account_id]

    def form(self, kind: type[R], code: str = "invalid_request") -> R:
        """Read the body, whatever its content type says. Raises `Refused`."""
        try:
            return wire.decode(kind, self.asked.body, self.dialect)
        except RemoteProtocolError as error:
            raise Refused(code, f"Invalid request: {error}") from error

    def text(self, name: str) -> str:
        return self.asked.query.get(name, "")

    def number(self, name: str, code: str) -> int | None:
        """Read a whole number of the query; None when it is absent. Raises `Refused` with the code."""
        text = self.text(name)
        if not text:
            return None
        if not _DIGITS.fullmatch(text):
            raise Refused(code, f"Invalid param: invalid {name} param")
        return int(text)

    def names(self, name: str, code: str, most: int = MAX_IDS) -> list[str]:
        """Read a comma-separated list of the query. Raises `Refused` with the code when it is too long."""
        items = [item.strip() for item in self.text(name).split(",") if item.strip()]
        if len(items) > most:
            raise Refused(code, f"{len(items)} in {name}, at most {most}")
        return items

    def numbers(self, name: str, code: str, most: int, too_many: str) -> list[int]:
        items = self.names(name, too_many, most)
        if not all(_DIGITS.fullmatch(item) for item in items):
            raise Refused(code, f"Invalid param: invalid {name} param")
        return [int(item) for item in items]

    def limit(self, most: int, default: int = 20) -> int:
        limit = self.number("limit", "invalid_param")
        if limit is None:
            return default
        if not 1 <= limit <= most:
            raise Refused("invalid_param", "Invalid param: invalid limit param")
        return limit

    def cursor(self) -> int | None:
        return self.number("next_cursor", "invalid_cursor")
