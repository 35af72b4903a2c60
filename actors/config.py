"""The configuration file: read once, strictly, with errors that say what to write instead."""

import os
import re
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NewType, TypeGuard
from urllib.parse import urlsplit

import attrs
from cattrs import ClassValidationError, Converter, ForbiddenExtraKeysError, transform_error

from actors.bot import BotSettings, Pair
from actors.decisions.guard import Limits
from actors.maker import MakerSettings
from actors.seat import SeatSettings
from actors.session import SessionSettings
from protocol.errors import LocalProtocolError
from protocol.ids import BookKey, CompetitionId, EventId, MarketId, SelectionId
from protocol.money import BASIS_POINTS, cents_given, dollars
from protocol.prophetx.venue import ProphetX
from protocol.prophetx.wire import Dialect
from protocol.satoriex.assumptions import MAX_MARKETS
from protocol.satoriex.names import buying
from protocol.satoriex.venue import SatoriEx
from protocol.venue import Credentials

Cents = NewType("Cents", int)
"""Written in dollars with at most two decimals."""
Limit = NewType("Limit", int)
"""Cents, written like them, but above 0: at 0 nothing would ever be traded."""
Count = NewType("Count", int)
"""Above 0, for the same reason."""
BasisPoints = NewType("BasisPoints", int)
"""Written as a fraction with at most four decimals: 0.02 is 2 %."""
Seconds = NewType("Seconds", float)
RestUrl = NewType("RestUrl", str)
SecretReference = NewType("SecretReference", str)
"""`env:NAME` or `file:PATH`: where a secret is, never what it is."""

MAX_FILE_BYTES = 2**20
VENUE_DOMAINS = ("prophetx.co", "prophetx.dev", "betprophet.co", "satoriex.io")
SANDBOX_WORDS = {"sandbox", "staging"}
INSTEAD_OF_ZERO = "(`overround journal latch halt` is what keeps orders from leaving)"


class ConfigError(Exception):
    """The file cannot be used. The text names the file, the key and what was expected."""


@attrs.frozen(kw_only=True)
class ProphetXConfig:
    """`[venue.prophetx]`. The keys are references, never the secrets themselves."""

    rest_url: RestUrl
    access_key: SecretReference
    secret_key: SecretReference
    dialect: Dialect = Dialect.V4
    tournaments: tuple[int, ...] = ()
    events: tuple[int, ...] = ()
    sub_types: tuple[str, ...] = ()
    activation_timeout_s: Seconds = Seconds(10.0)
    heartbeat_timeout_s: Seconds = Seconds(30.0)
    reconcile_every_s: Seconds = Seconds(900.0)
    list_every_s: Seconds = Seconds(60.0)
    config_refresh_s: Seconds = Seconds(1800.0)


@attrs.frozen(kw_only=True)
class SatoriExConfig:
    """`[venue.satoriex]`. The socket is on the REST address's host."""

    rest_url: RestUrl
    email: SecretReference
    password: SecretReference
    markets: tuple[str, ...] = ()  # none: every active one, up to 20
    poll_s: Seconds = Seconds(60.0)
    time_to_flat_s: Seconds = Seconds(20.0)
    absence_after_s: Seconds = Seconds(60.0)


@attrs.frozen(kw_only=True)
class VenueConfig:
    prophetx: ProphetXConfig | None = None
    satoriex: SatoriExConfig | None = None


@attrs.frozen(kw_only=True)
class PairConfig:
    """`[[pairs]]`: a ProphetX selection and a SatoriEx outcome that are the same real-world event."""

    prophetx: str  # the strike id of the selection
    satoriex: str  # MARKET_ID/OUTCOME_ID
    returns: bool = True  # one venue may give the stakes back while the other settles


@attrs.frozen(kw_only=True)
class StrategyConfig:
    """`[strategy]`: the shipped market maker."""

    stake: Limit = Limit(1_000)
    margin: BasisPoints = BasisPoints(200)
    slack: BasisPoints = BasisPoints(75)
    skew: BasisPoints = BasisPoints(300)
    hedge_at: Limit = Limit(5_000)
    max_markets: Count = Count(20)
    in_play: bool = False


