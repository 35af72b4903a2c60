"""What can be chosen about the embedded exchange."""

import attrs


@attrs.frozen(kw_only=True)
class ExchangeSettings:
    """Choose the venue's rules. The defaults are what the venue documents, or the likeliest reading of it."""

    access_token_life_s: int = 1200
    refresh_token_life_s: int = 259_200
    max_sessions: int = 20  # logins of one account that have not expired
    requests_per_s: int = 50  # of one account, over all endpoints

    activation_delay_s: tuple[float, float] = (0.005, 0.2)  # between the answer and the order's activation
    fill_or_kill_s: float = 2.0
    min_stake_cents: int = 100
    max_stake_cents: int = 100_000_000 * 100
    commission_bp: int = 200  # of what an account won net in one book
    opening_balance_cents: int = 1_000_000
    history_lag_s: float = 1.0  # orders, fills and trades are read from a copy this old
    history_age_told: bool = True  # the answer says of when the copy is

    channel_limit: int = 400  # events and sub-markets that one socket may ever register
    activity_timeout_s: float | None = 120.0  # None leaves it out of the handshake
    pong_timeout_s: float = 30.0
    heartbeat_s: float = 5.0
    frames_queued: int = 4096  # of one socket; a socket that falls further behind is closed with 4100

    tournaments: int = 2  # of the built-in catalogue, at most 2
    events: int = 3
    go_live_s: float | None = None  # after the opening; None is never
    settle_s: float | None = None  # after going live; None is never
    stagger_s: float = 300.0  # between one event's schedule and the next one's

    crowd_actions_per_s: float = 10.0  # 0 leaves the books to the clients
    crowd_books: int = 40
    crowd_balance_cents: int = 10**13
