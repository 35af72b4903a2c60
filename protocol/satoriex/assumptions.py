"""What the venue's pages leave open, each question with the one answer that this dialect is built on."""

from collections.abc import Mapping
from types import MappingProxyType

import attrs

RETRY_AFTER_S = 60.0  # U-09: where a 429 does not say
MIN_PRICE_BP, MAX_PRICE_BP = 1, 9999  # U-11
TICK_BP = 100  # U-12: of a market that does not say
MIN_SHARES = 1  # U-13: the same
ORDER_ID_NAMES = ("id", "order_id")  # U-14
ORDER_NEST = "order"  # U-14: where an order may stand inside `data`
FILLED_NAMES = ("filled_quantity", "filled", "filled_qty")  # U-15
REMAINING_NAMES = ("remaining_quantity", "remaining", "remaining_qty")  # U-15: only where no filled figure is given
AVAILABLE_NAMES = ("available", "available_balance", "balance")  # U-16: the last may include what rests
MARKET_ID_NAMES = ("id", "market_id")  # U-16
MARKET_NAMES = ("title", "question", "name")  # U-16
OUTCOME_ID_NAMES = ("id", "outcome_id")  # U-16
WINNER_NAMES = ("winning_outcome_id", "winner_outcome_id", "winning_outcome", "outcome_id")  # U-16
MONEY_DECIMALS = 6  # U-16: micro-dollars
FIRST_PAGE, PAGE_SIZE = 1, 50  # U-17
STATUS_NUMBERS: Mapping[int, str] = MappingProxyType(  # U-19
    dict(enumerate(("pending", "open", "partial", "filled", "cancelled"), 1))
)
GONE_STATUSES = frozenset({404, 409})  # U-20: of the answer to a cancel
FEE_BP = 150  # U-25: of what a sale brings, rounded up to the micro-dollar
PING_AFTER_S = 20.0  # U-29
DEAD_AFTER_S = 45.0  # U-29: without any frame or pong
MAX_MARKETS = 20  # U-32: of one socket
NESTS = ("data", "payload")  # U-35: where an event's fields may stand, when not beside its type
BOOK_WORD = "book"  # U-35: is in the type of the event that the pages do not name
ACTIVE_WORD = "active"  # U-36
ENDED_WORDS = frozenset({"settled", "resolved", "closed", "cancelled", "canceled", "voided"})  # U-36
EPOCH_S_BELOW, EPOCH_MS_BELOW = 10**11, 10**14  # U-39: a smaller number counts seconds, or milliseconds


@attrs.frozen
class Assumption:
    """One open question: what is not known, what is done about it, and the names of where, inside this package."""

    number: str
    unknown: str
    done: str
    where: tuple[str, ...]


