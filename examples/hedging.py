"""Quote on one venue, hedge on the other: two books that the operator knows to be about the same thing."""

import time
from fractions import Fraction

import attrs
import trio

from actors.bot import Pair
from actors.exchange.embedded import OpenProphetX, OpenSatoriEx
from actors.exchange.satoriex.settings import SatoriexSettings
from actors.paper import Paper
from actors.strategy import Desk, Quote, View
from protocol.commands import TimeInForce
from protocol.ids import BookKey
from protocol.prices import size_paying

MARGIN = Fraction(1, 100)
TOLERATED_MICRO = 5_000_000  # five dollars of payout may stay without a hedge


@attrs.frozen
class Hedger:
    """Bid for an outcome where it is quoted, and back its opposite where it is hedged, for the same payout."""

    quoted: BookKey
    hedge: BookKey  # its first selection is the quoted outcome, its second the opposite

    async def __call__(self, desk: Desk) -> None:
        while True:
            for view in await desk.views():
                if view.key == self.quoted:
                    desk.quote(view.key, bids(view))
            if self.quoted in desk.markets and self.hedge in desk.markets:
                self.even_out(desk)

    def even_out(self, desk: Desk) -> None:
        view, ours = desk.view(self.hedge), desk.view(self.quoted)
        first, second = (stakes.matched_micro + stakes.gain_micro for stakes in view.stakes)
        lacking_micro = ours.held * 1_000_000 + first - second
        selection_id = view.selections[1 if lacking_micro > 0 else 0]
        level = view.best(selection_id)
        if abs(lacking_micro) <= TOLERATED_MICRO or level is None or view.orders or not view.live or view.in_play:
            return
        size = min(size_paying(level.price, abs(lacking_micro)), level.takeable)
        desk.place(view.key, selection_id, level.price, size, TimeInForce.FILL_OR_KILL)


def bids(view: View) -> list[Quote]:
    outcome = view.selections[0]
    fair = view.fair(outcome) if view.live else None
    price = view.ladder.paying_at_least(fair - MARGIN) if fair else None
    return [] if price is None else [Quote(selection_id=outcome, price=price, size=20)]


def paper() -> Paper:
    """Set both exchanges up, and pair the first book of one with the first book of the other."""
    venues = (OpenProphetX(), OpenSatoriEx(settings=SatoriexSettings(markets=1)))
    built = Paper(wall_ns=time.time_ns, venues=venues, seed=1)
    hedge, quoted = (next(iter(each.books().items())) for each in built.embedded.values())
    pair = Pair(first=hedge[1][0].selection_id, second=quoted[1][0].selection_id)
    return attrs.evolve(built, strategies={"hedger": Hedger(quoted[0], hedge[0])}, pairs=(pair,))


if __name__ == "__main__":
    print(trio.run(paper().run_on_loopback_for, 8.0).as_text())
