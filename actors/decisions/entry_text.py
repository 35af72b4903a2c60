"""What the journal holds, as text."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NoReturn, TypeVar, get_args

from cattrs import Converter
from cattrs.errors import ForbiddenExtraKeysError, StructureHandlerNotFoundError
from cattrs.strategies import configure_tagged_union

from actors.entries import Entry
from protocol.commands import CancelAll, CancelOrder
from protocol.errors import LocalProtocolError
from protocol.ids import EventId, MarketId
from protocol.odds import Odds
from protocol.prices import Price, Probability
from protocol.venue import AccessToken, Credentials, Tokens

T = TypeVar("T")

KINDS: Mapping[str, type[Entry]] = MappingProxyType({kind.__name__: kind for kind in get_args(Entry)})
SECRET = (Credentials, Tokens, AccessToken)


class EntryUnreadable(Exception):
    """A text is not what this version writes. The message says what is wrong with it."""


def written(entry: object) -> str:
    """Write an entry, or what entries are made of, as JSON in ASCII. Raises `TypeError` for whatever is a secret."""
    return json.dumps(_CONVERTER.unstructure(entry), separators=(",", ":"))


def read(text: str, kind: type[T]) -> T:
    """Read what `written` wrote, strictly: no text counts as a number. Raises `EntryUnreadable`."""
    try:
        return _CONVERTER.structure(json.loads(text), kind)
    except KeyError as error:
        raise EntryUnreadable(f"{kind.__name__}: {error} is missing") from error
    except (
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
        LocalProtocolError,
        ForbiddenExtraKeysError,
        StructureHandlerNotFoundError,
    ) as error:
        raise EntryUnreadable(f"{kind.__name__}: {error}") from error


def read_entry(kind: str, text: str) -> Entry:
    """Read an entry of a kind. Raises `EntryUnreadable`, also for a kind that this version does not know."""
    known = KINDS.get(kind)
    if known is None:
        raise EntryUnreadable(f"{kind} is not a kind of entry that this version knows; a newer one may have written it")
    return read(text, known)


def _integer(value: object, _: object) -> int:
    if type(value) is not int:
        raise ValueError(f"expected a whole number, got {value!r}")
    return value


def _text(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a text, got {value!r}")
    return value


def _truth(value: object, _: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r}")
    return value


def _id(value: object, _: object = None) -> object:
    if type(value) is not int and not isinstance(value, str):
        raise TypeError(f"expected a number or a text, got {type(value).__name__}")
    return value


def _price(value: object, _: object) -> Price:
    if isinstance(value, dict):
        return _CONVERTER.structure(value, Probability)
    return Odds(_integer(value, None))


def _plain(price: Price) -> object:
    return {"bp": price.bp} if isinstance(price, Probability) else price


def _refused(secret: object) -> NoReturn:
    raise TypeError(f"{type(secret).__name__} holds secrets: the journal takes none")


_CONVERTER = Converter(forbid_extra_keys=True, detailed_validation=False)
_CONVERTER.register_structure_hook(int, _integer)
_CONVERTER.register_structure_hook(str, _text)
_CONVERTER.register_structure_hook(bool, _truth)
_CONVERTER.register_structure_hook_func(lambda kind: kind == Price, _price)
_CONVERTER.register_unstructure_hook_func(lambda kind: kind == Price, _plain)
for _name in (EventId, MarketId):
    _CONVERTER.register_structure_hook(_name, _id)
    _CONVERTER.register_unstructure_hook(_name, _id)
for _kind in SECRET:
    _CONVERTER.register_unstructure_hook(_kind, _refused)
configure_tagged_union(CancelOrder | CancelAll, _CONVERTER, tag_name="command")
