"""Who may ask: key pairs, logins, tokens and the rate of requests."""

from random import Random

import attrs

from actors.exchange.prophetx.refusals import Refused
from actors.exchange.prophetx.settings import ExchangeSettings
from protocol.prophetx import wire
from protocol.venue import Credentials

SECOND_NS = 1_000_000_000


@attrs.define
class _Login:
    account_id: str
    expires_ns: int


@attrs.define
class _Bucket:
    """Let a burst through, and after it only the rate."""

    left: float
    filled_ns: int


@attrs.frozen
class TooFast(Exception):
    """The account asks more often than it may. `allowed_at_ms` is unix milliseconds."""

    allowed_at_ms: int
    retry_after_s: int


@attrs.define
class Gatekeeper:
    """Issue tokens, check them, and count requests."""

    settings: ExchangeSettings
    random: Random
    _keys: dict[str, tuple[str, str]] = attrs.field(factory=dict, init=False, repr=False)
    _logins: dict[str, _Login] = attrs.field(factory=dict, init=False, repr=False)
    _access: dict[str, _Login] = attrs.field(factory=dict, init=False, repr=False)
    _buckets: dict[str, _Bucket] = attrs.field(factory=dict, init=False)

    def issue_keys(self, account_id: str) -> Credentials:
        credentials = Credentials(user=self._secret(16), secret=self._secret(32))
        self._keys[credentials.user] = (credentials.secret, account_id)
        return credentials

    def log_in(self, form: wire.LoginForm, now_ns: int) -> wire.TokensAnswer:
        """Open a session. Raises `Refused`: `unauthorized`, or `session_num_exceed` when too many are open."""
        secret, account_id = self._keys.get(form.access_key, ("", ""))
        if not account_id or secret != form.secret_key:
            raise Refused("unauthorized", "Unauthorized")
        self._forget_expired(now_ns)
        if sum(login.account_id == account_id for login in self._logins.values()) >= self.settings.max_sessions:
            raise Refused("session_num_exceed", "The number of sessions exceeds the limit")
        refresh_token = self._secret(32)
        expires_ns = now_ns + self.settings.refresh_token_life_s * SECOND_NS
        self._logins[refresh_token] = _Login(account_id, expires_ns)
        access = self._grant(account_id, now_ns)
        return wire.TokensAnswer(
            data=wire.Tokens(
                access_token=access.access_token,
                access_expire_time=access.access_expire_time,
                refresh_token=refresh_token,
                refresh_expire_time=expires_ns // SECOND_NS,
            )
        )

    def refresh(self, form: wire.RefreshForm, now_ns: int) -> wire.TokensAnswer:
        """Give a new access token to an open session. Raises `Refused`."""
        self._forget_expired(now_ns)
        login = self._logins.get(form.refresh_token)
        if login is None:
            raise Refused("unauthorized", "Unauthorized")
        return wire.TokensAnswer(data=self._grant(login.account_id, now_ns))

    def account_of(self, authorization: str, now_ns: int) -> str:
        """Return whose token it is. Raises `Refused`."""
        scheme, _, token = authorization.partition(" ")
        access = self._access.get(token.strip())
        if scheme.lower() != "bearer" or access is None or access.expires_ns <= now_ns:
            raise Refused("unauthorized", "Unauthorized")
        return access.account_id

    def count_request(self, account_id: str, now_ns: int) -> None:
        """Take note of a request. Raises `TooFast` beyond the rate."""
        rate = self.settings.requests_per_s
        bucket = self._buckets.setdefault(account_id, _Bucket(rate, now_ns))
        bucket.left = min(float(rate), bucket.left + (now_ns - bucket.filled_ns) * rate / SECOND_NS)
        bucket.filled_ns = now_ns
        if bucket.left < 1:
            raise TooFast(now_ns // 1_000_000 + 1000, 1)
        bucket.left -= 1

    def revoke_all(self) -> None:
        """Make every access token worthless; refreshing still works."""
        self._access.clear()

    def _grant(self, account_id: str, now_ns: int) -> wire.Tokens:
        token = self._secret(32)
        expires_ns = now_ns + self.settings.access_token_life_s * SECOND_NS
        self._access[token] = _Login(account_id, expires_ns)
        return wire.Tokens(access_token=token, access_expire_time=expires_ns // SECOND_NS)

    def _forget_expired(self, now_ns: int) -> None:
        for table in (self._logins, self._access):
            for token in [token for token, login in table.items() if login.expires_ns <= now_ns]:
                del table[token]

    def _secret(self, size: int) -> str:
        return self.random.randbytes(size).hex()
