"""Tokens on a disk, so that a restart costs no new login."""

import json
from hashlib import sha256
from pathlib import Path

import attrs
import structlog
import trio

from actors.io.private_file import read_private, write_private
from protocol.ids import VenueName
from protocol.venue import Tokens

log = structlog.get_logger()

SAVE_S = 5.0


def account_of(venue: VenueName, rest_url: str, user: str) -> str:
    """Name an account at an address without saying whose it is. The secret is no part of it."""
    return sha256(json.dumps([venue, rest_url, user]).encode()).hexdigest()


@attrs.define
class TokenFile:
    """One venue's tokens in a file that only its owner can read.

    A file that cannot be read costs a login, and one that cannot be written costs one at the next start: both are told,
    and neither stops anything.
    """

    path: Path
    account: str  # as `account_of` names it; tokens of another one are left alone
    _warned: bool = attrs.field(default=False, init=False)
    _alone: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1), init=False, repr=False)

    def load(self, now_s: float) -> Tokens | None:
        """Return the tokens that were kept last, unless the refresh token is over. `now_s` is unix time."""
        try:
            text = read_private(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("tokens_not_read", path=str(self.path), reason=error.strerror or str(error))
            return None
        tokens = self._understood(text)
        if tokens is None or (tokens.refresh_expires_s is not None and now_s >= tokens.refresh_expires_s):
            return None
        return tokens

    async def save(self, tokens: Tokens) -> None:
        """Keep tokens in place of those before. The file is always whole, the old one or the new one."""
        with trio.move_on_after(SAVE_S) as deadline:  # in a thread of its own: a disk can hang
            await trio.to_thread.run_sync(self._write, tokens, abandon_on_cancel=True, limiter=self._alone)
        if deadline.cancelled_caught:
            self._warn("the disk does not answer")

    def _write(self, tokens: Tokens) -> None:
        text = json.dumps({"account": self.account, **attrs.asdict(tokens)})
        try:
            write_private(self.path, text.encode())
        except OSError as error:
            self._warn(error.strerror or str(error))

    def _warn(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            log.warning("tokens_not_kept", path=str(self.path), reason=reason)

    def _understood(self, text: bytes) -> Tokens | None:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        match content:
            case {
                "account": str(account),
                "access_token": str(access_token),
                "access_expires_s": int() | None as access_expires_s,
                "refresh_token": str(refresh_token),
                "refresh_expires_s": int() | None as refresh_expires_s,
            }:
                kept = Tokens(
                    access_token=access_token,
                    access_expires_s=access_expires_s,
                    refresh_token=refresh_token,
                    refresh_expires_s=refresh_expires_s,
                )
                return kept if account == self.account else None
            case _:
                log.warning("tokens_not_read", path=str(self.path), reason="not what was kept here")
                return None
