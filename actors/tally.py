"""What a run counted."""

import attrs


@attrs.define
class Tally:
    """Counters of one run. Each is written by the one actor that knows; anyone may read."""

    sent: int = 0  # orders that left, resends of the same id not counted again
    opened: int = 0
    denied: int = 0
    rejected: int = 0  # the venue's no, `invalid` included
    cancelled: int = 0  # was open, and ended with some of it unmatched
    fills: int = 0  # booked increases of an order's cumulative filled stake
    fill_cents: int = 0
    sessions_started: int = 0
    sessions_lost: int = 0
    restart_s_max: float = 0.0  # from a lost session to the next one that is ready
    markets: int = 0  # books, one per (event, market, strike)
    updates: int = 0
    healed: int = 0  # books that a comparison with REST changed
    conflated: int = 0  # images that a newer one overtook unread
    unknown: int = 0  # valid frames of a type we do not know
    unreadable: int = 0
    exposure_cents_max: int = 0
    breaches: int = 0
    requests: int = 0
    answers_lost: int = 0