@attrs.frozen(kw_only=True)
class RiskConfig:
    """`[risk]`."""

    min_stake: Cents = Cents(100)
    max_stake: Limit = Limit(10_000)
    max_market_exposure: Limit = Limit(50_000)
    max_event_exposure: Limit = Limit(100_000)
    max_exposure: Limit = Limit(250_000)
    max_daily_loss: Limit = Limit(50_000)
    max_open_orders: Count = Count(100)
    max_orders_per_s: Count = Count(25)
    price_collar: BasisPoints = BasisPoints(1_000)
    commission: BasisPoints = BasisPoints(200)


@attrs.frozen(kw_only=True)
class Config:
    venue: VenueConfig
    strategy: StrategyConfig = StrategyConfig()
    risk: RiskConfig = RiskConfig()
    pairs: tuple[PairConfig, ...] = ()
    data_dir: str = "./overround-data"

    @property
    def production_urls(self) -> list[str]:
        """Return the addresses that trade with real money."""
        urls = [each.rest_url for each in (self.venue.prophetx, self.venue.satoriex) if each is not None]
        return [url for url in urls if is_production(url)]

    @property
    def rest_urls(self) -> list[str]:
        return [each.rest_url for each in (self.venue.prophetx, self.venue.satoriex) if each is not None]

    def maker(self) -> MakerSettings:
        strategy = self.strategy
        return MakerSettings(
            stake_cents=strategy.stake,
            margin_bp=strategy.margin,
            slack_bp=strategy.slack,
            skew_bp=strategy.skew,
            hedge_at_cents=strategy.hedge_at,
            max_markets=strategy.max_markets,
            in_play=strategy.in_play,
        )

    def limits(self) -> Limits:
        risk = self.risk
        return Limits(
            min_stake_cents=risk.min_stake,
            max_stake_cents=risk.max_stake,
            market_cents=risk.max_market_exposure,
            event_cents=risk.max_event_exposure,
            account_cents=risk.max_exposure,
            open_orders=risk.max_open_orders,
            daily_loss_cents=risk.max_daily_loss,
            collar_bp=risk.price_collar,
            orders_per_s=float(risk.max_orders_per_s),
        )

    def bot(self, path: Path) -> BotSettings:
        """Resolve the secrets and build the settings. Raises `ConfigError`; no message holds a secret."""
        seats = []
        if self.venue.prophetx is not None:
            seats.append(self._prophetx(self.venue.prophetx, path))
        if self.venue.satoriex is not None:
            seats.append(_satoriex(self.venue.satoriex, path))
        return BotSettings(seats=tuple(seats), limits=self.limits(), pairs=tuple(_pair(each) for each in self.pairs))

    def _prophetx(self, venue: ProphetXConfig, path: Path) -> SeatSettings:
        where = f"{path}: venue.prophetx"
        return SeatSettings(
            venue=ProphetX(
                dialect=venue.dialect,
                reconcile_every_s=venue.reconcile_every_s,
                list_every_s=venue.list_every_s,
                commission_bp=self.risk.commission,
            ),
            session=SessionSettings(
                rest_url=venue.rest_url,
                competitions=tuple(CompetitionId(each) for each in venue.tournaments),
                events=tuple(EventId(each) for each in venue.events),
                sub_kinds=venue.sub_types,
                heartbeat_timeout_s=venue.heartbeat_timeout_s,
                config_refresh_s=venue.config_refresh_s,
            ),
            credentials=Credentials(
                user=_secret(venue.access_key, f"{where}.access_key"),
                secret=_secret(venue.secret_key, f"{where}.secret_key"),
            ),
            activation_timeout_s=venue.activation_timeout_s,
        )


def _satoriex(venue: SatoriExConfig, path: Path) -> SeatSettings:
    where = f"{path}: venue.satoriex"
    return SeatSettings(
        venue=SatoriEx(poll_s=venue.poll_s, time_to_flat_s=venue.time_to_flat_s, absence_after_s=venue.absence_after_s),
        session=SessionSettings(
            rest_url=venue.rest_url,
            events=tuple(EventId(each) for each in venue.markets),
            most_events=MAX_MARKETS,
        ),
        credentials=Credentials(
            user=_secret(venue.email, f"{where}.email"), secret=_secret(venue.password, f"{where}.password")
        ),
    )


