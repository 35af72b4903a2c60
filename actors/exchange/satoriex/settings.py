"""What can be chosen about the embedded SatoriEx."""

import attrs

from actors.exchange.satoriex.choices import WireChoices


@attrs.frozen(kw_only=True)
class SatoriexSettings:
    """Choose the venue's rules. The defaults are what the venue documents, or the likeliest reading of it."""

    wire: WireChoices = attrs.field(factory=WireChoices)

    access_token_life_s: float = 900.0  # U-04
    refresh_token_life_s: float = 2_592_000.0  # U-04
    calls_per_path: int = 100  # a minute, of one user or one anonymous address, on one path
    orders_per_user: int = 30  # a minute; U-09: placing and cancelling together
    orders_per_address: int = 60  # a minute; U-09: placing and cancelling together
    orders_shared: bool = True  # U-09: else placing and cancelling have a budget each
    logins_per_email: int = 10  # a minute
    refreshes_per_address: int = 20  # a minute
    connects_per_address: int = 30  # a minute; the venue gives no number
    frames_queued: int = 4096  # of one socket; a socket that falls further behind is closed

    match_delay_s: tuple[float, float] = (0.05, 0.5)  # between the answer and the matching
    cancel_delay_s: tuple[float, float] = (0.0, 0.0)  # between a cancel's answer and the matcher's taking note of it
    tick_bp: int = 1  # U-12
    min_order_shares: int = 1  # U-13
    seller_fee_bp: int = 150
    maker_rebate_bp: int = 5
    settlement_fee_bp: int = 0  # C-8
    self_trade_async: bool = False  # U-23: accept the order, then cancel it
    opening_balance_micro: int = 10_000 * 1_000_000
    opening_shares: int = 0  # of each outcome, for an account that is opened without saying
    page_size: int = 50  # U-17
    max_page_size: int = 100  # U-17
    recently_closed_s: float = 600.0  # C-4

    breaker_move_bp: int = 3000  # U-22: of the reference price
    breaker_window_s: float = 60.0  # U-22: the reference is the first trade of a window
    halt_s: float = 30.0  # a halt ends by itself

    markets: int = 3
    trading_s: float | None = None  # of a market's life, until it is resolved; None is for ever
    stagger_s: float = 30.0  # between one market's end and the next one's
    proposal_s: float = 1.0  # between the resolution halt and the proposal
    dispute_s: float = 5.0  # between the proposal and the settlement

    crowd_actions_per_s: float = 10.0  # 0 leaves the books to the clients
    crowd_balance_micro: int = 10**7 * 1_000_000
    crowd_shares: int = 10**6  # of each outcome of each market
