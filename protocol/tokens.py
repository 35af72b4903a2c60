"""Which token to use, and when to renew it."""

import enum
import math

import attrs

from protocol.venue import AccessToken, Tokens


class Need(enum.Enum):
    NOTHING = "nothing"
    REFRESH = "refresh"
    LOGIN = "login"


@attrs.define
class Authorisation:
    """Tell which token to use, and what is needed first. A login costs one of 20 sessions; a refresh costs none."""

    margin_s: float = 60.0  # renew so long before the end, or after 80 % of the life, whichever is later
    _tokens: Tokens | None = attrs.field(default=None, repr=False)
    _renew_at_s: float = 0.0
    _refused: bool = False

    @property
    def tokens(self) -> Tokens:
        """Return what is held now, as it should be kept for a later process."""
        assert self._tokens is not None, "there is no token before the login"
        return self._tokens

    @property
    def access_token(self) -> str:
        return self.tokens.access_token

    @property
    def current(self) -> str | None:
        """Return the access token; `None` before the login, and while only another one would help."""
        return None if self._tokens is None else self._tokens.access_token

    @property
    def refresh_token(self) -> str:
        return self.tokens.refresh_token

    @property
    def renew_at_s(self) -> float:
        """Return the unix second at which to refresh before anyone has to wait for it."""
        return self._renew_at_s

    def usable(self, now_s: float) -> bool:
        """Tell whether the token still serves, though it may be time for a new one."""
        return self._tokens is not None and not self._refused and now_s < _moment(self._tokens.access_expires_s)

    def need(self, now_s: float) -> Need:
        if self._tokens is None or now_s >= _moment(self._tokens.refresh_expires_s):
            return Need.LOGIN
        return Need.REFRESH if now_s >= self._renew_at_s else Need.NOTHING

    def logged_in(self, tokens: Tokens, now_s: float) -> None:
        self._tokens = tokens
        self._renew(now_s)

    def resumed(self, tokens: Tokens, now_s: float) -> None:
        """Take tokens that a process before this one got, at whatever point of their lives they are."""
        self.logged_in(tokens, now_s)
        if now_s >= _moment(tokens.access_expires_s):
            self._renew_at_s = 0.0

    def refreshed(self, token: AccessToken, now_s: float) -> None:
        assert self._tokens is not None, "a refresh needs a login before it"
        self._tokens = attrs.evolve(
            self._tokens,
            access_token=token.access_token,
            access_expires_s=token.access_expires_s,
            refresh_token=token.refresh_token or self._tokens.refresh_token,
        )
        self._renew(now_s)

    def access_refused(self, access_token: str | None) -> None:
        """Learn that a token is no longer taken, whatever its expiry says."""
        if self._tokens is not None and self._tokens.access_token == access_token:
            self._renew_at_s = 0.0
            self._refused = True

    def refresh_refused(self) -> None:
        """Learn that the refresh token is no longer taken: only a login helps."""
        self._tokens = None

    def _renew(self, now_s: float) -> None:
        assert self._tokens is not None
        self._refused = False
        life_s = max(
            _moment(self._tokens.access_expires_s) - now_s, 1.0
        )  # never at once again, whatever the clocks say
        self._renew_at_s = now_s + max(life_s - self.margin_s, life_s * 4 / 5) if life_s < math.inf else math.inf


def _moment(expires_s: int | None) -> float:
    """Return when something ends; never, as far as we know, where the venue does not say."""
    return math.inf if expires_s is None else expires_s