ASSUMPTIONS = (
    Assumption(
        "U-01",
        "the production host",
        "No host is written down; the socket is on the host of the configured REST address.",
        ("venue.SatoriEx.socket_url",),
    ),
    Assumption("U-02", "the user in a login's answer", "Passed over.", ("wire.TokensRecord",)),
    Assumption(
        "U-03",
        "a login with a second factor",
        "An answer without both tokens ends the attempt for good.",
        ("answers.tokens",),
    ),
    Assumption(
        "U-04",
        "the life of tokens, the refresh's shape",
        "The end is read from the JWT when it is there; a refresh token is replaced only by one that came.",
        ("tokens.expires_s", "answers.access_token", "venue.SatoriEx.traits"),
    ),
    Assumption(
        "U-05",
        "personal access tokens",
        "None is made or listed; a call is authorised by the bearer header that whoever sends it adds.",
        ("rest.SatoriExRest.log_in",),
    ),
    Assumption(
        "U-06",
        "whether the socket takes a personal access token",
        "It gets the JWT of the login.",
        ("venue.SatoriEx.socket_url",),
    ),
    Assumption("U-07", "the names of scopes", "None is assumed; a 403 is final.", ("codes.policy_of",)),
    Assumption(
        "U-08",
        "the table of error codes",
        "The HTTP status decides; an unknown code in a 2xx is a final no.",
        ("codes.policy_of",),
    ),
    Assumption(
        "U-09",
        "what a 429 says, and how calls are counted",
        "Its Retry-After is obeyed, else 60 s; placing and cancelling share one budget of any 60 s.",
        ("assumptions.RETRY_AFTER_S", "codes.refusal", "venue.SatoriEx.traits"),
    ),
    Assumption("U-10", "GET /me/orders", "Never asked; GET /orders is.", ("rest.SatoriExRest.history",)),
    Assumption(
        "U-11",
        "the bounds of a price",
        "1 to 9999 basis points; anything else is unreadable.",
        ("assumptions.MIN_PRICE_BP", "assumptions.MAX_PRICE_BP", "names.price_received"),
    ),
    Assumption(
        "U-12",
        "the tick",
        "The market's own, else 100; a market whose tick does not divide 10000 takes no orders from us.",
        ("assumptions.TICK_BP", "venue.SatoriEx.terms", "answers.market"),
    ),
    Assumption(
        "U-13",
        "the field of the smallest order",
        "`min_order_size`, else one share; nothing is shrunk or sent again after a no.",
        ("assumptions.MIN_SHARES", "venue.SatoriEx.terms", "answers.market"),
    ),
    Assumption(
        "U-14",
        "where the placed order and its id stand",
        "At data.order or data, under `id` or `order_id`; without an id the outcome is unknown.",
        ("assumptions.ORDER_ID_NAMES", "assumptions.ORDER_NEST", "reports.placed"),
    ),
    Assumption(
        "U-15",
        "the figures of an order",
        "Filled by three names, else the quantity less what remains by three names, else what the status implies.",
        ("assumptions.FILLED_NAMES", "assumptions.REMAINING_NAMES", "reports.filled_shares"),
    ),
    Assumption(
        "U-16",
        "the shapes of balance, market, outcome, book and result",
        "One strict reader each, with the aliases above.",
        ("answers.balance", "answers.market", "answers.book", "answers.result", "answers.micro_received"),
    ),
    Assumption(
        "U-17",
        "pages",
        "50 rows from page 1, in an envelope or bare; a bare list goes on only after exactly a full page.",
        ("assumptions.FIRST_PAGE", "assumptions.PAGE_SIZE", "answers.next_cursor"),
    ),
    Assumption("U-18", "an idempotency key", "None is sent; nothing is placed again.", ("rest.SatoriExRest.place",)),
    Assumption(
        "U-19",
        "the wire form of a status",
        "A word, or 1 to 5 in the order of the life; anything else is no status.",
        ("assumptions.STATUS_NUMBERS", "reports.status_of"),
    ),
    Assumption(
        "U-20",
        "the answer to a cancel of a filled order",
        "A 404 or 409 says that the order's own state must be read.",
        ("assumptions.GONE_STATUSES", "codes.policy_of"),
    ),
    Assumption(
        "U-21",
        "orders after a disconnect",
        "They live on; a gap of 15 s lets whoever is in charge cancel them.",
        ("venue.SatoriEx.traits",),
    ),
    Assumption(
        "U-22",
        "the circuit breaker",
        "Not foreseen; seen in a refusal or in the market's status.",
        ("codes.refusal", "answers.market"),
    ),
    Assumption(
        "U-23",
        "what becomes of a self-trade",
        "Not foreseen here; refused at once it is a final no, and later the order reads as cancelled.",
        ("codes.policy_of", "reports.status_of"),
    ),
    Assumption(
        "U-24",
        "whether Yes and No match each other",
        "They do not: a sale closes what is held of the outcome, and no more.",
        ("names.selling", "answers.book"),
    ),
    Assumption(
        "U-25",
        "the rounding of fees",
        "The fee is given as a rate, to be rounded up; no rebate is counted on.",
        ("assumptions.FEE_BP", "venue.SatoriEx.terms"),
    ),
    Assumption("U-26", "a socket without a token", "There is none.", ("venue.SatoriEx.socket_url",)),
    Assumption(
        "U-27",
        "a second socket of one session",
        "Avoided: the old socket goes before the token is replaced.",
        ("venue.SatoriEx.traits",),
    ),
    Assumption(
        "U-28",
        "a token that ends while connected",
        "The socket counts as dead with its token, and is replaced at 80 % of its life.",
        ("venue.SatoriEx.traits",),
    ),
    Assumption(
        "U-29",
        "signs of life",
        "The websocket's own ping after 20 s of silence; dead after 45 s.",
        ("assumptions.PING_AFTER_S", "assumptions.DEAD_AFTER_S", "feed.SatoriExFeed.activity_timeout_s"),
    ),
    Assumption(
        "U-30", "close codes", "All are followed by an ordinary reconnect.", ("venue.SatoriEx.reconnect_after",)
    ),
    Assumption(
        "U-31",
        "answers to a subscription",
        "None is waited for; one that comes is an unknown message.",
        ("feed.SatoriExFeed.awaiting", "pushes.Unknown"),
    ),
    Assumption(
        "U-32",
        "how many markets a socket takes",
        "The first 20 that are wanted; the others are only polled.",
        ("assumptions.MAX_MARKETS", "feed.SatoriExFeed.subscribe"),
    ),
    Assumption(
        "U-33",
        "unsubscribing",
        "Nothing is sent; hints of a market that is no longer wanted are dropped.",
        ("feed.SatoriExFeed.receive",),
    ),
    Assumption(
        "U-34",
        "the outcome in a book's event",
        "`outcome_id`; without it every book of the market is in doubt.",
        ("hints.hints_of",),
    ),
    Assumption(
        "U-35",
        "every field of an event, and the book event's name",
        "Fields are read flat, under `data` or under `payload`, and only hint; a type with `book` in it is a book's.",
        ("assumptions.NESTS", "assumptions.BOOK_WORD", "wire.Fields", "pushes.read_frame", "hints.hints_of"),
    ),
    Assumption(
        "U-36",
        "the statuses of a market",
        "Only 'active' in any case takes orders.",
        ("assumptions.ACTIVE_WORD", "assumptions.ENDED_WORDS", "answers.market"),
    ),
    Assumption(
        "U-37",
        "what rests at settlement",
        "Nothing is concluded; a settlement hints that the market and the funds must be read.",
        ("hints.hints_of",),
    ),
    Assumption(
        "U-38",
        "void markets",
        "A result without a readable winner is left out.",
        ("answers.result",),
    ),
    Assumption(
        "U-39",
        "the form of a moment",
        "RFC 3339, or seconds or milliseconds since 1970; never used for order.",
        ("assumptions.EPOCH_S_BELOW", "assumptions.EPOCH_MS_BELOW", "reports.moment_ns"),
    ),
    Assumption("U-40", "the venue's clock", "Not needed: nothing is signed.", ("rest.SatoriExRest",)),
    Assumption(
        "U-41",
        "who made and who took",
        "Nothing depends on it: either id of a trade hints at an order, and no rebate is counted on.",
        ("hints.hints_of", "venue.SatoriEx.terms"),
    ),
    Assumption(
        "U-42",
        "blocks at the edge",
        "A body that is not JSON leaves the outcome unknown; a read or a login is tried again, with an alarm.",
        ("codes.refusal", "answers.tokens"),
    ),
)
