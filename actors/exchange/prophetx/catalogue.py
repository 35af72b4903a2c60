"""What is traded: competitions, events, markets, strikes, selections."""

import hashlib
from collections.abc import Iterator, Sequence

import attrs

from protocol.ids import BookKey, CompetitionId, EventId, MarketId, OutcomeId, SelectionId, Strike, number
from protocol.money import decimal
from protocol.odds import Odds

MONEYLINE, SPREAD, TOTAL = MarketId(219), MarketId(223), MarketId(225)
FIRST_EVENT = 18756
_TEAMS = {
    CompetitionId(31): ("Carolina Panthers", "Chicago Bears", "Green Bay Packers", "Detroit Lions", "Buffalo Bills"),
    CompetitionId(132): ("Boston Celtics", "Miami Heat", "Denver Nuggets", "Utah Jazz", "Phoenix Suns"),
}
_STRIKES = {CompetitionId(31): (-350, 4450), CompetitionId(132): (-550, 22_150)}  # main spread and total, hundredths
_STEP = 100


@attrs.frozen(kw_only=True)
class Competition:
    competition_id: CompetitionId
    name: str
    sport: str


@attrs.frozen(kw_only=True)
class Selection:
    """One outcome of one strike. `strike` is its own: the away side of a spread has the opposite sign."""

    selection_id: SelectionId
    outcome_id: OutcomeId | None
    name: str
    strike: Strike
    competitor_id: int | None = None


@attrs.frozen(kw_only=True)
class Listing:
    """One book: two selections of one market at one strike, in the venue's order."""

    key: BookKey
    name: str
    selections: tuple[Selection, Selection]
    favourite: bool = False
    row_id: int = 0  # the venue numbers the rows of its strikes, one per selection from here on


@attrs.frozen(kw_only=True)
class Market:
    market_id: MarketId
    name: str
    kind: str
    sub_kind: str
    category: str = "Game Lines"
    listings: tuple[Listing, ...]
    by_strike: bool  # strikes are children of the market, also when there is one
    pre_match_only: bool = False


@attrs.frozen(kw_only=True)
class Event:
    event_id: EventId
    competition: Competition
    home: str
    away: str
    markets: tuple[Market, ...]

    @property
    def name(self) -> str:
        return f"{self.away} at {self.home}"

    def listings(self) -> Iterator[Listing]:
        for market in self.markets:
            yield from market.listings


@attrs.frozen(kw_only=True)
class OpeningOrder:
    """An order of the house that rests when the exchange opens."""

    selection_id: SelectionId
    odds: Odds
    stake_cents: int


@attrs.frozen(kw_only=True)
class Catalogue:
    competitions: tuple[Competition, ...]
    events: tuple[Event, ...]
    opening_orders: tuple[OpeningOrder, ...] = ()


COMPETITIONS = (
    Competition(competition_id=CompetitionId(31), name="NFL", sport="American Football"),
    Competition(competition_id=CompetitionId(132), name="NBA", sport="Basketball"),
)


def built_in(competitions: int, events: int) -> Catalogue:
    """Make the catalogue that needs no file."""
    chosen = COMPETITIONS[: max(1, competitions)]
    return Catalogue(
        competitions=chosen,
        events=tuple(game(EventId(FIRST_EVENT + n), chosen[n % len(chosen)]) for n in range(events)),
    )


def game(event_id: EventId, competition: Competition) -> Event:
    """Make a game with a moneyline, three spreads and three totals. The same id gives the same game."""
    teams = _TEAMS.get(competition.competition_id, _TEAMS[COMPETITIONS[0].competition_id])
    pick = (number(event_id) - FIRST_EVENT) // 2
    home, away = teams[pick % len(teams)], teams[(pick + 1 + pick // len(teams) % (len(teams) - 1)) % len(teams)]
    spread, total = _STRIKES.get(competition.competition_id, _STRIKES[COMPETITIONS[0].competition_id])
    markets = (
        _moneyline(event_id, home, away),
        _spreads(event_id, home, away, [Strike(spread + n * _STEP) for n in (-1, 0, 1)]),
        _totals(event_id, [Strike(total + n * _STEP) for n in (-1, 0, 1)]),
    )
    return Event(event_id=event_id, competition=competition, home=home, away=away, markets=markets)


def selection_id(event_id: EventId, market_id: MarketId, strike: Strike, outcome_id: int) -> SelectionId:
    """Derive 32 hex digits, the same for ever for the same outcome."""
    text = f"{event_id}/{market_id}/{strike}/{outcome_id}"
    return SelectionId(hashlib.blake2b(text.encode(), digest_size=16).hexdigest())


def signed(strike: Strike) -> str:
    """Write a handicap as the venue shows it: `+1.5`."""
    return f"{decimal(strike).normalize():+f}" if strike else "0"


def plain(strike: Strike) -> str:
    return f"{decimal(strike).normalize():f}"


def row_id(selection: SelectionId) -> int:
    """Number a strike's first row. The venue's row ids have nothing to do with its selection ids."""
    return 1_000_000_000 + int(hashlib.blake2b(selection.encode(), digest_size=3).hexdigest(), 16)


def _selection(key: BookKey, outcome_id: int, name: str, strike: Strike, competitor_id: int | None = None) -> Selection:
    return Selection(
        selection_id=selection_id(key.event_id, key.market_id, key.strike, outcome_id),
        outcome_id=OutcomeId(outcome_id),
        name=name,
        strike=strike,
        competitor_id=competitor_id,
    )


def listing(key: BookKey, name: str, selections: Sequence[Selection], favourite: bool) -> Listing:
    first, second = selections
    return Listing(
        key=key, name=name, selections=(first, second), favourite=favourite, row_id=row_id(first.selection_id)
    )


def _moneyline(event_id: EventId, home: str, away: str) -> Market:
    key = BookKey(event_id, MONEYLINE, Strike(0))
    sides = (
        _selection(key, 4, home, Strike(0), 2 * number(event_id)),
        _selection(key, 5, away, Strike(0), 2 * number(event_id) + 1),
    )
    return Market(
        market_id=MONEYLINE,
        name="Moneyline",
        kind="moneyline",
        sub_kind="moneyline",
        listings=(listing(key, "Moneyline", sides, favourite=False),),
        by_strike=False,
    )


def _spreads(event_id: EventId, home: str, away: str, strikes: Sequence[Strike]) -> Market:
    listings = []
    for index, strike in enumerate(strikes):
        key = BookKey(event_id, SPREAD, strike)
        other = Strike(-strike)
        sides = (
            _selection(key, 1714, f"{home} {signed(strike)}", strike, 2 * number(event_id)),
            _selection(key, 1715, f"{away} {signed(other)}", other, 2 * number(event_id) + 1),
        )
        listings.append(listing(key, f"Fixed home {signed(strike)}", sides, favourite=index == len(strikes) // 2))
    return Market(
        market_id=SPREAD, name="Spread", kind="spread", sub_kind="spread", listings=tuple(listings), by_strike=True
    )


def _totals(event_id: EventId, strikes: Sequence[Strike]) -> Market:
    listings = []
    for index, strike in enumerate(strikes):
        key = BookKey(event_id, TOTAL, strike)
        sides = (
            _selection(key, 13, f"under {plain(strike)}", strike),
            _selection(key, 12, f"over {plain(strike)}", strike),
        )
        listings.append(listing(key, f"Fixed total {plain(strike)}", sides, favourite=index == len(strikes) // 2))
    return Market(
        market_id=TOTAL, name="Total Points", kind="total", sub_kind="total", listings=tuple(listings), by_strike=True
    )
