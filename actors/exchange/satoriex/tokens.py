"""Who may ask: passwords, sessions and their tokens."""

from base64 import urlsafe_b64encode
from random import Random

import attrs
import msgspec

from actors.exchange.satoriex.refusals import Refused
from actors.exchange.satoriex.settings import SatoriexSettings

SECOND_NS = 1_000_000_000
SIGNATURE_SIZE = 256  # bytes, as RS256 has


@attrs.frozen(kw_only=True)
class SatoriexCredentials:
    """What a trader signs in with."""

    email: str
    password: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Grant:
    """What an access token stands for."""

    account_id: str
    session_id: str
    expires_ns: int


@attrs.frozen(kw_only=True)
class Granted:
    """What signing in or refreshing gives."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str | None = attrs.field(repr=False)
    account_id: str


@attrs.frozen
class _Session:
    account_id: str
    session_id: str
    expires_ns: int


@attrs.define
class Gatekeeper:
    """Issue tokens and check them."""

    settings: SatoriexSettings
    random: Random
    _passwords: dict[str, tuple[str, str]] = attrs.field(factory=dict, init=False, repr=False)
    _access: dict[str, Grant] = attrs.field(factory=dict, init=False, repr=False)
    _refresh: dict[str, _Session] = attrs.field(factory=dict, init=False, repr=False)

    def issue_credentials(self, account_id: str) -> SatoriexCredentials:
        credentials = SatoriexCredentials(email=f"{account_id}@example.com", password=self.random.randbytes(12).hex())
        self._passwords[credentials.email] = (credentials.password, account_id)
        return credentials

    def log_in(self, email: str, password: str, now_ns: int) -> Granted:
        """Open a session. Raises `Refused`."""
        known, account_id = self._passwords.get(email, ("", ""))
        if not account_id or known != password:
            raise Refused("login_refused")
        expires_ns = now_ns + int(self.settings.refresh_token_life_s * SECOND_NS)
        session = _Session(account_id, self.random.randbytes(8).hex(), expires_ns)
        return self._grant(session, self._new_refresh_token(session), now_ns)

    def refresh(self, refresh_token: str, now_ns: int) -> Granted:
        """Give a session a new access token, and a new refresh token where they rotate. Raises `Refused`."""
        session = self._refresh.get(refresh_token)
        if session is None or session.expires_ns <= now_ns:
            raise Refused("refresh_refused")
        if not self.settings.wire.rotating_refresh:
            return self._grant(session, None, now_ns)
        del self._refresh[refresh_token]
        return self._grant(session, self._new_refresh_token(session), now_ns)

    def identify(self, token: str, now_ns: int) -> Grant:
        """Return whose token it is. Raises `Refused`."""
        grant = self._access.get(token)
        if grant is None:
            raise Refused("token_unknown")
        if grant.expires_ns <= now_ns:
            raise Refused("token_expired")
        return grant

    def expire_all(self, now_ns: int) -> None:
        """Let every access token end now; refreshing still works."""
        for token, grant in self._access.items():
            self._access[token] = attrs.evolve(grant, expires_ns=min(grant.expires_ns, now_ns))

    def _grant(self, session: _Session, refresh_token: str | None, now_ns: int) -> Granted:
        expires_ns = now_ns + int(self.settings.access_token_life_s * SECOND_NS)
        claims: dict[str, str | int] = {
            "sub": session.account_id,
            "sid": session.session_id,
            "iat": now_ns // SECOND_NS,
            "jti": self.random.randbytes(8).hex(),
        }
        if not self.settings.wire.exp_left_out:
            claims["exp"] = expires_ns // SECOND_NS
        parts = [msgspec.json.encode({"alg": "RS256", "typ": "JWT"}), msgspec.json.encode(claims)]
        token = ".".join(_base64url(part) for part in (*parts, self.random.randbytes(SIGNATURE_SIZE)))
        self._access[token] = Grant(account_id=session.account_id, session_id=session.session_id, expires_ns=expires_ns)
        return Granted(access_token=token, refresh_token=refresh_token, account_id=session.account_id)

    def _new_refresh_token(self, session: _Session) -> str:
        token = self.random.randbytes(32).hex()
        self._refresh[token] = session
        return token


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