def _pair(pair: PairConfig) -> Pair:
    market_id, _, outcome_id = pair.satoriex.rpartition("/")
    key = BookKey(EventId(market_id), MarketId(outcome_id))
    return Pair(first=SelectionId(pair.prophetx), second=buying(key), returns=pair.returns)


def is_production(url: str) -> bool:
    """Tell whether a host of one of the venues trades with real money."""
    host = (urlsplit(url).hostname or "").lower()
    known = any(host == domain or host.endswith(f".{domain}") for domain in VENUE_DOMAINS)
    return known and not SANDBOX_WORDS & set(host.replace("-", ".").split("."))


def load_config(path: Path) -> Config:
    """Read a file. Raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: more than {MAX_FILE_BYTES} bytes, expected a configuration file")
    try:
        tree = tomllib.loads(text.decode(), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        config = _CONVERTER.structure(tree, Config)
    except ClassValidationError as error:
        lines = (_line(text) for text in transform_error(error, path="", format_exception=_explain))
        raise ConfigError("\n".join(f"{path}: {line}" for line in lines)) from error
    _check(config, path)
    return config


def _check(config: Config, path: Path) -> None:
    if not config.data_dir.strip():
        raise ConfigError(f"{path}: data_dir: expected the name of a directory, got {config.data_dir!r}")
    if not config.rest_urls:
        raise ConfigError(f"{path}: venue: expected [venue.prophetx], [venue.satoriex] or both")
    for number, pair in enumerate(config.pairs, 1):
        if "/" not in pair.satoriex.strip("/"):
            raise ConfigError(f"{path}: pairs[{number}].satoriex: expected MARKET_ID/OUTCOME_ID, got {pair.satoriex!r}")
    if config.venue.satoriex is not None and len(config.venue.satoriex.markets) > MAX_MARKETS:
        raise ConfigError(f"{path}: venue.satoriex.markets: expected at most {MAX_MARKETS}")
    if config.pairs and (config.venue.prophetx is None or config.venue.satoriex is None):
        raise ConfigError(f"{path}: pairs: expected both venues, as a pair is between them")
    _check_stakes(config.strategy.stake, config.risk, path)


def _check_stakes(stake: Limit, risk: RiskConfig, path: Path) -> None:
    """Refuse what would have risk deny every order."""
    least, most = risk.min_stake, risk.max_stake
    if least > most:
        raise ConfigError(
            f"{path}: risk.min_stake: expected at most risk.max_stake, {dollars(most)}, got {dollars(least)}"
        )
    if stake < least:
        raise ConfigError(
            f"{path}: strategy.stake: expected at least risk.min_stake, {dollars(least)}, got {dollars(stake)}"
        )
    for name in ("max_stake", "max_market_exposure", "max_event_exposure", "max_exposure"):
        limit = getattr(risk, name)
        if stake > limit:
            raise ConfigError(
                f"{path}: strategy.stake: expected at most risk.{name}, {dollars(limit)}, got {dollars(stake)}"
            )


def _secret(reference: str, where: str) -> str:
    kind, _, name = reference.partition(":")
    if kind == "env":
        secret = os.environ.get(name, "")
        if not secret:
            raise ConfigError(f"{where}: the environment variable {name} is not set")
    else:
        try:
            secret = Path(name).expanduser().read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}: the file {name} cannot be read: {error.__class__.__name__}") from error
        if not secret:
            raise ConfigError(f"{where}: the file {name} is empty")
    return secret


# --- strict reading ----------------------------------------------------------------------------------------------


def _integer(value: object, _: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"expected a whole number that is not negative, got {_plain(value)}")
    return value


def _text(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a text in quotes, got {_plain(value)}")
    return value


def _truth(value: object, _: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {_plain(value)}")
    return value


def _seconds(value: object, _: object) -> Seconds:
    if not _is_number(value) or not 0 < value <= 86_400:
        raise ValueError(f"expected seconds above 0 and at most 86400, got {_plain(value)}")
    return Seconds(float(value))


def _dollars(value: object, _: object) -> Cents:
    if not _is_number(value) or value < 0:
        raise ValueError(f"expected dollars with at most two decimals, got {_plain(value)}")
    try:
        return Cents(cents_given(value, "expected dollars with at most two decimals"))
    except LocalProtocolError as error:
        raise ValueError(str(error)) from error


def _limit(value: object, _: object) -> Limit:
    cents = _dollars(value, None)
    if not cents:
        raise ValueError(f"expected dollars above 0, got {value} {INSTEAD_OF_ZERO}")
    return Limit(cents)


def _count(value: object, _: object) -> Count:
    number = _integer(value, None)
    if not number:
        raise ValueError(f"expected a whole number above 0, got 0 {INSTEAD_OF_ZERO}")
    return Count(number)


def _fraction(value: object, _: object) -> BasisPoints:
    if not _is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"expected a fraction from 0 to 1, got {_plain(value)}")
    scaled = Decimal(value) * BASIS_POINTS
    if scaled != int(scaled):
        raise ValueError(f"expected at most four decimals, got {value}")
    return BasisPoints(int(scaled))


def _dialect(value: object, _: object) -> Dialect:
    try:
        return Dialect(value)
    except ValueError:
        raise ValueError(f'expected "v4" or "legacy", got {_plain(value)}') from None


def _several(read: Callable[[object, object], Any]) -> Callable[[object, object], tuple[Any, ...]]:
    def read_all(value: object, _: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"expected a list, got {_plain(value)}")
        return tuple(read(each, None) for each in value)

    return read_all


def _rest_url(value: object, _: object) -> RestUrl:
    """Read an address. No message repeats it: a password may be in it."""
    if not isinstance(value, str) or not _has_host(value):
        raise ValueError("expected an address that begins with http:// or https://, and a host")
    parts = urlsplit(value)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("expected an address without a query, a fragment or a user name")
    return RestUrl(value.rstrip("/"))


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _reference(value: object, _: object) -> SecretReference:
    if not isinstance(value, str) or not value.startswith(("env:", "file:")) or not value.partition(":")[2]:
        raise ValueError("expected env:NAME or file:PATH, never the secret itself")
    return SecretReference(value)


def _shaped(shape: type, expected: str, read: Callable[[Any, Any], Any]) -> Callable[[object, Any], Any]:
    def read_shaped(value: object, kind: Any) -> Any:
        if not isinstance(value, shape):
            raise ValueError(f"expected {expected}, got {_plain(value)}")
        return read(value, kind)

    return read_shaped


def _is_number(value: object) -> TypeGuard[int | Decimal]:
    return type(value) is int or (isinstance(value, Decimal) and not value.is_nan())


def _plain(value: object) -> str:
    """Write a value as the file may have it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return repr(value)
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return str(value)


