"""One request, with what is needed to answer it."""

import re
from collections.abc import Iterable, Sequence

import attrs
import msgspec

from actors.exchange.http import Asked
from actors.exchange.satoriex.accounts import Account
from actors.exchange.satoriex.floor import Floor
from actors.exchange.satoriex.records import Json, Record, Writer
from actors.exchange.satoriex.refusals import Refused
from actors.exchange.satoriex.replica import Replica
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.exchange.satoriex.tokens import Gatekeeper

_DIGITS = re.compile(r"[0-9]{1,9}")


@attrs.frozen(kw_only=True, eq=False)
class Venue:
    """Everything that an endpoint can look at or change."""

    settings: SatoriexSettings
    floor: Floor
    gatekeeper: Gatekeeper
    replica: Replica
    writer: Writer


@attrs.frozen(kw_only=True, eq=False)
class Visit:
    """A request of a known endpoint."""

    venue: Venue
    asked: Asked
    now_ns: int
    arguments: Sequence[str] = ()
    account_id: str = ""  # empty for an open endpoint

    @property
    def account(self) -> Account:
        return self.venue.floor.accounts[self.account_id]

    def body(self) -> dict[str, object]:
        """Read a JSON object. Raises `Refused`."""
        try:
            return msgspec.json.decode(self.asked.body, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused("body_invalid") from error

    def page(self, records: Iterable[Record]) -> Json:
        """Return one page of a list, bare or in its envelope. Raises `Refused`."""
        found = list(records)
        rows, page, size = self._page(found)
        if self.venue.settings.wire.bare_lists:
            return rows
        return {"items": rows, "page": page, "size": size, "total": len(found)}

    def enveloped_page(self, records: Iterable[Record]) -> Json:
        """Return one page of a list that always has an envelope. Raises `Refused`."""
        found = list(records)
        rows, page, size = self._page(found)
        return {"items": rows, "page": page, "size": size, "total": len(found)}

    def _page(self, found: list[Record]) -> tuple[list[Record], int, int]:
        page = self._number("page", 1)
        size = min(self._number("size", self.venue.settings.page_size), self.venue.settings.max_page_size)
        return found[(page - 1) * size : page * size], page, size

    def _number(self, name: str, default: int) -> int:
        text = self.asked.query.get(name, "")
        if not text:
            return default
        if not _DIGITS.fullmatch(text) or int(text) < 1:
            raise Refused("query_invalid")
        return int(text)
