"""What a run came to."""

import json

import attrs

from actors.decisions.audit import Audit
from actors.tally import Tally
from protocol.money import dollars


@attrs.frozen(kw_only=True)
class Summary:
    """The numbers of a run, as `--json` prints them and as people read them."""

    tally: Tally
    limit_cents: int
    audit: Audit
    flat_on_exit: bool
    profit_cents: int = 0
    logged_in: bool = True  # when the stop began

    @property
    def ok(self) -> bool:
        """Tell whether the stop was flat and the audit clean."""
        return self.flat_on_exit and self.audit.clean

    def as_json(self) -> str:
        tally = self.tally
        return json.dumps(
            {
                "orders": {
                    "sent": tally.sent,
                    "opened": tally.opened,
                    "denied": tally.denied,
                    "rejected": tally.rejected,
                    "cancelled": tally.cancelled,
                },
                "fills": {"count": tally.fills, "stake_cents": tally.fill_cents, "shares": tally.fill_shares},
                "sessions": {
                    "started": tally.sessions_started,
                    "lost": tally.sessions_lost,
                    "restart_ms_max": round(tally.restart_s_max * 1000),
                },
                "books": {"markets": tally.markets, "updates": tally.updates, "healed": tally.healed},
                "events": {"unknown": tally.unknown},
                "risk": {
                    "exposure_cents_max": tally.exposure_cents_max,
                    "limit_cents": self.limit_cents,
                    "breaches": tally.breaches,
                },
                "audit": attrs.asdict(self.audit),
                "flat_on_exit": self.flat_on_exit,
            },
            separators=(",", ":"),
        )

    def as_text(self) -> str:
        tally = self.tally
        shares = f", {tally.fill_shares} shares" if tally.fill_shares else ""
        rows = (
            (
                "orders",
                f"{tally.sent} sent, {tally.opened} opened, {tally.cancelled} cancelled, "
                f"{tally.rejected} rejected, {tally.denied} denied by risk",
            ),
            ("fills", f"{tally.fills}, {dollars(tally.fill_cents)} staked{shares}"),
            ("settled", f"{dollars(self.profit_cents)} profit after fees and commission"),
            (
                "sessions",
                f"{tally.sessions_started} started, {tally.sessions_lost} lost, "
                f"longest restart {tally.restart_s_max:.2f} s",
            ),
            ("books", f"{tally.markets} markets, {tally.updates} updates, {tally.healed} healed"),
            ("risk", f"worst outcome {dollars(tally.exposure_cents_max)} of {dollars(self.limit_cents)} allowed"),
            ("audit", _audit_text(self.audit)),
            ("stop", self._stop_text()),
        )
        return "\n".join(f"{name:>9}  {text}" for name, text in rows)

    def _stop_text(self) -> str:
        if self.flat_on_exit:
            return "flat: nothing of ours can still match"
        if not self.logged_in:
            return "NOT PROVED FLAT: no login, so nothing could be read; look at the venue yourself"
        return "NOT PROVED FLAT"


def _audit_text(audit: Audit) -> str:
    values = attrs.asdict(audit)
    if all(value is None for value in values.values()):
        return "nothing could be read to compare with"
    if audit.clean:
        return "clean: orders, fills, balance and books are what the venue says"
    return "DIFFERENCES: " + ", ".join(f"{name} {value}" for name, value in values.items() if value)