_CONVERTER = Converter(forbid_extra_keys=True, detailed_validation=True)
_CONVERTER.register_structure_hook_factory(
    attrs.has, lambda kind: _shaped(dict, "a table", _CONVERTER.gen_structure_attrs_fromdict(kind))
)
_CONVERTER.register_structure_hook_func(
    lambda kind: kind == tuple[PairConfig, ...],
    _shaped(list, "a list of tables", _CONVERTER.get_structure_hook(tuple[PairConfig, ...])),
)
for _kind, _read in (
    (int, _integer),
    (str, _text),
    (bool, _truth),
    (Seconds, _seconds),
    (Cents, _dollars),
    (Limit, _limit),
    (Count, _count),
    (BasisPoints, _fraction),
    (Dialect, _dialect),
    (RestUrl, _rest_url),
    (SecretReference, _reference),
):
    _CONVERTER.register_structure_hook(_kind, _read)
_CONVERTER.register_structure_hook_func(lambda kind: kind == tuple[int, ...], _several(_integer))
_CONVERTER.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _several(_text))


def _explain(error: BaseException, kind: type | None) -> str:
    if isinstance(error, KeyError):
        return "this key is required"
    if isinstance(error, ForbiddenExtraKeysError):
        names = ", ".join(sorted(error.extra_fields))
        known = ", ".join(field.name for field in attrs.fields(error.cl))
        return f"unknown key {names}; known are {known}"
    return str(error)


def _line(text: str) -> str:
    """Begin with the key. The first of a list is number 1."""
    message, _, place = text.rpartition(" @ ")
    key = re.sub(r"\[(\d+)\]", lambda found: f"[{int(found[1]) + 1}]", place.strip("$."))
    return f"{key}: {message}" if key else message
